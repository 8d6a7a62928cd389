/* testing.h - hosts on memory devices with a clock that the test moves. */
#ifndef TAPIR_HOST_TESTING_H
#define TAPIR_HOST_TESTING_H

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/check.h"
#include "tapir/host.h"
#include "tapir/socket.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

/* Two hosts and the wire between them. */
struct pair {
	struct tapir_host *a, *b;
	int a_if, b_if;
	uint64_t now;
};

static inline struct tapir_host *host_new(uint64_t seed)
{
	const struct tapir_host_config cfg = { .seed = seed };
	struct tapir_host *h;

	assert_int_equal(tapir_host_new(&h, &cfg), 0);
	return h;
}

/* Lets both do all there is to do now. */
static inline void pair_settle(struct pair *p)
{
	int n;

	do {
		n = tapir_host_poll(p->a, p->now, 0);
		n += tapir_host_poll(p->b, p->now, 0);
	} while (n > 0);
}

/* Moves the clock by ns, stopping at each deadline. */
static inline void pair_run(struct pair *p, uint64_t ns)
{
	const uint64_t until = p->now + ns;

	for (;;) {
		uint64_t a, b;

		pair_settle(p);
		a = tapir_host_deadline(p->a);
		b = tapir_host_deadline(p->b);
		a = a < b ? a : b;
		if (a > until)
			break;
		p->now = a > p->now ? a : p->now;
	}
	p->now = until;
	pair_settle(p);
}

/* 192.0.2.1/24 and .2, 2001:db8::1/64 and ::2. */
static inline void pair_new(struct pair *p, enum tapir_medium medium, uint32_t mtu)
{
	const struct tapir_netif_config cfg = { .name = "wire", .no_dad = true };
	struct tapir_device *dev[2];

	*p = (struct pair){ .now = SECOND, .a = host_new(1), .b = host_new(2) };
	assert_int_equal(tapir_memory_pair(dev, medium, mtu, 0), 0);
	tapir_host_poll(p->a, p->now, 0);
	tapir_host_poll(p->b, p->now, 0);
	p->a_if = tapir_netif_add(p->a, dev[0], &cfg);
	p->b_if = tapir_netif_add(p->b, dev[1], &cfg);
	assert_true(p->a_if > 0 && p->b_if > 0);
	assert_int_equal(tapir_address_add(p->a, p->a_if, "192.0.2.1/24"), 0);
	assert_int_equal(tapir_address_add(p->b, p->b_if, "192.0.2.2/24"), 0);
	assert_int_equal(tapir_address_add(p->a, p->a_if, "2001:db8::1/64"), 0);
	assert_int_equal(tapir_address_add(p->b, p->b_if, "2001:db8::2/64"), 0);
	pair_run(p, 3 * SECOND);
}

static inline void pair_free(struct pair *p)
{
	tapir_host_free(p->a);
	tapir_host_free(p->b);
}

/* A sockaddr of either family from text, good until the next call with the same storage. */
static inline const struct sockaddr *address(struct sockaddr_storage *out, const char *ip, uint16_t port, socklen_t *len)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, ip, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		*len = sizeof(*in);
	} else {
		assert_int_equal(inet_pton(AF_INET6, ip, &in6->sin6_addr), 1);
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		*len = sizeof(*in6);
	}
	return (const struct sockaddr *)out;
}

/* A socket bound to ip and port; port 0 and ip NULL: not bound. */
static inline int bound(struct tapir_host *h, int family, int type, int protocol, const char *ip, uint16_t port)
{
	struct sockaddr_storage a;
	const struct sockaddr *name;
	socklen_t len;
	int fd = tapir_socket(h, family, type, protocol);

	assert_true(fd >= 0);
	if (ip != NULL) {
		name = address(&a, ip, port, &len);
		assert_int_equal(tapir_bind(h, fd, name, len), 0);
	}
	return fd;
}

static inline ssize_t send_to(struct tapir_host *h, int fd, const void *data, size_t n, const char *ip, uint16_t port)
{
	struct sockaddr_storage a;
	socklen_t len;
	const struct sockaddr *name = address(&a, ip, port, &len);

	return tapir_sendto(h, fd, data, n, 0, name, len);
}

#endif
