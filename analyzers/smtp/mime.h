/* mime.h - a mail message as it passes by, line by line (RFC 5322, 2045-2047, 2183).
 *
 * Nothing is kept but header values (each up to header-value-depth), names of attachments and URLs. Attachments
 * are decoded (base64, quoted-printable) as they come and given to the file layer. Multiparts nest at most
 * MIME_DEPTH_MAX deep; a deeper one is taken as plain content. */
#ifndef TAPIR_ANALYZERS_SMTP_MIME_H
#define TAPIR_ANALYZERS_SMTP_MIME_H

#include "analyzers/file.h"

#define MIME_DEPTH_MAX 8
#define MIME_BOUNDARY_MAX 254
#define MIME_FILENAME_MAX 255
#define MIME_LINE_MAX 998
#define MIME_ENCODED_LINE_MAX 76
#define MIME_HEADER_NAME_MAX 76
#define MIME_HEADERS_MAX 256
#define MIME_URLS_MAX 64

/* Bits of mime->events, in this order in the SMTP analyzer's event table. */
enum mime_event {
	MIME_PARSE_FAILED, MIME_MALFORMED, MIME_INVALID_BASE64, MIME_INVALID_QP, MIME_LONG_LINE, MIME_LONG_ENCODED_LINE,
	MIME_LONG_HEADER_NAME, MIME_LONG_HEADER_VALUE, MIME_LONG_BOUNDARY, MIME_LONG_FILENAME, MIME_EVENTS,
};

struct mime_settings {
	bool decode_base64, decode_qp, extract_urls, log_scheme, body_md5;
	uint32_t header_depth;
	unsigned scheme_count;
	char schemes[8][16];            /* "http", … */
};

struct mime_header {
	struct bytes name;              /* lower case */
	struct bytes value;             /* unfolded */
};

enum mime_encoding { MIME_PLAIN, MIME_BASE64, MIME_QP };

struct mime {
	const struct mime_settings *settings;
	struct budget *budget;
	struct tx *tx;
	struct mime_header *headers;    /* of the message itself */
	unsigned header_count, header_cap;
	struct bytes line_name, line_value;     /* the header being read */
	bool has_header;
	unsigned depth;                 /* boundaries there are */
	struct bytes boundaries[MIME_DEPTH_MAX];
	bool in_headers, top;           /* reading headers; of the message itself */
	bool done, malformed;
	uint8_t encoding;               /* enum mime_encoding, of the current part */
	bool is_text, is_message, is_attachment;
	struct bytes filename;
	struct file *file;
	uint32_t quantum;               /* base64: bits so far */
	uint8_t quantum_len;
	bool line_pending;              /* the newline in front of what comes next belongs to the content */
	struct bytes attachments;       /* names, each ended by NUL */
	struct bytes urls;              /* likewise */
	unsigned url_count;
	struct bytes text;              /* of a text part: the line being searched for URLs */
	struct digest *md5;
	uint8_t body_md5[16];
	bool has_body_md5;
	uint32_t events;                /* bits 1 << enum mime_event, raised since the caller looked */
};

/* NULL where the budget is spent. */
struct mime *mime_new(struct analysis *a, struct tx *tx, const struct mime_settings *settings);
void mime_free(struct analysis *a, struct mime *m);
/* One line without its end; whole: its end was there, else it was cut and goes on. */
void mime_line(struct analysis *a, struct mime *m, struct slice line, bool whole);
/* The message is over. */
void mime_end(struct analysis *a, struct mime *m, bool cut);
/* Bytes are missing. */
void mime_gap(struct analysis *a, struct mime *m, uint64_t len);
/* Value number index of a header (name in lower case). */
bool mime_header(const struct mime *m, const char *name, unsigned index, struct slice *value);
/* Entry number index of attachments or urls. */
bool mime_entry(const struct bytes *list, unsigned index, struct slice *entry);
/* The next address of a list like To, from *at on; false at its end. Quotes and <> are respected. */
bool mime_address(struct slice list, size_t *at, struct slice *address);

#endif
