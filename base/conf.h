/* conf.h - a configuration as a tree: what YAML, includes and --set become.
 *
 * Names are dotted paths; a list's members are named by index
 * ("outputs.1.eve-log.filename"). Every node knows where it was written. The
 * loader (sensor/) builds the tree; everybody else reads it, and reading marks a
 * node as used, so that keys without a meaning here can be listed. */
#ifndef TAPIR_BASE_CONF_H
#define TAPIR_BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf {
	char *name;             /* key, or the index in a list as decimal text */
	char *value;            /* scalar, or NULL */
	bool is_list;           /* children are list members */
	bool used;
	const char *file;       /* where written, for messages; NULL = command line or built in */
	int line, column;
	struct conf *parent;
	struct conf *first;     /* children, in order */
	struct conf *last;
	struct conf *next;
};

struct conf *conf_new(void);
void conf_free(struct conf *root);
/* A new last child. Names and values are copied. NULL where memory ran out. */
struct conf *conf_add(struct conf *parent, const char *name, const char *value);
/* Sets a dotted path, making what is missing on the way; list indices may extend a list by one. */
int conf_set(struct conf *root, const char *path, const char *value);
void conf_remove(struct conf *node);

/* The node at a dotted path below node, or NULL. A list member that is a
 * one-key map ("- eve-log: {...}") is found by index or, where no index is
 * given, by its key: "outputs.eve-log". */
struct conf *conf_find(const struct conf *node, const char *path);
struct conf *conf_child(const struct conf *node, const char *name);
/* Scalars, with what to take where the path is absent. */
const char *conf_str(const struct conf *node, const char *path, const char *otherwise);
/* yes/no, true/false, on/off, 1/0. */
bool conf_bool(const struct conf *node, const char *path, bool otherwise);
int64_t conf_int(const struct conf *node, const char *path, int64_t otherwise);
/* "100kb", "32 MiB", "1gb": bytes. */
uint64_t conf_size(const struct conf *node, const char *path, uint64_t otherwise);
/* The parsers behind the above; 0 or -EINVAL. */
int conf_parse_bool(const char *text, bool *out);
int conf_parse_int(const char *text, int64_t *out);
int conf_parse_size(const char *text, uint64_t *out);

#endif
