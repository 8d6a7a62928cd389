/* misc.c - keywords that fit nowhere else. */
#include <errno.h>

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
		return rule_error(p, NULL, "prefilter stands here twice");
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
	if (p->has_bypass)
		return rule_error(p, NULL, "bypass stands here twice");
	p->has_bypass = true;
	p->rule->flags |= RULE_BYPASS | RULE_NEEDS_FLOW;
	return rule_condition_add(p, kw, NULL, STAGE_POST) != NULL ? 0 : -EINVAL;
}

static const struct keyword keywords[] = {
	{ .name = "ftpbounce", .summary = "FTP PORT that names another host", .flags = KEYWORD_NO_ARGUMENT,
	  .parse = ftpbounce_parse },
	{ .name = "prefilter", .summary = "search for the keyword before it first", .flags = KEYWORD_NO_ARGUMENT,
	  .parse = prefilter_parse },
	{ .name = "bypass", .summary = "look at the flow no longer", .flags = KEYWORD_NO_ARGUMENT, .parse = bypass_parse,
	  .match = bypass_match },
};

const struct keyword_table keywords_misc = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
