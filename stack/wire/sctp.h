/* sctp.h - the SCTP common header and its chunks (RFC 9260). */
#ifndef TAPIR_WIRE_SCTP_H
#define TAPIR_WIRE_SCTP_H

#include "base/reader.h"
#include "base/writer.h"

#define SCTP_HEADER_LEN 12

struct sctp_header {
	uint16_t src_port, dst_port;
	uint32_t tag;
	uint32_t checksum;      /* CRC32c, not verified */
};

struct sctp_chunk {
	uint8_t type, flags;
	struct slice value;
};

enum parse sctp_parse(struct sctp_header *h, struct reader *in);
/* The next chunk with its padding; PARSE_MORE at the end. */
enum parse sctp_chunk_next(struct sctp_chunk *c, struct reader *in);
void sctp_build(struct writer *w, const struct sctp_header *h);

#endif
