/* requires.c - a rule says what it needs of the engine; where that isn't given the rule isn't ours. */
#include "rules/requires.h"

#include <errno.h>

/* The language level: what Suricata release's rules we load. */
static const uint32_t our_version[3] = { 8, 0, 7 };

static bool version_read(struct slice text, uint32_t version[3])
{
	const uint8_t *dash = memchr(text.data, '-', text.len);
	struct slice part;
	unsigned n = 0;

	if (dash != NULL)
		text.len = (size_t)(dash - text.data);
	memset(version, 0, 3 * sizeof(*version));
	while (text_part(&text, '.', &part))
		if (n == 3 || !text_u32(part, UINT32_MAX, &version[n++]))
			return false;
	return n > 0;
}

static int version_compare(const uint32_t a[3], const uint32_t b[3])
{
	for (unsigned i = 0; i < 3; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

/* One comparison off the front of *text, ">= 7.0.3". -EINVAL: not one; else whether it holds. */
static int comparison_judge(struct slice *text)
{
	struct slice s = text_trim(*text), number;
	uint32_t version[3];
	bool less, equal;
	int order;

	if (s.len == 0 || (s.data[0] != '<' && s.data[0] != '>'))
		return -EINVAL;
	less = s.data[0] == '<';
	equal = s.len > 1 && s.data[1] == '=';
	s = text_trim(slice_skip(s, equal ? 2 : 1));
	number = s;
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == ' ' || s.data[i] == '<' || s.data[i] == '>') {
			number.len = i;
			break;
		}
	}
	*text = slice_of(s.data + number.len, s.len - number.len);
	if (!version_read(number, version))
		return -EINVAL;
	order = version_compare(our_version, version);
	if (equal && order == 0)
		return 1;
	return less ? order < 0 : order > 0;
}

/* Alternatives of comparisons: ">= 7.0.3 < 8 | >= 8.0.1". */
static int version_judge(struct slice text)
{
	struct slice alternative;
	int answer = 0;

	while (text_part(&text, '|', &alternative)) {
		int all = 1;

		do {
			int one = comparison_judge(&alternative);

			if (one < 0)
				return one;
			all &= one;
		} while (text_trim(alternative).len > 0);
		answer |= all;
	}
	return answer;
}

static bool feature_here(struct slice name)
{
	return text_listed("true ja3 ja4 geoip output::file-store", name);
}

static int requirement_judge(struct rule_parser *p, struct slice text, bool *version_seen)
{
	struct slice rest = text, word;
	int answer;

	if (!text_word(&rest, &word))
		return rule_error(p, text.data, "an empty requirement");
	rest = text_trim(rest);
	if (text_is(word, "version")) {
		if (*version_seen)
			return rule_error(p, text.data, "requires names a version twice");
		*version_seen = true;
		answer = version_judge(rest);
		if (answer < 0) {
			rule_hint(p, "write: requires: version >= 7.0.3 < 8 | >= 8.0.1;");
			return rule_error(p, rest.data, "this isn't a comparison of versions");
		}
		return answer;
	}
	if (text_is(word, "feature"))
		return feature_here(rest);
	if (text_is(word, "keyword"))
		return lexicon_find(p->parsed->lexicon, rest) != NULL;
	/* A requirement of engines to come: certainly not met. */
	return 0;
}

int requires_judge(struct rule_parser *p, struct slice options)
{
	struct option option;
	int skip = 0;

	if (memmem(options.data, options.len, "requires", 8) == NULL)
		return 0;
	while (option_next(&options, &option)) {
		struct slice rest = option.argument, part;
		bool version_seen = false;

		if (!text_is(option.name, "requires"))
			continue;
		p->keyword = option.name;
		if (rest.len == 0)
			return rule_error(p, NULL, "requires needs an argument");
		while (text_part(&rest, ',', &part)) {
			int met = requirement_judge(p, part, &version_seen);

			if (met < 0)
				return met;
			if (!met)
				skip = 1;
		}
	}
	return skip;
}
