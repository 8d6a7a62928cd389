/* ssh.c - SSH up to the point where it is encrypted (RFC 4253).
 *
 * Each side sends a banner line, then packets in the clear: KEXINIT is what HASSH is made of, NEWKEYS
 * ends what can be read. One transaction a flow. Packets other than KEXINIT are skipped by their length. */
#include <errno.h>
#include <stdlib.h>

#include "analyzers/app.h"
#include "analyzers/frame.h"

#define BANNER_MAX 256
#define RECORD_MAX 256000               /* what implementations accept, and more than RFC 4253 6.1 demands */
#define KEXINIT_MAX 32768
#define MSG_KEXINIT 20
#define MSG_NEWKEYS 21

enum ssh_progress { SSH_WAITING, SSH_BANNER, SSH_KEXINIT, SSH_FINISHED };

enum ssh_event { INVALID_BANNER, LONG_BANNER, INVALID_RECORD, LONG_KEX_RECORD };
static const char *const ssh_events[] = { "invalid_banner", "long_banner", "invalid_record", "long_kex_record", NULL };

enum ssh_frame { FRAME_HDR, FRAME_DATA, FRAME_PDU };
static const char *const ssh_frames[] = { "record.hdr", "record.data", "record.pdu", NULL };

struct ssh_side {
	struct bytes proto, software, hassh_text;
	char hassh[33];
	bool banner_done, skip_line, finished;
	uint32_t skip;                  /* of a packet that nobody reads */
};

struct ssh_tx {
	struct tx tx;
	struct ssh_side side[2];
};

struct ssh_settings {
	bool hassh;
	bool bypass, full;              /* encryption-handling */
};

static int ssh_settings_new(void **out, const struct conf *conf)
{
	const char *handling = conf_str(conf, "encryption-handling", "track-only"), *hassh = conf_str(conf, "hassh", "auto");
	struct ssh_settings *s = calloc(1, sizeof(*s));
	bool value;

	if (s == NULL)
		return -ENOMEM;
	s->hassh = conf_parse_bool(hassh, &value) < 0 || value;
	s->bypass = strcmp(handling, "bypass") == 0;
	s->full = strcmp(handling, "full") == 0;
	*out = s;
	return 0;
}

static int ssh_open(struct analysis *a)
{
	a->state = tx_new(a, sizeof(struct ssh_tx));
	return a->state ? 0 : -ENOMEM;
}

static void ssh_close(struct analysis *a)
{
	a->state = NULL;
}

static void ssh_tx_free(struct analysis *a, struct tx *tx)
{
	struct ssh_tx *t = (struct ssh_tx *)tx;

	for (unsigned s = 0; s < 2; s++) {
		bytes_fini(&t->side[s].proto, a->budget);
		bytes_fini(&t->side[s].software, a->budget);
		bytes_fini(&t->side[s].hassh_text, a->budget);
	}
	if (a->state == tx)
		a->state = NULL;
	budget_put(a->budget, t, sizeof(*t));
}

/* "SSH-protoversion-softwareversion SP comments" (RFC 4253 4.2). */
static void ssh_banner(struct analysis *a, struct ssh_tx *t, enum side side, struct slice line)
{
	struct ssh_side *s = &t->side[side];
	const uint8_t *dash, *space;

	while (line.len && (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == '\n'))
		line.len--;
	line = slice_skip(line, 4);
	dash = line.len ? memchr(line.data, '-', line.len) : NULL;
	if (dash == NULL) {
		tx_event(a, &t->tx, INVALID_BANNER);
		return;
	}
	bytes_append(&s->proto, a->budget, line.data, (size_t)(dash - line.data));
	line = slice_skip(line, (size_t)(dash - line.data) + 1);
	space = line.len ? memchr(line.data, ' ', line.len) : NULL;
	bytes_append(&s->software, a->budget, line.data, space ? (size_t)(space - line.data) : line.len);
	tx_progress(a, &t->tx, side, SSH_BANNER);
}

/* Lines before the banner are allowed (a server's greeting) and passed over. */
static bool ssh_lines(struct analysis *a, struct ssh_tx *t, enum side side, struct reader *in)
{
	struct ssh_side *s = &t->side[side];

	while (!s->banner_done && reader_left(in) > 0) {
		size_t left = reader_left(in);
		const uint8_t *end = memchr(in->at, '\n', left);
		bool is_banner = left >= 4 && memcmp(in->at, "SSH-", 4) == 0;

		if (end == NULL && left < BANNER_MAX)
			return false;
		if (end == NULL || (size_t)(end - in->at) >= BANNER_MAX) {
			if (!s->skip_line) {
				tx_event(a, &t->tx, LONG_BANNER);
				if (is_banner)
					ssh_banner(a, t, side, slice_of(in->at, BANNER_MAX - 1));
				s->banner_done = is_banner && end != NULL;
			}
			s->skip_line = end == NULL;
			in->at = end ? end + 1 : in->end;
			if (is_banner && end == NULL)
				s->banner_done = true;
			continue;
		}
		if (s->skip_line) {
			s->skip_line = false;
		} else if (is_banner) {
			ssh_banner(a, t, side, slice_of(in->at, (size_t)(end - in->at)));
			s->banner_done = true;
		} else {
			tx_event(a, &t->tx, INVALID_BANNER);
		}
		in->at = end + 1;
	}
	return s->banner_done;
}

/* The lists of KEXINIT (RFC 4253 7.1) that HASSH joins: key exchange, then for this direction cipher, MAC, compression. */
static void ssh_kexinit(struct analysis *a, struct ssh_tx *t, enum side side, struct slice payload)
{
	static const uint8_t wanted[2][4] = { { 0, 2, 4, 6 }, { 0, 3, 5, 7 } };
	struct ssh_side *s = &t->side[side];
	struct reader r = reader_slice(payload);
	struct slice lists[10];
	struct digest *md5;
	uint8_t hash[DIGEST_MAX];

	reader_skip(&r, 16);
	for (unsigned i = 0; i < 10; i++)
		lists[i] = read_slice(&r, read_be32(&r));
	if (r.ran_out) {
		tx_event(a, &t->tx, INVALID_RECORD);
		return;
	}
	for (unsigned i = 0; i < 4; i++) {
		if (i)
			bytes_append_u8(&s->hassh_text, a->budget, ';');
		bytes_append(&s->hassh_text, a->budget, lists[wanted[side][i]].data, lists[wanted[side][i]].len);
	}
	md5 = app_digest_get(a->app, DIGEST_MD5);
	if (md5 == NULL)
		return;
	digest_start(md5);
	digest_add(md5, s->hassh_text.data, s->hassh_text.len);
	digest_finish(md5, hash);
	app_digest_put(a->app, DIGEST_MD5, md5);
	for (unsigned i = 0; i < 16; i++) {
		static const char hex[] = "0123456789abcdef";

		s->hassh[2 * i] = hex[hash[i] >> 4];
		s->hassh[2 * i + 1] = hex[hash[i] & 15];
	}
}

static void ssh_finished(struct analysis *a, struct ssh_tx *t, enum side side)
{
	const struct ssh_settings *settings = a->settings;

	t->side[side].finished = true;
	tx_progress(a, &t->tx, side, SSH_FINISHED);
	if (!t->side[other_side(side)].finished)
		return;
	if (!settings->full)
		a->skip_payload[0] = a->skip_payload[1] = true;
	a->finished = true;
	if (settings->bypass)
		a->bypass = true;
}

static void ssh_frame(struct analysis *a, const struct ssh_tx *t, enum side side, uint8_t type, uint64_t at, int64_t len)
{
	struct app_frame *f = frame_open(a, side, type, at, len);

	if (f != NULL)
		frame_set_tx(f, &t->tx);
}

/* One binary packet: length, padding length, message number, payload, padding. */
static enum parse ssh_packet(struct analysis *a, struct ssh_tx *t, enum side side, struct reader *in)
{
	const uint8_t *start = in->at;
	uint64_t offset = a->offset[side] + reader_pos(in);
	uint32_t len;
	uint8_t padding, message;

	if (reader_left(in) < 6)
		return PARSE_MORE;
	len = read_be32(in);
	padding = read_u8(in);
	message = read_u8(in);
	if (len < 2 || len > RECORD_MAX || padding + 1u > len) {
		tx_event(a, &t->tx, INVALID_RECORD);
		return PARSE_BAD;
	}
	if (message == MSG_KEXINIT && len <= KEXINIT_MAX && reader_left(in) < len - 2) {
		in->at = start;
		analysis_need(a, side, len + 4);
		return PARSE_MORE;
	}
	ssh_frame(a, t, side, FRAME_HDR, offset, 6);
	ssh_frame(a, t, side, FRAME_DATA, offset + 6, (int64_t)len - 2);
	ssh_frame(a, t, side, FRAME_PDU, offset, (int64_t)len + 4);
	if (message == MSG_KEXINIT) {
		if (len > KEXINIT_MAX)
			tx_event(a, &t->tx, LONG_KEX_RECORD);
		else
			ssh_kexinit(a, t, side, slice_of(in->at, len - 2));
		tx_progress(a, &t->tx, side, SSH_KEXINIT);
	}
	if (reader_left(in) < len - 2) {
		t->side[side].skip = len - 2 - (uint32_t)reader_left(in);
		in->at = in->end;
	} else {
		in->at += len - 2;
	}
	if (message == MSG_NEWKEYS)
		ssh_finished(a, t, side);
	return PARSE_OK;
}

static enum parse ssh_feed(struct analysis *a, enum side side, struct reader *in)
{
	struct ssh_tx *t = a->state;
	struct ssh_side *s;

	if (t == NULL || t->side[side].finished) {
		in->at = in->end;
		return PARSE_OK;
	}
	s = &t->side[side];
	if (!s->banner_done && !ssh_lines(a, t, side, in))
		return PARSE_MORE;
	while (reader_left(in) > 0) {
		size_t skip = s->skip < reader_left(in) ? s->skip : reader_left(in);
		enum parse parsed;

		in->at += skip;
		s->skip -= (uint32_t)skip;
		if (s->finished)
			in->at = in->end;
		if (reader_left(in) == 0)
			break;
		parsed = ssh_packet(a, t, side, in);
		if (parsed != PARSE_OK)
			return parsed;
	}
	return PARSE_OK;
}

static enum probe ssh_probe(struct slice data, enum side side, bool is_udp)
{
	(void)side;
	(void)is_udp;
	if (data.len < 4)
		return memcmp(data.data, "SSH-", data.len) == 0 ? PROBE_MORE : PROBE_NO;
	return memcmp(data.data, "SSH-", 4) == 0 ? PROBE_YES : PROBE_NO;
}

static bool give(const struct bytes *b, unsigned index, struct field_value *out)
{
	out->bytes = bytes_slice(b);
	return index == 0 && b->len > 0;
}

static bool get_proto(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	return give(&((struct ssh_tx *)tx)->side[side].proto, index, out);
}

static bool get_software(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	return give(&((struct ssh_tx *)tx)->side[side].software, index, out);
}

static bool get_hassh(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	const struct ssh_side *s = &((struct ssh_tx *)tx)->side[side];

	(void)a;
	out->bytes = slice_str(s->hassh);
	return index == 0 && s->hassh[0] != '\0';
}

static bool get_hassh_text(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	return give(&((struct ssh_tx *)tx)->side[side].hassh_text, index, out);
}

#define BOTH (FIELD_TO_SERVER | FIELD_TO_CLIENT)
static const struct field ssh_fields[] = {
	{ .name = "ssh.proto", .aliases = "ssh_proto", .type = FIELD_BYTES, .flags = BOTH, .progress = { SSH_BANNER, SSH_BANNER },
	  .get = get_proto, .summary = "protocol version of the banner" },
	{ .name = "ssh.software", .aliases = "ssh_software", .type = FIELD_BYTES, .flags = BOTH, .progress = { SSH_BANNER, SSH_BANNER },
	  .get = get_software, .summary = "software version of the banner" },
	{ .name = "ssh.hassh", .type = FIELD_BYTES, .flags = FIELD_TO_SERVER, .progress = { SSH_KEXINIT, SSH_KEXINIT },
	  .get = get_hassh, .summary = "HASSH of the client" },
	{ .name = "ssh.hassh.string", .type = FIELD_BYTES, .flags = FIELD_TO_SERVER, .progress = { SSH_KEXINIT, SSH_KEXINIT },
	  .get = get_hassh_text, .summary = "what HASSH is the hash of" },
	{ .name = "ssh.hassh.server", .type = FIELD_BYTES, .flags = FIELD_TO_CLIENT, .progress = { SSH_KEXINIT, SSH_KEXINIT },
	  .get = get_hassh, .summary = "HASSH of the server" },
	{ .name = "ssh.hassh.server.string", .type = FIELD_BYTES, .flags = FIELD_TO_CLIENT, .progress = { SSH_KEXINIT, SSH_KEXINIT },
	  .get = get_hassh_text, .summary = "what the server's HASSH is the hash of" },
};

static void record_side(const struct ssh_side *s, const char *key, bool hassh, struct json *j)
{
	if (s->proto.len == 0)
		return;
	json_object(j, key);
	json_slice(j, "proto_version", bytes_slice(&s->proto));
	if (s->software.len)
		json_slice(j, "software_version", bytes_slice(&s->software));
	if (hassh && s->hassh[0] != '\0') {
		json_object(j, "hassh");
		json_str(j, "hash", s->hassh);
		json_slice(j, "string", bytes_slice(&s->hassh_text));
		json_close(j);
	}
	json_close(j);
}

static bool ssh_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct ssh_settings *settings = a->settings;
	const struct ssh_tx *t = (const struct ssh_tx *)tx;

	(void)req;
	if (t->side[0].proto.len == 0 && t->side[1].proto.len == 0)
		return false;
	json_object(j, "ssh");
	record_side(&t->side[TO_SERVER], "client", settings->hassh, j);
	record_side(&t->side[TO_CLIENT], "server", settings->hassh, j);
	json_close(j);
	return true;
}

static const struct probe_pattern ssh_patterns[] = {
	{ .side = TO_SERVER, .depth = 4, .bytes = { (const uint8_t *)"SSH-", 4 } },
	{ .side = TO_CLIENT, .depth = 4, .bytes = { (const uint8_t *)"SSH-", 4 } },
};
static const char *const ssh_states[] = { "in_progress", "banner_done", "kexinit", "finished", NULL };

const struct analyzer analyzer_ssh = {
	.abi = ANALYZER_ABI,
	.name = "ssh",
	.summary = "SSH banners and key exchange offers, with HASSH",
	.transports = TRANSPORT_TCP,
	.ports = "22",
	.patterns = ssh_patterns,
	.pattern_count = sizeof(ssh_patterns) / sizeof(ssh_patterns[0]),
	.probe = ssh_probe,
	.settings_new = ssh_settings_new,
	.settings_free = free,
	.open = ssh_open,
	.close = ssh_close,
	.feed = ssh_feed,
	.tx_free = ssh_tx_free,
	.complete = { SSH_FINISHED, SSH_FINISHED },
	.states = { ssh_states, ssh_states },
	.fields = ssh_fields,
	.field_count = sizeof(ssh_fields) / sizeof(ssh_fields[0]),
	.events = ssh_events,
	.frames = ssh_frames,
	.event_type = "ssh",
	.record_at = { SSH_KEXINIT, SSH_KEXINIT },
	.record = ssh_record,
};
