/* sip.h - what the files of this folder share: a SIP message, and the session description in its body. */
#ifndef TAPIR_ANALYZERS_SIP_SIP_H
#define TAPIR_ANALYZERS_SIP_SIP_H

#include "analyzers/analyzer.h"

/* A request or a response: each is a transaction. Slices point into head and body. */
struct sip_tx {
	struct tx tx;
	bool response;
	struct bytes head;              /* start line and headers, line ends included */
	struct bytes body;              /* no more than BODY_MAX bytes of it */
	struct slice line;              /* the start line, without its end */
	struct slice method, uri;       /* requests */
	struct slice code, reason;      /* responses */
	struct slice version;           /* "SIP/2.0" */
	struct slice headers;           /* behind the start line */
	bool has_sdp;                   /* body is a session description (RFC 8866) in order */
};

/* The next header of a block; a folded value keeps its line ends. False at the end. */
bool sip_header_next(struct reader *in, struct slice *name, struct slice *value);

/* sdp.c: a line of a session description is a letter and a value. */
struct sdp_line {
	char type;
	struct slice value;
	bool media;                     /* it stands in the part of a medium, behind its m= line */
};
struct sdp_lines {
	struct reader in;
	bool media;
};
static inline struct sdp_lines sdp_lines(struct slice body)
{
	return (struct sdp_lines){ .in = reader_slice(body) };
}
bool sdp_line_next(struct sdp_lines *lines, struct sdp_line *out);
/* It starts as a session description has to, and has what one must have. */
bool sdp_valid(struct slice body);
void sdp_record(struct slice body, struct json *j);

#endif
