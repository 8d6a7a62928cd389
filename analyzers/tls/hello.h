/* hello.h - ClientHello and ServerHello taken apart, and the fingerprints of them: JA3, JA3S, JA4. TLS uses
 * them over TCP, QUIC inside its packets. */
#ifndef TAPIR_ANALYZERS_TLS_HELLO_H
#define TAPIR_ANALYZERS_TLS_HELLO_H

#include "analyzers/analyzer.h"

#define TLS_RANDOM_LEN 32

/* Bytes of the message that is kept. */
struct tls_span {
	uint32_t at, len;
};

struct tls_hello {
	struct bytes raw;               /* the message, without its header */
	uint16_t version;               /* as the old field says */
	uint16_t chosen;                /* supported_versions: the client's first that isn't GREASE, the server's choice; or 0 */
	uint8_t oddities;               /* enum tls_hello_oddity */
	bool early_data;
	bool ticket;                    /* session ticket, not empty */
	struct tls_span random, session, ciphers, extensions;
	struct tls_span sni, alpn;      /* alpn: the list, of names behind one byte of length */
	struct tls_span groups, formats, sig_algs, versions;
};

enum tls_hello_oddity {
	HELLO_SNI_TWICE = 1 << 0,
	HELLO_SNI_TYPE = 1 << 1,
	HELLO_SNI_LENGTH = 1 << 2,
	HELLO_LENGTH = 1 << 3,
};

/* data is the message behind its four bytes of header. PARSE_BAD: broken (see oddities), or no memory. */
enum parse tls_hello_parse(struct tls_hello *h, struct budget *budget, bool client, struct slice data);
void tls_hello_fini(struct tls_hello *h, struct budget *budget);

static inline struct slice tls_span_slice(const struct tls_hello *h, struct tls_span s)
{
	return slice_of(h->raw.data + s.at, s.len);
}

/* ALPN name number i. */
bool tls_alpn_at(const struct tls_hello *h, unsigned i, struct slice *out);
/* RFC 8701: values that mean nothing, sent to keep servers tolerant. */
static inline bool tls_is_grease(uint16_t v)
{
	return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

/* The next extension in h->extensions; at begins at 0. False at the end. */
bool tls_extension_next(const struct tls_hello *h, uint32_t *at, uint16_t *type);

/* "771,4865-4866,0-23,29,0" or, of a server, "771,4865,0-23", appended to out; false where memory ran out. */
bool tls_ja3_text(const struct tls_hello *h, bool client, struct bytes *out, struct budget *budget);
/* Lower-case hex of its MD5. */
#define TLS_JA3_LEN 32
void tls_ja3_hash(struct app *app, struct slice text, char out[TLS_JA3_LEN]);

#define TLS_JA4_LEN 36
/* "t13d1516h2_8daaf6152771_b186095e22b6"; transport is 't' or 'q'. False where it can't be had. */
bool tls_ja4(const struct tls_hello *h, char transport, struct app *app, char out[TLS_JA4_LEN]);

/* "TLS 1.2", "0x1234". Returns text or what was put into it. */
const char *tls_version_text(uint16_t version, char text[24]);

#endif
