/* flow.c - what a rule asks of the flow: direction and state, its counters, its protocol, its events. */
#include <errno.h>

#include "analyzers/number.h"
#include "rules/inspect.h"
#include "rules/parser.h"
#include "stack/track/tracker.h"

static const struct {
	const char *name;
	uint16_t option;
	uint16_t against;       /* what it contradicts */
} flow_options[] = {
	{ "to_server", FLOW_TO_SERVER, FLOW_TO_CLIENT },
	{ "to_client", FLOW_TO_CLIENT, FLOW_TO_SERVER },
	{ "from_client", FLOW_TO_SERVER, FLOW_TO_CLIENT },
	{ "from_server", FLOW_TO_CLIENT, FLOW_TO_SERVER },
	{ "established", FLOW_OPT_ESTABLISHED, FLOW_OPT_NOT_ESTABLISHED | FLOW_STATELESS },
	{ "not_established", FLOW_OPT_NOT_ESTABLISHED, FLOW_OPT_ESTABLISHED | FLOW_STATELESS },
	{ "stateless", FLOW_STATELESS, FLOW_OPT_ESTABLISHED | FLOW_OPT_NOT_ESTABLISHED },
	{ "only_stream", FLOW_ONLY_STREAM, FLOW_NO_STREAM },
	{ "no_stream", FLOW_NO_STREAM, FLOW_ONLY_STREAM },
	{ "only_frag", FLOW_ONLY_FRAG, FLOW_NO_FRAG },
	{ "no_frag", FLOW_NO_FRAG, FLOW_ONLY_FRAG },
};

static int flow_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct slice rest = argument, part;
	struct rule *r = p->rule;

	(void)kw;
	(void)negated;
	while (text_part(&rest, ',', &part)) {
		bool known = false;

		for (size_t i = 0; i < sizeof(flow_options) / sizeof(flow_options[0]); i++) {
			if (!text_is_nocase(part, flow_options[i].name))
				continue;
			known = true;
			if (r->flow & flow_options[i].option)
				return rule_error(p, part.data, "flow says %.*s twice", SLICE_ARG(part));
			if (r->flow & flow_options[i].against)
				return rule_error(p, part.data, "%.*s contradicts what stands before it", SLICE_ARG(part));
			r->flow |= flow_options[i].option;
		}
		if (!known) {
			rule_hint(p, "to_server, to_client, from_client, from_server, established, not_established, "
				     "stateless, only_stream, no_stream, only_frag, no_frag");
			return rule_error(p, part.data, "flow can't be \"%.*s\"", SLICE_ARG(part));
		}
	}
	if (p->direction_at == NULL)
		p->direction_at = argument.data;
	return 0;
}

/* flow.pkts, flow.bytes: which direction, and how many. */
enum flow_count { COUNT_PKTS, COUNT_BYTES };
struct counter_test {
	uint8_t what;           /* enum flow_count */
	uint8_t side;           /* enum side; 2 either, 3 both together */
	struct number_test test;
};
#define SIDE_EITHER 2
#define SIDE_SUM 3

static bool counter_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct counter_test *t = data;
	const uint64_t *v;

	(void)rule;
	if (in->flow == NULL)
		return false;
	v = t->what == COUNT_PKTS ? in->flow->pkts : in->flow->bytes;
	if (t->side == SIDE_SUM)
		return number_test_match(&t->test, v[0] + v[1]);
	if (t->side == SIDE_EITHER)
		return number_test_match(&t->test, v[0]) || number_test_match(&t->test, v[1]);
	return number_test_match(&t->test, v[t->side]);
}

static int side_word(struct slice word)
{
	if (text_is(word, "toserver") || text_is(word, "to_server"))
		return TO_SERVER;
	if (text_is(word, "toclient") || text_is(word, "to_client"))
		return TO_CLIENT;
	if (text_is(word, "either"))
		return SIDE_EITHER;
	if (text_is(word, "both"))
		return SIDE_SUM;
	return -1;
}

static int counter_add(struct rule_parser *p, const struct keyword *kw, uint8_t what, int side, struct slice number)
{
	struct counter_test *t = rule_alloc(p, sizeof(*t));
	const char *error;

	if (t == NULL)
		return -ENOMEM;
	t->what = what;
	t->side = (uint8_t)side;
	if (!number_test_parse(&t->test, number, what == COUNT_PKTS ? 32 : 64, NULL, &error)) {
		rule_hint(p, "write a number, a comparison (>10) or a range (10<>20)");
		return rule_error(p, number.data, "%.*s: %s", SLICE_ARG(number), error);
	}
	p->rule->flags |= RULE_NEEDS_FLOW;
	return rule_condition_add(p, kw, t, STAGE_PACKET) != NULL ? 0 : -EINVAL;
}

static int counter_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	uint8_t what = strncmp(kw->name, "flow.bytes", 10) == 0 ? COUNT_BYTES : COUNT_PKTS;
	struct slice rest = argument, word;
	int side;

	(void)negated;
	if (strstr(kw->name, "_toserver") != NULL)
		return counter_add(p, kw, what, TO_SERVER, argument);
	if (strstr(kw->name, "_toclient") != NULL)
		return counter_add(p, kw, what, TO_CLIENT, argument);
	text_part(&rest, ',', &word);
	side = side_word(word);
	if (side < 0 || rest.data == NULL) {
		rule_hint(p, "write %s:toserver,>10; with toserver, toclient, either or both", kw->name);
		return rule_error(p, argument.data, "%s needs a direction and a number", kw->name);
	}
	return counter_add(p, kw, what, side, text_trim(rest));
}

static bool age_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct number_test *test = data;

	(void)rule;
	return in->flow != NULL && in->flow->last_ns >= in->flow->first_ns &&
	       number_test_match(test, in->flow->last_ns / 1000000000 - in->flow->first_ns / 1000000000);
}

static int age_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct number_test *t = rule_alloc(p, sizeof(*t));
	const char *error;

	(void)negated;
	if (t == NULL)
		return -ENOMEM;
	if (!number_test_parse(t, argument, 32, NULL, &error))
		return rule_error(p, argument.data, "%.*s: %s", SLICE_ARG(argument), error);
	p->rule->flags |= RULE_NEEDS_FLOW;
	return rule_condition_add(p, kw, t, STAGE_PACKET) != NULL ? 0 : -EINVAL;
}

/* "server|client|both|either, OP, SIZE" */
struct stream_test {
	uint8_t who;            /* 0 server, 1 client, 2 both, 3 either */
	struct number_test test;
};

static bool stream_size_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct stream_test *t = data;
	bool from_server, from_client;

	(void)rule;
	if (in->flow == NULL || in->flow->tcp == NULL)
		return false;
	from_client = number_test_match(&t->test, stream_offset(in->flow, TO_SERVER));
	from_server = number_test_match(&t->test, stream_offset(in->flow, TO_CLIENT));
	switch (t->who) {
	case 0:
		return from_server;
	case 1:
		return from_client;
	case 2:
		return from_client && from_server;
	}
	return from_client || from_server;
}

static int stream_size_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	static const char *const names[] = { "server", "client", "both", "either" };
	struct stream_test *t = rule_alloc(p, sizeof(*t));
	struct slice rest = argument, who, op, number;
	char text[40];
	const char *error;

	(void)negated;
	if (t == NULL)
		return -ENOMEM;
	text_part(&rest, ',', &who);
	while (t->who < 4 && !text_is(who, names[t->who]))
		t->who++;
	if (t->who == 4) {
		rule_hint(p, "server, client, both or either");
		return rule_error(p, who.data, "stream_size doesn't know \"%.*s\"", SLICE_ARG(who));
	}
	if (!text_part(&rest, ',', &op) || op.len > 2 || op.len == 0 || !text_part(&rest, ',', &number) ||
	    number.len > 24 || rest.data != NULL) {
		rule_hint(p, "write stream_size:server,>,1000;");
		return rule_error(p, argument.data, "stream_size needs a side, an operator and a number");
	}
	snprintf(text, sizeof(text), "%.*s%.*s", SLICE_ARG(op), SLICE_ARG(number));
	if (!number_test_parse(&t->test, slice_str(text), 32, NULL, &error))
		return rule_error(p, op.data, "%s", error);
	p->has_stream_size = true;
	p->rule->flags |= RULE_NEEDS_FLOW;
	return rule_condition_add(p, kw, t, STAGE_PACKET) != NULL ? 0 : -EINVAL;
}

/* app-layer-protocol: [!]name[|name…][, final|toserver|toclient|either|both|original] */
enum proto_mode { MODE_DIRECTION, MODE_FINAL, MODE_TO_SERVER, MODE_TO_CLIENT, MODE_EITHER, MODE_BOTH, MODE_ORIGINAL };
#define PROTOS_MAX 16
struct proto_test {
	bool negated;
	bool failed;            /* "failed": recognition gave up */
	bool unknown;           /* "unknown": not yet */
	uint8_t mode;
	uint8_t count;
	const struct analyzer *protos[PROTOS_MAX];
};

static bool proto_listed(const struct proto_test *t, const struct analyzer *an, bool failed)
{
	if (an == NULL)
		return failed ? t->failed : t->unknown;
	for (unsigned i = 0; i < t->count; i++)
		if (t->protos[i] == an)
			return true;
	return false;
}

/* An undecided direction is neither this protocol nor another one. */
static int side_answer(const struct proto_test *t, const struct analysis *a, unsigned side)
{
	if (a->side_proto[side] == NULL && !a->failed[side] && !t->unknown)
		return -1;
	return proto_listed(t, a->side_proto[side], a->failed[side]);
}

static bool proto_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct proto_test *t = data;
	const struct analysis *a = in->analysis;
	int ts, tc, answer = -1;

	(void)rule;
	if (in->flow == NULL)
		return false;
	if (a == NULL)
		return t->unknown && !t->negated;
	ts = side_answer(t, a, TO_SERVER);
	tc = side_answer(t, a, TO_CLIENT);
	switch (t->mode) {
	case MODE_DIRECTION:
		answer = in->side == TO_SERVER ? ts : tc;
		break;
	case MODE_FINAL:
		if (a->proto != NULL || (a->failed[0] && a->failed[1]) || t->unknown)
			answer = proto_listed(t, a->proto, a->failed[0] && a->failed[1]);
		break;
	case MODE_TO_SERVER:
		answer = ts;
		break;
	case MODE_TO_CLIENT:
		answer = tc;
		break;
	case MODE_EITHER:
		if (t->negated)
			return ts == 0 || tc == 0;
		return ts == 1 || tc == 1;
	case MODE_BOTH:
		if (ts >= 0 && tc >= 0)
			answer = t->negated ? ts || tc : ts && tc;
		break;
	case MODE_ORIGINAL:
		if (a->original != NULL)
			answer = proto_listed(t, a->original, false);
		break;
	}
	return answer >= 0 && (answer == 1) != t->negated;
}

static int proto_mode_parse(struct rule_parser *p, struct slice word, uint8_t *mode)
{
	static const char *const names[] = { "direction", "final", "to_server", "to_client", "either", "both", "original" };
	static const char *const alternatives[] = { NULL, NULL, "toserver", "toclient", NULL, NULL, NULL };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (text_is(word, names[i]) || (alternatives[i] != NULL && text_is(word, alternatives[i]))) {
			*mode = (uint8_t)i;
			return 0;
		}
	}
	rule_hint(p, "direction, final, to_server, to_client, either, both, original");
	return rule_error(p, word.data, "\"%.*s\" doesn't say which protocol is meant", SLICE_ARG(word));
}

static int proto_name_parse(struct rule_parser *p, struct slice name, struct proto_test *t)
{
	const struct analyzer *an;
	char text[64];

	if (text_is(name, "failed")) {
		t->failed = true;
		return 0;
	}
	if (text_is(name, "unknown")) {
		t->unknown = true;
		return 0;
	}
	snprintf(text, sizeof(text), "%.*s", SLICE_ARG(name));
	an = analyzer_find(text);
	if (an == NULL)
		return rule_error(p, name.data, "unknown protocol \"%.*s\"", SLICE_ARG(name));
	if (t->count == PROTOS_MAX)
		return rule_error(p, name.data, "more than %d protocols", PROTOS_MAX);
	t->protos[t->count++] = an;
	if (text_is(name, "http")) {
		an = analyzer_find("http2");
		if (an != NULL && t->count < PROTOS_MAX)
			t->protos[t->count++] = an;
	}
	return 0;
}

/* Several can only say what it isn't, each something else. */
static int proto_conflict(struct rule_parser *p, const struct keyword *kw, const struct proto_test *t)
{
	for (unsigned i = 0; i < p->condition_count; i++) {
		const struct proto_test *other = p->conditions[i].data;

		if (p->conditions[i].keyword != kw || other->mode != t->mode)
			continue;
		if (!t->negated || !other->negated)
			return rule_error(p, NULL, "a flow has one protocol: several app-layer-protocol must all be negated");
		for (unsigned k = 0; k < t->count; k++)
			if (proto_listed(other, t->protos[k], false))
				return rule_error(p, NULL, "app-layer-protocol says the same twice");
	}
	return 0;
}

static int proto_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct proto_test *t = rule_alloc(p, sizeof(*t));
	struct slice rest = argument, names, name;

	if (t == NULL)
		return -ENOMEM;
	t->negated = negated;
	text_part(&rest, ',', &names);
	if (rest.data != NULL && proto_mode_parse(p, text_trim(rest), &t->mode) < 0)
		return -EINVAL;
	while (text_part(&names, '|', &name))
		if (proto_name_parse(p, name, t) < 0)
			return -EINVAL;
	if (p->rule->app != NULL) {
		rule_hint(p, "leave app-layer-protocol out");
		return rule_error(p, NULL, "the rule is about %s already", p->rule->app->name);
	}
	if (proto_conflict(p, kw, t) < 0)
		return -EINVAL;
	p->rule->flags |= RULE_NEEDS_FLOW;
	return rule_condition_add(p, kw, t, STAGE_PACKET) != NULL ? 0 : -EINVAL;
}

/* app-layer-event:protocol.event, or one of the recognition's own. */
struct event_test {
	const struct analyzer *analyzer;        /* NULL: recognition's */
	int event;
};

static bool app_event_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct event_test *e = data;

	(void)rule;
	if (e->analyzer == NULL)
		return in->analysis != NULL && in->analysis->events_packet == in->pkt->number &&
		       (in->analysis->events & 1u << e->event);
	if (in->tx == NULL || in->analysis == NULL || in->analysis->proto != e->analyzer)
		return false;
	for (unsigned i = 0; i < in->tx->event_count; i++)
		if (in->tx->events[i] == e->event)
			return true;
	return false;
}

/* app-layer-state:[<|>]state of the protocol in the header: how far a side of a transaction has come. */
struct state_test {
	char op;                        /* '<', '>' or '=' */
	uint8_t progress;
};

static bool app_state_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct state_test *t = data;
	uint8_t now;

	(void)rule;
	if (in->tx == NULL || in->analysis == NULL)
		return false;
	now = analysis_progress(in->analysis, in->tx, in->side, stream_acked(in->flow, in->side));
	return t->op == '<' ? now < t->progress : t->op == '>' ? now > t->progress : now == t->progress;
}

static int app_state_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct state_test *t = rule_alloc(p, sizeof(*t));
	struct slice name = argument;

	(void)negated;
	if (t == NULL)
		return -ENOMEM;
	if (p->rule->app == NULL) {
		rule_hint(p, "name the protocol in the header");
		return rule_error(p, argument.data, "app-layer-state needs a protocol");
	}
	t->op = '=';
	if (name.len > 0 && (name.data[0] == '<' || name.data[0] == '>')) {
		t->op = (char)name.data[0];
		name = text_trim(slice_skip(name, 1));
	}
	if (rule_app_state(p, p->rule->app, name, NULL, &t->progress) < 0)
		return -EINVAL;
	p->rule->flags |= RULE_NEEDS_FLOW;
	return rule_condition_add(p, kw, t, STAGE_TX) != NULL ? 0 : -EINVAL;
}

static int app_event_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct event_test *e = rule_alloc(p, sizeof(*e));
	const uint8_t *dot = memchr(argument.data, '.', argument.len);
	struct slice name;
	char text[64];

	(void)negated;
	if (e == NULL)
		return -ENOMEM;
	p->rule->flags |= RULE_NEEDS_FLOW;
	if (dot == NULL) {
		for (unsigned i = 0; app_event_name(i) != NULL; i++) {
			if (text_is_nocase(argument, app_event_name(i))) {
				e->event = (int)i;
				p->rule->flags |= RULE_NEEDS_PACKET;
				return rule_condition_add(p, kw, e, STAGE_PACKET) != NULL ? 0 : -EINVAL;
			}
		}
		rule_hint(p, "write app-layer-event:protocol.event;");
		return rule_error(p, argument.data, "unknown event \"%.*s\"", SLICE_ARG(argument));
	}
	snprintf(text, sizeof(text), "%.*s", (int)(dot - argument.data), (const char *)argument.data);
	name = slice_skip(argument, (size_t)(dot - argument.data) + 1);
	e->analyzer = analyzer_find(text);
	if (e->analyzer == NULL)
		return rule_error(p, argument.data, "unknown protocol \"%s\"", text);
	if (rule_app_require(p, e->analyzer, argument.data) < 0)
		return -EINVAL;
	for (e->event = 0; e->analyzer->events != NULL && e->analyzer->events[e->event] != NULL; e->event++)
		if (text_is_nocase(name, e->analyzer->events[e->event]))
			return rule_condition_add(p, kw, e, STAGE_TX) != NULL ? 0 : -EINVAL;
	/* As Suricata: rule files come with events of other releases. */
	return rule_skip(p, name.data, "%s has no event \"%.*s\": the rule is left out", e->analyzer->name, SLICE_ARG(name));
}

static bool packet_event_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const uint16_t *event = data;

	(void)rule;
	for (unsigned i = 0; i < in->pkt->event_count; i++)
		if (in->pkt->events[i] == *event)
			return true;
	return false;
}

static int packet_event_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	uint16_t *event = rule_alloc(p, sizeof(*event));
	char name[128];
	int number = -1;

	(void)negated;
	if (event == NULL)
		return -ENOMEM;
	snprintf(name, sizeof(name), "%.*s", SLICE_ARG(argument));
	if (strcmp(kw->name, "stream-event") == 0) {
		number = stream_event_find(name);
	} else {
		number = decode_event_find(name);
		/* engine-event:stream.…, as older rules have it */
		if (number < 0 && strncmp(name, "stream.", 7) == 0)
			number = stream_event_find(name + 7);
		if (number < 0 && strncmp(name, "decoder.", 8) == 0)
			number = decode_event_find(name + 8);
		p->rule->flags |= RULE_EVENT_ONLY;
	}
	if (number < 0)
		return rule_error(p, argument.data, "unknown event \"%s\"", name);
	*event = (uint16_t)number;
	return rule_condition_add(p, kw, event, STAGE_PACKET) != NULL ? 0 : -EINVAL;
}

#define COUNTER(n, what) { .name = n, .summary = what, .flags = KEYWORD_PREFILTER | KEYWORD_PACKET, .parse = counter_parse, .match = counter_match }

static const struct keyword keywords[] = {
	{ .name = "flow", .summary = "direction and state of the flow", .parse = flow_parse },
	{ .name = "flow.age", .summary = "seconds since the flow began", .flags = KEYWORD_PREFILTER | KEYWORD_PACKET,
	  .parse = age_parse, .match = age_match },
	COUNTER("flow.pkts", "packets of a direction"),
	COUNTER("flow.pkts_toserver", "packets to the server"),
	COUNTER("flow.pkts_toclient", "packets to the client"),
	COUNTER("flow.bytes", "bytes of a direction"),
	COUNTER("flow.bytes_toserver", "bytes to the server"),
	COUNTER("flow.bytes_toclient", "bytes to the client"),
	{ .name = "stream_size", .summary = "bytes of a TCP direction so far", .flags = KEYWORD_PREFILTER | KEYWORD_PACKET,
	  .parse = stream_size_parse, .match = stream_size_match },
	{ .name = "app-layer-protocol", .summary = "the flow's protocol, as recognised",
	  .flags = KEYWORD_NEGATABLE | KEYWORD_MAY_QUOTE | KEYWORD_PREFILTER | KEYWORD_PACKET, .parse = proto_parse, .match = proto_match },
	{ .name = "app-layer-event", .summary = "something a protocol parser found odd", .parse = app_event_parse,
	  .match = app_event_match },
	{ .name = "app-layer-state", .summary = "how far a transaction has come", .parse = app_state_parse,
	  .match = app_state_match },
	{ .name = "decode-event", .aliases = "engine-event", .summary = "something the packet decoder found odd",
	  .flags = KEYWORD_EVENT | KEYWORD_PACKET, .parse = packet_event_parse, .match = packet_event_match },
	{ .name = "stream-event", .summary = "something TCP tracking found odd", .flags = KEYWORD_PACKET,
	  .parse = packet_event_parse, .match = packet_event_match },
};

const struct keyword_table keywords_flow = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
