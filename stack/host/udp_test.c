/* udp_test.c - datagrams between two hosts, through the public calls alone. */
#include <errno.h>

#include "stack/host/testing.h"

static void exchange(struct pair *p, int family, const char *server, const char *client)
{
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from), len;
	struct sockaddr_storage want;
	uint8_t got[64];
	int s = bound(p->b, family, SOCK_DGRAM, 0, server, 5000), c;

	c = tapir_socket(p->a, family, SOCK_DGRAM, 0);
	assert_int_equal(send_to(p->a, c, "hello", 5, server, 5000), 5);
	pair_run(p, SECOND);
	assert_int_equal(tapir_recvfrom(p->b, s, got, sizeof(got), 0, (struct sockaddr *)&from, &from_len), 5);
	assert_memory_equal(got, "hello", 5);
	address(&want, client, 0, &len);
	assert_int_equal(from_len, len);
	assert_int_equal(((struct sockaddr *)&from)->sa_family, family);
	assert_int_equal(tapir_sendto(p->b, s, "world!", 6, 0, (struct sockaddr *)&from, from_len), 6);
	pair_run(p, SECOND);
	assert_int_equal(tapir_recv(p->a, c, got, sizeof(got), 0), 6);
	assert_int_equal(tapir_recv(p->a, c, got, sizeof(got), 0), -EAGAIN);
	tapir_close(p->a, c);
	tapir_close(p->b, s);
}

static void test_exchange(void **state)
{
	static const enum tapir_medium media[] = { TAPIR_MEDIUM_ETHERNET, TAPIR_MEDIUM_IP };
	struct pair p;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		pair_new(&p, media[i], 1500);
		exchange(&p, AF_INET, "192.0.2.2", "192.0.2.1");
		pair_free(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
