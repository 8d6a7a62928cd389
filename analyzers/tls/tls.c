/* tls.c - SSL 2.0 to TLS 1.3, as far as it can be read: records, and the handshake in them.
 *
 * A connection is one transaction; its progress is that of the handshake. Records are read as they come;
 * handshake messages are put together across records (MESSAGE_MAX bytes at most). What follows the
 * handshake is encrypted: unless the configuration wants it all, nobody looks at it any more. */
#include "analyzers/tls/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "analyzers/frame.h"
#include "base/must.h"

#define RECORD_HEADER_LEN 5
#define RECORD_MAX (16384 + 2048)
#define MESSAGE_HEADER_LEN 4
#define MESSAGE_MAX (256 * 1024)
#define HEARTBEAT_HEADER_LEN 3
#define HEARTBEAT_PADDING_MIN 16        /* RFC 6520 4 */

enum content_type { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, APPLICATION = 23, HEARTBEAT = 24 };

enum ssl2_type {
	SSL2_ERROR, SSL2_CLIENT_HELLO, SSL2_CLIENT_MASTER_KEY, SSL2_CLIENT_FINISHED, SSL2_SERVER_HELLO,
	SSL2_SERVER_VERIFY, SSL2_SERVER_FINISHED, SSL2_REQUEST_CERTIFICATE, SSL2_CLIENT_CERTIFICATE,
};

static const char *const events[] = {
	[TLS_INVALID_SSLV2_HEADER] = "invalid_sslv2_header",
	[TLS_INVALID_TLS_HEADER] = "invalid_tls_header",
	[TLS_INVALID_RECORD_VERSION] = "invalid_record_version",
	[TLS_INVALID_RECORD_TYPE] = "invalid_record_type",
	[TLS_INVALID_RECORD_LENGTH] = "invalid_record_length",
	[TLS_INVALID_HANDSHAKE_MESSAGE] = "invalid_handshake_message",
	[TLS_HEARTBEAT_MESSAGE] = "heartbeat_message",
	[TLS_INVALID_HEARTBEAT_MESSAGE] = "invalid_heartbeat_message",
	[TLS_OVERFLOW_HEARTBEAT_MESSAGE] = "overflow_heartbeat_message",
	[TLS_DATALEAK_HEARTBEAT_MISMATCH] = "dataleak_heartbeat_mismatch",
	[TLS_HANDSHAKE_INVALID_LENGTH] = "handshake_invalid_length",
	[TLS_MULTIPLE_SNI_EXTENSIONS] = "multiple_sni_extensions",
	[TLS_INVALID_SNI_TYPE] = "invalid_sni_type",
	[TLS_INVALID_SNI_LENGTH] = "invalid_sni_length",
	[TLS_TOO_MANY_RECORDS_IN_PACKET] = "too_many_records_in_packet",
	[TLS_INVALID_ALERT_MESSAGE] = "invalid_alert_message",
	[TLS_INVALID_CERTIFICATE] = "invalid_certificate",
	[TLS_CERTIFICATE_MISSING_ELEMENT] = "certificate_missing_element",
	[TLS_CERTIFICATE_UNKNOWN_ELEMENT] = "certificate_unknown_element",
	[TLS_CERTIFICATE_INVALID_LENGTH] = "certificate_invalid_length",
	[TLS_CERTIFICATE_INVALID_VERSION] = "certificate_invalid_version",
	[TLS_CERTIFICATE_INVALID_SERIAL] = "certificate_invalid_serial",
	[TLS_CERTIFICATE_INVALID_ALGORITHM] = "certificate_invalid_algorithmidentifier",
	[TLS_CERTIFICATE_INVALID_X509NAME] = "certificate_invalid_x509name",
	[TLS_CERTIFICATE_INVALID_DATE] = "certificate_invalid_date",
	[TLS_CERTIFICATE_INVALID_EXTENSIONS] = "certificate_invalid_extensions",
	[TLS_CERTIFICATE_INVALID_DER] = "certificate_invalid_der",
	[TLS_CERTIFICATE_INVALID_STRING] = "certificate_invalid_string",
	[TLS_CERTIFICATE_INVALID_SUBJECT] = "certificate_invalid_subject",
	[TLS_CERTIFICATE_INVALID_ISSUER] = "certificate_invalid_issuer",
	[TLS_CERTIFICATE_INVALID_VALIDITY] = "certificate_invalid_validity",
	[TLS_ERROR_MESSAGE_ENCOUNTERED] = "error_message_encountered",
	[TLS_INVALID_SSL_RECORD] = "invalid_ssl_record",
	NULL,
};

enum tls_frame { FRAME_PDU, FRAME_HEADER, FRAME_DATA, FRAME_ALERT, FRAME_HEARTBEAT, FRAME_SSL2_HEADER, FRAME_SSL2_PDU };
static const char *const frames[] = { "pdu", "hdr", "data", "alert", "heartbeat", "ssl2.hdr", "ssl2.pdu", NULL };

static const char *const client_states[] = {
	"client_in_progress", "client_hello_done", "client_cert_done", "client_handshake_done", "client_finished", NULL,
};
static const char *const server_states[] = {
	"server_in_progress", "server_hello", "server_cert_done", "server_hello_done", "server_handshake_done",
	"server_finished", NULL,
};

/* ---- settings, life ---- */

static void on_off(const struct conf *conf, const char *path, bool *on, bool *off)
{
	const char *text = conf ? conf_str(conf, path, NULL) : NULL;
	bool value;

	if (text == NULL || conf_parse_bool(text, &value) < 0)  /* "auto" */
		return;
	if (on != NULL)
		*on = value;
	*off = !value;
}

static int settings_new(void **out, const struct conf *conf)
{
	struct tls_settings *s = calloc(1, sizeof(*s));
	const char *text = conf ? conf_str(conf, "encryption-handling", NULL) : NULL;

	if (s == NULL)
		return -ENOMEM;
	if (text != NULL && strcasecmp(text, "bypass") == 0)
		s->encryption = ENCRYPTION_BYPASS;
	else if (text != NULL && strcasecmp(text, "full") == 0)
		s->encryption = ENCRYPTION_FULL;
	else if (text == NULL && conf != NULL && conf_bool(conf, "no-reassemble", false))
		s->encryption = ENCRYPTION_BYPASS;      /* its name in old configurations */
	on_off(conf, "ja3-fingerprints", &s->ja3_on, &s->ja3_off);
	on_off(conf, "ja4-fingerprints", NULL, &s->ja4_off);
	*out = s;
	return 0;
}

static int tls_open(struct analysis *a)
{
	a->state = budget_get(a->budget, sizeof(struct tls_state));
	return a->state != NULL ? 0 : -ENOMEM;
}

static void tls_close(struct analysis *a)
{
	struct tls_state *state = a->state;

	bytes_fini(&state->sides[0].message, a->budget);
	bytes_fini(&state->sides[1].message, a->budget);
	budget_put(a->budget, state, sizeof(*state));
}

static void tls_tx_free(struct analysis *a, struct tx *tx)
{
	struct tls_tx *t = (struct tls_tx *)tx;
	struct tls_state *state = a->state;

	for (unsigned s = 0; s < 2; s++) {
		tls_hello_fini(&t->peers[s].hello, a->budget);
		bytes_fini(&t->peers[s].certs, a->budget);
		bytes_fini(&t->peers[s].ja3, a->budget);
		x509_fini(&t->peers[s].x509, a->budget);
	}
	if (state != NULL && state->tx == t)
		state->tx = NULL;
	budget_put(a->budget, t, sizeof(*t));
}

/* ---- is it TLS? ---- */

static enum probe probe(struct slice data, enum side side, bool is_udp)
{
	const uint8_t *p = data.data;

	(void)side;
	(void)is_udp;
	if (data.len < 3)
		return PROBE_MORE;
	if (p[0] == HANDSHAKE && p[1] == 3 && p[2] <= 4)
		return PROBE_YES;
	if (data.len < 7)
		return PROBE_MORE;
	if (p[0] & 0x80 && p[2] == SSL2_CLIENT_HELLO && ((p[3] == 0 && p[4] == 2) || (p[3] == 3 && p[4] <= 3)))
		return PROBE_YES;
	if (p[0] & 0x80 && p[2] == SSL2_SERVER_HELLO && p[5] == 0 && p[6] == 2)
		return PROBE_YES;
	return PROBE_NO;
}

#define RECORD_PATTERN(from, version) { .side = from, .bytes = { (const uint8_t *)"\x16\x03" version, 3 } }
#define SSL2_PATTERN(from, type, at) { .side = from, .offset = at, .bytes = { (const uint8_t *)type, sizeof(type) - 1 } }

static const struct probe_pattern patterns[] = {
	RECORD_PATTERN(TO_SERVER, "\x00"), RECORD_PATTERN(TO_SERVER, "\x01"), RECORD_PATTERN(TO_SERVER, "\x02"),
	RECORD_PATTERN(TO_SERVER, "\x03"), RECORD_PATTERN(TO_SERVER, "\x04"),
	RECORD_PATTERN(TO_CLIENT, "\x00"), RECORD_PATTERN(TO_CLIENT, "\x01"), RECORD_PATTERN(TO_CLIENT, "\x02"),
	RECORD_PATTERN(TO_CLIENT, "\x03"), RECORD_PATTERN(TO_CLIENT, "\x04"),
	SSL2_PATTERN(TO_SERVER, "\x01\x00\x02", 2), SSL2_PATTERN(TO_SERVER, "\x01\x03\x00", 2),
	SSL2_PATTERN(TO_SERVER, "\x01\x03\x01", 2), SSL2_PATTERN(TO_SERVER, "\x01\x03\x02", 2),
	SSL2_PATTERN(TO_SERVER, "\x01\x03\x03", 2), SSL2_PATTERN(TO_CLIENT, "\x00\x02", 5),
};

/* ---- the handshake's end ---- */

static bool resumed_by_ticket(const struct tls_state *state)
{
	const struct tls_tx *tx = state->tx;

	return tx->peers[TO_SERVER].hello.ticket && tx->peers[TO_CLIENT].has_hello && !(tx->tx.bits & (SEEN_CLIENT_KEY | SEEN_SERVER_KEY)) &&
	       tx->peers[TO_CLIENT].cert_count == 0;
}

static void change_cipher_spec(struct analysis *a, enum side side)
{
	struct tls_state *state = a->state;
	struct tls_tx *tx = state->tx;

	state->sides[side].encrypted = true;
	if (!tx->no_cert_needed && side == TO_CLIENT && resumed_by_ticket(state))
		tx->resumed = true;
	if (side == TO_SERVER)
		tx_progress(a, &tx->tx, side, CLIENT_HANDSHAKE_DONE);
	else
		tx_progress(a, &tx->tx, side, SERVER_HANDSHAKE_DONE);
}

/* Encrypted data flows: the handshake is over. Early data (RFC 8446 2.3) flows before it is. */
static void application(struct analysis *a, enum side side)
{
	const struct tls_settings *settings = a->settings;
	struct tls_state *state = a->state;
	struct tls_tx *tx = state->tx;

	if (tx->peers[TO_SERVER].hello.early_data && !tx->peers[TO_CLIENT].has_hello)
		return;
	state->sides[side].application = true;
	tx_progress(a, &tx->tx, side, side == TO_SERVER ? CLIENT_HANDSHAKE_DONE : SERVER_HANDSHAKE_DONE);
	if (settings != NULL && settings->encryption == ENCRYPTION_FULL)
		return;
	a->skip_payload[side] = true;
	if (settings != NULL && settings->encryption == ENCRYPTION_BYPASS &&
	    tx->tx.progress[TO_SERVER] >= CLIENT_HANDSHAKE_DONE && tx->tx.progress[TO_CLIENT] >= SERVER_HANDSHAKE_DONE)
		a->bypass = true;
}

/* ---- records ---- */

static enum parse bad(struct analysis *a, enum tls_event event)
{
	struct tls_state *state = a->state;

	tx_event(a, &state->tx->tx, event);
	return PARSE_BAD;
}

/* Every whole message in what was put together of side's. */
static enum parse messages(struct analysis *a, enum side side)
{
	struct tls_state *state = a->state;
	struct bytes *m = &state->sides[side].message;
	uint32_t done = 0;
	enum parse answer = PARSE_OK;

	while (answer == PARSE_OK && m->len - done >= MESSAGE_HEADER_LEN) {
		const uint8_t *p = m->data + done;
		const uint32_t len = load_be24(p + 1);

		if (len > MESSAGE_MAX)
			return bad(a, TLS_INVALID_HANDSHAKE_MESSAGE);
		if (m->len - done - MESSAGE_HEADER_LEN < len)
			break;
		answer = tls_handshake(a, state->tx, side, p[0], slice_of(p + MESSAGE_HEADER_LEN, len));
		done += MESSAGE_HEADER_LEN + len;
	}
	if (answer == PARSE_BAD)
		return bad(a, TLS_INVALID_HANDSHAKE_MESSAGE);
	bytes_drop(m, done);
	if (m->len == 0)
		bytes_fini(m, a->budget);
	return PARSE_OK;
}

static bool encrypted_handshake(const struct tls_state *state, enum side side)
{
	const struct tls_tx *tx = state->tx;

	/* In TLS 1.3 ChangeCipherSpec means nothing; a client may send its second hello behind one. */
	if (side == TO_SERVER && !tx->peers[TO_CLIENT].has_hello)
		return false;
	return state->sides[TO_SERVER].encrypted || state->sides[TO_CLIENT].encrypted;
}

static enum parse handshake(struct analysis *a, enum side side, struct slice data)
{
	struct tls_state *state = a->state;
	struct tls_side *s = &state->sides[side];

	if (encrypted_handshake(state, side))
		return PARSE_OK;
	if (s->message.len == 0 && data.len < MESSAGE_HEADER_LEN)
		return bad(a, TLS_INVALID_SSL_RECORD);
	if (s->message.len == 0) {              /* usually one record is one message: no copy is needed */
		while (data.len >= MESSAGE_HEADER_LEN) {
			const uint32_t len = load_be24(data.data + 1);

			if (data.len - MESSAGE_HEADER_LEN < len)
				break;
			if (tls_handshake(a, state->tx, side, data.data[0], slice_of(data.data + MESSAGE_HEADER_LEN, len)) != PARSE_OK)
				return bad(a, TLS_INVALID_HANDSHAKE_MESSAGE);
			data = slice_skip(data, MESSAGE_HEADER_LEN + len);
		}
	}
	if (data.len == 0)
		return PARSE_OK;
	if (!bytes_append(&s->message, a->budget, data.data, data.len))
		return PARSE_BAD;
	return messages(a, side);
}

/* Heartbleed (CVE-2014-0160) asks for more than it sends. Once encrypted, only lengths can be compared. */
static enum parse heartbeat(struct analysis *a, enum side side, struct slice data)
{
	struct tls_state *state = a->state;
	const bool encrypted = state->sides[0].encrypted || state->sides[1].encrypted;
	const uint16_t answered = state->heartbeat_len;
	uint32_t payload;

	if (data.len < HEARTBEAT_HEADER_LEN)
		return PARSE_OK;
	if (!encrypted && data.data[0] != 1 && data.data[0] != 2)
		return bad(a, TLS_INVALID_HEARTBEAT_MESSAGE);
	if (state->heartbeat_flying && state->heartbeat_from == side)
		return bad(a, TLS_HEARTBEAT_MESSAGE);
	if (!state->heartbeat_flying) {
		state->heartbeat_flying = true;
		state->heartbeat_from = (uint8_t)side;
		if (encrypted) {
			state->heartbeat_len = (uint16_t)data.len;
			return PARSE_OK;
		}
		payload = load_be16(data.data + 1);
		if (payload + HEARTBEAT_HEADER_LEN > data.len)
			return bad(a, TLS_OVERFLOW_HEARTBEAT_MESSAGE);
		if (data.len - payload - HEARTBEAT_HEADER_LEN < HEARTBEAT_PADDING_MIN)
			return bad(a, TLS_INVALID_HEARTBEAT_MESSAGE);
		return PARSE_OK;
	}
	state->heartbeat_flying = false;
	state->heartbeat_len = 0;
	if (encrypted && answered > 0 && data.len > answered)
		return bad(a, TLS_DATALEAK_HEARTBEAT_MISMATCH);
	return PARSE_OK;
}

static enum parse record(struct analysis *a, enum side side, uint8_t type, struct slice data)
{
	struct tls_state *state = a->state;

	switch (type) {
	case CHANGE_CIPHER_SPEC:
		change_cipher_spec(a, side);
		return PARSE_OK;
	case ALERT:
		/* a longer one is encrypted; a fatal one ends the connection */
		if (data.len == 2 && data.data[0] == 2)
			tx_complete(a, &state->tx->tx);
		return PARSE_OK;
	case HANDSHAKE:
		return handshake(a, side, data);
	case HEARTBEAT:
		return heartbeat(a, side, data);
	default:
		return PARSE_OK;
	}
}

static bool version_known(uint16_t v)
{
	return (v >= SSL_3 && v <= TLS_1_3) || v >> 8 == TLS_1_3_DRAFTS >> 8 || v >> 8 == 0xfb;
}

static void record_frames(struct analysis *a, enum side side, uint64_t offset, uint8_t type, uint32_t len)
{
	frame_open(a, side, FRAME_PDU, offset, RECORD_HEADER_LEN + (int64_t)len);
	frame_open(a, side, FRAME_HEADER, offset, RECORD_HEADER_LEN);
	frame_open(a, side, FRAME_DATA, offset + RECORD_HEADER_LEN, len);
	if (type == ALERT)
		frame_open(a, side, FRAME_ALERT, offset + RECORD_HEADER_LEN, len);
	else if (type == HEARTBEAT)
		frame_open(a, side, FRAME_HEARTBEAT, offset + RECORD_HEADER_LEN, len);
}

/* One record, or the part of application data that is there. PARSE_MORE: it isn't complete. */
static enum parse record_read(struct analysis *a, enum side side, struct reader *in)
{
	struct tls_state *state = a->state;
	struct tls_side *s = &state->sides[side];
	struct tls_peer *peer = &state->tx->peers[side];
	const uint8_t *p = in->at;
	const uint8_t type = p[0];
	const uint16_t version = load_be16(p + 1), len = load_be16(p + 3);

	if (type < CHANGE_CIPHER_SPEC || type > HEARTBEAT) {
		tx_event(a, &state->tx->tx, TLS_INVALID_RECORD_TYPE);
		if (peer->version != TLS_1_0 && peer->version != TLS_1_1)
			return PARSE_BAD;
		read_rest(in);                  /* other things ride on these: they aren't ours */
		return PARSE_OK;
	}
	if (!peer->has_hello && !version_known(version))
		return bad(a, TLS_INVALID_RECORD_VERSION);
	if (len == 0 || len > RECORD_MAX)
		return bad(a, TLS_INVALID_RECORD_LENGTH);
	if (type != APPLICATION && reader_left(in) < RECORD_HEADER_LEN + (size_t)len) {
		analysis_need(a, side, RECORD_HEADER_LEN + len);
		return PARSE_MORE;
	}
	s->record_version = version;
	if (!peer->has_hello)
		peer->version = version;
	record_frames(a, side, a->offset[side] + reader_pos(in), type, len);
	reader_skip(in, RECORD_HEADER_LEN);
	if (type != APPLICATION)
		return record(a, side, type, read_slice(in, len));
	s->left = len;
	application(a, side);
	return PARSE_OK;
}

/* SSLv2's hello names versions up to TLS; what comes after it is usually TLS. */
static enum parse ssl2_read(struct analysis *a, enum side side, struct reader *in)
{
	struct tls_state *state = a->state;
	struct tls_tx *tx = state->tx;
	const uint8_t *p = in->at;
	const uint32_t header = p[0] & 0x80 ? 2 : 3;
	const uint32_t len = (uint32_t)(p[0] & (header == 2 ? 0x7f : 0x3f)) << 8 | p[1];
	struct slice data;

	if (len == 0)
		return bad(a, TLS_INVALID_SSLV2_HEADER);
	if (reader_left(in) < header + len) {
		analysis_need(a, side, header + len);
		return PARSE_MORE;
	}
	frame_open(a, side, FRAME_SSL2_HEADER, a->offset[side] + reader_pos(in), header);
	frame_open(a, side, FRAME_SSL2_PDU, a->offset[side] + reader_pos(in), header + len);
	reader_skip(in, header);
	data = read_slice(in, len);
	if (!tx->peers[side].has_hello)
		tx->peers[side].version = SSL_2;
	switch (data.data[0]) {
	case SSL2_ERROR:
		tx_event(a, &tx->tx, TLS_ERROR_MESSAGE_ENCOUNTERED);
		break;
	case SSL2_CLIENT_HELLO:
		if (data.len < 9)
			return bad(a, TLS_INVALID_SSLV2_HEADER);
		tx->tx.bits |= SEEN_CLIENT_HELLO;
		if (side == TO_SERVER)
			tx_progress(a, &tx->tx, side, CLIENT_HELLO_DONE);
		break;
	case SSL2_SERVER_HELLO:
		tx->tx.bits |= SEEN_SERVER_HELLO;
		if (side == TO_CLIENT)
			tx_progress(a, &tx->tx, side, SERVER_HELLO_SEEN);
		break;
	case SSL2_CLIENT_MASTER_KEY:
		tx->tx.bits |= SEEN_CLIENT_KEY;
		if (side == TO_SERVER)
			tx_progress(a, &tx->tx, side, CLIENT_HANDSHAKE_DONE);
		break;
	case SSL2_SERVER_VERIFY:
	case SSL2_SERVER_FINISHED:
		if (side == TO_CLIENT)
			tx_progress(a, &tx->tx, side, SERVER_HANDSHAKE_DONE);
		break;
	}
	return PARSE_OK;
}

static enum parse tls_feed(struct analysis *a, enum side side, struct reader *in)
{
	struct tls_state *state = a->state;
	struct tls_side *s = &state->sides[side];
	enum parse answer = PARSE_OK;

	if (state->tx == NULL && a->tx_count == 0) {
		state->tx = tx_new(a, sizeof(*state->tx));
		if (state->tx != NULL)          /* rules may ask for a handshake that has only begun */
			state->tx->tx.updated[side] = true;
	}
	if (state->tx == NULL) {                /* it was let go, or there was no memory for it */
		a->finished = true;
		return PARSE_OK;
	}
	while (answer == PARSE_OK && reader_left(in) > 0 && !a->skip_payload[side]) {
		if (s->left > 0) {
			const size_t n = reader_left(in) < s->left ? reader_left(in) : s->left;

			reader_skip(in, n);
			s->left -= (uint32_t)n;
		} else if (*in->at & 0xc0) {
			answer = reader_left(in) < 3 ? PARSE_MORE : ssl2_read(a, side, in);
		} else {
			answer = reader_left(in) < RECORD_HEADER_LEN ? PARSE_MORE : record_read(a, side, in);
		}
	}
	return answer;
}

/* Behind a gap nothing says where a record begins; what was seen so far stands. */
static bool tls_gap(struct analysis *a, enum side side, uint64_t len)
{
	struct tls_state *state = a->state;
	struct tls_side *s = &state->sides[side];

	if (s->left >= len) {                   /* inside of what is skipped anyway */
		s->left -= (uint32_t)len;
		return true;
	}
	return false;
}

static void tls_end(struct analysis *a, enum side side)
{
	struct tls_state *state = a->state;

	if (state->tx != NULL)
		tx_progress(a, &state->tx->tx, side, side == TO_SERVER ? CLIENT_FINISHED : SERVER_FINISHED);
}

const struct analyzer analyzer_tls = {
	.abi = ANALYZER_ABI,
	.name = "tls",
	.aliases = "ssl",
	.summary = "TLS and SSL: hellos, certificates, fingerprints",
	.transports = TRANSPORT_TCP,
	.tx_uncounted = true,
	.ports = "443",
	.patterns = patterns,
	.pattern_count = ARRAY_LEN(patterns),
	.probe = probe,
	.settings_new = settings_new,
	.settings_free = free,
	.open = tls_open,
	.close = tls_close,
	.feed = tls_feed,
	.gap = tls_gap,
	.end = tls_end,
	.tx_free = tls_tx_free,
	.complete = { CLIENT_FINISHED, SERVER_FINISHED },
	.states = { client_states, server_states },
	.fields = tls_fields,
	.field_count = TLS_FIELDS,
	.events = events,
	.events_upper = true,
	.frames = frames,
	.event_type = "tls",
	.record_at = { CLIENT_CERT_DONE, SERVER_CERT_DONE },
	.record_options = tls_record_options,
	.record_options_free = tls_record_options_free,
	.record = tls_record,
};
