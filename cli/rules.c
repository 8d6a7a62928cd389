/* rules.c - `tapir rules check` and `tapir rules list`: rules without traffic. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "rules/rules.h"
#include "sensor/config.h"

struct rules_options {
	const char *config;
	struct names sets;
	const char *rules;
	bool json, warnings_fatal, quiet, hints;
};

#define AT(field) offsetof(struct rules_options, field)

static const struct option_row check_rows[] = {
	{ "config", 'c', "FILE", OPTION_TEXT, AT(config), "variables, classes and references; without it, the built-in ones" },
	{ "set", 0, "KEY=VALUE", OPTION_LIST, AT(sets), "set one value of the configuration" },
	{ "json", 0, NULL, OPTION_FLAG, AT(json), "one JSON document" },
	{ "strict", 0, NULL, OPTION_FLAG, AT(warnings_fatal), "warnings are mistakes, too" },
	{ "quiet", 'q', NULL, OPTION_FLAG, AT(quiet), "only the totals" },
	{ "hints", 0, NULL, OPTION_FLAG, AT(hints), "what could be better as well: weak prefilters, bits that nobody asks for" },
	{ "rules-only", 'S', "FILE", OPTION_TEXT, AT(rules), NULL },
};

static const struct option_row list_rows[] = {
	{ "config", 'c', "FILE", OPTION_TEXT, AT(config), "variables, classes and references; without it, the built-in ones" },
	{ "set", 0, "KEY=VALUE", OPTION_LIST, AT(sets), "set one value of the configuration" },
	{ "json", 0, NULL, OPTION_FLAG, AT(json), "one JSON document" },
};

struct loaded {
	struct config *config;
	struct app_settings *app;
	struct rule_set *set;
	struct rule_report report;
	struct names files;
};

static void loaded_free(struct loaded *l)
{
	if (l->set != NULL)
		rule_set_put(l->set);
	rule_report_free(&l->report);
	if (l->app != NULL)
		app_settings_free(l->app);
	config_free(l->config);
}

/* 0, or an exit status after having said why. */
static int load(struct loaded *l, const struct command *cmd, int argc, char **argv, struct rules_options *o, bool parse_only)
{
	int status = options_parse(cmd, argc, argv, o, &l->files);
	struct rule_load how = { .files = l->files.at, .parse_only = parse_only, .lint = !parse_only };
	int err;

	if (status != 0)
		return status;
	if (o->rules != NULL && l->files.count < SENSOR_NAMES_MAX)
		l->files.at[l->files.count++] = o->rules;
	how.file_count = l->files.count;
	if (l->files.count == 0) {
		fprintf(stderr, "tapir %s: which files?\nTry: tapir %s --help\n", cmd->name, cmd->name);
		return EXIT_USAGE;
	}
	err = config_load(&l->config, o->config, NULL, 0, o->sets.at, o->sets.count);
	if (err < 0) {
		log_error("%s", l->config ? l->config->error : "out of memory");
		return EXIT_PROBLEM;
	}
	how.conf = l->config->root;
	err = app_settings_new(&l->app, how.conf);
	how.app = l->app;
	if (err == 0)
		err = rule_set_load(&l->set, &how, &l->report);
	if (err < 0) {
		log_error("rules cannot be loaded: %s", strerror(-err));
		return EXIT_PROBLEM;
	}
	return 0;
}

static const char *const levels[] = { "error", "warning", "hint" };

static void check_text(const struct loaded *l, const struct rules_options *o)
{
	const struct rule_report *r = &l->report;
	unsigned hidden = 0;

	for (unsigned i = 0; i < r->count && !o->quiet; i++) {
		const struct diagnostic *d = &r->items[i];

		if (d->level == DIAG_HINT && !o->hints) {
			hidden++;
			continue;
		}
		printf("%s:%u:%u: %s: %s", d->file ? d->file : "?", d->line, d->column, levels[d->level % 3], d->message);
		if (d->sid != 0)
			printf(" [sid %u]", d->sid);
		if (d->suggestion != NULL)
			printf("\n  %s", d->suggestion);
		putchar('\n');
	}
	if (hidden > 0 && !o->quiet)
		printf("%u hint%s more: --hints shows them\n", hidden, hidden == 1 ? "" : "s");
	printf("%u loaded, %u with mistakes, %u skipped, from %u files%s\n", r->rules_loaded, r->rules_failed, r->rules_skipped,
	       r->files, r->files_missing ? " (some are missing)" : "");
}

static int check_json(const struct loaded *l)
{
	const struct rule_report *r = &l->report;
	struct json j;

	if (print_json_begin(&j) < 0)
		return EXIT_PROBLEM;
	json_object(&j, NULL);
	json_uint(&j, "loaded", r->rules_loaded);
	json_uint(&j, "failed", r->rules_failed);
	json_uint(&j, "skipped", r->rules_skipped);
	json_uint(&j, "files", r->files);
	json_uint(&j, "files_missing", r->files_missing);
	json_array(&j, "diagnostics");
	for (unsigned i = 0; i < r->count; i++) {
		const struct diagnostic *d = &r->items[i];

		json_object(&j, NULL);
		json_str(&j, "level", levels[d->level % 3]);
		json_str(&j, "file", d->file ? d->file : "");
		json_uint(&j, "line", d->line);
		json_uint(&j, "column", d->column);
		json_uint(&j, "sid", d->sid);
		json_str(&j, "message", d->message);
		if (d->suggestion != NULL)
			json_str(&j, "suggestion", d->suggestion);
		json_close(&j);
	}
	json_close(&j);
	json_close(&j);
	return print_json_end(&j);
}

static int diagnostic_order(const void *a, const void *b)
{
	const struct diagnostic *x = a, *y = b;
	int order = strcmp(x->file ? x->file : "", y->file ? y->file : "");

	if (order != 0)
		return order;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->column < y->column ? -1 : x->column > y->column;
}

static int run_check(int argc, char **argv)
{
	struct rules_options o = { 0 };
	struct loaded l = { 0 };
	int status = load(&l, &command_rules_check, argc, argv, &o, false);
	bool bad = false;

	if (status == 0) {
		if (l.report.count > 1)
			qsort(l.report.items, l.report.count, sizeof(*l.report.items), diagnostic_order);
		if (o.json)
			status = check_json(&l);
		else
			check_text(&l, &o);
		bad = l.report.rules_failed > 0 || l.report.files_missing > 0;
		for (unsigned i = 0; i < l.report.count; i++) {
			if (l.report.items[i].level == DIAG_ERROR || (o.warnings_fatal && l.report.items[i].level == DIAG_WARNING))
				bad = true;
		}
		if (bad)
			status = EXIT_PROBLEM;
	}
	loaded_free(&l);
	return status < 0 ? EXIT_FINE : status;
}

static const char *action_name(uint8_t action)
{
	static const char *const names[] = { "alert", "pass", "drop", "reject", "rejectdst", "rejectboth", "config" };

	return action < sizeof(names) / sizeof(names[0]) ? names[action] : "?";
}

static int list_json(const struct loaded *l)
{
	struct json j;

	if (print_json_begin(&j) < 0)
		return EXIT_PROBLEM;
	json_array(&j, NULL);
	for (unsigned i = 0; i < rule_set_count(l->set); i++) {
		const struct rule *r = rule_set_at(l->set, i);

		json_object(&j, NULL);
		json_uint(&j, "sid", r->sid);
		json_uint(&j, "rev", r->rev);
		json_uint(&j, "gid", r->gid);
		json_str(&j, "action", action_name(r->action));
		json_str(&j, "msg", r->msg ? r->msg : "");
		json_str(&j, "classtype", r->classtype ? r->classtype : "");
		json_uint(&j, "priority", r->priority);
		json_str(&j, "file", r->file ? r->file : "");
		json_uint(&j, "line", r->line);
		json_close(&j);
	}
	json_close(&j);
	return print_json_end(&j);
}

static int run_list(int argc, char **argv)
{
	struct rules_options o = { 0 };
	struct loaded l = { 0 };
	int status = load(&l, &command_rules_list, argc, argv, &o, true);

	if (status == 0 && o.json) {
		status = list_json(&l);
	} else if (status == 0) {
		for (unsigned i = 0; i < rule_set_count(l.set); i++) {
			const struct rule *r = rule_set_at(l.set, i);

			printf("%u:%u:%u\t%s\t%s\t%s\n", r->gid, r->sid, r->rev, action_name(r->action),
			       r->classtype ? r->classtype : "-", r->msg ? r->msg : "");
		}
		if (l.report.rules_failed > 0)
			fprintf(stderr, "tapir rules list: %u more have mistakes: tapir rules check\n", l.report.rules_failed);
	}
	loaded_free(&l);
	return status < 0 ? EXIT_FINE : status;
}

const struct command command_rules_check = {
	.name = "rules check",
	.summary = "say what is wrong with rules, by file, line and column",
	.usage = "[options] FILE...",
	.rows = check_rows,
	.row_count = sizeof(check_rows) / sizeof(check_rows[0]),
	.more = "Exit status: 0 all rules can be used; 1 some can't; 2 the command line could not be understood.\n\n"
		"Examples:\n  tapir rules check my.rules\n  tapir rules check --json -c suricata.yaml rules/*.rules\n",
	.run = run_check,
};

const struct command command_rules_list = {
	.name = "rules list",
	.summary = "the rules of some files, one a line",
	.usage = "[options] FILE...",
	.rows = list_rows,
	.row_count = sizeof(list_rows) / sizeof(list_rows[0]),
	.more = "Exit status: 0; 1 where files or configuration can't be read; 2 the command line could not be understood.\n\n"
		"Example:\n  tapir rules list --json my.rules\n",
	.run = run_list,
};
