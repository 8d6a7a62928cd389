/* ping_raw.c - an ICMP echo request from a raw socket, and the answer.
 *
 *   ping_raw DEVICE ADDRESS/PREFIX TARGET */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

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
	struct icmphdr request = { .type = ICMP_ECHO, .un.echo = { htons(7), htons(1) } };
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct timeval patience = { .tv_sec = 3 };
	struct tapir_device *device;
	struct tapir_host *h;
	unsigned char packet[1500];
	int netif, fd, n;

	if (argc != 4 || inet_pton(AF_INET, argv[3], &to.sin_addr) != 1)
		return fprintf(stderr, "usage: ping_raw DEVICE ADDRESS/PREFIX TARGET\n"), 2;
	must("host", tapir_host_new(&h, NULL));
	must("device", tapir_device_open(&device, argv[1]));
	netif = must("interface", tapir_netif_add(h, device, NULL));
	must("address", tapir_address_add(h, netif, argv[2]));
	must("runner", tapir_host_start(h));
	fd = must("socket", tapir_socket(h, AF_INET, SOCK_RAW, IPPROTO_ICMP));
	must("option", tapir_setsockopt(h, fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)));
	/* The sum of its 16-bit words: only the type, the identifier and the number aren't zero. */
	request.checksum = htons((uint16_t)~(ICMP_ECHO << 8 | 0) - 7 - 1);
	must("send", tapir_sendto(h, fd, &request, sizeof(request), 0, (struct sockaddr *)&to, sizeof(to)));
	while ((n = must("no answer", tapir_recv(h, fd, packet, sizeof(packet), 0))) >= 28) {
		const struct iphdr *ip = (const struct iphdr *)packet;
		const struct icmphdr *icmp = (const struct icmphdr *)(packet + ip->ihl * 4);

		if (icmp->type == ICMP_ECHOREPLY && icmp->un.echo.id == request.un.echo.id)
			break;
	}
	printf("%d bytes from %s: ttl=%d\n", n - 20, argv[3], ((struct iphdr *)packet)->ttl);
	tapir_host_free(h);
}
