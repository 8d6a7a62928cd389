/* config.h - from files and command-line words to the configuration tree of base/conf.h.
 *
 * A configuration is built in layers: YAML file with its includes (or, without one, the built-in
 * text of sensor/default.yaml), then each --set in order. What goes wrong is in config->error, as
 * "file:line:column: what was found, what was expected". */
#ifndef TAPIR_SENSOR_CONFIG_H
#define TAPIR_SENSOR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/conf.h"

#define CONFIG_ERROR_MAX 1024

struct config {
	struct conf *root;
	char **names;           /* files that nodes point to; they live as long as the tree */
	unsigned name_count;
	unsigned node_count;
	char error[CONFIG_ERROR_MAX];
};

/* path NULL: the built-in configuration. *out is set in either case, for its error; config_free it.
 * Returns 0 or -errno. */
int config_load(struct config **out, const char *path, const char *const *includes, unsigned include_count,
		const char *const *sets, unsigned set_count);
void config_free(struct config *config);
/* One "dotted.key=value". */
int config_set(struct config *config, const char *assignment);
/* Values of known keys that can't be what they have to be (a size, a number, yes or no). */
int config_check(struct config *config);
/* Keys that nobody read, comma-separated, at most room bytes; how many there are. Asked once
 * everything that reads configuration has been made. */
unsigned config_unused(const struct config *config, char *text, size_t room);

/* config_yaml.c: reads YAML into config->root. Names in messages are name. */
int config_yaml_file(struct config *config, const char *path);
int config_yaml_text(struct config *config, const char *name, const char *text, size_t len);
/* A file name that lives as long as the configuration; NULL where memory ran out. */
const char *config_name(struct config *config, const char *name);
int config_error(struct config *config, const char *file, unsigned long line, unsigned long column,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Where compiled rules are kept: as configured, else where the system keeps such things. False: nowhere. */
bool rules_cache_dir(const struct conf *conf, char *out, size_t size);

/* The built-in configuration, as `tapir run --dump-default-config` would write it. */
extern const char config_default_text[];
extern const size_t config_default_len;

#endif
