/* reject.c - see reject.h. */
#include "stack/wire/reject.h"

#include "base/writer.h"
#include "stack/wire/checksum.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/ipv6.h"
#include "stack/wire/tcp.h"

#define TTL 64
/* What an ICMP error may have in all: RFC 1122 3.2.2, RFC 4443 3.1. */
#define ICMP_ERROR_MAX 576
#define ICMPV6_ERROR_MAX 1280
/* Communication administratively prohibited: by the host, as Suricata's; RFC 4443. */
#define ICMP_HOST_PROHIBITED 10
#define ICMPV6_PROHIBITED 1

struct sender {
	struct ip_addr src, dst;
	uint16_t src_port, dst_port;
	bool back;                      /* to who sent the packet */
};

static struct sender sender_of(const struct packet *pkt, enum reject_to to)
{
	const bool back = to == REJECT_TO_SOURCE;

	return (struct sender){
		.src = back ? pkt->dst : pkt->src, .dst = back ? pkt->src : pkt->dst, .back = back,
		.src_port = back ? pkt->dst_port : pkt->src_port, .dst_port = back ? pkt->src_port : pkt->dst_port,
	};
}

static bool group(uint8_t ip_version, const struct ip_addr *a)
{
	if (ip_version == 4)
		return a->bytes[0] >= 224 || a->bytes[0] == 0;
	return a->bytes[0] == 0xff || (a->quads[0] | a->quads[1]) == 0;
}

/* The link header of the packet, turned round for its sender; tags that the NIC took out are put back. */
static void link_build(struct writer *w, const struct packet *pkt, bool back)
{
	if (pkt->link != LINK_ETHERNET)
		return;
	write_bytes(w, pkt->eth + (back ? 6 : 0), 6);
	write_bytes(w, pkt->eth + (back ? 0 : 6), 6);
	if (pkt->frame_flags & FRAME_VLAN_STRIPPED) {
		write_be16(w, ETHER_VLAN);
		write_be16(w, pkt->vlan[0]);
	}
	write_bytes(w, pkt->eth + 12, (size_t)(pkt->ip - pkt->eth) - 12);
}

static void ip_build(struct writer *w, const struct packet *pkt, const struct sender *s, uint8_t proto, size_t payload_len)
{
	if (pkt->ip_version == 4)
		ipv4_build(w, &(struct ipv4_header){ .ttl = TTL, .proto = proto, .frag_dont = true, .src = s->src, .dst = s->dst,
						     .payload_len = (uint16_t)payload_len });
	else
		ipv6_build(w, &(struct ipv6_header){ .hop_limit = TTL, .next = proto, .src = s->src, .dst = s->dst,
						     .payload_len = (uint16_t)payload_len });
}

static uint32_t reset_build(struct reject_frame *out, const struct packet *pkt, const struct sender *s, uint32_t seq, uint32_t ack,
			    uint8_t flags)
{
	struct writer w = writer_of(out->data, sizeof(out->data));
	const struct tcp_header h = { .src_port = s->src_port, .dst_port = s->dst_port, .seq = seq, .ack = ack, .flags = flags };
	uint8_t *l4;

	link_build(&w, pkt, s->back);
	ip_build(&w, pkt, s, PROTO_TCP, TCP_HEADER_LEN);
	l4 = w.at;
	tcp_build(&w, &h);
	if (w.ran_out)
		return 0;
	l4_checksum_set(l4, TCP_HEADER_LEN, PROTO_TCP, pkt->ip_version, &s->src, &s->dst);
	out->len = (uint32_t)writer_len(&w);
	return 1;
}

static unsigned reset(struct reject_frame *out, const struct packet *pkt, const struct sender *s)
{
	const uint32_t len = (uint32_t)pkt->payload.len + !!(pkt->tcp_flags & TCP_SYN) + !!(pkt->tcp_flags & TCP_FIN);
	const bool has_ack = pkt->tcp_flags & TCP_ACK;
	unsigned n;

	if (pkt->tcp_flags & TCP_RST)
		return 0;
	if (s->back)
		return reset_build(out, pkt, s, has_ack ? pkt->ack : 0, pkt->seq + len, TCP_RST | TCP_ACK);
	/* The other end has read the packet, or not yet; where it doesn't know the connection, one is enough. */
	n = reset_build(out, pkt, s, pkt->seq + len, pkt->ack, has_ack ? TCP_RST | TCP_ACK : TCP_RST);
	if (len > 0 && has_ack && !(pkt->tcp_flags & TCP_SYN))
		n += reset_build(out + n, pkt, s, pkt->seq, pkt->ack, TCP_RST | TCP_ACK);
	return n;
}

static unsigned unreachable(struct reject_frame *out, const struct packet *pkt, const struct sender *s)
{
	const bool four = pkt->ip_version == 4;
	const size_t room = four ? ICMP_ERROR_MAX - IPV4_HEADER_LEN - ICMP_HEADER_LEN :
			    ICMPV6_ERROR_MAX - IPV6_HEADER_LEN - ICMP_HEADER_LEN;
	const size_t quoted = pkt->ip_len < room ? pkt->ip_len : room;
	const uint8_t proto = four ? PROTO_ICMP : PROTO_ICMPV6;
	const struct icmp_header h = {
		.type = four ? ICMP_UNREACHABLE : ICMPV6_UNREACHABLE, .code = four ? ICMP_HOST_PROHIBITED : ICMPV6_PROHIBITED,
	};
	struct writer w = writer_of(out->data, sizeof(out->data));
	uint8_t *l4;

	/* The other end has sent nothing that an error could be about. */
	if (!s->back || (pkt->flags & PACKET_ICMP_ERROR))
		return 0;
	link_build(&w, pkt, s->back);
	ip_build(&w, pkt, s, proto, ICMP_HEADER_LEN + quoted);
	l4 = w.at;
	icmp_build(&w, &h);
	write_bytes(&w, pkt->ip, quoted);
	if (w.ran_out)
		return 0;
	l4_checksum_set(l4, ICMP_HEADER_LEN + quoted, proto, pkt->ip_version, &s->src, &s->dst);
	out->len = (uint32_t)writer_len(&w);
	return 1;
}

unsigned reject_build(struct reject_frame out[REJECT_FRAMES_MAX], const struct packet *pkt, enum reject_to to)
{
	const struct sender s = sender_of(pkt, to);

	/* What a tunnel carried, or fragments made, has no link header of its own. */
	if (pkt->depth > 0 || pkt->ip == NULL || pkt->ip_version == 0 || (pkt->link == LINK_ETHERNET ? pkt->eth == NULL :
	    pkt->link != LINK_RAW) || (pkt->flags & (PACKET_REASSEMBLED | PACKET_END_OF_FLOW)))
		return 0;
	if (pkt->link == LINK_ETHERNET && (pkt->eth != pkt->data || pkt->ip - pkt->eth > ETH_HEADER_LEN + 4 * PACKET_VLANS_MAX))
		return 0;
	if (pkt->frag_offset > 0 || group(pkt->ip_version, &s.dst) || group(pkt->ip_version, &s.src))
		return 0;
	if (pkt->proto == PROTO_TCP)
		return pkt->l4 != NULL ? reset(out, pkt, &s) : 0;
	return unreachable(out, pkt, &s);
}
