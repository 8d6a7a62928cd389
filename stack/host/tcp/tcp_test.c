/* tcp_test.c - two hosts with a perfect wire between them: connections from the first segment to the last. */
#include <errno.h>

#include "stack/host/testing.h"

static int listener(struct tapir_host *h, int family, const char *ip, uint16_t port, int backlog)
{
	const int fd = bound(h, family, SOCK_STREAM, 0, ip, port);

	assert_int_equal(tapir_listen(h, fd, backlog), 0);
	return fd;
}

static int connecting(struct tapir_host *h, const char *ip, uint16_t port)
{
	struct sockaddr_storage a;
	socklen_t len;
	const struct sockaddr *name = address(&a, ip, port, &len);
	const int fd = tapir_socket(h, name->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(tapir_connect(h, fd, name, len), -EINPROGRESS);
	return fd;
}

static uint32_t ready(struct tapir_host *h, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP };

	tapir_poll(h, &p, 1, 0);
	return (uint32_t)p.revents;
}

static void connected(struct pair *p, const char *ip, int *client, int *server)
{
	const int l = listener(p->b, strchr(ip, ':') ? AF_INET6 : AF_INET, ip, 80, 8);

	*client = connecting(p->a, ip, 80);
	pair_run(p, 10 * MS);
	assert_true(ready(p->a, *client) & POLLOUT);
	*server = tapir_accept(p->b, l, NULL, NULL);
	assert_true(*server >= 0);
	assert_int_equal(tapir_close(p->b, l), 0);
}

static void test_exchange(const char *ip)
{
	struct pair p;
	int c, s;
	char buf[64];

	pair_new(&p, TAPIR_MEDIUM_ETHERNET, 1500);
	connected(&p, ip, &c, &s);
	assert_int_equal(tapir_send(p.a, c, "hello", 5, 0), 5);
	pair_run(&p, MS);
	assert_int_equal(tapir_recv(p.b, s, buf, sizeof(buf), 0), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(tapir_recv(p.b, s, buf, sizeof(buf), 0), -EAGAIN);
	assert_int_equal(tapir_shutdown(p.a, c, SHUT_WR), 0);
	pair_run(&p, 100 * MS);
	assert_int_equal(tapir_recv(p.b, s, buf, sizeof(buf), 0), 0);
	assert_int_equal(tapir_send(p.b, s, "bye", 3, 0), 3);
	assert_int_equal(tapir_close(p.b, s), 0);
	pair_run(&p, 100 * MS);
	assert_int_equal(tapir_recv(p.a, c, buf, sizeof(buf), 0), 3);
	assert_int_equal(tapir_recv(p.a, c, buf, sizeof(buf), 0), 0);
	assert_int_equal(tapir_close(p.a, c), 0);
	pair_run(&p, 130 * SECOND);
	assert_true(tapir_host_deadline(p.a) > p.now);
	pair_free(&p);
}

static void test_exchange4(void **state)
{
	(void)state;
	test_exchange("192.0.2.2");
}

static void test_exchange6(void **state)
{
	(void)state;
	test_exchange("2001:db8::2");
}

static void test_bulk(void **state)
{
	static uint8_t block[65536], got[65536];
	const size_t total = 20 << 20;
	size_t sent = 0, received = 0;
	struct pair p;
	int c, s;

	(void)state;
	pair_new(&p, TAPIR_MEDIUM_ETHERNET, 1500);
	connected(&p, "192.0.2.2", &c, &s);
	while (received < total) {
		ssize_t n = 0;

		if (sent < total) {
			for (size_t i = 0; i < sizeof(block); i++)
				block[i] = (uint8_t)((sent + i) * 31 >> 3);
			n = tapir_send(p.a, c, block, sizeof(block) < total - sent ? sizeof(block) : total - sent, 0);
			assert_true(n > 0 || n == -EAGAIN);
			sent += n > 0 ? (size_t)n : 0;
		}
		pair_run(&p, MS / 10);
		while ((n = tapir_recv(p.b, s, got, sizeof(got), 0)) > 0)
			for (ssize_t i = 0; i < n; i++, received++)
				assert_int_equal(got[i], (uint8_t)(received * 31 >> 3));
		assert_int_equal(n, -EAGAIN);
	}
	assert_int_equal(tapir_counter(p.a, "tcp.retransmits"), 0);
	pair_free(&p);
}

static void test_refused(void **state)
{
	struct pair p;
	int c, error;
	socklen_t len = sizeof(error);

	(void)state;
	pair_new(&p, TAPIR_MEDIUM_ETHERNET, 1500);
	c = connecting(p.a, "192.0.2.2", 81);
	pair_run(&p, 10 * MS);
	assert_true(ready(p.a, c) & POLLERR);
	assert_int_equal(tapir_getsockopt(p.a, c, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	assert_int_equal(error, ECONNREFUSED);
	pair_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange4),
		cmocka_unit_test(test_exchange6),
		cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
