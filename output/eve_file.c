/* eve_file.c - `fileinfo` records, and files[] in alerts. */
#include "output/eve.h"

void eve_file_object(struct json *j, const struct file *f, bool in_alert)
{
	static const char *const states[] = {
		[FILE_OPEN] = "UNKNOWN", [FILE_CLOSED] = "CLOSED", [FILE_TRUNCATED] = "TRUNCATED", [FILE_ERROR] = "ERROR",
	};

	json_bytes(j, "filename", f->name.data, f->name.len);
	if (f->sid_count) {
		json_array(j, "sid");
		for (unsigned i = 0; i < f->sid_count; i++)
			json_uint(j, NULL, f->sids[i]);
		json_close(j);
	}
	if (f->magic != NULL)
		json_str(j, "magic", f->magic);
	json_bool(j, "gaps", f->gaps);
	json_str(j, "state", states[f->state]);
	if (f->have_md5 && f->state == FILE_CLOSED)
		json_hex(j, "md5", f->md5, sizeof(f->md5), 0);
	if (f->have_sha1 && f->state == FILE_CLOSED)
		json_hex(j, "sha1", f->sha1, sizeof(f->sha1), 0);
	if (f->have_sha256)
		json_hex(j, "sha256", f->sha256, sizeof(f->sha256), 0);
	json_bool(j, "stored", f->stored);
	if (f->stored || f->store)
		json_uint(j, "file_id", f->id);
	if (in_alert && f->store && !f->stored)
		json_bool(j, "storing", true);
	json_uint(j, "size", f->size);
	if (f->has_range) {
		json_uint(j, "start", f->start);
		json_uint(j, "end", f->end);
	}
	json_uint(j, "tx_id", f->tx->id);
}

void eve_fileinfo(struct records *r, struct eve *e, struct json *j, struct flow *flow, struct analysis *a,
		  const struct packet *pkt, const struct file *f)
{
	char text[IP_TEXT_MAX];
	const char *xff = xff_find(&e->xff_file, flow, f->tx, text) ? text : NULL;

	eve_header(r, e, j, flow, pkt, f->side == TO_SERVER ? DIR_FLOW_TO_SERVER : DIR_FLOW_TO_CLIENT, "fileinfo",
		   e->xff_file.mode == XFF_OVERWRITE ? xff : NULL);
	for (unsigned i = 0; a->proto->record != NULL && i < analyzer_count() && i < EVE_ANALYZERS_MAX; i++) {
		if (analyzer_at(i) != a->proto)
			continue;
		struct record_request req = { .alert = true, .options = e->app_options[i], .flow = flow, .time_ns = pkt->time_ns };
		struct json_mark mark = json_mark(j);

		if (!a->proto->record(a, f->tx, &req, j))
			json_rewind(j, mark);
		break;
	}
	eve_app_proto(j, flow);
	if (xff != NULL && e->xff_file.mode == XFF_EXTRA_DATA)
		json_str(j, "xff", xff);
	json_object(j, "fileinfo");
	eve_file_object(j, f, false);
	json_close(j);
	eve_done(r, e, j, RECORD_TYPE_FILEINFO, 0);
}
