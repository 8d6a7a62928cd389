/* report.c - what was wrong in files that a person wrote, collected and shown. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "rules/rules.h"

/* A file full of mistakes shouldn't cost more memory than the rules would have. */
#define DIAGNOSTICS_MAX 100000

void rule_report_free(struct rule_report *r)
{
	for (unsigned i = 0; i < r->count; i++) {
		free(r->items[i].message);
		free(r->items[i].suggestion);
		free((char *)r->items[i].file);
	}
	free(r->items);
	memset(r, 0, sizeof(*r));
}

void rule_report_add(struct rule_report *r, uint8_t level, const char *file, uint32_t line, uint32_t column,
		     uint32_t sid, const char *message, const char *suggestion)
{
	struct diagnostic *d;

	if (r == NULL)
		return;
	r->errors += level == DIAG_ERROR;
	r->warnings += level == DIAG_WARNING;
	if (r->count == r->cap) {
		unsigned cap = r->cap ? r->cap * 2 : 32;

		if (r->count >= DIAGNOSTICS_MAX)
			return;
		d = realloc(r->items, cap * sizeof(*d));
		if (d == NULL)
			return;
		r->items = d;
		r->cap = cap;
	}
	d = &r->items[r->count++];
	*d = (struct diagnostic){ .level = level, .line = line, .column = column, .sid = sid };
	d->file = strdup(file ? file : "");
	d->message = strdup(message);
	d->suggestion = suggestion && suggestion[0] ? strdup(suggestion) : NULL;
}

static const char *level_name(uint8_t level)
{
	static const char *const names[] = { "error", "warning", "hint" };

	return names[level <= DIAG_HINT ? level : DIAG_HINT];
}

void rule_report_print(const struct rule_report *r, FILE *out)
{
	for (unsigned i = 0; i < r->count; i++) {
		const struct diagnostic *d = &r->items[i];

		if (d->file != NULL && d->file[0])
			fprintf(out, "%s:", d->file);
		if (d->line > 0)
			fprintf(out, "%u:", d->line);
		if (d->column > 0)
			fprintf(out, "%u:", d->column);
		fprintf(out, " %s: %s", level_name(d->level), d->message);
		if (d->suggestion != NULL)
			fprintf(out, "; %s", d->suggestion);
		if (d->sid > 0)
			fprintf(out, " [sid %u]", d->sid);
		fputc('\n', out);
	}
}

void rule_report_json(const struct rule_report *r, FILE *out)
{
	struct json j;

	if (json_init(&j, 64 * 1024, (size_t)256 * 1024 * 1024) < 0)
		return;
	json_object(&j, NULL);
	json_uint(&j, "loaded", r->rules_loaded);
	json_uint(&j, "failed", r->rules_failed);
	json_uint(&j, "skipped", r->rules_skipped);
	json_uint(&j, "files", r->files);
	json_uint(&j, "files_missing", r->files_missing);
	json_array(&j, "problems");
	for (unsigned i = 0; i < r->count; i++) {
		const struct diagnostic *d = &r->items[i];

		json_object(&j, NULL);
		json_str(&j, "level", level_name(d->level));
		json_str(&j, "file", d->file ? d->file : "");
		if (d->line > 0)
			json_uint(&j, "line", d->line);
		if (d->column > 0)
			json_uint(&j, "column", d->column);
		if (d->sid > 0)
			json_uint(&j, "sid", d->sid);
		json_str(&j, "message", d->message ? d->message : "");
		if (d->suggestion != NULL)
			json_str(&j, "suggestion", d->suggestion);
		json_close(&j);
	}
	json_close(&j);
	json_close(&j);
	json_line(&j);
	fwrite(j.buf, 1, j.len, out);
	json_fini(&j);
}
