/* The pcap device, live, on a veth pair in a namespace of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/must.h"
#include "capture/device.h"
#include "capture/net_interface.h"
#include "tests/live/veth.h"

#define FRAME_MAX 9100

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void receives_what_was_sent(void **state)
{
	static const struct device_opts ways[] = {
		{ .kind = "pcap", .name = "vb", .promiscuous = true },
		{ .kind = "pcap", .name = "vb", .immediate = true, .filter = "udp port 53" },
	};
	static const size_t lengths[] = { 60, 1514, 9014 };
	struct frame frames[DEVICE_BURST_MAX];
	uint8_t bytes[FRAME_MAX];
	struct device_info info;
	struct device_stats s;
	struct device *dev;
	int fd;

	(void)state;
	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		uint32_t number = 0, seen = 0;

		assert_true(veth_pair(9000, 1));
		if (device_open(&dev, &ways[w]) < 0)
			fail_msg("%s", device_error());
		fd = veth_socket("va");
		for (unsigned round = 0; round < 20; round++) {
			for (unsigned i = 0; i < 30; i++) {
				veth_frame(bytes, lengths[number % 3], number);
				assert_int_equal(send(fd, bytes, lengths[number % 3], 0), lengths[number % 3]);
				number++;
			}
			while (seen < number) {
				struct pollfd p = { .fd = device_poll_fd(dev), .events = POLLIN };
				int n = device_recv(dev, frames, DEVICE_BURST_MAX);

				assert_true(n >= 0);
				if (n == 0)
					assert_int_equal(poll(&p, 1, 2000), 1);
				for (int i = 0; i < n; i++, seen++) {
					const struct frame *f = &frames[i];

					veth_frame(bytes, lengths[seen % 3], seen);
					assert_int_equal(f->len, lengths[seen % 3]);
					assert_memory_equal(f->data, bytes, f->len);
					assert_int_equal(f->number, seen + 1);
					assert_in_range(now_ns() - f->time_ns, 0, 5000000000ull);
				}
				device_release(dev, frames, (unsigned)n);
			}
		}
		device_stats(dev, &s);
		assert_int_equal(s.rx_frames, number);
		for (unsigned i = 0; i < DEVICE_DROPS; i++)
			assert_int_equal(s.drops[i], 0);
		for (unsigned i = 0; i < BUFFER_TIERS; i++)
			assert_int_equal(s.buffers[i].in_use, 0);
		device_info(dev, &info);
		assert_true(info.live && info.up && info.peer_offload);
		assert_int_equal(info.link, LINK_ETHERNET);
		device_close(dev);
		close(fd);
	}
}

static void sends(void **state)
{
	struct device_opts opts = { .kind = "pcap", .name = "vb" };
	uint8_t bytes[200], got[FRAME_MAX];
	struct frame f = { .data = bytes, .len = sizeof(bytes) };
	struct device *dev;
	int fd;

	(void)state;
	assert_true(veth_pair(1500, 1));
	fd = veth_socket("va");
	assert_int_equal(device_open(&dev, &opts), 0);
	veth_frame(bytes, sizeof(bytes), 9);
	assert_int_equal(device_send(dev, &f, 1), 1);
	assert_int_equal(recv(fd, got, sizeof(got), 0), sizeof(bytes));
	assert_memory_equal(got, bytes, sizeof(bytes));
	device_close(dev);
	close(fd);
}

static void says_why_not(void **state)
{
	static const struct {
		struct device_opts opts;
		const char *says;
	} rows[] = {
		{ { .kind = "pcap", .name = "nonesuch" }, "no interface nonesuch" },
		{ { .kind = "pcap", .name = "vb", .filter = "port port" }, "filter \"port port\"" },
		{ { .kind = "pcap" }, "needs the name" },
	};
	struct device *dev;

	(void)state;
	assert_true(veth_pair(1500, 1));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(device_open(&dev, &rows[i].opts) < 0);
		if (!strstr(device_error(), rows[i].says))
			fail_msg("\"%s\" isn't in \"%s\"", rows[i].says, device_error());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receives_what_was_sent),
		cmocka_unit_test(sends),
		cmocka_unit_test(says_why_not),
	};

	if (!veth_namespace() || !veth_pair(1500, 1)) {
		puts("needs root and a network namespace: skipped");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
