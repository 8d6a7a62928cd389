/* sctp.c - see sctp.h. */
#include "stack/wire/sctp.h"

#include "stack/wire/ip.h"
#include "stack/wire/walk.h"

enum parse sctp_parse(struct sctp_header *h, struct reader *in)
{
	h->src_port = read_be16(in);
	h->dst_port = read_be16(in);
	h->tag = read_be32(in);
	h->checksum = read_be32(in);
	return in->ran_out ? PARSE_MORE : PARSE_OK;
}

enum parse sctp_chunk_next(struct sctp_chunk *c, struct reader *in)
{
	uint16_t len;

	c->type = read_u8(in);
	c->flags = read_u8(in);
	len = read_be16(in);
	if (in->ran_out)
		return PARSE_MORE;
	if (len < 4)
		return PARSE_BAD;
	c->value = read_slice(in, len - 4u);
	if (in->ran_out)
		return PARSE_MORE;
	if (reader_left(in) >= (4 - len % 4u) % 4)
		reader_skip(in, (4 - len % 4u) % 4);
	return PARSE_OK;
}

void sctp_build(struct writer *w, const struct sctp_header *h)
{
	write_be16(w, h->src_port);
	write_be16(w, h->dst_port);
	write_be32(w, h->tag);
	write_be32(w, h->checksum);
}

enum layer sctp_decode(struct walk *w)
{
	const uint8_t *h = w->at;
	struct packet *p = w->pkt;

	walk_count(w, WIRE_SCTP);
	p->proto = PROTO_SCTP;
	if (walk_left(w) < SCTP_HEADER_LEN)
		return walk_broken(w, EVENT_SCTP_PKT_TOO_SMALL);
	p->l4 = h;
	p->l4_header_len = SCTP_HEADER_LEN;
	p->src_port = load_be16(h);
	p->dst_port = load_be16(h + 2);
	p->flags &= ~PACKET_NO_FLOW;
	w->at += SCTP_HEADER_LEN;
	p->payload = slice_of(w->at, walk_left(w));
	return LAYER_END;
}
