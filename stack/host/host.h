/* host.h - the instance and what its parts share: time, memory, buffers, timers, protocols.
 *
 * Nothing here asks a clock or starts a thread: h->now_ns is the time, set on the way in.
 * Every public call runs between host_enter and host_leave, which sends what was queued.
 *
 * Memory for tables and sockets comes from host_alloc (the `host` budget), for packets
 * from pbuf_get (three tiers of buffers). Both may say no: then the operation at hand
 * fails, is counted, and nothing else suffers. */
#ifndef TAPIR_HOST_HOST_H
#define TAPIR_HOST_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/hash.h"
#include "base/must.h"
#include "base/reader.h"
#include "base/slice.h"
#include "base/writer.h"
#include "capture/frame_pool.h"
#include "stack/wire/ip.h"
#include "stack/wire/packet.h"
#include "tapir/host.h"

#define NS_PER_US ((uint64_t)1000)
#define NS_PER_MS ((uint64_t)1000000)
#define NS_PER_S ((uint64_t)1000000000)
#define NEVER UINT64_MAX

struct host_protocol;
struct netif;
struct socket;

/* ---- timers: exact to the nanosecond, armed and moved without allocation (timer.c) ---- */

struct host_timer {
	struct host_timer *child, *next, *prev; /* a pairing heap; prev: elder sibling or parent */
	uint64_t key;                   /* where it stands in the heap; due may be later */
	uint64_t due;                   /* NEVER = not armed */
	void (*fire)(struct tapir_host *h, struct host_timer *t);       /* disarmed when called */
};

static inline void host_timer_init(struct host_timer *t,
				   void (*fire)(struct tapir_host *h, struct host_timer *t))
{
	*t = (struct host_timer){ .due = NEVER, .fire = fire };
}

/* Arms or moves. A time that is past fires in this poll or the next. */
void host_timer_arm(struct tapir_host *h, struct host_timer *t, uint64_t due_ns);
void host_timer_cancel(struct tapir_host *h, struct host_timer *t);
static inline bool host_timer_armed(const struct host_timer *t)
{
	return t->due != NEVER;
}

/* ---- memory ---- */

/* size > 0 bytes, zeroed; NULL where the budget is spent. */
void *host_alloc(struct tapir_host *h, size_t size);
/* p may be NULL. */
void host_free(struct tapir_host *h, void *p, size_t size);
/* Keeps the first bytes; NULL and nothing changed where there is no room. */
void *host_realloc(struct tapir_host *h, void *p, size_t old_size, size_t size);

/* ---- packet buffers (pbuf.c) ---- */

/* Room in front of L4: Ethernet with a tag, IPv6 with a fragment header, or IPv4 with options. */
#define PBUF_HEADROOM 96
#define PBUF_LEN_MAX (64 * 1024)        /* behind the headroom */

struct pbuf {
	struct pbuf *next;              /* its queue's business */
	uint8_t *data;                  /* the first byte */
	uint32_t len;
	uint32_t cap;                   /* bytes behind this struct */
	uint64_t time_ns;               /* when it came */
	_Alignas(8) uint8_t cb[72];     /* whoever holds it keeps notes here */
	uint8_t start[];
};

/* data stands headroom bytes into the buffer, with room for size bytes; len is 0. NULL (counted) where none is
 * left. Buffers are for data under way, not for idle state. */
struct pbuf *pbuf_get(struct tapir_host *h, uint32_t headroom, uint32_t size);
void pbuf_put(struct tapir_host *h, struct pbuf *p);
/* How much can still be written behind data + len. */
static inline uint32_t pbuf_tailroom(const struct pbuf *p)
{
	return p->cap - (uint32_t)(p->data - p->start) - p->len;
}

/* How much of the pool a buffer really takes: what a socket's receive buffer is charged. */
static inline uint32_t pbuf_charge(const struct pbuf *p)
{
	return p->cap + (uint32_t)sizeof(*p);
}

/* A buffer with a header of n bytes more in front; there must be room. */
static inline uint8_t *pbuf_push(struct pbuf *p, uint32_t n)
{
	must((uint32_t)(p->data - p->start) >= n);
	p->data -= n;
	p->len += n;
	return p->data;
}

struct pbuf_queue {
	struct pbuf *first, *last;
	uint32_t count;
	uint32_t charge;                /* sum of pbuf_charge */
};

void pbuf_queue_put(struct pbuf_queue *q, struct pbuf *p);
struct pbuf *pbuf_queue_take(struct pbuf_queue *q);
void pbuf_queue_clear(struct tapir_host *h, struct pbuf_queue *q);

/* ---- randomness ---- */

void host_random(struct tapir_host *h, void *buf, size_t len);
uint32_t host_random32(struct tapir_host *h);
/* 0 <= result < limit. */
uint32_t host_random_below(struct tapir_host *h, uint32_t limit);

/* ---- tunables and counters: rows about a protocol's state ---- */

enum tunable_kind {
	TUNABLE_U32,
	TUNABLE_BOOL,                   /* a bool; text 0 or 1 */
	TUNABLE_MS,                     /* uint64_t in nanoseconds; text in milliseconds */
	TUNABLE_US,                     /* the same; text in microseconds */
	TUNABLE_NAME,                   /* uint32_t: index into names; text one of them */
	TUNABLE_CALL,                   /* set and get below */
};

struct tunable {
	const char *name;               /* "tcp.sack" */
	enum tunable_kind kind;
	size_t offset;                  /* in the protocol's state */
	uint64_t min, max;              /* in the text's unit; max 0 = none */
	const char *const *names;       /* NULL at the end */
	int (*set)(struct tapir_host *h, const char *value);
	int (*get)(struct tapir_host *h, char *out, size_t out_len);
};

struct counter_row {
	const char *name;               /* "tcp.retransmits" */
	size_t offset;                  /* of a uint64_t in the protocol's state */
};

/* ---- what arrives, and who takes it ---- */

enum ip_kind {                          /* of a destination address */
	IP_REFUSED,                     /* may not be one */
	IP_UNICAST,                     /* somebody else's */
	IP_LOCAL,
	IP_BROADCAST,
	IP_MULTICAST,
};

struct ip_input {
	struct netif *netif;
	const struct packet *pkt;       /* its bytes are valid during the call only */
	enum ip_kind dst;
};

/* An ICMP error about a packet that we sent. */
struct icmp_error {
	uint8_t version, proto;
	uint8_t type, code;
	int error;                      /* errno value as Linux gives it */
	bool hard;                      /* a connection in set-up is over */
	uint32_t mtu;                   /* > 0: the packet was too big for this MTU */
	uint32_t info;
	const struct netif *netif;
	struct ip_addr from;            /* who says so */
	struct ip_addr src, dst;        /* of the quoted packet: src is ours */
	uint16_t src_port, dst_port;    /* where proto has ports and they were quoted */
	struct slice l4;                /* what there is of the quoted packet behind its IP header */
	struct slice quoted;            /* from the quoted IP header on */
};

/* One per IP protocol; the table is in protocols.c. State of state_size bytes, zeroed, belongs to each host:
 * host_state(h, &tcp_protocol). */
struct host_protocol {
	const char *name;
	uint8_t index;                  /* HOST_TCP, ... */
	uint8_t proto[2];               /* IP protocol numbers, 0 = none */
	size_t state_size;
	/* May fail with -errno; fini is called only after a successful init. */
	int (*init)(struct tapir_host *h);
	void (*fini)(struct tapir_host *h);
	/* L4 checksums have been checked. True: somebody took it; false: an ICMP "protocol unreachable" is due. */
	bool (*input)(struct tapir_host *h, const struct ip_input *in);
	void (*icmp_error)(struct tapir_host *h, const struct icmp_error *e);
	/* Addresses or routes have changed, or an address has gone (addr != NULL). */
	void (*address_gone)(struct tapir_host *h, uint8_t version, const struct ip_addr *addr);
	/* Calls visit for each connection until it returns non-zero, which is handed back. */
	int (*connections)(struct tapir_host *h, int (*visit)(void *arg, const struct tapir_connection *c),
			   void *arg);
	const struct tunable *tunables;         /* ends with a NULL name */
	const struct counter_row *counters;     /* ends with a NULL name */
};

enum host_protocol_index {
	HOST_CORE,                      /* what belongs to no protocol: ip.*, link.* */
	HOST_NEIGHBOUR, HOST_ICMP, HOST_MULTICAST, HOST_UDP, HOST_TCP, HOST_RAW, HOST_PACKET, HOST_DHCP,
	HOST_PROTOCOLS,
};

/* NULL where an index isn't built. */
extern const struct host_protocol *const host_protocols[HOST_PROTOCOLS];

/* ---- the host ---- */

#define LOCAL_BUCKETS 64

struct binding_tables;
struct netif_address;
struct pmtu;
struct host_runner;
struct route_table;
struct reassembly;

/* The state of HOST_CORE: what ip.* and link.* tunables set, and what is counted. */
struct ip_state {
	uint32_t ttl, hop_limit;
	bool forward4, forward6, loopback, accept_source_route, accept_redirects, martians_strict, accept_ra, dad;
	uint32_t port_first, port_last;         /* ephemeral */
	uint32_t default_rcvbuf, default_sndbuf, rcvbuf_max, sndbuf_max;
	uint32_t frag_max;                      /* datagrams in the making */
	uint64_t frag_timeout_ns;
	uint32_t pmtu_min;
	uint64_t pmtu_expires_ns;
	uint32_t queue_len;                     /* frames that wait for a device */
	uint64_t received, sent, delivered, forwarded;
	uint64_t bad_header, bad_checksum, bad_l4, martian_source, martian_destination, not_ours, no_protocol,
		 no_route, ttl_exceeded, too_big, no_buffer, source_route, spoofed;
	uint64_t fragments_in, fragments_out, fragmented, reassembled, frag_timeout, frag_shed, frag_bad;
	uint64_t link_unknown, link_not_ours, link_malformed;
	uint64_t queue_full, send_errors;
};

#define HOST_NETIFS_MAX 64

struct tapir_host {
	struct tapir_host_config cfg;
	uint64_t now_ns;
	struct hash_key key;                    /* for every table that the network can fill */
	uint64_t rng[4];
	uint64_t entropy[32];                   /* from the kernel, handed out from the end */
	uint32_t entropy_left;
	struct mem *mem;
	struct budget budget;
	struct frame_pool *pool;                /* NULL where cfg.memory serves buffers, too */
	struct buffer_tier_stats tiers[BUFFER_TIERS + 1];       /* those of cfg.memory */
	struct host_timer *timers;              /* root of the heap */
	struct netif *netifs[HOST_NETIFS_MAX + 1];      /* by index, from 1 */
	struct netif_address *locals[LOCAL_BUCKETS];    /* our own addresses, hashed */
	uint32_t path_generation;               /* changes with routes, addresses, neighbours, path MTUs */
	struct route_table *routes;
	struct binding_tables *bindings;
	struct reassembly *reassembly;
	struct pmtu *pmtus;                     /* pmtu.c; NULL until the first */
	struct host_timer pmtu_timer;
	uint16_t ip_ids[256];
	struct pbuf_queue looped;               /* to ourselves, for the next round of a poll */
	struct socket **fds;
	uint32_t fds_len, fds_used, fds_free;   /* fds_free: no free one below */
	struct host_runner *runner;
	bool polling;
	void *state[HOST_PROTOCOLS];
	struct packet_config decode;
	struct packet_set *packets;
};

static inline void *host_state(const struct tapir_host *h, const struct host_protocol *p)
{
	return h->state[p->index];
}

static inline struct ip_state *host_ip(const struct tapir_host *h)
{
	return h->state[HOST_CORE];
}

/* Around every public call: takes the lock where there is a runner and looks at the clock; sends what is queued,
 * and wakes the runner where a timer is due earlier than it thinks. */
void host_enter(struct tapir_host *h);
void host_leave(struct tapir_host *h);

#endif
