/* The afxdp device on an interface that the kernel uses: a TCP conversation with another
 * namespace goes on undisturbed, and is seen whole, as it was on the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/reader.h"
#include "capture/device.h"
#include "capture/net_interface.h"
#include "tests/live/veth.h"

#define REQUEST_LEN 5000u
#define ANSWER_LEN 300000u

/* A process in a namespace of its own that holds vb, and answers each connection to port 80. */
static pid_t server_start(void)
{
	int ready[2], go[2];
	char c;
	pid_t child;

	assert_int_equal(pipe(ready) | pipe(go), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(80) };
		static char answer[ANSWER_LEN];
		int listener, fd, one = 1;

		if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "r", 1) != 1 || read(go[0], &c, 1) != 1 ||
		    !veth_run("ip link set lo up; ip addr add 10.9.0.2/24 dev vb && ip link set vb up"))
			_exit(1);
		listener = socket(AF_INET, SOCK_STREAM, 0);
		setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 5) < 0 ||
		    write(ready[1], "r", 1) != 1)
			_exit(1);
		while ((fd = accept(listener, NULL, NULL)) >= 0) {
			size_t got = 0;
			ssize_t n;

			while (got < REQUEST_LEN && (n = read(fd, answer, sizeof(answer))) > 0)
				got += (size_t)n;
			for (size_t at_byte = 0; at_byte < ANSWER_LEN; at_byte += (size_t)n)
				if ((n = write(fd, answer + at_byte, ANSWER_LEN - at_byte)) <= 0)
					_exit(1);
			close(fd);
		}
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_true(veth_pair(1500, 1));
	assert_true(veth_run("ip addr add 10.9.0.1/24 dev va && ip link set vb netns %d", child));
	assert_int_equal(write(go[1], "g", 1), 1);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	close(go[0]);
	close(go[1]);
	return child;
}

static void server_stop(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* One request and its answer, over the kernel's own TCP. */
static void converse(const char *address)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80) };
	struct timeval wait = { .tv_sec = 5 };
	static char bytes[ANSWER_LEN];
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t got = 0;
	ssize_t n;

	inet_pton(AF_INET, address, &to.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(write(fd, bytes, REQUEST_LEN), REQUEST_LEN);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		got += (size_t)n;
	assert_int_equal(got, ANSWER_LEN);
	close(fd);
}

struct seen {
	uint32_t bytes_to_server, bytes_from_server;
	uint32_t wrong_checksums, too_long, syns, fins;
};

static uint32_t sum16(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += load_be16(p + i);
	if (len % 2)
		sum += (uint32_t)p[len - 1] << 8;
	return sum;
}

static void look_at(const struct frame *f, struct seen *s)
{
	const uint8_t *ip = f->data + 14, *tcp;
	uint32_t ip_len, head, sum;

	if (f->len < 54 || load_be16(f->data + 12) != 0x0800 || ip[9] != IPPROTO_TCP)
		return;
	ip_len = load_be16(ip + 2);
	head = (ip[0] & 15u) * 4;
	tcp = ip + head;
	sum = sum16(ip + 12, 8, IPPROTO_TCP + ip_len - head);
	sum = sum16(tcp, ip_len - head, sum);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	s->wrong_checksums += sum != 0xffff;
	s->too_long += f->len > 1514;
	s->syns += (tcp[13] & 2) != 0;
	s->fins += (tcp[13] & 1) != 0;
	*(load_be16(tcp + 2) == 80 ? &s->bytes_to_server : &s->bytes_from_server) +=
		ip_len - head - (uint32_t)(tcp[12] >> 4) * 4;
}

/* Takes what came, until nothing more has for a while. */
static void collect(struct device *dev, struct seen *s)
{
	struct pollfd p = { .fd = device_poll_fd(dev), .events = POLLIN };
	struct frame frames[DEVICE_BURST_MAX];

	while (poll(&p, 1, 300) > 0) {
		int n = device_recv(dev, frames, DEVICE_BURST_MAX);

		assert_true(n >= 0);
		for (int i = 0; i < n; i++)
			look_at(&frames[i], s);
		device_release(dev, frames, (unsigned)n);
	}
}

static struct device *open_mirrored(const char *name)
{
	/* Generic mode can't be had there, and isn't given. */
	struct device_opts opts = { .kind = "afxdp", .name = name, .promiscuous = true, .generic = true };
	struct device_info info;
	struct device *dev = NULL;

	if (device_open(&dev, &opts) < 0)
		fail_msg("%s", device_error());
	device_info(dev, &info);
	if (!strstr(info.mode, "mirrored, native, copy"))
		fail_msg("mode \"%s\" (%s)", info.mode, info.reason);
	assert_false(info.peer_offload);
	assert_string_equal(info.name, name);
	return dev;
}

static void sees_both_directions(void **state)
{
	struct net_interface i;
	struct device_stats stats;
	struct device *dev;
	pid_t server = server_start();

	(void)state;
	converse("10.9.0.2");
	dev = open_mirrored("va");
	for (unsigned round = 0; round < 5; round++) {
		struct seen s = { 0 };

		converse("10.9.0.2");
		collect(dev, &s);
		device_stats(dev, &stats);
		if (stats.drops[DROP_INTERFACE] == 0) {
			assert_int_equal(s.bytes_to_server, REQUEST_LEN);
			assert_int_equal(s.bytes_from_server, ANSWER_LEN);
		}
		assert_int_equal(s.wrong_checksums, 0);
		assert_int_equal(s.too_long, 0);
		assert_int_equal(s.syns, 2);
		assert_true(s.fins >= 2);
	}
	if (stats.drops[DROP_INTERFACE])
		printf("%u frames were lost on the veth pair\n", (unsigned)stats.drops[DROP_INTERFACE]);
	assert_int_equal(net_interface_query(&i, "tapir0"), 0);
	device_close(dev);
	assert_int_equal(net_interface_query(&i, "tapir0"), -ENODEV);
	assert_int_equal(net_interface_query(&i, "va"), 0);
	assert_true(i.xdp == NET_XDP_NONE && !i.promiscuous);
	converse("10.9.0.2");
	server_stop(server);
}

/* Frames sent go out on the interface, and are seen going. */
static void sends(void **state)
{
	struct device *dev;
	uint8_t bytes[100], got[200];
	struct frame f = { .data = bytes, .len = sizeof(bytes) }, back;
	int fd, n = 0;

	(void)state;
	assert_true(veth_pair(1500, 1));
	assert_true(veth_run("ip addr add 10.9.0.1/24 dev va"));
	fd = veth_socket("vb");
	dev = open_mirrored("va");
	veth_frame(bytes, sizeof(bytes), 3);
	assert_int_equal(device_send(dev, &f, 1), 1);
	assert_int_equal(recv(fd, got, sizeof(got), 0), sizeof(bytes));
	assert_memory_equal(got, bytes, sizeof(bytes));
	for (unsigned tries = 0; n == 0 && tries < 1000; tries++) {
		n = device_recv(dev, &back, 1);
		usleep(1000);
	}
	assert_int_equal(n, 1);
	assert_int_equal(back.len, sizeof(bytes));
	assert_memory_equal(back.data, bytes, sizeof(bytes));
	device_release(dev, &back, 1);
	device_close(dev);
	close(fd);
}

static void leaves_nothing_behind(void **state)
{
	struct net_interface i;
	pid_t server = server_start(), child;
	unsigned tries;
	int ready[2];
	char c;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct device_opts opts = { .kind = "afxdp", .name = "va", .promiscuous = true };
		struct device *dev;

		if (device_open(&dev, &opts) < 0 || write(ready[1], "r", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(net_interface_query(&i, "tapir0"), 0);
	converse("10.9.0.2");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	/* The kernel takes a namespace apart in the background. */
	for (tries = 0; tries < 500 && net_interface_query(&i, "tapir0") == 0; tries++)
		usleep(10000);
	assert_int_equal(net_interface_query(&i, "tapir0"), -ENODEV);
	converse("10.9.0.2");
	close(ready[0]);
	close(ready[1]);
	server_stop(server);
}

static void watches_the_loopback(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(9999) };
	struct device *dev = open_mirrored("lo");
	struct frame f;
	unsigned seen = 0;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), n;

	(void)state;
	inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(sendto(fd, "hello", 5, 0, (struct sockaddr *)&at, sizeof(at)), 5);
	for (unsigned tries = 0; tries < 100; tries++) {
		while ((n = device_recv(dev, &f, 1)) == 1) {
			seen += f.len == 14 + 20 + 8 + 5 && memcmp(f.data + 42, "hello", 5) == 0;
			device_release(dev, &f, 1);
		}
		usleep(2000);
	}
	/* Once each, though a loopback sends and receives them. */
	assert_int_equal(seen, 10);
	device_close(dev);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sees_both_directions),
		cmocka_unit_test(sends),
		cmocka_unit_test(leaves_nothing_behind),
		cmocka_unit_test(watches_the_loopback),
	};

	if (device_kind_find("afxdp") == NULL || !veth_namespace() || !veth_pair(1500, 1)) {
		puts("needs root, a network namespace and the afxdp device: skipped");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
