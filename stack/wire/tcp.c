/* tcp.c - see tcp.h. */
#include "stack/wire/tcp.h"

#include "stack/wire/walk.h"

#define FAST_OPEN_MAGIC 0xf989          /* its number among the experimental ones (RFC 7413) */

static void fast_open_parse(struct tcp_options *t, struct slice cookie)
{
	t->has_fast_open = true;
	t->fast_open = cookie;
}

/* One option of len bytes in all. Returns 0 or one of TCP_OPTIONS_*. */
static unsigned option_parse(struct tcp_options *t, const uint8_t *o, uint8_t len)
{
	switch (o[0]) {
	case TCP_OPT_MSS:
		if (len != 4)
			return TCP_OPTIONS_BAD_LEN;
		if (t->has_mss)
			return TCP_OPTIONS_DUPLICATE;
		t->has_mss = true;
		t->mss = load_be16(o + 2);
		return 0;
	case TCP_OPT_WSCALE:
		if (len != 3)
			return TCP_OPTIONS_BAD_LEN;
		if (t->has_wscale)
			return TCP_OPTIONS_DUPLICATE;
		t->has_wscale = true;
		t->wscale = o[2];
		return 0;
	case TCP_OPT_SACK_OK:
		if (len != 2)
			return TCP_OPTIONS_BAD_LEN;
		if (t->sack_permitted)
			return TCP_OPTIONS_DUPLICATE;
		t->sack_permitted = true;
		return 0;
	case TCP_OPT_TS:
		if (len != 10)
			return TCP_OPTIONS_BAD_LEN;
		if (t->has_timestamp)
			return TCP_OPTIONS_DUPLICATE;
		t->has_timestamp = true;
		t->ts_val = load_be32(o + 2);
		t->ts_ecr = load_be32(o + 6);
		return 0;
	case TCP_OPT_SACK:
		/* Without a block it says nothing, and is no mistake. */
		if (len > 34 || (len - 2) % 8)
			return TCP_OPTIONS_BAD_LEN;
		if (t->sack_blocks)
			return TCP_OPTIONS_DUPLICATE;
		t->sack_blocks = (uint8_t)((len - 2) / 8);
		for (unsigned i = 0; i < t->sack_blocks; i++) {
			t->sack[i][0] = load_be32(o + 2 + i * 8);
			t->sack[i][1] = load_be32(o + 6 + i * 8);
		}
		return 0;
	case TCP_OPT_FAST_OPEN:
		if (len != 2 && (len < 6 || len > 18 || len & 1))
			return TCP_OPTIONS_BAD_LEN;
		if (t->has_fast_open)
			return TCP_OPTIONS_DUPLICATE;
		fast_open_parse(t, slice_of(o + 2, len - 2u));
		return 0;
	case TCP_OPT_EXP:
		if (len < 4 || load_be16(o + 2) != FAST_OPEN_MAGIC)
			return 0;
		if (len != 4 && (len < 8 || len > 20 || len & 1))
			return TCP_OPTIONS_BAD_LEN;
		if (t->has_fast_open)
			return TCP_OPTIONS_DUPLICATE;
		fast_open_parse(t, slice_of(o + 4, len - 4u));
		return 0;
	case TCP_OPT_MD5:
		if (len != 18)
			return TCP_OPTIONS_BAD_LEN;
		t->has_md5 = true;
		return 0;
	case TCP_OPT_AO:
		if (len < 4)
			return TCP_OPTIONS_BAD_LEN;
		t->has_ao = true;
		return 0;
	default:
		return 0;
	}
}

unsigned tcp_options_parse(struct tcp_options *out, const uint8_t *o, size_t left)
{
	unsigned wrong = 0;

	/* Nearly every segment of an established connection: two NOPs and a timestamp. */
	if (left == 12 && load_be32(o) == 0x0101080a) {
		out->has_timestamp = true;
		out->ts_val = load_be32(o + 4);
		out->ts_ecr = load_be32(o + 8);
		return 0;
	}
	while (left) {
		if (o[0] == TCP_OPT_EOL)
			break;
		if (o[0] == TCP_OPT_NOP) {
			o++;
			left--;
			continue;
		}
		if (left < 2)
			break;
		if (o[1] < 2 || o[1] > left)
			return wrong | TCP_OPTIONS_BAD_LEN;
		wrong |= option_parse(out, o, o[1]);
		left -= o[1];
		o += o[1];
	}
	return wrong;
}

enum layer tcp_decode(struct walk *w)
{
	const uint8_t *h = w->at;
	struct packet *p = w->pkt;
	uint32_t header_len;

	walk_count(w, WIRE_TCP);
	p->proto = PROTO_TCP;
	if (unlikely(walk_left(w) < TCP_HEADER_LEN))
		return walk_broken(w, EVENT_TCP_PKT_TOO_SMALL);
	header_len = (h[12] >> 4) * 4u;
	if (unlikely(walk_left(w) < header_len))
		return walk_broken(w, EVENT_TCP_HLEN_TOO_SMALL);
	if (unlikely(header_len < TCP_HEADER_LEN))
		return walk_broken(w, EVENT_TCP_INVALID_OPTLEN);
	p->l4 = h;
	p->l4_header_len = (uint16_t)header_len;
	p->src_port = load_be16(h);
	p->dst_port = load_be16(h + 2);
	p->seq = load_be32(h + 4);
	p->ack = load_be32(h + 8);
	p->tcp_flags = h[13];
	p->window = load_be16(h + 14);
	p->urgent = load_be16(h + 18);
	if (header_len > TCP_HEADER_LEN) {
		const unsigned wrong = tcp_options_parse(&p->tcp, h + TCP_HEADER_LEN, header_len - TCP_HEADER_LEN);

		if (unlikely(wrong & TCP_OPTIONS_BAD_LEN))
			packet_event(p, EVENT_TCP_OPT_INVALID_LEN);
		if (unlikely(wrong & TCP_OPTIONS_DUPLICATE))
			packet_event(p, EVENT_TCP_OPT_DUPLICATE);
	}
	w->at = h + header_len;
	p->payload = slice_of(w->at, walk_left(w));
	p->flags &= ~PACKET_NO_FLOW;
	return LAYER_END;
}

static void options_build(struct writer *w, const struct tcp_options *t)
{
	if (t->has_mss) {
		write_u8(w, TCP_OPT_MSS);
		write_u8(w, 4);
		write_be16(w, t->mss);
	}
	if (t->sack_permitted) {
		if (!t->has_timestamp) {
			write_u8(w, TCP_OPT_NOP);
			write_u8(w, TCP_OPT_NOP);
		}
		write_u8(w, TCP_OPT_SACK_OK);
		write_u8(w, 2);
	}
	if (t->has_timestamp) {
		if (!t->sack_permitted) {
			write_u8(w, TCP_OPT_NOP);
			write_u8(w, TCP_OPT_NOP);
		}
		write_u8(w, TCP_OPT_TS);
		write_u8(w, 10);
		write_be32(w, t->ts_val);
		write_be32(w, t->ts_ecr);
	}
	if (t->has_wscale) {
		write_u8(w, TCP_OPT_NOP);
		write_u8(w, TCP_OPT_WSCALE);
		write_u8(w, 3);
		write_u8(w, t->wscale);
	}
	if (t->has_fast_open) {
		write_u8(w, TCP_OPT_FAST_OPEN);
		write_u8(w, (uint8_t)(2 + t->fast_open.len));
		write_bytes(w, t->fast_open.data, t->fast_open.len);
	}
	if (t->sack_blocks) {
		write_u8(w, TCP_OPT_NOP);
		write_u8(w, TCP_OPT_NOP);
		write_u8(w, TCP_OPT_SACK);
		write_u8(w, (uint8_t)(2 + t->sack_blocks * 8));
		for (unsigned i = 0; i < t->sack_blocks; i++) {
			write_be32(w, t->sack[i][0]);
			write_be32(w, t->sack[i][1]);
		}
	}
}

void tcp_build(struct writer *w, const struct tcp_header *h)
{
	const bool raw = h->raw_options.data != NULL;
	uint8_t *p = write_room(w, TCP_HEADER_LEN);
	const size_t options_at = writer_len(w);
	size_t len;

	if (p == NULL)
		return;
	if (raw)
		write_bytes(w, h->raw_options.data, h->raw_options.len);
	else
		options_build(w, &h->options);
	while ((writer_len(w) - options_at) % 4 && !w->ran_out)
		write_u8(w, raw ? TCP_OPT_EOL : TCP_OPT_NOP);
	len = TCP_HEADER_LEN + writer_len(w) - options_at;
	must(len <= TCP_HEADER_MAX);
	store_be16(p, h->src_port);
	store_be16(p + 2, h->dst_port);
	store_be32(p + 4, h->seq);
	store_be32(p + 8, h->ack);
	p[12] = (uint8_t)(len / 4 << 4);
	p[13] = h->flags;
	store_be16(p + 14, h->window);
	store_be16(p + 16, 0);
	store_be16(p + 18, h->urgent);
}
