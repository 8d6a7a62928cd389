/* http_get.c - fetches a page through a stack of one's own.
 *
 *   http_get DEVICE ADDRESS/PREFIX SERVER PORT PATH >FILE
 *   http_get afxdp:eth1 10.0.0.2/24 10.0.0.1 80 / */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tapir/socket.h>

static struct tapir_host *host;

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
	struct sockaddr_storage to = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&to;
	struct tapir_netif_config config = { .no_dad = true };  /* nobody else has this address: no waiting */
	struct tapir_device *device;
	static char data[65536];
	int netif, fd, n;

	if (argc != 6)
		return fprintf(stderr, "usage: http_get DEVICE ADDRESS/PREFIX SERVER PORT PATH\n"), 2;
	must("host", tapir_host_new(&host, NULL));
	must("device", tapir_device_open(&device, argv[1]));
	netif = must("interface", tapir_netif_add(host, device, &config));
	must("address", tapir_address_add(host, netif, argv[2]));
	must("runner", tapir_host_start(host));
	to.ss_family = strchr(argv[3], ':') ? AF_INET6 : AF_INET;
	v4->sin_port = htons((uint16_t)atoi(argv[4]));          /* both families have it in one place */
	if (inet_pton(to.ss_family, argv[3], to.ss_family == AF_INET ? (void *)&v4->sin_addr : &v6->sin6_addr) != 1)
		return fprintf(stderr, "%s: no address\n", argv[3]), 2;
	fd = must("socket", tapir_socket(host, to.ss_family, SOCK_STREAM, 0));
	must("connect", tapir_connect(host, fd, (struct sockaddr *)&to, to.ss_family == AF_INET ? sizeof(*v4) : sizeof(*v6)));
	n = snprintf(data, sizeof(data), "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", argv[5], argv[3]);
	must("send", tapir_send(host, fd, data, (size_t)n, 0));
	for (int body = 0; (n = must("recv", tapir_recv(host, fd, data, sizeof(data) - 1, 0))) > 0; body = 1) {
		char *start = data;

		data[n] = '\0';
		if (!body && (start = strstr(data, "\r\n\r\n")) != NULL)  /* the answer's head comes in one piece */
			start += 4;
		fwrite(start, 1, (size_t)(data + n - start), stdout);
	}
	tapir_close(host, fd);
	tapir_host_free(host);
	return 0;
}
