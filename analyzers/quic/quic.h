/* quic.h - what the files of this folder share: packet headers, keys, the transaction that a packet makes. */
#ifndef TAPIR_ANALYZERS_QUIC_QUIC_H
#define TAPIR_ANALYZERS_QUIC_QUIC_H

#include "analyzers/analyzer.h"
#include "analyzers/cipher.h"
#include "analyzers/tls/hello.h"

#define QUIC_V1 0x00000001
#define QUIC_V2 0x6b3343cf
#define QUIC_Q043 0x51303433
#define QUIC_Q044 0x51303434
#define QUIC_Q045 0x51303435
#define QUIC_Q046 0x51303436

enum quic_type { QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE, QUIC_RETRY, QUIC_NEGOTIATION, QUIC_SHORT };

struct quic_header {
	uint8_t type;                   /* enum quic_type */
	bool is_long;
	uint32_t version;               /* 0: none, or a version negotiation */
	struct slice dcid;              /* destination connection identifier */
	size_t len;                     /* of the header, packet number apart */
	size_t payload;                 /* bytes behind it */
};

/* packet.c. False: it isn't a packet. */
bool quic_header_read(struct slice packet, struct quic_header *out);
static inline bool quic_is_google(uint32_t version)
{
	return version >= QUIC_Q043 && version <= QUIC_Q046;
}

struct quic_secret {
	uint8_t key[CIPHER_KEY_LEN], iv[CIPHER_NONCE_LEN], header[CIPHER_KEY_LEN];
};
struct quic_keys {
	struct quic_secret side[2];     /* by who sent it: enum side of its packets */
};

/* keys.c: the keys of Initial packets (RFC 9001, 5.2; RFC 9369). False: no version that we know. */
bool quic_keys_initial(struct app *app, uint32_t version, struct slice dcid, struct quic_keys *out);
/* Takes the protection off a packet of header h: its frames go to out. False where the keys aren't its. */
bool quic_open(struct app *app, const struct quic_secret *secret, struct slice packet, const struct quic_header *h,
	       struct bytes *out, struct budget *budget);

/* What a packet was found to say. */
struct quic_tx {
	struct tx tx;
	bool client;                    /* who sent it */
	bool is_long;
	uint8_t type;                   /* enum quic_type */
	uint32_t version;
	uint8_t version_bytes[4];
	bool has_hello;
	struct tls_hello hello;
	struct bytes sni, ua;           /* of Google's QUIC */
	struct bytes cyu;               /* fingerprints of its CHLO, each ended by a zero byte */
	struct bytes ja3;
};

/* Fingerprint number index: "46,PAD-SNI-…". False beyond the last. */
bool quic_cyu_at(const struct quic_tx *t, unsigned index, struct slice *out);
void *quic_record_options(const struct conf *type);
bool quic_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j);

/* google.c: the tags in a stream frame of Google's QUIC: server name, user agent, fingerprint. */
void quic_google_tags(struct analysis *a, struct quic_tx *t, struct slice data);

/* A number of 1, 2, 4 or 8 bytes (RFC 9000, 16). */
uint64_t quic_varint_read(struct reader *in);

#endif
