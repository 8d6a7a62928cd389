/* sensor.h - the sensor as a whole: from options to an exit status. */
#ifndef TAPIR_SENSOR_SENSOR_H
#define TAPIR_SENSOR_SENSOR_H

#include <stdbool.h>
#include <stdint.h>

#define SENSOR_NAMES_MAX 64

/* A list of words from the command line. */
struct names {
	const char *at[SENSOR_NAMES_MAX];
	unsigned count;
};

enum summary_mode { SUMMARY_AUTO, SUMMARY_ON, SUMMARY_OFF };

struct sensor_options {
	const char *config;             /* -c; NULL: built in */
	struct names includes;          /* --include: YAML read after it */
	struct names sets;              /* --set */
	const char *capture;            /* -r: file, directory, "-" */
	struct names interfaces;        /* -i */
	const char *reject_device;      /* --reject-dev: where answers of rejecting rules go; NULL: as configured */
	const char *device_kind;        /* --device; NULL: what the interface can do best */
	const char *rules_only;         /* -S */
	struct names rules_more;        /* -s */
	const char *log_dir;            /* -l */
	const char *checksums;          /* -k: none, all, auto; NULL: as configured */
	const char *filter;             /* BPF expression */
	const char *data_dir;
	const char *pid_file;
	unsigned workers;               /* 0: as configured or found */
	bool test_only;                 /* -T */
	bool simulate_ips;
	bool detection_off;
	bool init_errors_fatal;
	bool recursive;                 /* -r DIR: and below */
	bool daemon;
	bool no_records;                /* outputs are left out */
	int log_level;                  /* enum log_level; -1: as configured */
	uint8_t summary;                /* enum summary_mode */
};

/* What tapir's commands exit with. */
enum exit_status { EXIT_FINE = 0, EXIT_PROBLEM = 1, EXIT_USAGE = 2 };

int sensor_main(const struct sensor_options *opts);

#endif
