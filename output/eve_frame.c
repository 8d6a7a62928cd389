/* eve_frame.c - `frame` records, and the frame an alert matched in. */
#include "output/eve.h"

#include "analyzers/frame.h"

/* Its bytes, with what was lost between them. */
static struct slice frame_bytes(struct records *r, const struct app_frame *f)
{
	struct stream_block blocks[sizeof(f->gaps) / sizeof(f->gaps[0]) + 1];
	uint32_t from = 0;
	unsigned n = 0;

	for (unsigned i = 0; i <= f->gap_count; i++) {
		uint32_t end = i < f->gap_count ? f->gaps[i].at : f->bytes.len;

		blocks[n++] = (struct stream_block){ i > 0 ? f->gaps[i - 1].len : 0,
						     slice_of(f->bytes.data + from, end - from) };
		from = end;
	}
	return eve_join(r, blocks, n, JOINED_MAX);
}

void eve_frame_object(struct records *r, struct json *j, const struct analysis *a, const struct app_frame *f, bool is_tcp)
{
	struct slice bytes = f->gap_count ? frame_bytes(r, f) : bytes_slice(&f->bytes);
	const char *type = frame_type_name(a->proto, f->type);

	json_object(j, "frame");
	json_str(j, "type", type ? type : "unknown");
	json_uint(j, "id", f->id);
	json_str(j, "direction", f->side == TO_SERVER ? "toserver" : "toclient");
	if (is_tcp)
		json_uint(j, "stream_offset", f->offset);
	json_uint(j, "length", f->len >= 0 ? (uint64_t)f->len : bytes.len);
	json_bool(j, "complete", f->closed);
	if (f->tx_id != FRAME_NO_TX)
		json_uint(j, "tx_id", f->tx_id);
	json_base64(j, "payload", bytes.data, bytes.len);
	json_printable(j, "payload_printable", bytes.data, bytes.len);
	json_close(j);
}

void eve_frames(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt)
{
	const struct analysis *a = analysis_of(flow);

	if (a == NULL || a->proto == NULL)
		return;
	for (const struct app_frame *f = frames_of(a); f != NULL; f = f->next) {
		if (f->recorded || !(f->closed || (pkt->flags & PACKET_END_OF_FLOW)))
			continue;
		eve_header(r, e, j, flow, pkt, DIR_PACKET, "frame", NULL);
		json_str(j, "app_proto", a->proto->name);
		eve_frame_object(r, j, a, f, flow->key.proto == 6);
		eve_done(r, e, j, RECORD_TYPE_FRAME, 0);
	}
}
