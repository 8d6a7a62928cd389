/* http.c - HTTP/1: the analyzer's table, and what is common to both directions. */
#include "analyzers/http/http.h"

#include <errno.h>

#include "base/must.h"

const char *const http_events[HTTP_EVENTS + 1] = {
	[HTTP_EV_UNKNOWN_ERROR] = "unknown_error",
	[HTTP_EV_GZIP_DECOMPRESSION_FAILED] = "gzip_decompression_failed",
	[HTTP_EV_REQUEST_FIELD_MISSING_COLON] = "request_field_missing_colon",
	[HTTP_EV_RESPONSE_FIELD_MISSING_COLON] = "response_field_missing_colon",
	[HTTP_EV_INVALID_REQUEST_CHUNK_LEN] = "invalid_request_chunk_len",
	[HTTP_EV_INVALID_RESPONSE_CHUNK_LEN] = "invalid_response_chunk_len",
	[HTTP_EV_INVALID_TE_REQUEST] = "invalid_transfer_encoding_value_in_request",
	[HTTP_EV_INVALID_TE_RESPONSE] = "invalid_transfer_encoding_value_in_response",
	[HTTP_EV_INVALID_CL_REQUEST] = "invalid_content_length_field_in_request",
	[HTTP_EV_INVALID_CL_RESPONSE] = "invalid_content_length_field_in_response",
	[HTTP_EV_DUPLICATE_CL_REQUEST] = "duplicate_content_length_field_in_request",
	[HTTP_EV_DUPLICATE_CL_RESPONSE] = "duplicate_content_length_field_in_response",
	[HTTP_EV_100_CONTINUE_ALREADY_SEEN] = "100_continue_already_seen",
	[HTTP_EV_UNMATCHED_RESPONSE] = "unable_to_match_response_to_request",
	[HTTP_EV_INVALID_SERVER_PORT] = "invalid_server_port_in_request",
	[HTTP_EV_INVALID_AUTHORITY_PORT] = "invalid_authority_port",
	[HTTP_EV_REQUEST_HEADER_INVALID] = "request_header_invalid",
	[HTTP_EV_RESPONSE_HEADER_INVALID] = "response_header_invalid",
	[HTTP_EV_MISSING_HOST] = "missing_host_header",
	[HTTP_EV_HOST_AMBIGUOUS] = "host_header_ambiguous",
	[HTTP_EV_INVALID_REQUEST_FOLDING] = "invalid_request_field_folding",
	[HTTP_EV_INVALID_RESPONSE_FOLDING] = "invalid_response_field_folding",
	[HTTP_EV_REQUEST_FIELD_TOO_LONG] = "request_field_too_long",
	[HTTP_EV_RESPONSE_FIELD_TOO_LONG] = "response_field_too_long",
	[HTTP_EV_FILE_NAME_TOO_LONG] = "file_name_too_long",
	[HTTP_EV_REQUEST_LINE_INVALID] = "request_line_invalid",
	[HTTP_EV_REQUEST_BODY_UNEXPECTED] = "request_body_unexpected",
	[HTTP_EV_RESPONSE_BODY_UNEXPECTED] = "response_body_unexpected",
	[HTTP_EV_SERVER_PORT_MISMATCH] = "request_server_port_tcp_port_mismatch",
	[HTTP_EV_URI_HOST_INVALID] = "request_uri_host_invalid",
	[HTTP_EV_HEADER_HOST_INVALID] = "request_header_host_invalid",
	[HTTP_EV_AUTH_UNRECOGNIZED] = "request_auth_unrecognized",
	[HTTP_EV_REQUEST_HEADER_REPETITION] = "request_header_repetition",
	[HTTP_EV_RESPONSE_HEADER_REPETITION] = "response_header_repetition",
	[HTTP_EV_DOUBLE_ENCODED_URI] = "double_encoded_uri",
	[HTTP_EV_URI_DELIM] = "uri_delim_non_compliant",
	[HTTP_EV_METHOD_DELIM] = "method_delim_non_compliant",
	[HTTP_EV_LINE_LEADING_WHITESPACE] = "request_line_leading_whitespace",
	[HTTP_EV_TOO_MANY_LAYERS] = "too_many_encoding_layers",
	[HTTP_EV_REQUEST_TOO_MANY_LZMA] = "request_too_many_lzma_layers",
	[HTTP_EV_RESPONSE_TOO_MANY_LZMA] = "response_too_many_lzma_layers",
	[HTTP_EV_ABNORMAL_CE] = "abnormal_ce_header",
	[HTTP_EV_MULTIPART_BYTERANGES] = "response_multipart_byteranges",
	[HTTP_EV_ABNORMAL_TE] = "response_abnormal_transfer_encoding",
	[HTTP_EV_CHUNKED_OLD_PROTO] = "response_chunked_old_proto",
	[HTTP_EV_INVALID_PROTOCOL] = "response_invalid_protocol",
	[HTTP_EV_INVALID_STATUS] = "response_invalid_status",
	[HTTP_EV_REQUEST_LINE_INCOMPLETE] = "request_line_incomplete",
	[HTTP_EV_PROTOCOL_EXTRA_DATA] = "protocol_contains_extra_data",
	[HTTP_EV_CL_EXTRA_START] = "content_length_extra_data_start",
	[HTTP_EV_CL_EXTRA_END] = "content_length_extra_data_end",
	[HTTP_EV_SWITCHING_WITH_CL] = "switching_proto_with_content_length",
	[HTTP_EV_DEFORMED_EOL] = "deformed_eol",
	[HTTP_EV_UNKNOWN_METHOD] = "request_line_unknown_method",
	[HTTP_EV_UNKNOWN_METHOD_NO_PROTOCOL] = "request_line_unknown_method_no_protocol",
	[HTTP_EV_UNKNOWN_METHOD_INVALID_PROTOCOL] = "request_line_unknown_method_invalid_protocol",
	[HTTP_EV_MISSING_PROTOCOL] = "request_line_missing_protocol",
	[HTTP_EV_RESPONSE_LWS_AFTER_NAME] = "response_invalid_lws_after_name",
	[HTTP_EV_RESPONSE_NAME_NOT_TOKEN] = "response_header_name_not_token",
	[HTTP_EV_REQUEST_LWS_AFTER_NAME] = "request_invalid_lws_after_name",
	[HTTP_EV_INVALID_GAP] = "invalid_gap",
	[HTTP_EV_REQUEST_CHUNK_EXTENSION] = "request_chunk_extension",
	[HTTP_EV_RESPONSE_CHUNK_EXTENSION] = "response_chunk_extension",
	[HTTP_EV_LZMA_MEMLIMIT] = "lzma_memlimit_reached",
	[HTTP_EV_COMPRESSION_BOMB] = "compression_bomb",
	[HTTP_EV_REQUEST_TOO_MANY_HEADERS] = "request_too_many_headers",
	[HTTP_EV_RESPONSE_TOO_MANY_HEADERS] = "response_too_many_headers",
	[HTTP_EV_MULTIPART_GENERIC] = "multipart_generic_error",
	[HTTP_EV_MULTIPART_NO_FILEDATA] = "multipart_no_filedata",
	[HTTP_EV_MULTIPART_HEADER] = "multipart_invalid_header",
	[HTTP_EV_TOO_MANY_WARNINGS] = "too_many_warnings",
	[HTTP_EV_RANGE_INVALID] = "range_invalid",
	[HTTP_EV_FAILED_PROTOCOL_CHANGE] = "failed_protocol_change",
};

#define METHOD(m)                                                                                  \
	{ .side = TO_SERVER, .nocase = true, .bytes = { (const uint8_t *)m " ", sizeof(m) } },      \
	{ .side = TO_SERVER, .nocase = true, .bytes = { (const uint8_t *)m "\t", sizeof(m) } }
#define VERSION(v) { .side = TO_CLIENT, .nocase = true, .bytes = { (const uint8_t *)v, sizeof(v) - 1 } }

static const struct probe_pattern patterns[] = {
	METHOD("GET"), METHOD("PUT"), METHOD("POST"), METHOD("HEAD"), METHOD("TRACE"), METHOD("OPTIONS"),
	METHOD("CONNECT"), METHOD("DELETE"), METHOD("PATCH"), METHOD("PROPFIND"), METHOD("PROPPATCH"),
	METHOD("MKCOL"), METHOD("COPY"), METHOD("MOVE"), METHOD("LOCK"), METHOD("UNLOCK"),
	METHOD("CHECKOUT"), METHOD("UNCHECKOUT"), METHOD("CHECKIN"), METHOD("UPDATE"), METHOD("LABEL"),
	METHOD("REPORT"), METHOD("MKWORKSPACE"), METHOD("MKACTIVITY"), METHOD("MERGE"), METHOD("INVALID"),
	METHOD("VERSION-CONTROL"), METHOD("BASELINE-CONTROL"),
	VERSION("HTTP/0.9"), VERSION("HTTP/1.0"), VERSION("HTTP/1.1"),
};

static int http_open(struct analysis *a)
{
	struct http_state *s = budget_get(a->budget, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->options = http_options_of(a->settings, a->flow);
	a->state = s;
	return 0;
}

static void http_close(struct analysis *a)
{
	struct http_state *s = a->state;

	bytes_fini(&s->side[0].line, a->budget);
	bytes_fini(&s->side[1].line, a->budget);
	budget_put(a->budget, s, sizeof(*s));
}

static enum parse http_feed(struct analysis *a, enum side side, struct reader *in)
{
	return side == TO_SERVER ? http_request_feed(a, in) : http_response_feed(a, in);
}

static bool http_gap(struct analysis *a, enum side side, uint64_t len)
{
	return side == TO_SERVER ? http_request_gap(a, len) : http_response_gap(a, len);
}

static void http_end(struct analysis *a, enum side side)
{
	if (side == TO_CLIENT)
		http_response_end(a);
	http_request_end(a);
}

struct http_tx *http_tx_new(struct analysis *a)
{
	struct http_state *s = a->state;
	struct http_tx *t = tx_new(a, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->options = s->options;
	t->side[0].limits = t->options->body[0].limits;
	t->side[1].limits = t->options->body[1].limits;
	return t;
}

void http_tx_free(struct analysis *a, struct tx *tx)
{
	struct http_tx *t = (struct http_tx *)tx;
	struct http_state *s = a->state;

	for (unsigned i = 0; i < 2; i++) {
		struct http_side *h = &t->side[i];

		if (s != NULL && s->side[i].tx == t) {
			struct http_machine *m = &s->side[i];

			m->tx = NULL;
			if (m->state != HS_FINALIZE && m->state != HS_JUNK)
				m->state = HS_IGNORE;   /* it was completed by force */
		}
		budget_put(a->budget, h->headers.rows, h->headers.cap * sizeof(*h->headers.rows));
		bytes_fini(&h->raw_headers, a->budget);
		decode_free(h->decode);
		if (h->range != NULL)
			range_abort(t->options->ranges, h->range);
		window_fini(&h->body, a->budget);
		bytes_fini(&h->header_text, a->budget);
		bytes_fini(&h->header_names, a->budget);
		bytes_fini(&h->start_text, a->budget);
		bytes_fini(&h->one_header, a->budget);
	}
	if (t->multipart != NULL)
		http_multipart_free(a, t->multipart);
	bytes_fini(&t->text, a->budget);
	budget_put(a->budget, t, sizeof(*t));
}

void http_tx_inspected(struct analysis *a, struct tx *tx, enum side side)
{
	struct http_side *h = &((struct http_tx *)tx)->side[side];

	window_inspected(&h->body, &h->limits, tx_done(a, tx, side), UINT64_MAX);
}

static const char *const request_states[] = {
	"request_started", "request_line", "request_headers", "request_body", "request_trailer",
	"request_complete", NULL,
};
static const char *const response_states[] = {
	"response_started", "response_line", "response_headers", "response_body", "response_trailer",
	"response_complete", NULL,
};
static const char *const frames[] = { "request", "response", NULL };

const struct analyzer analyzer_http = {
	.abi = ANALYZER_ABI,
	.name = "http",
	.aliases = "http1",
	.summary = "HTTP/0.9, 1.0 and 1.1",
	.transports = TRANSPORT_TCP,
	.patterns = patterns,
	.pattern_count = ARRAY_LEN(patterns),
	.pending_max = 1 << 20,
	.tx_open_max = 512,
	.settings_new = http_settings_new,
	.settings_free = http_settings_free,
	.open = http_open,
	.close = http_close,
	.feed = http_feed,
	.gap = http_gap,
	.end = http_end,
	.inspected = http_tx_inspected,
	.tx_free = http_tx_free,
	.complete = { HTTP_COMPLETE, HTTP_COMPLETE },
	.states = { request_states, response_states },
	.fields = http_fields,
	.field_count = HTTP_FIELD_COUNT,
	.events = http_events,
	.events_upper = true,
	.frames = frames,
	.event_type = "http",
	.record_options = http_record_options,
	.record_options_free = http_record_options_free,
	.record = http_record,
};
