/* stream.c - the raw stream as rules see it: in chunks.
 *
 * Bytes of a direction are kept until the receiver has acknowledged a chunk of them, a transaction of that
 * direction is complete, or nothing more will come; then, with the next packet of the same direction, all that
 * was acknowledged is inspected at once and let go of. Inline there is no time to wait: each packet's bytes are
 * inspected with a window of what came before. A loss parts what is inspected. */
#include "base/must.h"
#include "rules/engine.h"
#include "stack/track/tcp.h"

#define RAW_OTHER_MAX (64 * 1024)       /* of a chunk that is read in two ways */
#define RAW_MAX (256 * 1024)    /* unacknowledged: then it is inspected all the same */

void raw_fini(struct rules *r, struct raw_stream *raw)
{
	bytes_fini(&raw->other, &r->budget);
	bytes_fini(&raw->bytes, &r->budget);
}

static void raw_reset(struct raw_stream *raw, uint64_t offset)
{
	raw->bytes.len = raw->other.len = 0;
	raw->gap_count = 0;
	raw->window = 0;
	raw->done = 0;
	raw->offset = offset;
}

/* Lets go of what was inspected. */
static void raw_forget(struct raw_stream *raw)
{
	unsigned gaps = 0;

	if (raw->done == 0)
		return;
	bytes_drop(&raw->bytes, raw->done);
	/* The other reading ends with its chunk, unless it goes on behind what was inspected. */
	if (raw->other.len > raw->done)
		bytes_drop(&raw->other, raw->done);
	else
		raw->other.len = 0;
	for (unsigned i = 0; i < raw->gap_count; i++) {
		if (raw->gaps[i].at < raw->done)
			continue;
		raw->gaps[gaps] = raw->gaps[i];
		raw->gaps[gaps++].at -= raw->done;
	}
	raw->gap_count = (uint8_t)gaps;
	raw->offset += raw->done;
	raw->done = 0;
}

/* Both readings side by side from the start of the chunk in which they differ. Where there is no room for that, the
 * assumed one alone is inspected; the budget counts it. */
static void raw_other(struct rules *r, struct raw_stream *raw, const struct piece *piece)
{
	uint32_t before = raw->bytes.len - piece->len;
	const uint8_t *data = piece->other != NULL ? piece->other : piece->data;

	if (raw->other.len == 0 && (piece->other == NULL || raw->bytes.len > RAW_OTHER_MAX))
		return;
	if (raw->other.len == 0 && before > 0 && !bytes_append(&raw->other, &r->budget, raw->bytes.data, before))
		return;
	if (raw->other.len != before || raw->bytes.len > RAW_OTHER_MAX ||
	    !bytes_append(&raw->other, &r->budget, data, piece->len))
		bytes_fini(&raw->other, &r->budget);
}

void rules_piece(struct rules *r, struct flow *flow, enum side side, const struct piece *piece)
{
	const struct group *g;
	struct raw_stream *raw;

	if (flow->pass || flow->no_inspect || flow->dropped)
		return;
	g = group_of_side(r, flow, side);
	if (rules_flow_of(flow) == NULL)
		return;
	raw = &rules_flow_of(flow)->sides[side].raw;
	if (piece->kind == PIECE_END) {
		raw->ended = true;
		return;
	}
	if (g != NULL && !g->wants_stream && !r->keep_stream)
		return;
	raw_forget(raw);
	if (piece->kind == PIECE_GAP) {
		if (raw->bytes.len == 0 && raw->gap_count == 0)
			raw_reset(raw, piece->offset);
		if (raw->gap_count < RAW_GAPS_MAX) {
			raw->gaps[raw->gap_count].at = raw->bytes.len;
			raw->gaps[raw->gap_count++].len = piece->len;
		}
		return;
	}
	if (raw->bytes.len == 0 && raw->gap_count == 0)
		raw_reset(raw, piece->offset);
	/* Where there is no room, what is kept so far is lost for rules on the stream; the budget counts it. */
	if (!bytes_append(&raw->bytes, &r->budget, piece->data, piece->len))
		raw_reset(raw, piece->offset + piece->len);
	else if (unlikely(piece->other != NULL || raw->other.len > 0))
		raw_other(r, raw, piece);
}

/* How many of the kept bytes the receiver has. Behind a gap offsets run on, so they are counted from the end. */
static uint32_t acked_len(const struct raw_stream *raw, const struct flow *flow, enum side side)
{
	uint64_t acked = stream_acked(flow, side), end = stream_offset(flow, side);

	if (acked >= end || raw->bytes.len > RAW_MAX)
		return raw->bytes.len;
	return end - acked >= raw->bytes.len ? 0 : raw->bytes.len - (uint32_t)(end - acked);
}

static bool is_due(const struct rules *r, const struct flow *flow, const struct packet *pkt, const struct raw_stream *raw,
		   enum side side, uint32_t len)
{
	const struct group *g = rules_flow_of(flow)->sides[side].group;

	if (g != NULL && !g->wants_stream)
		return true;            /* kept for alerts alone */
	if (raw->triggered || raw->ended || pkt->flags & PACKET_END_OF_FLOW || stream_depth_reached(flow, side))
		return true;
	if (flow->tcp != NULL && flow->tcp->state > TCP_TIME_WAIT)
		return true;
	return len - raw->window >= r->chunk[side];
}

void raw_ready(struct rules *r, struct flow *flow, const struct packet *pkt, enum side side, struct raw_ready *out)
{
	struct rules_flow *f = flow ? rules_flow_of(flow) : NULL;
	struct raw_stream *raw;
	uint32_t len, from = 0;

	out->count = 0;
	out->other.len = 0;
	if (f == NULL || flow->key.proto != 6)
		return;
	raw = &f->sides[side].raw;
	raw_forget(raw);
	if (raw->bytes.len <= raw->window)
		return;
	len = acked_len(raw, flow, side);
	if (len <= raw->window)
		return;
	if (!r->inline_mode && !is_due(r, flow, pkt, raw, side, len))
		return;
	for (unsigned i = 0; i <= raw->gap_count && from < len; i++) {
		uint32_t end = i < raw->gap_count && raw->gaps[i].at < len ? raw->gaps[i].at : len;

		if (end > from)
			out->blocks[out->count++] = slice_of(raw->bytes.data + from, end - from);
		from = end;
	}
	if (unlikely(raw->other.len > 0))
		out->other = slice_of(raw->other.data, raw->other.len < len ? raw->other.len : len);
}

void raw_done(struct rules *r, struct flow *flow, enum side side, const struct raw_ready *ready)
{
	struct raw_stream *raw = &rules_flow_of(flow)->sides[side].raw;
	uint32_t len = 0, keep = 0;

	raw->triggered = false;
	for (unsigned i = 0; i < ready->count; i++)
		len += (uint32_t)ready->blocks[i].len;
	if (len == 0)
		return;
	if (r->inline_mode) {
		keep = len < r->chunk[side] ? len : r->chunk[side];
		if (keep > ready->blocks[ready->count - 1].len)
			keep = (uint32_t)ready->blocks[ready->count - 1].len;
	}
	raw->window = keep;
	raw->done = len - keep;
	/* What an alert is about is still there when it is written down. */
	if (r->found_count == 0)
		raw_forget(raw);
}

unsigned rules_stream(const struct rules *r, const struct flow *flow, enum side side,
		      struct stream_block blocks[STREAM_BLOCKS_MAX])
{
	const struct rules_flow *f = rules_flow_of(flow);
	const struct raw_stream *raw = f ? &f->sides[side].raw : NULL;
	uint32_t from = 0;
	uint64_t missing = 0;
	unsigned n = 0;

	(void)r;
	for (unsigned i = 0; raw != NULL && i <= raw->gap_count && n < STREAM_BLOCKS_MAX; i++) {
		uint32_t end = i < raw->gap_count ? raw->gaps[i].at : raw->bytes.len;

		if (end > from) {
			blocks[n++] = (struct stream_block){ missing, slice_of(raw->bytes.data + from, end - from) };
			missing = 0;
		}
		if (i < raw->gap_count)
			missing += raw->gaps[i].len;
		from = end;
	}
	return n;
}

struct slice rules_stream_other(const struct rules *r, const struct flow *flow, enum side side)
{
	const struct rules_flow *f = rules_flow_of(flow);

	(void)r;
	return f != NULL ? bytes_slice(&f->sides[side].raw.other) : slice_of(NULL, 0);
}
