/* lexicon.c - one hash table over keyword tables and field tables. The first to claim a word has it:
 * keywords before fields. */
#include "rules/lexicon.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/text.h"

struct lexicon {
	struct hash_key key;
	struct word *words;             /* open addressing; name NULL = free */
	uint32_t count, cap;
	const struct word *letters[128];
};

static struct word *slot_of(const struct lexicon *l, const char *name, size_t len)
{
	uint32_t at = (uint32_t)hash_bytes(&l->key, name, len) & (l->cap - 1);

	while (l->words[at].name != NULL &&
	       (l->words[at].len != len || memcmp(l->words[at].name, name, len) != 0))
		at = (at + 1) & (l->cap - 1);
	return &l->words[at];
}

static int lexicon_grow(struct lexicon *l)
{
	struct word *old = l->words;
	uint32_t old_cap = l->cap;

	l->cap = old_cap ? old_cap * 2 : 1024;
	l->words = calloc(l->cap, sizeof(*l->words));
	if (l->words == NULL) {
		l->words = old;
		l->cap = old_cap;
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < old_cap; i++)
		if (old[i].name != NULL)
			*slot_of(l, old[i].name, old[i].len) = old[i];
	free(old);
	return 0;
}

static int lexicon_add(struct lexicon *l, struct slice name, const struct word *meaning)
{
	struct word *w;

	if (name.len == 0 || name.len > UINT16_MAX)
		return 0;
	if ((l->count + 1) * 2 > l->cap && lexicon_grow(l) < 0)
		return -ENOMEM;
	w = slot_of(l, (const char *)name.data, name.len);
	if (w->name != NULL)
		return 0;
	*w = *meaning;
	w->name = (const char *)name.data;
	w->len = (uint16_t)name.len;
	l->count++;
	return 0;
}

static int lexicon_add_list(struct lexicon *l, const char *names, const struct word *meaning)
{
	struct slice rest, name;

	if (names == NULL)
		return 0;
	rest = slice_str(names);
	while (text_word(&rest, &name))
		if (lexicon_add(l, name, meaning) < 0)
			return -ENOMEM;
	return 0;
}

static int lexicon_fill_fields(struct lexicon *l, const struct field *fields, unsigned count, const struct analyzer *an)
{
	/* A legacy modifier may be among the aliases, too: it is the modifier. */
	for (unsigned i = 0; i < count; i++) {
		struct word word = { .kind = WORD_MODIFIER, .field = &fields[i], .analyzer = an };

		if (lexicon_add_list(l, word.field->modifier, &word) < 0)
			return -ENOMEM;
		word.kind = WORD_FIELD;
		if (lexicon_add_list(l, word.field->name, &word) < 0 ||
		    lexicon_add_list(l, word.field->aliases, &word) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int lexicon_fill(struct lexicon *l)
{
	unsigned common_count;
	const struct field *common = fields_common(&common_count);

	for (unsigned t = 0; t < keyword_table_count; t++) {
		for (unsigned i = 0; i < keyword_tables[t]->count; i++) {
			const struct keyword *kw = &keyword_tables[t]->keywords[i];
			struct word word = { .kind = WORD_KEYWORD, .keyword = kw };

			if (lexicon_add_list(l, kw->name, &word) < 0 || lexicon_add_list(l, kw->aliases, &word) < 0)
				return -ENOMEM;
		}
	}
	/* What every protocol with files has belongs to none. */
	if (lexicon_fill_fields(l, common, common_count, NULL) < 0)
		return -ENOMEM;
	for (unsigned a = 0; a < analyzer_count(); a++)
		if (lexicon_fill_fields(l, analyzer_at(a)->fields, analyzer_at(a)->field_count, analyzer_at(a)) < 0)
			return -ENOMEM;
	return 0;
}

int lexicon_new(struct lexicon **out)
{
	struct lexicon *l = calloc(1, sizeof(*l));

	*out = NULL;
	if (l == NULL)
		return -ENOMEM;
	if (hash_key_random(&l->key) < 0 || lexicon_fill(l) < 0) {
		lexicon_free(l);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < l->cap; i++) {
		const struct word *w = &l->words[i];
		uint8_t letter = w->name != NULL && w->field != NULL ? (uint8_t)w->field->pcre_letter : 0;

		if (letter > 0 && letter < 128 && w->kind == WORD_FIELD && l->letters[letter] == NULL)
			l->letters[letter] = w;
	}
	*out = l;
	return 0;
}

void lexicon_free(struct lexicon *l)
{
	if (l == NULL)
		return;
	free(l->words);
	free(l);
}

const struct word *lexicon_find(const struct lexicon *l, struct slice name)
{
	const struct word *w;

	if (l->cap == 0)
		return NULL;
	w = slot_of(l, (const char *)name.data, name.len);
	return w->name != NULL ? w : NULL;
}

const struct word *lexicon_letter(const struct lexicon *l, char letter)
{
	return (uint8_t)letter < 128 ? l->letters[(uint8_t)letter] : NULL;
}

/* Equally near: the first in the alphabet, so that the answer doesn't vary. */
static bool word_before(const struct word *a, struct slice b)
{
	size_t len = a->len < b.len ? a->len : b.len;
	int order = memcmp(a->name, b.data, len);

	return order < 0 || (order == 0 && a->len < b.len);
}

struct slice lexicon_nearest(const struct lexicon *l, struct slice name)
{
	unsigned best = name.len < 4 ? 1 : name.len < 9 ? 2 : 3;
	struct slice nearest = { 0 };

	for (uint32_t i = 0; i < l->cap; i++) {
		const struct word *w = &l->words[i];
		unsigned distance;

		if (w->name == NULL)
			continue;
		distance = text_distance(name, slice_of(w->name, w->len), best);
		if (distance < best || (distance == best && (nearest.len == 0 || word_before(w, nearest)))) {
			best = distance;
			nearest = slice_of(w->name, w->len);
		}
	}
	return nearest;
}

const struct keyword *keyword_find(struct slice name)
{
	for (unsigned t = 0; t < keyword_table_count; t++) {
		for (unsigned i = 0; i < keyword_tables[t]->count; i++) {
			const struct keyword *kw = &keyword_tables[t]->keywords[i];

			if (text_is(name, kw->name) || text_listed(kw->aliases, name))
				return kw;
		}
	}
	return NULL;
}
