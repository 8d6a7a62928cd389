/* http.h - inside of the HTTP/1 analyzer.
 *
 * Two machines, one a direction (request.c, response.c), move over the bytes as they come; they meet in
 * the transactions, which pair requests with responses in order. Text of a transaction lies in one arena
 * and is named by spans, so that it may grow. Behaviour where messages are broken follows what Suricata's
 * parser makes of them, since rules are written against that. */
#ifndef TAPIR_ANALYZERS_HTTP_H
#define TAPIR_ANALYZERS_HTTP_H

#include "analyzers/analyzer.h"
#include "analyzers/decode.h"
#include "analyzers/file.h"
#include "analyzers/frame.h"
#include "analyzers/ranges.h"

#define HTTP_FIELD_MAX 18000            /* a line, or a header with its folds */
#define HTTP_HEADERS_MAX 1024
#define HTTP_REPEATS_MAX 64
#define HTTP_UNKNOWN_LEN UINT64_MAX

/* Progress of either side, as rules name it. */
enum http_progress {
	HTTP_STARTED, HTTP_LINE, HTTP_HEADERS, HTTP_BODY, HTTP_TRAILER, HTTP_COMPLETE,
};

enum http_event {
	HTTP_EV_UNKNOWN_ERROR, HTTP_EV_GZIP_DECOMPRESSION_FAILED, HTTP_EV_REQUEST_FIELD_MISSING_COLON,
	HTTP_EV_RESPONSE_FIELD_MISSING_COLON, HTTP_EV_INVALID_REQUEST_CHUNK_LEN,
	HTTP_EV_INVALID_RESPONSE_CHUNK_LEN, HTTP_EV_INVALID_TE_REQUEST, HTTP_EV_INVALID_TE_RESPONSE,
	HTTP_EV_INVALID_CL_REQUEST, HTTP_EV_INVALID_CL_RESPONSE, HTTP_EV_DUPLICATE_CL_REQUEST,
	HTTP_EV_DUPLICATE_CL_RESPONSE, HTTP_EV_100_CONTINUE_ALREADY_SEEN, HTTP_EV_UNMATCHED_RESPONSE,
	HTTP_EV_INVALID_SERVER_PORT, HTTP_EV_INVALID_AUTHORITY_PORT, HTTP_EV_REQUEST_HEADER_INVALID,
	HTTP_EV_RESPONSE_HEADER_INVALID, HTTP_EV_MISSING_HOST, HTTP_EV_HOST_AMBIGUOUS,
	HTTP_EV_INVALID_REQUEST_FOLDING, HTTP_EV_INVALID_RESPONSE_FOLDING, HTTP_EV_REQUEST_FIELD_TOO_LONG,
	HTTP_EV_RESPONSE_FIELD_TOO_LONG, HTTP_EV_FILE_NAME_TOO_LONG, HTTP_EV_REQUEST_LINE_INVALID,
	HTTP_EV_REQUEST_BODY_UNEXPECTED, HTTP_EV_RESPONSE_BODY_UNEXPECTED, HTTP_EV_SERVER_PORT_MISMATCH,
	HTTP_EV_URI_HOST_INVALID, HTTP_EV_HEADER_HOST_INVALID, HTTP_EV_AUTH_UNRECOGNIZED,
	HTTP_EV_REQUEST_HEADER_REPETITION, HTTP_EV_RESPONSE_HEADER_REPETITION, HTTP_EV_DOUBLE_ENCODED_URI,
	HTTP_EV_URI_DELIM, HTTP_EV_METHOD_DELIM, HTTP_EV_LINE_LEADING_WHITESPACE, HTTP_EV_TOO_MANY_LAYERS,
	HTTP_EV_REQUEST_TOO_MANY_LZMA, HTTP_EV_RESPONSE_TOO_MANY_LZMA, HTTP_EV_ABNORMAL_CE,
	HTTP_EV_MULTIPART_BYTERANGES, HTTP_EV_ABNORMAL_TE, HTTP_EV_CHUNKED_OLD_PROTO,
	HTTP_EV_INVALID_PROTOCOL, HTTP_EV_INVALID_STATUS, HTTP_EV_REQUEST_LINE_INCOMPLETE,
	HTTP_EV_PROTOCOL_EXTRA_DATA, HTTP_EV_CL_EXTRA_START, HTTP_EV_CL_EXTRA_END, HTTP_EV_SWITCHING_WITH_CL,
	HTTP_EV_DEFORMED_EOL, HTTP_EV_UNKNOWN_METHOD, HTTP_EV_UNKNOWN_METHOD_NO_PROTOCOL,
	HTTP_EV_UNKNOWN_METHOD_INVALID_PROTOCOL, HTTP_EV_MISSING_PROTOCOL, HTTP_EV_RESPONSE_LWS_AFTER_NAME,
	HTTP_EV_RESPONSE_NAME_NOT_TOKEN, HTTP_EV_REQUEST_LWS_AFTER_NAME, HTTP_EV_INVALID_GAP,
	HTTP_EV_REQUEST_CHUNK_EXTENSION, HTTP_EV_RESPONSE_CHUNK_EXTENSION, HTTP_EV_LZMA_MEMLIMIT,
	HTTP_EV_COMPRESSION_BOMB, HTTP_EV_REQUEST_TOO_MANY_HEADERS, HTTP_EV_RESPONSE_TOO_MANY_HEADERS,
	HTTP_EV_MULTIPART_GENERIC, HTTP_EV_MULTIPART_NO_FILEDATA, HTTP_EV_MULTIPART_HEADER,
	HTTP_EV_TOO_MANY_WARNINGS, HTTP_EV_RANGE_INVALID, HTTP_EV_FAILED_PROTOCOL_CHANGE,
	HTTP_EVENTS,
};
extern const char *const http_events[HTTP_EVENTS + 1];

/* How URIs are taken apart and put in one form. */
struct http_uri_options {
	bool include_all;               /* scheme, host, … in http.uri too */
	bool backslash, separators_decode, separators_compress, lowercase, bestfit, u_decode, plus_query;
	bool nul_encoded_terminates, nul_raw_terminates;
	bool double_decode_path, double_decode_query;
	uint8_t replacement;            /* for what has no single byte */
	uint8_t invalid;                /* enum http_invalid */
};
enum http_invalid { HTTP_INVALID_PRESERVE, HTTP_INVALID_REMOVE, HTTP_INVALID_DECODE };

struct http_body_options {
	struct window_limits limits;
};

struct http_options {
	struct http_options *next;      /* server-config */
	struct ranges *ranges;          /* shared by all of them */
	struct { struct ip_addr addr; uint8_t bits; bool v6; } nets[16];
	unsigned net_count;
	struct http_uri_options uri;
	struct http_body_options body[2];
	uint32_t layers_max;            /* 0 = none at all */
	uint32_t field_max, headers_max;
	struct decode_limits decode;
};
struct http_options *http_options_of(const void *settings, const struct flow *flow);
int http_settings_new(void **out, const struct conf *conf);
void http_settings_free(void *settings);

struct http_span {
	uint32_t at, len;
};

struct http_header {
	struct http_span name, value;
	uint8_t hash;                   /* of the name in lower case: lookups compare few */
	bool repeated;
};

struct http_headers {
	struct http_header *rows;       /* charged to the budget */
	unsigned count, cap;
	unsigned repeats;
};

enum http_method {
	HTTP_METHOD_UNKNOWN, HTTP_GET, HTTP_HEAD, HTTP_PUT, HTTP_POST, HTTP_CONNECT, HTTP_METHOD_OTHER,
};
enum http_version { HTTP_VERSION_UNKNOWN, HTTP_VERSION_INVALID, HTTP_0_9, HTTP_1_0, HTTP_1_1 };
enum http_coding { HTTP_CODING_UNKNOWN, HTTP_NO_BODY, HTTP_IDENTITY, HTTP_CHUNKED, HTTP_CODING_INVALID };
enum http_flag {
	HTTP_FLAG_FIELD_INVALID = 1, HTTP_FLAG_FOLDING_INVALID = 2, HTTP_FLAG_UNPARSEABLE = 4,
	HTTP_FLAG_REQUEST_SEEN = 8, HTTP_FLAG_CONTINUE_SEEN = 16, HTTP_FLAG_REQUEST_LINE = 32,
	HTTP_FLAG_HOST_IN_URI = 64, HTTP_FLAG_NOT_TOKEN = 128, HTTP_FLAG_LWS_AFTER_NAME = 256,
	HTTP_FLAG_HAS_URI_PORT = 512, HTTP_FLAG_RESPONSE_LINE = 1024, HTTP_FLAG_URI_MADE = 2048,
};

struct http_multipart;

struct http_side {
	struct http_headers headers;
	struct http_span line, protocol, raw;   /* raw: in its own arena */
	struct bytes raw_headers;
	uint8_t version;                /* enum http_version */
	uint8_t coding;                 /* enum http_coding */
	uint16_t flags;                 /* enum http_flag: warned of once */
	uint64_t message_len, entity_len;
	struct decode *decode;
	struct file *file;
	struct range_part *range;       /* its bytes are part of a larger file */
	bool file_done;                 /* it was closed, or there is none to be */
	bool body_seen;
	bool coded;                     /* has content codings: what follows its end isn't body */
	struct window body;
	struct window_limits limits;
	struct app_frame *frame;
	/* built when somebody asks */
	unsigned built_from;            /* number of headers they were built from */
	struct bytes header_text, header_names, start_text;
	struct bytes one_header;
};

struct http_tx {
	struct tx tx;
	struct bytes text;              /* the arena */
	struct http_side side[2];
	uint16_t flags;                 /* enum http_flag */
	uint8_t method;                 /* enum http_method */
	bool is_0_9;
	struct http_span method_text, uri_raw, uri, path, host, uri_host;
	uint32_t uri_port, host_port;   /* 0 = none */
	uint16_t status;                /* 0 = invalid or none */
	struct http_span status_text, message;
	struct http_multipart *multipart;
	const struct http_options *options;
};

enum http_state_of {
	HS_IDLE, HS_LINE, HS_PROTOCOL, HS_HEADERS, HS_TRAILER, HS_IDENTITY, HS_UNTIL_CLOSE, HS_CHUNK_LEN, HS_CHUNK_DATA,
	HS_CHUNK_END,
	HS_FINALIZE,            /* the message is over, tx is what it belonged to; what follows may still be its body */
	HS_JUNK,                /* in a line that is */
	HS_CONNECT_WAIT, HS_IGNORE, HS_TUNNEL,
};

/* One direction's machine. */
struct http_machine {
	uint8_t state;                  /* enum http_state_of */
	struct http_tx *tx;             /* being read */
	uint64_t left;                  /* bytes of the body or chunk to come */
	uint64_t body_len;              /* as announced, HTTP_UNKNOWN_LEN = not */
	struct bytes line;              /* what came of an unfinished line or header */
	bool line_has_end;              /* line holds a line end already: only the bytes behind it are awaited */
	bool complete;                  /* direction ended */
	uint64_t line_off;              /* stream offset of line's first byte */
	uint64_t over_at;               /* transactions there were when the message was over */
};

struct http_state {
	const struct http_options *options;
	struct http_machine side[2];
	uint64_t tx_started;
};

/* text.c: small judgements on bytes */
bool http_space(uint8_t c);
bool http_token(uint8_t c);
struct slice http_trim(struct slice s);
struct slice http_chomp(struct slice s);
bool http_eq_nocase(struct slice a, const char *b);
/* The same, NUL bytes in a ignored. */
bool http_eq_nozero(struct slice a, const char *b);
/* Where b (lower case) lies in a, NUL bytes in a ignored; -1 = nowhere. */
bool http_has_nozero(struct slice a, const char *b);
bool http_has_nocase(struct slice a, const char *b);
enum http_method http_method_of(struct slice s);
/* *extra: written with blanks or zeros too many. */
enum http_version http_version_of(struct slice s, bool *extra);
/* The first digits in s; HTTP_UNKNOWN_LEN where there are none. before, after: other bytes around them. */
uint64_t http_number(struct slice s, bool *before, bool *after);
/* -1: not a number; -2: the line is empty. */
int64_t http_chunk_len(struct slice line, bool *extension);
bool http_chunk_blank(struct slice line);
/* Can't be the beginning of a chunk length. */
bool http_chunk_junk(struct slice data);
bool http_host_valid(struct slice host);
/* host[:port]; *port is 0 where there is none or it is no port. Returns whether all of it was in order. */
bool http_host_port(struct slice text, struct slice *host, uint32_t *port, bool *has_port);

/* header.c: the header block, a field at a time */
enum http_field_flag {
	HF_NAME_LEADING_SPACE = 1, HF_NAME_TRAILING_SPACE = 2, HF_NOT_TOKEN = 4, HF_NO_COLON = 8, HF_NAME_EMPTY = 16,
	HF_DEFORMED_EOL = 32,
};
struct http_field {
	struct slice name;              /* trimmed */
	struct bytes *value;            /* unfolded, trimmed; the caller's scratch */
	uint32_t flags;                 /* enum http_field_flag */
	size_t used;                    /* bytes it takes, line end included */
};
/* OK: a field. MORE: bytes are missing. BAD: the block ends here, *used bytes further. */
enum parse http_field_read(struct slice in, bool response, bool ended, struct http_field *f, struct budget *b);
/* Behind a field: does the block end here? Number of bytes of the empty line; 0 = no, -1 = more bytes are needed. */
int http_block_end(struct slice in, bool response, bool ended);
/* Adds a field to tx; false: too many, or no memory. */
bool http_header_add(struct analysis *a, struct http_tx *t, enum side side, const struct http_field *f);
struct http_header *http_header_find(const struct http_tx *t, enum side side, const char *name, bool nozero);
static inline struct slice http_text(const struct http_tx *t, struct http_span s)
{
	return slice_of(t->text.data + s.at, s.len);
}
/* Copies text into the arena; an empty span where the budget is spent. */
struct http_span http_keep(struct analysis *a, struct http_tx *t, struct slice s);
struct slice http_header_value(const struct http_tx *t, enum side side, const char *name);

/* uri.c */
void http_uri_read(struct analysis *a, struct http_tx *t);

/* tx.c */
struct http_tx *http_tx_new(struct analysis *a);
void http_tx_free(struct analysis *a, struct tx *tx);
void http_tx_inspected(struct analysis *a, struct tx *tx, enum side side);
static inline void http_event(struct analysis *a, struct http_tx *t, enum http_event e)
{
	tx_event(a, t != NULL ? &t->tx : NULL, e);
}

/* body.c */
void http_body_start(struct analysis *a, struct http_tx *t, enum side side);
void http_body_data(struct analysis *a, struct http_tx *t, enum side side, struct slice data);
void http_body_gap(struct analysis *a, struct http_tx *t, enum side side, uint64_t len);
/* Idempotent. */
void http_body_end(struct analysis *a, struct http_tx *t, enum side side);

/* multipart.c */
struct http_multipart *http_multipart_new(struct analysis *a, struct http_tx *t);
void http_multipart_data(struct analysis *a, struct http_tx *t, struct slice data);
void http_multipart_end(struct analysis *a, struct http_tx *t);
void http_multipart_free(struct analysis *a, struct http_multipart *m);
/* The value of a parameter (filename, boundary) of a header; false where it has none. */
bool http_parameter(struct slice header, const char *name, struct slice *out);

/* request.c, response.c */
enum parse http_request_feed(struct analysis *a, struct reader *in);
enum parse http_response_feed(struct analysis *a, struct reader *in);
bool http_request_gap(struct analysis *a, uint64_t len);
bool http_response_gap(struct analysis *a, uint64_t len);
void http_request_end(struct analysis *a);
void http_response_end(struct analysis *a);
void http_request_complete(struct analysis *a, struct http_tx *t);
/* The response machine asks: the tx's request may still wait to know whether it is HTTP/0.9. */
void http_request_decide(struct analysis *a);
/* CONNECT was answered with no tunnel: the next request may come. */
void http_request_refused(struct analysis *a);

/* fields.c, record.c */
#define HTTP_FIELD_COUNT 30
extern const struct field http_fields[HTTP_FIELD_COUNT];
void *http_record_options(const struct conf *type);
void http_record_options_free(void *options);
bool http_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j);

#endif
