/* craft.c - see craft.h. The text is cut into layers and words first, and a layer's words are put
 * where its kind has them; then the frame is built from its end: each layer puts its header in
 * front of what is there already, so that it knows lengths and can sum what it covers. */
#include "stack/wire/craft.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "base/text.h"
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
	const struct craft_opts *opts;
	struct craft_error error;       /* at is filled in at the end, from wrong */
	const char *wrong;              /* where in the text */
	int err;
};

struct layer_kind {
	const char *name;
	const char *places;             /* words known by where they stand; "a=b" as well */
	const char *options;            /* "name=" takes a value, "name" is a flag */
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

__attribute__((format(printf, 3, 4)))
static void wrong(struct craft *c, struct slice word, const char *fmt, ...)
{
	va_list args;

	if (c->err)
		return;
	c->err = -EINVAL;
	c->wrong = (const char *)word.data;
	c->error.len = word.len;
	va_start(args, fmt);
	vsnprintf(c->error.text, sizeof(c->error.text), fmt, args);
	va_end(args);
}

/* How a word is shown: cut where it is long. */
#define SHOWN(w) (int)((w).len < 40 ? (w).len : 40), (const char *)(w).data

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

/* A number up to max at the start of w; *end is behind it. */
static uint32_t number_at(struct craft *c, struct slice w, size_t *end, uint32_t max)
{
	char text[32];
	char *stop;
	unsigned long v;
	const size_t n = w.len < sizeof(text) - 1 ? w.len : sizeof(text) - 1;

	memcpy(text, w.data, n);
	text[n] = '\0';
	v = strtoul(text, &stop, 0);
	*end = (size_t)(stop - text);
	if (*end == 0 || !isdigit(w.data[0]) || v > max)
		wrong(c, w, "expected a number up to %u", max);
	return (uint32_t)v;
}

static uint32_t number(struct craft *c, struct slice w, uint32_t max)
{
	size_t end = 0;
	const uint32_t v = w.len ? number_at(c, w, &end, max) : 0;

	if (end != w.len || w.len == 0)
		wrong(c, w, "expected a number up to %u", max);
	return v;
}

static uint32_t number_option(struct craft *c, const struct layer_text *l, const char *key, uint32_t otherwise,
			      uint32_t max)
{
	struct slice v;

	return option(l, key, &v) ? number(c, v, max) : otherwise;
}

/* The name of place i of a layer. */
static struct slice place_name(const struct layer_kind *kind, unsigned i)
{
	const char *p = kind->places;

	while (i > 1 && *p != '\0') {
		p += strcspn(p, " ");
		p += *p == ' ';
		i--;
	}
	return slice_of(p, strcspn(p, " "));
}

static bool has_word(const struct layer_text *l, unsigned i)
{
	return i < l->count && l->words[i].len > 0;
}

static void missing(struct craft *c, const struct layer_text *l, unsigned i)
{
	const struct slice name = place_name(l->kind, i);

	wrong(c, l->words[0], "%s needs %.*s=", l->kind->name, SHOWN(name));
}

/* Word i as a number; missing words are the layer's fault. */
static uint32_t number_word(struct craft *c, const struct layer_text *l, unsigned i, uint32_t max)
{
	if (!has_word(l, i)) {
		missing(c, l, i);
		return 0;
	}
	return number(c, l->words[i], max);
}

static size_t hex(struct craft *c, struct slice w, uint8_t *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < w.len; i += 2) {
		if (i + 1 >= w.len || text_hex_digit(w.data[i]) < 0 || text_hex_digit(w.data[i + 1]) < 0) {
			wrong(c, w, "expected hex digits, two a byte");
			return 0;
		}
		if (n == cap) {
			wrong(c, w, "expected at most %zu bytes", cap);
			return 0;
		}
		out[n++] = (uint8_t)(text_hex_digit(w.data[i]) << 4 | text_hex_digit(w.data[i + 1]));
	}
	return n;
}

static void mac_parse(struct craft *c, struct slice w, uint8_t mac[6])
{
	if (!text_mac(w, mac))
		wrong(c, w, "expected a MAC address like 02:00:00:00:00:01");
}

static void addr_parse(struct craft *c, const struct layer_text *l, unsigned i, uint8_t version, struct ip_addr *a)
{
	char text[IP_TEXT_MAX];
	uint8_t found = 0;
	const struct slice w = has_word(l, i) ? l->words[i] : l->words[0];

	if (!has_word(l, i)) {
		missing(c, l, i);
		return;
	}
	snprintf(text, sizeof(text), "%.*s", (int)(w.len < sizeof(text) ? w.len : sizeof(text)), (const char *)w.data);
	if (w.len >= sizeof(text) || ip_addr_parse(a, &found, text) < 0 || found != version)
		wrong(c, w, version == 4 ? "expected an IPv4 address" : "expected an IPv6 address");
}

/* ---- what the layer inside is ---- */

static uint16_t inner_type(struct craft *c, unsigned at, uint16_t otherwise)
{
	const struct layer_text *l = &c->layers[at];

	if (at + 1 < c->count && c->layers[at + 1].kind->ether_type)
		otherwise = c->layers[at + 1].kind->ether_type;
	return (uint16_t)number_option(c, l, "type", otherwise, UINT16_MAX);
}

static uint8_t inner_proto(struct craft *c, unsigned at, const char *key)
{
	const struct layer_text *l = &c->layers[at];
	uint8_t proto = 255;

	if (at + 1 < c->count && c->layers[at + 1].kind->has_proto)
		proto = c->layers[at + 1].kind->proto;
	return (uint8_t)number_option(c, l, key, proto, UINT8_MAX);
}

/* ---- layers ---- */

static void build_eth(struct craft *c, unsigned at)
{
	const struct layer_text *l = &c->layers[at];
	struct eth_header h;
	uint8_t room[ETH_HEADER_LEN];
	struct writer w = writer_of(room, sizeof(room));
	struct slice v;

	memcpy(h.src, c->opts->eth_src, 6);
	memcpy(h.dst, c->opts->eth_dst, 6);
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
		.id = (uint16_t)number_word(c, l, 1, 4095),
		.priority = (uint8_t)number_option(c, l, "prio", 0, 7),
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
	struct arp_header h = { .opcode = ARP_REQUEST };
	uint8_t room[ARP_HEADER_LEN];
	struct writer w = writer_of(room, sizeof(room));
	struct ip_addr a = { 0 };

	memcpy(h.src_mac, c->opts->eth_src, 6);
	if (flag(l, "reply"))
		h.opcode = ARP_REPLY;
	else if (has_word(l, 1) && !flag(l, "request"))
		wrong(c, l->words[1], "expected request or reply");
	addr_parse(c, l, 2, 4, &a);
	memcpy(h.src_ip, a.bytes, 4);
	addr_parse(c, l, 3, 4, &a);
	memcpy(h.dst_ip, a.bytes, 4);
	if (has_word(l, 4))
		mac_parse(c, l->words[4], h.src_mac);
	if (has_word(l, 5))
		mac_parse(c, l->words[5], h.dst_mac);
	arp_build(&w, &h);
	prepend_written(c, &w);
}

static void build_mpls(struct craft *c, unsigned at)
{
	const struct layer_text *l = &c->layers[at];
	const struct mpls_entry e = {
		.label = number_word(c, l, 1, 0xfffff),
		.ttl = (uint8_t)number_option(c, l, "ttl", 64, UINT8_MAX),
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
		.session = (uint16_t)number_word(c, l, 1, UINT16_MAX),
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
		.tos = (uint8_t)number_option(c, l, "tos", 0, UINT8_MAX),
		.ttl = (uint8_t)number_option(c, l, "ttl", 64, UINT8_MAX),
		.id = (uint16_t)number_option(c, l, "id", 0, UINT16_MAX),
		.proto = inner_proto(c, at, "proto"),
		.frag_dont = flag(l, "df"),
		.frag_more = flag(l, "mf"),
		.frag_offset = (uint16_t)number_option(c, l, "off", 0, 65528),
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
		.traffic_class = (uint8_t)number_option(c, l, "tos", 0, UINT8_MAX),
		.hop_limit = (uint8_t)number_option(c, l, "ttl", 64, UINT8_MAX),
		.flow_label = number_option(c, l, "flow", 0, 0xfffff),
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

	if (has_word(l, 1))
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
		.offset = (uint16_t)number_option(c, l, "off", 0, 65528),
		.id = number_option(c, l, "id", 0, UINT32_MAX),
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
			wrong(c, word, "expected TCP flags out of FSRPAUEC, or . for ACK");
		flags |= p ? (uint8_t)(1 << (p - letters)) : TCP_ACK;
	}
	return flags;
}

/* "A,B" or "A-B" */
static void pair(struct craft *c, struct slice v, uint32_t out[2])
{
	size_t end = 0;

	out[1] = 0;
	if (v.len)
		out[0] = number_at(c, v, &end, UINT32_MAX);
	if (end + 1 >= v.len)
		wrong(c, v, "expected two numbers");
	else
		out[1] = number(c, slice_skip(v, end + 1), UINT32_MAX);
}

/* Left out, it is one that nobody listens on. */
static uint16_t source_port(struct craft *c, const struct layer_text *l)
{
	return has_word(l, 1) ? (uint16_t)number_word(c, l, 1, UINT16_MAX) : CRAFT_SOURCE_PORT;
}

static void build_tcp(struct craft *c, unsigned at)
{
	const struct layer_text *l = &c->layers[at];
	uint8_t room[TCP_HEADER_MAX + 64], options[40];
	struct writer w = writer_of(room, sizeof(room));
	struct tcp_header h = {
		.src_port = source_port(c, l),
		.dst_port = (uint16_t)number_word(c, l, 2, UINT16_MAX),
		.seq = number_option(c, l, "seq", 0, UINT32_MAX),
		.ack = number_option(c, l, "ack", 0, UINT32_MAX),
		.window = (uint16_t)number_option(c, l, "win", 65535, UINT16_MAX),
		.urgent = (uint16_t)number_option(c, l, "urg", 0, UINT16_MAX),
		.flags = TCP_ACK,
	};
	struct slice v;
	uint32_t two[2] = { 0 };

	if (has_word(l, 3))
		h.flags = tcp_flags_parse(c, l->words[3]);
	if (option(l, "mss", &v)) {
		h.options.has_mss = true;
		h.options.mss = (uint16_t)number(c, v, UINT16_MAX);
	}
	if (option(l, "wscale", &v)) {
		h.options.has_wscale = true;
		h.options.wscale = (uint8_t)number(c, v, UINT8_MAX);
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
		.src_port = source_port(c, l),
		.dst_port = (uint16_t)number_word(c, l, 2, UINT16_MAX),
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
		.type = (uint8_t)(has_word(l, 1) ? number_word(c, l, 1, UINT8_MAX) :
				  l->kind->proto == PROTO_ICMP ? ICMP_ECHO : ICMPV6_ECHO),
		.code = (uint8_t)(has_word(l, 2) ? number_word(c, l, 2, UINT8_MAX) : 0),
		.rest = number_option(c, l, "rest", number_option(c, l, "id", 0, UINT16_MAX) << 16 |
						     number_option(c, l, "seq", 0, UINT16_MAX), UINT32_MAX),
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
		.src_port = source_port(c, l),
		.dst_port = (uint16_t)number_word(c, l, 2, UINT16_MAX),
		.tag = number_option(c, l, "tag", 0, UINT32_MAX),
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
	h.key = number_option(c, l, "key", 0, UINT32_MAX);
	h.has_seq = option(l, "seq", &v);
	h.seq = number_option(c, l, "seq", 0, UINT32_MAX);
	gre_build(&w, &h);
	prepend_written(c, &w);
}

static void build_vxlan(struct craft *c, unsigned at)
{
	uint8_t room[VXLAN_HEADER_LEN];
	struct writer w = writer_of(room, sizeof(room));

	vxlan_build(&w, number_word(c, &c->layers[at], 1, 0xffffff));
	prepend_written(c, &w);
}

static void build_geneve(struct craft *c, unsigned at)
{
	uint8_t room[GENEVE_HEADER_LEN];
	struct writer w = writer_of(room, sizeof(room));
	const struct geneve_header h = {
		.type = inner_type(c, at, ETHER_BRIDGE),
		.vni = number_word(c, &c->layers[at], 1, 0xffffff),
	};

	geneve_build(&w, &h);
	prepend_written(c, &w);
}

static void build_gtpu(struct craft *c, unsigned at)
{
	uint8_t room[GTPU_HEADER_LEN];
	struct writer w = writer_of(room, sizeof(room));

	gtpu_build(&w, number_word(c, &c->layers[at], 1, UINT32_MAX), (uint16_t)frame_len(c));
	prepend_written(c, &w);
}

static void build_esp(struct craft *c, unsigned at)
{
	uint8_t room[8];
	struct writer w = writer_of(room, sizeof(room));

	write_be32(&w, number_word(c, &c->layers[at], 1, UINT32_MAX));
	write_be32(&w, number_word(c, &c->layers[at], 2, UINT32_MAX));
	prepend_written(c, &w);
}

/* What stands between the quotes, with \n, \r, \t, \0, \\, \" and \xHH resolved; its length. */
static size_t text_resolve(struct craft *c, struct slice w, uint8_t *out)
{
	static const char letters[] = "nrt0\\\"", means[] = "\n\r\t\0\\\"";
	size_t n = 0;

	for (size_t i = 0; i < w.len; i++) {
		const char *p;

		if (w.data[i] != '\\') {
			out[n++] = w.data[i];
			continue;
		}
		p = ++i < w.len ? strchr(letters, w.data[i]) : NULL;
		if (p != NULL && *p != '\0') {
			out[n++] = (uint8_t)means[p - letters];
		} else if (i + 2 < w.len && w.data[i] == 'x' && text_hex_digit(w.data[i + 1]) >= 0 &&
			   text_hex_digit(w.data[i + 2]) >= 0) {
			hex(c, slice_of(w.data + i + 1, 2), out + n++, 1);
			i += 2;
		} else {
			wrong(c, slice_of(w.data + i - 1, 2), "expected \\n, \\r, \\t, \\0, \\\\, \\\" or \\xHH");
			return 0;
		}
	}
	return n;
}

static void payload_text(struct craft *c, struct slice w)
{
	size_t n;
	uint8_t *room;

	if (w.len > c->start) {
		c->err = c->err ? c->err : -ENOSPC;
		return;
	}
	room = c->out + c->start - w.len;
	n = text_resolve(c, w, room);
	memmove(room + w.len - n, room, n);
	c->start -= n;
}

/* "text", hex:..., zeros:N */
static void build_payload(struct craft *c, unsigned at)
{
	const struct slice w = c->layers[at].words[0];

	if (w.data[0] == '"') {
		payload_text(c, slice_of(w.data + 1, w.len - 2));
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
		const uint32_t n = number(c, slice_skip(w, 6), UINT32_MAX);

		if (c->err || n > c->start) {
			c->err = c->err ? c->err : -ENOSPC;
			return;
		}
		c->start -= n;
		memset(c->out + c->start, 0, n);
	}
}

static const struct layer_kind kinds[] = {
	{ "eth", "", "src= dst= type=", ETHER_BRIDGE, 0, false, build_eth },
	{ "vlan", "id", "prio= type=", ETHER_VLAN, 0, false, build_vlan },
	{ "arp", "op src dst src-mac dst-mac", "", ETHER_ARP, 0, false, build_arp },
	{ "mpls", "label", "ttl= more", ETHER_MPLS, 0, false, build_mpls },
	{ "pppoe", "session", "", ETHER_PPPOE_SESSION, 0, false, build_pppoe },
	{ "ipv4", "src dst", "ttl= tos= id= df mf off= proto= opt= badsum", ETHER_IPV4, PROTO_IPIP, true, build_ipv4 },
	{ "ipv6", "src dst", "ttl= tos= flow= next=", ETHER_IPV6, PROTO_IPV6, true, build_ipv6 },
	{ "hop", "data", "next=", 0, PROTO_HOPOPTS, true, build_options },
	{ "dst", "data", "next=", 0, PROTO_DSTOPTS, true, build_options },
	{ "frag", "", "id= off= mf next=", 0, PROTO_FRAGMENT, true, build_frag },
	{ "tcp", "sport dport flags", "seq= ack= win= urg= mss= wscale= sackok ts= sack= opt= badsum", 0, PROTO_TCP,
	  true, build_tcp },
	{ "udp", "sport dport", "badsum", 0, PROTO_UDP, true, build_udp },
	{ "icmp", "type code", "id= seq= rest= badsum", 0, PROTO_ICMP, true, build_icmp },
	{ "icmpv6", "type code", "id= seq= rest= badsum", 0, PROTO_ICMPV6, true, build_icmp },
	{ "sctp", "sport dport", "tag=", 0, PROTO_SCTP, true, build_sctp },
	{ "gre", "", "key= seq= type=", 0, PROTO_GRE, true, build_gre },
	{ "vxlan", "vni", "", 0, 0, false, build_vxlan },
	{ "geneve", "vni", "type=", 0, 0, false, build_geneve },
	{ "gtpu", "teid", "", 0, 0, false, build_gtpu },
	{ "esp", "spi seq", "", 0, PROTO_ESP, true, build_esp },
};

static const struct layer_kind payload_kind = { "payload", "", "", 0, 0, false, build_payload };

static const struct layer_kind *kind_named(struct slice word)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (word_is(word, kinds[i].name))
			return &kinds[i];
	return NULL;
}

/* "ip" is the version that its addresses are of. */
static const struct layer_kind *kind_find(const struct layer_text *l)
{
	const struct slice word = l->words[0];
	bool six = false;

	if (word.data[0] == '"' || (word.len > 4 && memcmp(word.data, "hex:", 4) == 0) ||
	    (word.len > 6 && memcmp(word.data, "zeros:", 6) == 0))
		return &payload_kind;
	if (!word_is(word, "ip"))
		return kind_named(word);
	for (unsigned i = 1; i < l->count; i++)
		six = six || memchr(l->words[i].data, ':', l->words[i].len) != NULL;
	return kind_named(slice_str(six ? "ipv6" : "ipv4"));
}

/* The next word, or a "text" with its quotes, or a "/"; empty at the end. */
static struct slice word_next(struct craft *c, const char **text)
{
	const char *p = *text + strspn(*text, " \t\n");
	size_t n;

	if (*p == '"') {
		for (n = 1; p[n] != '\0' && p[n] != '"'; n++)
			n += p[n] == '\\' && p[n + 1] != '\0';
		if (p[n] == '\0')
			wrong(c, slice_of(p, n), "the closing \" is missing");
		else
			n++;
	} else {
		n = *p == '/' ? 1 : strcspn(p, " \t\n/");
	}
	*text = p + n;
	return slice_of(p, n);
}

/* Where name stands in a list of words, from 1; 0 = it doesn't. */
static unsigned list_find(const char *list, struct slice name)
{
	for (unsigned i = 1; *list != '\0'; i++) {
		const size_t n = strcspn(list, " ");

		if (slice_eq(slice_of(list, n), name))
			return i;
		list += n + (list[n] == ' ');
	}
	return 0;
}

static void no_such_option(struct craft *c, const struct layer_kind *kind, struct slice w)
{
	if (kind == &payload_kind)
		wrong(c, w, "expected / or the end behind a payload");
	else
		wrong(c, w, "%s has no \"%.*s\"; it has: %s%s%s", kind->name, SHOWN(w), kind->places,
		      kind->places[0] && kind->options[0] ? " " : "", kind->options);
}

/* Puts a layer's words in order: the kind, its places (empty where nothing was said), then options. */
static void layer_arrange(struct craft *c, struct layer_text *l)
{
	struct slice words[WORDS_MAX] = { l->words[0] };
	unsigned places = 0, next = 1, count;

	for (const char *p = l->kind->places; *p != '\0'; p += p[strcspn(p, " ")] ? strcspn(p, " ") + 1 : strcspn(p, " "))
		places++;
	count = places + 1;
	for (unsigned i = 1; i < l->count && !c->err; i++) {
		const struct slice w = l->words[i];
		const uint8_t *equals = memchr(w.data, '=', w.len);
		const struct slice key = slice_of(w.data, equals ? (size_t)(equals - w.data) : w.len);
		const struct slice with = slice_of(w.data, key.len + 1);
		unsigned at = equals ? list_find(l->kind->places, key) : 0;

		if (equals ? at == 0 && list_find(l->kind->options, with) > 0 : list_find(l->kind->options, w) > 0) {
			if (equals && w.len == with.len)
				wrong(c, w, "expected a value behind %.*s", SHOWN(w));
			else if (count == WORDS_MAX)
				wrong(c, w, "expected at most %d words in a layer", WORDS_MAX);
			else
				words[count++] = w;
			continue;
		}
		while (!equals && next <= places && words[next].len > 0)
			next++;
		at = equals ? at : next;
		if (at == 0 || at > places)
			no_such_option(c, l->kind, w);
		else if (words[at].len > 0)
			wrong(c, w, "%.*s= is there twice", SHOWN(key));
		else
			words[at] = equals ? slice_skip(w, key.len + 1) : w;
		if (!c->err && words[at].len == 0)
			wrong(c, w, "expected a value behind %.*s", SHOWN(w));
	}
	memcpy(l->words, words, sizeof(words));
	l->count = count;
}

static void layer_understand(struct craft *c, struct layer_text *l)
{
	l->kind = kind_find(l);
	if (l->kind == NULL) {
		wrong(c, l->words[0], "there is no layer \"%.*s\"; there are: eth vlan mpls pppoe arp ip ipv4 ipv6 hop dst "
		      "frag tcp udp icmp icmpv6 sctp gre vxlan geneve gtpu esp \"text\" hex:HEX zeros:N", SHOWN(l->words[0]));
		return;
	}
	layer_arrange(c, l);
	l->ip_version = l->kind->build == build_ipv4 ? 4 : l->kind->build == build_ipv6 ? 6 : 0;
	if (c->err || l->ip_version == 0)
		return;
	if (has_word(l, 1) || !(l->ip_version == 4 ? c->opts->has_src4 : c->opts->has_src6))
		addr_parse(c, l, 1, l->ip_version, &l->src);
	else
		l->src = l->ip_version == 4 ? c->opts->src4 : c->opts->src6;
	addr_parse(c, l, 2, l->ip_version, &l->dst);
}

static void layers_cut(struct craft *c, const char *text)
{
	while (!c->err) {
		struct layer_text *l = &c->layers[c->count];
		struct slice w = word_next(c, &text);

		if (c->err || c->count == LAYERS_MAX || w.len == 0 || word_is(w, "/")) {
			wrong(c, w, c->count == LAYERS_MAX ? "expected fewer layers" : "expected a layer, as in: ip dst=192.0.2.1");
			return;
		}
		c->count++;
		while (w.len != 0 && !word_is(w, "/")) {
			if (l->count == WORDS_MAX) {
				wrong(c, w, "expected at most %d words in a layer", WORDS_MAX);
				return;
			}
			l->words[l->count++] = w;
			w = word_next(c, &text);
			if (c->err)
				return;
		}
		layer_understand(c, l);
		if (w.len == 0)
			return;
	}
}

const struct craft_opts craft_opts_default = {
	.eth_src = { 2, 0, 0, 0, 0, 1 }, .eth_dst = { 2, 0, 0, 0, 0, 2 },
};

int craft_with(uint8_t *out, size_t cap, const char *text, const struct craft_opts *opts, struct craft_error *error)
{
	struct craft c = { .out = out, .cap = cap, .start = cap, .opts = opts };

	layers_cut(&c, text);
	for (unsigned i = c.count; i > 0 && !c.err; i--)
		c.layers[i - 1].kind->build(&c, i - 1);
	if (c.err) {
		c.error.at = c.wrong ? (size_t)(c.wrong - text) : 0;
		if (c.err == -ENOSPC)
			snprintf(c.error.text, sizeof(c.error.text), "longer than %zu bytes", cap);
		*error = c.error;
		return c.err;
	}
	memmove(out, out + c.start, frame_len(&c));
	return (int)frame_len(&c);
}

int craft(uint8_t *out, size_t cap, const char *text, size_t *at)
{
	struct craft_error error;
	const int len = craft_with(out, cap, text, &craft_opts_default, &error);

	if (len < 0 && at != NULL)
		*at = error.at;
	return len;
}
