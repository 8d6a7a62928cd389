/* stats_list.h - a list of "tcp.reassembly_gap" and numbers, and the ways of writing it. */
#ifndef TAPIR_SENSOR_STATS_LIST_H
#define TAPIR_SENSOR_STATS_LIST_H

#include <stdio.h>

#include "base/json.h"

#define STAT_NAME_MAX 128

struct stat_item {
	char name[STAT_NAME_MAX];
	int64_t value, delta;
	bool thread;            /* of one worker: under "threads" */
	bool is_bool;
	char *raw;              /* JSON of its own, not a number; the list owns it */
};

struct stats_list {
	struct stat_item *items;
	const char *thread;     /* whose counters are being added; NULL: all workers' together */
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
/* How much each number grew since last, which becomes a copy of l. Both sorted. */
void stats_list_deltas(struct stats_list *l, struct stats_list *last);

enum stats_part { STATS_TOTALS = 1, STATS_THREADS = 2, STATS_DELTAS = 4, STATS_ZEROS = 8 };
/* Members of the open object: {"tcp": {"reassembly_gap": 1}}; parts is a set of enum stats_part. */
void stats_list_json(const struct stats_list *l, struct json *j, unsigned parts);
/* Rows of stats.log, those that aren't zero. */
void stats_list_table(const struct stats_list *l, FILE *out);

#endif
