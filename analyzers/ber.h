/* ber.h - elements of ASN.1's basic encoding (X.690): a tag, a length, a value that may hold elements again.
 *
 * Tags are one byte and lengths definite, of at most four bytes, as in every protocol that is read here. */
#ifndef TAPIR_ANALYZERS_BER_H
#define TAPIR_ANALYZERS_BER_H

#include "base/reader.h"

enum ber_tag {
	BER_BOOLEAN = 0x01, BER_INTEGER = 0x02, BER_BIT_STRING = 0x03, BER_OCTETS = 0x04, BER_NULL = 0x05, BER_OID = 0x06,
	BER_ENUMERATED = 0x0a, BER_UTF8 = 0x0c, BER_NUMERIC = 0x12, BER_PRINTABLE = 0x13, BER_T61 = 0x14, BER_IA5 = 0x16,
	BER_UTC_TIME = 0x17, BER_GENERAL_TIME = 0x18, BER_VISIBLE = 0x1a, BER_GENERAL = 0x1b, BER_BMP = 0x1e,
	BER_SEQUENCE = 0x30, BER_SET = 0x31,
	BER_CONTEXT = 0x80, BER_CONTEXT_OF = 0xa0,      /* + number; the second holds elements */
};

struct ber {
	uint8_t tag;
	struct slice value;
};

/* A tag and a length. MORE: bytes are missing. BAD: a form that isn't read here. */
enum parse ber_header_read(struct reader *in, uint8_t *tag, uint32_t *len);
/* The next element. False at the end, and where it is malformed or cut short: then in has run out. */
bool ber_next(struct reader *in, struct ber *out);
/* The value of the next element, which has to have this tag; empty, and in has run out, where it hasn't. */
struct slice ber_expect(struct reader *in, uint8_t tag);
/* The same for the elements within it. */
struct reader ber_expect_in(struct reader *in, uint8_t tag);
/* The value of the next element if it has this tag. */
bool ber_optional(struct reader *in, uint8_t tag, struct slice *value);
/* INTEGER, ENUMERATED or BOOLEAN of at most eight bytes; 0 of more. */
int64_t ber_int(struct slice value);
/* As dotted numbers into text of cap bytes; returns the length, 0 where it doesn't fit or isn't one. */
size_t ber_oid_text(struct slice value, char *text, size_t cap);

#endif
