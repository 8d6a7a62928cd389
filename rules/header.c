/* header.c - action, protocol with hook, addresses, ports, direction. */
#include <errno.h>
#include <strings.h>

#include "rules/parser.h"

#define HEADER_FIELDS 7
static const char *const field_names[HEADER_FIELDS] = {
	"an action", "a protocol", "a source address", "a source port", "a direction", "a destination address",
	"a destination port",
};

/* Words end at blanks outside of brackets. */
static bool header_word(struct slice *rest, struct slice *word)
{
	struct slice s = text_trim(*rest);
	int depth = 0;
	size_t n;

	for (n = 0; n < s.len; n++) {
		uint8_t c = s.data[n];

		if (c == '[')
			depth++;
		else if (c == ']')
			depth--;
		else if ((c == ' ' || c == '\t') && depth <= 0)
			break;
	}
	*word = slice_of(s.data, n);
	*rest = slice_of(s.data + n, s.len - n);
	return n > 0;
}

static bool brackets_open(struct slice word)
{
	int depth = 0;

	for (size_t i = 0; i < word.len; i++)
		depth += word.data[i] == '[' ? 1 : word.data[i] == ']' ? -1 : 0;
	return depth != 0;
}

static int action_parse(struct rule_parser *p, struct slice word)
{
	static const struct {
		const char *name;
		uint8_t action;
	} actions[] = {
		{ "alert", ACTION_ALERT }, { "pass", ACTION_PASS }, { "drop", ACTION_DROP },
		{ "reject", ACTION_REJECT }, { "rejectsrc", ACTION_REJECT }, { "rejectdst", ACTION_REJECT_DST },
		{ "rejectboth", ACTION_REJECT_BOTH }, { "config", ACTION_CONFIG },
	};
	const char *nearest = NULL;
	unsigned best = 3;

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		unsigned distance = text_distance(word, slice_str(actions[i].name), best);

		if (text_is_nocase(word, actions[i].name)) {
			p->rule->action = actions[i].action;
			return 0;
		}
		if (distance < best) {
			best = distance;
			nearest = actions[i].name;
		}
	}
	if (nearest != NULL)
		rule_hint(p, "did you mean %s?", nearest);
	else
		rule_hint(p, "alert, pass, drop, reject, rejectsrc, rejectdst, rejectboth or config");
	return rule_error(p, word.data, "unknown action \"%.*s\"", SLICE_ARG(word));
}

static void proto_add(struct rule *r, unsigned proto)
{
	r->protos[proto / 8] |= (uint8_t)(1 << proto % 8);
}

struct transport_name {
	const char *name;
	int16_t protos[2];              /* -1: none, -2: all */
	uint8_t ip_versions;
	uint32_t flags;
	uint16_t ether_type;
};

static const struct transport_name transports[] = {
	{ "tcp", { 6, -1 }, 3, 0, 0 },
	{ "tcp-pkt", { 6, -1 }, 3, RULE_PACKET_ONLY | RULE_NEEDS_PACKET, 0 },
	{ "tcp-stream", { 6, -1 }, 3, RULE_STREAM_ONLY, 0 },
	{ "udp", { 17, -1 }, 3, 0, 0 },
	{ "sctp", { 132, -1 }, 3, 0, 0 },
	{ "igmp", { 2, -1 }, 3, 0, 0 },
	{ "esp", { 50, -1 }, 3, 0, 0 },
	{ "gre", { 47, -1 }, 3, 0, 0 },
	{ "icmp", { 1, 58 }, 3, 0, 0 },
	{ "icmpv4", { 1, -1 }, 3, 0, 0 },
	{ "icmpv6", { 58, -1 }, 3, 0, 0 },
	{ "ip", { -2, -1 }, 3, 0, 0 },
	{ "ip4", { -2, -1 }, 1, 0, 0 },
	{ "ipv4", { -2, -1 }, 1, 0, 0 },
	{ "ip6", { -2, -1 }, 2, 0, 0 },
	{ "ipv6", { -2, -1 }, 2, 0, 0 },
	{ "pkthdr", { -2, -1 }, 3, RULE_PKTHDR | RULE_NEEDS_PACKET, 0 },
	{ "ether", { -2, -1 }, 3, RULE_PKTHDR | RULE_NEEDS_PACKET | RULE_ETHER, 0 },
	{ "arp", { -1, -1 }, 0, RULE_PKTHDR | RULE_NEEDS_PACKET | RULE_ETHER, 0x0806 },
};

static bool transport_apply(struct rule_parser *p, struct slice name)
{
	struct rule *r = p->rule;

	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
		const struct transport_name *t = &transports[i];

		if (!text_is_nocase(name, t->name))
			continue;
		r->ip_versions = t->ip_versions;
		r->flags |= t->flags;
		r->ether_type = t->ether_type;
		if (t->protos[0] == -2)
			memset(r->protos, 0xff, sizeof(r->protos));
		for (int k = 0; k < 2; k++)
			if (t->protos[k] >= 0)
				proto_add(r, (unsigned)t->protos[k]);
		return true;
	}
	return false;
}

static int packet_hook(struct rule_parser *p, struct slice hook)
{
	static const char *const names[] = { "all", "flow_start", "pre_flow", "pre_stream" };

	for (unsigned i = 0; i < 4; i++) {
		if (text_is(hook, names[i])) {
			p->rule->pkt_hook = (uint8_t)(PKT_HOOK_ALL + i);
			p->rule->flags |= RULE_NEEDS_PACKET;
			return 0;
		}
	}
	rule_hint(p, "the hooks of packets are all, flow_start, pre_flow and pre_stream");
	return rule_error(p, hook.data, "unknown hook \"%.*s\"", SLICE_ARG(hook));
}

int rule_app_state(struct rule_parser *p, const struct analyzer *an, struct slice name, uint8_t *which, uint8_t *progress)
{
	static const char *const common[2][2] = { { "request_started", "request_complete" },
						  { "response_started", "response_complete" } };
	char known[200];
	size_t len = 0;
	uint8_t none;

	for (unsigned side = 0; side < 2; side++) {
		const char *const *state = an->states[side];

		*(which ? which : &none) = (uint8_t)side;
		for (uint8_t i = 0; state != NULL && state[i] != NULL; i++) {
			*progress = i;
			if (text_is(name, state[i]))
				return 0;
			if (len < sizeof(known))
				len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", len ? ", " : "",
							state[i]);
		}
		*progress = 0;
		if (text_is(name, common[side][0]))
			return 0;
		*progress = an->complete[side];
		if (text_is(name, common[side][1]))
			return 0;
	}
	rule_hint(p, "known are %s", len ? known : "request_started, request_complete, response_started, response_complete");
	return rule_error(p, name.data, "%s has no state \"%.*s\"", an->name, SLICE_ARG(name));
}

static int unknown_protocol(struct rule_parser *p, struct slice name)
{
	const char *nearest = NULL;
	unsigned best = name.len < 4 ? 2 : 3;

	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
		unsigned d = text_distance(name, slice_str(transports[i].name), best);

		if (d < best) {
			best = d;
			nearest = transports[i].name;
		}
	}
	for (unsigned i = 0; i < analyzer_count(); i++) {
		unsigned d = text_distance(name, slice_str(analyzer_at(i)->name), best);

		if (d < best) {
			best = d;
			nearest = analyzer_at(i)->name;
		}
	}
	if (nearest != NULL)
		rule_hint(p, "did you mean %s?", nearest);
	else
		rule_hint(p, "tapir analyzers list shows the protocols there are");
	return rule_error(p, name.data, "unknown protocol \"%.*s\"", SLICE_ARG(name));
}

static int protocol_parse(struct rule_parser *p, struct slice word)
{
	struct slice rest = word, name;
	const struct analyzer *an;
	char text[64];

	text_part(&rest, ':', &name);
	if (transport_apply(p, name))
		return rest.data != NULL ? packet_hook(p, rest) : 0;
	if (name.len >= sizeof(text))
		return unknown_protocol(p, name);
	for (size_t i = 0; i < name.len; i++)
		text[i] = (char)(name.data[i] >= 'A' && name.data[i] <= 'Z' ? name.data[i] + 32 : name.data[i]);
	text[name.len] = '\0';
	an = analyzer_find(text);
	if (an == NULL)
		return unknown_protocol(p, name);
	if (p->load->app != NULL && !app_enabled(p->load->app, an)) {
		rule_hint(p, "set app-layer.protocols.%s.enabled", an->conf ? an->conf : an->name);
		return rule_error(p, name.data, "the protocol %s is switched off", an->name);
	}
	p->rule->app = an;
	p->rule->app_name = arena_intern(&p->parsed->arena, slice_str(text));
	p->rule->app_any_version = strcmp(text, "http1") != 0;
	p->header_http1 = strcmp(text, "http1") == 0;
	p->header_app = p->rule->app_name;
	p->rule->ip_versions = 3;
	if (an->transports & TRANSPORT_TCP)
		proto_add(p->rule, 6);
	if (an->transports & TRANSPORT_UDP)
		proto_add(p->rule, 17);
	if (rest.data == NULL)
		return 0;
	p->rule->flags |= RULE_HOOK | RULE_NEEDS_TX;
	return rule_app_state(p, an, rest, &p->rule->hook_side, &p->rule->hook_progress);
}

static int direction_parse(struct rule_parser *p, struct slice word)
{
	if (text_is(word, "->"))
		return 0;
	if (text_is(word, "<>")) {
		p->rule->flags |= RULE_BIDIRECTIONAL;
		return 0;
	}
	if (text_is(word, "=>")) {
		p->rule->flags |= RULE_TX_BOTH;
		p->direction_at = word.data;
		return 0;
	}
	if (text_is(word, "<-"))
		rule_hint(p, "turn source and destination round and write ->");
	else
		rule_hint(p, "-> or <> or =>");
	return rule_error(p, word.data, "\"%.*s\" isn't a direction", SLICE_ARG(word));
}

int rule_header_parse(struct rule_parser *p, struct slice header)
{
	struct slice words[HEADER_FIELDS], rest = header, extra;
	int err;

	for (int i = 0; i < HEADER_FIELDS; i++) {
		if (!header_word(&rest, &words[i])) {
			if (i > 0 && brackets_open(words[i - 1]))
				return rule_error(p, words[i - 1].data, "the brackets of %s don't pair up",
						  field_names[i - 1]);
			rule_hint(p, "the header is: action protocol source ports -> destination ports");
			return rule_error(p, rest.data, "%s is missing in the header", field_names[i]);
		}
	}
	if (header_word(&rest, &extra)) {
		rule_hint(p, "the header is: action protocol source ports -> destination ports; lists stand in brackets");
		return rule_error(p, extra.data, "\"%.*s\" is too much in the header", SLICE_ARG(extra));
	}
	for (int i = 0; i < HEADER_FIELDS; i++)
		if (brackets_open(words[i]))
			return rule_error(p, words[i].data, "the brackets of %s don't pair up", field_names[i]);
	p->keyword = words[0];
	err = action_parse(p, words[0]);
	if (err == 0)
		err = protocol_parse(p, words[1]);
	if (err == 0)
		err = direction_parse(p, words[4]);
	if (err < 0)
		return err;
	p->rule->src = addr_set_parse(p, words[2]);
	if (p->rule->src == NULL)
		return -EINVAL;
	p->rule->src_ports = port_set_parse(p, words[3]);
	if (p->rule->src_ports == NULL)
		return -EINVAL;
	p->rule->dst = addr_set_parse(p, words[5]);
	if (p->rule->dst == NULL)
		return -EINVAL;
	p->rule->dst_ports = port_set_parse(p, words[6]);
	return p->rule->dst_ports != NULL ? 0 : -EINVAL;
}
