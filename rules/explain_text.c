/* explain_text.c - reasons in words: what was asked for, as the rule has it, and what was found instead. */
#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "base/text.h"
#include "rules/explain_notes.h"


#define OPTION_SHOWN 160

/* Text that is cut where it becomes too long. */
struct text {
	char *at;
	size_t left;
};

static void __attribute__((format(printf, 2, 3))) put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at, t->left, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= t->left)
		n = t->left ? (int)t->left - 1 : 0;
	t->at += n;
	t->left -= (size_t)n;
}

static void put_bytes(struct text *t, const uint8_t *bytes, unsigned len, size_t whole)
{
	put(t, "\"");
	for (unsigned i = 0; i < len; i++) {
		if (bytes[i] == '"' || bytes[i] == '\\')
			put(t, "\\%c", bytes[i]);
		else if (bytes[i] >= 0x20 && bytes[i] < 0x7f)
			put(t, "%c", bytes[i]);
		else
			put(t, "\\x%02x", bytes[i]);
	}
	put(t, "\"%s", whole > len ? " …" : "");
}

/* Number n of the header's words: 0 action, 1 protocol, 2 source, 3 its ports, 4 arrow, 5 destination, 6 its ports. */
static struct slice header_word(const struct rule *rule, unsigned n)
{
	const char *p = rule->text;
	struct slice word = { 0 };

	for (unsigned i = 0; i <= n; i++) {
		unsigned depth = 0;
		const char *begin;

		while (*p == ' ' || *p == '\t')
			p++;
		for (begin = p; *p != '\0' && *p != '(' && (depth > 0 || (*p != ' ' && *p != '\t')); p++)
			depth += *p == '[' ? 1u : *p == ']' && depth > 0 ? -1u : 0u;
		word = slice_of(begin, (size_t)(p - begin));
	}
	return word;
}

static bool is_modifier(const char *p, size_t len)
{
	static const char *const names[] = { "nocase", "distance", "within", "offset", "depth", "startswith", "endswith",
					     "rawbytes", "fast_pattern" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strlen(names[i]) == len && !memcmp(names[i], p, len))
			return true;
	return len > 5 && !memcmp(p, "http_", 5);
}

static const char *option_end(const char *p)
{
	bool quoted = false;

	for (; *p != '\0' && (quoted || *p != ';'); p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '"')
			quoted = !quoted;
	}
	return p;
}

/* The option that is written there, with what modifies it. */
static void put_option(struct text *t, const struct rule *rule, uint32_t at)
{
	const char *begin = rule->text + at, *end = option_end(begin);

	while (*end == ';') {
		const char *next = end + 1 + strspn(end + 1, " \t");
		size_t len = strcspn(next, ":; \t");

		if (!is_modifier(next, len))
			break;
		end = option_end(next);
	}
	if (end - begin > OPTION_SHOWN)
		put(t, "%.*s …", OPTION_SHOWN, begin);
	else
		put(t, "%.*s", (int)(end - begin), begin);
}

static const char *buffer_name(const struct buffer_list *list)
{
	if (list == NULL || list->buffer->kind == BUFFER_PAYLOAD)
		return "the payload";
	return list->buffer->name ? list->buffer->name : "the buffer";
}

static void put_address(struct text *t, const struct explain_note *n, bool source)
{
	const struct ip_addr *a = source ? &n->src : &n->dst;
	char text[INET6_ADDRSTRLEN] = "?";

	inet_ntop(n->ip_version == 4 ? AF_INET : AF_INET6, a->bytes, text, sizeof(text));
	put(t, "%s", text);
}

static void put_example(struct text *t, const struct explain_note *n)
{
	bool ports = n->proto == 6 || n->proto == 17 || n->proto == 132;

	put(t, " [");
	if (n->packet > 0)
		put(t, "packet %" PRIu64, n->packet);
	else
		put(t, "end of the flow");
	if (n->has_tx)
		put(t, ", transaction %" PRIu64, n->tx_id);
	if (n->ip_version != 0) {
		put(t, ", ");
		put_address(t, n, true);
		if (ports)
			put(t, ":%u", n->src_port);
		put(t, " -> ");
		put_address(t, n, false);
		if (ports)
			put(t, ":%u", n->dst_port);
	}
	put(t, "]");
}

static void say_header(struct text *t, const struct explain_note *n)
{
	const struct rule *r = n->rule;
	unsigned word = n->stop == EXPLAIN_ADDRESS ? (n->source ? 2 : 5) : (n->source ? 3 : 6);

	switch (n->stop) {
	case EXPLAIN_PROTO:
		put(t, "the rule is about %.*s, the packet isn't", SLICE_ARG(header_word(r, 1)));
		break;
	case EXPLAIN_ADDRESS:
		put(t, "%s address ", n->source ? "source" : "destination");
		put_address(t, n, n->source);
		put(t, " isn't in %.*s", SLICE_ARG(header_word(r, word)));
		break;
	case EXPLAIN_PORT:
		put(t, "%s port %u isn't in %.*s", n->source ? "source" : "destination", n->source ? n->src_port : n->dst_port,
		    SLICE_ARG(header_word(r, word)));
		break;
	case EXPLAIN_TURNED:
		put(t, "the header is the wrong way round for it: it would fit with source and destination exchanged");
		break;
	case EXPLAIN_SIDE:
		put(t, "the packet goes to the %s, but the rule asks for flow:%s", n->side == TO_SERVER ? "server" : "client",
		    r->flow & FLOW_TO_CLIENT ? "to_client" : "to_server");
		break;
	default:
		break;
	}
	if (n->occurs)
		put(t, "; the rule's fast pattern is in there");
}

static void say_midstream(struct text *t, const struct explain_note *n)
{
	if (n->midstream)
		put(t, "; the connection's beginning isn't in the capture (stream.midstream)");
	if (n->gap)
		put(t, "; bytes of this direction are missing from the capture");
}

static void say_flow(struct text *t, const struct explain_note *n)
{
	const struct rule *r = n->rule;
	bool established = n->packet_flags & PACKET_ESTABLISHED;

	if (!n->has_flow)
		put(t, "the rule needs a flow, and the packet belongs to none");
	else if (r->flow & FLOW_OPT_ESTABLISHED && !established)
		put(t, "flow:established, but the connection isn't established");
	else if (r->flow & FLOW_OPT_NOT_ESTABLISHED && established)
		put(t, "flow:not_established, but the connection is established");
	else if (r->flow & FLOW_ONLY_FRAG)
		put(t, "flow:only_frag, but the packet wasn't put together from fragments");
	else if (r->flow & FLOW_NO_FRAG)
		put(t, "flow:no_frag, but the packet was put together from fragments");
	else
		put(t, "the rule isn't judged on this kind of packet");
	if (n->proto == 6 && r->flow & FLOW_OPT_ESTABLISHED && !established && !n->midstream)
		put(t, "; its handshake isn't in the capture, or not whole");
	say_midstream(t, n);
}

static void say_app(struct text *t, const struct explain_note *n)
{
	put(t, "the rule is about %s, ", n->rule->app ? n->rule->app->name : "a protocol");
	if (n->app != NULL)
		put(t, "the flow is %s", n->app->name);
	else
		put(t, "the flow's protocol was not recognised");
	if (n->app == NULL && n->proto == 6 && !(n->packet_flags & PACKET_ESTABLISHED))
		put(t, "; its handshake isn't in the capture, or not whole");
	say_midstream(t, n);
}

static void say_elsewhere(struct text *t, const struct explain_note *n)
{
	if (n->other_case)
		put(t, "; in other case it is there, at offset %zu: nocase?", n->elsewhere);
	else if (n->elsewhere_known)
		put(t, "; it is at offset %zu, which isn't where it has to be", n->elsewhere);
	else if (n->other_field != NULL)
		put(t, "; it is in %s", n->other_field);
}

static void put_value(struct text *t, const struct explain_note *n)
{
	put(t, "%s ", buffer_name(n->list));
	if (n->value_index > 0)
		put(t, "(value %u) ", n->value_index + 1);
	put_bytes(t, n->head, n->head_len, n->value_len);
	put(t, " (%zu bytes)", n->value_len);
}

static void say_fast(struct text *t, const struct explain_note *n)
{
	const struct content *c = &n->list->matches[n->reached].content;

	put(t, "prefilter: the fast pattern ");
	if (c->fast_len)
		put_bytes(t, c->bytes.data + c->fast_offset, c->fast_len, c->fast_len);
	else
		put_bytes(t, c->bytes.data, c->bytes.len < EXPLAIN_BYTES ? (unsigned)c->bytes.len : EXPLAIN_BYTES, c->bytes.len);
	put(t, " isn't in ");
	put_value(t, n);
	say_elsewhere(t, n);
	if (n->gap)
		say_midstream(t, n);
}

static void say_match(struct text *t, const struct explain_note *n)
{
	const struct match *m = &n->list->matches[n->reached];
	bool content = m->kind == MATCH_CONTENT;

	put_option(t, n->rule, m->text_at);
	if (content && m->content.flags & CONTENT_NEGATED) {
		put(t, " must not be in ");
		put_value(t, n);
		if (n->place_known)
			put(t, ", but is at offset %zu", n->place);
		return;
	}
	put(t, content ? " isn't found in " : m->kind == MATCH_PCRE && m->pcre.negated ? " must not match " : " doesn't hold on ");
	put_value(t, n);
	if (n->reached > 0)
		put(t, "; what stands before it matched up to offset %zu", n->at);
	if (n->number_known)
		put(t, "; %" PRIu64 " was read at offset %zu", n->number, n->place);
	say_elsewhere(t, n);
}

static void say_condition(struct text *t, const struct explain_note *n)
{
	put_option(t, n->rule, n->condition < n->rule->condition_count ? n->rule->conditions[n->condition].text_at : 0);
	put(t, " doesn't hold");
}

static void say_waiting(struct text *t, const struct explain_note *n)
{
	if (n->list != NULL)
		put(t, "%s was never complete: the transaction didn't come so far", buffer_name(n->list));
	else if (n->condition < n->rule->condition_count) {
		put(t, "what ");
		put_option(t, n->rule, n->rule->conditions[n->condition].text_at);
		put(t, " asks for was never there");
	} else {
		put(t, "the transaction didn't come so far");
	}
	say_midstream(t, n);
}

static void say_threshold(struct text *t, const struct explain_note *n)
{
	const struct threshold *s = n->rule->thresholds;

	put(t, "it matched, but %s holds the alert back",
	    s != NULL && s->type == THRESHOLD_SUPPRESS ? "a suppress line of threshold.config" :
	    s != NULL && s->type == THRESHOLD_DETECTION ? "detection_filter" : "a threshold");
	if (s != NULL && s->type != THRESHOLD_SUPPRESS)
		put(t, " (count %u in %u seconds)", s->count, s->seconds);
}

static const char *const names[EXPLAIN_STOPS] = {
	[EXPLAIN_PROTO] = "transport", [EXPLAIN_NO_PAYLOAD] = "no_payload", [EXPLAIN_SIDE] = "direction",
	[EXPLAIN_ADDRESS] = "address", [EXPLAIN_PORT] = "port", [EXPLAIN_TURNED] = "turned", [EXPLAIN_EVENT] = "event",
	[EXPLAIN_IGNORED] = "ignored", [EXPLAIN_APP] = "protocol", [EXPLAIN_FAST] = "fast_pattern", [EXPLAIN_FLOW] = "flow",
	[EXPLAIN_WAITING] = "waiting", [EXPLAIN_CONDITION] = "condition", [EXPLAIN_NO_VALUE] = "no_value",
	[EXPLAIN_MATCH] = "match", [EXPLAIN_MATCHED] = "matched", [EXPLAIN_NOALERT] = "noalert",
	[EXPLAIN_THRESHOLD] = "threshold", [EXPLAIN_PASSED] = "passed", [EXPLAIN_LIMIT] = "limit", [EXPLAIN_ALERT] = "alert",
};

const char *explain_name(uint8_t stop)
{
	return stop < EXPLAIN_STOPS ? names[stop] : "?";
}

static void say(struct text *t, const struct explain_note *n)
{
	switch ((enum explain_stop)n->stop) {
	case EXPLAIN_PROTO:
	case EXPLAIN_ADDRESS:
	case EXPLAIN_PORT:
	case EXPLAIN_TURNED:
	case EXPLAIN_SIDE:
		say_header(t, n);
		break;
	case EXPLAIN_NO_PAYLOAD:
		put(t, "there is nothing in the packet that the rule could look at");
		break;
	case EXPLAIN_EVENT:
		put(t, "the packet has no such event");
		break;
	case EXPLAIN_IGNORED:
		put(t, "the flow isn't looked at any more: it was passed, dropped or bypassed%s", n->occurs ? "; the rule's fast "
		    "pattern is in there" : "");
		break;
	case EXPLAIN_APP:
		say_app(t, n);
		break;
	case EXPLAIN_FAST:
		say_fast(t, n);
		break;
	case EXPLAIN_FLOW:
		say_flow(t, n);
		break;
	case EXPLAIN_WAITING:
		say_waiting(t, n);
		break;
	case EXPLAIN_CONDITION:
		say_condition(t, n);
		break;
	case EXPLAIN_NO_VALUE:
		put(t, "there is no %s", buffer_name(n->list));
		say_elsewhere(t, n);
		break;
	case EXPLAIN_MATCH:
		say_match(t, n);
		break;
	case EXPLAIN_NOALERT:
		put(t, "it matched, but is noalert, pass or config: no alert is made");
		break;
	case EXPLAIN_THRESHOLD:
		say_threshold(t, n);
		break;
	case EXPLAIN_PASSED:
		put(t, "it matched, but a pass rule matched before it");
		break;
	case EXPLAIN_LIMIT:
		put(t, "it matched, but the packet had more alerts than packet-alert-max");
		break;
	case EXPLAIN_MATCHED:
	case EXPLAIN_ALERT:
	default:
		put(t, "it matched: alert");
		break;
	}
}

void explain_write(const struct explain_reason *reason, char *out, size_t size)
{
	struct text t = { out, size };

	*out = '\0';
	say(&t, &reason->first);
	put_example(&t, &reason->first);
}

static const struct explain_reason *reason_of(const struct explain *e, uint8_t stop)
{
	for (unsigned i = 0; i < e->reason_count; i++)
		if (e->reasons[i].first.stop == stop)
			return &e->reasons[i];
	return NULL;
}

const char *explain_verdict(const struct explain *e, char *out, size_t size)
{
	const struct explain_reason *best = e->reason_count ? &e->reasons[0] : NULL;
	struct text t = { out, size };

	*out = '\0';
	if (e->packets_of_proto == 0) {
		put(&t, "none of %" PRIu64 " packets is %.*s", e->packets, SLICE_ARG(header_word(e->rule, 1)));
		return "no_traffic";
	}
	if (best == NULL) {
		put(&t, "nothing that the rule could be judged on was seen");
		return "no_traffic";
	}
	if (best->first.stop == EXPLAIN_ALERT) {
		put(&t, "it alerted %" PRIu64 " time%s", best->count, best->count == 1 ? "" : "s");
		return explain_name(EXPLAIN_ALERT);
	}
	/* The header fits packets of one direction, flow asks for those of the other. */
	if (best->first.stop <= EXPLAIN_TURNED && reason_of(e, EXPLAIN_SIDE) && reason_of(e, EXPLAIN_TURNED)) {
		put(&t, "header and flow contradict each other: the header fits packets that go to the %s, flow:%s asks for the "
		    "others; turn one of them round", e->rule->flow & FLOW_TO_CLIENT ? "server" : "client",
		    e->rule->flow & FLOW_TO_CLIENT ? "to_client" : "to_server");
		return explain_name(EXPLAIN_TURNED);
	}
	explain_write(best, out, size);
	return explain_name(best->first.stop);
}
