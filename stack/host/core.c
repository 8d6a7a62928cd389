/* core.c - what belongs to no protocol: the ip.* and link.* tunables and counters. */
#include "stack/host/internal.h"

static int core_init(struct tapir_host *h)
{
	struct ip_state *ip = host_ip(h);

	ip->ttl = ip->hop_limit = 64;
	ip->loopback = true;
	ip->dad = true;
	ip->accept_ra = true;
	ip->accept_redirects = false;
	ip->port_first = 32768;
	ip->port_last = 60999;
	ip->default_rcvbuf = ip->default_sndbuf = 212992;
	ip->rcvbuf_max = ip->sndbuf_max = 8u << 20;
	ip->frag_max = 256;
	ip->frag_timeout_ns = 30 * NS_PER_S;
	ip->pmtu_min = 552;
	ip->pmtu_expires_ns = 600 * NS_PER_S;
	ip->queue_len = 1000;
	return 0;
}

#define FIELD(f) offsetof(struct ip_state, f)

static const struct tunable tunables[] = {
	{ .name = "ip.ttl", .kind = TUNABLE_U32, .offset = FIELD(ttl), .min = 1, .max = 255 },
	{ .name = "ip.hop_limit", .kind = TUNABLE_U32, .offset = FIELD(hop_limit), .min = 1, .max = 255 },
	{ .name = "ip.forward", .kind = TUNABLE_BOOL, .offset = FIELD(forward4) },
	{ .name = "ip.forward6", .kind = TUNABLE_BOOL, .offset = FIELD(forward6) },
	{ .name = "ip.loopback", .kind = TUNABLE_BOOL, .offset = FIELD(loopback) },
	{ .name = "ip.dad", .kind = TUNABLE_BOOL, .offset = FIELD(dad) },
	{ .name = "ip.accept_ra", .kind = TUNABLE_BOOL, .offset = FIELD(accept_ra) },
	{ .name = "ip.accept_redirects", .kind = TUNABLE_BOOL, .offset = FIELD(accept_redirects) },
	{ .name = "ip.accept_source_route", .kind = TUNABLE_BOOL, .offset = FIELD(accept_source_route) },
	{ .name = "ip.rp_filter", .kind = TUNABLE_BOOL, .offset = FIELD(martians_strict) },
	{ .name = "ip.port_first", .kind = TUNABLE_U32, .offset = FIELD(port_first), .min = 1, .max = 65535 },
	{ .name = "ip.port_last", .kind = TUNABLE_U32, .offset = FIELD(port_last), .min = 1, .max = 65535 },
	{ .name = "ip.frag_max", .kind = TUNABLE_U32, .offset = FIELD(frag_max), .max = 65536 },
	{ .name = "ip.frag_timeout", .kind = TUNABLE_MS, .offset = FIELD(frag_timeout_ns), .min = 1 },
	{ .name = "ip.pmtu_min", .kind = TUNABLE_U32, .offset = FIELD(pmtu_min), .min = 68, .max = 65535 },
	{ .name = "ip.pmtu_expires", .kind = TUNABLE_MS, .offset = FIELD(pmtu_expires_ns), .min = 1 },
	{ .name = "ip.queue_len", .kind = TUNABLE_U32, .offset = FIELD(queue_len), .min = 1, .max = 1000000 },
	{ .name = "socket.rcvbuf", .kind = TUNABLE_U32, .offset = FIELD(default_rcvbuf), .min = 2304 },
	{ .name = "socket.sndbuf", .kind = TUNABLE_U32, .offset = FIELD(default_sndbuf), .min = 4608 },
	{ .name = "socket.rcvbuf_max", .kind = TUNABLE_U32, .offset = FIELD(rcvbuf_max), .min = 2304 },
	{ .name = "socket.sndbuf_max", .kind = TUNABLE_U32, .offset = FIELD(sndbuf_max), .min = 4608 },
	{ .name = NULL },
};

static const struct counter_row counters[] = {
	{ "ip.received", FIELD(received) },
	{ "ip.sent", FIELD(sent) },
	{ "ip.delivered", FIELD(delivered) },
	{ "ip.forwarded", FIELD(forwarded) },
	{ "ip.bad_header", FIELD(bad_header) },
	{ "ip.bad_checksum", FIELD(bad_checksum) },
	{ "ip.bad_l4", FIELD(bad_l4) },
	{ "ip.martian_source", FIELD(martian_source) },
	{ "ip.martian_destination", FIELD(martian_destination) },
	{ "ip.spoofed", FIELD(spoofed) },
	{ "ip.source_route", FIELD(source_route) },
	{ "ip.not_ours", FIELD(not_ours) },
	{ "ip.no_protocol", FIELD(no_protocol) },
	{ "ip.no_route", FIELD(no_route) },
	{ "ip.no_buffer", FIELD(no_buffer) },
	{ "ip.ttl_exceeded", FIELD(ttl_exceeded) },
	{ "ip.too_big", FIELD(too_big) },
	{ "ip.fragments_in", FIELD(fragments_in) },
	{ "ip.fragments_out", FIELD(fragments_out) },
	{ "ip.fragmented", FIELD(fragmented) },
	{ "ip.reassembled", FIELD(reassembled) },
	{ "ip.frag_timeout", FIELD(frag_timeout) },
	{ "ip.frag_shed", FIELD(frag_shed) },
	{ "ip.frag_bad", FIELD(frag_bad) },
	{ "link.unknown", FIELD(link_unknown) },
	{ "link.not_ours", FIELD(link_not_ours) },
	{ "link.malformed", FIELD(link_malformed) },
	{ "link.queue_full", FIELD(queue_full) },
	{ "link.send_errors", FIELD(send_errors) },
	{ NULL, 0 },
};

const struct host_protocol core_protocol = {
	.name = "ip",
	.index = HOST_CORE,
	.state_size = sizeof(struct ip_state),
	.init = core_init,
	.tunables = tunables,
	.counters = counters,
};
