/* transforms.c - what a buffer's text goes through before it is matched. Each writes at most cap bytes. */
#include <errno.h>

#include "rules/parser.h"

static size_t copy_apply(struct slice in, uint8_t *out, size_t cap)
{
	size_t n = in.len < cap ? in.len : cap;

	if (n > 0)
		memcpy(out, in.data, n);
	return n;
}

static size_t dotprefix_apply(const void *data, struct slice in, uint8_t *out, size_t cap)
{
	(void)data;
	if (cap == 0 || in.len == 0)
		return 0;
	out[0] = '.';
	return 1 + copy_apply(in, out + 1, cap - 1);
}

struct transform_row {
	const char *name;
	size_t (*apply)(const void *data, struct slice in, uint8_t *out, size_t cap);
};

static const struct transform_row rows[] = {
	{ "dotprefix", dotprefix_apply },
};

static int transform_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	(void)negated;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, kw->name) == 0)
			return rule_transform_add(p, kw, rows[i].apply, NULL, argument);
	return -EINVAL;
}

#define TRANSFORM(n, what) { .name = n, .summary = what, .flags = KEYWORD_TRANSFORM | KEYWORD_NO_ARGUMENT, .parse = transform_parse }

static const struct keyword keywords[] = {
	TRANSFORM("dotprefix", "puts a dot in front, so that .example.com matches the name and what lies below it"),
};

const struct keyword_table keywords_transforms = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
