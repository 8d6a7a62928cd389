/* profile_log.h - what rules cost, while the sensor runs: profiling.rules. */
#ifndef TAPIR_SENSOR_PROFILE_LOG_H
#define TAPIR_SENSOR_PROFILE_LOG_H

struct run;

/* One judgement in so many is timed; 0: none. */
unsigned profile_log_rate(const struct run *r);
/* Once the threads have ended: profiling.rules.filename. Says what goes wrong. */
void profile_log_write(struct run *r);

#endif
