/* smtp.c - SMTP (RFC 5321, 2920 pipelining, 3030 chunking, 3207 STARTTLS), and the mail it carries (mime.c).
 *
 * Commands wait in a queue for their replies; a transaction is one mail: it begins with the first command behind
 * the one before, and ends with the reply to its data, to RSET, or to STARTTLS. Message bytes follow DATA once the server said 354 (or
 * at once, where it announced PIPELINING), and BDAT at once for as many bytes as it says. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "analyzers/frame.h"
#include "analyzers/smtp/mime.h"

#define COMMAND_LINE_MAX 2048
#define REPLY_LINE_MAX 2048
#define DATA_LINE_MAX 4096
#define QUEUE_MAX 64
#define RECIPIENTS_MAX 65536            /* bytes of names */

enum smtp_event {
	INVALID_REPLY, UNABLE_TO_MATCH_REPLY, COMMAND_LINE_TOO_LONG, REPLY_LINE_TOO_LONG, INVALID_PIPELINED, BDAT_TOO_LONG,
	NO_WELCOME, TLS_REJECTED, DATA_REJECTED, FAILED_PROTOCOL_CHANGE, DUPLICATE_FIELDS, UNPARSABLE, TRUNCATED_LINE,
	INVALID_BDAT, TOO_MANY_TRANSACTIONS, EVENT_MIME_FIRST,
};
static const char *const smtp_events[] = {
	"invalid_reply", "unable_to_match_reply_with_request", "max_command_line_len_exceeded", "max_reply_line_len_exceeded",
	"invalid_pipelined_sequence", "bdat_chunk_len_exceeded", "no_server_welcome_message", "tls_rejected",
	"data_command_rejected", "failed_protocol_change", "duplicate_fields", "unparsable_content", "truncated_line", "invalid_bdat",
	"too_many_transactions",
	"mime_parse_failed", "mime_malformed_msg", "mime_invalid_base64", "mime_invalid_qp", "mime_long_line", "mime_long_enc_line",
	"mime_long_header_name", "mime_long_header_value", "mime_long_boundary", "mime_long_filename", NULL,
};

enum smtp_frame { FRAME_COMMAND, FRAME_DATA, FRAME_RESPONSE };
static const char *const smtp_frames[] = { "command_line", "data", "response_line", NULL };

enum smtp_progress { SMTP_STARTED, SMTP_ENVELOPE, SMTP_MESSAGE, SMTP_DONE };

enum smtp_command { CMD_OTHER, CMD_STARTTLS, CMD_DATA, CMD_BDAT, CMD_BDAT_LAST, CMD_MESSAGE_END, CMD_RSET, CMD_HELO, CMD_QUIT };

enum smtp_mode { MODE_COMMAND, MODE_DATA_ASKED, MODE_DATA, MODE_BDAT };

struct smtp_settings {
	struct mime_settings mime;
	bool decode_mime, raw_extraction;
};

struct smtp_tx {
	struct tx tx;
	struct bytes helo;              /* of the session when the transaction began or later */
	struct bytes mail_from;
	struct bytes rcpt_to;           /* names, each ended by NUL */
	struct mime *mime;
	struct file *raw;
	bool has_message;               /* DATA or BDAT was sent */
	bool message_over;
	bool done;
};

struct smtp_state {
	struct smtp_tx *current;        /* NULL: the next command begins one */
	struct bytes helo;              /* the name the server accepted, or the first one offered */
	struct bytes greeting;          /* the name in the last HELO or EHLO */
	struct { uint8_t command; uint64_t tx_id; } queue[QUEUE_MAX];
	unsigned head, count;           /* of queue, as a ring */
	uint8_t mode;                   /* enum smtp_mode */
	bool welcomed, multiline, pipelining;
	bool skip_line[2];              /* the rest of a line that was cut */
	bool line_cut;                  /* DATA: what comes next goes on a line */
	uint64_t chunk_left;            /* BDAT */
	bool chunk_last;
};

static void read_schemes(struct mime_settings *m, const struct conf *conf)
{
	const struct conf *list = conf_find(conf, "mime.extract-urls-schemes");

	for (const struct conf *c = list ? list->first : NULL; c != NULL && m->scheme_count < 8; c = c->next) {
		if (c->value == NULL || strlen(c->value) >= sizeof(m->schemes[0]))
			continue;
		memcpy(m->schemes[m->scheme_count++], c->value, strlen(c->value) + 1);
	}
	if (m->scheme_count == 0)
		memcpy(m->schemes[m->scheme_count++], "http", 5);
}

static int smtp_settings_new(void **out, const struct conf *conf)
{
	struct smtp_settings *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->raw_extraction = conf_bool(conf, "raw-extraction", false);
	s->decode_mime = !s->raw_extraction && conf_bool(conf, "mime.decode-mime", true);
	s->mime.decode_base64 = conf_bool(conf, "mime.decode-base64", true);
	s->mime.decode_qp = conf_bool(conf, "mime.decode-quoted-printable", true);
	s->mime.extract_urls = conf_bool(conf, "mime.extract-urls", true);
	s->mime.log_scheme = conf_bool(conf, "mime.log-url-scheme", false);
	s->mime.body_md5 = conf_bool(conf, "mime.body-md5", false);
	s->mime.header_depth = (uint32_t)conf_size(conf, "mime.header-value-depth", 2000);
	read_schemes(&s->mime, conf);
	*out = s;
	return 0;
}

static int smtp_open(struct analysis *a)
{
	a->state = budget_get(a->budget, sizeof(struct smtp_state));
	return a->state ? 0 : -ENOMEM;
}

static void smtp_close(struct analysis *a)
{
	struct smtp_state *s = a->state;

	bytes_fini(&s->helo, a->budget);
	bytes_fini(&s->greeting, a->budget);
	budget_put(a->budget, s, sizeof(*s));
}

static void smtp_tx_free(struct analysis *a, struct tx *tx)
{
	struct smtp_tx *t = (struct smtp_tx *)tx;
	struct smtp_state *s = a->state;

	if (s != NULL && s->current == t)
		s->current = NULL;
	bytes_fini(&t->helo, a->budget);
	bytes_fini(&t->mail_from, a->budget);
	bytes_fini(&t->rcpt_to, a->budget);
	mime_free(a, t->mime);
	budget_put(a->budget, t, sizeof(*t));
}

static struct smtp_tx *tx_by_id(struct analysis *a, uint64_t id)
{
	for (struct tx *tx = a->tx_last; tx != NULL; tx = tx->prev)
		if (tx->id == id)
			return (struct smtp_tx *)tx;
	return NULL;
}

static void tx_finish(struct analysis *a, struct smtp_tx *t)
{
	if (t == NULL || t->done)
		return;
	t->done = true;
	tx_progress(a, &t->tx, TO_SERVER, SMTP_DONE);
	tx_progress(a, &t->tx, TO_CLIENT, 1);
}

static bool starts_with(struct slice s, const char *text)
{
	size_t len = strlen(text);

	return s.len >= len && strncasecmp((const char *)s.data, text, len) == 0;
}

static struct slice trim(struct slice s)
{
	while (s.len && isspace(s.data[0]))
		s = slice_skip(s, 1);
	while (s.len && isspace(s.data[s.len - 1]))
		s.len--;
	return s;
}

/* Behind "HELO ", "MAIL FROM:" …: up to the first blank, as ESMTP parameters follow. */
static struct slice argument(struct slice line, size_t skip)
{
	struct slice arg = trim(slice_skip(line, skip));
	bool angle = false;

	for (size_t i = 0; i < arg.len; i++) {
		if (arg.data[i] == '<')
			angle = true;
		else if (arg.data[i] == '>')
			angle = false;
		else if (isspace(arg.data[i]) && !angle)
			return slice_head(arg, i);
	}
	return arg;
}

static void queue_push(struct analysis *a, struct smtp_state *s, uint8_t command, struct smtp_tx *t)
{
	if (s->count > 0) {
		uint8_t last = s->queue[(s->head + s->count - 1) % QUEUE_MAX].command;

		/* These must be the last of a pipelined group: RFC 2920 3.1, RFC 3207 4. */
		if (command != CMD_MESSAGE_END && (last == CMD_DATA || last == CMD_STARTTLS))
			tx_event(a, &t->tx, INVALID_PIPELINED);
	}
	if (s->count == QUEUE_MAX) {
		s->head = (s->head + 1) % QUEUE_MAX;
		s->count--;
	}
	unsigned at = (s->head + s->count++) % QUEUE_MAX;
	s->queue[at].command = command;
	s->queue[at].tx_id = t->tx.id;
}

static void mime_events(struct analysis *a, struct smtp_tx *t)
{
	for (unsigned e = 0; t->mime != NULL && e < MIME_EVENTS; e++)
		if (t->mime->events & 1u << e)
			tx_event(a, &t->tx, EVENT_MIME_FIRST + e);
	if (t->mime != NULL)
		t->mime->events = 0;
}

static void message_begin(struct analysis *a, struct smtp_tx *t)
{
	const struct smtp_settings *settings = a->settings;

	tx_progress(a, &t->tx, TO_SERVER, SMTP_ENVELOPE);
	if (t->has_message)
		return;
	t->has_message = true;
	if (settings->raw_extraction)
		t->raw = file_open(a, &t->tx, TO_SERVER, slice_str("rawmsg"));
	else if (settings->decode_mime)
		t->mime = mime_new(a, &t->tx, &settings->mime);
}

static void message_end(struct analysis *a, struct smtp_state *s, struct smtp_tx *t, bool cut)
{
	if (t == NULL || t->message_over)
		return;
	t->message_over = true;
	if (t->mime != NULL)
		mime_end(a, t->mime, cut);
	mime_events(a, t);
	if (t->raw != NULL)
		file_close(a, t->raw, cut ? FILE_TRUNCATED : FILE_CLOSED);
	t->raw = NULL;
	frame_end(a, frame_current(a, TO_SERVER, FRAME_DATA), a->offset[TO_SERVER]);
	tx_progress(a, &t->tx, TO_SERVER, SMTP_MESSAGE);
	s->line_cut = false;
}

static void message_line(struct analysis *a, struct smtp_tx *t, struct slice line, bool whole)
{
	if (t->raw != NULL) {
		file_data(a, t->raw, line);
		if (whole)
			file_data(a, t->raw, slice_str("\r\n"));
	}
	if (t->mime != NULL) {
		mime_line(a, t->mime, line, whole);
		mime_events(a, t);
	}
}

static void command_bdat(struct analysis *a, struct smtp_state *s, struct smtp_tx *t, struct slice line, uint8_t *command)
{
	struct slice arg = trim(slice_skip(line, 4));
	size_t i = 0;

	s->chunk_left = 0;
	for (; i < arg.len && isdigit(arg.data[i]) && s->chunk_left < UINT32_MAX; i++)
		s->chunk_left = s->chunk_left * 10 + (uint64_t)(arg.data[i] - '0');
	struct slice tail = trim(slice_skip(arg, i));

	s->chunk_last = tail.len == 4 && starts_with(tail, "LAST");
	if (i == 0 || (tail.len && !s->chunk_last)) {
		tx_event(a, &t->tx, INVALID_BDAT);
		s->chunk_left = 0;
		*command = CMD_OTHER;
		return;
	}
	*command = s->chunk_last ? CMD_BDAT_LAST : CMD_BDAT;
	message_begin(a, t);
	s->mode = MODE_BDAT;
}

static void recipient_add(struct analysis *a, struct smtp_tx *t, struct slice name)
{
	if (t->rcpt_to.len + name.len + 1 > RECIPIENTS_MAX)
		return;
	bytes_append(&t->rcpt_to, a->budget, name.data, name.len);
	bytes_append_u8(&t->rcpt_to, a->budget, '\0');
}

/* A transaction that is over isn't reopened by what may follow it without beginning a new one. */
static struct smtp_tx *tx_for_command(struct analysis *a, struct smtp_state *s, struct slice line)
{
	struct smtp_tx *t = s->current;

	if (t != NULL && (t->done || t->message_over) && !starts_with(line, "rset") && !starts_with(line, "quit") &&
	    !starts_with(line, "noop"))
		t = NULL;
	if (t != NULL)
		return t;
	t = tx_new(a, sizeof(*t));
	if (t != NULL)
		bytes_append(&t->helo, a->budget, s->helo.data, s->helo.len);
	s->current = t;
	return t;
}

static void set_once(struct analysis *a, struct smtp_tx *t, struct bytes *to, struct slice value)
{
	if (to->len) {
		tx_event(a, &t->tx, DUPLICATE_FIELDS);
		return;
	}
	bytes_append(to, a->budget, value.data, value.len);
}

static void command_data(struct analysis *a, struct smtp_state *s, struct smtp_tx *t)
{
	if (t->has_message) {
		tx_event(a, &t->tx, UNPARSABLE);
		return;
	}
	tx_progress(a, &t->tx, TO_SERVER, SMTP_ENVELOPE);
	if (s->pipelining) {
		message_begin(a, t);
		s->mode = MODE_DATA;
	} else {
		s->mode = MODE_DATA_ASKED;
	}
}

static void smtp_request(struct analysis *a, struct smtp_state *s, struct slice line)
{
	struct smtp_tx *t = tx_for_command(a, s, line);
	uint8_t command = CMD_OTHER;

	if (t == NULL)
		return;
	if (!s->welcomed)
		tx_event(a, &t->tx, NO_WELCOME);
	if (starts_with(line, "starttls")) {
		command = CMD_STARTTLS;
	} else if (starts_with(line, "data")) {
		command = CMD_DATA;
		command_data(a, s, t);
	} else if (starts_with(line, "bdat")) {
		command_bdat(a, s, t, line, &command);
	} else if (starts_with(line, "helo") || starts_with(line, "ehlo")) {
		struct slice name = argument(line, 4);

		command = CMD_HELO;
		s->greeting.len = 0;
		bytes_append(&s->greeting, a->budget, name.data, name.len);
		if (t->helo.len == 0)
			bytes_append(&t->helo, a->budget, name.data, name.len);
		if (s->helo.len == 0)
			bytes_append(&s->helo, a->budget, name.data, name.len);
	} else if (starts_with(line, "mail from:")) {
		set_once(a, t, &t->mail_from, argument(line, 10));
	} else if (starts_with(line, "rcpt to:")) {
		recipient_add(a, t, argument(line, 8));
	} else if (starts_with(line, "rset")) {
		command = CMD_RSET;
	} else if (starts_with(line, "quit")) {
		command = CMD_QUIT;
	}
	t->tx.updated[TO_SERVER] = true;
	queue_push(a, s, command, t);
	frame_set_tx(frame_current(a, TO_SERVER, FRAME_COMMAND), &t->tx);
	if (s->mode == MODE_BDAT && s->chunk_left == 0) {
		if (s->chunk_last)
			message_end(a, s, t, false);
		s->mode = MODE_COMMAND;
	}
}

static bool valid_code(struct slice line, unsigned *code)
{
	static const uint16_t known[] = {
		101, 111, 211, 214, 220, 221, 235, 250, 251, 252, 334, 354, 401, 402, 421, 432, 435, 450, 451, 452, 454, 455,
		500, 501, 502, 503, 504, 511, 521, 522, 525, 530, 533, 534, 535, 538, 541, 543, 550, 551, 552, 553, 554, 555,
	};

	for (unsigned i = 0; i < 3; i++)
		if (!isdigit(line.data[i]))
			return false;
	*code = (unsigned)(line.data[0] - '0') * 100 + (unsigned)(line.data[1] - '0') * 10 + (unsigned)(line.data[2] - '0');
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == *code)
			return true;
	return false;
}

/* The reply to the oldest command that waits is complete, or one line of it is. */
static void reply_to(struct analysis *a, struct smtp_state *s, uint8_t command, struct smtp_tx *t, unsigned code)
{
	switch (command) {
	case CMD_STARTTLS:
		if (code == 220) {
			tx_finish(a, t);
			analysis_switch(a, NULL, "tls");
		} else if (t != NULL) {
			tx_event(a, &t->tx, TLS_REJECTED);
		}
		break;
	case CMD_DATA:
		if (code == 354) {
			if (t != NULL && s->mode == MODE_DATA_ASKED) {
				message_begin(a, t);
				s->mode = MODE_DATA;
			}
		} else if (t != NULL) {
			tx_event(a, &t->tx, DATA_REJECTED);
			if (s->mode == MODE_DATA_ASKED || (s->mode == MODE_DATA && s->pipelining))
				s->mode = MODE_COMMAND;
		}
		break;
	case CMD_HELO:
		if (code != 250 || s->greeting.len == 0)
			break;                  /* a greeting that was refused changes nothing */
		s->helo.len = 0;
		bytes_append(&s->helo, a->budget, s->greeting.data, s->greeting.len);
		if (t != NULL && t->mail_from.len == 0) {
			t->helo.len = 0;
			bytes_append(&t->helo, a->budget, s->greeting.data, s->greeting.len);
		}
		break;
	case CMD_RSET:
		if (code == 250 && !s->multiline)
			tx_finish(a, t);
		break;
	case CMD_MESSAGE_END:
	case CMD_BDAT_LAST:
		if (!s->multiline)
			tx_finish(a, t);
		break;
	}
}

static bool smtp_reply(struct analysis *a, struct smtp_state *s, struct slice line)
{
	unsigned code = 0;
	struct smtp_tx *t;

	if (line.len < 3 || !valid_code(line, &code)) {
		tx_event(a, s->current ? &s->current->tx : NULL, INVALID_REPLY);
		return false;
	}
	s->multiline = line.len >= 4 && line.data[3] == '-';
	if (s->count == 0) {
		if (!s->welcomed && !s->multiline && code != 220)
			tx_event(a, s->current ? &s->current->tx : NULL, INVALID_REPLY);
		s->welcomed = true;
		return true;
	}
	s->welcomed = true;
	t = tx_by_id(a, s->queue[s->head].tx_id);
	if (t != NULL)
		frame_set_tx(frame_current(a, TO_CLIENT, FRAME_RESPONSE), &t->tx);
	reply_to(a, s, s->queue[s->head].command, t, code);
	if (!s->multiline) {
		s->head = (s->head + 1) % QUEUE_MAX;
		s->count--;
	}
	if (code == 250 && line.len == 14 && strncasecmp((const char *)line.data + 4, "pipelining", 10) == 0)
		s->pipelining = true;
	return true;
}

/* One line from in, or as much of it as max allows; *whole tells which. False: more bytes are needed. */
static bool take_line(struct reader *in, size_t max, struct slice *line, bool *whole)
{
	size_t left = reader_left(in), window = left < max ? left : max;
	const uint8_t *end = memchr(in->at, '\n', window);

	if (end == NULL && left < max)
		return false;
	*whole = end != NULL;
	*line = slice_of(in->at, end ? (size_t)(end - in->at) : max);
	in->at += line->len + (end != NULL);
	if (end != NULL && line->len && line->data[line->len - 1] == '\r')
		line->len--;
	return true;
}

static void data_line(struct analysis *a, struct smtp_state *s, struct slice line, bool whole)
{
	struct smtp_tx *t = s->current;

	if (t == NULL)
		return;
	if (!s->line_cut && whole && line.len == 1 && line.data[0] == '.') {
		s->mode = MODE_COMMAND;
		message_end(a, s, t, false);
		queue_push(a, s, CMD_MESSAGE_END, t);
		return;
	}
	if (!s->line_cut && line.len > 1 && line.data[0] == '.')
		line = slice_skip(line, 1);             /* RFC 5321 4.5.2 */
	message_line(a, t, line, whole);
	s->line_cut = !whole;
}

static enum parse chunk(struct analysis *a, struct smtp_state *s, struct reader *in)
{
	while (s->chunk_left > 0 && reader_left(in) > 0) {
		size_t left = reader_left(in);
		struct slice part = slice_of(in->at, left < s->chunk_left ? left : (size_t)s->chunk_left), line = part;
		const uint8_t *end = memchr(part.data, '\n', part.len);

		if (end != NULL)
			line.len = (size_t)(end - part.data);
		else if (left < s->chunk_left && left < DATA_LINE_MAX)
			return PARSE_MORE;      /* the rest of the line is in a segment to come */
		in->at += line.len + (end != NULL);
		s->chunk_left -= line.len + (end != NULL);
		if (end != NULL && line.len && line.data[line.len - 1] == '\r')
			line.len--;
		if (s->current != NULL)
			message_line(a, s->current, line, end != NULL);
	}
	if (s->chunk_left > 0)
		return PARSE_OK;
	if (s->chunk_last)
		message_end(a, s, s->current, false);
	s->mode = MODE_COMMAND;
	return PARSE_OK;
}

static void open_frame(struct analysis *a, enum side side, uint8_t type, const struct reader *in, const struct smtp_state *s)
{
	const uint8_t *end = memchr(in->at, '\n', reader_left(in));
	int64_t len = type == FRAME_DATA || end == NULL ? -1 : end - in->at + 1;
	struct app_frame *f = frame_open(a, side, type, a->offset[side] + reader_pos(in), len);

	if (f != NULL && s->current != NULL)
		frame_set_tx(f, &s->current->tx);
}

static enum parse feed_client(struct analysis *a, struct smtp_state *s, struct reader *in)
{
	struct slice line;
	bool whole;

	while (reader_left(in) > 0) {
		if (s->mode == MODE_BDAT) {
			if (chunk(a, s, in) == PARSE_MORE)
				return PARSE_MORE;
			continue;
		}
		if (s->mode == MODE_DATA) {
			if (frame_current(a, TO_SERVER, FRAME_DATA) == NULL)
				open_frame(a, TO_SERVER, FRAME_DATA, in, s);
			if (!take_line(in, DATA_LINE_MAX, &line, &whole))
				return PARSE_MORE;
			data_line(a, s, line, whole);
			continue;
		}
		const uint8_t *start = in->at;
		bool skipping = s->skip_line[TO_SERVER];

		if (!skipping && memchr(in->at, '\n', reader_left(in)) != NULL)
			open_frame(a, TO_SERVER, FRAME_COMMAND, in, s);
		if (!take_line(in, COMMAND_LINE_MAX, &line, &whole)) {
			in->at = start;
			return PARSE_MORE;
		}
		s->skip_line[TO_SERVER] = !whole;
		if (skipping)
			continue;
		smtp_request(a, s, line);
		if (!whole && s->current != NULL)
			tx_event(a, &s->current->tx, COMMAND_LINE_TOO_LONG);
	}
	return PARSE_OK;
}

static enum parse feed_server(struct analysis *a, struct smtp_state *s, struct reader *in)
{
	struct slice line;
	bool whole;

	while (reader_left(in) > 0 && !a->switching) {
		bool skipping = s->skip_line[TO_CLIENT];

		if (!skipping && memchr(in->at, '\n', reader_left(in)) != NULL)
			open_frame(a, TO_CLIENT, FRAME_RESPONSE, in, s);
		if (!take_line(in, REPLY_LINE_MAX, &line, &whole))
			return PARSE_MORE;
		s->skip_line[TO_CLIENT] = !whole;
		if (skipping)
			continue;
		if (!smtp_reply(a, s, line))
			return PARSE_BAD;
		if (!whole)
			tx_event(a, s->current ? &s->current->tx : NULL, REPLY_LINE_TOO_LONG);
	}
	return PARSE_OK;
}

static enum parse smtp_feed(struct analysis *a, enum side side, struct reader *in)
{
	return side == TO_SERVER ? feed_client(a, a->state, in) : feed_server(a, a->state, in);
}

static bool smtp_gap(struct analysis *a, enum side side, uint64_t len)
{
	struct smtp_state *s = a->state;

	if (side == TO_SERVER && s->mode == MODE_DATA && s->current != NULL && s->current->mime != NULL) {
		mime_gap(a, s->current->mime, len);
		s->line_cut = true;
		return true;
	}
	if (side == TO_SERVER && s->mode == MODE_BDAT) {
		s->chunk_left = s->chunk_left > len ? s->chunk_left - len : 0;
		return true;
	}
	s->skip_line[side] = true;
	return true;
}

static void smtp_end(struct analysis *a, enum side side)
{
	struct smtp_state *s = a->state;

	if (side == TO_SERVER && s->current != NULL && s->current->has_message && !s->current->message_over)
		message_end(a, s, s->current, true);
}

/* Fields. */
static bool give(const struct bytes *b, unsigned index, struct field_value *out)
{
	out->bytes = bytes_slice(b);
	return index == 0 && b->len > 0;
}

static bool get_helo(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	(void)side;
	return give(&((struct smtp_tx *)tx)->helo, index, out);
}

static bool get_mail_from(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	(void)side;
	return give(&((struct smtp_tx *)tx)->mail_from, index, out);
}

static bool get_rcpt_to(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	(void)side;
	return mime_entry(&((struct smtp_tx *)tx)->rcpt_to, index, &out->bytes);
}

#define HEADER_GETTER(suffix, header)                                                                                   \
	static bool get_##suffix(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out) \
	{                                                                                                               \
		(void)a;                                                                                                \
		(void)side;                                                                                             \
		return mime_header(((struct smtp_tx *)tx)->mime, header, index, &out->bytes);                           \
	}
HEADER_GETTER(from, "from")
HEADER_GETTER(to, "to")
HEADER_GETTER(cc, "cc")
HEADER_GETTER(subject, "subject")
HEADER_GETTER(date, "date")
HEADER_GETTER(message_id, "message-id")
HEADER_GETTER(x_mailer, "x-mailer")
HEADER_GETTER(received, "received")

static bool get_url(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	const struct mime *m = ((struct smtp_tx *)tx)->mime;

	(void)a;
	(void)side;
	return m != NULL && mime_entry(&m->urls, index, &out->bytes);
}

static bool get_body_md5(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	static const char hex[] = "0123456789abcdef";
	struct mime *m = ((struct smtp_tx *)tx)->mime;

	(void)side;
	if (index > 0 || m == NULL || !m->has_body_md5)
		return false;
	if (m->text.len != 32) {
		m->text.len = 0;
		for (unsigned i = 0; i < 16; i++) {
			bytes_append_u8(&m->text, a->budget, (uint8_t)hex[m->body_md5[i] >> 4]);
			bytes_append_u8(&m->text, a->budget, (uint8_t)hex[m->body_md5[i] & 15]);
		}
	}
	out->bytes = bytes_slice(&m->text);
	return true;
}

#define EMAIL(field_name, getter, extra, text)                                                                          \
	{ .name = field_name, .type = FIELD_BYTES, .flags = FIELD_TO_SERVER | (extra), .progress = { SMTP_MESSAGE, 0 }, \
	  .get = getter, .summary = text }
static const struct field smtp_fields[] = {
	{ .name = "smtp.helo", .type = FIELD_BYTES, .flags = FIELD_TO_SERVER, .progress = { SMTP_ENVELOPE, 0 }, .get = get_helo,
	  .summary = "the client's name in HELO or EHLO" },
	{ .name = "smtp.mail_from", .type = FIELD_BYTES, .flags = FIELD_TO_SERVER, .progress = { SMTP_ENVELOPE, 0 },
	  .get = get_mail_from, .summary = "the sender in MAIL FROM" },
	{ .name = "smtp.rcpt_to", .type = FIELD_BYTES, .flags = FIELD_TO_SERVER | FIELD_MULTI, .progress = { SMTP_ENVELOPE, 0 },
	  .get = get_rcpt_to, .summary = "a recipient in RCPT TO" },
	EMAIL("email.from", get_from, 0, "From of the mail"),
	EMAIL("email.to", get_to, 0, "To of the mail"),
	EMAIL("email.cc", get_cc, 0, "Cc of the mail"),
	EMAIL("email.subject", get_subject, 0, "Subject of the mail"),
	EMAIL("email.date", get_date, 0, "Date of the mail"),
	EMAIL("email.message_id", get_message_id, 0, "Message-ID of the mail"),
	EMAIL("email.x_mailer", get_x_mailer, 0, "X-Mailer of the mail"),
	EMAIL("email.received", get_received, FIELD_MULTI, "a Received line of the mail"),
	EMAIL("email.url", get_url, FIELD_MULTI, "a URL in the mail's text"),
	EMAIL("email.body_md5", get_body_md5, 0, "MD5 of the mail's body"),
};

/* Records. */
enum { LOG_SUBJECT_MD5 = 1, LOG_BODY_MD5 = 2 };
static const struct { const char *option, *key, *header; bool list, extended; } record_headers[] = {
	{ "reply-to", "reply_to", "reply-to", false, true }, { "bcc", "bcc", "bcc", true, true },
	{ "message-id", "message_id", "message-id", false, true }, { "subject", "subject", "subject", false, true },
	{ "x-mailer", "x_mailer", "x-mailer", false, true }, { "user-agent", "user_agent", "user-agent", false, true },
	{ "received", "received", "received", true, true }, { "x-originating-ip", "x_originating_ip", "x-originating-ip", false, true },
	{ "relays", "relays", "relays", false, false }, { "in-reply-to", "in_reply_to", "in-reply-to", false, true },
	{ "references", "references", "references", false, true }, { "importance", "importance", "importance", false, true },
	{ "priority", "priority", "priority", false, true }, { "sensitivity", "sensitivity", "sensitivity", false, true },
	{ "organization", "organization", "organization", false, true }, { "content-md5", "content_md5", "content-md5", false, true },
	{ "date", "date", "date", false, true },
};
#define RECORD_HEADERS (sizeof(record_headers) / sizeof(record_headers[0]))

struct smtp_options {
	bool header[RECORD_HEADERS];
	uint8_t md5;
};

static void *smtp_record_options(const struct conf *type)
{
	struct smtp_options *o = calloc(1, sizeof(*o));
	const struct conf *custom = conf_find(type, "custom"), *md5 = conf_find(type, "md5");
	bool extended = conf_bool(type, "extended", false);

	for (size_t i = 0; o != NULL && i < RECORD_HEADERS; i++) {
		o->header[i] = extended && record_headers[i].extended;
		for (const struct conf *c = custom ? custom->first : NULL; c != NULL; c = c->next)
			if (c->value != NULL && strcasecmp(c->value, record_headers[i].option) == 0)
				o->header[i] = true;
	}
	for (const struct conf *c = md5 ? md5->first : NULL; o != NULL && c != NULL; c = c->next) {
		if (c->value != NULL && strcasecmp(c->value, "subject") == 0)
			o->md5 |= LOG_SUBJECT_MD5;
		if (c->value != NULL && strcasecmp(c->value, "body") == 0)
			o->md5 |= LOG_BODY_MD5;
	}
	return o;
}

static void record_list(const struct mime *m, struct json *j, const char *key, const char *header)
{
	struct slice value, address;
	bool open = false;

	for (unsigned i = 0; mime_header(m, header, i, &value); i++) {
		for (size_t at = 0; mime_address(value, &at, &address);) {
			if (address.len == 0)
				continue;
			if (!open)
				json_array(j, key);
			open = true;
			json_slice(j, NULL, address);
		}
	}
	if (open)
		json_close(j);
}

static void record_entries(struct json *j, const char *key, const struct bytes *list)
{
	struct slice entry;

	if (list->len == 0)
		return;
	json_array(j, key);
	for (unsigned i = 0; mime_entry(list, i, &entry); i++)
		json_slice(j, NULL, entry);
	json_close(j);
}

static void record_optional(const struct mime *m, const struct smtp_options *o, struct json *j)
{
	struct slice value;

	for (size_t i = 0; i < RECORD_HEADERS; i++) {
		if (!o->header[i] || !mime_header(m, record_headers[i].header, 0, &value))
			continue;
		if (!record_headers[i].list) {
			json_slice(j, record_headers[i].key, value);
			continue;
		}
		json_array(j, record_headers[i].key);
		for (unsigned k = 0; mime_header(m, record_headers[i].header, k, &value); k++)
			json_slice(j, NULL, value);
		json_close(j);
	}
	if ((o->md5 & LOG_BODY_MD5) && m->has_body_md5)
		json_hex(j, "body_md5", m->body_md5, 16, 0);
}

static void record_email(const struct smtp_tx *t, const struct smtp_options *o, struct json *j)
{
	const struct mime *m = t->mime;
	struct slice value;

	json_object(j, "email");
	json_str(j, "status", m->done ? "PARSE_DONE" : m->in_headers && m->top ? "HEADER_STARTED" : "BODY_STARTED");
	if (mime_header(m, "from", 0, &value))
		json_slice(j, "from", value);
	record_list(m, j, "to", "to");
	record_list(m, j, "cc", "cc");
	record_entries(j, "attachment", &m->attachments);
	record_entries(j, "url", &m->urls);
	if (o != NULL)
		record_optional(m, o, j);
	json_close(j);
}

static bool smtp_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct smtp_tx *t = (const struct smtp_tx *)tx;

	(void)a;
	json_object(j, "smtp");
	if (t->helo.len)
		json_slice(j, "helo", bytes_slice(&t->helo));
	if (t->mail_from.len)
		json_slice(j, "mail_from", bytes_slice(&t->mail_from));
	record_entries(j, "rcpt_to", &t->rcpt_to);
	json_close(j);
	if (t->mime != NULL)
		record_email(t, req->options, j);
	return true;
}

static enum probe smtp_probe(struct slice data, enum side side, bool is_udp)
{
	(void)is_udp;
	if (side == TO_CLIENT)
		return data.len < 4 ? PROBE_MORE : memcmp(data.data, "220 ", 4) == 0 || memcmp(data.data, "220-", 4) == 0 ? PROBE_YES : PROBE_NO;
	if (data.len < 4)
		return PROBE_MORE;
	return starts_with(data, "EHLO") || starts_with(data, "HELO") || starts_with(data, "QUIT") || starts_with(data, "RSET") ?
		       PROBE_YES : PROBE_NO;
}

static const struct probe_pattern smtp_patterns[] = {
	{ .side = TO_SERVER, .nocase = true, .depth = 4, .bytes = { (const uint8_t *)"EHLO", 4 } },
	{ .side = TO_SERVER, .nocase = true, .depth = 4, .bytes = { (const uint8_t *)"HELO", 4 } },
	{ .side = TO_SERVER, .nocase = true, .depth = 4, .bytes = { (const uint8_t *)"QUIT", 4 } },
};

const struct analyzer analyzer_smtp = {
	.abi = ANALYZER_ABI,
	.name = "smtp",
	.summary = "SMTP and the mail it carries",
	.transports = TRANSPORT_TCP,
	.ports = "25,465,587",
	.patterns = smtp_patterns,
	.pattern_count = sizeof(smtp_patterns) / sizeof(smtp_patterns[0]),
	.probe = smtp_probe,
	.settings_new = smtp_settings_new,
	.settings_free = free,
	.open = smtp_open,
	.close = smtp_close,
	.feed = smtp_feed,
	.gap = smtp_gap,
	.end = smtp_end,
	.tx_free = smtp_tx_free,
	.complete = { SMTP_DONE, 1 },
	.fields = smtp_fields,
	.field_count = sizeof(smtp_fields) / sizeof(smtp_fields[0]),
	.events = smtp_events,
	.events_upper = true,
	.frames = smtp_frames,
	.event_type = "smtp",
	.record_options = smtp_record_options,
	.record_options_free = free,
	.record = smtp_record,
};
