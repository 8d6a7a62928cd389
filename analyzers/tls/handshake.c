/* handshake.c - what the messages of a handshake say, and how far they bring it. */
#include "analyzers/app.h"
#include "analyzers/tls/tls.h"
#include "base/must.h"

#define CERTS_MAX 64            /* of a chain that are kept */

enum handshake_type {
	HELLO_REQUEST = 0, CLIENT_HELLO = 1, SERVER_HELLO = 2, NEW_SESSION_TICKET = 4, END_OF_EARLY_DATA = 5,
	ENCRYPTED_EXTENSIONS = 8, CERTIFICATE = 11, SERVER_KEY_EXCHANGE = 12, CERTIFICATE_REQUEST = 13,
	SERVER_DONE = 14, CERTIFICATE_VERIFY = 15, CLIENT_KEY_EXCHANGE = 16, FINISHED = 20, CERTIFICATE_URL = 21,
	CERTIFICATE_STATUS = 22, SUPPLEMENTAL = 23, KEY_UPDATE = 24, MESSAGE_HASH = 254,
};

static void hello_events(struct analysis *a, struct tls_tx *tx, const struct tls_hello *h)
{
	if (h->oddities & HELLO_SNI_TWICE)
		tx_event(a, &tx->tx, TLS_MULTIPLE_SNI_EXTENSIONS);
	if (h->oddities & HELLO_SNI_TYPE)
		tx_event(a, &tx->tx, TLS_INVALID_SNI_TYPE);
	if (h->oddities & HELLO_SNI_LENGTH)
		tx_event(a, &tx->tx, TLS_INVALID_SNI_LENGTH);
	if (h->oddities & HELLO_LENGTH)
		tx_event(a, &tx->tx, TLS_HANDSHAKE_INVALID_LENGTH);
}

/* Drafts before the 16th said 1.3 in the field that now stays at 1.2. */
static uint16_t hello_version(const struct tls_hello *h)
{
	if (h->chosen)
		return h->chosen;
	return h->version == TLS_1_3 ? TLS_1_3_DRAFTS + 1 : h->version;
}

static bool is_1_3(uint16_t version)
{
	return version == TLS_1_3 || version >> 8 == TLS_1_3_DRAFTS >> 8 || version >> 8 == 0xfb;
}

static void server_hello(struct tls_tx *tx)
{
	const struct tls_hello *ours = &tx->peers[TO_SERVER].hello, *theirs = &tx->peers[TO_CLIENT].hello;
	const struct slice mine = tls_span_slice(ours, ours->session), echo = tls_span_slice(theirs, theirs->session);

	if (is_1_3(tx->peers[TO_CLIENT].version))
		tx->no_cert_needed = true;      /* and the echoed session id says nothing any more */
	else if (echo.len && slice_eq(mine, echo))
		tx->resumed = true;
}

/* A broken hello is noted; who sent it goes on, and so do we. */
static void hello(struct analysis *a, struct tls_tx *tx, enum side side, struct slice body)
{
	struct tls_peer *p = &tx->peers[side];
	struct tls_hello h = { 0 };

	if (p->has_hello) {             /* a second one, after HelloRetryRequest: the first is who it is */
		if (tls_hello_parse(&h, a->budget, side == TO_SERVER, body) == PARSE_OK && side == TO_CLIENT)
			p->version = hello_version(&h);
		hello_events(a, tx, &h);
		tls_hello_fini(&h, a->budget);
		return;
	}
	if (tls_hello_parse(&h, a->budget, side == TO_SERVER, body) != PARSE_OK && h.oddities & HELLO_LENGTH) {
		hello_events(a, tx, &h);
		tls_hello_fini(&h, a->budget);
		return;
	}
	hello_events(a, tx, &h);
	p->hello = h;
	p->has_hello = true;
	tx->tx.bits |= side == TO_SERVER ? SEEN_CLIENT_HELLO : SEEN_SERVER_HELLO;
	p->version = hello_version(&h);
	if (side == TO_CLIENT)
		server_hello(tx);
	tx_progress(a, &tx->tx, side, side == TO_SERVER ? CLIENT_HELLO_DONE : SERVER_HELLO_SEEN);
}

static void certificate_event(struct analysis *a, struct tls_tx *tx, enum x509_error err)
{
	static const uint8_t events[] = {
		[X509_INVALID] = TLS_INVALID_CERTIFICATE,
		[X509_LENGTH] = TLS_CERTIFICATE_INVALID_LENGTH,
		[X509_DER] = TLS_CERTIFICATE_INVALID_DER,
		[X509_SERIAL] = TLS_CERTIFICATE_INVALID_SERIAL,
		[X509_DATE] = TLS_CERTIFICATE_INVALID_DATE,
	};

	if (err != X509_OK && err < ARRAY_LEN(events))
		tx_event(a, &tx->tx, events[err]);
}

/* The first certificate that can be read is the peer's; the others are only kept. */
static void certificate(struct analysis *a, struct tls_tx *tx, struct tls_peer *p, struct slice der)
{
	struct x509 x = { 0 };
	enum x509_error err;

	if (p->has_cert)
		return;
	err = x509_parse(&x, a->budget, der);
	if (err != X509_OK) {
		certificate_event(a, tx, err);
		x509_fini(&x, a->budget);
		return;
	}
	p->x509 = x;
	p->cert = der;
	p->has_cert = true;
}

static void certificates(struct analysis *a, struct tls_tx *tx, enum side side, struct slice body)
{
	struct tls_peer *p = &tx->peers[side];
	struct reader in = reader_slice(body);
	const uint32_t len = read_be24(&in);

	if (in.ran_out) {
		tx_event(a, &tx->tx, TLS_INVALID_CERTIFICATE);
		return;
	}
	if (len > reader_left(&in) || p->certs.len)     /* cut short, or a renegotiation's */
		return;
	if (!bytes_append(&p->certs, a->budget, in.at, len))
		return;
	in = reader_slice(bytes_slice(&p->certs));
	while (reader_left(&in) > 0 && p->cert_count < CERTS_MAX) {
		const struct slice der = read_slice(&in, read_be24(&in));

		if (in.ran_out) {
			tx_event(a, &tx->tx, TLS_INVALID_CERTIFICATE);
			break;
		}
		p->cert_count++;
		certificate(a, tx, p, der);
	}
	if (len)
		tx_progress(a, &tx->tx, side, side == TO_SERVER ? CLIENT_CERT_DONE : SERVER_CERT_DONE);
}

/* The server has said who it is. Where it hasn't asked the client to do so, all that is worth a record is there. */
static void server_done(struct analysis *a, struct tls_tx *tx)
{
	tx_progress(a, &tx->tx, TO_CLIENT, SERVER_HELLO_DONE);
	if (!tx->client_cert_asked && tx->tx.progress[TO_SERVER] >= CLIENT_HELLO_DONE)
		tx_progress_other(a, &tx->tx, TO_SERVER, CLIENT_CERT_DONE);
}

enum parse tls_handshake(struct analysis *a, struct tls_tx *tx, enum side side, uint8_t type, struct slice body)
{
	switch (type) {
	case CLIENT_HELLO:
		if (side == TO_SERVER)
			hello(a, tx, side, body);
		return PARSE_OK;
	case SERVER_HELLO:
		if (side == TO_CLIENT)
			hello(a, tx, side, body);
		return PARSE_OK;
	case CERTIFICATE:
		certificates(a, tx, side, body);
		return PARSE_OK;
	case CERTIFICATE_REQUEST:
		tx->client_cert_asked |= side == TO_CLIENT;
		return PARSE_OK;
	case SERVER_KEY_EXCHANGE:
		tx->tx.bits |= SEEN_SERVER_KEY;
		return PARSE_OK;
	case CLIENT_KEY_EXCHANGE:
		tx->tx.bits |= SEEN_CLIENT_KEY;
		return PARSE_OK;
	case SERVER_DONE:
		if (side == TO_CLIENT)
			server_done(a, tx);
		return PARSE_OK;
	case HELLO_REQUEST: case NEW_SESSION_TICKET: case END_OF_EARLY_DATA: case ENCRYPTED_EXTENSIONS:
	case CERTIFICATE_VERIFY: case FINISHED: case CERTIFICATE_URL:
	case CERTIFICATE_STATUS: case SUPPLEMENTAL: case KEY_UPDATE: case MESSAGE_HASH:
		return PARSE_OK;
	default:
		return PARSE_BAD;
	}
}

bool tls_cert_at(const struct tls_peer *p, uint32_t i, struct slice *out)
{
	struct reader in = reader_slice(bytes_slice(&p->certs));

	if (i >= p->cert_count)
		return false;
	while (i-- > 0)
		reader_skip(&in, read_be24(&in));
	*out = read_slice(&in, read_be24(&in));
	return !in.ran_out;
}

const char *tls_fingerprint(struct analysis *a, struct tls_peer *p)
{
	static const char letters[] = "0123456789abcdef";
	struct digest *d;
	uint8_t sha1[DIGEST_MAX];

	if (p->fingerprint[0] != '\0' || !p->has_cert)
		return p->fingerprint;
	d = app_digest_get(a->app, DIGEST_SHA1);
	if (d == NULL)
		return p->fingerprint;
	digest_start(d);
	digest_add(d, p->cert.data, p->cert.len);
	digest_finish(d, sha1);
	app_digest_put(a->app, DIGEST_SHA1, d);
	for (unsigned i = 0; i < 20; i++) {
		p->fingerprint[i * 3] = letters[sha1[i] >> 4];
		p->fingerprint[i * 3 + 1] = letters[sha1[i] & 15];
		p->fingerprint[i * 3 + 2] = i < 19 ? ':' : '\0';
	}
	return p->fingerprint;
}

bool tls_ja3(struct analysis *a, struct tls_tx *tx, enum side side, struct slice *out)
{
	const struct tls_settings *settings = a->settings;
	struct tls_peer *p = &tx->peers[side];

	if (!p->has_hello || (settings != NULL && settings->ja3_off))
		return false;
	if (p->ja3.len == 0 && !tls_ja3_text(&p->hello, side == TO_SERVER, &p->ja3, a->budget)) {
		bytes_fini(&p->ja3, a->budget);
		return false;
	}
	*out = bytes_slice(&p->ja3);
	return true;
}

bool tls_ja3_md5(struct analysis *a, struct tls_tx *tx, enum side side, struct slice *out)
{
	struct tls_peer *p = &tx->peers[side];
	struct slice text;

	if (!p->has_ja3_hash) {
		if (!tls_ja3(a, tx, side, &text))
			return false;
		tls_ja3_hash(a->app, text, p->ja3_hash);
		p->has_ja3_hash = true;
	}
	*out = slice_of(p->ja3_hash, TLS_JA3_LEN);
	return true;
}

bool tls_ja4_of(struct analysis *a, struct tls_tx *tx, struct slice *out)
{
	const struct tls_settings *settings = a->settings;
	struct tls_peer *p = &tx->peers[TO_SERVER];

	if (!p->has_hello || (settings != NULL && settings->ja4_off))
		return false;
	if (!p->has_ja4)
		p->has_ja4 = tls_ja4(&p->hello, 't', a->app, p->ja4);
	*out = slice_of(p->ja4, TLS_JA4_LEN);
	return p->has_ja4;
}
