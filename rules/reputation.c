/* reputation.c - one sorted table of (category, family, prefix length, address); a lookup is a binary search for
 * each prefix length that occurs, the longest first. */
#include "rules/reputation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "rules/lines.h"
#include "rules/lists.h"

#define CATEGORIES 61           /* 0 … 60, as Suricata's SREP_MAX_CATS */
#define SCORE_MAX 127

struct score {
	struct ip_addr addr;
	uint8_t category, family, prefix, value;
};

struct reputation {
	char *names[CATEGORIES];
	struct score *scores;
	unsigned count, cap;
	bool lengths[2][129];   /* that occur, by family */
};

static int score_compare(const void *a, const void *b)
{
	const struct score *x = a, *y = b;

	if (x->category != y->category)
		return x->category < y->category ? -1 : 1;
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	return memcmp(&x->addr, &y->addr, sizeof(x->addr));
}

static struct ip_addr masked(struct ip_addr addr, unsigned prefix)
{
	for (unsigned i = 0; i < 16; i++) {
		if (prefix >= (i + 1) * 8)
			continue;
		addr.bytes[i] &= prefix > i * 8 ? (uint8_t)(0xff << (8 - (prefix - i * 8))) : 0;
	}
	return addr;
}

static void complain(struct rule_report *report, const char *path, uint32_t line, const char *message)
{
	rule_report_add(report, DIAG_WARNING, path, line, line ? 1 : 0, 0, message, NULL);
}

/* "number,short name,description" */
static void category_line(struct reputation *r, struct slice line, const char *path, uint32_t number,
			  struct rule_report *report)
{
	struct slice id, name;
	uint32_t v;

	if (!text_part(&line, ',', &id) || !text_u32(id, CATEGORIES - 1, &v) || !text_part(&line, ',', &name) || name.len == 0) {
		complain(report, path, number, "a category is: number (up to 60),short-name,description");
		return;
	}
	free(r->names[v]);
	r->names[v] = strndup((const char *)name.data, name.len);
}

/* "address[/prefix],category,score" */
static int score_line(struct reputation *r, struct slice line, const char *path, uint32_t number,
		      struct rule_report *report)
{
	struct slice addr, category, value, bare;
	uint32_t prefix, cat, score;
	struct score *s, one;
	int family;

	if (!text_part(&line, ',', &addr) || !text_part(&line, ',', &category) || !text_part(&line, ',', &value) ||
	    !text_part(&addr, '/', &bare) || !addr_text_parse(bare, &one.addr, &family) ||
	    !text_u32(category, CATEGORIES - 1, &cat) || !text_u32(value, SCORE_MAX, &score)) {
		complain(report, path, number, "a reputation is: address,category number,score (up to 127)");
		return 0;
	}
	prefix = family ? 128 : 32;
	if (addr.data != NULL && !text_u32(text_trim(addr), prefix, &prefix)) {
		complain(report, path, number, "the prefix length is wrong");
		return 0;
	}
	if (r->count == r->cap) {
		unsigned cap = r->cap ? r->cap * 2 : 1024;

		s = realloc(r->scores, cap * sizeof(*s));
		if (s == NULL)
			return -ENOMEM;
		r->scores = s;
		r->cap = cap;
	}
	one.addr = masked(one.addr, prefix);
	one.family = (uint8_t)family;
	one.prefix = (uint8_t)prefix;
	one.category = (uint8_t)cat;
	one.value = (uint8_t)score;
	r->scores[r->count++] = one;
	r->lengths[family][prefix] = true;
	return 0;
}

static int file_load(struct reputation *r, const char *path, bool categories, struct rule_report *report)
{
	struct slice rest, line;
	uint32_t number = 0;
	char *text, message[160];
	size_t len;
	int err = file_read(path, &text, &len);

	if (err < 0) {
		snprintf(message, sizeof(message), "can't read the reputation file: %s", strerror(-err));
		complain(report, path, 0, message);
		return err == -ENOMEM ? err : 0;
	}
	rest = slice_of(text, len);
	while (err == 0 && line_next(&rest, &line)) {
		number++;
		line = text_trim(line);
		if (line.len == 0 || line.data[0] == '#')
			continue;
		if (categories)
			category_line(r, line, path, number, report);
		else
			err = score_line(r, line, path, number, report);
	}
	free(text);
	return err;
}

static int listed_load(struct reputation *r, const struct conf *conf, const char *name, struct rule_report *report)
{
	const char *base = conf_str(conf, "default-reputation-path", NULL);
	char *path = NULL;
	int err;

	if (asprintf(&path, "%s%s%s", base != NULL && name[0] != '/' ? base : "", base != NULL && name[0] != '/' ? "/" : "",
		     name) < 0)
		return -ENOMEM;
	err = file_load(r, path, false, report);
	free(path);
	return err;
}

int reputation_load(struct reputation **out, const struct rule_load *load, struct rule_report *report)
{
	const char *categories = load->conf != NULL ? conf_str(load->conf, "reputation-categories-file", NULL) : NULL;
	const struct conf *list = load->conf != NULL ? conf_find(load->conf, "reputation-files") : NULL;
	struct reputation *r;
	int err;

	*out = NULL;
	if (categories == NULL)
		return 0;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return -ENOMEM;
	err = file_load(r, categories, true, report);
	if (err == 0 && list != NULL && list->value != NULL)
		err = listed_load(r, load->conf, list->value, report);
	for (struct conf *c = list != NULL ? list->first : NULL; c != NULL && err == 0; c = c->next) {
		c->used = true;
		if (c->value != NULL)
			err = listed_load(r, load->conf, c->value, report);
	}
	if (err < 0) {
		reputation_free(r);
		return err;
	}
	if (r->count > 0)
		qsort(r->scores, r->count, sizeof(*r->scores), score_compare);
	*out = r;
	return 0;
}

void reputation_free(struct reputation *r)
{
	if (r == NULL)
		return;
	for (int i = 0; i < CATEGORIES; i++)
		free(r->names[i]);
	free(r->scores);
	free(r);
}

int reputation_category(const struct reputation *r, struct slice name)
{
	for (int i = 0; r != NULL && i < CATEGORIES; i++)
		if (r->names[i] != NULL && text_is(name, r->names[i]))
			return i;
	return -1;
}

int reputation_score(const struct reputation *r, const struct ip_addr *addr, uint8_t ip_version, uint8_t category)
{
	int family = ip_version == 6;

	if (r == NULL || r->count == 0 || (ip_version != 4 && ip_version != 6))
		return -1;
	for (int prefix = family ? 128 : 32; prefix >= 0; prefix--) {
		struct score key = { .category = category, .family = (uint8_t)family, .prefix = (uint8_t)prefix };
		const struct score *found;

		if (!r->lengths[family][prefix])
			continue;
		key.addr = masked(*addr, (unsigned)prefix);
		found = bsearch(&key, r->scores, r->count, sizeof(*r->scores), score_compare);
		if (found != NULL)
			return found->value;
	}
	return -1;
}
