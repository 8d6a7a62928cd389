/* limits.c - how often a rule alerts, and what is recorded after it did. */
#include <errno.h>

#include "rules/state.h"
#include "rules/threshold.h"

/* Without a limit of its own. */
#define TAG_PACKETS_DEFAULT 256

static void threshold_hang(struct rule *r, struct threshold *t)
{
	struct threshold **at = &r->thresholds;

	while (*at != NULL)
		at = &(*at)->next;
	*at = t;
}

static int threshold_keyword(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	bool filter = strcmp(kw->name, "detection_filter") == 0;
	struct threshold *t = rule_alloc(p, sizeof(*t));
	bool *own = filter ? &p->has_detection_filter : &p->has_threshold;

	(void)negated;
	if (t == NULL)
		return -ENOMEM;
	/* Behind a sticky buffer Suricata doesn't see the first one, and published rules have two: both count. */
	if (*own && !p->sticky)
		return rule_error(p, NULL, "a rule can't have more than one %s", kw->name);
	if (*own)
		rule_warning(p, NULL, "%s stands here twice: both are applied", kw->name);
	if (filter ? p->has_threshold : p->has_detection_filter)
		return rule_error(p, NULL, "threshold and detection_filter can't stand in one rule");
	*own = true;
	if (threshold_parse(p, argument, filter ? 0 : UINT32_MAX, t) < 0)
		return -EINVAL;
	threshold_hang(p->rule, t);
	return 0;
}

static bool tag_match(struct inspect *in, const struct rule *rule, const void *data)
{
	rule_tag_set(in, rule, data);
	return true;
}

/* "session|host[, N, packets|seconds|bytes[, src|dst]]" */
static int tag_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	static const char *const metrics[] = { "packets", "seconds", "bytes" };
	struct tag_spec *t = rule_alloc(p, sizeof(*t));
	struct slice rest = argument, part;

	(void)negated;
	if (t == NULL)
		return -ENOMEM;
	text_part(&rest, ',', &part);
	if (!text_is(part, "session") && !text_is(part, "host")) {
		rule_hint(p, "session or host");
		return rule_error(p, part.data, "tag doesn't know \"%.*s\"", SLICE_ARG(part));
	}
	t->host = text_is(part, "host");
	t->count = TAG_PACKETS_DEFAULT;
	t->dst = true;
	if (text_part(&rest, ',', &part)) {
		if (!text_u32(part, UINT32_MAX, &t->count))
			return rule_error(p, part.data, "tag needs a number here");
		if (!text_part(&rest, ',', &part))
			return rule_error(p, argument.data, "tag: packets, seconds or bytes is missing");
		while (t->metric < 3 && !text_is(part, metrics[t->metric]))
			t->metric++;
		if (t->metric == 3) {
			rule_hint(p, "packets, seconds or bytes");
			return rule_error(p, part.data, "tag doesn't count \"%.*s\"", SLICE_ARG(part));
		}
	}
	if (text_part(&rest, ',', &part)) {
		if (!t->host)
			rule_warning(p, part.data, "a direction is for tag:host");
		if (!text_is(part, "src") && !text_is(part, "dst"))
			return rule_error(p, part.data, "src or dst expected, not \"%.*s\"", SLICE_ARG(part));
		t->dst = text_is(part, "dst");
	}
	p->set->has_tags = true;
	return rule_condition_add(p, kw, t, STAGE_POST) != NULL ? 0 : -EINVAL;
}

static const struct keyword keywords[] = {
	{ .name = "threshold", .summary = "how often to alert", .flags = KEYWORD_STATE, .parse = threshold_keyword },
	{ .name = "detection_filter", .summary = "alert only from so many matches on", .flags = KEYWORD_STATE,
	  .parse = threshold_keyword },
	{ .name = "tag", .summary = "record packets that follow", .flags = KEYWORD_STATE, .parse = tag_parse,
	  .match = tag_match },
};

const struct keyword_table keywords_limits = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
