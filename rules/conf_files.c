/* conf_files.c - classification.config, reference.config and threshold.config. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "rules/lines.h"
#include "rules/parse.h"
#include "rules/threshold.h"

static void complain(struct rule_report *report, uint8_t level, const char *path, uint32_t line, const char *message,
		     const char *suggestion)
{
	rule_report_add(report, level, path, line, line ? 1 : 0, 0, message, suggestion);
}

/* The file that conf names, or -ENOENT where it names none or it can't be read (reported). */
static int named_read(const struct rule_load *load, struct rule_report *report, const char *key, const char **path,
		      char **text, size_t *len)
{
	char message[200];
	int err;

	*path = load->conf != NULL ? conf_str(load->conf, key, NULL) : NULL;
	if (*path == NULL || (*path)[0] == '\0')
		return -ENOENT;
	err = file_read(*path, text, len);
	if (err < 0) {
		snprintf(message, sizeof(message), "can't read the %s: %s", key, strerror(-err));
		complain(report, DIAG_WARNING, *path, 0, message, NULL);
	}
	return err;
}

/* "config classification: …" to what follows the colon. */
static bool config_line(struct slice line, const char *kind, struct slice *value)
{
	struct slice word, rest = line, name;

	if (!text_word(&rest, &word) || !text_is(word, "config"))
		return false;
	if (!text_part(&rest, ':', &name) || !text_is(name, kind) || rest.data == NULL)
		return false;
	*value = text_trim(rest);
	return true;
}

static bool config_name(struct slice s)
{
	if (s.len == 0 || !((s.data[0] >= 'a' && s.data[0] <= 'z') || (s.data[0] >= 'A' && s.data[0] <= 'Z')))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", s.data[i]) ||
		    s.data[i] == '\0')
			return false;
	return true;
}

const struct classification *classification_find(const struct parsed *parsed, struct slice name)
{
	for (unsigned i = 0; i < parsed->class_count; i++)
		if (text_is_nocase(name, parsed->classes[i].name))
			return &parsed->classes[i];
	return NULL;
}

const struct reference_system *reference_find(const struct parsed *parsed, struct slice name)
{
	for (unsigned i = 0; i < parsed->system_count; i++)
		if (text_is_nocase(name, parsed->systems[i].name))
			return &parsed->systems[i];
	return NULL;
}

static bool classification_line(struct parsed *parsed, struct slice value)
{
	struct slice name, rest = value, description, priority;
	struct classification *c;
	const uint8_t *comma;
	uint32_t number;

	if (!text_part(&rest, ',', &name) || !config_name(name) || rest.data == NULL)
		return false;
	comma = memrchr(rest.data, ',', rest.len);
	if (comma == NULL)
		return false;
	description = text_trim(slice_of(rest.data, (size_t)(comma - rest.data)));
	priority = text_trim(slice_skip(rest, (size_t)(comma - rest.data) + 1));
	if (description.len == 0 || !text_u32(priority, 255, &number))
		return false;
	if (classification_find(parsed, name) != NULL)
		return true;
	if (!parsed_grow((void **)&parsed->classes, parsed->class_count, &parsed->class_cap, sizeof(*c)))
		return true;
	c = &parsed->classes[parsed->class_count++];
	c->name = arena_intern(&parsed->arena, name);
	c->description = arena_intern(&parsed->arena, description);
	c->priority = number;
	return true;
}

void classification_load(struct parsed *parsed, const struct rule_load *load, struct rule_report *report)
{
	struct slice rest, line, value;
	const char *path;
	uint32_t number = 0;
	size_t len;
	char *text;

	if (named_read(load, report, "classification-file", &path, &text, &len) < 0)
		return;
	rest = slice_of(text, len);
	while (line_next(&rest, &line)) {
		number++;
		line = text_trim(line);
		if (line.len == 0 || line.data[0] == '#')
			continue;
		if (!config_line(line, "classification", &value) || !classification_line(parsed, value))
			complain(report, DIAG_ERROR, path, number, "invalid classification",
				 "write config classification: short-name,description,priority");
	}
	free(text);
}

void references_load(struct parsed *parsed, const struct rule_load *load, struct rule_report *report)
{
	struct slice rest, line, value, name, url;
	const char *path;
	uint32_t number = 0;
	size_t len;
	char *text;

	if (named_read(load, report, "reference-config-file", &path, &text, &len) < 0)
		return;
	rest = slice_of(text, len);
	while (line_next(&rest, &line)) {
		struct reference_system *s;

		number++;
		line = text_trim(line);
		if (line.len == 0 || line.data[0] == '#')
			continue;
		if (!config_line(line, "reference", &value) || !text_word(&value, &name) || !config_name(name)) {
			complain(report, DIAG_ERROR, path, number, "invalid reference system",
				 "write config reference: name url-prefix");
			continue;
		}
		url = text_trim(value);
		if (reference_find(parsed, name) != NULL ||
		    !parsed_grow((void **)&parsed->systems, parsed->system_count, &parsed->system_cap, sizeof(*s)))
			continue;
		s = &parsed->systems[parsed->system_count++];
		s->name = arena_intern(&parsed->arena, name);
		s->url = arena_intern(&parsed->arena, url);
	}
	free(text);
}

static void threshold_hang(struct rule *r, const struct threshold *t, struct arena *arena)
{
	struct threshold *own = arena_alloc(arena, sizeof(*own)), **at = &r->thresholds;

	if (own == NULL)
		return;
	*own = *t;
	own->next = NULL;
	while (*at != NULL)
		at = &(*at)->next;
	*at = own;
}

static bool threshold_own(const struct rule *r)
{
	for (const struct threshold *t = r->thresholds; t != NULL; t = t->next)
		if (t->type != THRESHOLD_SUPPRESS && t->type != THRESHOLD_RATE)
			return true;
	return false;
}

static void threshold_drop(struct rule *r)
{
	struct threshold **at = &r->thresholds;

	while (*at != NULL) {
		if ((*at)->type != THRESHOLD_SUPPRESS && (*at)->type != THRESHOLD_RATE)
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
}

/* A rule's own threshold stands against one for all rules, and gives way to one for just this rule. */
static unsigned threshold_apply(struct rule_set *set, const struct threshold_line *line, struct arena *arena)
{
	bool filter = line->threshold.type != THRESHOLD_SUPPRESS && line->threshold.type != THRESHOLD_RATE;
	unsigned hits = 0;

	for (unsigned i = 0; i < set->count; i++) {
		struct rule *r = set->rules[i];

		if ((line->gid != 0 && r->gid != line->gid) || (line->sid != 0 && r->sid != line->sid))
			continue;
		hits++;
		if (line->threshold.type == THRESHOLD_RATE && threshold_own(r))
			continue;
		if (filter && threshold_own(r)) {
			if (line->sid == 0)
				continue;
			threshold_drop(r);
		}
		threshold_hang(r, &line->threshold, arena);
		if (line->sid != 0)
			break;
	}
	return hits;
}

void thresholds_load(struct rule_set *set, struct rule_parser *p)
{
	struct slice rest, line;
	const char *path;
	uint32_t number = 0;
	size_t len;
	char *text;

	if (named_read(p->load, p->report, "threshold-file", &path, &text, &len) < 0)
		return;
	rest = slice_of(text, len);
	p->rule = NULL;
	while (line_next(&rest, &line)) {
		struct threshold_line one = { 0 };
		uint32_t first = ++number;
		char *joined;

		/* A backslash joins lines: it and the line's end become blanks, in place. */
		while (line_continues(&line) && rest.len > 0) {
			size_t end = line.len;
			struct slice more;

			if (!line_next(&rest, &more))
				break;
			number++;
			line.len = (size_t)(more.data + more.len - line.data);
			for (size_t i = end; i < line.len && line.data + i < more.data; i++)
				((char *)line.data)[i] = ' ';
		}
		line = text_trim(line);
		if (line.len == 0 || line.data[0] == '#')
			continue;
		joined = arena_copy(&p->parsed->arena, line);
		if (joined == NULL)
			break;
		p->where.file = arena_intern(&p->parsed->arena, slice_str(path));
		p->where.line = first;
		p->where.break_count = 0;
		p->where.text = slice_of(joined, line.len);
		p->keyword = slice_of(NULL, 0);
		if (threshold_line_parse(p, p->where.text, &one) < 0)
			continue;
		if (threshold_apply(set, &one, &p->parsed->arena) == 0)
			rule_warning(p, NULL, "there is no rule with gid %u and sid %u", one.gid, one.sid);
	}
	free(text);
}
