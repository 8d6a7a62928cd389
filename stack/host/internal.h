/* internal.h - what the core's files call of each other, and no protocol needs. */
#ifndef TAPIR_HOST_INTERNAL_H
#define TAPIR_HOST_INTERNAL_H

#include "stack/host/ip.h"

/* core.c */
extern const struct host_protocol core_protocol;

/* timer.c */
#define HOST_TIMERS_A_RUN 100000
/* When the next is due, exactly. */
uint64_t host_timers_deadline(struct tapir_host *h);
/* Fires what is due at h->now_ns; true where anything was. */
bool host_timers_run(struct tapir_host *h);

/* host.c */
uint64_t host_entropy(struct tapir_host *h);
void host_flush(struct tapir_host *h);
/* As the public ones, without the lock. */
int host_poll(struct tapir_host *h, unsigned budget);
uint64_t host_deadline(struct tapir_host *h);

/* pbuf.c */
int pbuf_pool_init(struct tapir_host *h);
void pbuf_pool_fini(struct tapir_host *h);

/* route.c, binding.c, reassembly.c, socket.c: 0 or -ENOMEM */
int routes_init(struct tapir_host *h);
void routes_fini(struct tapir_host *h);
int bindings_init(struct tapir_host *h);
void bindings_fini(struct tapir_host *h);
int reassembly_init(struct tapir_host *h);
void reassembly_fini(struct tapir_host *h);
void sockets_fini(struct tapir_host *h);

/* ip_input.c: an IP packet that was decoded. in->dst is filled here. */
void ip_input(struct tapir_host *h, struct netif *nif, const struct packet *pkt);
/* To the protocols; the checksums are right. */
void ip_deliver(struct tapir_host *h, struct ip_input *in);
/* What was sent to ourselves; true where there was anything. */
bool ip_looped_run(struct tapir_host *h);
/* reassembly.c: takes a fragment; true where *out is the whole datagram then, good until the next call. */
bool reassembly_add(struct tapir_host *h, const struct ip_input *in, struct packet_set *out);
/* forward.c */
void ip_forward(struct tapir_host *h, struct netif *nif, const struct packet *pkt);
/* ip_output.c: a whole IP packet (header included) towards where path leads. Takes p. */
int ip_output_raw(struct tapir_host *h, struct pbuf *p, uint8_t version, const struct ip_addr *next_hop,
		  const struct ip_path *path, const uint8_t *link_dst);
/* Cuts a whole IPv4 packet, or builds IPv6 fragments, of at most mtu bytes, and sends them. Takes p. */
int ip_fragment(struct tapir_host *h, struct pbuf *p, uint8_t version, const struct ip_addr *next_hop,
		const struct ip_path *path, uint32_t mtu);

#endif
