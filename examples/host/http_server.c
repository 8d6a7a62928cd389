/* http_server.c - serves one file to whoever asks, one after the other: http_server afxdp:eth1 10.0.0.2/24 80 FILE */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "tapir/socket.h"

static struct tapir_host *host_open(const char *device, const char *address)
{
	struct tapir_host *h;
	struct tapir_device *dev;
	int netif;

	if (tapir_host_new(&h, NULL) < 0 || tapir_host_start(h) < 0)
		exit(1);
	if (tapir_device_open(&dev, device) < 0) {
		fprintf(stderr, "%s\n", tapir_device_error());
		exit(1);
	}
	netif = tapir_netif_add(h, dev, &(struct tapir_netif_config){ .no_dad = true });
	if (netif < 0 || tapir_address_add(h, netif, address) < 0)
		exit(1);
	return h;
}

static void serve(struct tapir_host *h, int fd, FILE *file)
{
	static const char head[] = "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n";
	struct linger linger = { .l_onoff = 1, .l_linger = 10 };
	static char data[1 << 16];
	size_t n;

	rewind(file);
	if (tapir_recv(h, fd, data, sizeof(data), 0) > 0 && tapir_send(h, fd, head, sizeof(head) - 1, MSG_MORE) > 0) {
		while ((n = fread(data, 1, sizeof(data), file)) > 0 && tapir_send(h, fd, data, n, 0) == (ssize_t)n)
			;
	}
	tapir_setsockopt(h, fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	tapir_close(h, fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	FILE *file = argc == 5 ? fopen(argv[4], "rb") : NULL;
	struct tapir_host *h;
	int fd, one;

	if (file == NULL)
		return 2;
	h = host_open(argv[1], argv[2]);
	any.sin6_port = htons((uint16_t)atoi(argv[3]));
	fd = tapir_socket(h, AF_INET6, SOCK_STREAM, 0);
	if (tapir_bind(h, fd, (struct sockaddr *)&any, sizeof(any)) < 0 || tapir_listen(h, fd, 128) < 0)
		return 1;
	while ((one = tapir_accept(h, fd, NULL, NULL)) >= 0)
		serve(h, one, file);
	return 1;
}
