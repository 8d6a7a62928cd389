/* reload.h - new rules while the sensor runs.
 *
 * A thread of its own reads configuration and rules and compiles them; the set in use serves meanwhile. Only a set
 * that could be made as a whole takes its place: between two bursts of each worker, so no packet is missed. */
#ifndef TAPIR_SENSOR_RELOAD_H
#define TAPIR_SENSOR_RELOAD_H

#include <stdbool.h>

struct run;
struct reload;

int reload_new(struct reload **out, struct run *r);
/* Waits for a load that is under way; its result is dropped. */
void reload_free(struct reload *l);
/* Readable once a load has ended: then reload_finish() is to be called. */
int reload_fd(const struct reload *l);
bool reload_is_running(const struct reload *l);
/* 0; -EALREADY where one is under way, -ENOTSUP where there are no rules, or why it can't begin. */
int reload_begin(struct reload *l);
/* Puts the new rules in place, or says why the old ones stay. 0 or -errno. */
int reload_finish(struct reload *l);

#endif
