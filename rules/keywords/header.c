/* header.c - fields of packet headers: numbers, flags, options. */
#include <errno.h>
#include <netdb.h>

#include "analyzers/number.h"
#include "rules/inspect.h"
#include "rules/parser.h"
#include "stack/wire/packet.h"

/* One number of a packet; false where the packet has none. */
struct packet_number {
	const char *name;
	uint8_t bits;
	bool (*get)(const struct packet *pkt, uint64_t *v);
};

static bool is_tcp(const struct packet *pkt)
{
	return pkt->l4 != NULL && pkt->proto == 6;
}

static bool is_icmp(const struct packet *pkt)
{
	return pkt->l4 != NULL && ((pkt->proto == 1 && pkt->ip_version == 4) || (pkt->proto == 58 && pkt->ip_version == 6));
}

static bool get_ttl(const struct packet *pkt, uint64_t *v)
{
	*v = pkt->ttl;
	return pkt->ip_version != 0;
}

static bool get_tos(const struct packet *pkt, uint64_t *v)
{
	*v = pkt->tos;
	return pkt->ip_version == 4;
}

static bool get_id(const struct packet *pkt, uint64_t *v)
{
	if (pkt->ip_version != 4 || pkt->ip == NULL)
		return false;
	*v = (uint64_t)pkt->ip[4] << 8 | pkt->ip[5];
	return true;
}

static bool get_fragoffset(const struct packet *pkt, uint64_t *v)
{
	*v = pkt->frag_offset / 8;
	return pkt->ip_version != 0;
}

static bool get_seq(const struct packet *pkt, uint64_t *v)
{
	*v = pkt->seq;
	return is_tcp(pkt);
}

static bool get_ack(const struct packet *pkt, uint64_t *v)
{
	*v = pkt->ack;
	return is_tcp(pkt);
}

static bool get_window(const struct packet *pkt, uint64_t *v)
{
	*v = pkt->window;
	return is_tcp(pkt);
}

static bool get_mss(const struct packet *pkt, uint64_t *v)
{
	*v = pkt->tcp.mss;
	return is_tcp(pkt) && pkt->tcp.has_mss;
}

static bool get_wscale(const struct packet *pkt, uint64_t *v)
{
	*v = pkt->tcp.wscale;
	return is_tcp(pkt) && pkt->tcp.has_wscale;
}

static bool get_itype(const struct packet *pkt, uint64_t *v)
{
	*v = pkt->icmp_type;
	return is_icmp(pkt);
}

static bool get_icode(const struct packet *pkt, uint64_t *v)
{
	*v = pkt->icmp_code;
	return is_icmp(pkt);
}

/* Only the messages that carry them. */
static bool icmp_has_id(const struct packet *pkt)
{
	uint8_t t = pkt->icmp_type;

	if (!is_icmp(pkt))
		return false;
	if (pkt->ip_version == 6)
		return t == 128 || t == 129;
	return t == 0 || t == 8 || (t >= 13 && t <= 18);
}

static bool get_icmp_id(const struct packet *pkt, uint64_t *v)
{
	*v = pkt->icmp_id;
	return icmp_has_id(pkt);
}

static bool get_icmp_seq(const struct packet *pkt, uint64_t *v)
{
	*v = pkt->icmp_seq;
	return icmp_has_id(pkt);
}

static bool get_icmp6_mtu(const struct packet *pkt, uint64_t *v)
{
	if (!is_icmp(pkt) || pkt->ip_version != 6 || pkt->icmp_type != 2 || pkt->l4_header_len < 8)
		return false;
	*v = (uint64_t)pkt->l4[4] << 24 | (uint64_t)pkt->l4[5] << 16 | (uint64_t)pkt->l4[6] << 8 | pkt->l4[7];
	return true;
}

static bool get_vlan_layers(const struct packet *pkt, uint64_t *v)
{
	*v = pkt->vlan_count;
	return true;
}

static bool get_igmp_type(const struct packet *pkt, uint64_t *v)
{
	if (pkt->proto != 2 || pkt->ip_version != 4 || pkt->l4 == NULL || pkt->l4_header_len < 1)
		return false;
	*v = pkt->l4[0];
	return true;
}

static bool get_vxlan_vni(const struct packet *pkt, uint64_t *v)
{
	*v = pkt->tunnel_id;
	return pkt->tunnel == TUNNEL_VXLAN;
}

static const struct packet_number numbers[] = {
	{ "ttl", 8, get_ttl }, { "tos", 8, get_tos }, { "id", 16, get_id }, { "fragoffset", 16, get_fragoffset },
	{ "seq", 32, get_seq }, { "ack", 32, get_ack }, { "window", 16, get_window }, { "tcp.mss", 16, get_mss },
	{ "tcp.wscale", 8, get_wscale }, { "itype", 8, get_itype }, { "icode", 8, get_icode },
	{ "icmp_id", 16, get_icmp_id }, { "icmp_seq", 16, get_icmp_seq }, { "icmpv6.mtu", 32, get_icmp6_mtu },
	{ "vlan.layers", 8, get_vlan_layers }, { "igmp.type", 8, get_igmp_type }, { "vxlan_vni", 32, get_vxlan_vni },
};

struct number_condition {
	const struct packet_number *number;
	struct number_test test;
};

static bool number_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct number_condition *c = data;
	uint64_t v;

	(void)rule;
	return !(in->pkt->flags & PACKET_END_OF_FLOW) && c->number->get(in->pkt, &v) && number_test_match(&c->test, v);
}

static int number_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct number_condition *c = rule_alloc(p, sizeof(*c));
	const char *error;

	if (c == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(kw->name, numbers[i].name) == 0)
			c->number = &numbers[i];
	if (!number_test_parse(&c->test, argument, c->number->bits, NULL, &error)) {
		rule_hint(p, "write a number, a comparison (>10) or a range (10<>20)");
		return rule_error(p, argument.data, "%.*s: %s", SLICE_ARG(argument), error);
	}
	(void)negated;
	if (strcmp(kw->name, "fragoffset") == 0 && c->test.op != '=' && c->test.op != '<' && c->test.op != '>')
		return rule_error(p, argument.data, "fragoffset takes a number, with < or > in front");
	return rule_condition_add(p, kw, c, STAGE_PACKET) != NULL ? 0 : -EINVAL;
}

/* flags:[!|*|+]LETTERS[,IGNORED] */
struct tcp_flags {
	uint8_t flags, ignored;
	char modifier;          /* 0 exactly, '+' these and others, '*' any of them, '!' none of them */
};

static bool flags_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct tcp_flags *t = data;
	uint8_t flags;

	(void)rule;
	if (!is_tcp(in->pkt) || (in->pkt->flags & PACKET_END_OF_FLOW))
		return false;
	flags = in->pkt->tcp_flags & (uint8_t)~t->ignored;
	switch (t->modifier) {
	case '+':
		return (flags & t->flags) == t->flags;
	case '*':
		return (flags & t->flags) != 0;
	case '!':
		return (flags & t->flags) != t->flags;
	}
	return flags == t->flags;
}

static int flag_letters(struct rule_parser *p, struct slice text, uint8_t *flags, char *modifier)
{
	static const struct { char letter; uint8_t bit; } letters[] = {
		{ 'F', 1 }, { 'S', 2 }, { 'R', 4 }, { 'P', 8 }, { 'A', 16 }, { 'U', 32 }, { 'E', 64 }, { '2', 64 },
		{ 'C', 128 }, { '1', 128 }, { '0', 0 },
	};

	for (size_t i = 0; i < text.len; i++) {
		bool known = false;
		char c = (char)text.data[i];

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 32);
		if (modifier != NULL && (c == '+' || c == '*' || c == '!')) {
			if (*modifier != 0)
				return rule_error(p, text.data + i, "only one of ! + * can be used");
			*modifier = c;
			continue;
		}
		for (size_t k = 0; k < sizeof(letters) / sizeof(letters[0]); k++) {
			if (letters[k].letter == c) {
				*flags |= letters[k].bit;
				known = true;
			}
		}
		if (!known) {
			rule_hint(p, "F S R P A U E C, 0 for none; in front + (and others), * (any), ! (not)");
			return rule_error(p, text.data + i, "\"%c\" isn't a TCP flag", text.data[i]);
		}
	}
	return 0;
}

static int flags_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct tcp_flags *t = rule_alloc(p, sizeof(*t));
	struct slice rest = argument, letters;

	(void)negated;
	if (t == NULL)
		return -ENOMEM;
	text_part(&rest, ',', &letters);
	if (letters.len == 0)
		return rule_error(p, argument.data, "flags names no flag");
	if (flag_letters(p, letters, &t->flags, &t->modifier) < 0)
		return -EINVAL;
	if (rest.data != NULL && flag_letters(p, text_trim(rest), &t->ignored, NULL) < 0)
		return -EINVAL;
	p->has_flags = true;
	return rule_condition_add(p, kw, t, STAGE_PACKET) != NULL ? 0 : -EINVAL;
}

/* fragbits:[!|*|+]MDR */
static bool fragbits_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct tcp_flags *t = data;
	uint8_t bits;

	(void)rule;
	if (in->pkt->ip_version != 4 || in->pkt->ip == NULL)
		return false;
	bits = in->pkt->ip[6] >> 5;
	switch (t->modifier) {
	case '+':
		return (bits & t->flags) == t->flags;
	case '*':
		return (bits & t->flags) != 0;
	case '!':
		return (bits & t->flags) == 0;
	}
	return bits == t->flags;
}

static int fragbits_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct tcp_flags *t = rule_alloc(p, sizeof(*t));

	(void)negated;
	if (t == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < argument.len; i++) {
		uint8_t c = argument.data[i];

		if (c == '+' || c == '*' || c == '!')
			t->modifier = (char)c;
		else if (c == 'M')
			t->flags |= 1;
		else if (c == 'D')
			t->flags |= 2;
		else if (c == 'R')
			t->flags |= 4;
		else {
			rule_hint(p, "M (more), D (don't fragment), R (reserved); in front + * !");
			return rule_error(p, argument.data + i, "\"%c\" isn't a fragmentation bit", c);
		}
	}
	return rule_condition_add(p, kw, t, STAGE_PACKET) != NULL ? 0 : -EINVAL;
}

static bool sameip_match(struct inspect *in, const struct rule *rule, const void *data)
{
	(void)rule;
	(void)data;
	return in->pkt->ip_version != 0 && ip_addr_eq(&in->pkt->src, &in->pkt->dst);
}

static int plain_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	(void)argument;
	(void)negated;
	return rule_condition_add(p, kw, NULL, STAGE_PACKET) != NULL ? 0 : -EINVAL;
}

/* ip_proto:[<|>|!]NUMBER|name */
static bool ip_proto_match(struct inspect *in, const struct rule *rule, const void *data)
{
	(void)rule;
	return in->pkt->ip_version != 0 && number_test_match(data, in->pkt->proto);
}

static int ip_proto_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct number_test *t = rule_alloc(p, sizeof(*t));
	struct slice name = argument;
	char text[32], buffer[1024];
	struct protoent entry, *found = NULL;
	uint32_t v;

	(void)negated;
	if (t == NULL)
		return -ENOMEM;
	t->op = '=';
	if (name.len > 0 && strchr("<>!=", name.data[0]) != NULL && name.data[0] != '\0') {
		t->op = name.data[0];
		name = text_trim(slice_of(name.data + 1, name.len - 1));
	}
	if (text_u32(name, 255, &v)) {
		t->a = v;
	} else {
		snprintf(text, sizeof(text), "%.*s", SLICE_ARG(name));
		if (name.len == 0 || name.len >= sizeof(text) ||
		    getprotobyname_r(text, &entry, buffer, sizeof(buffer), &found) != 0 || found == NULL) {
			rule_hint(p, "a number up to 255, or a name of /etc/protocols");
			return rule_error(p, name.data, "\"%.*s\" isn't an IP protocol", SLICE_ARG(name));
		}
		t->a = (uint64_t)found->p_proto;
	}
	if ((t->op == '<' && t->a == 0) || (t->op == '>' && t->a == 255))
		return rule_error(p, name.data, "no protocol passes this test");
	if (p->rule->protos[31] != 0xff) {
		rule_hint(p, "write alert ip");
		return rule_error(p, NULL, "ip_proto is for rules about any IP protocol");
	}
	return rule_condition_add(p, kw, t, STAGE_PACKET) != NULL ? 0 : -EINVAL;
}

static const struct { const char *name; uint8_t type; } ip_options[] = {
	{ "rr", 7 }, { "lsrr", 131 }, { "lsrre", 131 }, { "eol", 0 }, { "nop", 1 }, { "ts", 68 }, { "sec", 130 }, { "esec", 133 },
	{ "ssrr", 137 }, { "satid", 136 }, { "any", 255 },
};

static bool ipopts_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const uint8_t *type = data, *at, *end;

	(void)rule;
	if (in->pkt->ip_version != 4 || in->pkt->ip == NULL || in->pkt->ip_header_len <= 20)
		return false;
	if (*type == 255)
		return true;
	at = in->pkt->ip + 20;
	end = in->pkt->ip + in->pkt->ip_header_len;
	while (at < end) {
		if (*at == *type)
			return true;
		if (*at == 0)
			return false;
		if (*at == 1) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2)
			return false;
		at += at[1];
	}
	return false;
}

static int ipopts_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	uint8_t *type = rule_alloc(p, sizeof(*type));

	(void)negated;
	if (type == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(ip_options) / sizeof(ip_options[0]); i++) {
		if (text_is_nocase(argument, ip_options[i].name)) {
			*type = ip_options[i].type;
			return rule_condition_add(p, kw, type, STAGE_PACKET) != NULL ? 0 : -EINVAL;
		}
	}
	rule_hint(p, "rr, lsrr, ssrr, eol, nop, ts, sec, esec, satid or any");
	return rule_error(p, argument.data, "unknown IP option \"%.*s\"", SLICE_ARG(argument));
}

/* vlan.id:NUMBER[,layer] */
struct vlan_condition {
	struct number_test test;
	int8_t layer;           /* -128 any, -127 all */
};
#define LAYER_ANY (-128)
#define LAYER_ALL (-127)

static bool vlan_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct vlan_condition *c = data;
	int count = in->pkt->vlan_count, at = c->layer < 0 ? count + c->layer : c->layer;

	(void)rule;
	if (c->layer != LAYER_ANY && c->layer != LAYER_ALL)
		return at >= 0 && at < count && number_test_match(&c->test, in->pkt->vlan[at]);
	for (int i = 0; i < count; i++)
		if (number_test_match(&c->test, in->pkt->vlan[i]) == (c->layer == LAYER_ANY))
			return c->layer == LAYER_ANY;
	return count > 0 && c->layer == LAYER_ALL;
}

static int vlan_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct vlan_condition *c = rule_alloc(p, sizeof(*c));
	struct slice rest = argument, number;
	const char *error;
	int64_t layer;

	(void)negated;
	if (c == NULL)
		return -ENOMEM;
	c->layer = LAYER_ANY;
	text_part(&rest, ',', &number);
	if (!number_test_parse(&c->test, number, 12, NULL, &error))
		return rule_error(p, number.data, "%.*s: %s", SLICE_ARG(number), error);
	rest = text_trim(rest);
	if (rest.len > 0) {
		if (text_is(rest, "all"))
			c->layer = LAYER_ALL;
		else if (text_i64(rest, &layer) && layer >= -3 && layer <= 2)
			c->layer = (int8_t)layer;
		else if (!text_is(rest, "any")) {
			rule_hint(p, "0 is the outermost, -1 the innermost; any, all");
			return rule_error(p, rest.data, "\"%.*s\" isn't a layer", SLICE_ARG(rest));
		}
	}
	return rule_condition_add(p, kw, c, STAGE_PACKET) != NULL ? 0 : -EINVAL;
}

/* ipv4-csum:valid|invalid and its like. */
static const struct { const char *name; uint8_t ip_version, proto; } checksums[] = {
	{ "ipv4-csum", 4, 0 }, { "tcpv4-csum", 4, 6 }, { "tcpv6-csum", 6, 6 }, { "udpv4-csum", 4, 17 },
	{ "udpv6-csum", 6, 17 }, { "icmpv4-csum", 4, 1 }, { "icmpv6-csum", 6, 58 }, { "igmp-csum", 4, 2 },
};
struct csum_condition {
	uint8_t ip_version, proto;
	bool valid;
};

static bool csum_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct csum_condition *c = data;
	const struct packet *pkt = in->pkt;
	struct packet copy;

	(void)rule;
	if (pkt->ip_version != c->ip_version || (pkt->flags & PACKET_END_OF_FLOW))
		return false;
	if (c->proto != 0 && (pkt->proto != c->proto || pkt->l4 == NULL))
		return false;
	copy = *pkt;            /* where the stream isn't to validate, nobody has asked before */
	return (c->proto == 0 ? packet_check_ip(&copy) : packet_check_l4(&copy)) == c->valid;
}

static int csum_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct csum_condition *c = rule_alloc(p, sizeof(*c));

	(void)negated;
	if (c == NULL)
		return -ENOMEM;
	if (!text_is_nocase(argument, "valid") && !text_is_nocase(argument, "invalid")) {
		rule_hint(p, "valid or invalid");
		return rule_error(p, argument.data, "a checksum isn't \"%.*s\"", SLICE_ARG(argument));
	}
	c->valid = text_is_nocase(argument, "valid");
	for (size_t i = 0; i < sizeof(checksums) / sizeof(checksums[0]); i++) {
		if (strcmp(checksums[i].name, kw->name) == 0) {
			c->ip_version = checksums[i].ip_version;
			c->proto = checksums[i].proto;
		}
	}
	return rule_condition_add(p, kw, c, STAGE_PACKET) != NULL ? 0 : -EINVAL;
}

#define NUMBER(n, a, what) { .name = n, .aliases = a, .summary = what, .flags = KEYWORD_PACKET | KEYWORD_PREFILTER, \
			     .parse = number_parse, .match = number_match }
#define CSUM(n) { .name = n, .summary = "whether the checksum is right", .flags = KEYWORD_PACKET, .parse = csum_parse, \
		  .match = csum_match }

static const struct keyword keywords[] = {
	NUMBER("ttl", NULL, "time to live, hop limit"),
	NUMBER("tos", NULL, "type of service"),
	NUMBER("id", NULL, "IPv4 identification"),
	NUMBER("fragoffset", NULL, "offset of a fragment, in units of 8 bytes"),
	NUMBER("seq", "tcp.seq", "TCP sequence number"),
	NUMBER("ack", "tcp.ack", "TCP acknowledgement number"),
	NUMBER("window", "tcp.window", "TCP window"),
	NUMBER("tcp.mss", NULL, "TCP option: maximum segment size"),
	NUMBER("tcp.wscale", NULL, "TCP option: window scale"),
	NUMBER("itype", NULL, "ICMP type"),
	NUMBER("icode", NULL, "ICMP code"),
	NUMBER("icmp_id", NULL, "ICMP identifier"),
	NUMBER("icmp_seq", NULL, "ICMP sequence number"),
	NUMBER("icmpv6.mtu", NULL, "MTU of an ICMPv6 packet-too-big"),
	NUMBER("vlan.layers", NULL, "how many VLAN tags"),
	NUMBER("igmp.type", NULL, "IGMP type"),
	NUMBER("vxlan_vni", NULL, "VXLAN network identifier"),
	{ .name = "flags", .aliases = "tcp.flags", .summary = "TCP flags", .flags = KEYWORD_PACKET | KEYWORD_PREFILTER,
	  .parse = flags_parse, .match = flags_match },
	{ .name = "fragbits", .summary = "IPv4 fragmentation bits", .flags = KEYWORD_PACKET | KEYWORD_PREFILTER,
	  .parse = fragbits_parse, .match = fragbits_match },
	{ .name = "sameip", .summary = "source and destination are one address", .flags = KEYWORD_PACKET | KEYWORD_NO_ARGUMENT,
	  .parse = plain_parse, .match = sameip_match },
	{ .name = "ip_proto", .summary = "IP protocol", .flags = KEYWORD_PACKET | KEYWORD_MAY_QUOTE, .parse = ip_proto_parse,
	  .match = ip_proto_match },
	{ .name = "ipopts", .summary = "IPv4 options", .flags = KEYWORD_PACKET, .parse = ipopts_parse, .match = ipopts_match },
	{ .name = "vlan.id", .summary = "VLAN id", .flags = KEYWORD_PACKET | KEYWORD_PREFILTER, .parse = vlan_parse,
	  .match = vlan_match },
	CSUM("ipv4-csum"), CSUM("tcpv4-csum"), CSUM("tcpv6-csum"), CSUM("udpv4-csum"), CSUM("udpv6-csum"),
	CSUM("icmpv4-csum"), CSUM("icmpv6-csum"), CSUM("igmp-csum"),
};

const struct keyword_table keywords_header = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
