/* pgsql.c - PostgreSQL's frontend/backend protocol 3.0, simple queries and COPY.
 *
 * A request opens a transaction; answers go to the oldest one that waits, until a message
 * that ends it (ReadyForQuery, a demand for credentials, the answer to an SSL request).
 * Rows and copied data are counted and skipped by their length; of other messages at
 * most KEEP_MAX bytes are kept, and ITEMS_MAX answers per transaction. */
#include <errno.h>
#include <stdlib.h>

#include "analyzers/pgsql/pgsql.h"

#define KEEP_MAX 16384
#define STARTUP_MAX 10000               /* what the server accepts: MAX_STARTUP_PACKET_LENGTH */

#define CODE_CANCEL 80877102
#define CODE_SSL 80877103
#define CODE_GSSENC 80877104

enum pgsql_event { INVALID_LENGTH, MALFORMED_REQUEST, MALFORMED_RESPONSE };
static const char *const pgsql_events[] = {
	"invalid_length", "malformed_request", "malformed_response", NULL,
};

struct pgsql_state {
	bool started;                   /* the client's messages have a type byte from now on */
	bool ssl_asked, ready_seen;
	uint32_t auth;                  /* what the server said last about authentication */
	uint32_t skip[2];               /* of a message that is only counted */
};

static int pgsql_open(struct analysis *a)
{
	a->state = budget_get(a->budget, sizeof(struct pgsql_state));
	return a->state ? 0 : -ENOMEM;
}

static void pgsql_close(struct analysis *a)
{
	budget_put(a->budget, a->state, sizeof(struct pgsql_state));
	a->state = NULL;
}

static void pgsql_tx_free(struct analysis *a, struct tx *tx)
{
	struct pgsql_tx *t = (struct pgsql_tx *)tx;

	bytes_fini(&t->request, a->budget);
	for (unsigned i = 0; i < t->item_count; i++)
		bytes_fini(&t->items[i].body, a->budget);
	budget_put(a->budget, t, sizeof(*t));
}

/* --- requests --- */

static struct pgsql_tx *request_new(struct analysis *a, enum pgsql_request kind, struct slice body)
{
	struct pgsql_tx *t = tx_new(a, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->kind = kind;
	bytes_append(&t->request, a->budget, body.data, body.len);
	tx_progress(a, &t->tx, TO_SERVER, 1);
	return t;
}

/* The first message, and what may stand in its place: a length and a code, no type. */
static enum parse startup_read(struct analysis *a, struct reader *in)
{
	struct pgsql_state *s = a->state;
	const uint8_t *start = in->at;
	uint32_t len = read_be32(in), code = read_be32(in);
	struct slice body;

	if (in->ran_out) {
		in->at = start;
		return PARSE_MORE;
	}
	if (len < 8 || len > STARTUP_MAX) {
		tx_event(a, (struct tx *)request_new(a, PGSQL_UNKNOWN, slice_of(NULL, 0)), INVALID_LENGTH);
		return PARSE_BAD;
	}
	if (reader_left(in) < len - 8) {
		in->at = start;
		analysis_need(a, TO_SERVER, len);
		return PARSE_MORE;
	}
	body = read_slice(in, len - 8);
	if (code == CODE_SSL || code == CODE_GSSENC) {
		s->ssl_asked = request_new(a, PGSQL_SSL, body) != NULL;
	} else if (code == CODE_CANCEL) {
		struct pgsql_tx *t = request_new(a, PGSQL_CANCEL, body);

		if (t != NULL)
			tx_complete(a, &t->tx);
	} else if (code >> 16 == 3) {
		struct pgsql_tx *t = request_new(a, PGSQL_STARTUP, body);

		if (t != NULL)
			t->version = code;
		s->started = true;
	} else {
		tx_event(a, (struct tx *)request_new(a, PGSQL_UNKNOWN, body), MALFORMED_REQUEST);
		return PARSE_BAD;
	}
	return PARSE_OK;
}

/* One message type carries every kind of credential: what it is follows from what was asked for. */
static enum pgsql_request password_kind(const struct pgsql_state *s)
{
	if (s->auth == PGSQL_AUTH_SASL)
		return PGSQL_SASL_INITIAL;
	return s->auth == PGSQL_AUTH_SASL_CONTINUE ? PGSQL_SASL_RESPONSE : PGSQL_PASSWORD;
}

/* Copied data and what ends it belong to one transaction. */
static struct pgsql_tx *copy_tx(struct analysis *a)
{
	struct pgsql_tx *t = (struct pgsql_tx *)a->tx_last;

	if (t != NULL && t->kind == PGSQL_COPY && !t->copy_ended)
		return t;
	return request_new(a, PGSQL_COPY, slice_of(NULL, 0));
}

static void request_copy(struct analysis *a, uint8_t type, uint32_t len)
{
	struct pgsql_tx *t = copy_tx(a);

	if (t == NULL)
		return;
	if (type == 'd') {
		t->copy_in_count++;
		t->copy_in_size += len;
		return;
	}
	t->copy_ended = type;
	tx_progress(a, &t->tx, TO_SERVER, 1);
}

static void request_message(struct analysis *a, uint8_t type, struct slice body)
{
	struct pgsql_tx *t;

	switch (type) {
	case 'Q':
		if (body.len && body.data[body.len - 1] == 0)
			body.len--;
		request_new(a, PGSQL_QUERY, body);
		break;
	case 'p':
		request_new(a, password_kind(a->state), body);
		break;
	case 'X':
		t = request_new(a, PGSQL_TERMINATE, body);
		if (t != NULL)
			tx_complete(a, &t->tx);
		break;
	default:
		break;                          /* the extended protocol's: passed over */
	}
}

static bool request_known(uint8_t type)
{
	return strchr("BCDEFHPQSXcdfp", type) != NULL && type != 0;
}

/* --- responses --- */

static struct pgsql_tx *waiting_tx(struct analysis *a)
{
	struct tx *tx = a->tx_first;

	while (tx != NULL && tx_done(a, tx, TO_CLIENT))
		tx = tx->next;
	return (struct pgsql_tx *)tx;
}

static void item_add(struct analysis *a, struct pgsql_tx *t, uint8_t type, struct slice body)
{
	struct pgsql_item *item;

	if (t->item_count == PGSQL_ITEMS_MAX)
		return;
	item = &t->items[t->item_count];
	if (!bytes_append(&item->body, a->budget, body.data, body.len))
		return;
	item->type = type;
	t->item_count++;
}

/* Whether the answer is whole with this message. */
static bool response_ends(struct pgsql_state *s, uint8_t type, struct slice body)
{
	switch (type) {
	case 'Z':
		s->ready_seen = true;
		return true;
	case 'R':
		s->auth = body.len >= 4 ? load_be32(body.data) : PGSQL_AUTH_NONE;
		return s->auth != PGSQL_AUTH_OK && s->auth != PGSQL_AUTH_SASL_FINAL;
	case 'E':
		return !s->ready_seen;          /* refused before the session began */
	case 'G':
		return true;
	default:
		return false;
	}
}

static void response_message(struct analysis *a, uint8_t type, struct slice body)
{
	struct pgsql_state *s = a->state;
	struct pgsql_tx *t = waiting_tx(a);

	if (t == NULL)
		return;
	if (type == 'T' && body.len >= 2)
		t->field_count = load_be16(body.data);
	else if (strchr("RSKCENAGH", type) != NULL)
		item_add(a, t, type, body);
	if (response_ends(s, type, body))
		tx_progress(a, &t->tx, TO_CLIENT, 1);
}

static void response_counted(struct analysis *a, uint8_t type, uint32_t len, uint16_t columns)
{
	struct pgsql_tx *t = waiting_tx(a);

	if (t == NULL)
		return;
	if (type == 'd') {
		t->copy_out_count++;
		t->copy_out_size += len;
		return;
	}
	t->rows++;
	t->rows_size += len > 2 + 4u * columns ? len - 2 - 4u * columns : 0;
}

static enum parse ssl_answer(struct analysis *a, struct reader *in)
{
	struct pgsql_state *s = a->state;
	struct pgsql_tx *t = waiting_tx(a);
	uint8_t answer = read_u8(in);

	s->ssl_asked = false;
	if (answer != 'S' && answer != 'N' && answer != 'G') {
		tx_event(a, (struct tx *)t, MALFORMED_RESPONSE);
		return PARSE_BAD;
	}
	if (t != NULL) {
		item_add(a, t, answer == 'N' ? 'n' : 's', slice_of(NULL, 0));
		tx_progress(a, &t->tx, TO_CLIENT, 1);
	}
	if (answer == 'S')
		analysis_switch(a, NULL, "tls");
	return answer == 'S' ? PARSE_OK : PARSE_MORE;
}

/* --- both --- */

static bool is_counted(enum side side, uint8_t type)
{
	return type == 'd' || (side == TO_CLIENT && type == 'D');
}

/* A message with a type byte. What is only counted, and what is too long to keep, is skipped. */
static enum parse message_read(struct analysis *a, enum side side, struct reader *in)
{
	struct pgsql_state *s = a->state;
	struct reader try = *in;
	uint8_t type = read_u8(&try);
	uint32_t len = read_be32(&try), keep;
	uint16_t columns = 0;

	if (try.ran_out)
		return PARSE_MORE;
	if (len < 4 || (side == TO_SERVER && !request_known(type))) {
		tx_event(a, NULL, len < 4 ? INVALID_LENGTH : MALFORMED_REQUEST);
		return PARSE_BAD;
	}
	len -= 4;
	keep = len < KEEP_MAX ? len : KEEP_MAX;
	if (is_counted(side, type))
		keep = side == TO_CLIENT && type == 'D' && len >= 2 ? 2 : 0;
	if (reader_left(&try) < keep) {
		analysis_need(a, side, 5 + keep);
		return PARSE_MORE;
	}
	*in = try;
	if (keep >= 2)
		columns = load_be16(in->at);
	if (side == TO_CLIENT && is_counted(side, type))
		response_counted(a, type, len, columns);
	else if (side == TO_CLIENT)
		response_message(a, type, slice_of(in->at, keep));
	else if (type == 'd' || type == 'c' || type == 'f')
		request_copy(a, type, len);
	else
		request_message(a, type, slice_of(in->at, keep));
	reader_skip(in, keep);
	s->skip[side] = len - keep;
	return PARSE_OK;
}

static enum parse pgsql_feed(struct analysis *a, enum side side, struct reader *in)
{
	struct pgsql_state *s = a->state;

	while (reader_left(in) > 0) {
		uint32_t skip = s->skip[side];
		enum parse got;

		if (skip > reader_left(in))
			skip = (uint32_t)reader_left(in);
		reader_skip(in, skip);
		s->skip[side] -= skip;
		if (reader_left(in) == 0)
			break;
		if (side == TO_CLIENT && s->ssl_asked) {
			got = ssl_answer(a, in);
			if (got != PARSE_MORE)
				return got;
			continue;
		}
		if (side == TO_SERVER && !s->started && in->at[0] == 0) {
			got = startup_read(a, in);
		} else {
			s->started = s->started || side == TO_SERVER;
			got = message_read(a, side, in);
		}
		if (got != PARSE_OK)
			return got;
	}
	return PARSE_OK;
}

static enum probe pgsql_probe(struct slice data, enum side side, bool is_udp)
{
	uint32_t len;

	(void)is_udp;
	if (side == TO_CLIENT && data.len == 1 && (data.data[0] == 'S' || data.data[0] == 'N'))
		return PROBE_YES;
	if (data.len < 5)
		return PROBE_MORE;
	if (side == TO_SERVER && data.data[0] == 0) {
		len = load_be32(data.data);
		return len >= 8 && len <= STARTUP_MAX ? PROBE_YES : PROBE_NO;
	}
	len = load_be32(data.data + 1);
	if (len < 4 || len > 1 << 24 || data.data[0] == 0)
		return PROBE_NO;
	return strchr(side == TO_SERVER ? "CQXp" : "RSKZTDCENAGH", data.data[0]) ? PROBE_YES : PROBE_NO;
}

static bool get_query(struct analysis *a, struct tx *tx, enum side side, unsigned index,
		      struct field_value *out)
{
	const struct pgsql_tx *t = (const struct pgsql_tx *)tx;

	(void)a;
	(void)side;
	out->bytes = bytes_slice(&t->request);
	return index == 0 && t->kind == PGSQL_QUERY;
}

static const struct field pgsql_fields[] = {
	{ .name = "pgsql.query", .type = FIELD_BYTES, .flags = FIELD_TO_SERVER, .progress = { 1, 1 },
	  .get = get_query, .summary = "text of a simple query" },
};

const struct analyzer analyzer_pgsql = {
	.abi = ANALYZER_ABI,
	.name = "pgsql",
	.summary = "PostgreSQL: sessions, simple queries, COPY",
	.transports = TRANSPORT_TCP,
	.off_by_default = true,
	.ports = "5432",
	.probe = pgsql_probe,
	.open = pgsql_open,
	.close = pgsql_close,
	.feed = pgsql_feed,
	.tx_free = pgsql_tx_free,
	.complete = { 1, 1 },
	.fields = pgsql_fields,
	.field_count = sizeof(pgsql_fields) / sizeof(pgsql_fields[0]),
	.events = pgsql_events,
	.event_type = "pgsql",
	.record_options = pgsql_record_options,
	.record_options_free = free,
	.record = pgsql_record,
};
