/* buffers.c - sticky buffers that don't come from an analyzer's fields. */
#include <errno.h>

#include "rules/parser.h"
#include "stack/wire/packet.h"

static int pkt_data_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	(void)kw;
	(void)argument;
	(void)negated;
	p->has_pkt_data = true;
	return rule_payload_select(p);
}

static int base64_data_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct buffer buffer = { .kind = BUFFER_BASE64, .name = "base64_data" };
	int err;

	(void)kw;
	(void)argument;
	(void)negated;
	if (!p->has_base64_decode) {
		rule_hint(p, "write base64_decode; before it");
		return rule_error(p, NULL, "base64_data has no base64_decode before it");
	}
	/* Each decoding has its own data. */
	p->has_base64_data = false;
	err = rule_buffer_select(p, &buffer, SIDE_BOTH, true);
	p->has_base64_data = true;
	return err;
}

static struct slice ip_header(const struct packet *pkt)
{
	return pkt->ip != NULL ? slice_of(pkt->ip, pkt->ip_header_len) : slice_of(NULL, 0);
}

static struct slice ipv4_bytes(const struct packet *pkt)
{
	return pkt->ip_version == 4 ? ip_header(pkt) : slice_of(NULL, 0);
}

static struct slice ipv6_bytes(const struct packet *pkt)
{
	return pkt->ip_version == 6 ? ip_header(pkt) : slice_of(NULL, 0);
}

static struct slice l4_header(const struct packet *pkt, uint8_t proto)
{
	if (pkt->l4 == NULL || pkt->proto != proto)
		return slice_of(NULL, 0);
	return slice_of(pkt->l4, pkt->l4_header_len);
}

static struct slice tcp_bytes(const struct packet *pkt)
{
	return l4_header(pkt, 6);
}

static struct slice udp_bytes(const struct packet *pkt)
{
	return l4_header(pkt, 17);
}

static struct slice sctp_bytes(const struct packet *pkt)
{
	return l4_header(pkt, 132);
}

static struct slice igmp_bytes(const struct packet *pkt)
{
	return l4_header(pkt, 2);
}

static struct slice icmp4_bytes(const struct packet *pkt)
{
	struct slice header = l4_header(pkt, 1);
	size_t len = header.len, there = header.len + pkt->payload.len;

	/* What belongs to the header of some types lies behind its eight bytes: the routers of an
	 * advertisement, the three times of a timestamp. */
	if (len >= 8 && pkt->icmp_type == 9)
		len += (size_t)header.data[4] * header.data[5] * 4;
	else if (len >= 8 && (pkt->icmp_type == 13 || pkt->icmp_type == 14))
		len += 12;
	return slice_of(header.data, len < there ? len : there);
}

static struct slice icmp6_bytes(const struct packet *pkt)
{
	return l4_header(pkt, 58);
}

static struct slice ether_bytes(const struct packet *pkt)
{
	return pkt->eth != NULL ? slice_of(pkt->eth, 14) : slice_of(NULL, 0);
}

static struct slice src_bytes(const struct packet *pkt)
{
	return slice_of(pkt->src.bytes, pkt->ip_version == 4 ? 4 : pkt->ip_version == 6 ? 16 : 0);
}

static struct slice dst_bytes(const struct packet *pkt)
{
	return slice_of(pkt->dst.bytes, pkt->ip_version == 4 ? 4 : pkt->ip_version == 6 ? 16 : 0);
}

static const struct {
	const char *name;
	struct slice (*bytes)(const struct packet *pkt);
} packet_buffers[] = {
	{ "ipv4.hdr", ipv4_bytes }, { "ipv6.hdr", ipv6_bytes }, { "tcp.hdr", tcp_bytes }, { "udp.hdr", udp_bytes },
	{ "sctp.hdr", sctp_bytes }, { "igmp.hdr", igmp_bytes }, { "icmpv4.hdr", icmp4_bytes },
	{ "icmpv6.hdr", icmp6_bytes }, { "ether.hdr", ether_bytes }, { "ip.src", src_bytes }, { "ip.dst", dst_bytes },
};

static int packet_buffer_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct buffer buffer = { .kind = BUFFER_PACKET, .name = kw->name };

	(void)argument;
	(void)negated;
	for (size_t i = 0; i < sizeof(packet_buffers) / sizeof(packet_buffers[0]); i++)
		if (strcmp(packet_buffers[i].name, kw->name) == 0)
			buffer.packet_bytes = packet_buffers[i].bytes;
	return rule_buffer_select(p, &buffer, SIDE_BOTH, false);
}

static int frame_find(const struct analyzer *an, struct slice type)
{
	for (int i = 0; an->frames != NULL && an->frames[i] != NULL; i++)
		if (text_is(type, an->frames[i]))
			return i;
	if (text_is(type, "stream"))
		return 0xff;
	return -1;
}

/* "frame:http.request", or "frame:request" where the rule's protocol says whose. */
static int frame_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct buffer buffer = { .kind = BUFFER_FRAME, .name = "frame", .frame_type = -1 };
	const uint8_t *dot = memchr(argument.data, '.', argument.len);
	const struct analyzer *an = p->rule->app;
	struct slice type = argument;
	char name[64];

	(void)kw;
	(void)negated;
	if (an != NULL)
		buffer.frame_type = frame_find(an, argument);
	if (buffer.frame_type < 0 && dot != NULL && (size_t)(dot - argument.data) < sizeof(name)) {
		size_t len = (size_t)(dot - argument.data);

		memcpy(name, argument.data, len);
		name[len] = '\0';
		an = analyzer_find(name);
		type = slice_skip(argument, len + 1);
		if (an == NULL)
			return rule_error(p, argument.data, "there is no protocol \"%s\"", name);
		if (rule_app_require(p, an, argument.data) < 0)
			return -EINVAL;
		buffer.frame_type = frame_find(an, type);
	}
	if (an == NULL) {
		rule_hint(p, "write frame:protocol.type, for instance frame:http1.request");
		return rule_error(p, argument.data, "the frame's protocol isn't said, neither here nor by the rule");
	}
	if (buffer.frame_type < 0) {
		if (an->frames == NULL || an->frames[0] == NULL)
			rule_hint(p, "%s has no frames besides stream", an->name);
		else
			rule_hint(p, "frames of %s are: %s%s%s%s%s, stream", an->name, an->frames[0],
				  an->frames[1] ? ", " : "", an->frames[1] ? an->frames[1] : "",
				  an->frames[1] && an->frames[2] ? ", " : "",
				  an->frames[1] && an->frames[2] ? an->frames[2] : "");
		return rule_error(p, type.data, "%s has no frame \"%.*s\"", an->name, SLICE_ARG(type));
	}
	buffer.analyzer = an;
	return rule_buffer_select(p, &buffer, SIDE_BOTH, true);
}

#define PACKET_BUFFER(n, what)                                                                                  \
	{ .name = n, .summary = what, .flags = KEYWORD_STICKY | KEYWORD_NO_ARGUMENT | KEYWORD_PACKET,           \
	  .parse = packet_buffer_parse }

static const struct keyword keywords[] = {
	{ .name = "pkt_data", .summary = "back to the payload", .flags = KEYWORD_STICKY | KEYWORD_NO_ARGUMENT,
	  .parse = pkt_data_parse },
	{ .name = "base64_data", .summary = "what base64_decode made", .flags = KEYWORD_STICKY | KEYWORD_NO_ARGUMENT,
	  .parse = base64_data_parse },
	{ .name = "frame", .summary = "a unit of a protocol as it stands on the wire", .flags = KEYWORD_STICKY,
	  .parse = frame_parse },
	PACKET_BUFFER("ipv4.hdr", "the IPv4 header"),
	PACKET_BUFFER("ipv6.hdr", "the IPv6 header"),
	PACKET_BUFFER("tcp.hdr", "the TCP header"),
	PACKET_BUFFER("udp.hdr", "the UDP header"),
	PACKET_BUFFER("sctp.hdr", "the SCTP header"),
	PACKET_BUFFER("igmp.hdr", "the IGMP message"),
	PACKET_BUFFER("icmpv4.hdr", "the ICMP header"),
	PACKET_BUFFER("icmpv6.hdr", "the ICMPv6 header"),
	PACKET_BUFFER("ether.hdr", "the Ethernet header"),
	PACKET_BUFFER("ip.src", "the source address, as bytes"),
	PACKET_BUFFER("ip.dst", "the destination address, as bytes"),
};

const struct keyword_table keywords_buffers = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
