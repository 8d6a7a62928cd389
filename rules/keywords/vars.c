/* vars.c - what rules tell each other: flowbits, flowints, xbits, hostbits. */
#include <errno.h>

#include "rules/state.h"
#include "rules/parser.h"

#define NAMES_MAX 32
#define XBIT_EXPIRE_DEFAULT 30

enum verb { VERB_SET, VERB_UNSET, VERB_TOGGLE, VERB_ISSET, VERB_ISNOTSET, VERB_NOALERT, VERBS };
static const char *const verbs[VERBS] = { "set", "unset", "toggle", "isset", "isnotset", "noalert" };

static int verb_parse(struct rule_parser *p, struct slice word)
{
	for (int i = 0; i < VERBS; i++)
		if (text_is(word, verbs[i]))
			return i;
	rule_hint(p, "set, unset, toggle, isset, isnotset or noalert");
	return rule_error(p, word.data, "%.*s doesn't know \"%.*s\"", SLICE_ARG(p->keyword), SLICE_ARG(word));
}

static enum condition_stage verb_stage(int verb)
{
	return verb == VERB_ISSET || verb == VERB_ISNOTSET ? STAGE_STATE : STAGE_POST;
}

static int name_check(struct rule_parser *p, struct slice name)
{
	if (name.len == 0)
		return rule_error(p, name.data, "%.*s: a name is missing", SLICE_ARG(p->keyword));
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] == ' ' || name.data[i] == '\t')
			return rule_error(p, name.data, "the name \"%.*s\" has a blank in it", SLICE_ARG(name));
	return 0;
}

struct flowbits {
	uint8_t verb;
	uint8_t count;
	uint32_t ids[];
};

static bool flowbits_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct flowbits *f = data;

	(void)rule;
	if (in->flow == NULL)
		return false;
	for (unsigned i = 0; f->verb <= VERB_TOGGLE && i < f->count; i++) {
		if (f->verb == VERB_UNSET || (f->verb == VERB_TOGGLE && flow_bit_get(in, f->ids[i])))
			flow_bit_unset(in, f->ids[i]);
		else
			flow_bit_set(in, f->ids[i]);
	}
	if (f->verb <= VERB_TOGGLE)
		return true;
	/* Of several names isset means one of them, isnotset none of them. */
	for (unsigned i = 0; i < f->count; i++)
		if (flow_bit_get(in, f->ids[i]))
			return f->verb == VERB_ISSET;
	return f->verb == VERB_ISNOTSET;
}

static bool flowbit_names(const struct flowbits *f, uint32_t id)
{
	for (unsigned i = 0; i < f->count; i++)
		if (f->ids[i] == id)
			return true;
	return false;
}

/* "isset,a; isnotset,a" never holds; "set,a; unset,a" makes no sense. */
static void flowbits_conflict(struct rule_parser *p, const struct keyword *kw, const struct flowbits *f)
{
	static const uint8_t against[VERBS][VERBS] = {
		[VERB_SET] = { [VERB_UNSET] = 1, [VERB_TOGGLE] = 1, [VERB_ISSET] = 1 },
		[VERB_UNSET] = { [VERB_SET] = 1, [VERB_TOGGLE] = 1, [VERB_ISNOTSET] = 1 },
		[VERB_TOGGLE] = { [VERB_SET] = 1, [VERB_UNSET] = 1 },
		[VERB_ISSET] = { [VERB_SET] = 1, [VERB_ISNOTSET] = 2 },
		[VERB_ISNOTSET] = { [VERB_UNSET] = 1, [VERB_ISSET] = 2 },
	};

	for (unsigned i = 0; i < p->condition_count; i++) {
		const struct flowbits *other = p->conditions[i].data;
		uint8_t how;

		if (p->conditions[i].keyword != kw || f->count > 1 || other->count > 1 ||
		    !flowbit_names(other, f->ids[0]))
			continue;
		how = other->verb == f->verb ? 1 : against[f->verb][other->verb];
		if (how == 2)
			rule_warning(p, NULL, "flowbits %s and %s of one name: the rule never matches", verbs[other->verb],
				     verbs[f->verb]);
		if (how == 1)
			rule_warning(p, NULL, "flowbits %s and %s of one name in one rule", verbs[other->verb],
				     verbs[f->verb]);
	}
}

static int flowbits_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct slice rest = argument, word, names, name;
	struct flowbits *f;
	int verb;

	(void)negated;
	text_part(&rest, ',', &word);
	verb = verb_parse(p, word);
	if (verb < 0)
		return verb;
	if (verb == VERB_NOALERT) {
		if (rest.data != NULL)
			return rule_error(p, rest.data, "flowbits:noalert has no name");
		p->rule->flags |= RULE_NOALERT;
		return 0;
	}
	f = rule_alloc(p, sizeof(*f) + NAMES_MAX * sizeof(f->ids[0]));
	if (f == NULL)
		return -ENOMEM;
	f->verb = (uint8_t)verb;
	names = text_trim(rest);
	do {
		if (!text_part(&names, '|', &name))
			name = names;
		if (name_check(p, name) < 0)
			return -EINVAL;
		if (f->count == NAMES_MAX)
			return rule_error(p, name.data, "more than %d names", NAMES_MAX);
		if (f->count > 0 && verb_stage(verb) == STAGE_POST)
			rule_warning(p, name.data, "\"|\" is for isset and isnotset: here it means each of them");
		f->ids[f->count++] = rule_name(p, NAME_FLOWBIT, name, verb_stage(verb) == STAGE_POST,
					       verb_stage(verb) == STAGE_STATE);
	} while (names.data != NULL);
	flowbits_conflict(p, kw, f);
	p->rule->flags |= RULE_NEEDS_FLOW;
	return rule_condition_add(p, kw, f, verb_stage(verb)) != NULL ? 0 : -EINVAL;
}

enum int_verb { INT_ADD, INT_SUB, INT_ASSIGN, INT_LT, INT_LE, INT_EQ, INT_NE, INT_GE, INT_GT, INT_ISSET, INT_ISNOTSET };
static const struct { const char *text; uint8_t verb; } int_verbs[] = {
	{ "+", INT_ADD }, { "-", INT_SUB }, { "=", INT_ASSIGN }, { "<", INT_LT }, { "<=", INT_LE }, { "==", INT_EQ },
	{ "!=", INT_NE }, { ">=", INT_GE }, { ">", INT_GT }, { "isset", INT_ISSET }, { "notset", INT_ISNOTSET },
	{ "isnotset", INT_ISNOTSET },
};

struct flowint {
	uint32_t id;
	uint8_t verb;
	bool by_name;
	uint32_t operand;       /* a number, or an id */
};

static bool flowint_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct flowint *f = data;
	bool changes = f->verb == INT_ADD || f->verb == INT_SUB || f->verb == INT_ASSIGN;
	uint32_t v = f->operand;
	struct flow_int *own;

	(void)rule;
	if (in->flow == NULL)
		return false;
	if (f->by_name) {
		const struct flow_int *other = flow_int_of(in, f->operand, false);

		v = other != NULL ? other->value : 0;
	}
	own = flow_int_of(in, f->id, changes);
	if (f->verb == INT_ISSET || f->verb == INT_ISNOTSET)
		return (own != NULL) == (f->verb == INT_ISSET);
	if (own == NULL)
		return false;
	switch (f->verb) {
	case INT_ADD:
		own->value += v;
		return true;
	case INT_SUB:
		own->value = own->value > v ? own->value - v : 0;
		return true;
	case INT_ASSIGN:
		own->value = v;
		return true;
	case INT_LT:
		return own->value < v;
	case INT_LE:
		return own->value <= v;
	case INT_EQ:
		return own->value == v;
	case INT_NE:
		return own->value != v;
	case INT_GE:
		return own->value >= v;
	}
	return own->value > v;
}

static int flowint_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct flowint *f = rule_alloc(p, sizeof(*f));
	struct slice rest = argument, name, word, value = { 0 };
	bool reads, known = false;

	(void)negated;
	if (f == NULL)
		return -ENOMEM;
	text_part(&rest, ',', &name);
	if (name_check(p, name) < 0)
		return -EINVAL;
	if (name.len < 2) {
		rule_hint(p, "give it a longer name");
		return rule_error(p, name.data, "a flowint's name has two letters or more");
	}
	if (!text_part(&rest, ',', &word)) {
		rule_hint(p, "write flowint:NAME,+,1; or flowint:NAME,>,3; or flowint:NAME,isset;");
		return rule_error(p, argument.data, "flowint doesn't say what to do");
	}
	for (size_t i = 0; i < sizeof(int_verbs) / sizeof(int_verbs[0]); i++) {
		if (text_is_nocase(word, int_verbs[i].text)) {
			f->verb = int_verbs[i].verb;
			known = true;
		}
	}
	if (!known) {
		rule_hint(p, "+ - = < <= == != >= > isset notset");
		return rule_error(p, word.data, "flowint doesn't know \"%.*s\"", SLICE_ARG(word));
	}
	reads = f->verb > INT_ASSIGN;
	if (f->verb != INT_ISSET && f->verb != INT_ISNOTSET) {
		if (!text_part(&rest, ',', &value) || value.len == 0)
			return rule_error(p, word.data, "flowint: a number or a name is missing");
		if (!text_u32(value, UINT32_MAX, &f->operand)) {
			if (value.data[0] >= '0' && value.data[0] <= '9')
				return rule_error(p, value.data, "\"%.*s\" doesn't fit 32 bits", SLICE_ARG(value));
			f->by_name = true;
			f->operand = rule_name(p, NAME_FLOWINT, value, false, true);
		}
	}
	f->id = rule_name(p, NAME_FLOWINT, name, !reads, reads);
	p->rule->flags |= RULE_NEEDS_FLOW;
	return rule_condition_add(p, kw, f, reads ? STAGE_STATE : STAGE_POST) != NULL ? 0 : -EINVAL;
}

enum track { TRACK_SRC, TRACK_DST, TRACK_PAIR, TRACK_TX };
struct xbit {
	uint32_t id;
	uint8_t verb;
	uint8_t track;
	uint32_t expire;        /* seconds; 0 = never */
};

static struct table_key xbit_key(const struct inspect *in, const struct xbit *x)
{
	const struct packet *pkt = in->pkt;
	struct table_key key = { .kind = ENTRY_XBIT, .id = x->id, .gid = x->track == TRACK_PAIR,
				 .ip_version = pkt->ip_version };

	if (x->track == TRACK_SRC) {
		key.a = pkt->src;
	} else if (x->track == TRACK_DST) {
		key.a = pkt->dst;
	} else {
		bool order = memcmp(&pkt->src, &pkt->dst, sizeof(pkt->src)) < 0;

		key.a = order ? pkt->src : pkt->dst;
		key.b = order ? pkt->dst : pkt->src;
	}
	return key;
}

static bool tx_bit_match(struct inspect *in, const struct xbit *x)
{
	struct flow_vars *v = flow_vars_of(in, x->verb == VERB_SET);
	struct flow_tx_bit *bit;

	if (v == NULL || in->tx == NULL)
		return x->verb == VERB_ISNOTSET;
	for (unsigned i = 0; i < v->tx_bit_count; i++) {
		if (v->tx_bits[i].id != x->id || v->tx_bits[i].tx_id != in->tx->id)
			continue;
		if (x->verb == VERB_UNSET || x->verb == VERB_TOGGLE)
			v->tx_bits[i] = v->tx_bits[--v->tx_bit_count];
		return x->verb != VERB_ISNOTSET;
	}
	if (x->verb == VERB_SET || x->verb == VERB_TOGGLE) {
		bit = flow_vars_grow(in, (void **)&v->tx_bits, &v->tx_bit_count, &v->tx_bit_cap, sizeof(*bit), 1024);
		if (bit != NULL)
			*bit = (struct flow_tx_bit){ .tx_id = in->tx->id, .id = x->id };
	}
	return x->verb != VERB_ISSET;
}

static bool xbit_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct xbit *x = data;
	struct table_stripe *stripe;
	struct table_entry *e;
	struct table_key key;
	uint64_t hash;
	bool was;

	(void)rule;
	if (x->track == TRACK_TX)
		return tx_bit_match(in, x);
	if (in->pkt->ip_version == 0)
		return false;
	key = xbit_key(in, x);
	stripe = table_lock(&in->state->table, &key, &hash);
	e = table_find(stripe, hash, &key, in->now_ns);
	was = e != NULL;
	if (x->verb == VERB_SET || (x->verb == VERB_TOGGLE && !was)) {
		if (e == NULL)
			e = table_make(stripe, hash, &key);
		e->expires_ns = x->expire > 0 ? in->now_ns + x->expire * UINT64_C(1000000000) : 0;
	} else if (was && (x->verb == VERB_UNSET || x->verb == VERB_TOGGLE)) {
		table_drop(stripe, e);
	}
	table_unlock(stripe);
	if (x->verb == VERB_ISSET)
		return was;
	return x->verb != VERB_ISNOTSET || !was;
}

static int xbit_add(struct rule_parser *p, const struct keyword *kw, struct xbit *x, struct slice name)
{
	enum condition_stage stage = verb_stage(x->verb);

	x->id = rule_name(p, NAME_XBIT, name, stage == STAGE_POST, stage == STAGE_STATE);
	return rule_condition_add(p, kw, x, stage) != NULL ? 0 : -EINVAL;
}

static int xbits_track(struct rule_parser *p, struct slice part, struct xbit *x)
{
	static const char *const names[] = { "ip_src", "ip_dst", "ip_pair", "tx" };
	struct slice word, value = part;

	text_word(&value, &word);
	value = text_trim(value);
	for (unsigned i = 0; text_is(word, "track") && i < 4; i++) {
		if (text_is(value, names[i])) {
			x->track = (uint8_t)i;
			return 0;
		}
	}
	rule_hint(p, "track ip_src, track ip_dst, track ip_pair or track tx");
	return rule_error(p, part.data, "xbits has to say whose bit it is, not \"%.*s\"", SLICE_ARG(part));
}

static int xbits_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct xbit *x = rule_alloc(p, sizeof(*x));
	struct slice rest = argument, word, name, part;
	int verb;

	(void)negated;
	if (x == NULL)
		return -ENOMEM;
	text_part(&rest, ',', &word);
	verb = verb_parse(p, word);
	if (verb < 0)
		return verb;
	if (verb == VERB_NOALERT) {
		rule_hint(p, "write noalert;");
		return rule_error(p, word.data, "xbits has no noalert");
	}
	x->verb = (uint8_t)verb;
	x->expire = XBIT_EXPIRE_DEFAULT;
	if (!text_part(&rest, ',', &name))
		name = slice_of(NULL, 0);
	if (name_check(p, name) < 0)
		return -EINVAL;
	if (!text_part(&rest, ',', &part)) {
		rule_hint(p, "add track ip_src, track ip_dst, track ip_pair or track tx");
		return rule_error(p, argument.data, "xbits has to say whose bit it is");
	}
	if (xbits_track(p, part, x) < 0)
		return -EINVAL;
	if (text_part(&rest, ',', &part)) {
		text_word(&part, &word);
		if (!text_is(word, "expire") || !text_u32(text_trim(part), UINT32_MAX, &x->expire) || x->expire == 0) {
			rule_hint(p, "write expire SECONDS");
			return rule_error(p, word.data, "expire needs a number above 0");
		}
		if (x->track == TRACK_TX)
			return rule_error(p, word.data, "a bit of a transaction ends with it: expire has no use");
	}
	if (rest.data != NULL)
		return rule_error(p, rest.data, "xbits: this is too much");
	return xbit_add(p, kw, x, name);
}

static int hostbits_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct xbit *x = rule_alloc(p, sizeof(*x));
	struct slice rest = argument, word, name, part;
	int verb;

	(void)negated;
	if (x == NULL)
		return -ENOMEM;
	text_part(&rest, ',', &word);
	verb = verb_parse(p, word);
	if (verb < 0)
		return verb;
	if (verb == VERB_NOALERT) {
		p->rule->flags |= RULE_NOALERT;
		return 0;
	}
	x->verb = (uint8_t)verb;
	if (!text_part(&rest, ',', &name))
		name = slice_of(NULL, 0);
	if (name_check(p, name) < 0)
		return -EINVAL;
	if (text_part(&rest, ',', &part)) {
		if (text_is(part, "dst"))
			x->track = TRACK_DST;
		else if (!text_is(part, "src")) {
			rule_hint(p, "src or dst");
			return rule_error(p, part.data, "hostbits doesn't know the host \"%.*s\"", SLICE_ARG(part));
		}
	}
	return xbit_add(p, kw, x, name);
}

static const struct keyword keywords[] = {
	{ .name = "flowbits", .summary = "bits of a flow, by name", .flags = KEYWORD_STATE, .parse = flowbits_parse,
	  .match = flowbits_match },
	{ .name = "flowint", .summary = "numbers of a flow, by name", .flags = KEYWORD_STATE, .parse = flowint_parse,
	  .match = flowint_match },
	{ .name = "xbits", .summary = "bits of a host, a pair of hosts or a transaction, that expire",
	  .flags = KEYWORD_STATE, .parse = xbits_parse, .match = xbit_match },
	{ .name = "hostbits", .summary = "bits of a host", .flags = KEYWORD_STATE, .parse = hostbits_parse,
	  .match = xbit_match },
};

const struct keyword_table keywords_vars = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
