/* condition.c - see condition.h. A condition is a small tree; a record is searched for a path where the tree asks
 * for one. Parsing recurses at most DEPTH_MAX deep. */
#include "output/condition.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/json_view.h"
#include "stack/wire/ip.h"

#define DEPTH_MAX 32
#define TEXT_ROOM 8192

enum operation { OP_AND, OP_OR, OP_NOT, OP_EQ, OP_NE, OP_LE, OP_GE, OP_LT, OP_GT, OP_CONTAINS, OP_STARTS, OP_ENDS, OP_IN, OP_EXISTS };

struct condition {
	enum operation op;
	struct condition *left, *right;         /* of and, or, not */
	char *path;
	char *value;
	bool is_number;
	double number;
	struct condition *more;                 /* of in: further values */
	struct ip_addr addr;                    /* of in: a network */
	uint8_t ip_version, prefix;             /* ip_version 0: it isn't one */
};

struct parser {
	const char *start, *p;
	unsigned depth;
	char *error;
	size_t error_len;
	bool failed;
};

static struct condition *parse_or(struct parser *p);

static void *fail(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void *fail(struct parser *p, const char *fmt, ...)
{
	char why[120];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	if (!p->failed)
		snprintf(p->error, p->error_len, "column %d: %s", (int)(p->p - p->start) + 1, why);
	p->failed = true;
	return NULL;
}

static void blanks(struct parser *p)
{
	while (isspace((unsigned char)*p->p))
		p->p++;
}

static bool word(struct parser *p, const char *text)
{
	size_t n = strlen(text);

	blanks(p);
	if (strncmp(p->p, text, n) != 0)
		return false;
	if (isalpha((unsigned char)*text) && (isalnum((unsigned char)p->p[n]) || p->p[n] == '_' || p->p[n] == '.'))
		return false;
	p->p += n;
	return true;
}

static struct condition *node(enum operation op, struct condition *left, struct condition *right)
{
	struct condition *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		condition_free(left);
		condition_free(right);
		return NULL;
	}
	c->op = op;
	c->left = left;
	c->right = right;
	return c;
}

/* A quoted text, or a bare word. */
static char *parse_value(struct parser *p, bool *quoted)
{
	const char *from;
	char *text;
	size_t n;

	blanks(p);
	*quoted = *p->p == '"' || *p->p == '\'';
	if (*quoted) {
		char quote = *p->p++;

		from = p->p;
		while (*p->p != '\0' && *p->p != quote)
			p->p++;
		if (*p->p == '\0')
			return fail(p, "the text has no end; expected %c", quote);
		text = strndup(from, (size_t)(p->p - from));
		p->p++;
		return text;
	}
	n = strcspn(p->p, " \t\n()[],\"'");
	if (n == 0)
		return fail(p, "expected a value");
	text = strndup(p->p, n);
	p->p += n;
	return text;
}

static bool read_value(struct parser *p, struct condition *c)
{
	char *end, network[64];
	bool quoted;
	const char *slash;

	c->value = parse_value(p, &quoted);
	if (c->value == NULL)
		return false;
	c->number = strtod(c->value, &end);
	c->is_number = !quoted && *c->value != '\0' && *end == '\0';
	if (c->op != OP_IN)
		return true;
	slash = strchr(c->value, '/');
	snprintf(network, sizeof(network), "%.*s", (int)(slash ? slash - c->value : (long)strlen(c->value)), c->value);
	if (ip_addr_parse(&c->addr, &c->ip_version, network) < 0) {
		c->ip_version = 0;
	} else {
		unsigned whole = c->ip_version == 4 ? 32 : 128;

		c->prefix = (uint8_t)(slash ? strtoul(slash + 1, NULL, 10) : whole);
		if (c->prefix > whole)
			return fail(p, "%s: the prefix is longer than the address", c->value) != NULL;
	}
	return true;
}

static bool parse_list(struct parser *p, struct condition *c)
{
	struct condition *last = c;
	const char close = word(p, "[") ? ']' : word(p, "(") ? ')' : '\0';

	if (!read_value(p, c))
		return false;
	while (close != '\0' && word(p, ",")) {
		last->more = node(OP_IN, NULL, NULL);
		last = last->more;
		if (last == NULL || !read_value(p, last))
			return false;
	}
	blanks(p);
	if (close != '\0' && *p->p++ != close) {
		p->p--;
		return fail(p, "expected , or %c", close) != NULL;
	}
	return true;
}

static struct condition *parse_comparison(struct parser *p)
{
	static const struct { const char *text; enum operation op; } rows[] = {
		{ "==", OP_EQ }, { "!=", OP_NE }, { "<=", OP_LE }, { ">=", OP_GE }, { "<", OP_LT }, { ">", OP_GT },
		{ "contains", OP_CONTAINS }, { "startswith", OP_STARTS }, { "endswith", OP_ENDS }, { "in", OP_IN },
		{ "exists", OP_EXISTS },
	};
	struct condition *c;
	size_t n;

	blanks(p);
	n = strspn(p->p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
	if (n == 0)
		return fail(p, "expected a field, such as alert.severity");
	c = node(OP_EXISTS, NULL, NULL);
	if (c == NULL || (c->path = strndup(p->p, n)) == NULL) {
		condition_free(c);
		return fail(p, "out of memory");
	}
	p->p += n;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool ok = true;

		if (!word(p, rows[i].text))
			continue;
		c->op = rows[i].op;
		if (c->op == OP_IN)
			ok = parse_list(p, c);
		else if (c->op != OP_EXISTS)
			ok = read_value(p, c);
		if (ok)
			return c;
		condition_free(c);
		return NULL;
	}
	condition_free(c);
	return fail(p, "expected == != < <= > >= contains startswith endswith in or exists");
}

static struct condition *parse_not(struct parser *p)
{
	struct condition *c;

	if (p->depth++ > DEPTH_MAX)
		return fail(p, "nested too deeply");
	if (word(p, "not")) {
		c = parse_not(p);
		c = c ? node(OP_NOT, c, NULL) : NULL;
	} else if (word(p, "(")) {
		c = parse_or(p);
		if (c != NULL && !word(p, ")")) {
			condition_free(c);
			c = fail(p, "expected )");
		}
	} else {
		c = parse_comparison(p);
	}
	p->depth--;
	return c;
}

static struct condition *parse_and(struct parser *p)
{
	struct condition *c = parse_not(p);

	while (c != NULL && word(p, "and")) {
		struct condition *right = parse_not(p);

		if (right == NULL) {
			condition_free(c);
			return NULL;
		}
		c = node(OP_AND, c, right);
	}
	return c;
}

static struct condition *parse_or(struct parser *p)
{
	struct condition *c = parse_and(p);

	while (c != NULL && word(p, "or")) {
		struct condition *right = parse_and(p);

		if (right == NULL) {
			condition_free(c);
			return NULL;
		}
		c = node(OP_OR, c, right);
	}
	return c;
}

int condition_parse(struct condition **out, const char *text, char *error, size_t error_len)
{
	struct parser p = { .start = text, .p = text, .error = error, .error_len = error_len };
	struct condition *c = parse_or(&p);

	blanks(&p);
	if (c != NULL && *p.p != '\0') {
		fail(&p, "expected and, or, or the end");
		condition_free(c);
		c = NULL;
	}
	if (c == NULL && !p.failed)
		fail(&p, "out of memory");
	*out = c;
	return c ? 0 : -EINVAL;
}

void condition_free(struct condition *c)
{
	if (c == NULL)
		return;
	condition_free(c->left);
	condition_free(c->right);
	condition_free(c->more);
	free(c->path);
	free(c->value);
	free(c);
}

static bool in_network(const struct condition *c, const char *text)
{
	struct ip_addr a;
	uint8_t version;
	const uint8_t *x = (const uint8_t *)&a, *y = (const uint8_t *)&c->addr;
	unsigned bits = c->prefix;

	if (ip_addr_parse(&a, &version, text) < 0 || version != c->ip_version)
		return false;
	for (; bits >= 8; bits -= 8)
		if (*x++ != *y++)
			return false;
	return bits == 0 || ((*x ^ *y) & (0xff << (8 - bits) & 0xff)) == 0;
}

static bool in_list(const struct condition *c, const char *text)
{
	for (; c != NULL; c = c->more)
		if (c->ip_version != 0 ? in_network(c, text) : strcmp(c->value, text) == 0)
			return true;
	return false;
}

static bool compare(const struct condition *c, struct slice value)
{
	char text[TEXT_ROOM], *end;
	size_t len, want = c->value ? strlen(c->value) : 0;
	double number;
	int order;

	if (c->op == OP_EXISTS)
		return true;
	len = view_text(value, text, sizeof(text));
	if (c->op == OP_IN)
		return in_list(c, text);
	if (c->op == OP_CONTAINS)
		return strcasestr(text, c->value) != NULL;
	if (c->op == OP_STARTS)
		return strncmp(text, c->value, want) == 0;
	if (c->op == OP_ENDS)
		return len >= want && strcmp(text + len - want, c->value) == 0;
	number = strtod(text, &end);
	if (c->is_number && end != text && *end == '\0')
		order = number < c->number ? -1 : number > c->number;
	else
		order = strcmp(text, c->value);
	switch (c->op) {
	case OP_EQ: return order == 0;
	case OP_NE: return order != 0;
	case OP_LT: return order < 0;
	case OP_LE: return order <= 0;
	case OP_GT: return order > 0;
	default: return order >= 0;
	}
}

static bool holds(const struct condition *c, struct slice record)
{
	struct slice value, item;
	size_t at = 0;

	if (c->op == OP_AND)
		return holds(c->left, record) && holds(c->right, record);
	if (c->op == OP_OR)
		return holds(c->left, record) || holds(c->right, record);
	if (c->op == OP_NOT)
		return !holds(c->left, record);
	value = view_find(record, c->path);
	if (value.len == 0)
		return false;
	if (!view_is_list(value) || c->op == OP_EXISTS)
		return compare(c, value);
	while (view_item(value, &at, &item))
		if (compare(c, item))
			return true;
	return false;
}

bool condition_holds(const struct condition *c, const char *record, size_t len)
{
	return holds(c, slice_of(record, len));
}
