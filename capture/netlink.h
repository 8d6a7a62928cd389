/* netlink.h - requests to the kernel and their answers, one at a time. */
#ifndef TAPIR_CAPTURE_NETLINK_H
#define TAPIR_CAPTURE_NETLINK_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

struct netlink {
	int fd;
	size_t len;
	_Alignas(struct nlmsghdr) uint8_t buf[16384];
};

/* protocol: NETLINK_ROUTE, NETLINK_GENERIC. 0 or -errno; fd is -1 then. */
int netlink_open(struct netlink *n, int protocol);
void netlink_close(struct netlink *n);

/* Starts a request; then come the family's header and the attributes. flags: NLM_F_ACK and others. */
void netlink_start(struct netlink *n, uint16_t type, uint16_t flags);
void netlink_start_generic(struct netlink *n, uint16_t family, uint8_t command);
/* The next len bytes of the request, zeroed, to be filled in. */
void *netlink_room(struct netlink *n, size_t len);
void netlink_attr(struct netlink *n, uint16_t type, const void *data, size_t len);
/* An attribute that holds others: from _begin to _end with what that gave. */
size_t netlink_nest_begin(struct netlink *n, uint16_t type);
void netlink_nest_end(struct netlink *n, size_t nest);

/* Sends what was built and reads one answer. 0 or -errno. */
int netlink_ask(struct netlink *n);
/* The value of an attribute in the answer, behind the family's header of that length; NULL where there is none
 * with at least that many bytes. */
const void *netlink_answer_attr(const struct netlink *n, size_t header, uint16_t type, size_t value_len);
/* The same among the attributes in p[0..len). */
const void *netlink_attr_find(const uint8_t *p, size_t len, uint16_t type, size_t value_len);

#endif
