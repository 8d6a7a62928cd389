/* The afxdp device on a veth pair in a namespace of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/must.h"
#include "capture/device.h"
#include "capture/net_interface.h"
#include "tests/live/veth.h"

#define FRAME_MAX 9100

static struct device *open_vb(const struct device_opts *extra)
{
	struct device_opts opts = *extra;
	struct device *dev = NULL;

	opts.kind = "afxdp";
	opts.name = "vb";
	if (device_open(&dev, &opts) < 0)
		fail_msg("%s", device_error());
	return dev;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Sends frames first..first+n with the given length in all. */
static void send_frames(int fd, uint32_t first, uint32_t n, size_t len)
{
	uint8_t frame[FRAME_MAX];

	for (uint32_t i = 0; i < n; i++) {
		veth_frame(frame, len, first + i);
		assert_int_equal(send(fd, frame, len, 0), len);
	}
}

/* Receives what send_frames sent, byte for byte, waiting at most 2 s for each burst. */
static void expect_frames(struct device *dev, uint32_t first, uint32_t n, size_t len)
{
	struct frame frames[DEVICE_BURST_MAX];
	uint8_t wanted[FRAME_MAX];
	uint64_t last_ns = 0;

	for (uint32_t seen = 0; seen < n;) {
		struct pollfd p = { .fd = device_poll_fd(dev), .events = POLLIN };
		int got = device_recv(dev, frames, DEVICE_BURST_MAX);

		assert_true(got >= 0);
		if (got == 0 && poll(&p, 1, 2000) == 0)
			fail_msg("only %u of %u frames came", seen, n);
		for (int i = 0; i < got; i++) {
			const struct frame *f = &frames[i];

			veth_frame(wanted, len, first + seen++);
			assert_int_equal(f->len, len);
			assert_int_equal(f->wire_len, len);
			assert_int_equal(f->link, LINK_ETHERNET);
			assert_memory_equal(f->data, wanted, len);
			assert_true(f->time_ns >= last_ns);
			assert_in_range(now_ns() - f->time_ns, 0, 5000000000ull);
			last_ns = f->time_ns;
		}
		device_release(dev, frames, (unsigned)got);
	}
}

static uint64_t drops_sum(const struct device_stats *s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < DEVICE_DROPS; i++)
		sum += s->drops[i];
	return sum;
}

static void mode_is(struct device *dev, const char *what)
{
	struct device_info info;

	device_info(dev, &info);
	if (!strstr(info.mode, what))
		fail_msg("\"%s\" isn't in \"%s\" (%s)", what, info.mode, info.reason);
}

static void receives_natively(void **state)
{
	static const size_t lengths[] = { 60, 100, 590, 1514 };
	struct net_interface i;
	struct device_info info;
	struct device_stats s;
	struct device *dev;
	uint32_t sent = 0;
	int fd;

	(void)state;
	assert_true(veth_pair(1500, 1));
	fd = veth_socket("va");
	dev = open_vb(&(struct device_opts){ .promiscuous = true });
	mode_is(dev, "native, copy");
	mode_is(dev, "queue 0 of 1");
	device_info(dev, &info);
	assert_true(info.live && info.up && info.promiscuous && info.peer_offload && info.symmetric);
	assert_int_equal(info.mtu, 1500);
	assert_non_null(strstr(info.reason, "no zero-copy"));
	assert_int_equal(net_interface_query(&i, "vb"), 0);
	assert_true(i.xdp == NET_XDP_NATIVE && i.native_xdp != NET_NO && i.zero_copy != NET_YES);
	for (unsigned round = 0; round < 100; round++)
		for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
			send_frames(fd, sent, 50, lengths[k]);
			expect_frames(dev, sent, 50, lengths[k]);
			sent += 50;
		}
	device_stats(dev, &s);
	assert_int_equal(s.rx_frames, sent);
	assert_int_equal(drops_sum(&s), 0);
	mode_is(dev, "queue 0 of 1");
	device_info(dev, &info);
	assert_null(strstr(info.mode, "per burst"));
	device_close(dev);
	assert_int_equal(net_interface_query(&i, "vb"), 0);
	assert_int_equal(i.xdp, NET_XDP_NONE);
	close(fd);
}

static void tells_frames_apart_in_time(void **state)
{
	struct device *dev;
	struct frame f[2];
	int fd, n = 0;

	(void)state;
	assert_true(veth_pair(1500, 1));
	fd = veth_socket("va");
	dev = open_vb(&(struct device_opts){ 0 });
	send_frames(fd, 0, 1, 60);
	usleep(20000);
	send_frames(fd, 1, 1, 60);
	for (unsigned tries = 0; n < 2 && tries < 100; tries++) {
		int got = device_recv(dev, f + n, (unsigned)(2 - n));
		assert_true(got >= 0);
		n += got;
		usleep(1000);
	}
	assert_int_equal(n, 2);
	/* One burst, but each frame has its own time. */
	assert_in_range(f[1].time_ns - f[0].time_ns, 15000000, 2000000000);
	device_release(dev, f, 2);
	device_close(dev);
	close(fd);
}

static void receives_generically(void **state)
{
	struct device *dev;
	int fd;

	(void)state;
	assert_true(veth_pair(1500, 1));
	fd = veth_socket("va");
	dev = open_vb(&(struct device_opts){ .generic = true });
	mode_is(dev, "generic, copy");
	send_frames(fd, 0, 100, 300);
	expect_frames(dev, 0, 100, 300);
	device_close(dev);
	close(fd);
}

static void receives_jumbo_frames(void **state)
{
	struct device_opts opts = { .kind = "afxdp", .name = "vb" };
	struct device_stats s;
	struct device *dev;
	int fd;

	(void)state;
	assert_true(veth_pair(9000, 1));
	fd = veth_socket("va");
	if (device_open(&dev, &opts) < 0) {
		/* Before Linux 6.6: refused, with what to do. */
		assert_non_null(strstr(device_error(), "multi-buffer"));
		close(fd);
		return;
	}
	mode_is(dev, "native, copy, multi-buffer");
	for (uint32_t i = 0; i < 20; i++) {
		send_frames(fd, i * 40, 20, 9014);
		expect_frames(dev, i * 40, 20, 9014);
		send_frames(fd, i * 40 + 20, 20, 60);
		expect_frames(dev, i * 40 + 20, 20, 60);
	}
	device_stats(dev, &s);
	assert_int_equal(s.rx_frames, 800);
	assert_int_equal(drops_sum(&s), 0);
	assert_int_equal(s.buffers[BUFFER_LARGE].in_use, 0);
	assert_true(s.buffers[BUFFER_LARGE].high > 0);
	device_close(dev);
	close(fd);
}

static void accounts_for_what_it_lost(void **state)
{
	struct frame frames[DEVICE_BURST_MAX];
	struct device_stats s;
	struct device *dev;
	uint64_t received = 0;
	int fd, n, empty = 0;

	(void)state;
	assert_true(veth_pair(1500, 1));
	fd = veth_socket("va");
	dev = open_vb(&(struct device_opts){ .frames_max = 1024 });
	for (uint32_t i = 0; i < 5000; i += 50) {
		send_frames(fd, i, 50, 100);
		usleep(2000);           /* what overflows is to be the fill ring, not veth's own */
	}
	while (empty < 20) {
		n = device_recv(dev, frames, DEVICE_BURST_MAX);
		assert_true(n >= 0);
		received += (unsigned)n;
		device_release(dev, frames, (unsigned)n);
		empty = n ? 0 : empty + 1;
		if (n == 0)
			usleep(1000);
	}
	device_stats(dev, &s);
	assert_int_equal(s.rx_frames, received);
	assert_int_equal(s.drops[DROP_FILL_EMPTY], 5000 - 1024);
	assert_int_equal(received + drops_sum(&s), 5000);
	/* All its memory came back: it receives as before. */
	send_frames(fd, 0, 500, 100);
	expect_frames(dev, 0, 500, 100);
	device_close(dev);
	close(fd);
}

static void filters_in_user_space(void **state)
{
	struct device_stats s;
	struct device *dev;
	int fd;

	(void)state;
	assert_true(veth_pair(1500, 1));
	fd = veth_socket("va");
	dev = open_vb(&(struct device_opts){ .filter = "udp and greater 200", .frames_max = 64 });
	for (uint32_t i = 0; i < 50; i++) {
		send_frames(fd, i * 20, 10, 100);
		send_frames(fd, i * 20 + 10, 10, 300);
		expect_frames(dev, i * 20 + 10, 10, 300);
	}
	device_stats(dev, &s);
	assert_int_equal(s.rx_frames, 500);
	assert_int_equal(drops_sum(&s), s.drops[DROP_FILTER]);
	assert_in_range(s.drops[DROP_FILTER], 490, 500);
	device_close(dev);
	close(fd);
}

static void queues_share_a_program(void **state)
{
	struct device *dev[2];
	struct net_interface i;
	struct frame f;
	unsigned seen = 0;
	int fd;

	(void)state;
	assert_true(veth_pair(1500, 2));
	assert_true(veth_run("ethtool -L vb rx 2 tx 2 2>/dev/null && ethtool -L va rx 2 tx 2 2>/dev/null || true"));
	fd = veth_socket("va");
	dev[0] = open_vb(&(struct device_opts){ .queue = 0 });
	mode_is(dev[0], "queue 0 of 2");
	dev[1] = open_vb(&(struct device_opts){ .queue = 1, .sibling = dev[0] });
	send_frames(fd, 0, 100, 100);
	for (unsigned tries = 0; seen < 100 && tries < 2000; tries++)
		for (unsigned q = 0; q < 2; q++) {
			int n = device_recv(dev[q], &f, 1);
			if (n > 0)
				device_release(dev[q], &f, 1);
			else
				usleep(500);
			seen += (unsigned)n;
		}
	assert_int_equal(seen, 100);
	device_close(dev[0]);
	assert_int_equal(net_interface_query(&i, "vb"), 0);
	assert_int_equal(i.xdp, NET_XDP_NATIVE);
	device_close(dev[1]);
	assert_int_equal(net_interface_query(&i, "vb"), 0);
	assert_int_equal(i.xdp, NET_XDP_NONE);
	close(fd);
}

static void sends(void **state)
{
	static const size_t lengths[] = { 60, 1514, 9014 };
	uint8_t bytes[FRAME_MAX], got[FRAME_MAX];
	struct device_stats s;
	struct device *dev;
	uint32_t number = 0;
	int fd;

	(void)state;
	assert_true(veth_pair(9000, 1));
	fd = veth_socket("va");
	dev = open_vb(&(struct device_opts){ 0 });
	for (unsigned round = 0; round < 200; round++)
		for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
			struct frame f[8];

			for (unsigned i = 0; i < ARRAY_LEN(f); i++)
				f[i] = (struct frame){ .data = bytes, .len = (uint32_t)lengths[k] };
			veth_frame(bytes, lengths[k], ++number);
			assert_int_equal(device_send(dev, f, ARRAY_LEN(f)), ARRAY_LEN(f));
			for (unsigned i = 0; i < ARRAY_LEN(f); i++) {
				assert_int_equal(recv(fd, got, sizeof(got), 0), lengths[k]);
				assert_memory_equal(got, bytes, lengths[k]);
			}
		}
	device_stats(dev, &s);
	assert_int_equal(s.tx_frames, 4800);
	assert_int_equal(drops_sum(&s), 0);
	device_close(dev);
	close(fd);
}

/* A process that is killed leaves nothing behind that keeps the next from working. */
static void survives_sigkill(void **state)
{
	struct net_interface i;
	struct device *dev;
	int fd, ready[2];
	char c;

	(void)state;
	assert_true(veth_pair(1500, 1));
	fd = veth_socket("va");
	for (unsigned round = 0; round < 3; round++) {
		pid_t child;

		assert_int_equal(pipe(ready), 0);
		child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			struct device_opts opts = { .kind = "afxdp", .name = "vb", .promiscuous = true };
			if (device_open(&dev, &opts) < 0)
				_exit(1);
			if (write(ready[1], "r", 1) != 1)
				_exit(1);
			pause();
			_exit(0);
		}
		close(ready[1]);
		assert_int_equal(read(ready[0], &c, 1), 1);
		close(ready[0]);
		assert_int_equal(net_interface_query(&i, "vb"), 0);
		assert_int_equal(i.xdp, NET_XDP_NATIVE);
		kill(child, SIGKILL);
		if (round == 0) {
			/* At once, while it may still be going away. */
			dev = open_vb(&(struct device_opts){ 0 });
			send_frames(fd, 0, 100, 100);
			expect_frames(dev, 0, 100, 100);
			device_close(dev);
		}
		waitpid(child, NULL, 0);
		assert_int_equal(net_interface_query(&i, "vb"), 0);
		assert_int_equal(i.xdp, NET_XDP_NONE);
		assert_false(i.promiscuous);
	}
	close(fd);
}

static void says_why_not(void **state)
{
	struct device_opts opts = { .kind = "afxdp", .name = "vb" };
	struct device *dev = NULL, *second = NULL;
	int status;
	pid_t child;

	(void)state;
	assert_true(veth_pair(1500, 1));
	dev = open_vb(&(struct device_opts){ 0 });
	assert_true(device_open(&second, &opts) < 0);
	assert_non_null(strstr(device_error(), "another tapir that is running"));
	device_close(dev);
	opts.queue = 7;
	assert_true(device_open(&dev, &opts) < 0);
	assert_non_null(strstr(device_error(), "no queue 7"));
	opts.queue = 0;
	opts.name = "nonesuch";
	assert_true(device_open(&dev, &opts) < 0);
	assert_non_null(strstr(device_error(), "no interface \"nonesuch\""));
	assert_true(veth_run("ip link set vb down"));
	opts.name = "vb";
	assert_true(device_open(&dev, &opts) < 0);
	assert_non_null(strstr(device_error(), "is down"));
	assert_true(veth_run("ip link set vb up"));
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		_exit(device_open(&dev, &opts) < 0 && strstr(device_error(), "root") ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void keeps_vlan_tags(void **state)
{
	static const struct device_opts ways[] = { { 0 }, { .generic = true } };
	uint8_t bytes[100], wanted[100];
	struct frame f;
	int fd;

	(void)state;
	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		struct device *dev;
		int n = 0;

		assert_true(veth_pair(1500, 1));
		fd = veth_socket("va");
		dev = open_vb(&ways[w]);
		veth_frame(bytes, sizeof(bytes), 1);
		memcpy(bytes + 12, "\x81\0\x60\x7b\x08\0", 6);
		memcpy(wanted, bytes, sizeof(bytes));
		assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
		for (unsigned tries = 0; n == 0 && tries < 1000; tries++) {
			n = device_recv(dev, &f, 1);
			usleep(1000);
		}
		assert_int_equal(n, 1);
		assert_int_equal(f.len, sizeof(wanted));
		assert_memory_equal(f.data, wanted, sizeof(wanted));
		device_release(dev, &f, 1);
		device_close(dev);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receives_natively),
		cmocka_unit_test(tells_frames_apart_in_time),
		cmocka_unit_test(receives_generically),
		cmocka_unit_test(receives_jumbo_frames),
		cmocka_unit_test(accounts_for_what_it_lost),
		cmocka_unit_test(filters_in_user_space),
		cmocka_unit_test(queues_share_a_program),
		cmocka_unit_test(sends),
		cmocka_unit_test(survives_sigkill),
		cmocka_unit_test(says_why_not),
		cmocka_unit_test(keeps_vlan_tags),
	};

	if (device_kind_find("afxdp") == NULL || !veth_namespace() || !veth_pair(1500, 1)) {
		puts("needs root, a network namespace and the afxdp device: skipped");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
