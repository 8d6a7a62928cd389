/* stats_list.h - a list of "tcp.reassembly_gap" and numbers, and the ways of writing it. */
#ifndef TAPIR_SENSOR_STATS_LIST_H
#define TAPIR_SENSOR_STATS_LIST_H

#include <stdio.h>

#include "base/json.h"

#define STAT_NAME_MAX 96

struct stat_item {
	char name[STAT_NAME_MAX];
	int64_t value;
	bool is_bool;
	char *raw;              /* JSON of its own, not a number; the list owns it */
};

struct stats_list {
	struct stat_item *items;
	unsigned count, room;
	bool failed;            /* memory ran out: it is incomplete */
};

void stats_list_reset(struct stats_list *l);
void stats_list_fini(struct stats_list *l);
void stats_list_add(struct stats_list *l, uint64_t value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void stats_list_add_bool(struct stats_list *l, bool value, const char *name);
/* text is the list's from now on; may be NULL. */
void stats_list_add_raw(struct stats_list *l, char *text, const char *name);
/* Sorts by name, which the writers need. */
void stats_list_sort(struct stats_list *l);
/* Members of the open object: {"tcp": {"reassembly_gap": 1}}. */
void stats_list_json(const struct stats_list *l, struct json *j, bool with_zeros);
/* Rows of stats.log, those that aren't zero. */
void stats_list_table(const struct stats_list *l, FILE *out);

#endif
