/* stats.h - what happened so far, in the shape of Suricata's stats.
 *
 * All workers' counters become one sorted list of dotted names and numbers; EVE's stats record and
 * stats.log are two ways of writing that list. */
#ifndef TAPIR_SENSOR_STATS_H
#define TAPIR_SENSOR_STATS_H

#include "sensor/worker.h"

struct run;
struct stats;

int stats_new(struct stats **out, struct run *r);
void stats_free(struct stats *s);
/* Live: writes when the interval is over. */
void stats_tick(struct stats *s, struct run *r);
/* For whoever asks: all counters as they are now, and then as a JSON object that lasts until the next time. */
void stats_now(struct stats *s, struct run *r);
struct slice stats_json(const struct stats *s);
/* The last ones; threads have ended. */
void stats_finish(struct stats *s, struct run *r);
/* The workers' sum as of the last time it was made. */
const struct worker_stats *stats_total(const struct stats *s);
/* Adds the workers' snapshots up. */
void stats_sum(struct stats *s, const struct run *r);
/* Devices' counters, by cause. */
struct device_stats stats_devices(const struct run *r);

#endif
