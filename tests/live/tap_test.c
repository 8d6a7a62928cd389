/* The tap device: the kernel on one side, this test on the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/device.h"
#include "capture/net_interface.h"
#include "tests/live/veth.h"

/* The next frame that is an IPv4 packet; the kernel may have others to send. */
static void next_ipv4(struct device *dev, struct frame *f)
{
	struct pollfd p = { .fd = device_poll_fd(dev), .events = POLLIN };

	for (unsigned tries = 0; tries < 50; tries++) {
		int n = device_recv(dev, f, 1);

		assert_true(n >= 0);
		if (n == 1 && f->len > 20 && f->data[0] >> 4 == 4)
			return;
		if (n == 1)
			device_release(dev, f, 1);
		else
			poll(&p, 1, 100);
	}
	fail_msg("no packet came");
}

/* A datagram goes out through the kernel's stack, comes back with addresses and ports swapped. */
static void talks_with_the_kernel(void **state)
{
	struct device_opts opts = { .kind = "tap", .name = "tt0", .link = LINK_RAW };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(7) };
	struct net_interface i;
	struct device_info info;
	struct device *dev;
	char text[16];
	struct frame f;
	int fd;

	(void)state;
	if (device_open(&dev, &opts) < 0)
		fail_msg("%s", device_error());
	device_info(dev, &info);
	assert_string_equal(info.name, "tt0");
	assert_string_equal(info.mode, "tun");
	assert_true(info.live && info.up && !info.peer_offload);
	assert_true(veth_run("ip addr add 10.8.0.1/24 dev tt0"));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	inet_pton(AF_INET, "10.8.0.2", &to.sin_addr);
	assert_int_equal(sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
	next_ipv4(dev, &f);
	assert_int_equal(f.len, 20 + 8 + 5);
	assert_memory_equal(f.data + 28, "hello", 5);
	/* Swapping keeps both checksums right. */
	for (unsigned k = 0; k < 4; k++) {
		uint8_t b = f.data[12 + k];
		f.data[12 + k] = f.data[16 + k];
		f.data[16 + k] = b;
	}
	for (unsigned k = 0; k < 2; k++) {
		uint8_t b = f.data[20 + k];
		f.data[20 + k] = f.data[22 + k];
		f.data[22 + k] = b;
	}
	assert_int_equal(device_send(dev, &f, 1), 1);
	device_release(dev, &f, 1);
	assert_int_equal(recv(fd, text, sizeof(text), 0), 5);
	close(fd);
	device_close(dev);
	assert_int_equal(net_interface_query(&i, "tt0"), -ENODEV);
}

static void says_why_not(void **state)
{
	static const struct {
		struct device_opts opts;
		const char *says;
	} rows[] = {
		{ { .kind = "tap", .name = "lo" }, "another kind" },
		{ { .kind = "tap", .mtu = 10 }, "an MTU of 10" },
		{ { .kind = "tap", .link = LINK_SLL }, "not link type 113" },
	};
	struct device *dev;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(device_open(&dev, &rows[i].opts) < 0);
		if (!strstr(device_error(), rows[i].says))
			fail_msg("\"%s\" isn't in \"%s\"", rows[i].says, device_error());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(talks_with_the_kernel),
		cmocka_unit_test(says_why_not),
	};
	struct stat st;

	if (stat("/dev/net/tun", &st) < 0 || !veth_namespace()) {
		puts("needs root, a network namespace and /dev/net/tun: skipped");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
