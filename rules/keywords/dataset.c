/* dataset.c - dataset:COMMAND, NAME[, type …, load …, save …, state …, memcap …, hashsize …, format …]
 * and datarep:NAME, OPERATOR, VALUE[, the same]. */
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

#include "rules/dataset.h"
#include "rules/inspect.h"
#include "rules/parser.h"

#define LABELS_MAX 64

enum command { COMMAND_SET, COMMAND_UNSET, COMMAND_ISSET, COMMAND_ISNOTSET, COMMAND_REPUTATION };
static const char *const commands[] = { "set", "unset", "isset", "isnotset" };

enum format { FORMAT_CSV, FORMAT_JSON, FORMAT_NDJSON };

struct dataset_match {
	struct dataset *set;
	uint8_t command;
	bool subdomain;         /* ".www.example.com" is in a set that holds ".example.com" */
	char op;                /* reputation: < = > */
	uint16_t value;
	struct pcre_capture context;    /* JSON that goes into the alert; name NULL = none */
};

/* Options as written. */
struct dataset_options {
	struct slice name, load, save, state, value_key, array_key, context_key;
	bool has_type, remove_key, subdomain;
	enum dataset_type type;
	enum format format;
	uint64_t memcap;
	uint32_t hashsize;
};

static bool lookup(const struct dataset_match *m, struct slice text, struct dataset_value *value)
{
	unsigned labels = 0;

	if (dataset_has(m->set, text, value))
		return true;
	for (size_t i = 1; m->subdomain && i < text.len && labels < LABELS_MAX; i++) {
		if (text.data[i] != '.')
			continue;
		labels++;
		if (dataset_has(m->set, slice_skip(text, i), value))
			return true;
	}
	return false;
}

static void context_keep(const struct inspect *in, const struct dataset_match *m, struct slice json)
{
	/* The engine takes captures with the alert; it owns in. */
	struct inspect *own = (struct inspect *)in;

	if (m->context.name == NULL || json.len == 0 ||
	    own->capture_count >= sizeof(own->captures) / sizeof(own->captures[0]))
		return;
	own->captures[own->capture_count].to = &m->context;
	own->captures[own->capture_count++].value = json;
}

static bool dataset_test(const struct inspect *in, const void *data, struct slice buffer)
{
	const struct dataset_match *m = data;
	struct dataset_value value = { 0 };

	if (buffer.data == NULL)
		buffer = slice_of("", 0);
	switch (m->command) {
	case COMMAND_SET:
		return dataset_add(m->set, buffer, NULL) == 1;
	case COMMAND_UNSET:
		return dataset_remove(m->set, buffer);
	case COMMAND_ISNOTSET:
		return !lookup(m, buffer, &value);
	case COMMAND_ISSET:
		if (!lookup(m, buffer, &value))
			return false;
		context_keep(in, m, value.json);
		return true;
	}
	if (!dataset_has(m->set, buffer, &value))
		return false;
	if (m->op == '<')
		return value.reputation < m->value;
	return m->op == '>' ? value.reputation > m->value : value.reputation == m->value;
}

static int type_read(struct rule_parser *p, struct slice text, struct dataset_options *o)
{
	for (int i = 0; i < DATASET_TYPES; i++) {
		if (text_is(text, dataset_types[i])) {
			o->type = (enum dataset_type)i;
			o->has_type = true;
			return 0;
		}
	}
	if (text_is(text, "ipv6")) {
		o->type = DATASET_IP;
		o->has_type = true;
		return 0;
	}
	rule_hint(p, "string, md5, sha256, ipv4 or ip");
	return rule_error(p, text.data, "a set's type can't be \"%.*s\"", SLICE_ARG(text));
}

static int format_read(struct rule_parser *p, struct slice text, struct dataset_options *o)
{
	if (text_is(text, "csv"))
		o->format = FORMAT_CSV;
	else if (text_is(text, "json"))
		o->format = FORMAT_JSON;
	else if (text_is(text, "ndjson") || text_is(text, "jsonline"))
		o->format = FORMAT_NDJSON;
	else {
		rule_hint(p, "csv, json or ndjson");
		return rule_error(p, text.data, "a set's format can't be \"%.*s\"", SLICE_ARG(text));
	}
	return 0;
}

static int size_read(struct rule_parser *p, struct slice text, uint64_t *out)
{
	char copy[32];

	snprintf(copy, sizeof(copy), "%.*s", SLICE_ARG(text));
	if (text.len == 0 || text.len >= sizeof(copy) || conf_parse_size(copy, out) < 0)
		return rule_error(p, text.data, "\"%.*s\" isn't a size", SLICE_ARG(text));
	return 0;
}

static int option_read(struct rule_parser *p, struct slice word, struct slice value, struct dataset_options *o)
{
	static const struct { const char *name; size_t at; } texts[] = {
		{ "load", offsetof(struct dataset_options, load) }, { "save", offsetof(struct dataset_options, save) },
		{ "state", offsetof(struct dataset_options, state) },
		{ "value_key", offsetof(struct dataset_options, value_key) },
		{ "array_key", offsetof(struct dataset_options, array_key) },
		{ "context_key", offsetof(struct dataset_options, context_key) },
	};
	uint64_t size;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct slice *at = (struct slice *)((char *)o + texts[i].at);

		if (!text_is(word, texts[i].name))
			continue;
		if (at->len > 0 || value.len == 0)
			return rule_error(p, word.data, "%.*s %s", SLICE_ARG(word), value.len ? "stands here twice" : "has no value");
		*at = value;
		return 0;
	}
	if (text_is(word, "type"))
		return type_read(p, value, o);
	if (text_is(word, "format"))
		return format_read(p, value, o);
	if (text_is(word, "memcap"))
		return size_read(p, value, &o->memcap);
	if (text_is(word, "hashsize")) {
		if (size_read(p, value, &size) < 0)
			return -EINVAL;
		o->hashsize = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
		return 0;
	}
	if (text_is(word, "remove_key")) {
		o->remove_key = true;
		return 0;
	}
	if (text_is(word, "match") && text_is(value, "subdomain")) {
		o->subdomain = true;
		return 0;
	}
	rule_hint(p, "type, load, save, state, memcap, hashsize, format, value_key, array_key, context_key, remove_key");
	return rule_error(p, word.data, "unknown option \"%.*s\"", SLICE_ARG(word));
}

static bool has_parent_step(struct slice path)
{
	struct slice rest = path, part;

	while (text_part(&rest, '/', &part))
		if (text_is(part, ".."))
			return true;
	return false;
}

/* Rules may be somebody else's: they name files below the data directory only. */
static int write_path(struct rule_parser *p, struct slice path, char **out)
{
	const struct conf *conf = p->load->conf;
	const char *dir = p->load->data_dir != NULL ? p->load->data_dir :
			  conf != NULL ? conf_str(conf, "default-data-dir", NULL) : NULL;

	*out = NULL;
	if (conf != NULL && !conf_bool(conf, "datasets.rules.allow-write", true)) {
		rule_hint(p, "set datasets.rules.allow-write");
		return rule_error(p, path.data, "rules aren't allowed to write sets");
	}
	if (path.data[0] == '/' && (conf == NULL || !conf_bool(conf, "datasets.rules.allow-absolute-filenames", false))) {
		rule_hint(p, "set datasets.rules.allow-absolute-filenames, or name a file below the data directory");
		return rule_error(p, path.data, "rules aren't allowed to write absolute paths");
	}
	if (has_parent_step(path))
		return rule_error(p, path.data, "\"..\" isn't allowed in a path that is written");
	if (asprintf(out, "%s%s%.*s", path.data[0] == '/' || dir == NULL ? "" : dir,
		     path.data[0] == '/' || dir == NULL ? "" : "/", SLICE_ARG(path)) < 0)
		return -ENOMEM;
	return 0;
}

/* Beside the rules, else where it says. */
static char *read_path(struct rule_parser *p, struct slice path)
{
	char *file = strdup(p->where.file), *out = NULL;

	if (file != NULL && path.data[0] != '/' &&
	    asprintf(&out, "%s/%.*s", dirname(file), SLICE_ARG(path)) >= 0 && access(out, R_OK) != 0) {
		free(out);
		out = NULL;
	}
	free(file);
	return out != NULL ? out : strndup((const char *)path.data, path.len);
}

static int load_failed(struct rule_parser *p, struct slice path, int err, uint32_t line, const char *error)
{
	if (line > 0)
		return rule_error(p, path.data, "%.*s, line %u: %s", SLICE_ARG(path), line, error);
	return rule_error(p, path.data, "%.*s: %s%s%s", SLICE_ARG(path), error, err == -EINVAL ? "" : ": ",
			  err == -EINVAL ? "" : strerror(-err));
}

static int set_load(struct rule_parser *p, struct dataset *set, const struct dataset_options *o, bool reputation)
{
	struct dataset_json how = { .lines = o->format == FORMAT_NDJSON, .remove_key = o->remove_key };
	char *path = read_path(p, o->load), *value_key, *array_key;
	const char *error;
	uint32_t line;
	int err;

	if (path == NULL)
		return -ENOMEM;
	if (o->format == FORMAT_CSV) {
		err = dataset_load(set, path, reputation, &line, &error);
	} else {
		value_key = arena_copy(&p->parsed->arena, o->value_key);
		array_key = o->array_key.len > 0 ? arena_copy(&p->parsed->arena, o->array_key) : NULL;
		how.value_key = value_key;
		how.array_key = array_key;
		err = value_key != NULL ? dataset_load_json(set, path, &how, &line, &error) : -ENOMEM;
	}
	free(path);
	return err < 0 ? load_failed(p, o->load, err, line, error) : 0;
}

/* "state" is both: what was saved is read again, and need not be there. */
static int set_files(struct rule_parser *p, struct dataset *set, const struct dataset_options *o, bool reputation)
{
	struct slice write = o->state.len > 0 ? o->state : o->save;
	const char *error;
	uint32_t line;
	char *path = NULL;
	int err = 0;

	if (dataset_memory(set) > o->memcap && o->memcap > 0) {
		rule_hint(p, "memcap %llu or more", (unsigned long long)dataset_memory(set));
		return rule_error(p, o->name.data, "the set is larger than its memcap");
	}
	if (write.len > 0)
		err = write_path(p, write, &path);
	if (err == 0 && path != NULL)
		err = dataset_save_to(set, path);
	if (err == 0 && o->state.len > 0) {
		err = dataset_load(set, path, reputation, &line, &error);
		if (err == -ENOENT)
			err = 0;
		else if (err < 0)
			err = load_failed(p, o->state, err, line, error);
	}
	free(path);
	if (err == 0 && o->load.len > 0)
		err = set_load(p, set, o, reputation);
	return err;
}

static int options_check(struct rule_parser *p, const struct dataset_options *o)
{
	if (o->state.len > 0 && (o->load.len > 0 || o->save.len > 0))
		return rule_error(p, o->state.data, "state is load and save in one: it can't be used with them");
	if (o->format != FORMAT_CSV && (o->value_key.len == 0 || o->context_key.len == 0)) {
		rule_hint(p, "add value_key and context_key");
		return rule_error(p, o->name.data, "a set in JSON needs value_key and context_key");
	}
	if (o->format == FORMAT_CSV && (o->value_key.len > 0 || o->context_key.len > 0 || o->array_key.len > 0))
		return rule_error(p, o->name.data, "value_key, array_key and context_key need format json or ndjson");
	if (o->format != FORMAT_CSV && (o->save.len > 0 || o->state.len > 0))
		return rule_error(p, o->name.data, "a set in JSON can't be saved");
	return 0;
}

static struct dataset *set_open(struct rule_parser *p, const struct dataset_options *o, bool reputation)
{
	struct dataset *set;
	char name[128];

	if (o->name.len == 0 || o->name.len >= sizeof(name)) {
		rule_error(p, o->name.data, "a set's name has up to %zu letters", sizeof(name) - 1);
		return NULL;
	}
	snprintf(name, sizeof(name), "%.*s", SLICE_ARG(o->name));
	if (options_check(p, o) < 0)
		return NULL;
	set = dataset_find(p->set->datasets, name);
	if (set != NULL) {
		if (o->has_type && o->type != dataset_type_of(set)) {
			rule_error(p, o->name.data, "the set %s has the type %s already", name,
				   dataset_types[dataset_type_of(set)]);
			return NULL;
		}
		return set;
	}
	if (!o->has_type) {
		rule_hint(p, "add type string, md5, sha256, ipv4 or ip");
		rule_error(p, o->name.data, "the set %s is new here and has no type", name);
		return NULL;
	}
	set = dataset_make(p->set->datasets, name, o->type, o->memcap, o->hashsize);
	if (set == NULL) {
		rule_error(p, NULL, "out of memory");
	} else if (set_files(p, set, o, reputation) < 0) {
		dataset_discard(p->set->datasets, set);
		return NULL;
	}
	return set;
}

static void defaults(struct rule_parser *p, struct dataset_options *o)
{
	const struct conf *conf = p->load->conf;

	o->hashsize = 4096;
	o->memcap = 100u << 20;
	if (conf != NULL) {
		o->memcap = conf_size(conf, "datasets.defaults.memcap", o->memcap);
		o->hashsize = (uint32_t)conf_size(conf, "datasets.defaults.hashsize", o->hashsize);
	}
}

static int options_read(struct rule_parser *p, struct slice *rest, struct dataset_options *o)
{
	struct slice part, word;

	while (text_part(rest, ',', &part)) {
		if (!text_word(&part, &word))
			return rule_error(p, part.data, "nothing stands between two commas");
		if (option_read(p, word, text_trim(part), o) < 0)
			return -EINVAL;
	}
	return 0;
}

static int match_add(struct rule_parser *p, const struct keyword *kw, struct dataset_match *m)
{
	struct match *match = rule_match_add(p, rule_list(p), MATCH_DATASET);

	if (match == NULL)
		return -EINVAL;
	match->custom.keyword = kw;
	match->custom.data = m;
	match->custom.test = dataset_test;
	return 0;
}

static int sticky_needed(struct rule_parser *p)
{
	if (p->sticky)
		return 0;
	rule_hint(p, "write it behind a sticky buffer, for instance dns.query");
	return rule_error(p, NULL, "%.*s has no sticky buffer before it", SLICE_ARG(p->keyword));
}

static int dataset_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct dataset_match *m = rule_alloc(p, sizeof(*m));
	struct dataset_options o = { 0 };
	struct slice rest = argument, word;

	(void)negated;
	if (m == NULL)
		return -ENOMEM;
	if (sticky_needed(p) < 0)
		return -EINVAL;
	defaults(p, &o);
	text_part(&rest, ',', &word);
	while (m->command < COMMAND_REPUTATION && !text_is(word, commands[m->command]))
		m->command++;
	if (m->command == COMMAND_REPUTATION) {
		rule_hint(p, "set, unset, isset or isnotset");
		return rule_error(p, word.data, "dataset doesn't know \"%.*s\"", SLICE_ARG(word));
	}
	if (!text_part(&rest, ',', &o.name))
		return rule_error(p, argument.data, "the set's name is missing");
	if (options_read(p, &rest, &o) < 0)
		return -EINVAL;
	m->subdomain = o.subdomain;
	if (o.context_key.len > 0) {
		m->context.kind = 'j';
		m->context.name = arena_intern(&p->parsed->arena, o.context_key);
		m->context.id = UINT32_MAX;
	}
	m->set = set_open(p, &o, false);
	return m->set != NULL ? match_add(p, kw, m) : -EINVAL;
}

static int datarep_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct dataset_match *m = rule_alloc(p, sizeof(*m));
	struct dataset_options o = { 0 };
	struct slice rest = argument, op, value;
	uint32_t number;

	(void)negated;
	if (m == NULL)
		return -ENOMEM;
	if (sticky_needed(p) < 0)
		return -EINVAL;
	defaults(p, &o);
	if (!text_part(&rest, ',', &o.name) || !text_part(&rest, ',', &op) || !text_part(&rest, ',', &value)) {
		rule_hint(p, "write datarep:NAME, >, 10, type string, load FILE;");
		return rule_error(p, argument.data, "datarep needs a name, an operator and a number");
	}
	if (!text_is(op, "<") && !text_is(op, ">") && !text_is(op, "==")) {
		rule_hint(p, "operators are < > ==");
		return rule_error(p, op.data, "\"%.*s\" isn't an operator", SLICE_ARG(op));
	}
	if (!text_u32(value, UINT16_MAX, &number))
		return rule_error(p, value.data, "a reputation is a number up to 65535");
	m->op = (char)op.data[0];
	m->value = (uint16_t)number;
	m->command = COMMAND_REPUTATION;
	if (options_read(p, &rest, &o) < 0)
		return -EINVAL;
	m->set = set_open(p, &o, true);
	return m->set != NULL ? match_add(p, kw, m) : -EINVAL;
}

static const struct keyword keywords[] = {
	{ .name = "dataset", .summary = "whether the buffer is in a set, or put it there", .flags = KEYWORD_STATE,
	  .parse = dataset_parse },
	{ .name = "datarep", .summary = "the buffer's reputation in a set", .flags = KEYWORD_STATE, .parse = datarep_parse },
};

const struct keyword_table keywords_dataset = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
