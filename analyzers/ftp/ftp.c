/* ftp.c - the FTP control connection (RFC 959, 2228, 2428, 4217).
 *
 * Both directions are lines. A command opens a transaction; replies go to the oldest that still waits, and a reply
 * other than 1xx completes it. A line longer than max-line-length is cut there and the rest of it is
 * skipped. PORT, EPRT, PASV and EPSV announce a data connection, which becomes an expectation when a transfer is asked for. */
#include "analyzers/ftp/ftp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "analyzers/analyzer.h"

#define LINE_DEFAULT 4096
#define TX_DEFAULT 1024
#define REPLY_MAX 65536

enum ftp_event { REQUEST_TOO_LONG, RESPONSE_TOO_LONG, TOO_MANY_TRANSACTIONS, FILE_BEFORE_PORT };
static const char *const ftp_events[] = {
	"request_command_too_long", "response_command_too_long", "too_many_transactions", "file_before_port", NULL,
};

enum ftp_command {
	CMD_UNKNOWN, CMD_ABOR, CMD_ACCT, CMD_ALLO, CMD_APPE, CMD_AUTH_TLS, CMD_CDUP, CMD_CHMOD, CMD_CWD, CMD_DELE, CMD_EPRT,
	CMD_EPSV, CMD_FEAT, CMD_HELP, CMD_IDLE, CMD_LIST, CMD_MAIL, CMD_MDTM, CMD_MKD, CMD_MLFL, CMD_MODE, CMD_MRCP,
	CMD_MRSQ, CMD_MSAM, CMD_MSND, CMD_MSOM, CMD_NLST, CMD_NOOP, CMD_OPTS, CMD_PASS, CMD_PASV, CMD_PORT, CMD_PWD, CMD_QUIT, CMD_REIN,
	CMD_REST, CMD_RETR, CMD_RMD, CMD_RNFR, CMD_RNTO, CMD_SITE, CMD_SIZE, CMD_SMNT, CMD_STAT, CMD_STOR, CMD_STOU, CMD_STRU,
	CMD_SYST, CMD_TYPE, CMD_UMASK, CMD_USER, CMD_MLSD, CMD_MLST, COMMANDS,
};
static const char *const command_names[COMMANDS] = {
	"UNKNOWN", "ABOR", "ACCT", "ALLO", "APPE", "AUTH TLS", "CDUP", "CHMOD", "CWD", "DELE", "EPRT",
	"EPSV", "FEAT", "HELP", "IDLE", "LIST", "MAIL", "MDTM", "MKD", "MLFL", "MODE", "MRCP",
	"MRSQ", "MSAM", "MSND", "MSOM", "NLST", "NOOP", "OPTS", "PASS", "PASV", "PORT", "PWD", "QUIT", "REIN",
	"REST", "RETR", "RMD", "RNFR", "RNTO", "SITE", "SIZE", "SMNT", "STAT", "STOR", "STOU", "STRU",
	"SYST", "TYPE", "UMASK", "USER", "MLSD", "MLST",
};

struct ftp_settings {
	uint32_t line_max;
	uint32_t tx_max;
};

struct ftp_tx {
	struct tx tx;
	struct bytes request;           /* the line, without its end */
	struct bytes replies;           /* lines, each ended by '\n' */
	uint8_t command;
	bool request_truncated, reply_truncated;
	bool done;
	bool active;
	bool bounce;                    /* PORT named another host than the client */
	uint16_t port;                  /* announced data port; 0 = none */
};

struct ftp_state {
	bool skipping[2];               /* the rest of a line that was cut */
	uint16_t port;                  /* announced, not used yet */
	bool active;
	struct ip_addr host;            /* where active data connections go */
};

static int ftp_settings_new(void **out, const struct conf *conf)
{
	struct ftp_settings *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->line_max = (uint32_t)conf_size(conf, "max-line-length", LINE_DEFAULT);
	s->tx_max = (uint32_t)conf_int(conf, "max-tx", TX_DEFAULT);
	*out = s;
	return 0;
}

static int ftp_open(struct analysis *a)
{
	a->state = budget_get(a->budget, sizeof(struct ftp_state));
	return a->state ? 0 : -ENOMEM;
}

static void ftp_close(struct analysis *a)
{
	budget_put(a->budget, a->state, sizeof(struct ftp_state));
}

static void ftp_tx_free(struct analysis *a, struct tx *tx)
{
	struct ftp_tx *f = (struct ftp_tx *)tx;

	bytes_fini(&f->request, a->budget);
	bytes_fini(&f->replies, a->budget);
	budget_put(a->budget, f, sizeof(*f));
}

static uint8_t command_of(struct slice line)
{
	for (unsigned c = CMD_UNKNOWN + 1; c < COMMANDS; c++) {
		size_t len = strlen(command_names[c]);

		if (line.len >= len && strncasecmp((const char *)line.data, command_names[c], len) == 0 &&
		    (line.len == len || line.data[len] == ' '))
			return (uint8_t)c;
	}
	return CMD_UNKNOWN;
}

/* "h1,h2,h3,h4,p1,p2" at the start of text. */
static bool parse_host_port(struct slice text, struct ip_addr *host, uint16_t *port)
{
	unsigned v[6] = { 0 }, n = 0;
	bool digits = false;

	for (size_t i = 0; i <= text.len && n < 6; i++) {
		uint8_t c = i < text.len ? text.data[i] : 0;

		if (c >= '0' && c <= '9') {
			v[n] = v[n] * 10 + (c - '0');
			digits = true;
			if (v[n] > 255)
				return false;
		} else if (digits && (c == ',' || n == 5)) {
			n++;
			digits = false;
		} else {
			return false;
		}
	}
	if (n < 6)
		return false;
	memset(host, 0, sizeof(*host));
	for (unsigned i = 0; i < 4; i++)
		host->bytes[i] = (uint8_t)v[i];
	*port = (uint16_t)(v[4] << 8 | v[5]);
	return true;
}

/* "|1|132.235.1.2|6275|" (RFC 2428): any delimiter. */
static bool parse_extended(struct slice text, struct ip_addr *host, uint16_t *port)
{
	char copy[80], *part[4] = { 0 }, delimiter[2] = { 0 };
	unsigned n = 0;

	if (text.len < 5 || text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	delimiter[0] = copy[0];
	for (char *at = copy; at != NULL && n < 4;) {
		part[n++] = at;
		at = strchr(at, delimiter[0]);
		if (at != NULL)
			*at++ = '\0';
	}
	if (n < 4)
		return false;
	memset(host, 0, sizeof(*host));
	if (part[2][0] != '\0' && inet_pton(AF_INET, part[2], host->bytes) != 1 && inet_pton(AF_INET6, part[2], host->bytes) != 1)
		return false;
	unsigned long p = strtoul(part[3], NULL, 10);
	*port = (uint16_t)p;
	return p > 0 && p < 65536;
}

static struct slice argument_of(const struct ftp_tx *f)
{
	return slice_skip(bytes_slice(&f->request), strlen(command_names[f->command]) + 1);
}

static void announce_active(struct analysis *a, struct ftp_state *s, struct ftp_tx *f)
{
	struct slice text = argument_of(f);
	bool ok = f->command == CMD_PORT ? parse_host_port(text, &s->host, &s->port) : parse_extended(text, &s->host, &s->port);

	if (!ok)
		return;
	s->active = true;
	f->active = true;
	f->port = s->port;
	f->bounce = f->command == CMD_PORT && !ip_addr_eq(&s->host, &a->flow->key.addr[TO_SERVER]);
}

/* 227 and 229 replies carry it in parentheses. */
static void announce_passive(struct ftp_state *s, struct ftp_tx *f, struct slice line)
{
	const uint8_t *paren = memchr(line.data, '(', line.len);
	struct ip_addr host;
	bool ok;

	if (paren == NULL)
		return;
	line = slice_skip(line, (size_t)(paren - line.data) + 1);
	const uint8_t *end = memchr(line.data, ')', line.len);
	if (end != NULL)
		line.len = (size_t)(end - line.data);
	ok = f->command == CMD_PASV ? parse_host_port(line, &host, &s->port) : parse_extended(line, &host, &s->port);
	if (!ok)
		return;
	s->active = false;
	f->active = false;
	f->port = s->port;
}

static void expect_data(struct analysis *a, struct ftp_state *s, struct ftp_tx *f, bool has_file)
{
	struct ftp_announcement head = { .server_is_client = s->active, .has_file = has_file };
	const struct ip_addr *client = &a->flow->key.addr[TO_SERVER], *server = &a->flow->key.addr[TO_CLIENT];
	uint8_t context[EXPECT_CONTEXT_MAX];
	struct slice name = slice_head(argument_of(f), sizeof(context) - sizeof(head));

	if (s->port == 0) {
		if (has_file)
			tx_event(a, &f->tx, FILE_BEFORE_PORT);
		return;
	}
	memcpy(head.command, command_names[f->command], 4);
	memcpy(context, &head, sizeof(head));
	if (has_file && name.len)
		memcpy(context + sizeof(head), name.data, name.len);
	analysis_expect(a, s->active ? server : client, s->active ? client : server, s->port, "ftp-data",
			slice_of(context, sizeof(head) + (has_file ? name.len : 0)));
	s->port = 0;
}

static bool request_line(struct analysis *a, struct slice line, bool truncated)
{
	const struct ftp_settings *settings = a->settings;
	struct ftp_state *s = a->state;
	struct ftp_tx *f;

	if (line.len == 0)
		return true;
	if (a->tx_first != NULL && a->tx_count - a->tx_first->id > settings->tx_max) {
		tx_event(a, a->tx_first, TOO_MANY_TRANSACTIONS);
		return false;
	}
	f = tx_new(a, sizeof(*f));
	if (f == NULL)
		return true;
	bytes_append(&f->request, a->budget, line.data, line.len);
	f->command = command_of(line);
	f->request_truncated = truncated;
	if (truncated)
		tx_event(a, &f->tx, REQUEST_TOO_LONG);
	switch (f->command) {
	case CMD_PORT:
	case CMD_EPRT:
		announce_active(a, s, f);
		break;
	case CMD_RETR:
	case CMD_STOR:
	case CMD_STOU:
	case CMD_APPE:
		expect_data(a, s, f, true);
		break;
	case CMD_LIST:
	case CMD_NLST:
	case CMD_MLSD:
		expect_data(a, s, f, false);
		break;
	}
	tx_progress(a, &f->tx, TO_SERVER, 1);
	return true;
}

/* The oldest transaction that still waits; when none does, the newest; when there is none, a new one (the greeting). */
static struct ftp_tx *tx_answered(struct analysis *a)
{
	for (struct tx *tx = a->tx_first; tx != NULL; tx = tx->next)
		if (!((struct ftp_tx *)tx)->done)
			return (struct ftp_tx *)tx;
	return a->tx_last ? (struct ftp_tx *)a->tx_last : tx_new(a, sizeof(struct ftp_tx));
}

static void reply_line(struct analysis *a, struct slice line, bool truncated)
{
	struct ftp_tx *f;

	if (line.len == 0)
		return;
	f = tx_answered(a);
	if (f == NULL)
		return;
	if (truncated) {
		f->reply_truncated = true;
		tx_event(a, &f->tx, RESPONSE_TOO_LONG);
	}
	if (f->replies.len + line.len < REPLY_MAX) {
		bytes_append(&f->replies, a->budget, line.data, line.len);
		bytes_append_u8(&f->replies, a->budget, '\n');
	}
	if ((f->command == CMD_PASV && line.len > 4 && memcmp(line.data, "227 ", 4) == 0) ||
	    (f->command == CMD_EPSV && line.len > 4 && memcmp(line.data, "229 ", 4) == 0))
		announce_passive(a->state, f, line);
	if (line.len >= 3 && line.data[0] == '1' && line.data[1] >= '0' && line.data[1] <= '9' && line.data[2] >= '0' && line.data[2] <= '9')
		return;                                 /* preliminary: the real reply is still to come */
	f->done = true;
	tx_progress(a, &f->tx, TO_CLIENT, 1);
	tx_progress(a, &f->tx, TO_SERVER, 2);
	if (f->command == CMD_AUTH_TLS && line.len >= 4 && memcmp(line.data, "234 ", 4) == 0)
		analysis_switch(a, NULL, "tls");
}

/* False: the flow can't be followed any further. */
static bool ftp_line(struct analysis *a, enum side side, struct slice line, bool truncated)
{
	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	if (side == TO_SERVER)
		return request_line(a, line, truncated);
	reply_line(a, line, truncated);
	return true;
}

static enum parse ftp_feed(struct analysis *a, enum side side, struct reader *in)
{
	const struct ftp_settings *settings = a->settings;
	struct ftp_state *s = a->state;

	while (reader_left(in) > 0 && !a->switching) {
		size_t left = reader_left(in), window = left < settings->line_max ? left : settings->line_max;
		const uint8_t *end = memchr(in->at, '\n', s->skipping[side] ? left : window);

		if (end != NULL) {
			struct slice line = slice_of(in->at, (size_t)(end - in->at));

			if (!s->skipping[side] && !ftp_line(a, side, line, false))
				return PARSE_BAD;
			s->skipping[side] = false;
			in->at = end + 1;
		} else if (s->skipping[side]) {
			in->at = in->end;
		} else if (left >= settings->line_max) {
			if (!ftp_line(a, side, slice_of(in->at, settings->line_max), true))
				return PARSE_BAD;
			in->at += settings->line_max;
			s->skipping[side] = true;
		} else {
			return PARSE_MORE;
		}
	}
	return PARSE_OK;
}

static bool ftp_gap(struct analysis *a, enum side side, uint64_t len)
{
	struct ftp_state *s = a->state;

	(void)len;
	s->skipping[side] = true;               /* whatever line this was, it is lost */
	return true;
}

static bool get_command(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	const struct ftp_tx *f = (const struct ftp_tx *)tx;

	(void)a;
	(void)side;
	if (index > 0 || f->command == CMD_UNKNOWN)
		return false;
	out->bytes = slice_str(command_names[f->command]);
	return true;
}

static bool get_command_data(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	const struct ftp_tx *f = (const struct ftp_tx *)tx;

	(void)a;
	(void)side;
	if (index > 0 || f->command == CMD_UNKNOWN)
		return false;
	out->bytes = argument_of(f);
	return out->bytes.len > 0;
}

/* Line number index of the replies. */
static bool reply_at(const struct ftp_tx *f, unsigned index, struct slice *line)
{
	struct slice rest = bytes_slice(&f->replies);

	while (rest.len) {
		const uint8_t *end = memchr(rest.data, '\n', rest.len);
		size_t len = (size_t)(end - rest.data);

		if (index-- == 0) {
			*line = slice_of(rest.data, len);
			return true;
		}
		rest = slice_skip(rest, len + 1);
	}
	return false;
}

static bool has_code(struct slice line)
{
	for (unsigned i = 0; i < 3; i++)
		if (i >= line.len || line.data[i] < '0' || line.data[i] > '9')
			return false;
	return true;
}

static bool get_reply(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	struct slice line;

	(void)a;
	(void)side;
	if (!reply_at((const struct ftp_tx *)tx, index, &line))
		return false;
	out->bytes = has_code(line) ? slice_skip(line, 4) : line;
	return true;
}

static bool get_code(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	struct slice line;

	(void)a;
	(void)side;
	if (!reply_at((const struct ftp_tx *)tx, index, &line))
		return false;
	out->bytes = has_code(line) ? slice_head(line, 3) : slice_of(line.data, 0);
	return true;
}

static bool get_port(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	const struct ftp_tx *f = (const struct ftp_tx *)tx;

	(void)a;
	(void)side;
	out->number = f->port;
	return index == 0 && f->port != 0;
}

static bool get_bounce(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	(void)side;
	out->number = 1;
	return index == 0 && ((const struct ftp_tx *)tx)->bounce;
}

static bool announces(const struct ftp_tx *f)
{
	return f->command == CMD_PORT || f->command == CMD_EPRT || f->command == CMD_PASV || f->command == CMD_EPSV;
}

/* Tests with a choice of two words: the parsed argument is one bool. */
static void *parse_choice(const char *argument, const char *const *yes, const char *const *no)
{
	for (unsigned pass = 0; pass < 2; pass++) {
		for (const char *const *word = pass ? no : yes; *word != NULL; word++) {
			if (strcasecmp(argument, *word) != 0)
				continue;
			bool *value = malloc(sizeof(*value));
			if (value != NULL)
				*value = pass == 0;
			return value;
		}
	}
	return NULL;
}

static void *mode_parse(const char *argument, const char **error)
{
	static const char *const active[] = { "active", NULL }, *const passive[] = { "passive", NULL };

	*error = "ftp.mode takes \"active\" or \"passive\"";
	return parse_choice(argument, active, passive);
}

static bool mode_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	const struct ftp_tx *f = (const struct ftp_tx *)tx;

	(void)a;
	(void)side;
	return announces(f) && f->port != 0 && f->active == *(const bool *)parsed;
}

static void *received_parse(const char *argument, const char **error)
{
	static const char *const yes[] = { "yes", "on", "true", NULL }, *const no[] = { "no", "off", "false", NULL };

	*error = "ftp.reply_received takes \"yes\" or \"no\"";
	return parse_choice(argument, yes, no);
}

static bool received_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	const struct ftp_tx *f = (const struct ftp_tx *)tx;

	(void)a;
	(void)side;
	return f->command != CMD_UNKNOWN && f->done == *(const bool *)parsed;
}

#define BOTH (FIELD_TO_SERVER | FIELD_TO_CLIENT)
static const struct field ftp_fields[] = {
	{ .name = "ftp.command", .type = FIELD_BYTES, .flags = FIELD_TO_SERVER, .progress = { 1, 0 }, .get = get_command,
	  .summary = "the command's name, upper case" },
	{ .name = "ftp.command_data", .type = FIELD_BYTES, .flags = FIELD_TO_SERVER, .progress = { 1, 0 }, .get = get_command_data,
	  .summary = "what follows the command" },
	{ .name = "ftp.reply", .type = FIELD_BYTES, .flags = FIELD_TO_CLIENT | FIELD_MULTI, .progress = { 0, 1 }, .get = get_reply,
	  .summary = "a reply line behind its code" },
	{ .name = "ftp.completion_code", .type = FIELD_BYTES, .flags = FIELD_TO_CLIENT | FIELD_MULTI, .progress = { 0, 1 },
	  .get = get_code, .summary = "the three digits of a reply line" },
	{ .name = "ftp.dynamic_port", .type = FIELD_UINT, .width = 16, .flags = BOTH, .progress = { 2, 1 }, .get = get_port,
	  .summary = "the data port that PORT, EPRT, PASV or EPSV announced" },
	{ .name = "ftp.mode", .type = FIELD_TEST, .flags = BOTH, .progress = { 2, 1 }, .test_parse = mode_parse, .test = mode_test,
	  .test_free = free, .summary = "active or passive" },
	{ .name = "ftp.reply_received", .type = FIELD_TEST, .flags = BOTH, .progress = { 2, 1 }, .test_parse = received_parse,
	  .test = received_test, .test_free = free, .summary = "whether the command was answered: yes or no" },
	{ .name = "ftpbounce", .type = FIELD_FLAG, .flags = FIELD_TO_SERVER, .progress = { 1, 0 }, .get = get_bounce,
	  .summary = "PORT names a host other than the client" },
};

static void record_replies(const struct ftp_tx *f, struct json *j)
{
	struct slice line;

	json_array(j, "completion_code");
	for (unsigned i = 0; reply_at(f, i, &line); i++)
		if (has_code(line))
			json_bytes(j, NULL, line.data, 3);
	json_close(j);
	json_array(j, "reply");
	for (unsigned i = 0; reply_at(f, i, &line); i++)
		json_slice(j, NULL, has_code(line) ? slice_skip(line, 4) : line);
	json_close(j);
}

static bool ftp_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct ftp_tx *f = (const struct ftp_tx *)tx;
	struct slice argument = argument_of(f);

	(void)a;
	(void)req;
	json_object(j, "ftp");
	if (f->command != CMD_UNKNOWN) {
		json_str(j, "command", command_names[f->command]);
		if (argument.len)
			json_slice(j, "command_data", argument);
		json_bool(j, "command_truncated", f->request_truncated);
	}
	if (f->replies.len)
		record_replies(f, j);
	if (f->port)
		json_uint(j, "dynamic_port", f->port);
	if (announces(f))
		json_str(j, "mode", f->active ? "active" : "passive");
	json_str(j, "reply_received", f->done ? "yes" : "no");
	json_bool(j, "reply_truncated", f->reply_truncated);
	json_close(j);
	return true;
}

static const struct probe_pattern ftp_patterns[] = {
	{ .side = TO_SERVER, .nocase = true, .depth = 5, .bytes = { (const uint8_t *)"USER ", 5 } },
	{ .side = TO_SERVER, .nocase = true, .depth = 5, .bytes = { (const uint8_t *)"PASS ", 5 } },
	{ .side = TO_SERVER, .nocase = true, .depth = 5, .bytes = { (const uint8_t *)"PORT ", 5 } },
	{ .side = TO_SERVER, .nocase = true, .depth = 4, .bytes = { (const uint8_t *)"FEAT", 4 } },
	{ .side = TO_CLIENT, .nocase = true, .depth = 5, .bytes = { (const uint8_t *)"220 (", 5 } },
};

static const char *const ftp_states_ts[] = { "in_progress", "port_done", "finished", NULL };
static const char *const ftp_states_tc[] = { "in_progress", "finished", NULL };

const struct analyzer analyzer_ftp = {
	.abi = ANALYZER_ABI,
	.name = "ftp",
	.summary = "FTP control connections",
	.transports = TRANSPORT_TCP,
	.patterns = ftp_patterns,
	.pattern_count = sizeof(ftp_patterns) / sizeof(ftp_patterns[0]),
	.pending_max = 1 << 20,
	.tx_open_max = 65536,
	.settings_new = ftp_settings_new,
	.settings_free = free,
	.open = ftp_open,
	.close = ftp_close,
	.feed = ftp_feed,
	.gap = ftp_gap,
	.tx_free = ftp_tx_free,
	.complete = { 2, 1 },
	.states = { ftp_states_ts, ftp_states_tc },
	.fields = ftp_fields,
	.field_count = sizeof(ftp_fields) / sizeof(ftp_fields[0]),
	.events = ftp_events,
	.event_type = "ftp",
	.record = ftp_record,
};
