/* icmp.c - see icmp.h. Limits are token buckets: one for all errors, one for each hash of a destination. */
#include "stack/host/icmp.h"

#include <errno.h>
#include <string.h>

#include "stack/host/multicast.h"
#include "stack/host/nd.h"
#include "stack/host/netif.h"
#include "stack/host/pmtu.h"
#include "stack/host/raw.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/ipv6.h"

#define ERROR_MAX4 576                  /* RFC 1812 4.3.2.3 */
#define ERROR_MAX6 1280                 /* RFC 4443 2.4 (c) */
#define TOKEN 1000000u

static struct icmp_state *state_of(const struct tapir_host *h)
{
	return h->state[HOST_ICMP];
}

/* ---- limits ---- */

static uint64_t filled(uint64_t tokens, uint64_t *at, uint64_t now_ns, uint32_t rate, uint32_t burst)
{
	const uint64_t most = (uint64_t)burst * TOKEN;
	uint64_t passed = now_ns - *at;

	*at = now_ns;
	passed = passed > 3600 * NS_PER_S ? 3600 * NS_PER_S : passed;
	tokens += passed / 1000 * rate;
	return tokens < most ? tokens : most;
}

static bool limit_allows(struct tapir_host *h, uint8_t version, const struct ip_addr *to)
{
	struct icmp_state *s = state_of(h);
	const uint64_t words[3] = { to->quads[0], to->quads[1], version };
	const unsigned i = hash_words(&h->key, words, 3) % ARRAY_LEN(s->peers);
	uint64_t peer;

	s->tokens = filled(s->tokens, &s->tokens_at, h->now_ns, s->rate, s->burst);
	peer = filled(s->peers[i].tokens, &s->peers[i].at, h->now_ns, s->peer_rate, s->peer_burst);
	if (s->tokens < TOKEN || peer < TOKEN) {
		s->peers[i].tokens = (uint32_t)peer;
		s->errors_limited++;
		return false;
	}
	s->tokens -= TOKEN;
	s->peers[i].tokens = (uint32_t)(peer - TOKEN);
	return true;
}

/* ---- errors out ---- */

static bool is_error(const struct packet *pkt)
{
	if (pkt->l4 == NULL)
		return false;
	if (pkt->proto == PROTO_ICMP)   /* anything but these may be an error, as far as we know */
		return pkt->icmp_type != ICMP_ECHO && pkt->icmp_type != ICMP_TIMESTAMP &&
		       pkt->icmp_type != ICMP_ECHO_REPLY && pkt->icmp_type != ICMP_INFO &&
		       pkt->icmp_type != ICMP_ADDRESS;
	return pkt->proto == PROTO_ICMPV6 && (pkt->icmp_type < 128 || pkt->icmp_type == ICMPV6_REDIRECT);
}

/* Whether anybody may be told about this packet. to_group: packets to groups may be answered as well (IPv6: too big,
 * and unknown options). */
static bool may_tell(const struct packet *pkt, bool to_group)
{
	const bool group = ip_multicast(pkt->ip_version, &pkt->dst) ||
			   (pkt->ip_version == 4 && pkt->dst.words[0] == UINT32_MAX) ||
			   (pkt->eth != NULL && pkt->eth[0] & 1);

	if (is_error(pkt) || pkt->frag_offset != 0 || (group && !to_group))
		return false;
	return !ip_addr_zero(&pkt->src) && !ip_multicast(pkt->ip_version, &pkt->src);
}

/* header: type, code, rest; data goes behind it. */
static void icmp_send(struct tapir_host *h, struct ip_send *how, const struct icmp_header *header,
		      struct slice data)
{
	const uint8_t proto = how->version == 4 ? PROTO_ICMP : PROTO_ICMPV6;
	struct ip_path path = { 0 };
	struct pbuf *p;
	struct writer w;

	how->proto = proto;
	if (ip_path_find(h, &path, how) < 0)
		return;
	how->path = &path;
	p = pbuf_get(h, PBUF_HEADROOM, ICMP_HEADER_LEN + (uint32_t)data.len);
	if (p == NULL)
		return;
	w = writer_of(p->data, ICMP_HEADER_LEN + data.len);
	icmp_build(&w, header);
	write_bytes(&w, data.data, data.len);
	p->len = (uint32_t)writer_len(&w);
	l4_checksum_set(p->data, p->len, proto, how->version, &how->src, &how->dst);
	ip_send(h, p, how);
}

static void error_send(struct tapir_host *h, const struct netif *nif, const struct packet *pkt, uint8_t type,
		       uint8_t code, uint32_t rest)
{
	const uint8_t version = pkt->ip_version;
	const size_t room = version == 4 ? ERROR_MAX4 - IPV4_HEADER_LEN - ICMP_HEADER_LEN
					 : ERROR_MAX6 - IPV6_HEADER_LEN - ICMP_HEADER_LEN;
	struct ip_send how = {
		.version = version, .dst = pkt->src, .tos = version == 4 ? (pkt->tos & 0x1e) | 0xc0 : 0,
		.fragment = IP_FRAGMENT_LOCAL,
	};
	const struct icmp_header header = { .type = type, .code = code, .rest = rest };

	if (!limit_allows(h, version, &pkt->src))
		return;
	/* From the address it was sent to, where that is ours: so the sender recognises it. */
	if (ip_kind(h, version, &pkt->dst, 0) == IP_LOCAL || nif->cfg.any_ip)
		how.src = pkt->dst;
	if (ip_link_local(version, &pkt->src))
		how.netif = nif->index;
	state_of(h)->errors_out++;
	icmp_send(h, &how, &header, slice_head(slice_of(pkt->ip, pkt->ip_len), room));
}

void icmp_unreachable(struct tapir_host *h, struct netif *nif, const struct packet *pkt, uint8_t code)
{
	/* IPv4: net 0, host 1, protocol 2, port 3, prohibited 13. */
	const uint8_t code6 = code == 3 ? 4 : code == 13 ? 1 : code == 0 ? 0 : 3;

	if (!may_tell(pkt, false))
		return;
	if (pkt->ip_version == 4)
		error_send(h, nif, pkt, ICMP_UNREACHABLE, code, 0);
	else
		error_send(h, nif, pkt, ICMPV6_UNREACHABLE, code6, 0);
}

void icmp_port_unreachable(struct tapir_host *h, const struct ip_input *in)
{
	if (in->dst == IP_LOCAL)
		icmp_unreachable(h, in->netif, in->pkt, 3);
}

void icmp_protocol_unreachable(struct tapir_host *h, const struct ip_input *in)
{
	const struct packet *pkt = in->pkt;

	if (pkt->ip_version == 4) {
		icmp_unreachable(h, in->netif, pkt, 2);
	} else if (pkt->proto != PROTO_NONE && may_tell(pkt, false)) {
		uint32_t at = 6, header = IPV6_HEADER_LEN;

		/* Points at the byte that announced it. */
		while (header + 8 <= pkt->ip_header_len) {
			at = header;
			header += (pkt->ip[header + 1] + 1u) * 8;
		}
		error_send(h, in->netif, pkt, ICMPV6_PARAMETER, 1, at);
	}
}

void icmp_parameter_problem(struct tapir_host *h, const struct ip_input *in, uint8_t code, uint32_t at)
{
	if (!may_tell(in->pkt, in->pkt->ip_version == 6 && code == 2))
		return;
	if (in->pkt->ip_version == 4)
		error_send(h, in->netif, in->pkt, ICMP_PARAMETER, 0, at << 24);
	else
		error_send(h, in->netif, in->pkt, ICMPV6_PARAMETER, code, at);
}

void icmp_time_exceeded(struct tapir_host *h, struct netif *nif, const struct packet *pkt, bool reassembly)
{
	if (may_tell(pkt, false))
		error_send(h, nif, pkt, pkt->ip_version == 4 ? ICMP_TIME_EXCEEDED : ICMPV6_TIME_EXCEEDED, reassembly, 0);
}

void icmp_too_big(struct tapir_host *h, struct netif *nif, const struct packet *pkt, uint32_t mtu)
{
	if (!may_tell(pkt, pkt->ip_version == 6))
		return;
	if (pkt->ip_version == 4)
		error_send(h, nif, pkt, ICMP_UNREACHABLE, 4, mtu);
	else
		error_send(h, nif, pkt, ICMPV6_TOO_BIG, 0, mtu);
}

/* ---- errors in ---- */

bool icmp_error_of(uint8_t version, uint8_t type, uint8_t code, int *error, bool *hard)
{
	/* As Linux' icmp_err_convert: what a connection in the making gives up for is hard. */
	static const struct {
		uint8_t error;
		bool hard;
	} unreachable[] = {
		{ ENETUNREACH, false }, { EHOSTUNREACH, false }, { ENOPROTOOPT, true }, { ECONNREFUSED, true },
		{ EMSGSIZE, false }, { EOPNOTSUPP, false }, { ENETUNREACH, true }, { EHOSTDOWN, true },
		{ ENONET, true }, { ENETUNREACH, true }, { EHOSTUNREACH, true }, { ENETUNREACH, false },
		{ EHOSTUNREACH, false }, { EHOSTUNREACH, true }, { EHOSTUNREACH, true }, { EHOSTUNREACH, true },
	}, unreachable6[] = {
		{ ENETUNREACH, false }, { EACCES, true }, { EHOSTUNREACH, false }, { EHOSTUNREACH, false },
		{ ECONNREFUSED, true }, { EACCES, true }, { EACCES, true },
	};

	*hard = false;
	if (version == 4) {
		switch (type) {
		case ICMP_UNREACHABLE:
			if (code >= ARRAY_LEN(unreachable))
				return false;
			*error = unreachable[code].error;
			*hard = unreachable[code].hard;
			return true;
		case ICMP_TIME_EXCEEDED:
			*error = EHOSTUNREACH;
			return true;
		case ICMP_PARAMETER:
			*error = EPROTO;
			*hard = true;
			return true;
		}
		return false;
	}
	switch (type) {
	case ICMPV6_UNREACHABLE:
		if (code >= ARRAY_LEN(unreachable6))
			return false;
		*error = unreachable6[code].error;
		*hard = unreachable6[code].hard;
		return true;
	case ICMPV6_TOO_BIG:
		*error = EMSGSIZE;
		return true;
	case ICMPV6_TIME_EXCEEDED:
		*error = EHOSTUNREACH;
		return true;
	case ICMPV6_PARAMETER:
		*error = EPROTO;
		*hard = true;
		return true;
	}
	return false;
}

/* What the quoted packet says of itself; false where it can't be read. */
static bool quoted_read(struct icmp_error *e, struct slice quoted)
{
	const uint8_t *q = quoted.data;
	size_t header;

	if (quoted.len < (e->version == 4 ? (size_t)IPV4_HEADER_LEN : (size_t)IPV6_HEADER_LEN) ||
	    q[0] >> 4 != e->version)
		return false;
	if (e->version == 4) {
		header = (q[0] & 15u) * 4;
		e->proto = q[9];
		e->src = ip_addr_v4(q + 12);
		e->dst = ip_addr_v4(q + 16);
		if (header < IPV4_HEADER_LEN || load_be16(q + 6) & 0x1fff)
			return false;
	} else {
		e->src = ip_addr_v6(q + 8);
		e->dst = ip_addr_v6(q + 24);
		e->proto = q[6];
		header = IPV6_HEADER_LEN;
		for (unsigned i = 0; i < 8 && header + 8 <= quoted.len; i++) {
			const uint8_t *extension = q + header;

			if (e->proto == PROTO_FRAGMENT && load_be16(extension + 2) >> 3)
				return false;
			if (e->proto != PROTO_HOPOPTS && e->proto != PROTO_DSTOPTS && e->proto != PROTO_ROUTING &&
			    e->proto != PROTO_FRAGMENT)
				break;
			header += e->proto == PROTO_FRAGMENT ? 8 : (extension[1] + 1u) * 8;
			e->proto = extension[0];
		}
	}
	e->quoted = quoted;
	e->l4 = slice_skip(quoted, header);
	if ((e->proto == PROTO_TCP || e->proto == PROTO_UDP) && e->l4.len < 8)
		return false;
	if (e->proto == PROTO_TCP || e->proto == PROTO_UDP) {
		e->src_port = load_be16(e->l4.data);
		e->dst_port = load_be16(e->l4.data + 2);
	}
	return true;
}

static void error_dispatch(struct tapir_host *h, const struct icmp_error *e)
{
	for (unsigned i = 0; i < HOST_PROTOCOLS; i++) {
		const struct host_protocol *p = host_protocols[i];

		if (p != NULL && p->icmp_error != NULL && (p->proto[0] == e->proto || p->proto[1] == e->proto))
			p->icmp_error(h, e);
	}
	raw_icmp_error(h, e);
}

static void error_input(struct tapir_host *h, const struct ip_input *in)
{
	const struct packet *pkt = in->pkt;
	struct icmp_state *s = state_of(h);
	struct icmp_error e = {
		.version = pkt->ip_version, .type = pkt->icmp_type, .code = pkt->icmp_code, .from = pkt->src,
		.netif = in->netif, .info = load_be32(pkt->l4 + 4),
	};
	const size_t len = pkt->ip_len - (size_t)(pkt->l4 - pkt->ip);

	s->errors_in++;
	if (!icmp_error_of(e.version, e.type, e.code, &e.error, &e.hard) ||
	    !quoted_read(&e, slice_skip(slice_of(pkt->l4, len), ICMP_HEADER_LEN)) ||
	    (ip_kind(h, e.version, &e.src, 0) != IP_LOCAL && !in->netif->cfg.any_ip)) {
		s->errors_unknown++;
		return;
	}
	if (e.error == EMSGSIZE) {
		s->too_big_in++;
		e.mtu = e.version == 4 ? e.info & 0xffff : e.info;
		if (e.mtu == 0)
			e.mtu = pmtu_plateau(load_be16(e.quoted.data + 2));
	}
	error_dispatch(h, &e);
}

void icmp_host_unreachable(struct tapir_host *h, const struct pbuf *p)
{
	struct icmp_error e = { .version = p->data[0] >> 4, .error = EHOSTUNREACH };
	struct packet_set *set = h->packets;

	e.type = e.version == 4 ? ICMP_UNREACHABLE : ICMPV6_UNREACHABLE;
	e.code = e.version == 4 ? 1 : 3;
	if (!quoted_read(&e, slice_of(p->data, p->len)))
		return;
	if (ip_kind(h, e.version, &e.src, 0) == IP_LOCAL) {
		e.from = e.src;
		error_dispatch(h, &e);
	} else {
		const struct frame frame = { .data = p->data, .len = p->len, .wire_len = p->len, .link = LINK_RAW };

		packet_decode(set, &frame, &h->decode);
		if (set->pkts[0].ip != NULL)
			icmp_unreachable(h, netif_get(h, NETIF_LOOPBACK), &set->pkts[0], 1);
	}
}

/* ---- echo ---- */

static void echo_reply(struct tapir_host *h, const struct ip_input *in)
{
	const struct packet *pkt = in->pkt;
	struct icmp_state *s = state_of(h);
	struct ip_send how = {
		.version = pkt->ip_version, .dst = pkt->src, .tos = pkt->tos,
		.fragment = IP_FRAGMENT_LOCAL,
	};
	const struct icmp_header header = {
		.type = pkt->ip_version == 4 ? ICMP_ECHO_REPLY : ICMPV6_ECHO_REPLY, .rest = load_be32(pkt->l4 + 4),
	};

	s->echo_in++;
	if (s->echo_ignore_all || (in->dst != IP_LOCAL && (pkt->ip_version == 4 && s->echo_ignore_broadcasts)))
		return;
	if (in->dst == IP_LOCAL)
		how.src = pkt->dst;
	if (ip_link_local(pkt->ip_version, &pkt->src))
		how.netif = in->netif->index;
	s->echo_replies_out++;
	icmp_send(h, &how, &header,
		  slice_of(pkt->l4 + ICMP_HEADER_LEN,
			   pkt->ip_len - (size_t)(pkt->l4 - pkt->ip) - ICMP_HEADER_LEN));
}

static void icmp4_input(struct tapir_host *h, const struct ip_input *in)
{
	struct icmp_state *s = state_of(h);

	switch (in->pkt->icmp_type) {
	case ICMP_ECHO:
		echo_reply(h, in);
		break;
	case ICMP_ECHO_REPLY:
		s->echo_replies_in++;
		break;
	case ICMP_UNREACHABLE:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETER:
		error_input(h, in);
		break;
	default:
		s->unknown++;
	}
}

static void icmp6_input(struct tapir_host *h, const struct ip_input *in)
{
	struct icmp_state *s = state_of(h);

	switch (in->pkt->icmp_type) {
	case ICMPV6_ECHO:
		echo_reply(h, in);
		break;
	case ICMPV6_ECHO_REPLY:
		s->echo_replies_in++;
		break;
	case ICMPV6_UNREACHABLE:
	case ICMPV6_TOO_BIG:
	case ICMPV6_TIME_EXCEEDED:
	case ICMPV6_PARAMETER:
		error_input(h, in);
		break;
	case ICMPV6_ROUTER_SOLICIT:
	case ICMPV6_ROUTER_ADVERT:
	case ICMPV6_NEIGHBOR_SOLICIT:
	case ICMPV6_NEIGHBOR_ADVERT:
	case ICMPV6_REDIRECT:
		nd_input(h, in);
		break;
	case ICMPV6_MLD_QUERY:
	case ICMPV6_MLD_REPORT:
	case ICMPV6_MLD2_REPORT:
		mld_input(h, in);
		break;
	default:
		s->unknown++;
	}
}

static bool icmp_input(struct tapir_host *h, const struct ip_input *in)
{
	const uint8_t proto = in->pkt->ip_version == 4 ? PROTO_ICMP : PROTO_ICMPV6;

	if (in->pkt->proto != proto)
		return false;
	if (proto == PROTO_ICMP)
		icmp4_input(h, in);
	else
		icmp6_input(h, in);
	return true;
}

static int icmp_init(struct tapir_host *h)
{
	struct icmp_state *s = state_of(h);

	s->echo_ignore_broadcasts = true;
	s->rate = 1000;                 /* net.ipv4.icmp_msgs_per_sec and _burst */
	s->burst = 50;
	s->peer_rate = 1;               /* net.ipv4.icmp_ratelimit, with the burst of inet_peer_xrlim_allow */
	s->peer_burst = 6;
	s->tokens = (uint64_t)s->burst * TOKEN;
	for (unsigned i = 0; i < ARRAY_LEN(s->peers); i++)
		s->peers[i].tokens = s->peer_burst * TOKEN;
	return 0;
}

#define FIELD(f) offsetof(struct icmp_state, f)

static const struct tunable tunables[] = {
	{ .name = "icmp.echo_ignore_all", .kind = TUNABLE_BOOL, .offset = FIELD(echo_ignore_all) },
	{ .name = "icmp.echo_ignore_broadcasts", .kind = TUNABLE_BOOL, .offset = FIELD(echo_ignore_broadcasts) },
	{ .name = "icmp.rate", .kind = TUNABLE_U32, .offset = FIELD(rate), .max = 1000000 },
	{ .name = "icmp.burst", .kind = TUNABLE_U32, .offset = FIELD(burst), .max = 1000000 },
	{ .name = "icmp.peer_rate", .kind = TUNABLE_U32, .offset = FIELD(peer_rate), .max = 4000 },
	{ .name = "icmp.peer_burst", .kind = TUNABLE_U32, .offset = FIELD(peer_burst), .max = 4000 },
	{ .name = NULL },
};

static const struct counter_row counters[] = {
	{ "icmp.echo_in", FIELD(echo_in) },
	{ "icmp.echo_replies_out", FIELD(echo_replies_out) },
	{ "icmp.echo_replies_in", FIELD(echo_replies_in) },
	{ "icmp.errors_in", FIELD(errors_in) },
	{ "icmp.errors_out", FIELD(errors_out) },
	{ "icmp.errors_limited", FIELD(errors_limited) },
	{ "icmp.errors_unknown", FIELD(errors_unknown) },
	{ "icmp.too_big_in", FIELD(too_big_in) },
	{ "icmp.unknown", FIELD(unknown) },
	{ NULL, 0 },
};

const struct host_protocol icmp_protocol = {
	.name = "icmp",
	.index = HOST_ICMP,
	.proto = { PROTO_ICMP, PROTO_ICMPV6 },
	.state_size = sizeof(struct icmp_state),
	.init = icmp_init,
	.input = icmp_input,
	.tunables = tunables,
	.counters = counters,
};
