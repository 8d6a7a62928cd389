/* rules_profile.c - `tapir rules profile`: what each rule costs on a capture. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "rules/profile_report.h"
#include "sensor/replay.h"

struct profile_options {
	struct sensor_options sensor;
	unsigned one_in, max;
	bool json;
};

#define AT(field) offsetof(struct profile_options, field)

static const struct option_row rows[] = {
	{ "capture", 'r', "FILE", OPTION_TEXT, AT(sensor.capture), "the capture to measure on" },
	{ "rules-only", 'S', "FILE", OPTION_TEXT, AT(sensor.rules_only), "these rules and no others" },
	{ "rules", 's', "FILE", OPTION_LIST, AT(sensor.rules_more), "these rules in addition to the configured ones" },
	{ "config", 'c', "FILE", OPTION_TEXT, AT(sensor.config), "YAML, as suricata.yaml; without it, a built-in one" },
	{ "set", 0, "KEY=VALUE", OPTION_LIST, AT(sensor.sets), "set one value of the configuration" },
	{ "checksums", 'k', "MODE", OPTION_TEXT, AT(sensor.checksums), "none, all or auto: what to do about bad checksums" },
	{ "one-in", 0, "N", OPTION_NUMBER, AT(one_in), "time one judgement in N (1)" },
	{ "max", 'n', "N", OPTION_NUMBER, AT(max), "so many rules at most (20)" },
	{ "json", 0, NULL, OPTION_FLAG, AT(json), "one JSON document" },
};

static int show(struct replay *p, const struct profile_options *o)
{
	struct rules *engine = replay_rules(p);
	struct profile_lines lines;
	struct json j;
	int status = EXIT_FINE;

	if (profile_lines_make(&lines, &engine, 1) < 0)
		return EXIT_PROBLEM;
	if (!o->json) {
		profile_lines_print(&lines, o->max, stdout);
	} else if (print_json_begin(&j) == 0) {
		json_object(&j, NULL);
		json_uint(&j, "packets", replay_packets(p));
		json_uint(&j, "rules_loaded", rule_set_count(replay_rule_set(p)));
		profile_lines_json(&lines, o->max, &j);
		json_close(&j);
		status = print_json_end(&j);
	} else {
		status = EXIT_PROBLEM;
	}
	profile_lines_free(&lines);
	return status;
}

static int run(int argc, char **argv)
{
	struct profile_options o = { .one_in = 1, .max = 20, .sensor.log_level = LOG_LEVEL_ERROR };
	struct names words = { 0 };
	struct replay *p;
	int status = options_parse(&command_rules_profile, argc, argv, &o, &words), err;

	if (status != 0)
		return status < 0 ? EXIT_FINE : status;
	if (o.sensor.capture == NULL || words.count > 0) {
		fprintf(stderr, "tapir rules profile: expected a capture: -r FILE\nTry: tapir rules profile --help\n");
		return EXIT_USAGE;
	}
	log_level_set(LOG_LEVEL_ERROR);
	if (replay_new(&p, &o.sensor) < 0)
		return EXIT_PROBLEM;
	err = rules_profile_start(replay_rules(p), o.one_in);
	if (err < 0)
		fprintf(stderr, "tapir rules profile: %s\n", strerror(-err));
	status = err == 0 && replay_run(p) == 0 ? show(p, &o) : EXIT_PROBLEM;
	replay_free(p);
	return status;
}

const struct command command_rules_profile = {
	.name = "rules profile",
	.summary = "what each rule costs on a capture",
	.usage = "[options] -r CAPTURE",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.more = "Counted is what judging a rule takes once the prefilter or its header has brought it up. A running sensor measures\n"
		"the same into rule_perf.log, with profiling.rules.enabled: yes and profiling.sample-rate.\n\n"
		"Exit status: 0; 1 rules or capture can't be read; 2 the command line could not be understood.\n\n"
		"Example:\n  tapir rules profile -S my.rules -r capture.pcap -n 10\n",
	.run = run,
};
