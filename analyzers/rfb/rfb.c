/* rfb.c - RFB, which VNC speaks (RFC 6143), up to the point where the picture begins.
 *
 * One transaction a flow: versions, security type, VNC challenge and response, the
 * result, the framebuffer. Each side goes through its own few steps; what a step waits
 * for from the other side comes before it on the wire. A security type other than none
 * and VNC ends what can be read. */
#include <errno.h>
#include <stdlib.h>

#include "analyzers/analyzer.h"

#define VERSION_LEN 12
#define CHALLENGE_LEN 16
#define NAME_MAX_LEN 4096

enum step { STEP_VERSION, STEP_SECURITY, STEP_AUTH, STEP_RESULT, STEP_REASON, STEP_INIT, STEP_DONE };

enum rfb_event { UNIMPLEMENTED_SECURITY_TYPE, UNKNOWN_SECURITY_RESULT, MALFORMED_MESSAGE };
static const char *const rfb_events[] = {
	"unimplemented_security_type", "unknown_security_result", "malformed_message", NULL,
};

enum security { SECURITY_FAILED = 0, SECURITY_NONE = 1, SECURITY_VNC = 2 };

struct rfb_tx {
	struct tx tx;
	uint8_t step[2];
	char version[2][VERSION_LEN];   /* "RFB 003.008\n" */
	bool has_security, has_challenge, has_response, has_result, has_shared, has_init, shared;
	uint32_t security, result;
	uint8_t challenge[CHALLENGE_LEN], response[CHALLENGE_LEN];
	uint16_t width, height;
	uint8_t format[16];
	struct bytes name, reason;
};

static int rfb_open(struct analysis *a)
{
	a->state = tx_new(a, sizeof(struct rfb_tx));
	return a->state ? 0 : -ENOMEM;
}

static void rfb_close(struct analysis *a)
{
	a->state = NULL;
}

static void rfb_tx_free(struct analysis *a, struct tx *tx)
{
	struct rfb_tx *t = (struct rfb_tx *)tx;

	bytes_fini(&t->name, a->budget);
	bytes_fini(&t->reason, a->budget);
	if (a->state == tx)
		a->state = NULL;
	budget_put(a->budget, t, sizeof(*t));
}

/* The minor version that both speak: the client's, which is never above the server's. */
static unsigned minor_of(const struct rfb_tx *t)
{
	const char *v = t->version[t->step[TO_SERVER] > STEP_VERSION ? TO_SERVER : TO_CLIENT];

	return (unsigned)(v[8] - '0') * 100 + (unsigned)(v[9] - '0') * 10 + (unsigned)(v[10] - '0');
}

static bool is_version(const uint8_t *p)
{
	static const char shape[] = "RFB 000.000\n";

	for (unsigned i = 0; i < VERSION_LEN; i++) {
		if (shape[i] == '0' ? p[i] < '0' || p[i] > '9' : p[i] != (uint8_t)shape[i])
			return false;
	}
	return true;
}

static enum parse bad(struct analysis *a, struct rfb_tx *t)
{
	tx_event(a, &t->tx, MALFORMED_MESSAGE);
	return PARSE_BAD;
}

static void done(struct analysis *a, struct rfb_tx *t)
{
	t->step[0] = t->step[1] = STEP_DONE;
	tx_complete(a, &t->tx);
	a->finished = true;
}

static void security_set(struct analysis *a, struct rfb_tx *t, uint32_t type)
{
	t->security = type;
	t->has_security = true;
	t->tx.updated[0] = t->tx.updated[1] = true;
	if (type == SECURITY_NONE || type == SECURITY_VNC)
		return;
	if (type != SECURITY_FAILED)
		tx_event(a, &t->tx, UNIMPLEMENTED_SECURITY_TYPE);
	done(a, t);
}

static enum parse version_step(struct analysis *a, struct rfb_tx *t, enum side side, struct reader *in)
{
	if (reader_left(in) < VERSION_LEN)
		return PARSE_MORE;
	if (!is_version(in->at))
		return bad(a, t);
	memcpy(t->version[side], in->at, VERSION_LEN);
	reader_skip(in, VERSION_LEN);
	t->step[side] = STEP_SECURITY;
	tx_progress(a, &t->tx, side, 1);
	return PARSE_OK;
}

/* --- the client --- */

static enum parse client_security(struct analysis *a, struct rfb_tx *t, struct reader *in)
{
	if (minor_of(t) < 7) {                  /* the server decides (RFC 6143 7.1.2, RFB 3.3) */
		if (!t->has_security)
			return PARSE_MORE;
	} else {
		security_set(a, t, read_u8(in));
	}
	if (t->step[TO_SERVER] != STEP_DONE)
		t->step[TO_SERVER] = t->security == SECURITY_VNC ? STEP_AUTH : STEP_INIT;
	return PARSE_OK;
}

static enum parse client_step(struct analysis *a, struct rfb_tx *t, struct reader *in)
{
	switch (t->step[TO_SERVER]) {
	case STEP_VERSION:
		return version_step(a, t, TO_SERVER, in);
	case STEP_SECURITY:
		return client_security(a, t, in);
	case STEP_AUTH:
		if (reader_left(in) < CHALLENGE_LEN)
			return PARSE_MORE;
		memcpy(t->response, in->at, CHALLENGE_LEN);
		reader_skip(in, CHALLENGE_LEN);
		t->has_response = true;
		t->step[TO_SERVER] = STEP_INIT;
		return PARSE_OK;
	case STEP_INIT:
		t->shared = read_u8(in) != 0;
		t->has_shared = true;
		t->step[TO_SERVER] = STEP_DONE;
		tx_progress(a, &t->tx, TO_SERVER, 2);
		return PARSE_OK;
	default:
		in->at = in->end;
		return PARSE_OK;
	}
}

/* --- the server --- */

static enum parse server_security(struct analysis *a, struct rfb_tx *t, struct reader *in)
{
	size_t count;

	if (minor_of(t) < 7) {
		if (reader_left(in) < 4)
			return PARSE_MORE;
		security_set(a, t, read_be32(in));
	} else {
		count = peek_u8(in);
		if (reader_left(in) < 1 + count)
			return PARSE_MORE;
		reader_skip(in, 1 + count);
		if (count == 0)
			security_set(a, t, SECURITY_FAILED);
	}
	if (t->step[TO_CLIENT] != STEP_DONE)
		t->step[TO_CLIENT] = STEP_AUTH;
	return PARSE_OK;
}

static enum parse server_auth(struct rfb_tx *t, struct reader *in)
{
	if (!t->has_security)
		return PARSE_MORE;              /* the client hasn't chosen yet */
	if (t->security == SECURITY_NONE) {
		t->step[TO_CLIENT] = minor_of(t) >= 8 ? STEP_RESULT : STEP_INIT;
		return PARSE_OK;
	}
	if (reader_left(in) < CHALLENGE_LEN)
		return PARSE_MORE;
	memcpy(t->challenge, in->at, CHALLENGE_LEN);
	reader_skip(in, CHALLENGE_LEN);
	t->has_challenge = true;
	t->step[TO_CLIENT] = STEP_RESULT;
	return PARSE_OK;
}

static enum parse server_result(struct analysis *a, struct rfb_tx *t, struct reader *in)
{
	if (reader_left(in) < 4)
		return PARSE_MORE;
	t->result = read_be32(in);
	t->has_result = true;
	tx_progress(a, &t->tx, TO_CLIENT, 2);
	if (t->result > 2)
		tx_event(a, &t->tx, UNKNOWN_SECURITY_RESULT);
	if (t->result == 0)
		t->step[TO_CLIENT] = STEP_INIT;
	else if (t->result == 1 && minor_of(t) >= 8)
		t->step[TO_CLIENT] = STEP_REASON;
	else
		done(a, t);
	return PARSE_OK;
}

static enum parse server_reason(struct analysis *a, struct rfb_tx *t, struct reader *in)
{
	uint32_t len = reader_left(in) < 4 ? 0 : load_be32(in->at);

	if (reader_left(in) < 4)
		return PARSE_MORE;
	if (len > NAME_MAX_LEN)
		return bad(a, t);
	if (reader_left(in) < 4 + (size_t)len)
		return PARSE_MORE;
	reader_skip(in, 4);
	bytes_append(&t->reason, a->budget, in->at, len);
	reader_skip(in, len);
	done(a, t);
	return PARSE_OK;
}

static enum parse server_init(struct analysis *a, struct rfb_tx *t, struct reader *in)
{
	uint32_t len = reader_left(in) < 24 ? 0 : load_be32(in->at + 20);

	if (reader_left(in) < 24)
		return PARSE_MORE;
	if (len > NAME_MAX_LEN)
		return bad(a, t);
	if (reader_left(in) < 24 + (size_t)len)
		return PARSE_MORE;
	t->width = read_be16(in);
	t->height = read_be16(in);
	memcpy(t->format, in->at, sizeof(t->format));
	reader_skip(in, sizeof(t->format) + 4);
	bytes_append(&t->name, a->budget, in->at, len);
	reader_skip(in, len);
	t->has_init = true;
	tx_progress(a, &t->tx, TO_CLIENT, 3);
	done(a, t);
	return PARSE_OK;
}

static enum parse server_step(struct analysis *a, struct rfb_tx *t, struct reader *in)
{
	switch (t->step[TO_CLIENT]) {
	case STEP_VERSION:
		return version_step(a, t, TO_CLIENT, in);
	case STEP_SECURITY:
		return server_security(a, t, in);
	case STEP_AUTH:
		return server_auth(t, in);
	case STEP_RESULT:
		return server_result(a, t, in);
	case STEP_REASON:
		return server_reason(a, t, in);
	case STEP_INIT:
		return server_init(a, t, in);
	default:
		in->at = in->end;
		return PARSE_OK;
	}
}

static enum parse rfb_feed(struct analysis *a, enum side side, struct reader *in)
{
	struct rfb_tx *t = a->state;

	if (t == NULL) {
		in->at = in->end;
		return PARSE_OK;
	}
	while (reader_left(in) > 0) {
		enum parse got = side == TO_SERVER ? client_step(a, t, in) : server_step(a, t, in);

		if (got != PARSE_OK)
			return got;
	}
	return PARSE_OK;
}

/* --- fields and record --- */

static bool get_name(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	const struct rfb_tx *t = (const struct rfb_tx *)tx;

	(void)a;
	(void)side;
	out->bytes = bytes_slice(&t->name);
	return index == 0 && t->has_init;
}

static bool get_sectype(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	const struct rfb_tx *t = (const struct rfb_tx *)tx;

	(void)a;
	(void)side;
	out->number = t->security;
	return index == 0 && t->has_security;
}

static bool get_secresult(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	const struct rfb_tx *t = (const struct rfb_tx *)tx;

	(void)a;
	(void)side;
	out->number = t->result;
	return index == 0 && t->has_result;
}

static const struct field_name result_names[] = {
	{ "ok", 0 }, { "fail", 1 }, { "toomany", 2 }, { "unknown", 255 }, { NULL, 0 },
};

static const struct field rfb_fields[] = {
	{ .name = "rfb.name", .type = FIELD_BYTES, .flags = FIELD_TO_CLIENT, .progress = { 3, 3 }, .get = get_name,
	  .summary = "name of the desktop" },
	{ .name = "rfb.sectype", .type = FIELD_UINT, .width = 32, .flags = FIELD_TO_SERVER, .progress = { 1, 1 },
	  .get = get_sectype, .summary = "security type that was chosen" },
	{ .name = "rfb.secresult", .type = FIELD_UINT, .width = 32, .flags = FIELD_TO_CLIENT, .progress = { 2, 2 },
	  .names = result_names, .get = get_secresult, .summary = "outcome of the security handshake" },
};

static void record_version(const struct rfb_tx *t, enum side side, const char *key, struct json *j)
{
	if (t->version[side][0] == '\0')
		return;
	json_object(j, key);
	json_bytes(j, "major", t->version[side] + 4, 3);
	json_bytes(j, "minor", t->version[side] + 8, 3);
	json_close(j);
}

static void record_authentication(const struct rfb_tx *t, struct json *j)
{
	static const char *const results[] = { "OK", "FAIL", "TOOMANY" };

	json_object(j, "authentication");
	json_uint(j, "security_type", t->security);
	if (t->has_challenge || t->has_response) {
		json_object(j, "vnc");
		if (t->has_challenge)
			json_hex(j, "challenge", t->challenge, CHALLENGE_LEN, 0);
		if (t->has_response)
			json_hex(j, "response", t->response, CHALLENGE_LEN, 0);
		json_close(j);
	}
	if (t->has_result && t->result <= 2)
		json_str(j, "security_result", results[t->result]);
	else if (t->has_result)
		json_printf(j, "security_result", "UNKNOWN (%u)", t->result);
	if (t->reason.len)
		json_slice(j, "failure_reason", bytes_slice(&t->reason));
	json_close(j);
}

static void record_framebuffer(const struct rfb_tx *t, struct json *j)
{
	struct reader in = reader_of(t->format, sizeof(t->format));

	json_object(j, "framebuffer");
	json_uint(j, "width", t->width);
	json_uint(j, "height", t->height);
	json_slice(j, "name", bytes_slice(&t->name));
	json_object(j, "pixel_format");
	json_uint(j, "bits_per_pixel", read_u8(&in));
	json_uint(j, "depth", read_u8(&in));
	json_bool(j, "big_endian", read_u8(&in) != 0);
	json_bool(j, "true_color", read_u8(&in) != 0);
	json_uint(j, "red_max", read_be16(&in));
	json_uint(j, "green_max", read_be16(&in));
	json_uint(j, "blue_max", read_be16(&in));
	json_uint(j, "red_shift", read_u8(&in));
	json_uint(j, "green_shift", read_u8(&in));
	json_uint(j, "blue_shift", read_u8(&in));
	json_close(j);
	json_close(j);
}

static bool rfb_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct rfb_tx *t = (const struct rfb_tx *)tx;

	(void)a;
	(void)req;
	json_object(j, "rfb");
	record_version(t, TO_CLIENT, "server_protocol_version", j);
	record_version(t, TO_SERVER, "client_protocol_version", j);
	if (t->has_security)
		record_authentication(t, j);
	if (t->has_shared)
		json_bool(j, "screen_shared", t->shared);
	if (t->has_init)
		record_framebuffer(t, j);
	json_close(j);
	return true;
}

static const struct probe_pattern rfb_patterns[] = {
	{ .side = TO_SERVER, .depth = 4, .bytes = { (const uint8_t *)"RFB ", 4 } },
	{ .side = TO_CLIENT, .depth = 4, .bytes = { (const uint8_t *)"RFB ", 4 } },
};

const struct analyzer analyzer_rfb = {
	.abi = ANALYZER_ABI,
	.name = "rfb",
	.summary = "VNC: versions, authentication, framebuffer",
	.transports = TRANSPORT_TCP,
	.patterns = rfb_patterns,
	.pattern_count = sizeof(rfb_patterns) / sizeof(rfb_patterns[0]),
	.open = rfb_open,
	.close = rfb_close,
	.feed = rfb_feed,
	.tx_free = rfb_tx_free,
	.complete = { 2, 3 },
	.fields = rfb_fields,
	.field_count = sizeof(rfb_fields) / sizeof(rfb_fields[0]),
	.events = rfb_events,
	.event_type = "rfb",
	.record = rfb_record,
};
