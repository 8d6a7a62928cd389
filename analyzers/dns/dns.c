/* dns.c - DNS over UDP and TCP.
 *
 * Every message is a transaction of its own, in its own direction: a query and its response are
 * matched by people, by their ids, since half of them may be missing on a span port. TCP carries
 * messages with a length in front; behind a gap, messages are looked for again at the next segment
 * that begins like one. */
#include <errno.h>

#include "analyzers/dns/message.h"
#include "analyzers/dns/record.h"
#include "analyzers/frame.h"
#include "base/must.h"

#define OPCODES 7                       /* 0 to 6 are assigned */

enum dns_event {
	EVENT_MALFORMED_DATA, EVENT_NOT_REQUEST, EVENT_NOT_RESPONSE, EVENT_Z_FLAG_SET, EVENT_INVALID_OPCODE,
	EVENT_NAME_TOO_LONG, EVENT_INFINITE_LOOP, EVENT_TOO_MANY_LABELS, EVENT_INVALID_ADDITIONALS,
	EVENT_INVALID_AUTHORITIES,
};

const char *const dns_events[] = {
	[EVENT_MALFORMED_DATA] = "malformed_data",
	[EVENT_NOT_REQUEST] = "not_a_request",
	[EVENT_NOT_RESPONSE] = "not_a_response",
	[EVENT_Z_FLAG_SET] = "z_flag_set",
	[EVENT_INVALID_OPCODE] = "invalid_opcode",
	[EVENT_NAME_TOO_LONG] = "name_too_long",
	[EVENT_INFINITE_LOOP] = "infinite_loop",
	[EVENT_TOO_MANY_LABELS] = "too_many_labels",
	[EVENT_INVALID_ADDITIONALS] = "invalid_additionals",
	[EVENT_INVALID_AUTHORITIES] = "invalid_authorities",
	NULL,
};

const char *const dns_frames[] = { "pdu", NULL };

enum probe dns_probe(struct slice data, enum side side, bool is_udp)
{
	size_t whole = data.len;
	enum probe answer;
	bool is_query;

	if (!is_udp) {
		if (data.len < 2 + DNS_HEADER_LEN)
			return PROBE_MORE;
		whole = load_be16(data.data);
		data = slice_skip(data, 2);
	}
	if (whole < DNS_HEADER_LEN)
		return PROBE_NO;
	answer = dns_header_probe(data, whole, &is_query);
	if (answer == PROBE_YES && is_query != (side == TO_SERVER))
		return PROBE_REVERSED;
	return answer;
}

int dns_open(struct analysis *a)
{
	a->state = budget_get(a->budget, sizeof(struct dns_state));
	return a->state != NULL ? 0 : -ENOMEM;
}

void dns_close(struct analysis *a)
{
	budget_put(a->budget, a->state, sizeof(struct dns_state));
}

static void note_oddities(struct analysis *a, struct dns_tx *tx)
{
	const struct dns_message *m = &tx->msg;

	if (tx->response && !(m->flags & DNS_RESPONSE))
		tx_event(a, &tx->tx, EVENT_NOT_RESPONSE);
	if (m->flags & DNS_Z)
		tx_event(a, &tx->tx, EVENT_Z_FLAG_SET);
	if (dns_opcode(m) >= OPCODES)
		tx_event(a, &tx->tx, EVENT_INVALID_OPCODE);
	if (m->oddities & DNS_NAME_LONG)
		tx_event(a, &tx->tx, EVENT_NAME_TOO_LONG);
	if (m->oddities & DNS_NAME_LOOP)
		tx_event(a, &tx->tx, EVENT_INFINITE_LOOP);
	if (m->oddities & DNS_NAME_LABELS)
		tx_event(a, &tx->tx, EVENT_TOO_MANY_LABELS);
	if (m->oddities & DNS_BAD_ADDITIONALS)
		tx_event(a, &tx->tx, EVENT_INVALID_ADDITIONALS);
	if (m->oddities & DNS_BAD_AUTHORITIES)
		tx_event(a, &tx->tx, EVENT_INVALID_AUTHORITIES);
}

/* A message that isn't one: the event goes to the transaction before it. */
static enum parse refuse(struct analysis *a, struct dns_message *m, enum dns_event event)
{
	dns_message_fini(m, a->budget);
	tx_event(a, NULL, event);
	return PARSE_BAD;
}

static enum parse message(struct analysis *a, enum side side, struct slice data)
{
	const struct dns_state *state = a->state;
	struct dns_message m = { 0 };
	struct app_frame *frame;
	struct dns_tx *tx;
	bool is_query;

	if (dns_header_probe(slice_head(data, DNS_HEADER_LEN), data.len, &is_query) != PROBE_YES)
		return PARSE_OK;                /* not a header at all: it's no message, and no harm */
	if (dns_message_parse(&m, a->budget, data) != PARSE_OK)
		return refuse(a, &m, EVENT_MALFORMED_DATA);
	if (side == TO_SERVER && !is_query && !state->by_flag)
		return refuse(a, &m, EVENT_NOT_REQUEST);
	tx = tx_new(a, sizeof(*tx));
	if (tx == NULL) {
		dns_message_fini(&m, a->budget);
		return PARSE_OK;
	}
	tx->msg = m;
	tx->response = state->by_flag ? !is_query : side == TO_CLIENT;
	tx_one_sided(a, &tx->tx, side);
	note_oddities(a, tx);
	tx_progress(a, &tx->tx, side, 1);
	frame = frame_current(a, side, 0);
	if (frame != NULL)
		frame_set_tx(frame, &tx->tx);
	return PARSE_OK;
}

static enum parse feed_tcp(struct analysis *a, enum side side, struct reader *in)
{
	struct dns_state *state = a->state;
	const struct slice first = slice_of(in->at, reader_left(in));
	enum parse answer = PARSE_OK;

	if (state->lost[side]) {
		const enum probe p = dns_probe(first, side, false);

		if (p == PROBE_NO) {
			read_rest(in);
			return PARSE_OK;
		}
		state->lost[side] = false;
	}
	while (answer == PARSE_OK && reader_left(in) >= 2) {
		const uint16_t len = load_be16(in->at);
		struct app_frame *frame;

		if (reader_left(in) < 2u + len) {
			analysis_need(a, side, 2u + len);
			break;
		}
		reader_skip(in, 2);
		if (len == 0)
			continue;
		frame = frame_open(a, side, 0, a->offset[side] + reader_pos(in), len);
		answer = message(a, side, read_slice(in, len));
		if (frame != NULL)
			frame_end(a, frame, a->offset[side] + reader_pos(in));
	}
	return answer;
}

enum parse dns_feed(struct analysis *a, enum side side, struct reader *in)
{
	if (a->flow->key.proto != 17)
		return feed_tcp(a, side, in);
	frame_open(a, side, 0, a->offset[side], (int64_t)reader_left(in));
	return message(a, side, read_rest(in));
}

bool dns_gap(struct analysis *a, enum side side, uint64_t len)
{
	struct dns_state *state = a->state;

	(void)len;
	state->lost[side] = true;
	return true;
}

/* ---- fields ---- */

static bool get_query(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	return !((struct dns_tx *)tx)->response && dns_get_queries(a, tx, side, index, out);
}

static bool get_opcode(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	(void)side;
	out->number = dns_opcode(&((struct dns_tx *)tx)->msg);
	return index == 0;
}

static bool get_rcode(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	(void)side;
	out->number = ((struct dns_tx *)tx)->msg.flags & 0xf;
	return index == 0;
}

static bool get_rrtype(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	const struct dns_record *r = dns_record_at(&((struct dns_tx *)tx)->msg, DNS_QUERIES, index);

	(void)a;
	(void)side;
	if (r != NULL)
		out->number = r->type;
	return r != NULL;
}

#define BOTH (FIELD_TO_SERVER | FIELD_TO_CLIENT)
#define NUMBER(keyword, bits, texts, getter, more, text)                                             \
	{                                                                                            \
		.name = keyword, .type = FIELD_UINT, .width = bits, .names = texts, .flags = BOTH | (more), \
		.progress = { 1, 1 }, .get = getter, .summary = text                                 \
	}

static const struct field fields[] = {
	DNS_NAMES("dns.query", "dns_query", FIELD_TO_SERVER, get_query, "name asked for, of each query"),
	DNS_NAMES("dns.queries.rrname", "dns.query.name", BOTH, dns_get_queries,
	      "name of each query, in requests and responses"),
	DNS_NAMES("dns.answers.rrname", "dns.answer.name", BOTH, dns_get_answers, "name of each answer"),
	DNS_NAMES("dns.authorities.rrname", NULL, BOTH, dns_get_authorities, "name of each authority record"),
	DNS_NAMES("dns.additionals.rrname", NULL, BOTH, dns_get_additionals, "name of each additional record"),
	DNS_NAMES("dns.response.rrname", NULL, FIELD_TO_CLIENT, dns_get_response_names,
	      "every name in a response, those in records' data included"),
	NUMBER("dns.opcode", 8, NULL, get_opcode, 0, "opcode of the message"),
	NUMBER("dns.rcode", 8, dns_rcode_names, get_rcode, 0, "response code of the message"),
	NUMBER("dns.rrtype", 16, dns_type_names, get_rrtype, FIELD_MULTI, "type of each query"),
};

static const char *const states_request[] = { "request_started", "request_complete", NULL };
static const char *const states_response[] = { "response_started", "response_complete", NULL };

const struct analyzer analyzer_dns = {
	.abi = ANALYZER_ABI,
	.name = "dns",
	.summary = "domain names, over UDP and TCP",
	.transports = TRANSPORT_TCP | TRANSPORT_UDP,
	.ports = "53",
	.probe = dns_probe,
	.pending_max = 2 + 65535,
	.open = dns_open,
	.close = dns_close,
	.feed = dns_feed,
	.gap = dns_gap,
	.tx_free = dns_tx_free,
	.complete = { 1, 1 },
	.states = { states_request, states_response },
	.fields = fields,
	.field_count = ARRAY_LEN(fields),
	.events = dns_events,
	.frames = dns_frames,
	.event_type = "dns",
	.record_options = dns_record_options,
	.record_options_free = dns_record_options_free,
	.record_way = dns_record_way,
	.record_parts = dns_record_parts,
	.record = dns_record,
};
