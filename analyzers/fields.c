/* fields.c - finding a field by what a rule calls it, and the fields that every analyzer with files has. */
#include "analyzers/analyzer.h"
#include "analyzers/file.h"
#include "base/must.h"
#include "base/text.h"

static bool file_data_get(struct analysis *a, struct tx *tx, enum side side, unsigned index,
			  struct field_value *out)
{
	struct file *f = file_at(tx, side, index);

	return f != NULL && window_view(&f->window, &f->limits, file_complete(a, f), out);
}

static bool file_name_get(struct analysis *a, struct tx *tx, enum side side, unsigned index,
			  struct field_value *out)
{
	struct file *f = file_at(tx, side, index);

	(void)a;
	if (f == NULL || f->name.len == 0)
		return false;
	out->bytes = bytes_slice(&f->name);
	out->complete = true;
	return true;
}

static bool file_magic_get(struct analysis *a, struct tx *tx, enum side side, unsigned index,
			   struct field_value *out)
{
	struct file *f = file_at(tx, side, index);

	(void)a;
	if (f == NULL || f->magic == NULL)
		return false;
	out->bytes = slice_str(f->magic);
	out->complete = true;
	return true;
}

static const struct field common[] = {
	{ .name = "file.data", .aliases = "file_data", .type = FIELD_BYTES,
	  .flags = FIELD_TO_SERVER | FIELD_TO_CLIENT | FIELD_MULTI | FIELD_GROWS | FIELD_FILE,
	  .get = file_data_get, .summary = "content of a file in transfer" },
	{ .name = "file.name", .aliases = "file_name", .type = FIELD_BYTES,
	  .flags = FIELD_TO_SERVER | FIELD_TO_CLIENT | FIELD_MULTI | FIELD_FILE,
	  .get = file_name_get, .summary = "name of a file in transfer" },
	{ .name = "file.magic", .aliases = "file_magic", .type = FIELD_BYTES,
	  .flags = FIELD_TO_SERVER | FIELD_TO_CLIENT | FIELD_MULTI | FIELD_FILE,
	  .get = file_magic_get, .summary = "what libmagic says a file in transfer is" },
};

const struct field *fields_common(unsigned *count)
{
	*count = ARRAY_LEN(common);
	return common;
}

static const struct field *rows_find(const struct field *rows, unsigned count, const char *keyword)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(rows[i].name, keyword) == 0)
			return &rows[i];
	for (unsigned i = 0; i < count; i++)
		if (text_listed(rows[i].aliases, slice_str(keyword)))
			return &rows[i];
	return NULL;
}

const struct field *field_in(const struct analyzer *analyzer, const char *keyword)
{
	const struct field *f = NULL;

	if (analyzer != NULL)
		f = rows_find(analyzer->fields, analyzer->field_count, keyword);
	return f != NULL ? f : rows_find(common, ARRAY_LEN(common), keyword);
}

const struct field *field_find(const char *keyword, const struct analyzer **analyzer)
{
	const struct field *f = rows_find(common, ARRAY_LEN(common), keyword);

	if (f != NULL) {
		if (analyzer != NULL)
			*analyzer = NULL;
		return f;
	}
	for (unsigned i = 0; i < analyzer_count(); i++) {
		const struct analyzer *an = analyzer_at(i);

		f = rows_find(an->fields, an->field_count, keyword);
		if (f == NULL)
			continue;
		if (analyzer != NULL)
			*analyzer = an;
		return f;
	}
	return NULL;
}

const struct field *field_find_modifier(const char *modifier, const struct analyzer **analyzer)
{
	for (unsigned i = 0; i < analyzer_count(); i++) {
		const struct analyzer *an = analyzer_at(i);

		for (unsigned k = 0; k < an->field_count; k++) {
			if (an->fields[k].modifier == NULL || strcmp(an->fields[k].modifier, modifier) != 0)
				continue;
			if (analyzer != NULL)
				*analyzer = an;
			return &an->fields[k];
		}
	}
	return NULL;
}

const struct field *field_find_letter(char letter, const struct analyzer **analyzer)
{
	for (unsigned i = 0; i < analyzer_count(); i++) {
		const struct analyzer *an = analyzer_at(i);

		for (unsigned k = 0; k < an->field_count; k++) {
			if (an->fields[k].pcre_letter != letter)
				continue;
			if (analyzer != NULL)
				*analyzer = an;
			return &an->fields[k];
		}
	}
	return NULL;
}
