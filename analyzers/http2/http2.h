/* http2.h - inside of the HTTP/2 analyzer.
 *
 * A stream is a transaction; what is said about the whole connection (stream 0) is one a frame. Fields have
 * the names that HTTP/1 gives them, so that rules on http.* hold for both. */
#ifndef TAPIR_ANALYZERS_HTTP2_H
#define TAPIR_ANALYZERS_HTTP2_H

#include "analyzers/analyzer.h"
#include "analyzers/decode.h"
#include "analyzers/file.h"
#include "analyzers/frame.h"
#include "analyzers/http2/hpack.h"

#define HTTP2_HEAD_LEN 9
#define HTTP2_FRAME_MAX 65536           /* of a frame that isn't DATA this much is looked at */
#define HTTP2_BLOCK_MAX 102400          /* of a header block in several frames */
#define HTTP2_TEXT_MAX (256 * 1024)     /* headers of one stream */
#define HTTP2_ROWS_MAX 1024
#define HTTP2_NOTES_MAX 128

enum http2_type {
	HTTP2_DATA, HTTP2_HEADERS, HTTP2_PRIORITY, HTTP2_RST_STREAM, HTTP2_SETTINGS, HTTP2_PUSH_PROMISE, HTTP2_PING,
	HTTP2_GOAWAY, HTTP2_WINDOW_UPDATE, HTTP2_CONTINUATION, HTTP2_TYPES,
};

enum http2_progress { H2_IDLE, H2_OPEN, H2_HEADERS, H2_DATA, H2_CLOSED };

enum http2_event {
	H2_EV_INVALID_FRAME_HEADER, H2_EV_INVALID_CLIENT_MAGIC, H2_EV_INVALID_FRAME_DATA, H2_EV_INVALID_HEADER,
	H2_EV_INVALID_FRAME_LENGTH, H2_EV_EXTRA_HEADER_DATA, H2_EV_LONG_FRAME_DATA, H2_EV_STREAM_ID_REUSE,
	H2_EV_INVALID_HTTP1_SETTINGS, H2_EV_FAILED_DECOMPRESSION, H2_EV_INVALID_RANGE,
	H2_EV_HEADER_INTEGER_OVERFLOW, H2_EV_TOO_MANY_STREAMS, H2_EV_AUTHORITY_HOST_MISMATCH,
	H2_EV_USERINFO_IN_URI, H2_EV_REASSEMBLY_LIMIT, H2_EV_DNS_REQUEST_TOO_LONG, H2_EV_DNS_RESPONSE_TOO_LONG,
	H2_EV_DATA_STREAM_ZERO, H2_EV_TOO_MANY_FRAMES, H2_EVENTS,
};

struct h2_span {
	uint32_t at, len;
};

struct h2_row {
	bool is_table_size;
	uint32_t table_size;
	struct h2_span name, value;
	struct h2_span joined;          /* of the first of several of one name: all their values */
};

/* What frames said beside headers and data, for rules and records. */
enum h2_note_kind { H2_NOTE_FRAME, H2_NOTE_SETTING, H2_NOTE_ERROR, H2_NOTE_PRIORITY, H2_NOTE_WINDOW };
struct h2_note {
	uint8_t kind;                   /* enum h2_note_kind */
	uint32_t id, value;
};

struct h2_side {
	struct h2_row *rows;            /* charged to the budget */
	unsigned count, cap;
	struct h2_note *notes;
	unsigned note_count, note_cap;
	struct h2_span host;            /* of :authority or Host: lower case, no port */
	bool has_headers;
	struct file *file;
	struct decode *decode;
	bool file_tried;
	uint64_t body_len;
	/* built when somebody asks, from so many rows */
	unsigned built_from;
	struct bytes header_text, header_names, first_line, one_header;
};

struct h2_tx {
	struct tx tx;
	uint32_t stream;
	bool ended[2];
	struct bytes text;              /* the arena */
	struct h2_side side[2];
};

struct h2_machine {
	bool magic_done;                /* the client's: PRI * … */
	bool in_data;                   /* inside a DATA frame */
	uint8_t type, flags;
	uint32_t stream;
	uint32_t left;                  /* of the frame's payload */
	uint32_t skip;                  /* bytes of a frame that nobody looks at */
	uint32_t pad;                   /* of them at the end */
	bool pad_known;
	struct bytes block;             /* a header block that goes on in CONTINUATION frames */
	uint32_t block_stream;
	bool block_ends;                /* END_STREAM stood on its first frame */
	struct hpack *hpack;
};

struct h2_state {
	struct h2_machine side[2];
};

static inline struct slice h2_text(const struct h2_tx *t, struct h2_span s)
{
	return slice_of(t->text.data + s.at, s.len);
}

static inline void h2_event(struct analysis *a, struct h2_tx *t, enum http2_event e)
{
	tx_event(a, t != NULL ? &t->tx : NULL, e);
}

/* stream.c */
struct h2_tx *h2_tx_new(struct analysis *a, uint32_t stream);
struct h2_tx *h2_tx_of(struct analysis *a, uint32_t stream);
void h2_tx_free(struct analysis *a, struct tx *tx);
void h2_note(struct analysis *a, struct h2_tx *t, enum side side, enum h2_note_kind kind, uint32_t id, uint32_t value);
void h2_header_add(struct analysis *a, struct h2_tx *t, enum side side, struct slice name, struct slice value);
void h2_table_size_add(struct analysis *a, struct h2_tx *t, enum side side, uint32_t size);
/* A block is whole: values of one name are joined, the host is known. */
void h2_headers_done(struct analysis *a, struct h2_tx *t, enum side side);
void h2_data(struct analysis *a, struct h2_tx *t, enum side side, struct slice data);
void h2_data_gap(struct analysis *a, struct h2_tx *t, enum side side, uint64_t len);
void h2_side_end(struct analysis *a, struct h2_tx *t, enum side side);
/* The first row of that name (names are in lower case by definition); NULL where there is none. */
const struct h2_row *h2_header_find(const struct h2_tx *t, enum side side, const char *name);
struct slice h2_header_value(const struct h2_tx *t, enum side side, const char *name);
/* However the name is written: an upgraded request has HTTP/1's. */
struct slice h2_header_any_case(const struct h2_tx *t, enum side side, const char *name);

/* upgrade.c: the HTTP/1 request that asked for HTTP/2 is stream 1. */
void h2_upgrade(struct analysis *a);

/* http2.c */
void h2_settings_read(struct analysis *a, struct h2_tx *t, enum side side, struct slice s);

/* fields.c, record.c */
#define HTTP2_FIELD_COUNT 36
extern const struct field http2_fields[HTTP2_FIELD_COUNT];
extern const char *const http2_error_names[14];
extern const char *const http2_setting_names[7];
bool http2_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j);

#endif
