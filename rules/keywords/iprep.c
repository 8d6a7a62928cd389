/* iprep.c - iprep:any|src|dst|both, CATEGORY, isset|isnotset | OPERATOR, SCORE. */
#include <errno.h>

#include "analyzers/number.h"
#include "rules/inspect.h"
#include "rules/parser.h"
#include "rules/reputation.h"

enum who { WHO_ANY, WHO_SRC, WHO_DST, WHO_BOTH };
static const char *const names[] = { "any", "src", "dst", "both" };

struct iprep {
	const struct reputation *reputation;
	uint8_t who;
	uint8_t category;
	char what;              /* 's' isset, 'n' isnotset, 0 a test */
	struct number_test test;
};

static bool one_holds(const struct iprep *r, const struct inspect *in, const struct ip_addr *addr)
{
	int score = reputation_score(r->reputation, addr, in->pkt->ip_version, r->category);

	if (r->what == 'n')
		return score < 0;
	return score >= 0 && (r->what == 's' || number_test_match(&r->test, (uint64_t)score));
}

static bool iprep_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct iprep *r = data;
	bool src, dst;

	(void)rule;
	if (in->pkt->ip_version == 0)
		return false;
	src = r->who != WHO_DST && one_holds(r, in, &in->pkt->src);
	dst = r->who != WHO_SRC && one_holds(r, in, &in->pkt->dst);
	return r->who == WHO_BOTH || (r->who == WHO_ANY && r->what == 'n') ? src && dst : src || dst;
}

static int iprep_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct iprep *r = rule_alloc(p, sizeof(*r));
	struct slice rest = argument, who, category, op, score;
	char text[40];
	const char *error;
	int number;

	(void)negated;
	if (r == NULL)
		return -ENOMEM;
	text_part(&rest, ',', &who);
	while (r->who < 4 && !text_is(who, names[r->who]))
		r->who++;
	if (r->who == 4) {
		rule_hint(p, "any, src, dst or both");
		return rule_error(p, who.data, "iprep doesn't know the side \"%.*s\"", SLICE_ARG(who));
	}
	if (!text_part(&rest, ',', &category) || !text_part(&rest, ',', &op)) {
		rule_hint(p, "write iprep:src,CATEGORY,>,30;");
		return rule_error(p, argument.data, "iprep needs a side, a category, an operator and a score");
	}
	number = reputation_category(p->set->reputation, category);
	if (number < 0) {
		rule_hint(p, "categories stand in reputation-categories-file");
		return rule_error(p, category.data, "unknown reputation category \"%.*s\"", SLICE_ARG(category));
	}
	r->reputation = p->set->reputation;
	r->category = (uint8_t)number;
	if (text_is(op, "isset") || text_is(op, "isnotset")) {
		r->what = text_is(op, "isset") ? 's' : 'n';
	} else {
		if (!text_part(&rest, ',', &score) || op.len == 0 || op.len > 2 || score.len > 16)
			return rule_error(p, op.data, "iprep needs an operator and a score, isset or isnotset");
		snprintf(text, sizeof(text), "%.*s%.*s", SLICE_ARG(op), SLICE_ARG(score));
		if (!number_test_parse(&r->test, slice_str(text), 8, NULL, &error))
			return rule_error(p, op.data, "%s: %s", text, error);
	}
	if (rest.data != NULL)
		return rule_error(p, rest.data, "iprep: this is too much");
	return rule_condition_add(p, kw, r, STAGE_STATE) != NULL ? 0 : -EINVAL;
}

static const struct keyword keywords[] = {
	{ .name = "iprep", .summary = "reputation of an address", .flags = KEYWORD_STATE, .parse = iprep_parse,
	  .match = iprep_match },
};

const struct keyword_table keywords_iprep = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
