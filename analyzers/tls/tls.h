/* tls.h - inside tls: one connection's transaction, and what its parts share. */
#ifndef TAPIR_ANALYZERS_TLS_TLS_H
#define TAPIR_ANALYZERS_TLS_TLS_H

#include "analyzers/tls/hello.h"
#include "analyzers/tls/x509.h"

enum tls_version {
	SSL_2 = 0x0002, SSL_3 = 0x0300, TLS_1_0 = 0x0301, TLS_1_1 = 0x0302, TLS_1_2 = 0x0303, TLS_1_3 = 0x0304,
	TLS_1_3_DRAFTS = 0x7f00, TLS_1_3_DRAFT_22 = 0x7f16,
};

/* Progress of the two sides. */
enum client_state { CLIENT_STARTED, CLIENT_HELLO_DONE, CLIENT_CERT_DONE, CLIENT_HANDSHAKE_DONE, CLIENT_FINISHED };
enum server_state {
	SERVER_STARTED, SERVER_HELLO_SEEN, SERVER_CERT_DONE, SERVER_HELLO_DONE, SERVER_HANDSHAKE_DONE, SERVER_FINISHED,
};

enum tls_event {
	TLS_INVALID_SSLV2_HEADER, TLS_INVALID_TLS_HEADER, TLS_INVALID_RECORD_VERSION, TLS_INVALID_RECORD_TYPE,
	TLS_INVALID_RECORD_LENGTH, TLS_INVALID_HANDSHAKE_MESSAGE, TLS_HEARTBEAT_MESSAGE, TLS_INVALID_HEARTBEAT_MESSAGE,
	TLS_OVERFLOW_HEARTBEAT_MESSAGE, TLS_DATALEAK_HEARTBEAT_MISMATCH, TLS_HANDSHAKE_INVALID_LENGTH,
	TLS_MULTIPLE_SNI_EXTENSIONS, TLS_INVALID_SNI_TYPE, TLS_INVALID_SNI_LENGTH, TLS_TOO_MANY_RECORDS_IN_PACKET,
	TLS_INVALID_ALERT_MESSAGE, TLS_INVALID_CERTIFICATE, TLS_CERTIFICATE_MISSING_ELEMENT,
	TLS_CERTIFICATE_UNKNOWN_ELEMENT, TLS_CERTIFICATE_INVALID_LENGTH, TLS_CERTIFICATE_INVALID_VERSION,
	TLS_CERTIFICATE_INVALID_SERIAL, TLS_CERTIFICATE_INVALID_ALGORITHM, TLS_CERTIFICATE_INVALID_X509NAME,
	TLS_CERTIFICATE_INVALID_DATE, TLS_CERTIFICATE_INVALID_EXTENSIONS, TLS_CERTIFICATE_INVALID_DER,
	TLS_CERTIFICATE_INVALID_STRING, TLS_CERTIFICATE_INVALID_SUBJECT, TLS_CERTIFICATE_INVALID_ISSUER,
	TLS_CERTIFICATE_INVALID_VALIDITY, TLS_ERROR_MESSAGE_ENCOUNTERED, TLS_INVALID_SSL_RECORD,
};

#define TLS_FINGERPRINT_LEN 59  /* "06:39:…": SHA-1 */

/* What one side has shown of itself. */
struct tls_peer {
	uint16_t version;               /* 0 = not seen */
	bool has_hello;
	struct tls_hello hello;         /* its first */
	struct bytes certs;             /* the chain as on the wire: certificates behind their lengths in three bytes */
	uint32_t cert_count;
	bool has_cert;                  /* one of them could be read: x509 */
	struct slice cert;              /* that one, in certs */
	struct x509 x509;
	char fingerprint[TLS_FINGERPRINT_LEN + 1];      /* of cert; "" = not made yet */
	struct bytes ja3;               /* JA3 of a client, JA3S of a server; empty = not made yet */
	char ja3_hash[TLS_JA3_LEN];
	char ja4[TLS_JA4_LEN];
	bool has_ja3_hash, has_ja4;
};

/* Bits of tx.bits: messages that were seen, for ssl_state. */
enum tls_seen { SEEN_CLIENT_HELLO = 1, SEEN_SERVER_HELLO = 2, SEEN_CLIENT_KEY = 4, SEEN_SERVER_KEY = 8 };

struct tls_tx {
	struct tx tx;
	struct tls_peer peers[2];       /* by side: client, server */
	bool resumed;
	bool client_cert_asked;
	bool no_cert_needed;            /* TLS 1.3: the certificate is encrypted, the record is written without */
};

enum encryption_handling { ENCRYPTION_TRACK, ENCRYPTION_BYPASS, ENCRYPTION_FULL };

struct tls_settings {
	uint8_t encryption;             /* enum encryption_handling */
	bool ja3_on, ja3_off;           /* neither: when somebody asks */
	bool ja4_off;
};

/* Certificate number i of a chain. */
bool tls_cert_at(const struct tls_peer *p, uint32_t i, struct slice *out);
/* Made when first asked for. */
const char *tls_fingerprint(struct analysis *a, struct tls_peer *p);
bool tls_ja3(struct analysis *a, struct tls_tx *tx, enum side side, struct slice *out);
bool tls_ja3_md5(struct analysis *a, struct tls_tx *tx, enum side side, struct slice *out);
bool tls_ja4_of(struct analysis *a, struct tls_tx *tx, struct slice *out);

/* record.c */
void *tls_record_options(const struct conf *type);
void tls_record_options_free(void *options);
bool tls_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j);

/* fields.c */
#define TLS_FIELDS 28
extern const struct field tls_fields[TLS_FIELDS];

/* handshake.c: messages of one side, put together from records. */
enum parse tls_handshake(struct analysis *a, struct tls_tx *tx, enum side side, uint8_t type, struct slice body);

/* What the record layer knows of a connection. */
struct tls_side {
	uint16_t record_version;
	uint8_t type;                   /* of the record being read */
	uint32_t left;                  /* of it, to come */
	bool ssl2;                      /* it is an SSLv2 record */
	bool encrypted;                 /* ChangeCipherSpec was seen */
	bool application;               /* application data was */
	struct bytes message;           /* the handshake message being put together, and what came behind it */
};

struct tls_state {
	struct tls_tx *tx;
	struct tls_side sides[2];
	bool heartbeat_flying;
	uint8_t heartbeat_from;         /* enum side */
	uint16_t heartbeat_len;         /* of an encrypted request's record */
};

#endif
