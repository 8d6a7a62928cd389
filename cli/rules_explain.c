/* rules_explain.c - `tapir rules explain`: how far a rule got on a capture, and what stopped it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "rules/explain_notes.h"
#include "sensor/replay.h"

#define TEXT_MAX 4096

struct explain_options {
	struct sensor_options sensor;
	bool json;
	unsigned max;
};

#define AT(field) offsetof(struct explain_options, field)

static const struct option_row rows[] = {
	{ "capture", 'r', "FILE", OPTION_TEXT, AT(sensor.capture), "the capture to look at" },
	{ "rules-only", 'S', "FILE", OPTION_TEXT, AT(sensor.rules_only), "these rules and no others" },
	{ "rules", 's', "FILE", OPTION_LIST, AT(sensor.rules_more), "these rules in addition to the configured ones" },
	{ "config", 'c', "FILE", OPTION_TEXT, AT(sensor.config), "YAML, as suricata.yaml; without it, a built-in one" },
	{ "set", 0, "KEY=VALUE", OPTION_LIST, AT(sensor.sets), "set one value of the configuration" },
	{ "checksums", 'k', "MODE", OPTION_TEXT, AT(sensor.checksums), "none, all or auto: what to do about bad checksums" },
	{ "simulate-ips", 0, NULL, OPTION_FLAG, AT(sensor.simulate_ips), "judge as if packets could be dropped" },
	{ "data-dir", 0, "DIR", OPTION_TEXT, AT(sensor.data_dir), "where data sets keep their files" },
	{ "max", 'n', "N", OPTION_NUMBER, AT(max), "so many reasons at most (10)" },
	{ "json", 0, NULL, OPTION_FLAG, AT(json), "one JSON document" },
};

static bool sid_read(const char *text, uint32_t *gid, uint32_t *sid)
{
	char *end;
	unsigned long first = strtoul(text, &end, 10), second;

	*gid = 0;
	*sid = (uint32_t)first;
	if (*text < '0' || *text > '9' || first > UINT32_MAX)
		return false;
	if (*end != ':')
		return *end == '\0';
	second = strtoul(end + 1, &end, 10);
	*gid = (uint32_t)first;
	*sid = (uint32_t)second;
	return *end == '\0' && second <= UINT32_MAX;
}

static void show_text(const struct replay *p, const struct explain *e, unsigned max)
{
	const struct rule *r = e->rule;
	char text[TEXT_MAX];

	printf("[%u:%u:%u] %s\n%s:%u\n", r->gid, r->sid, r->rev, r->msg ? r->msg : "(no message)", r->file, r->line);
	printf("%" PRIu64 " packets, %" PRIu64 " flows\n\n", replay_packets(p), replay_flows(p));
	explain_verdict(e, text, sizeof(text));
	printf("%s\n", text);
	if (e->reason_count > 0)
		printf("\nEach packet and transaction, what came nearest to an alert first:\n");
	for (unsigned i = 0; i < e->reason_count && i < max; i++) {
		explain_write(&e->reasons[i], text, sizeof(text));
		printf("%8" PRIu64 " x  %s\n", e->reasons[i].count, text);
	}
	if (e->reason_count > max)
		printf("          and %u more reasons: -n shows more\n", e->reason_count - max);
}

static int show_json(const struct replay *p, const struct explain *e, unsigned max)
{
	const struct rule *r = e->rule;
	char text[TEXT_MAX];
	struct json j;

	if (print_json_begin(&j) < 0)
		return EXIT_PROBLEM;
	json_object(&j, NULL);
	json_uint(&j, "gid", r->gid);
	json_uint(&j, "sid", r->sid);
	json_uint(&j, "rev", r->rev);
	json_str(&j, "msg", r->msg ? r->msg : "");
	json_str(&j, "file", r->file ? r->file : "");
	json_uint(&j, "line", r->line);
	json_uint(&j, "packets", replay_packets(p));
	json_uint(&j, "flows", replay_flows(p));
	json_str(&j, "verdict", explain_verdict(e, text, sizeof(text)));
	json_str(&j, "text", text);
	json_array(&j, "reasons");
	for (unsigned i = 0; i < e->reason_count && i < max; i++) {
		const struct explain_note *n = &e->reasons[i].first;

		explain_write(&e->reasons[i], text, sizeof(text));
		json_object(&j, NULL);
		json_str(&j, "reason", explain_name(n->stop));
		json_uint(&j, "count", e->reasons[i].count);
		json_uint(&j, "packet", n->packet);
		if (n->has_flow)
			json_uint(&j, "flow_id", n->flow);
		if (n->has_tx)
			json_uint(&j, "tx_id", n->tx_id);
		json_str(&j, "text", text);
		json_close(&j);
	}
	json_close(&j);
	json_close(&j);
	return print_json_end(&j);
}

static int explain(struct explain_options *o, uint32_t gid, uint32_t sid)
{
	int status = EXIT_PROBLEM, err;
	const struct explain *e;
	struct replay *p;

	if (replay_new(&p, &o->sensor) < 0)
		return EXIT_PROBLEM;
	err = rules_explain_start(replay_rules(p), gid, sid);
	if (err == -ENOENT)
		fprintf(stderr, "tapir rules explain: no rule has the sid %u%s\n", sid,
			replay_report(p)->rules_failed ? "; some rules have mistakes: tapir rules check" : "");
	else if (err < 0)
		fprintf(stderr, "tapir rules explain: %s\n", strerror(-err));
	if (err == 0 && replay_run(p) == 0) {
		e = rules_explain_end(replay_rules(p));
		status = EXIT_FINE;
		if (o->json)
			status = show_json(p, e, o->max);
		else
			show_text(p, e, o->max);
	}
	if (err == 0)
		rules_explain_stop(replay_rules(p));
	replay_free(p);
	return status;
}

static int run(int argc, char **argv)
{
	struct explain_options o = { .max = 10, .sensor.log_level = LOG_LEVEL_ERROR };
	struct names words = { 0 };
	uint32_t gid, sid;
	int status = options_parse(&command_rules_explain, argc, argv, &o, &words);

	if (status != 0)
		return status < 0 ? EXIT_FINE : status;
	if (words.count != 1 || !sid_read(words.at[0], &gid, &sid) || o.sensor.capture == NULL) {
		fprintf(stderr, "tapir rules explain: expected %s\nTry: tapir rules explain --help\n",
			o.sensor.capture == NULL ? "a capture: -r FILE" : "one SID, as 2010935 or 1:2010935");
		return EXIT_USAGE;
	}
	log_level_set(LOG_LEVEL_ERROR);
	return explain(&o, gid, sid);
}

const struct command command_rules_explain = {
	.name = "rules explain",
	.summary = "why a rule does or doesn't alert on a capture",
	.usage = "[options] SID -r CAPTURE",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.more = "All rules are loaded, as flowbits and pass rules matter; one is watched: for each packet and each transaction, which\n"
		"condition stopped it, and on which bytes.\n\n"
		"Exit status: 0 there is an answer; 1 rules or capture can't be read, or there is no such rule; 2 the command line\n"
		"could not be understood.\n\n"
		"Example:\n  tapir rules explain 2010935 -S my.rules -r capture.pcap\n",
	.run = run,
};
