/* ldap.c - LDAP (RFC 4511) over TCP and UDP: requests, the answers to them, STARTTLS.
 *
 * A request opens a transaction, and answers find it by its message identifier. A search may have many
 * answers: the first LDAP_RESPONSES_MAX are kept, all are counted. */
#include "analyzers/ldap/ldap.h"

#include <errno.h>
#include <stdlib.h>

#include "analyzers/frame.h"
#include "base/must.h"
#include "base/text.h"

#define TX_MAX_DEFAULT 256
#define MESSAGE_MAX (1024 * 1024)

enum ldap_event { TOO_MANY_TRANSACTIONS, INVALID_DATA, REQUEST_NOT_FOUND, INCOMPLETE_DATA };
static const char *const ldap_events[] = {
	"too_many_transactions", "invalid_data", "request_not_found", "incomplete_data", NULL,
};

static const char *const ldap_frames[] = { "pdu", NULL };

struct ldap_settings {
	uint32_t tx_max;
};

struct ldap_state {
	bool starttls;                  /* asked for */
};

static int ldap_settings_new(void **out, const struct conf *conf)
{
	struct ldap_settings *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->tx_max = (uint32_t)conf_size(conf, "max-tx", TX_MAX_DEFAULT);
	*out = s;
	return 0;
}

static int ldap_open(struct analysis *a)
{
	a->state = budget_get(a->budget, sizeof(struct ldap_state));
	return a->state ? 0 : -ENOMEM;
}

static void ldap_close(struct analysis *a)
{
	budget_put(a->budget, a->state, sizeof(struct ldap_state));
	a->state = NULL;
}

static void message_free(struct analysis *a, struct ldap_message *m)
{
	bytes_fini(&m->raw, a->budget);
	budget_put(a->budget, m, sizeof(*m));
}

static void ldap_tx_free(struct analysis *a, struct tx *tx)
{
	struct ldap_tx *t = (struct ldap_tx *)tx;

	if (t->request != NULL)
		message_free(a, t->request);
	while (t->responses != NULL) {
		struct ldap_message *m = t->responses;

		t->responses = m->next;
		message_free(a, m);
	}
	budget_put(a->budget, t, sizeof(*t));
}

/* --- messages --- */

/* The parts of a message whose bytes are `all`. False: it isn't one. */
static bool parts_read(struct slice all, uint32_t *id, struct ber *op, struct slice *controls)
{
	struct reader in = reader_slice(all);
	int64_t number = ber_int(ber_expect(&in, BER_INTEGER));

	if (number < 0 || number > INT32_MAX || !ber_next(&in, op))
		return false;
	*id = (uint32_t)number;
	*controls = slice_of(NULL, 0);
	ber_optional(&in, BER_CONTEXT_OF, controls);
	/* Application tags, primitive where there is nothing inside. */
	return !in.ran_out && (op->tag & 0xc0) == 0x40 && (op->tag & 0x1f) < LDAP_OPS &&
	       ldap_op_names[op->tag & 0x1f] != NULL;
}

static struct ldap_message *message_new(struct analysis *a, struct slice all)
{
	struct ldap_message *m = budget_get(a->budget, sizeof(*m));
	struct ber op = { 0 };

	if (m == NULL)
		return NULL;
	if (!bytes_append(&m->raw, a->budget, all.data, all.len) ||
	    !parts_read(bytes_slice(&m->raw), &m->id, &op, &m->controls)) {
		message_free(a, m);
		return NULL;
	}
	m->op = op.tag & 0x1f;
	m->body = op.value;
	return m;
}

static void tx_both(struct analysis *a, struct ldap_tx *t, enum side side)
{
	tx_progress(a, &t->tx, side, 1);
	tx_progress_other(a, &t->tx, other_side(side), 1);
}

static struct ldap_tx *ldap_tx_new(struct analysis *a, enum side side)
{
	const struct ldap_settings *settings = a->settings;
	struct tx *old = a->tx_open > settings->tx_max ? a->tx_first : NULL;

	while (old != NULL && tx_done(a, old, TO_CLIENT))
		old = old->next;
	if (old != NULL) {
		tx_event(a, old, TOO_MANY_TRANSACTIONS);
		tx_both(a, (struct ldap_tx *)old, side);
	}
	return tx_new(a, sizeof(struct ldap_tx));
}

static struct ldap_tx *request_find(struct analysis *a, uint32_t id)
{
	for (struct tx *tx = a->tx_first; tx != NULL; tx = tx->next) {
		struct ldap_tx *t = (struct ldap_tx *)tx;

		if (t->request != NULL && t->request->id == id)
			return t;
	}
	return NULL;
}

static bool is_last(uint8_t op)
{
	return op != LDAP_SEARCH_ENTRY && op != LDAP_SEARCH_REFERENCE && op != LDAP_INTERMEDIATE_RESPONSE &&
	       ldap_is_response(op);
}

static bool asks_for_tls(const struct ldap_message *m)
{
	struct reader in = reader_slice(m->body);
	struct slice name;

	return m->op == LDAP_EXTENDED_REQUEST && ber_optional(&in, BER_CONTEXT, &name) && text_is(name, LDAP_STARTTLS);
}

static struct ldap_tx *request_add(struct analysis *a, struct ldap_message *m)
{
	struct ldap_state *s = a->state;
	struct ldap_tx *t = ldap_tx_new(a, TO_SERVER);

	if (t == NULL) {
		message_free(a, m);
		return NULL;
	}
	t->request = m;
	s->starttls |= asks_for_tls(m);
	if (m->op == LDAP_UNBIND_REQUEST)
		tx_both(a, t, TO_SERVER);
	t->tx.updated[TO_SERVER] = true;
	return t;
}

static struct ldap_tx *response_add(struct analysis *a, struct ldap_message *m)
{
	const bool last = is_last(m->op);
	struct ldap_tx *t = request_find(a, m->id);

	if (t == NULL) {
		t = ldap_tx_new(a, TO_CLIENT);
		if (t == NULL) {
			message_free(a, m);
			return NULL;
		}
		if (m->op != LDAP_EXTENDED_RESPONSE)    /* which may come unasked */
			tx_event(a, &t->tx, REQUEST_NOT_FOUND);
		tx_both(a, t, TO_CLIENT);
	}
	t->tx.updated[TO_CLIENT] = true;
	if (t->response_count++ >= LDAP_RESPONSES_MAX) {
		message_free(a, m);
	} else {
		if (t->last != NULL)
			t->last->next = m;
		else
			t->responses = m;
		t->last = m;
	}
	if (last)
		tx_both(a, t, TO_CLIENT);
	return t;
}

/* The server agreed to go on with TLS. */
static bool tls_begins(const struct ldap_state *s, const struct ldap_tx *t)
{
	struct ldap_result result;
	struct reader in;

	return s->starttls && t->request != NULL && t->last != NULL && asks_for_tls(t->request) &&
	       ldap_result_read(t->last, &result, &in) && result.code == 0;
}

/* EVE's tx_id of a frame counts from one here, unlike everywhere else, as Suricata's does. */
static void frame_add(struct analysis *a, enum side side, uint64_t offset, size_t len, const struct ldap_tx *t)
{
	struct app_frame *f = frame_open(a, side, 0, offset, (int64_t)len);

	if (f != NULL && t != NULL)
		f->tx_id = t->tx.id + 1;
}

/* --- the stream --- */

static enum parse message_read(struct analysis *a, enum side side, struct reader *in, bool is_udp)
{
	struct ldap_state *s = a->state;
	const uint8_t *start = in->at;
	const uint64_t offset = a->feeding_offset + reader_pos(in);
	struct reader try = *in;
	struct ldap_message *m;
	struct ldap_tx *t;
	uint8_t tag;
	uint32_t len;
	enum parse got = ber_header_read(&try, &tag, &len);

	if (got == PARSE_MORE)
		return PARSE_MORE;
	if (got == PARSE_BAD || tag != BER_SEQUENCE || len > MESSAGE_MAX) {
		tx_event(a, NULL, INVALID_DATA);
		return PARSE_BAD;
	}
	if (reader_left(&try) < len) {
		analysis_need(a, side, (uint32_t)(try.at - start) + len);
		return PARSE_MORE;
	}
	m = message_new(a, read_slice(&try, len));
	if (m == NULL) {
		tx_event(a, NULL, INVALID_DATA);
		return PARSE_BAD;
	}
	*in = try;
	t = side == TO_SERVER ? request_add(a, m) : response_add(a, m);
	if (t == NULL)
		return PARSE_BAD;
	frame_add(a, side, offset, (size_t)(in->at - start), is_udp && side == TO_SERVER ? NULL : t);
	if (side == TO_CLIENT && tls_begins(s, t)) {
		analysis_switch(a, NULL, "tls");
		return PARSE_MORE;
	}
	return PARSE_OK;
}

static enum parse ldap_feed(struct analysis *a, enum side side, struct reader *in)
{
	const bool is_udp = a->flow->key.proto == 17;
	enum parse got = PARSE_OK;

	while (got == PARSE_OK && reader_left(in) > 0)
		got = message_read(a, side, in, is_udp);
	if (is_udp && got == PARSE_MORE) {
		tx_event(a, NULL, INCOMPLETE_DATA);
		return PARSE_BAD;
	}
	return got;
}

/* What comes next has to be a message; if it isn't, the analysis ends there. */
static bool ldap_gap(struct analysis *a, enum side side, uint64_t len)
{
	(void)a;
	(void)side;
	(void)len;
	return true;
}

static enum probe ldap_probe(struct slice data, enum side side, bool is_udp)
{
	struct reader in = reader_slice(data);
	struct ber op;
	struct slice controls, all;
	uint32_t len, id;
	uint8_t tag;
	enum parse got = ber_header_read(&in, &tag, &len);

	if (got == PARSE_MORE)
		return is_udp ? PROBE_NO : PROBE_MORE;
	if (got == PARSE_BAD || tag != BER_SEQUENCE || len > MESSAGE_MAX)
		return PROBE_NO;
	if (reader_left(&in) < len)
		return is_udp ? PROBE_NO : PROBE_MORE;
	all = read_slice(&in, len);
	if (!parts_read(all, &id, &op, &controls) || (op.tag & 0x1f) == LDAP_ABANDON_REQUEST)
		return PROBE_NO;
	return ldap_is_response(op.tag & 0x1f) == (side == TO_CLIENT) ? PROBE_YES : PROBE_REVERSED;
}

/* --- fields --- */

static const struct ldap_message *response_at(const struct ldap_tx *t, unsigned index)
{
	const struct ldap_message *m = t->responses;

	while (m != NULL && index-- > 0)
		m = m->next;
	return m;
}

static bool get_request_operation(struct analysis *a, struct tx *tx, enum side side, unsigned index,
				  struct field_value *out)
{
	const struct ldap_tx *t = (const struct ldap_tx *)tx;

	(void)a;
	(void)side;
	if (t->request == NULL || index > 0)
		return false;
	out->number = t->request->op;
	return true;
}

static bool get_responses_count(struct analysis *a, struct tx *tx, enum side side, unsigned index,
				struct field_value *out)
{
	(void)a;
	(void)side;
	out->number = ((const struct ldap_tx *)tx)->response_count;
	return index == 0;
}

static bool get_request_dn(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	const struct ldap_tx *t = (const struct ldap_tx *)tx;

	(void)a;
	(void)side;
	return index == 0 && t->request != NULL && ldap_dn(t->request, &out->bytes);
}

static bool get_responses_dn(struct analysis *a, struct tx *tx, enum side side, unsigned index,
			     struct field_value *out)
{
	const struct ldap_message *m = response_at((const struct ldap_tx *)tx, index);

	(void)a;
	(void)side;
	return m != NULL && ldap_dn(m, &out->bytes);
}

static bool get_request_attribute(struct analysis *a, struct tx *tx, enum side side, unsigned index,
				  struct field_value *out)
{
	const struct ldap_tx *t = (const struct ldap_tx *)tx;

	(void)a;
	(void)side;
	return t->request != NULL && ldap_attribute(t->request, &index, &out->bytes);
}

static bool get_responses_attribute(struct analysis *a, struct tx *tx, enum side side, unsigned index,
				    struct field_value *out)
{
	(void)a;
	(void)side;
	for (const struct ldap_message *m = response_at((const struct ldap_tx *)tx, 0); m != NULL; m = m->next)
		if (m->op == LDAP_SEARCH_ENTRY && ldap_attribute(m, &index, &out->bytes))
			return true;
	return false;
}

static bool get_responses_message(struct analysis *a, struct tx *tx, enum side side, unsigned index,
				  struct field_value *out)
{
	const struct ldap_message *m = response_at((const struct ldap_tx *)tx, index);
	struct ldap_result result;
	struct reader in;

	(void)a;
	(void)side;
	if (m == NULL || !ldap_result_read(m, &result, &in))
		return false;
	out->bytes = result.message;
	return true;
}

static bool get_responses_operation(struct analysis *a, struct tx *tx, enum side side, unsigned index,
				    struct field_value *out)
{
	const struct ldap_message *m = response_at((const struct ldap_tx *)tx, index);

	(void)a;
	(void)side;
	if (m == NULL)
		return false;
	out->number = m->op;
	return true;
}

static bool get_responses_result(struct analysis *a, struct tx *tx, enum side side, unsigned index,
				 struct field_value *out)
{
	struct ldap_result result;
	struct reader in;

	(void)a;
	(void)side;
	for (const struct ldap_message *m = response_at((const struct ldap_tx *)tx, 0); m != NULL; m = m->next) {
		if (!ldap_result_read(m, &result, &in) || index-- != 0)
			continue;
		out->number = result.code;
		return true;
	}
	return false;
}

#define TEXT(keyword, where, getter, text)                                                                     \
	{ .name = keyword, .type = FIELD_BYTES, .flags = (where), .final = { 1, 1 }, .get = getter, .summary = text }
#define NUMBER(keyword, bits, where, words, getter, text)                                                      \
	{ .name = keyword, .type = FIELD_UINT, .width = bits, .flags = (where), .final = { 1, 1 },             \
	  .names = words, .get = getter, .summary = text }

static const struct field ldap_fields[] = {
	NUMBER("ldap.request.operation", 8, FIELD_TO_SERVER, ldap_op_words, get_request_operation, "what is asked for"),
	NUMBER("ldap.responses.operation", 8, FIELD_TO_CLIENT | FIELD_MULTI, ldap_op_words, get_responses_operation,
	       "what each answer is"),
	NUMBER("ldap.responses.count", 32, FIELD_TO_CLIENT, NULL, get_responses_count, "how many answers there are"),
	NUMBER("ldap.responses.result_code", 32, FIELD_TO_CLIENT | FIELD_MULTI, ldap_result_words, get_responses_result,
	       "result in each answer that has one"),
	TEXT("ldap.request.dn", FIELD_TO_SERVER, get_request_dn, "the entry that a request is about"),
	TEXT("ldap.responses.dn", FIELD_TO_CLIENT | FIELD_MULTI, get_responses_dn, "the entry in each answer"),
	TEXT("ldap.request.attribute_type", FIELD_TO_SERVER | FIELD_MULTI, get_request_attribute,
	     "type of each attribute in a request"),
	TEXT("ldap.responses.attribute_type", FIELD_TO_CLIENT | FIELD_MULTI, get_responses_attribute,
	     "type of each attribute in the answers"),
	TEXT("ldap.responses.message", FIELD_TO_CLIENT | FIELD_MULTI, get_responses_message,
	     "diagnostic message of each answer"),
};

const struct analyzer analyzer_ldap = {
	.abi = ANALYZER_ABI,
	.name = "ldap",
	.summary = "LDAP requests and the answers to them",
	.transports = TRANSPORT_TCP | TRANSPORT_UDP,
	.ports = "389,3268",
	.probe = ldap_probe,
	.pending_max = MESSAGE_MAX + 6,
	.tx_open_max = UINT32_MAX,
	.settings_new = ldap_settings_new,
	.settings_free = free,
	.open = ldap_open,
	.close = ldap_close,
	.feed = ldap_feed,
	.gap = ldap_gap,
	.tx_free = ldap_tx_free,
	.complete = { 1, 1 },
	.fields = ldap_fields,
	.field_count = ARRAY_LEN(ldap_fields),
	.events = ldap_events,
	.frames = ldap_frames,
	.event_type = "ldap",
	.record = ldap_record,
};
