/* files.c - files in transfer: names, sizes, digests, storing them.
 *
 * filename, fileext and filemagic are contents on file.name and file.magic. The tests on size and digest hold
 * for one file together; they are judged once it is closed. */
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

#include "analyzers/digest.h"
#include "analyzers/file.h"
#include "analyzers/number.h"
#include "rules/inspect.h"
#include "rules/lines.h"
#include "rules/parser.h"

#define TESTS_MAX 8
#define FILES_MAX 64

struct digest_list {
	enum digest_kind kind;
	bool negated;
	unsigned count;
	const uint8_t *sorted;          /* count digests */
};

struct file_tests {
	unsigned size_count, list_count;
	struct number_test sizes[TESTS_MAX];
	struct digest_list lists[TESTS_MAX];
};

static int order16(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static int order20(const void *a, const void *b)
{
	return memcmp(a, b, 20);
}

static int order32(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

static int (*const orders[DIGEST_KINDS])(const void *a, const void *b) = { order16, order20, order32 };

static bool list_holds(const struct digest_list *l, const struct file *f)
{
	const uint8_t *digest = l->kind == DIGEST_MD5 ? f->md5 : l->kind == DIGEST_SHA1 ? f->sha1 : f->sha256;
	bool have = l->kind == DIGEST_MD5 ? f->have_md5 : l->kind == DIGEST_SHA1 ? f->have_sha1 : f->have_sha256;

	return have && (bsearch(digest, l->sorted, l->count, digest_len(l->kind), orders[l->kind]) != NULL) != l->negated;
}

static bool size_holds(const struct number_test *t, const struct file *f)
{
	/* Of a file that was cut off only the least size is known. */
	if (f->state != FILE_CLOSED && t->op != '>' && t->op != 'g')
		return false;
	return number_test_match(t, f->size);
}

static bool file_holds(const struct file_tests *t, const struct file *f)
{
	if (f->state == FILE_OPEN)
		return false;
	for (unsigned i = 0; i < t->size_count; i++)
		if (!size_holds(&t->sizes[i], f))
			return false;
	for (unsigned i = 0; i < t->list_count; i++)
		if (!list_holds(&t->lists[i], f))
			return false;
	return true;
}

static bool file_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct file *f;

	(void)rule;
	for (unsigned i = 0; in->tx != NULL && i < FILES_MAX && (f = file_at(in->tx, in->side, i)) != NULL; i++)
		if (file_holds(data, f))
			return true;
	return false;
}

/* All tests of a rule are about one file: one condition. */
static struct file_tests *tests_of(struct rule_parser *p, const struct keyword *kw)
{
	struct file_tests *t;

	for (unsigned i = 0; i < p->condition_count; i++)
		if (p->conditions[i].keyword != NULL && p->conditions[i].keyword->match == file_match)
			return p->conditions[i].data;
	t = rule_alloc(p, sizeof(*t));
	return t != NULL && rule_condition_add(p, kw, t, STAGE_TX) != NULL ? t : NULL;
}

static int filesize_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct file_tests *t = tests_of(p, kw);
	const char *error;

	(void)negated;
	if (t == NULL)
		return -ENOMEM;
	if (t->size_count == TESTS_MAX)
		return rule_error(p, NULL, "more than %d tests on a file's size", TESTS_MAX);
	if (!number_test_parse(&t->sizes[t->size_count++], argument, 64, NULL, &error)) {
		rule_hint(p, "write a number, a comparison (>100KB) or a range (10<>20)");
		return rule_error(p, argument.data, "%.*s: %s", SLICE_ARG(argument), error);
	}
	return 0;
}

/* One digest a line, in hex; what follows a blank is a comment. */
static int digests_read(struct rule_parser *p, struct slice text, struct digest_list *l, struct slice name)
{
	size_t len = digest_len(l->kind);
	struct slice rest = text, line, word;
	unsigned number = 0, cap = 0;
	uint8_t *at;

	while (line_next(&rest, &line))
		cap++;
	at = rule_alloc(p, cap * len + 1);
	if (at == NULL)
		return -ENOMEM;
	l->sorted = at;
	rest = text;
	while (line_next(&rest, &line)) {
		number++;
		if (!text_word(&line, &word) || word.data[0] == '#')
			continue;
		if (word.len != len * 2)
			return rule_error(p, name.data, "%.*s, line %u: a digest of %zu hex digits expected", SLICE_ARG(name),
					  number, len * 2);
		for (size_t i = 0; i < len; i++) {
			int high = text_hex_digit(word.data[2 * i]), low = text_hex_digit(word.data[2 * i + 1]);

			if (high < 0 || low < 0)
				return rule_error(p, name.data, "%.*s, line %u: this isn't hex", SLICE_ARG(name), number);
			*at++ = (uint8_t)(high << 4 | low);
		}
		l->count++;
	}
	qsort((void *)l->sorted, l->count, len, orders[l->kind]);
	return 0;
}

/* Beside the rules, else where it says. */
static int digests_load(struct rule_parser *p, struct digest_list *l, struct slice name)
{
	char *rules = strdup(p->where.file), *path = NULL, *text;
	size_t len;
	int err;

	if (rules == NULL || asprintf(&path, "%s%s%.*s", name.data[0] == '/' ? "" : dirname(rules), name.data[0] == '/' ? "" : "/",
				      SLICE_ARG(name)) < 0)
		path = NULL;
	free(rules);
	if (path == NULL)
		return -ENOMEM;
	err = file_read(path, &text, &len);
	free(path);
	if (err < 0)
		return rule_error(p, name.data, "can't read the list %.*s: %s", SLICE_ARG(name), strerror(-err));
	err = digests_read(p, slice_of(text, len), l, name);
	free(text);
	return err;
}

static int filehash_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct file_tests *t = tests_of(p, kw);
	struct digest_list *l;

	if (t == NULL)
		return -ENOMEM;
	if (t->list_count == TESTS_MAX)
		return rule_error(p, NULL, "more than %d lists of digests", TESTS_MAX);
	l = &t->lists[t->list_count++];
	l->negated = negated;
	l->kind = strcmp(kw->name, "filemd5") == 0 ? DIGEST_MD5 : strcmp(kw->name, "filesha1") == 0 ? DIGEST_SHA1 : DIGEST_SHA256;
	p->set->wants |= l->kind == DIGEST_MD5 ? APP_WANT_MD5 : l->kind == DIGEST_SHA1 ? APP_WANT_SHA1 : APP_WANT_SHA256;
	return digests_load(p, l, argument);
}

/* Text as written to a content without capitals; ext: with a dot before and at the very end. */
static int name_content(struct rule_parser *p, const char *field_name, struct slice text, bool negated, bool ext)
{
	const struct word *word = lexicon_find(p->parsed->lexicon, slice_str(field_name));
	uint8_t *bytes = rule_alloc(p, text.len + 2);
	struct buffer buffer;
	struct match *m;
	size_t n = 0;

	if (word == NULL || word->field == NULL)
		return rule_error(p, NULL, "%s can't be had here", field_name);
	if (bytes == NULL)
		return -ENOMEM;
	if (ext)
		bytes[n++] = '.';
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (c == '\\' && i + 1 < text.len)
			c = text.data[++i];
		bytes[n++] = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
	}
	buffer = rule_field_buffer(word->field, word->analyzer);
	m = rule_match_add(p, rule_list_for(p, &buffer, rule_field_side(word->field)), MATCH_CONTENT);
	if (m == NULL)
		return -EINVAL;
	m->content.bytes = slice_of(bytes, n);
	m->content.flags = (uint16_t)(CONTENT_NOCASE | (negated ? CONTENT_NEGATED : 0) | (ext ? CONTENT_ENDSWITH : 0));
	return 0;
}

static int filename_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	const char *field = strcmp(kw->name, "filemagic") == 0 ? "file.magic" : "file.name";

	return name_content(p, field, argument, negated, strcmp(kw->name, "fileext") == 0);
}

/* filestore[:to_server|to_client|both[, file|tx|flow]] */
struct filestore {
	uint8_t sides;          /* bit by enum side; 0 = the rule's own */
	uint8_t scope;          /* 0 this transaction, 2 the flow */
};

static void files_store(struct tx *tx, enum side side, uint32_t sid)
{
	struct file *f;

	for (unsigned i = 0; i < FILES_MAX && (f = file_at(tx, side, i)) != NULL; i++) {
		f->store = true;
		if (f->sid_count < sizeof(f->sids) / sizeof(f->sids[0]))
			f->sids[f->sid_count++] = sid;
	}
}

static bool filestore_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct filestore *s = data;
	uint8_t sides = s->sides ? s->sides : (uint8_t)(1 << in->side);

	for (int side = 0; side < 2; side++) {
		if (!(sides >> side & 1))
			continue;
		if (s->scope < 2 && in->tx != NULL)
			files_store(in->tx, (enum side)side, rule->sid);
		for (struct tx *tx = s->scope == 2 && in->analysis != NULL ? in->analysis->tx_first : NULL; tx != NULL; tx = tx->next)
			files_store(tx, (enum side)side, rule->sid);
	}
	return true;
}

static int filestore_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct filestore *s = rule_alloc(p, sizeof(*s));
	struct slice rest = argument, part;

	(void)negated;
	if (s == NULL)
		return -ENOMEM;
	if (p->has_filestore)
		rule_warning(p, NULL, "filestore stands here twice");
	p->has_filestore = true;
	if (text_part(&rest, ',', &part) && part.len > 0) {
		if (text_is(part, "request") || text_is(part, "to_server"))
			s->sides = 1;
		else if (text_is(part, "response") || text_is(part, "to_client"))
			s->sides = 2;
		else if (text_is(part, "both"))
			s->sides = 3;
		else {
			rule_hint(p, "request, to_server, response, to_client or both");
			rule_warning(p, part.data, "filestore doesn't know the direction \"%.*s\"", SLICE_ARG(part));
		}
	}
	if (text_part(&rest, ',', &part)) {
		if (text_is(part, "ssn") || text_is(part, "flow"))
			s->scope = 2;
		else if (!text_is(part, "file") && !text_is(part, "tx")) {
			rule_hint(p, "file, tx or flow");
			return rule_error(p, part.data, "filestore doesn't know the scope \"%.*s\"", SLICE_ARG(part));
		}
	}
	p->rule->flags |= RULE_FILESTORE | RULE_NEEDS_TX;
	p->set->wants |= APP_WANT_STORE;
	return rule_condition_add(p, kw, s, STAGE_POST) != NULL ? 0 : -EINVAL;
}

#define NAME(n, what) { .name = n, .summary = what, .flags = KEYWORD_MAY_QUOTE | KEYWORD_NEGATABLE, .parse = filename_parse }
#define HASH(n, what) { .name = n, .summary = what, .flags = KEYWORD_MAY_QUOTE | KEYWORD_NEGATABLE, .parse = filehash_parse, .match = file_match }

static const struct keyword keywords[] = {
	NAME("filename", "text in the name of a file in transfer"),
	NAME("fileext", "end of the name of a file in transfer"),
	NAME("filemagic", "text in what libmagic says of a file in transfer"),
	{ .name = "filesize", .aliases = "file.size", .summary = "size of a file in transfer", .flags = KEYWORD_MAY_QUOTE,
	  .parse = filesize_parse, .match = file_match },
	HASH("filemd5", "the file's MD5 is in a list"),
	HASH("filesha1", "the file's SHA-1 is in a list"),
	HASH("filesha256", "the file's SHA-256 is in a list"),
	{ .name = "filestore", .summary = "keep the file", .flags = KEYWORD_OPTIONAL_ARGUMENT, .parse = filestore_parse,
	  .match = filestore_match },
};

const struct keyword_table keywords_files = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
