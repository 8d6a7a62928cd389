/* meta.c - what a rule says about itself: no effect on what it matches. */
#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "rules/parser.h"

static int once(struct rule_parser *p, bool *seen)
{
	if (*seen)
		return rule_error(p, NULL, "%.*s stands here twice", SLICE_ARG(p->keyword));
	*seen = true;
	return 0;
}

/* Backslashes protect the character behind them. */
static struct slice unescape(struct rule_parser *p, struct slice s)
{
	uint8_t *out;
	size_t n = 0;

	if (memchr(s.data, '\\', s.len) == NULL)
		return s;
	out = rule_alloc(p, s.len + 1);
	if (out == NULL)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == '\\' && i + 1 < s.len)
			i++;
		out[n++] = s.data[i];
	}
	return slice_of(out, n);
}

static int msg_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	(void)kw;
	(void)negated;
	if (once(p, &p->has_msg) < 0)
		return -EINVAL;
	argument = unescape(p, argument);
	p->rule->msg = argument.data != NULL ? arena_copy(&p->parsed->arena, argument) : NULL;
	return p->rule->msg != NULL ? 0 : -ENOMEM;
}

static int number_parse(struct rule_parser *p, struct slice argument, bool *seen, uint32_t min, uint32_t max,
			uint32_t *out)
{
	if (once(p, seen) < 0)
		return -EINVAL;
	if (text_u32(argument, max, out) && *out >= min)
		return 0;
	rule_hint(p, "a number between %u and %u", min, max);
	return rule_error(p, argument.data, "%.*s can't be \"%.*s\"", SLICE_ARG(p->keyword), SLICE_ARG(argument));
}

static int sid_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	(void)kw;
	(void)negated;
	return number_parse(p, argument, &p->has_sid, 1, UINT32_MAX, &p->rule->sid);
}

static int rev_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	(void)kw;
	(void)negated;
	return number_parse(p, argument, &p->has_rev, 1, UINT32_MAX, &p->rule->rev);
}

static int gid_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	(void)kw;
	(void)negated;
	return number_parse(p, argument, &p->has_gid, 0, UINT32_MAX, &p->rule->gid);
}

static int priority_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	(void)kw;
	(void)negated;
	if (p->has_priority)
		rule_warning(p, NULL, "priority stands here twice: the last one counts");
	p->has_priority = false;
	return number_parse(p, argument, &p->has_priority, 0, INT32_MAX, &p->rule->priority);
}

static int classtype_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	const struct classification *c = classification_find(p->parsed, argument);
	struct rule *r = p->rule;

	(void)kw;
	(void)negated;
	if (p->has_classtype) {
		/* The more urgent one counts. */
		rule_warning(p, NULL, "classtype stands here twice: the one with the higher priority counts");
		if (c != NULL && c->priority >= p->classtype_priority)
			return 0;
	}
	p->has_classtype = true;
	if (c == NULL) {
		if (p->parsed->class_count > 0) {
			rule_hint(p, "name it in classification.config");
			rule_warning(p, argument.data, "unknown classtype \"%.*s\": priority 3", SLICE_ARG(argument));
		}
		r->classtype = arena_intern(&p->parsed->arena, argument);
		r->category = "";
		p->classtype_priority = 3;
		return r->classtype != NULL ? 0 : -ENOMEM;
	}
	r->classtype = c->name;
	r->category = c->description;
	p->classtype_priority = c->priority;
	return 0;
}

static bool has_scheme(struct slice text)
{
	size_t n = 0;

	while (n < text.len && (isalnum(text.data[n]) || memchr("+-.", text.data[n], 3) != NULL))
		n++;
	return n > 0 && text.len - n >= 3 && memcmp(text.data + n, "://", 3) == 0;
}

/* What stands before the identifier. Files of older releases say http:// of plain addresses: nobody serves that now. */
static const char *reference_prefix(const struct reference_system *system, struct slice text)
{
	if (system == NULL || (strcasecmp(system->name, "url") == 0 && has_scheme(text)))
		return "";
	return strcasecmp(system->name, "url") == 0 && strcmp(system->url, "http://") == 0 ? "https://" : system->url;
}

static int reference_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	const struct reference_system *system;
	struct rule_reference *ref;
	struct slice rest = argument, name;

	(void)kw;
	(void)negated;
	text_part(&rest, ',', &name);
	rest = text_trim(rest);
	if (name.len == 0 || rest.len == 0) {
		rule_hint(p, "write reference:system,identifier; for instance reference:cve,2021-44228;");
		return rule_error(p, argument.data, "a reference has a system and an identifier");
	}
	system = reference_find(p->parsed, name);
	if (system == NULL && p->parsed->system_count > 0) {
		rule_hint(p, "name it in reference.config");
		rule_warning(p, name.data, "unknown reference system \"%.*s\"", SLICE_ARG(name));
	}
	if (!parsed_grow((void **)&p->references, p->reference_count, &p->reference_cap, sizeof(*ref)))
		return -ENOMEM;
	ref = &p->references[p->reference_count++];
	ref->system = system != NULL ? system->name : arena_intern(&p->parsed->arena, name);
	ref->url = reference_prefix(system, rest);
	ref->text = arena_copy(&p->parsed->arena, rest);
	return ref->text != NULL && ref->system != NULL ? 0 : -ENOMEM;
}

static int metadata_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct slice rest = argument, part, key;

	(void)kw;
	(void)negated;
	while (text_part(&rest, ',', &part)) {
		struct rule_meta *meta;

		if (!text_word(&part, &key))
			continue;
		part = text_trim(part);
		if (!parsed_grow((void **)&p->metadata, p->metadata_count, &p->metadata_cap, sizeof(*meta)))
			return -ENOMEM;
		meta = &p->metadata[p->metadata_count++];
		meta->key = arena_intern(&p->parsed->arena, key);
		meta->value = arena_intern(&p->parsed->arena, part);
		if (meta->key == NULL || meta->value == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int target_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	const uint32_t both = RULE_TARGET_SRC | RULE_TARGET_DST;
	uint32_t flag;

	(void)kw;
	(void)negated;
	if (text_is(argument, "src_ip")) {
		flag = RULE_TARGET_SRC;
	} else if (text_is(argument, "dest_ip")) {
		flag = RULE_TARGET_DST;
	} else {
		rule_hint(p, "src_ip or dest_ip");
		return rule_error(p, argument.data, "target can't be \"%.*s\"", SLICE_ARG(argument));
	}
	if (p->rule->flags & both & ~flag)
		return rule_error(p, argument.data, "target names both sides");
	p->rule->flags |= flag;
	return 0;
}

static int noalert_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	(void)argument;
	(void)negated;
	if (strcmp(kw->name, "noalert") == 0) {
		p->rule->flags |= RULE_NOALERT;
		p->has_noalert = true;
	} else {
		p->rule->flags &= ~(uint32_t)RULE_NOALERT;
		p->rule->flags |= RULE_ALERT;
	}
	return 0;
}

/* Judged before anything else was read. */
static int requires_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	(void)p;
	(void)kw;
	(void)argument;
	(void)negated;
	return 0;
}

static const struct keyword keywords[] = {
	{ .name = "msg", .summary = "text of the alert", .flags = KEYWORD_META | KEYWORD_QUOTED, .parse = msg_parse },
	{ .name = "sid", .summary = "the rule's number", .flags = KEYWORD_META, .parse = sid_parse },
	{ .name = "rev", .summary = "revision of the rule", .flags = KEYWORD_META, .parse = rev_parse },
	{ .name = "gid", .summary = "group of rule numbers", .flags = KEYWORD_META, .parse = gid_parse },
	{ .name = "classtype", .summary = "class of the alert, from classification.config",
	  .flags = KEYWORD_META, .parse = classtype_parse },
	{ .name = "priority", .summary = "1 is the most urgent", .flags = KEYWORD_META, .parse = priority_parse },
	{ .name = "reference", .summary = "where to read more", .flags = KEYWORD_META, .parse = reference_parse },
	{ .name = "metadata", .summary = "pairs of key and value, shown in alerts", .flags = KEYWORD_META,
	  .parse = metadata_parse },
	{ .name = "target", .summary = "which side is the attack's target", .flags = KEYWORD_META, .parse = target_parse },
	{ .name = "noalert", .summary = "match, but don't alert", .flags = KEYWORD_META | KEYWORD_NO_ARGUMENT,
	  .parse = noalert_parse },
	{ .name = "alert", .summary = "alert, whatever the action", .flags = KEYWORD_META | KEYWORD_NO_ARGUMENT,
	  .parse = noalert_parse },
	{ .name = "requires", .summary = "what the engine must be able to do for this rule", .flags = KEYWORD_META,
	  .parse = requires_parse },
};

const struct keyword_table keywords_meta = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
