/* replay.h - a capture through one worker in this thread, for what is asked about rules. Nothing is written. */
#ifndef TAPIR_SENSOR_REPLAY_H
#define TAPIR_SENSOR_REPLAY_H

#include "output/output.h"
#include "rules/rules.h"
#include "sensor/sensor.h"

struct replay;

/* Configuration, rules and the capture of opts; it has said what is wrong. 0 or -errno. */
int replay_new(struct replay **out, const struct sensor_options *opts);
void replay_free(struct replay *p);
const struct rule_set *replay_rule_set(const struct replay *p);
const struct rule_report *replay_report(const struct replay *p);
/* The worker's engine: for measuring and explaining. */
struct rules *replay_rules(struct replay *p);
/* To the end of the capture. 0 or -errno of reading it. */
int replay_run(struct replay *p);
uint64_t replay_packets(const struct replay *p);
uint64_t replay_flows(const struct replay *p);
/* Afterwards: which rules alerted, how often. */
void replay_alerts(struct replay *p, void (*row)(void *ctx, const struct signature_count *signature), void *ctx);

#endif
