/* veth.c - ip(8) and packet sockets, in a namespace that ends with the process. */
#include "tests/live/veth.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

bool veth_run(const char *fmt, ...)
{
	char command[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	return system(command) == 0;
}

/* No neighbour discovery: frames that the test didn't send would be counted. */
static void ipv6_off(void)
{
	static const char *const files[] = {
		"/proc/sys/net/ipv6/conf/all/disable_ipv6", "/proc/sys/net/ipv6/conf/default/disable_ipv6",
	};

	for (unsigned i = 0; i < 2; i++) {
		int fd = open(files[i], O_WRONLY | O_CLOEXEC);
		if (fd >= 0) {
			if (write(fd, "1", 1) < 0)
				perror(files[i]);
			close(fd);
		}
	}
}

bool veth_namespace(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		return false;
	ipv6_off();
	return veth_run("ip link set lo up");
}

bool veth_pair(unsigned mtu, unsigned queues)
{
	veth_remove();
	return veth_run("ip link add va mtu %u numrxqueues %u numtxqueues %u type veth "
			"peer name vb mtu %u numrxqueues %u numtxqueues %u && "
			"ip link set va up && ip link set vb up", mtu, queues, queues, mtu, queues, queues);
}

void veth_remove(void)
{
	veth_run("ip link del va 2>/dev/null");
}

int veth_socket(const char *interface)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct timeval wait = { .tv_sec = 2 };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	to.sll_ifindex = (int)if_nametoindex(interface);
	if (fd < 0 || to.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		perror(interface);
		exit(1);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return fd;
}

void veth_frame(uint8_t *frame, size_t len, uint32_t number)
{
	static const uint8_t head[] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0,
		10, 9, 0, 1, 10, 9, 0, 2, 0x30, 0x39, 0, 53, 0, 0, 0, 0,
	};

	memset(frame, (int)number, len);
	memcpy(frame, head, sizeof(head));
	frame[16] = (uint8_t)((len - 14) >> 8);
	frame[17] = (uint8_t)(len - 14);
	frame[38] = (uint8_t)((len - 34) >> 8);
	frame[39] = (uint8_t)(len - 34);
	memcpy(frame + 42, &number, sizeof(number));
}
