/* pmtu.h - destinations whose path carries less than the interface: path MTU discovery
 * (RFC 1191, RFC 8201).
 *
 * What ICMP says counts only if a protocol has recognised the quoted packet as its own. The
 * table is bounded: a new entry takes the place of the oldest in its bucket. */
#ifndef TAPIR_HOST_PMTU_H
#define TAPIR_HOST_PMTU_H

#include "stack/host/host.h"

#define PMTU_BUCKETS 256
#define PMTU_WAYS 4

struct pmtu {
	struct ip_addr dst;
	uint32_t mtu;                   /* 0 = free */
	uint8_t version;
	uint64_t expires_ns;
};

/* The path's MTU towards dst, 0 where nothing is known. */
uint32_t pmtu_get(struct tapir_host *h, uint8_t version, const struct ip_addr *dst);
/* What a router that doesn't say what fits may have meant, for a packet of len bytes. */
uint32_t pmtu_plateau(uint32_t len);
void pmtu_fini(struct tapir_host *h);

#endif
