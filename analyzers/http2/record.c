/* record.c - the "http" object of EVE records for HTTP/2. */
#include "analyzers/http2/http2.h"

const char *const http2_error_names[14] = {
	"NOERROR", "PROTOCOLERROR", "INTERNALERROR", "FLOWCONTROLERROR", "SETTINGSTIMEOUT", "STREAMCLOSED",
	"FRAMESIZEERROR", "REFUSEDSTREAM", "CANCEL", "COMPRESSIONERROR", "CONNECTERROR", "ENHANCEYOURCALM",
	"INADEQUATESECURITY", "HTTP11REQUIRED",
};

const char *const http2_setting_names[7] = {
	NULL, "SETTINGSHEADERTABLESIZE", "SETTINGSENABLEPUSH", "SETTINGSMAXCONCURRENTSTREAMS",
	"SETTINGSINITIALWINDOWSIZE", "SETTINGSMAXFRAMESIZE", "SETTINGSMAXHEADERLISTSIZE",
};

static bool headers(struct json *j, const char *key, const struct h2_tx *t, enum side side)
{
	const struct h2_side *s = &t->side[side];

	if (s->count == 0)
		return false;
	json_array(j, key);
	for (unsigned i = 0; i < s->count; i++) {
		json_object(j, NULL);
		if (s->rows[i].is_table_size) {
			json_uint(j, "table_size_update", s->rows[i].table_size);
		} else {
			json_slice(j, "name", h2_text(t, s->rows[i].name));
			json_slice(j, "value", h2_text(t, s->rows[i].value));
		}
		json_close(j);
	}
	json_close(j);
	return true;
}

static void number(struct json *j, const char *key, struct slice s)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9' || v > UINT64_MAX / 16)
			return;
		v = v * 10 + (uint64_t)(s.data[i] - '0');
	}
	if (s.len > 0)
		json_uint(j, key, v);
}

static void text(struct json *j, const char *key, struct slice s)
{
	if (s.len > 0)
		json_slice(j, key, s);
}

static bool settings(struct json *j, const struct h2_side *s)
{
	bool open = false;

	for (unsigned i = 0; i < s->note_count; i++) {
		const struct h2_note *n = &s->notes[i];

		if (n->kind != H2_NOTE_SETTING)
			continue;
		if (!open)
			json_array(j, "settings");
		open = true;
		json_object(j, NULL);
		if (n->id > 0 && n->id < 7)
			json_str(j, "settings_id", http2_setting_names[n->id]);
		else
			json_printf(j, "settings_id", "SETTINGSUNKNOWN(%u)", n->id);
		json_uint(j, "settings_value", n->value);
		json_close(j);
	}
	if (open)
		json_close(j);
	return open;
}

static bool notes(struct json *j, const char *key, const struct h2_side *s)
{
	bool any = false, error = false, priority = false, multiple = false;

	json_object(j, key);
	any = settings(j, s);
	for (unsigned i = 0; i < s->note_count; i++) {
		const struct h2_note *n = &s->notes[i];
		bool *had = n->kind == H2_NOTE_ERROR ? &error : &priority;
		const char *name = n->kind == H2_NOTE_ERROR ? "error_code" : "priority";

		if (n->kind != H2_NOTE_ERROR && n->kind != H2_NOTE_PRIORITY)
			continue;
		if (*had) {
			if (!multiple)
				json_str(j, "has_multiple", name);
			multiple = true;
			continue;
		}
		*had = any = true;
		if (n->kind == H2_NOTE_PRIORITY)
			json_uint(j, name, n->value);
		else if (n->value < 14)
			json_str(j, name, http2_error_names[n->value]);
		else
			json_printf(j, name, "%u", n->value);
	}
	json_close(j);
	return any;
}

bool http2_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct h2_tx *t = (const struct h2_tx *)tx;
	struct slice host = h2_header_value(t, TO_SERVER, ":authority");
	struct slice length = h2_header_value(t, TO_CLIENT, "content-length");
	bool any;

	(void)a;
	if (host.len == 0)
		host = h2_header_any_case(t, TO_SERVER, "host");
	if (length.len == 0)
		length = h2_header_any_case(t, TO_SERVER, "content-length");
	json_object(j, "http");
	json_str(j, "version", "2");
	any = headers(j, "request_headers", t, TO_SERVER);
	any |= headers(j, "response_headers", t, TO_CLIENT);
	text(j, "http_method", h2_header_value(t, TO_SERVER, ":method"));
	text(j, "url", h2_header_value(t, TO_SERVER, ":path"));
	text(j, "hostname", host);
	text(j, "http_user_agent", h2_header_any_case(t, TO_SERVER, "user-agent"));
	number(j, "length", length);
	number(j, "status", h2_header_value(t, TO_CLIENT, ":status"));
	json_object(j, "http2");
	json_uint(j, "stream_id", t->stream);
	any |= notes(j, "request", &t->side[TO_SERVER]);
	any |= notes(j, "response", &t->side[TO_CLIENT]);
	json_close(j);
	json_close(j);
	return any || req->alert;
}
