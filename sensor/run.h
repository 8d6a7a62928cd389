/* run.h - one run of the sensor: what setup.c makes, run.c drives and report.c tells about. */
#ifndef TAPIR_SENSOR_RUN_H
#define TAPIR_SENSOR_RUN_H

#include <pthread.h>
#include <time.h>

#include "capture/manager.h"
#include "sensor/config.h"
#include "sensor/sensor.h"
#include "sensor/worker.h"

#define WORKERS_MAX 64
#define RUN_DEVICES_MAX 64

struct run_thread {
	struct run *run;
	struct worker *worker;          /* NULL: the reader */
	struct device *device;
	uint16_t device_index;
	pthread_t thread;
	bool started;
	_Atomic bool ended;
};

struct run {
	const struct sensor_options *opts;
	struct config *config;
	const struct conf *conf;
	struct app_settings *app;
	struct rule_set *rules;         /* the current ones; NULL: detection is off */
	struct rule_state *rule_state;
	struct rule_report rules_report;        /* what loading them said */
	uint64_t rules_loaded_ns;       /* when */
	struct output *output;
	struct records *records;        /* the main thread's: stats records */
	char log_dir[4096];
	bool live;
	const char *capture;            /* "-r" */

	struct device_manager *devices_open;
	unsigned set_count;
	struct device_set *sets[SENSOR_NAMES_MAX];
	unsigned device_count;
	struct device *devices[RUN_DEVICES_MAX];
	const char *device_names[RUN_DEVICES_MAX];      /* interfaces, by packet.device */

	struct worker_shared shared;
	unsigned worker_count;
	struct run_thread workers[WORKERS_MAX];
	struct run_thread reader;       /* of a file, where there is more than one worker */
	unsigned mailbox_count;

	int ended_fd;                   /* eventfd: a thread has ended */
	_Atomic unsigned running;       /* threads */
	struct timespec started;
	double seconds;                 /* how long it took */
	struct stats *stats;
	struct reload *reload;
	bool reload_again;              /* asked for while one was under way */
	struct control *control;
	bool interactive;               /* stderr is a terminal */
	bool progress_shown;
};

/* setup.c: everything that can fail before the first packet; it has said why. 0 or -errno. */
int run_setup(struct run *r, const struct sensor_options *opts);
/* Keys that nobody has read: asked once everything that reads configuration has done so. */
void run_warn_unused_keys(const struct run *r);
/* setup.c: what a run with `-T` does after it. */
void run_teardown(struct run *r);
/* The configuration as it is on disk now; *out is set in either case, for its error. */
int run_config_load(const struct run *r, struct config **out);
/* Loads rules as configured; tells what is wrong with them. The caller frees the report. Any thread. */
int run_rules_load(const struct run *r, const struct conf *conf, struct rule_set **out, struct rule_report *report);
/* They are the current ones from now on; the report is taken. */
void run_rules_adopt(struct run *r, struct rule_set *set, struct rule_report *report);
/* Until each worker that still runs has taken the newest; false where one has nothing to do for longer. */
bool run_rules_wait(struct run *r);
/* devices.c */
int run_devices_open(struct run *r);
void run_devices_close(struct run *r);
/* run.c: threads, signals, until the end. */
int run_drive(struct run *r);
void run_snapshots(struct run *r);
/* report.c: on a terminal, while running and at the end. */
void report_progress(struct run *r);
void report_progress_clear(struct run *r);
void report_summary(struct run *r);

#endif
