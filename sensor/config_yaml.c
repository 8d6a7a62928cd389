/* config_yaml.c - YAML to the configuration tree; the only file that knows libyaml.
 *
 * Events are turned into nodes as they come. A key that is written twice means its last value, as
 * in Suricata; "include" puts another file's keys where it stands; aliases copy what their anchor
 * named. Depth, includes and the number of nodes are bounded, so that a file that refers to itself
 * or doubles itself ends in a message. */
#include "sensor/config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 64
#define INCLUDES_MAX 8
#define NODES_MAX 500000
#define ANCHORS_MAX 256

struct anchor {
	char *name;
	struct conf *node;
};

struct load {
	struct config *config;
	const char *file;       /* for messages */
	const char *dir;        /* of the outermost file: includes are relative to it */
	unsigned includes;      /* how deep we are in includes */
	yaml_parser_t parser;
	yaml_event_t event;     /* the one being looked at */
	bool have_event;
	struct anchor anchors[ANCHORS_MAX];
	unsigned anchor_count;
};

static int load_value(struct load *l, struct conf *node, unsigned depth);
static int load_file(struct config *config, struct conf *node, const char *path, const char *dir,
		     unsigned includes);

static int load_next(struct load *l)
{
	if (l->have_event)
		yaml_event_delete(&l->event);
	l->have_event = false;
	if (!yaml_parser_parse(&l->parser, &l->event)) {
		yaml_parser_t *p = &l->parser;
		bool reader = p->error == YAML_READER_ERROR;

		if (p->error == YAML_MEMORY_ERROR)
			return -ENOMEM;
		return config_error(l->config, l->file, p->problem_mark.line + 1, p->problem_mark.column + 1,
				    "not valid YAML: %s%s%s", p->problem ? p->problem : "cannot be read",
				    p->context ? " " : "", reader || !p->context ? "" : p->context);
	}
	l->have_event = true;
	return 0;
}

static int load_fail(struct load *l, const char *what)
{
	return config_error(l->config, l->file, l->event.start_mark.line + 1,
			    l->event.start_mark.column + 1, "%s", what);
}

/* What YAML calls null has no value. */
static const char *scalar_value(const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;

	if (event->data.scalar.plain_implicit && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	    (*text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 ||
	     strcmp(text, "NULL") == 0))
		return NULL;
	return text;
}

/* Variables keep their underscores; everywhere else "default_log_dir" means "default-log-dir". */
static void name_normalize(const struct conf *parent, char *name)
{
	if (parent->name != NULL && (strcmp(parent->name, "address-groups") == 0 || strcmp(parent->name, "port-groups") == 0))
		return;
	for (; *name != '\0'; name++) {
		if (*name == '_')
			*name = '-';
	}
}

static int node_add(struct load *l, struct conf **out, struct conf *parent, const char *name)
{
	struct conf *node;

	if (++l->config->node_count > NODES_MAX)
		return load_fail(l, "the configuration is too large: more than 500000 values");
	node = conf_add(parent, name, NULL);
	if (node == NULL)
		return -ENOMEM;
	node->file = l->file;
	node->line = (int)l->event.start_mark.line + 1;
	node->column = (int)l->event.start_mark.column + 1;
	*out = node;
	return 0;
}

static int anchor_note(struct load *l, const yaml_char_t *name, struct conf *node)
{
	if (name == NULL)
		return 0;
	if (l->anchor_count == ANCHORS_MAX)
		return load_fail(l, "more than 256 anchors");
	l->anchors[l->anchor_count].name = strdup((const char *)name);
	if (l->anchors[l->anchor_count].name == NULL)
		return -ENOMEM;
	l->anchors[l->anchor_count++].node = node;
	return 0;
}

/* A key of a map that is about to be given a value: what it had before is forgotten. */
static void forget(struct load *l, struct conf *parent, const char *name)
{
	struct conf *old = conf_child(parent, name);

	if (old == NULL)
		return;
	for (unsigned i = 0; i < l->anchor_count; i++) {
		for (struct conf *up = l->anchors[i].node; up != NULL; up = up->parent) {
			if (up == old) {
				l->anchors[i].node = NULL;
				break;
			}
		}
	}
	conf_remove(old);
}

static int node_copy(struct load *l, struct conf *to, const struct conf *from, bool keep, unsigned depth)
{
	if (depth > DEPTH_MAX)
		return load_fail(l, "nested too deeply");
	for (const struct conf *c = from->first; c != NULL; c = c->next) {
		struct conf *copy = NULL;
		int err;

		if (keep && conf_child(to, c->name) != NULL)
			continue;
		err = node_add(l, &copy, to, c->name);
		if (err < 0)
			return err;
		if (c->value != NULL && (copy->value = strdup(c->value)) == NULL)
			return -ENOMEM;
		copy->is_list = c->is_list;
		err = node_copy(l, copy, c, false, depth + 1);
		if (err < 0)
			return err;
	}
	return 0;
}

/* keep: a merge ("<<"), which doesn't touch keys that are there. */
static int load_alias(struct load *l, struct conf *node, bool keep)
{
	const char *name = (const char *)l->event.data.alias.anchor;

	for (unsigned i = l->anchor_count; i-- > 0;) {
		const struct conf *from = l->anchors[i].node;

		if (from == NULL || strcmp(l->anchors[i].name, name) != 0)
			continue;
		for (const struct conf *up = node; up != NULL; up = up->parent) {
			if (up == from)
				return load_fail(l, "an alias to what it is part of");
		}
		if (!keep && from->value != NULL && (node->value = strdup(from->value)) == NULL)
			return -ENOMEM;
		if (!keep)
			node->is_list = from->is_list;
		return node_copy(l, node, from, keep, 0);
	}
	return load_fail(l, "an alias to an anchor that isn't there");
}

static int include_one(struct load *l, struct conf *node)
{
	const char *name = l->event.type == YAML_SCALAR_EVENT ? scalar_value(&l->event) : NULL;
	char path[PATH_MAX];

	if (name == NULL)
		return load_fail(l, "expected the name of a file to include");
	if (*name == '/' || l->dir == NULL)
		snprintf(path, sizeof(path), "%s", name);
	else
		snprintf(path, sizeof(path), "%s/%s", l->dir, name);
	if (l->includes + 1 >= INCLUDES_MAX)
		return load_fail(l, "includes are nested too deeply (a file that includes itself?)");
	return load_file(l->config, node, path, l->dir, l->includes + 1);
}

static int load_include(struct load *l, struct conf *node)
{
	int err = load_next(l);

	if (err < 0)
		return err;
	if (l->event.type != YAML_SEQUENCE_START_EVENT)
		return include_one(l, node);
	while ((err = load_next(l)) == 0 && l->event.type != YAML_SEQUENCE_END_EVENT) {
		err = include_one(l, node);
		if (err < 0)
			break;
	}
	return err;
}

/* One key of a map and its value. */
static int load_member(struct load *l, struct conf *node, unsigned depth)
{
	struct conf *child = NULL;
	char *name;
	int err;

	if (l->event.type != YAML_SCALAR_EVENT)
		return load_fail(l, "expected a key");
	if (strcmp((const char *)l->event.data.scalar.value, "include") == 0)
		return load_include(l, node);
	if (strcmp((const char *)l->event.data.scalar.value, "<<") == 0) {
		err = load_next(l);
		if (err < 0)
			return err;
		return l->event.type == YAML_ALIAS_EVENT ? load_alias(l, node, true)
							  : load_fail(l, "expected an alias to merge (<<: *name)");
	}
	name = strdup((const char *)l->event.data.scalar.value);
	if (name == NULL)
		return -ENOMEM;
	name_normalize(node, name);
	forget(l, node, name);
	err = node_add(l, &child, node, name);
	free(name);
	if (err == 0)
		err = load_next(l);
	return err < 0 ? err : load_value(l, child, depth + 1);
}

static int load_map(struct load *l, struct conf *node, unsigned depth)
{
	int err;

	while ((err = load_next(l)) == 0 && l->event.type != YAML_MAPPING_END_EVENT) {
		err = load_member(l, node, depth);
		if (err < 0)
			break;
	}
	return err;
}

static int load_list(struct load *l, struct conf *node, unsigned depth)
{
	char index[16];
	int err;

	node->is_list = true;
	for (unsigned i = 0; (err = load_next(l)) == 0 && l->event.type != YAML_SEQUENCE_END_EVENT; i++) {
		struct conf *child = NULL;

		snprintf(index, sizeof(index), "%u", i);
		err = node_add(l, &child, node, index);
		if (err == 0)
			err = load_value(l, child, depth + 1);
		if (err < 0)
			break;
	}
	return err;
}

/* The value that the current event begins. */
static int load_value(struct load *l, struct conf *node, unsigned depth)
{
	const char *value;
	int err;

	if (depth > DEPTH_MAX)
		return load_fail(l, "nested too deeply");
	node->line = (int)l->event.start_mark.line + 1;
	node->column = (int)l->event.start_mark.column + 1;
	switch (l->event.type) {
	case YAML_SCALAR_EVENT:
		value = scalar_value(&l->event);
		if (value != NULL && (node->value = strdup(value)) == NULL)
			return -ENOMEM;
		return anchor_note(l, l->event.data.scalar.anchor, node);
	case YAML_SEQUENCE_START_EVENT:
		err = anchor_note(l, l->event.data.sequence_start.anchor, node);
		return err < 0 ? err : load_list(l, node, depth);
	case YAML_MAPPING_START_EVENT:
		err = anchor_note(l, l->event.data.mapping_start.anchor, node);
		return err < 0 ? err : load_map(l, node, depth);
	case YAML_ALIAS_EVENT:
		return load_alias(l, node, false);
	default:
		return load_fail(l, "expected a value");
	}
}

static int load_document(struct load *l, struct conf *node)
{
	bool seen = false;
	int err;

	for (;;) {
		err = load_next(l);
		if (err < 0 || l->event.type == YAML_STREAM_END_EVENT)
			return err;
		switch (l->event.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (seen)
				return load_fail(l, "a second document: only one is read from a file");
			seen = true;
			break;
		case YAML_MAPPING_START_EVENT:
			err = load_map(l, node, 0);
			if (err < 0)
				return err;
			break;
		case YAML_SCALAR_EVENT:
			if (scalar_value(&l->event) == NULL)
				break;          /* an empty document */
			/* fallthrough */
		default:
			return load_fail(l, "expected \"key: value\" lines");
		}
	}
}

/* The parser has its input; reads it all and cleans up. */
static int load_run(struct load *l, struct conf *node)
{
	int err = load_document(l, node);

	if (l->have_event)
		yaml_event_delete(&l->event);
	yaml_parser_delete(&l->parser);
	for (unsigned i = 0; i < l->anchor_count; i++)
		free(l->anchors[i].name);
	if (err == -ENOMEM)
		return config_error(l->config, l->file, 0, 0, "out of memory");
	return err;
}

static int load_file(struct config *config, struct conf *node, const char *path, const char *dir, unsigned includes)
{
	struct load *l = calloc(1, sizeof(*l));
	FILE *in = fopen(path, "rbe");
	int err;

	if (l == NULL || in == NULL) {
		err = config_error(config, path, 0, 0, "cannot be opened: %s", strerror(errno));
		goto out;
	}
	l->config = config;
	l->file = config_name(config, path);
	l->dir = dir;
	l->includes = includes;
	if (l->file == NULL || !yaml_parser_initialize(&l->parser)) {
		err = config_error(config, path, 0, 0, "out of memory");
		goto out;
	}
	yaml_parser_set_input_file(&l->parser, in);
	err = load_run(l, node);
out:
	if (in != NULL)
		fclose(in);
	free(l);
	return err;
}

int config_yaml_file(struct config *config, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	int err;

	if (dir == NULL)
		return -ENOMEM;
	err = load_file(config, config->root, path, dir, 0);
	free(dir);
	return err;
}

int config_yaml_text(struct config *config, const char *name, const char *text, size_t len)
{
	struct load *l = calloc(1, sizeof(*l));
	int err;

	if (l == NULL)
		return -ENOMEM;
	l->config = config;
	l->file = config_name(config, name);
	l->includes = INCLUDES_MAX;
	if (l->file == NULL || !yaml_parser_initialize(&l->parser)) {
		free(l);
		return config_error(config, name, 0, 0, "out of memory");
	}
	yaml_parser_set_input_string(&l->parser, (const unsigned char *)text, len);
	err = load_run(l, config->root);
	free(l);
	return err;
}
