/* load.c - rule files to a rule_set: which files, lines joined, duplicates, what stays. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "rules/dataset.h"
#include "rules/lines.h"
#include "rules/parse.h"
#include "rules/reputation.h"

struct loader {
	struct rule_set *set;
	struct parsed *parsed;
	const struct rule_load *load;
	struct rule_report *report;
	struct rule_parser *parser;
	char *join;                     /* lines being joined */
	size_t join_len, join_cap;
};

bool parsed_grow(void **items, unsigned count, unsigned *cap, size_t size)
{
	unsigned more;
	void *grown;

	if (count < *cap)
		return true;
	more = *cap ? *cap * 2 : 16;
	grown = realloc(*items, more * size);
	if (grown == NULL)
		return false;
	*items = grown;
	*cap = more;
	return true;
}

int parsed_own(struct parsed *parsed, void (*release)(void *), void *data)
{
	if (!parsed_grow((void **)&parsed->owned, parsed->owned_count, &parsed->owned_cap, sizeof(*parsed->owned)))
		return -ENOMEM;
	parsed->owned[parsed->owned_count++] = (struct owned){ release, data };
	return 0;
}

static uint64_t sid_key(const struct rule *r)
{
	return (uint64_t)r->gid << 32 | r->sid;
}

static struct sid_slot *sid_slot(struct parsed *parsed, uint64_t key)
{
	uint32_t at = (uint32_t)((key * 0x9e3779b97f4a7c15ull) >> 32) & (parsed->sid_cap - 1);

	while (parsed->sids[at].index_plus_1 != 0 && parsed->sids[at].key != key)
		at = (at + 1) & (parsed->sid_cap - 1);
	return &parsed->sids[at];
}

static int sids_grow(struct parsed *parsed)
{
	struct sid_slot *old = parsed->sids;
	uint32_t old_cap = parsed->sid_cap;

	parsed->sid_cap = old_cap ? old_cap * 2 : 4096;
	parsed->sids = calloc(parsed->sid_cap, sizeof(*parsed->sids));
	if (parsed->sids == NULL) {
		parsed->sids = old;
		parsed->sid_cap = old_cap;
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < old_cap; i++)
		if (old[i].index_plus_1 != 0)
			*sid_slot(parsed, old[i].key) = old[i];
	free(old);
	return 0;
}

/* Keeps a rule, unless it is an older revision of one that is there. */
static int rule_keep(struct loader *l, struct rule *r)
{
	struct rule_set *set = l->set;
	struct sid_slot *slot;
	char text[160];

	if ((l->parsed->sid_count + 1) * 2 > l->parsed->sid_cap && sids_grow(l->parsed) < 0)
		return -ENOMEM;
	slot = sid_slot(l->parsed, sid_key(r));
	if (slot->index_plus_1 != 0) {
		struct rule *other = set->rules[slot->index_plus_1 - 1];
		bool newer = r->rev > other->rev;

		snprintf(text, sizeof(text), "sid %u is there already (%s:%u, rev %u)%s", r->sid, other->file,
			 other->line, other->rev, newer ? ": this newer revision replaces it" : "");
		rule_report_add(l->report, newer ? DIAG_WARNING : DIAG_ERROR, r->file, r->line, 1, r->sid, text,
				newer ? NULL : "give it a sid of its own, or a higher rev to replace the other");
		if (!newer) {
			l->report->rules_failed++;
			return 0;
		}
		set->rules[slot->index_plus_1 - 1] = r;
		return 0;
	}
	if (!parsed_grow((void **)&set->rules, set->count, &l->parsed->rule_cap, sizeof(r)))
		return -ENOMEM;
	slot->key = sid_key(r);
	slot->index_plus_1 = set->count + 1;
	l->parsed->sid_count++;
	set->rules[set->count++] = r;
	l->report->rules_loaded++;
	return 0;
}

static int line_parse(struct loader *l)
{
	struct rule_text *w = &l->parser->where;
	struct rule *rule;
	int err;

	while (w->text.len > 0 && strchr(" \t\r\n", w->text.data[w->text.len - 1]) != NULL &&
	       w->text.data[w->text.len - 1] != '\0')
		w->text.len--;
	if (memchr(w->text.data, '\0', w->text.len) != NULL) {
		rule_report_add(l->report, DIAG_ERROR, w->file, w->line, 1, 0, "a zero byte stands in this line",
				"is this a rule file?");
		l->report->rules_failed++;
		return 0;
	}
	((char *)w->text.data)[w->text.len] = '\0';
	err = rule_parse(l->parser, &rule);
	if (err == -ENOMEM)
		return err;
	if (err < 0)
		l->report->rules_failed++;
	else if (err > 0)
		l->report->rules_skipped++;
	else
		return rule_keep(l, rule);
	return 0;
}

/* Joins what a rule's first line and those that continue it say, in the arena. */
static int lines_join(struct loader *l, struct slice line, struct slice *rest, uint32_t *number)
{
	struct rule_text *w = &l->parser->where;
	bool more = true;

	l->join_len = 0;
	for (;;) {
		if (l->join_len + line.len > l->join_cap) {
			size_t cap = (l->join_len + line.len) * 2;
			char *bigger = realloc(l->join, cap);

			if (bigger == NULL)
				return -ENOMEM;
			l->join = bigger;
			l->join_cap = cap;
		}
		if (line.len > 0)
			memcpy(l->join + l->join_len, line.data, line.len);
		l->join_len += line.len;
		if (!more || !line_next(rest, &line))
			break;
		(*number)++;
		if (w->break_count < BREAKS_MAX) {
			w->breaks[w->break_count].offset = (uint32_t)l->join_len;
			w->breaks[w->break_count++].column = 1;
		}
		more = line_continues(&line);
	}
	w->text = slice_of(arena_copy(&l->parsed->arena, slice_of(l->join, l->join_len)), l->join_len);
	return w->text.data != NULL ? 0 : -ENOMEM;
}

/* text is ours to write on, with a byte more behind its end. */
static int text_parse(struct loader *l, const char *path, char *text, size_t len)
{
	struct slice rest = slice_of(text, len), line;
	struct rule_text *w = &l->parser->where;
	uint32_t number = 0;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		rest = slice_skip(rest, 3);
	w->file = arena_intern(&l->parsed->arena, slice_str(path));
	while (line_next(&rest, &line)) {
		struct slice content = text_trim(line);
		int err = 0;

		number++;
		if (content.len == 0 || content.data[0] == '#' || content.data[0] == ';')
			continue;
		w->line = number;
		w->break_count = 0;
		w->text = line;
		if (line_continues(&line))
			err = lines_join(l, line, &rest, &number);
		if (err == 0)
			err = line_parse(l);
		if (err < 0)
			return err;
	}
	return 0;
}

static int file_load(struct loader *l, const char *path)
{
	char message[256];
	char *text;
	size_t len;
	int err = file_read(path, &text, &len);

	if (err == -ENOMEM)
		return err;
	if (err < 0) {
		snprintf(message, sizeof(message), "can't read this rule file: %s", strerror(-err));
		rule_report_add(l->report, DIAG_ERROR, path, 0, 0, 0, message, NULL);
		l->report->files_missing++;
		return 0;
	}
	if (!parsed_grow((void **)&l->parsed->texts, l->parsed->text_count, &l->parsed->text_cap, sizeof(text))) {
		free(text);
		return -ENOMEM;
	}
	l->parsed->texts[l->parsed->text_count++] = text;
	l->report->files++;
	return text_parse(l, path, text, len);
}

/* A path or a glob pattern, below default-rule-path unless it says where. */
static int pattern_load(struct loader *l, const char *pattern, bool below_default)
{
	const char *base = below_default ? conf_str(l->load->conf, "default-rule-path", NULL) : NULL;
	char *path = NULL;
	glob_t found;
	int err = 0;

	if (asprintf(&path, "%s%s%s", base && pattern[0] != '/' ? base : "",
		     base && pattern[0] != '/' && base[0] && base[strlen(base) - 1] != '/' ? "/" : "", pattern) < 0)
		return -ENOMEM;
	if (glob(path, 0, NULL, &found) != 0) {
		rule_report_add(l->report, below_default ? DIAG_WARNING : DIAG_ERROR, path, 0, 0, 0,
				"no such rule file", below_default ? "see default-rule-path and rule-files" : NULL);
		l->report->files_missing++;
		free(path);
		return 0;
	}
	for (size_t i = 0; i < found.gl_pathc && err == 0; i++)
		err = file_load(l, found.gl_pathv[i]);
	globfree(&found);
	free(path);
	return err;
}

static int files_load(struct loader *l)
{
	const struct conf *list = NULL;
	int err = 0;

	if (l->load->file_count == 0 && l->load->conf != NULL)
		list = conf_find(l->load->conf, "rule-files");
	for (struct conf *c = list != NULL ? list->first : NULL; c != NULL && err == 0; c = c->next) {
		c->used = true;
		if (c->value != NULL)
			err = pattern_load(l, c->value, true);
	}
	for (unsigned i = 0; i < l->load->file_count && err == 0; i++)
		err = pattern_load(l, l->load->files[i], false);
	return err;
}

static int parsed_new(struct parsed **out)
{
	struct parsed *p = calloc(1, sizeof(*p));
	int err;

	*out = NULL;
	if (p == NULL)
		return -ENOMEM;
	err = arena_init(&p->arena);
	if (err == 0)
		err = lexicon_new(&p->lexicon);
	if (err < 0) {
		arena_fini(&p->arena);
		free(p);
		return err;
	}
	*out = p;
	return 0;
}

/* What only loading needed. */
static void loader_fini(struct loader *l)
{
	parser_free(l->parser);
	free(l->join);
	free(l->parsed->sids);
	free(l->parsed->addr_cache.slots);
	free(l->parsed->port_cache.slots);
	l->parsed->sids = NULL;
	l->parsed->addr_cache.slots = l->parsed->port_cache.slots = NULL;
}

/* A reload: names keep their ids, so that what flows remember stays true. */
static int names_inherit(struct rule_set *set, const struct rule_set *previous)
{
	for (int kind = 0; previous != NULL && kind < NAME_KINDS; kind++) {
		const struct name_table *old = &previous->names[kind];
		struct name_table *t = &set->names[kind];

		for (uint32_t i = 0; i < old->count; i++) {
			if (!parsed_grow((void **)&t->names, t->count, &t->cap, sizeof(*t->names)))
				return -ENOMEM;
			t->names[t->count++] = (struct name_use){
				.name = arena_intern(&set->parsed->arena, slice_str(old->names[i].name)),
			};
		}
	}
	return 0;
}

static int loader_init(struct loader *l, struct rule_set *set, const struct rule_load *load,
		       struct rule_report *report)
{
	int err = parsed_new(&set->parsed);

	if (err < 0)
		return err;
	l->parsed = set->parsed;
	l->parser = calloc(1, sizeof(*l->parser));
	if (l->parser == NULL)
		return -ENOMEM;
	l->parser->set = set;
	l->parser->parsed = set->parsed;
	l->parser->load = load;
	l->parser->report = report;
	if (load->previous != NULL && load->previous->datasets != NULL)
		set->datasets = dataset_store_get(load->previous->datasets);
	else if (dataset_store_new(&set->datasets) < 0)
		return -ENOMEM;
	datasets_configure(set->datasets, load, report);
	err = reputation_load(&set->reputation, load, report);
	return err < 0 ? err : names_inherit(set, load->previous);
}

int rules_parse(struct rule_set *set, const struct rule_load *load, struct rule_report *report)
{
	struct loader l = { .set = set, .load = load, .report = report };
	int err = loader_init(&l, set, load, report);

	if (err == 0) {
		classification_load(set->parsed, load, report);
		references_load(set->parsed, load, report);
		err = files_load(&l);
	}
	if (err == 0)
		thresholds_load(set, l.parser);
	if (set->parsed != NULL)
		loader_fini(&l);
	if (err == 0 && set->parsed->arena.failed)
		err = -ENOMEM;
	return err;
}

int rules_parse_text(struct rule_set *set, const struct rule_load *load, const char *name, const char *text, size_t len,
		     struct rule_report *report)
{
	struct loader l = { .set = set, .load = load, .report = report };
	int err = loader_init(&l, set, load, report);
	char *copy = malloc(len + 1);

	if (err == 0 && (copy == NULL || !parsed_grow((void **)&set->parsed->texts, 0, &set->parsed->text_cap,
						      sizeof(copy))))
		err = -ENOMEM;
	if (err == 0) {
		memcpy(copy, text, len);
		copy[len] = '\0';
		set->parsed->texts[set->parsed->text_count++] = copy;
		copy = NULL;
		classification_load(set->parsed, load, report);
		references_load(set->parsed, load, report);
		err = text_parse(&l, name, set->parsed->texts[0], len);
	}
	free(copy);
	if (set->parsed != NULL)
		loader_fini(&l);
	return err;
}

void rules_parse_free(struct rule_set *set)
{
	struct parsed *p = set->parsed;

	free(set->rules);
	free(set->addr_sets);
	free(set->port_sets);
	free(set->buffers);
	dataset_store_put(set->datasets);
	reputation_free(set->reputation);
	for (int i = 0; i < NAME_KINDS; i++)
		free(set->names[i].names);
	if (p == NULL)
		return;
	for (unsigned i = 0; i < p->text_count; i++)
		free(p->texts[i]);
	for (unsigned i = 0; i < p->owned_count; i++)
		p->owned[i].free(p->owned[i].data);
	free(p->texts);
	free(p->owned);
	free(p->classes);
	free(p->systems);
	lexicon_free(p->lexicon);
	arena_fini(&p->arena);
	free(p);
	set->parsed = NULL;
}
