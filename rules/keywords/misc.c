/* misc.c - keywords that fit nowhere else. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "rules/inspect.h"
#include "rules/parser.h"

/* FTP: "PORT a,b,c,d,p,q" with an address that isn't the client's. */
static bool ftpbounce_test(const struct inspect *in, const void *data, struct slice buffer)
{
	uint8_t octets[4] = { 0 };
	unsigned n = 0, value = 0;
	bool digits = false;

	(void)data;
	if (in->flow == NULL || in->flow->key.ip_version != 4)
		return false;
	if (buffer.len < 6 || (memcmp(buffer.data, "PORT ", 5) != 0 && memcmp(buffer.data, "port ", 5) != 0))
		return false;
	for (size_t i = 5; i < buffer.len && n < 4; i++) {
		uint8_t c = buffer.data[i];

		if (c >= '0' && c <= '9') {
			value = value * 10 + (unsigned)(c - '0');
			digits = true;
			if (value > 255)
				return false;
		} else if (c == ',' && digits) {
			octets[n++] = (uint8_t)value;
			value = 0;
			digits = false;
		} else if (c != ' ') {
			return false;
		}
	}
	return n == 4 && memcmp(octets, in->flow->key.addr[0].bytes, 4) != 0;
}

static int ftpbounce_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	const struct analyzer *ftp = analyzer_find("ftp");
	struct match *m;

	(void)argument;
	(void)negated;
	if (ftp != NULL && rule_app_require(p, ftp, NULL) < 0)
		return -EINVAL;
	m = rule_match_add(p, rule_list(p), MATCH_CUSTOM);
	if (m == NULL)
		return -EINVAL;
	m->custom.keyword = kw;
	m->custom.test = ftpbounce_test;
	return 0;
}

static int prefilter_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct list_builder *l = p->sticky && p->current >= 0 ? &p->lists[p->current] :
				 p->last_list >= 0 ? &p->lists[p->last_list] : NULL;

	(void)kw;
	(void)argument;
	(void)negated;
	if (p->has_prefilter)
		rule_warning(p, NULL, "prefilter stands here twice");
	if (l == NULL && p->condition_count == 0)
		return rule_error(p, NULL, "prefilter has nothing before it");
	p->has_prefilter = true;
	p->rule->flags |= RULE_PREFILTER;
	/* Behind a content it is what fast_pattern is. */
	if (l != NULL && l->count > 0 && l->matches[l->count - 1].kind == MATCH_CONTENT && !p->has_fast) {
		l->matches[l->count - 1].content.flags |= CONTENT_FAST;
		p->has_fast = true;
	}
	return 0;
}

static bool bypass_match(struct inspect *in, const struct rule *rule, const void *data)
{
	(void)rule;
	(void)data;
	if (in->flow != NULL)
		in->flow->no_inspect = true;
	return true;
}

static int bypass_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	(void)argument;
	(void)negated;
	if (p->has_bypass) {
		rule_warning(p, NULL, "bypass stands here twice");
		return 0;
	}
	p->has_bypass = true;
	p->rule->flags |= RULE_BYPASS | RULE_NEEDS_FLOW;
	return rule_condition_add(p, kw, NULL, STAGE_POST) != NULL ? 0 : -EINVAL;
}

/* config: logging disable, type tx, scope tx */
static bool config_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const bool *flow = data;

	(void)rule;
	if (in->tx != NULL)
		in->tx->recorded = true;
	for (struct tx *tx = *flow && in->analysis != NULL ? in->analysis->tx_first : NULL; tx != NULL; tx = tx->next)
		tx->recorded = true;
	return true;
}

static int config_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	static const char *const known[][3] = {
		{ "logging", "disable", NULL }, { "type", "tx", NULL }, { "type", "flow", NULL },
		{ "scope", "tx", NULL }, { "scope", "flow", NULL },
	};
	bool *flow = rule_alloc(p, sizeof(*flow));
	struct slice rest = argument, part, word;

	(void)negated;
	if (flow == NULL)
		return -ENOMEM;
	while (text_part(&rest, ',', &part)) {
		bool found = false;

		text_word(&part, &word);
		part = text_trim(part);
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			found = found || (text_is(word, known[i][0]) && text_is(part, known[i][1]));
		if (!found) {
			rule_hint(p, "write config:logging disable, type tx, scope tx;");
			return rule_error(p, word.data, "config doesn't know \"%.*s %.*s\"", SLICE_ARG(word), SLICE_ARG(part));
		}
		if (text_is(word, "scope") && text_is(part, "flow"))
			*flow = true;
	}
	p->rule->flags |= RULE_NEEDS_FLOW;
	return rule_condition_add(p, kw, flow, STAGE_POST) != NULL ? 0 : -EINVAL;
}

/* entropy: [bytes N,] [offset N,] value OP NUMBER */
struct entropy {
	uint32_t bytes, offset;
	char op;                /* = ! < > l g r */
	double a, b;
};

static double entropy_of(struct slice s)
{
	uint32_t counts[256] = { 0 };
	double sum = 0;

	for (size_t i = 0; i < s.len; i++)
		counts[s.data[i]]++;
	for (int i = 0; i < 256; i++) {
		double share = s.len > 0 ? (double)counts[i] / (double)s.len : 0;

		if (share > 0)
			sum -= share * log2(share);
	}
	return sum;
}

static bool entropy_test(const struct inspect *in, const void *data, struct slice buffer)
{
	const struct entropy *e = data;
	double v;

	(void)in;
	if (e->offset > buffer.len)
		return false;
	buffer = slice_skip(buffer, e->offset);
	if (e->bytes > 0)
		buffer = slice_head(buffer, e->bytes);
	v = entropy_of(buffer);
	switch (e->op) {
	case '<':
		return v < e->a;
	case '>':
		return v > e->a;
	case 'l':
		return v <= e->a;
	case 'g':
		return v >= e->a;
	case '!':
		return fabs(v - e->a) > 1e-9;
	case 'r':
		return v > e->a && v < e->b;
	}
	return fabs(v - e->a) <= 1e-9;
}

static bool real_read(struct slice text, double *out)
{
	char copy[32], *end;

	snprintf(copy, sizeof(copy), "%.*s", SLICE_ARG(text));
	*out = strtod(copy, &end);
	return text.len > 0 && text.len < sizeof(copy) && *end == '\0' && *out >= 0 && *out <= 8;
}

static int entropy_value(struct rule_parser *p, struct slice text, struct entropy *e)
{
	static const struct { const char *text; char op; } ops[] = {
		{ "<=", 'l' }, { ">=", 'g' }, { "!=", '!' }, { "==", '=' }, { "<", '<' }, { ">", '>' }, { "=", '=' }, { "!", '!' },
	};
	const uint8_t *dash = memchr(text.data, '-', text.len);
	struct slice s = text;

	e->op = '=';
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (text_starts(s, ops[i].text)) {
			e->op = ops[i].op;
			s = text_trim(slice_skip(s, strlen(ops[i].text)));
			break;
		}
	}
	if (dash != NULL && e->op == '=') {
		e->op = 'r';
		if (real_read(text_trim(slice_of(text.data, (size_t)(dash - text.data))), &e->a) &&
		    real_read(text_trim(slice_skip(text, (size_t)(dash - text.data) + 1)), &e->b) && e->a < e->b)
			return 0;
	} else if (real_read(s, &e->a)) {
		return 0;
	}
	rule_hint(p, "a number between 0 and 8, with < <= > >= = != before, or a range");
	return rule_error(p, text.data, "\"%.*s\" isn't a test on entropy", SLICE_ARG(text));
}

static int entropy_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct entropy *e = rule_alloc(p, sizeof(*e));
	struct slice rest = argument, part, word;
	bool value = false;
	struct match *m;

	(void)negated;
	if (e == NULL)
		return -ENOMEM;
	while (text_part(&rest, ',', &part)) {
		text_word(&part, &word);
		part = text_trim(part);
		if (text_is(word, "value")) {
			value = true;
			if (entropy_value(p, part, e) < 0)
				return -EINVAL;
		} else if (!((text_is(word, "bytes") && text_u32(part, 65535, &e->bytes)) ||
			     (text_is(word, "offset") && text_u32(part, 65535, &e->offset)))) {
			rule_hint(p, "bytes N, offset N, value >= 6");
			return rule_error(p, word.data, "entropy doesn't know \"%.*s %.*s\"", SLICE_ARG(word), SLICE_ARG(part));
		}
	}
	if (!value)
		return rule_error(p, argument.data, "entropy needs a value");
	m = rule_match_add(p, rule_list(p), MATCH_CUSTOM);
	if (m == NULL)
		return -EINVAL;
	m->custom.keyword = kw;
	m->custom.data = e;
	m->custom.test = entropy_test;
	return 0;
}

/* rpc: program, [version|*], [procedure|*] of a call. */
struct rpc {
	uint32_t want[3];
	bool any[3];
};

static bool rpc_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct rpc *r = data;
	struct reader s = reader_slice(in->pkt->payload);

	(void)rule;
	if (in->pkt->proto == 6)
		reader_skip(&s, 4);             /* record mark */
	reader_skip(&s, 4);                     /* transaction id */
	if (read_be32(&s) != 0 || read_be32(&s) != 2)
		return false;                   /* a call, RPC version 2 */
	for (int i = 0; i < 3; i++) {
		uint32_t v = read_be32(&s);

		if (s.ran_out || (!r->any[i] && v != r->want[i]))
			return false;
	}
	return true;
}

static int rpc_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct rpc *r = rule_alloc(p, sizeof(*r));
	struct slice rest = argument, part;

	(void)negated;
	if (r == NULL)
		return -ENOMEM;
	for (int i = 0; i < 3; i++) {
		r->any[i] = true;
		if (!text_part(&rest, ',', &part) || text_is(part, "*"))
			continue;
		r->any[i] = false;
		if (!text_u32(part, UINT32_MAX, &r->want[i])) {
			rule_hint(p, "write rpc:PROGRAM,VERSION,PROCEDURE; with * for any");
			return rule_error(p, part.data, "\"%.*s\" isn't a number", SLICE_ARG(part));
		}
	}
	if (r->any[0] || rest.data != NULL)
		return rule_error(p, argument.data, "rpc has a program, a version and a procedure");
	p->rule->flags |= RULE_NEEDS_PACKET;
	return rule_condition_add(p, kw, r, STAGE_PACKET) != NULL ? 0 : -EINVAL;
}

static int lua_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	(void)argument;
	(void)negated;
	rule_hint(p, "write a script that subscribes to the event and raises the alert");
	return rule_error(p, NULL, "rules can't run Lua (%s)", kw->name);
}

/* Marks for a firewall that isn't there. */
static int inert_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	(void)argument;
	(void)negated;
	rule_warning(p, NULL, "%s has no effect here", kw->name);
	return 0;
}

static const struct keyword keywords[] = {
	{ .name = "ftpbounce", .summary = "FTP PORT that names another host", .flags = KEYWORD_NO_ARGUMENT,
	  .parse = ftpbounce_parse },
	{ .name = "prefilter", .summary = "search for the keyword before it first", .flags = KEYWORD_NO_ARGUMENT,
	  .parse = prefilter_parse },
	{ .name = "bypass", .summary = "look at the flow no longer", .flags = KEYWORD_NO_ARGUMENT, .parse = bypass_parse,
	  .match = bypass_match },
	{ .name = "config", .summary = "switch the record of a transaction off", .parse = config_parse, .match = config_match },
	{ .name = "entropy", .summary = "how random the buffer's bytes are", .parse = entropy_parse },
	{ .name = "rpc", .summary = "program, version and procedure of an RPC call", .flags = KEYWORD_PACKET,
	  .parse = rpc_parse, .match = rpc_match },
	{ .name = "lua", .aliases = "luajit", .summary = "refused: rules can't run Lua", .parse = lua_parse },
	{ .name = "nfq_set_mark", .summary = "without effect", .parse = inert_parse },
};

const struct keyword_table keywords_misc = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
