/* time_server.c - answers each UDP datagram with the time of day, as text.
 *
 *   time_server DEVICE ADDRESS/PREFIX PORT */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tapir/socket.h>

static int must(const char *what, long result)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror((int)-result));
		exit(1);
	}
	return (int)result;
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 }, from;
	struct tapir_device *device;
	struct tapir_host *h;
	char data[64];
	int netif, fd;

	if (argc != 4)
		return fprintf(stderr, "usage: time_server DEVICE ADDRESS/PREFIX PORT\n"), 2;
	must("host", tapir_host_new(&h, NULL));
	must("device", tapir_device_open(&device, argv[1]));
	netif = must("interface", tapir_netif_add(h, device, NULL));
	must("address", tapir_address_add(h, netif, argv[2]));
	must("runner", tapir_host_start(h));
	any.sin6_port = htons((uint16_t)atoi(argv[3]));
	fd = must("socket", tapir_socket(h, AF_INET6, SOCK_DGRAM, 0));
	must("bind", tapir_bind(h, fd, (struct sockaddr *)&any, sizeof(any)));
	for (;;) {
		socklen_t len = sizeof(from);
		time_t now;

		must("recv", tapir_recvfrom(h, fd, data, sizeof(data), 0, (struct sockaddr *)&from, &len));
		now = time(NULL);
		strftime(data, sizeof(data), "%FT%TZ\n", gmtime(&now));
		tapir_sendto(h, fd, data, strlen(data), 0, (struct sockaddr *)&from, len);
	}
}
