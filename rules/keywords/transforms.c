/* transforms.c - what a buffer's text goes through before it is matched. Each writes at most cap bytes.
 *
 * A transform is pure but for what a library needs as working memory: that hangs on the transform, under a lock,
 * because the workers share the rules. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "analyzers/decode.h"
#include "analyzers/digest.h"
#include "base/base64.h"
#include "rules/parser.h"
#include "rules/regex.h"
#include "rules/suffix.h"

#define KEY_MAX 255
#define INFLATE_DEFAULT 1024
#define MATCH_LIMIT 100000

static bool is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_upper(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(uint8_t c)
{
	return c >= 'a' && c <= 'z';
}

static size_t copy(struct slice in, uint8_t *out, size_t cap)
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
	return 1 + copy(in, out + 1, cap - 1);
}

static size_t lower_apply(const void *data, struct slice in, uint8_t *out, size_t cap)
{
	size_t n = copy(in, out, cap);

	(void)data;
	for (size_t i = 0; i < n; i++)
		if (is_upper(out[i]))
			out[i] |= 0x20;
	return n;
}

static bool lower_fits(struct slice bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (is_upper(bytes.data[i]))
			return false;
	return true;
}

static size_t upper_apply(const void *data, struct slice in, uint8_t *out, size_t cap)
{
	size_t n = copy(in, out, cap);

	(void)data;
	for (size_t i = 0; i < n; i++)
		if (is_lower(out[i]))
			out[i] &= (uint8_t)~0x20;
	return n;
}

static bool upper_fits(struct slice bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (is_lower(bytes.data[i]))
			return false;
	return true;
}

static size_t strip_apply(const void *data, struct slice in, uint8_t *out, size_t cap)
{
	size_t n = 0;

	(void)data;
	for (size_t i = 0; i < in.len && n < cap; i++)
		if (!is_space(in.data[i]))
			out[n++] = in.data[i];
	return n;
}

static bool strip_fits(struct slice bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (is_space(bytes.data[i]))
			return false;
	return true;
}

static size_t compress_apply(const void *data, struct slice in, uint8_t *out, size_t cap)
{
	size_t n = 0;

	(void)data;
	for (size_t i = 0; i < in.len && n < cap; i++)
		if (i == 0 || !is_space(in.data[i]) || !is_space(in.data[i - 1]))
			out[n++] = in.data[i];
	return n;
}

static bool compress_fits(struct slice bytes)
{
	for (size_t i = 1; i < bytes.len; i++)
		if (is_space(bytes.data[i]) && is_space(bytes.data[i - 1]))
			return false;
	return true;
}

/* Header names in lower case, values as they are. */
static size_t header_lower_apply(const void *data, struct slice in, uint8_t *out, size_t cap)
{
	size_t n = copy(in, out, cap);
	bool value = false;

	(void)data;
	for (size_t i = 0; i < n; i++) {
		if (out[i] == '\n')
			value = false;
		else if (out[i] == ':')
			value = true;
		else if (!value && is_upper(out[i]))
			out[i] |= 0x20;
	}
	return n;
}

/* Without the lines that begin with a colon: HTTP/2's pseudo headers. */
static size_t strip_pseudo_apply(const void *data, struct slice in, uint8_t *out, size_t cap)
{
	bool begin = true, drop = false;
	size_t n = 0;

	(void)data;
	for (size_t i = 0; i < in.len && n < cap; i++) {
		if (begin)
			drop = in.data[i] == ':';
		begin = in.data[i] == '\n';
		if (!drop)
			out[n++] = in.data[i];
	}
	return n;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t url_decode_apply(const void *data, struct slice in, uint8_t *out, size_t cap)
{
	size_t n = 0;

	(void)data;
	for (size_t i = 0; i < in.len && n < cap; i++) {
		uint8_t c = in.data[i];

		if (c == '%' && i + 2 < in.len && hex_value(in.data[i + 1]) >= 0 && hex_value(in.data[i + 2]) >= 0) {
			out[n++] = (uint8_t)(hex_value(in.data[i + 1]) << 4 | hex_value(in.data[i + 2]));
			i += 2;
		} else {
			out[n++] = c == '+' ? ' ' : c;
		}
	}
	return n;
}

static size_t domain_apply(const void *data, struct slice in, uint8_t *out, size_t cap)
{
	(void)data;
	return copy(domain_registered(in), out, cap);
}

static size_t tld_apply(const void *data, struct slice in, uint8_t *out, size_t cap)
{
	(void)data;
	return copy(domain_suffix(in), out, cap);
}

struct plain_row {
	const char *name;
	size_t (*apply)(const void *data, struct slice in, uint8_t *out, size_t cap);
};

static const struct plain_row plain[] = {
	{ "dotprefix", dotprefix_apply }, { "to_lowercase", lower_apply }, { "to_uppercase", upper_apply },
	{ "strip_whitespace", strip_apply }, { "compress_whitespace", compress_apply },
	{ "header_lowercase", header_lower_apply }, { "strip_pseudo_headers", strip_pseudo_apply },
	{ "url_decode", url_decode_apply }, { "domain", domain_apply }, { "tld", tld_apply },
};

static int plain_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	(void)negated;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strcmp(plain[i].name, kw->name) == 0)
			return rule_transform_add(p, kw, plain[i].apply, NULL, argument);
	return -EINVAL;
}

/* What needs working memory. */
struct worked {
	pthread_mutex_t lock;
	struct digest *digest;
	enum digest_kind kind;
	struct regex *regex;
	struct regex_scratch *scratch;
	const struct codec *codec;
	struct mem *mem;
	struct budget budget;
	size_t max;
};

static void worked_free(void *data)
{
	struct worked *w = data;

	digest_free(w->digest);
	regex_free(w->regex);
	regex_scratch_free(w->scratch);
	if (w->mem != NULL)
		mem_free(w->mem);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static struct worked *worked_new(struct rule_parser *p)
{
	struct worked *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	pthread_mutex_init(&w->lock, NULL);
	if (parsed_own(p->parsed, worked_free, w) < 0) {
		worked_free(w);
		return NULL;
	}
	return w;
}

static size_t digest_apply(const void *data, struct slice in, uint8_t *out, size_t cap)
{
	struct worked *w = (struct worked *)data;
	uint8_t digest[DIGEST_MAX];

	pthread_mutex_lock(&w->lock);
	digest_start(w->digest);
	digest_add(w->digest, in.data, in.len);
	digest_finish(w->digest, digest);
	pthread_mutex_unlock(&w->lock);
	return copy(slice_of(digest, digest_len(w->kind)), out, cap);
}

static int digest_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct worked *w = worked_new(p);

	(void)negated;
	if (w == NULL)
		return -ENOMEM;
	w->kind = strcmp(kw->name, "to_md5") == 0 ? DIGEST_MD5 : strcmp(kw->name, "to_sha1") == 0 ? DIGEST_SHA1 : DIGEST_SHA256;
	w->digest = digest_new(w->kind);
	if (w->digest == NULL)
		return rule_error(p, NULL, "%s isn't available on this machine", kw->name);
	return rule_transform_add(p, kw, digest_apply, w, argument);
}

/* The first group of the expression, or the text as it is where that doesn't match. */
static size_t pcrexform_apply(const void *data, struct slice in, uint8_t *out, size_t cap)
{
	struct worked *w = (struct worked *)data;
	struct regex_span spans[2];
	enum regex_answer answer;

	pthread_mutex_lock(&w->lock);
	answer = regex_match(w->regex, w->scratch, in, 0, spans, 2);
	pthread_mutex_unlock(&w->lock);
	if (answer == REGEX_YES && spans[1].start != SIZE_MAX)
		in = slice_of(in.data + spans[1].start, spans[1].end - spans[1].start);
	return copy(in, out, cap);
}

static int pcrexform_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct worked *w = worked_new(p);
	char error[160];
	size_t offset = 0;
	int err;

	(void)negated;
	if (w == NULL || regex_scratch_new(&w->scratch, MATCH_LIMIT, MATCH_LIMIT) < 0)
		return -ENOMEM;
	err = regex_compile(&w->regex, argument, 0, true, error, sizeof(error), &offset);
	if (err == -EINVAL)
		return rule_error(p, argument.data + (offset <= argument.len ? offset : 0),
				  "the expression is wrong here: %s", error);
	if (err < 0)
		return err;
	if (regex_captures(w->regex) != 1) {
		rule_hint(p, "put what is to be kept in one pair of parentheses");
		return rule_error(p, argument.data, "pcrexform needs exactly one group, this has %u",
				  regex_captures(w->regex));
	}
	return rule_transform_add(p, kw, pcrexform_apply, w, argument);
}

struct key {
	size_t len;
	uint8_t bytes[KEY_MAX];
};

static size_t xor_apply(const void *data, struct slice in, uint8_t *out, size_t cap)
{
	const struct key *key = data;
	size_t n = copy(in, out, cap);

	for (size_t i = 0; i < n; i++)
		out[i] ^= key->bytes[i % key->len];
	return n;
}

static int xor_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct key *key = rule_alloc(p, sizeof(*key));

	(void)negated;
	if (key == NULL)
		return -ENOMEM;
	if (argument.len % 2 != 0 || argument.len / 2 > KEY_MAX)
		return rule_error(p, argument.data, "the key has two hex digits a byte, at most %d bytes", KEY_MAX);
	for (size_t i = 0; i < argument.len; i += 2) {
		int high = hex_value(argument.data[i]), low = hex_value(argument.data[i + 1]);

		if (high < 0 || low < 0)
			return rule_error(p, argument.data + i, "\"%.2s\" isn't a byte in hex", (const char *)argument.data + i);
		key->bytes[key->len++] = (uint8_t)(high << 4 | low);
	}
	return rule_transform_add(p, kw, xor_apply, key, argument);
}

struct from_base64 {
	uint32_t bytes, offset;
	bool has_bytes;
	enum base64_mode mode;
};

/* What can't be decoded stays as it is. */
static size_t from_base64_apply(const void *data, struct slice in, uint8_t *out, size_t cap)
{
	const struct from_base64 *f = data;
	struct slice text = in;
	size_t used;
	int64_t n;

	if (f->offset > text.len)
		return copy(in, out, cap);
	text = slice_skip(text, f->offset);
	if (f->has_bytes) {
		if (f->bytes > text.len)
			return copy(in, out, cap);
		text.len = f->bytes;
	}
	n = base64_decode(out, cap, text.data, text.len, f->mode, &used);
	/* Without strictness what was decoded before something else counts. */
	if (n < 0 && f->mode == BASE64_LOOSE && used > 0)
		n = base64_decode(out, cap, text.data, used / 4 * 4, BASE64_LOOSE, NULL);
	return n > 0 ? (size_t)n : copy(in, out, cap);
}

static int from_base64_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct from_base64 *f = rule_alloc(p, sizeof(*f));
	struct slice rest = argument, part, word;

	(void)negated;
	if (f == NULL)
		return -ENOMEM;
	f->mode = BASE64_LOOSE;
	while (text_part(&rest, ',', &part)) {
		text_word(&part, &word);
		part = text_trim(part);
		if (text_is(word, "bytes") && text_u32(part, 65535, &f->bytes)) {
			f->has_bytes = true;
		} else if (text_is(word, "offset") && text_u32(part, 65535, &f->offset)) {
			continue;
		} else if (text_is(word, "mode") && text_is_nocase(part, "strict")) {
			f->mode = BASE64_STRICT;
		} else if (text_is(word, "mode") && text_is_nocase(part, "rfc2045")) {
			f->mode = BASE64_SKIP;
		} else if (!text_is(word, "mode") || !text_is_nocase(part, "rfc4648")) {
			rule_hint(p, "bytes N, offset N, mode rfc4648 (or rfc2045, strict)");
			return rule_error(p, word.data, "from_base64 doesn't know \"%.*s %.*s\"", SLICE_ARG(word),
					  SLICE_ARG(part));
		}
	}
	return rule_transform_add(p, kw, from_base64_apply, f, argument);
}

static size_t inflate_apply(const void *data, struct slice in, uint8_t *out, size_t cap)
{
	struct worked *w = (struct worked *)data;
	struct decode_limits limits = { 0 };
	enum codec_answer answer = CODEC_OK;
	size_t n = 0;
	void *state;

	if (cap > w->max)
		cap = w->max;
	pthread_mutex_lock(&w->lock);
	state = w->codec->open(&w->budget, &limits);
	while (state != NULL && n < cap && answer == CODEC_OK) {
		size_t before = in.len, len = cap - n;

		answer = w->codec->run(state, &in, out + n, &len);
		n += len;
		if (len == 0 && in.len == before)
			break;
	}
	if (state != NULL)
		w->codec->close(state, &w->budget);
	pthread_mutex_unlock(&w->lock);
	return n;
}

static int inflate_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct worked *w = worked_new(p);
	struct slice rest = argument, word;
	uint32_t max = INFLATE_DEFAULT;

	(void)negated;
	if (w == NULL)
		return -ENOMEM;
	if (argument.len > 0) {
		text_word(&rest, &word);
		if (!text_is(word, "max-size") || !text_u32(text_trim(rest), 1 << 24, &max) || max == 0) {
			rule_hint(p, "max-size BYTES");
			return rule_error(p, argument.data, "%s doesn't know \"%.*s\"", kw->name, SLICE_ARG(argument));
		}
	}
	w->max = max;
	w->codec = strcmp(kw->name, "gunzip") == 0 ? &codec_gzip : &codec_zlib;
	w->mem = mem_new();
	if (w->mem == NULL)
		return -ENOMEM;
	budget_init(&w->budget, w->mem, "transform", 0);
	return rule_transform_add(p, kw, inflate_apply, w, argument);
}

static int luaxform_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	(void)kw;
	(void)argument;
	(void)negated;
	rule_hint(p, "write it with pcrexform, or as a script that subscribes to the event");
	return rule_error(p, NULL, "rules can't run Lua");
}

#define PLAIN(n, what, fits) { .name = n, .summary = what, .flags = KEYWORD_TRANSFORM | KEYWORD_NO_ARGUMENT, .parse = plain_parse, \
			       .content_fits = fits }
#define DIGEST(n, what) { .name = n, .summary = what, .flags = KEYWORD_TRANSFORM | KEYWORD_NO_ARGUMENT, .parse = digest_parse }
#define INFLATE(n, what) { .name = n, .summary = what, .flags = KEYWORD_TRANSFORM | KEYWORD_OPTIONAL_ARGUMENT, .parse = inflate_parse }

static const struct keyword keywords[] = {
	PLAIN("dotprefix", "puts a dot in front, so that .example.com matches the name and what lies below it", NULL),
	PLAIN("to_lowercase", "makes capitals small", lower_fits),
	PLAIN("to_uppercase", "makes small letters capitals", upper_fits),
	PLAIN("strip_whitespace", "takes blanks and line ends out", strip_fits),
	PLAIN("compress_whitespace", "leaves one of several blanks", compress_fits),
	PLAIN("header_lowercase", "makes header names small", NULL),
	PLAIN("strip_pseudo_headers", "takes lines that begin with a colon out", NULL),
	PLAIN("url_decode", "decodes %XX and +", NULL),
	PLAIN("domain", "the registered domain of a host name", NULL),
	PLAIN("tld", "the public suffix of a host name", NULL),
	DIGEST("to_md5", "the MD5 digest, 16 bytes"),
	DIGEST("to_sha1", "the SHA-1 digest, 20 bytes"),
	DIGEST("to_sha256", "the SHA-256 digest, 32 bytes"),
	{ .name = "pcrexform", .summary = "what the expression's group matches", .flags = KEYWORD_TRANSFORM | KEYWORD_QUOTED,
	  .parse = pcrexform_parse },
	{ .name = "xor", .summary = "XOR with a key in hex", .flags = KEYWORD_TRANSFORM | KEYWORD_QUOTED, .parse = xor_parse },
	{ .name = "from_base64", .summary = "decodes base64", .flags = KEYWORD_TRANSFORM | KEYWORD_OPTIONAL_ARGUMENT,
	  .parse = from_base64_parse },
	INFLATE("gunzip", "unpacks gzip"),
	INFLATE("zlib_deflate", "unpacks zlib"),
	{ .name = "luaxform", .summary = "refused: rules can't run Lua", .flags = KEYWORD_TRANSFORM, .parse = luaxform_parse },
};

const struct keyword_table keywords_transforms = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
