/* echo_server.c - sends back what TCP clients say, any number of them at once, in one thread:
 *   echo_server DEVICE ADDRESS/PREFIX PORT */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tapir/socket.h>

static int must(const char *what, long result)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror((int)-result));
		exit(1);
	}
	return (int)result;
}

static void echo(struct tapir_host *h, int fd)
{
	char data[16384];
	ssize_t n = tapir_recv(h, fd, data, sizeof(data), 0);

	for (ssize_t sent = 0, k; sent < n; sent += k)
		if ((k = tapir_send(h, fd, data + sent, (size_t)(n - sent), 0)) < 0)
			n = k;
	if (n <= 0)
		tapir_close(h, fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	struct epoll_event event = { .events = EPOLLIN };
	struct tapir_device *device;
	struct tapir_host *h;
	int fd, ep;

	if (argc != 4)
		return fprintf(stderr, "usage: echo_server DEVICE ADDRESS/PREFIX PORT\n"), 2;
	must("host", tapir_host_new(&h, NULL));
	must("device", tapir_device_open(&device, argv[1]));
	must("address", tapir_address_add(h, must("interface", tapir_netif_add(h, device, NULL)), argv[2]));
	must("runner", tapir_host_start(h));
	any.sin6_port = htons((uint16_t)atoi(argv[3]));
	event.data.fd = fd = must("socket", tapir_socket(h, AF_INET6, SOCK_STREAM, 0));
	must("bind", tapir_bind(h, fd, (struct sockaddr *)&any, sizeof(any)));
	must("listen", tapir_listen(h, fd, 1024));
	ep = must("epoll", tapir_epoll_create(h));
	must("epoll", tapir_epoll_ctl(h, ep, EPOLL_CTL_ADD, fd, &event));
	while (must("wait", tapir_epoll_wait(h, ep, &event, 1, -1)) == 1) {
		struct epoll_event client = { .events = EPOLLIN };

		if (event.data.fd != fd)
			echo(h, event.data.fd);
		else if ((client.data.fd = tapir_accept(h, fd, NULL, NULL)) >= 0)
			must("epoll", tapir_epoll_ctl(h, ep, EPOLL_CTL_ADD, client.data.fd, &client));
	}
}
