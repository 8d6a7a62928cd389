/* machine.h - what both directions' machines are made of: lines, header blocks. */
#ifndef TAPIR_ANALYZERS_HTTP_MACHINE_H
#define TAPIR_ANALYZERS_HTTP_MACHINE_H

#include "analyzers/http/http.h"

/* The next line, its LF included, into *out, which is valid until http_line_done. With cr a CR alone ends it
 * as well. MORE: it isn't whole, and is kept. BAD: longer than a field may be. */
enum parse http_line_read(struct analysis *a, struct http_machine *m, struct reader *in, bool cr, struct slice *out);
static inline void http_line_done(struct http_machine *m)
{
	m->line.len = 0;
}

/* Fields into tx until the block ends (OK). */
enum parse http_block_read(struct analysis *a, struct http_tx *t, enum side side, struct reader *in, bool ended);

/* What has come of a line, its LF included; *whole: the LF is there. */
static inline struct slice http_line_part(struct reader *in, bool *whole)
{
	const uint8_t *lf = memchr(in->at, '\n', reader_left(in));

	*whole = lf != NULL;
	return read_slice(in, lf != NULL ? (size_t)(lf + 1 - in->at) : reader_left(in));
}

/* Behind a chunk's data: up to the line's end. */
enum parse http_chunk_end_read(struct http_machine *m, enum side side, struct reader *in);
/* len bytes of a body of known length, or of a chunk, are missing. True: it ends with them. */
bool http_body_lost(struct analysis *a, struct http_machine *m, enum side side, uint64_t len);

/* Line ends that somebody put behind a message before what is tunnelled. */
static inline void http_blank_skip(struct reader *in)
{
	while (reader_left(in) > 0 && (peek_u8(in) == '\r' || peek_u8(in) == '\n'))
		reader_skip(in, 1);
}

/* Where in the stream the reader stands. */
static inline uint64_t http_offset(const struct analysis *a, const struct reader *in)
{
	return a->feeding_offset + reader_pos(in);
}

#endif
