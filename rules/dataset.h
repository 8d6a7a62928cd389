/* dataset.h - named sets of values that rules ask, and add to.
 *
 * A store holds all sets of the process: rules of any generation find a set by name, so a reload keeps what
 * was learnt. Each set has a keyed hash table and a reader-writer lock; values come out of the set's own budget. */
#ifndef TAPIR_RULES_DATASET_H
#define TAPIR_RULES_DATASET_H

#include "base/budget.h"
#include "base/slice.h"

enum dataset_type { DATASET_STRING, DATASET_MD5, DATASET_SHA256, DATASET_IPV4, DATASET_IP, DATASET_TYPES };
extern const char *const dataset_types[DATASET_TYPES];

struct dataset;
struct dataset_store;

/* What a value carries. */
struct dataset_value {
	bool has_reputation;
	uint16_t reputation;
	struct slice json;              /* borrowed as long as the set lives and nothing is removed */
};

int dataset_store_new(struct dataset_store **out);
struct dataset_store *dataset_store_get(struct dataset_store *s);
void dataset_store_put(struct dataset_store *s);
/* Writes all sets that are to be saved. */
void dataset_store_save(struct dataset_store *s);
struct dataset *dataset_find(struct dataset_store *s, const char *name);
/* NULL where memory ran out. memcap 0 = none. */
struct dataset *dataset_make(struct dataset_store *s, const char *name, enum dataset_type type, uint64_t memcap,
			     uint32_t hashsize);
/* Takes back a set that could not be filled; nobody else may have found it. */
void dataset_discard(struct dataset_store *s, struct dataset *d);
enum dataset_type dataset_type_of(const struct dataset *d);
const char *dataset_name(const struct dataset *d);
/* Where it is written at the end; copied. */
int dataset_save_to(struct dataset *d, const char *path);

/* value is binary: the string, the digest's bytes, the address's bytes. */
bool dataset_has(struct dataset *d, struct slice value, struct dataset_value *out);
/* 1 added, 0 was there, negative: no room. carried may be NULL. */
int dataset_add(struct dataset *d, struct slice value, const struct dataset_value *carried);
bool dataset_remove(struct dataset *d, struct slice value);
uint32_t dataset_count(const struct dataset *d);
/* What it costs, as its memcap counts it. */
uint64_t dataset_memory(const struct dataset *d);
bool dataset_is_reputation(const struct dataset *d);

/* dataset_load.c. -errno with *line (0 = the whole file) and *error, a static text. A missing file is -ENOENT. */
int dataset_load(struct dataset *d, const char *path, bool reputation, uint32_t *line, const char **error);
/* Text as written in files to bytes; false where it isn't one of that type. out has room for cap bytes. */
bool dataset_value_read(enum dataset_type type, struct slice text, uint8_t *out, size_t cap, size_t *len);
/* The other way; out has room for cap characters with a zero. */
size_t dataset_value_write(enum dataset_type type, struct slice value, char *out, size_t cap);

/* The sets that the configuration defines (datasets.NAME). What is wrong is reported. */
struct rule_load;
struct rule_report;
void datasets_configure(struct dataset_store *s, const struct rule_load *load, struct rule_report *report);

/* dataset_json.c: values with what is known about them. */
struct dataset_json {
	bool lines;                     /* one object a line; else one document */
	bool remove_key;
	const char *value_key;          /* path with dots */
	const char *array_key;          /* path to the array, or NULL: the document is one */
};
int dataset_load_json(struct dataset *d, const char *path, const struct dataset_json *how, uint32_t *line,
		      const char **error);

#endif
