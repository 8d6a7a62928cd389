/* craft.c - see craft.h. The text is cut into layers and words first; then the frame is built from
 * its end: each layer puts its header in front of what is there already, so that it knows lengths
 * and can sum what it covers. */
#include "stack/wire/craft.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "base/must.h"
#include "stack/wire/arp.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/gre.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/ipv6.h"
#include "stack/wire/mpls.h"
#include "stack/wire/pppoe.h"
#include "stack/wire/sctp.h"
#include "stack/wire/tcp.h"
#include "stack/wire/tunnels.h"
#include "stack/wire/udp.h"
#include "stack/wire/vlan.h"

#define LAYERS_MAX 24
#define WORDS_MAX 24
#define HEADER_MAX 320

struct layer_text {
	struct slice words[WORDS_MAX];
	unsigned count;
	const struct layer_kind *kind;
	uint8_t ip_version;             /* of an ipv4 or ipv6 layer */
	struct ip_addr src, dst;
};

struct craft {
	uint8_t *out;
	size_t cap, start;              /* the frame so far is out[start..cap) */
	struct layer_text layers[LAYERS_MAX];
	unsigned count;
	const char *wrong;              /* where in the text */
	int err;
};

struct layer_kind {
	const char *name;
	uint16_t ether_type;            /* how the layer outside announces this one: 0 = it can't */
	uint8_t proto;
	bool has_proto;
	void (*build)(struct craft *c, unsigned at);
};

static size_t frame_len(const struct craft *c)
{
	return c->cap - c->start;
}

static uint8_t *prepend(struct craft *c, const void *data, size_t len)
{
	if (c->err || len > c->start) {
		c->err = c->err ? c->err : -ENOSPC;
		return NULL;
	}
	c->start -= len;
	if (len)
		memcpy(c->out + c->start, data, len);
	return c->out + c->start;
}

static uint8_t *prepend_written(struct craft *c, const struct writer *w)
{
	if (w->ran_out) {
		c->err = -ENOSPC;
		return NULL;
	}
	return prepend(c, w->start, writer_len(w));
}

static void wrong(struct craft *c, struct slice word)
{
	if (!c->err) {
		c->err = -EINVAL;
		c->wrong = (const char *)word.data;
	}
}

/* ---- words ---- */

static bool word_is(struct slice w, const char *text)
{
	return slice_eq(w, slice_str(text));
}

/* "key=value" in a layer: its value. */
static bool option(const struct layer_text *l, const char *key, struct slice *value)
{
	const size_t n = strlen(key);

	for (unsigned i = 1; i < l->count; i++) {
		const struct slice w = l->words[i];

		if (w.len > n && memcmp(w.data, key, n) == 0 && w.data[n] == '=') {
			*value = slice_skip(w, n + 1);
			return true;
		}
	}
	return false;
}

static bool flag(const struct layer_text *l, const char *name)
{
	for (unsigned i = 1; i < l->count; i++)
		if (word_is(l->words[i], name))
			return true;
	return false;
}

/* A number at the start of w; *end is behind it. */
static uint32_t number_at(struct craft *c, struct slice w, size_t *end)
{
	char text[32];
	char *stop;
	unsigned long v;
	const size_t n = w.len < sizeof(text) - 1 ? w.len : sizeof(text) - 1;

	memcpy(text, w.data, n);
	text[n] = '\0';
	v = strtoul(text, &stop, 0);
	*end = (size_t)(stop - text);
	if (*end == 0 || v > UINT32_MAX)
		wrong(c, w);
	return (uint32_t)v;
}

static uint32_t number(struct craft *c, struct slice w)
{
	size_t end = 0;
	const uint32_t v = w.len ? number_at(c, w, &end) : 0;

	if (end != w.len || w.len == 0)
		wrong(c, w);
	return v;
}

static uint32_t number_option(struct craft *c, const struct layer_text *l, const char *key, uint32_t otherwise)
{
	struct slice v;

	return option(l, key, &v) ? number(c, v) : otherwise;
}

/* Word i as a number; missing words are the layer's fault. */
static uint32_t number_word(struct craft *c, const struct layer_text *l, unsigned i)
{
	if (i >= l->count) {
		wrong(c, l->words[0]);
		return 0;
	}
	return number(c, l->words[i]);
}

static int nibble(int ch)
{
	return isdigit(ch) ? ch - '0' : isxdigit(ch) ? tolower(ch) - 'a' + 10 : -1;
}

static size_t hex(struct craft *c, struct slice w, uint8_t *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < w.len; i += 2) {
		if (i + 1 >= w.len || nibble(w.data[i]) < 0 || nibble(w.data[i + 1]) < 0 || n == cap) {
			wrong(c, w);
			return 0;
		}
		out[n++] = (uint8_t)(nibble(w.data[i]) << 4 | nibble(w.data[i + 1]));
	}
	return n;
}

static void mac_parse(struct craft *c, struct slice w, uint8_t mac[6])
{
	if (w.len != 17) {
		wrong(c, w);
		return;
	}
	for (unsigned i = 0; i < 6; i++)
		hex(c, slice_of(w.data + i * 3, 2), mac + i, 1);
}

static void addr_parse(struct craft *c, const struct layer_text *l, unsigned i, uint8_t version, struct ip_addr *a)
{
	char text[IP_TEXT_MAX];
	uint8_t found = 0;
	const struct slice w = i < l->count ? l->words[i] : l->words[0];

	if (w.len >= sizeof(text)) {
		wrong(c, w);
		return;
	}
	memcpy(text, w.data, w.len);
	text[w.len] = '\0';
	if (i >= l->count || ip_addr_parse(a, &found, text) < 0 || found != version)
		wrong(c, w);
}

/* ---- what the layer inside is ---- */

static uint16_t inner_type(struct craft *c, unsigned at, uint16_t otherwise)
{
	const struct layer_text *l = &c->layers[at];

	if (at + 1 < c->count && c->layers[at + 1].kind->ether_type)
		otherwise = c->layers[at + 1].kind->ether_type;
	return (uint16_t)number_option(c, l, "type", otherwise);
}

static uint8_t inner_proto(struct craft *c, unsigned at, const char *key)
{
	const struct layer_text *l = &c->layers[at];
	uint8_t proto = 255;

	if (at + 1 < c->count && c->layers[at + 1].kind->has_proto)
		proto = c->layers[at + 1].kind->proto;
	return (uint8_t)number_option(c, l, key, proto);
}

/* ---- layers ---- */

static void build_eth(struct craft *c, unsigned at)
{
	const struct layer_text *l = &c->layers[at];
	struct eth_header h = { .dst = { 2, 0, 0, 0, 0, 2 }, .src = { 2, 0, 0, 0, 0, 1 } };
	uint8_t room[ETH_HEADER_LEN];
	struct writer w = writer_of(room, sizeof(room));
	struct slice v;

	if (option(l, "src", &v))
		mac_parse(c, v, h.src);
	if (option(l, "dst", &v))
		mac_parse(c, v, h.dst);
	h.type = inner_type(c, at, 0xffff);
	eth_build(&w, &h);
	prepend_written(c, &w);
}

static void build_vlan(struct craft *c, unsigned at)
{
	const struct layer_text *l = &c->layers[at];
	const struct vlan_header h = {
		.id = (uint16_t)number_word(c, l, 1),
		.priority = (uint8_t)number_option(c, l, "prio", 0),
		.type = inner_type(c, at, 0xffff),
	};
	uint8_t room[VLAN_HEADER_LEN];
	struct writer w = writer_of(room, sizeof(room));

	vlan_build(&w, &h);
	prepend_written(c, &w);
}

static void build_arp(struct craft *c, unsigned at)
{
	const struct layer_text *l = &c->layers[at];
	struct arp_header h = { .opcode = ARP_REQUEST, .src_mac = { 2, 0, 0, 0, 0, 1 } };
	uint8_t room[ARP_HEADER_LEN];
	struct writer w = writer_of(room, sizeof(room));
	struct ip_addr a = { 0 };

	if (flag(l, "reply"))
		h.opcode = ARP_REPLY;
	addr_parse(c, l, 2, 4, &a);
	memcpy(h.src_ip, a.bytes, 4);
	addr_parse(c, l, 3, 4, &a);
	memcpy(h.dst_ip, a.bytes, 4);
	if (l->count > 4)
		mac_parse(c, l->words[4], h.src_mac);
	if (l->count > 5)
		mac_parse(c, l->words[5], h.dst_mac);
	arp_build(&w, &h);
	prepend_written(c, &w);
}

static void build_mpls(struct craft *c, unsigned at)
{
	const struct layer_text *l = &c->layers[at];
	const struct mpls_entry e = {
		.label = number_word(c, l, 1),
		.ttl = (uint8_t)number_option(c, l, "ttl", 64),
		.bottom = !flag(l, "more") && !(at + 1 < c->count && c->layers[at + 1].kind == l->kind),
	};
	uint8_t room[MPLS_HEADER_LEN];
	struct writer w = writer_of(room, sizeof(room));

	mpls_build(&w, &e);
	prepend_written(c, &w);
}

static void build_pppoe(struct craft *c, unsigned at)
{
	const struct layer_text *l = &c->layers[at];
	const bool v6 = at + 1 < c->count && c->layers[at + 1].ip_version == 6;
	uint8_t room[PPPOE_HEADER_LEN + 2];
	struct writer w = writer_of(room, sizeof(room));
	const struct pppoe_header h = {
		.session = (uint16_t)number_word(c, l, 1),
		.length = (uint16_t)(frame_len(c) + 2),
	};

	pppoe_build(&w, &h);
	write_be16(&w, v6 ? 0x57 : 0x21);
	prepend_written(c, &w);
}

static void build_ipv4(struct craft *c, unsigned at)
{
	const struct layer_text *l = &c->layers[at];
	uint8_t room[IPV4_HEADER_MAX + 4], options[40];
	struct writer w = writer_of(room, sizeof(room));
	struct ipv4_header h = {
		.tos = (uint8_t)number_option(c, l, "tos", 0),
		.ttl = (uint8_t)number_option(c, l, "ttl", 64),
		.id = (uint16_t)number_option(c, l, "id", 0),
		.proto = inner_proto(c, at, "proto"),
		.frag_dont = flag(l, "df"),
		.frag_more = flag(l, "mf"),
		.frag_offset = (uint16_t)number_option(c, l, "off", 0),
		.src = l->src,
		.dst = l->dst,
		.payload_len = (uint16_t)frame_len(c),
	};
	struct slice v;

	if (option(l, "opt", &v))
		h.options = slice_of(options, hex(c, v, options, sizeof(options)));
	ipv4_build(&w, &h);
	if (flag(l, "badsum"))
		room[10] ^= 0x5a;
	prepend_written(c, &w);
}

static void build_ipv6(struct craft *c, unsigned at)
{
	const struct layer_text *l = &c->layers[at];
	uint8_t room[IPV6_HEADER_LEN];
	struct writer w = writer_of(room, sizeof(room));
	const struct ipv6_header h = {
		.traffic_class = (uint8_t)number_option(c, l, "tos", 0),
		.hop_limit = (uint8_t)number_option(c, l, "ttl", 64),
		.flow_label = number_option(c, l, "flow", 0),
		.next = inner_proto(c, at, "next"),
		.src = l->src,
		.dst = l->dst,
		.payload_len = (uint16_t)frame_len(c),
	};

	ipv6_build(&w, &h);
	prepend_written(c, &w);
}

/* hop HEX, dst HEX */
static void build_options(struct craft *c, unsigned at)
{
	const struct layer_text *l = &c->layers[at];
	uint8_t options[256], room[HEADER_MAX];
	struct writer w = writer_of(room, sizeof(room));
	size_t n = 0;

	if (l->count > 1 && memchr(l->words[1].data, '=', l->words[1].len) == NULL)
		n = hex(c, l->words[1], options, sizeof(options));
	ipv6_options_build(&w, inner_proto(c, at, "next"), slice_of(options, n));
	prepend_written(c, &w);
}

static void build_frag(struct craft *c, unsigned at)
{
	const struct layer_text *l = &c->layers[at];
	uint8_t room[IPV6_FRAGMENT_LEN];
	struct writer w = writer_of(room, sizeof(room));
	const struct ipv6_fragment f = {
		.next = inner_proto(c, at, "next"),
		.offset = (uint16_t)number_option(c, l, "off", 0),
		.id = number_option(c, l, "id", 0),
		.more = flag(l, "mf"),
	};

	ipv6_fragment_build(&w, &f);
	prepend_written(c, &w);
}

/* Sums an L4 header that has just been put in front, with the addresses of the IP layer around. */
static void l4_sum(struct craft *c, unsigned at, uint8_t *l4, uint8_t proto, size_t sum_at)
{
	unsigned i = at;

	if (l4 == NULL)
		return;
	while (i > 0 && c->layers[i].ip_version == 0)
		i--;
	if (c->layers[i].ip_version != 0 || proto == PROTO_ICMP)
		l4_checksum_set(l4, frame_len(c), proto, c->layers[i].ip_version, &c->layers[i].src,
				&c->layers[i].dst);
	if (flag(&c->layers[at], "badsum"))
		l4[sum_at] ^= 0x5a;
}

static uint8_t tcp_flags_parse(struct craft *c, struct slice word)
{
	static const char letters[] = "FSRPAUEC";
	uint8_t flags = 0;

	for (size_t i = 0; i < word.len; i++) {
		const char *p = word.data[i] ? strchr(letters, word.data[i]) : NULL;

		if (p == NULL && word.data[i] != '.')
			wrong(c, word);
		flags |= p ? (uint8_t)(1 << (p - letters)) : TCP_ACK;
	}
	return flags;
}

/* "A,B" or "A-B" */
static void pair(struct craft *c, struct slice v, uint32_t out[2])
{
	size_t end = 0;

	out[0] = number_at(c, v, &end);
	if (end + 1 >= v.len)
		wrong(c, v);
	else
		out[1] = number(c, slice_skip(v, end + 1));
}

static void build_tcp(struct craft *c, unsigned at)
{
	const struct layer_text *l = &c->layers[at];
	uint8_t room[TCP_HEADER_MAX + 64], options[40];
	struct writer w = writer_of(room, sizeof(room));
	struct tcp_header h = {
		.src_port = (uint16_t)number_word(c, l, 1),
		.dst_port = (uint16_t)number_word(c, l, 2),
		.seq = number_option(c, l, "seq", 0),
		.ack = number_option(c, l, "ack", 0),
		.window = (uint16_t)number_option(c, l, "win", 65535),
		.urgent = (uint16_t)number_option(c, l, "urg", 0),
		.flags = TCP_ACK,
	};
	struct slice v;
	uint32_t two[2];

	if (l->count > 3 && memchr(l->words[3].data, '=', l->words[3].len) == NULL && isupper(l->words[3].data[0]))
		h.flags = tcp_flags_parse(c, l->words[3]);
	if (option(l, "mss", &v)) {
		h.options.has_mss = true;
		h.options.mss = (uint16_t)number(c, v);
	}
	if (option(l, "wscale", &v)) {
		h.options.has_wscale = true;
		h.options.wscale = (uint8_t)number(c, v);
	}
	h.options.sack_permitted = flag(l, "sackok");
	if (option(l, "ts", &v)) {
		pair(c, v, two);
		h.options.has_timestamp = true;
		h.options.ts_val = two[0];
		h.options.ts_ecr = two[1];
	}
	if (option(l, "sack", &v)) {
		pair(c, v, h.options.sack[0]);
		h.options.sack_blocks = 1;
	}
	if (option(l, "opt", &v))
		h.raw_options = slice_of(options, hex(c, v, options, sizeof(options)));
	tcp_build(&w, &h);
	l4_sum(c, at, prepend_written(c, &w), PROTO_TCP, 16);
}

static void build_udp(struct craft *c, unsigned at)
{
	const struct layer_text *l = &c->layers[at];
	uint8_t room[UDP_HEADER_LEN];
	struct writer w = writer_of(room, sizeof(room));
	const struct udp_header h = {
		.src_port = (uint16_t)number_word(c, l, 1),
		.dst_port = (uint16_t)number_word(c, l, 2),
		.payload_len = (uint16_t)frame_len(c),
	};

	udp_build(&w, &h);
	l4_sum(c, at, prepend_written(c, &w), PROTO_UDP, 6);
}

static void build_icmp(struct craft *c, unsigned at)
{
	const struct layer_text *l = &c->layers[at];
	uint8_t room[ICMP_HEADER_LEN];
	struct writer w = writer_of(room, sizeof(room));
	const struct icmp_header h = {
		.type = (uint8_t)number_word(c, l, 1),
		.code = (uint8_t)number_word(c, l, 2),
		.rest = number_option(c, l, "rest", number_option(c, l, "id", 0) << 16 |
						     number_option(c, l, "seq", 0)),
	};

	icmp_build(&w, &h);
	l4_sum(c, at, prepend_written(c, &w), l->kind->proto, 2);
}

static void build_sctp(struct craft *c, unsigned at)
{
	const struct layer_text *l = &c->layers[at];
	uint8_t room[SCTP_HEADER_LEN];
	struct writer w = writer_of(room, sizeof(room));
	const struct sctp_header h = {
		.src_port = (uint16_t)number_word(c, l, 1),
		.dst_port = (uint16_t)number_word(c, l, 2),
		.tag = number_option(c, l, "tag", 0),
	};

	sctp_build(&w, &h);
	prepend_written(c, &w);
}

static void build_gre(struct craft *c, unsigned at)
{
	const struct layer_text *l = &c->layers[at];
	uint8_t room[16];
	struct writer w = writer_of(room, sizeof(room));
	struct gre_header h = { .type = inner_type(c, at, ETHER_BRIDGE) };
	struct slice v;

	h.has_key = option(l, "key", &v);
	h.key = number_option(c, l, "key", 0);
	h.has_seq = option(l, "seq", &v);
	h.seq = number_option(c, l, "seq", 0);
	gre_build(&w, &h);
	prepend_written(c, &w);
}

static void build_vxlan(struct craft *c, unsigned at)
{
	uint8_t room[VXLAN_HEADER_LEN];
	struct writer w = writer_of(room, sizeof(room));

	vxlan_build(&w, number_word(c, &c->layers[at], 1));
	prepend_written(c, &w);
}

static void build_geneve(struct craft *c, unsigned at)
{
	uint8_t room[GENEVE_HEADER_LEN];
	struct writer w = writer_of(room, sizeof(room));
	const struct geneve_header h = {
		.type = inner_type(c, at, ETHER_BRIDGE),
		.vni = number_word(c, &c->layers[at], 1),
	};

	geneve_build(&w, &h);
	prepend_written(c, &w);
}

static void build_gtpu(struct craft *c, unsigned at)
{
	uint8_t room[GTPU_HEADER_LEN];
	struct writer w = writer_of(room, sizeof(room));

	gtpu_build(&w, number_word(c, &c->layers[at], 1), (uint16_t)frame_len(c));
	prepend_written(c, &w);
}

static void build_esp(struct craft *c, unsigned at)
{
	uint8_t room[8];
	struct writer w = writer_of(room, sizeof(room));

	write_be32(&w, number_word(c, &c->layers[at], 1));
	write_be32(&w, number_word(c, &c->layers[at], 2));
	prepend_written(c, &w);
}

/* "text", hex:..., zeros:N */
static void build_payload(struct craft *c, unsigned at)
{
	const struct slice w = c->layers[at].words[0];

	if (w.data[0] == '"') {
		prepend(c, w.data + 1, w.len - 2);
	} else if (w.data[0] == 'h') {
		const struct slice digits = slice_skip(w, 4);
		uint8_t *p;

		if (digits.len / 2 > c->start) {
			c->err = c->err ? c->err : -ENOSPC;
			return;
		}
		p = c->out + c->start - digits.len / 2;
		if (hex(c, digits, p, digits.len / 2) * 2 == digits.len)
			c->start -= digits.len / 2;
	} else {
		const uint32_t n = number(c, slice_skip(w, 6));

		if (c->err || n > c->start) {
			c->err = c->err ? c->err : -ENOSPC;
			return;
		}
		c->start -= n;
		memset(c->out + c->start, 0, n);
	}
}

static const struct layer_kind kinds[] = {
	{ "eth", ETHER_BRIDGE, 0, false, build_eth },
	{ "vlan", ETHER_VLAN, 0, false, build_vlan },
	{ "arp", ETHER_ARP, 0, false, build_arp },
	{ "mpls", ETHER_MPLS, 0, false, build_mpls },
	{ "pppoe", ETHER_PPPOE_SESSION, 0, false, build_pppoe },
	{ "ipv4", ETHER_IPV4, PROTO_IPIP, true, build_ipv4 },
	{ "ipv6", ETHER_IPV6, PROTO_IPV6, true, build_ipv6 },
	{ "hop", 0, PROTO_HOPOPTS, true, build_options },
	{ "dst", 0, PROTO_DSTOPTS, true, build_options },
	{ "frag", 0, PROTO_FRAGMENT, true, build_frag },
	{ "tcp", 0, PROTO_TCP, true, build_tcp },
	{ "udp", 0, PROTO_UDP, true, build_udp },
	{ "icmp", 0, PROTO_ICMP, true, build_icmp },
	{ "icmpv6", 0, PROTO_ICMPV6, true, build_icmp },
	{ "sctp", 0, PROTO_SCTP, true, build_sctp },
	{ "gre", 0, PROTO_GRE, true, build_gre },
	{ "vxlan", 0, 0, false, build_vxlan },
	{ "geneve", 0, 0, false, build_geneve },
	{ "gtpu", 0, 0, false, build_gtpu },
	{ "esp", 0, PROTO_ESP, true, build_esp },
};

static const struct layer_kind payload_kind = { "payload", 0, 0, false, build_payload };

static const struct layer_kind *kind_find(struct slice word)
{
	if (word.data[0] == '"' || (word.len > 4 && memcmp(word.data, "hex:", 4) == 0) ||
	    (word.len > 6 && memcmp(word.data, "zeros:", 6) == 0))
		return &payload_kind;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (word_is(word, kinds[i].name))
			return &kinds[i];
	return NULL;
}

/* The next word, or a "text" with its quotes, or a "/"; empty at the end. */
static struct slice word_next(struct craft *c, const char **text)
{
	const char *p = *text + strspn(*text, " \t\n");
	size_t n;

	if (*p == '"') {
		const char *end = strchr(p + 1, '"');

		n = end ? (size_t)(end - p) + 1 : strlen(p);
		if (end == NULL)
			wrong(c, slice_of(p, n));
	} else {
		n = strcspn(p, " \t\n");
	}
	*text = p + n;
	return slice_of(p, n);
}

static void layers_cut(struct craft *c, const char *text)
{
	while (!c->err) {
		struct layer_text *l = &c->layers[c->count];
		struct slice w = word_next(c, &text);

		if (c->err || c->count == LAYERS_MAX || w.len == 0) {
			wrong(c, w);
			return;
		}
		l->kind = kind_find(w);
		if (l->kind == NULL) {
			wrong(c, w);
			return;
		}
		c->count++;
		while (w.len != 0 && !word_is(w, "/")) {
			if (l->count == WORDS_MAX) {
				wrong(c, w);
				return;
			}
			l->words[l->count++] = w;
			w = word_next(c, &text);
		}
		if (word_is(l->words[0], "ipv4") || word_is(l->words[0], "ipv6")) {
			l->ip_version = l->words[0].data[3] == '4' ? 4 : 6;
			addr_parse(c, l, 1, l->ip_version, &l->src);
			addr_parse(c, l, 2, l->ip_version, &l->dst);
		}
		if (w.len == 0)
			return;
	}
}

int craft(uint8_t *out, size_t cap, const char *text, size_t *at)
{
	struct craft c = { .out = out, .cap = cap, .start = cap };

	layers_cut(&c, text);
	for (unsigned i = c.count; i > 0 && !c.err; i--)
		c.layers[i - 1].kind->build(&c, i - 1);
	if (c.err) {
		if (at != NULL)
			*at = c.wrong ? (size_t)(c.wrong - text) : 0;
		return c.err;
	}
	memmove(out, out + c.start, frame_len(&c));
	return (int)frame_len(&c);
}
