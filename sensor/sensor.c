/* sensor.c - a run from beginning to end. */
#include "sensor/sensor.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "sensor/run.h"
#include "sensor/stats.h"

int sensor_main(const struct sensor_options *opts)
{
	struct run *r = calloc(1, sizeof(*r));
	int status = EXIT_PROBLEM;

	if (r == NULL) {
		log_error("out of memory");
		return EXIT_PROBLEM;
	}
	if (run_setup(r, opts) < 0)
		goto out;
	if (opts->test_only) {
		run_warn_unused_keys(r);
		log_notice("the configuration is fine: %u rules", r->rules ? rule_set_count(r->rules) : 0);
		status = EXIT_FINE;
		goto out;
	}
	if (run_drive(r) < 0)
		goto out;
	if (opts->summary == SUMMARY_ON || (opts->summary == SUMMARY_AUTO && isatty(STDOUT_FILENO)))
		report_summary(r);
	status = EXIT_FINE;
out:
	run_teardown(r);
	free(r);
	return status;
}
