/* rules_trial.c - `tapir rules test`: what rules are to alert on, and what not, written down beside them and tried.
 *
 * A test is a capture, or traffic in a few words, and the alerts to be expected. Each runs on its own, from a clean state;
 * where an alert is missing, what stopped the rule is said, as `tapir rules explain` does. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/options.h"
#include "cli/print_json.h"
#include "cli/test_traffic.h"
#include "rules/explain_notes.h"
#include "sensor/config.h"
#include "sensor/replay.h"

#define EXPECTED_MAX 256
#define TEXT_MAX 4096

struct test_options {
	const char *config;
	struct names sets;
	bool json, verbose;
};

#define AT(field) offsetof(struct test_options, field)

static const struct option_row rows[] = {
	{ "config", 'c', "FILE", OPTION_TEXT, AT(config), "YAML, as suricata.yaml; without it, what the file names, or a built-in one" },
	{ "set", 0, "KEY=VALUE", OPTION_LIST, AT(sets), "set one value of the configuration" },
	{ "verbose", 'v', NULL, OPTION_FLAG, AT(verbose), "name the tests that pass, too" },
	{ "json", 0, NULL, OPTION_FLAG, AT(json), "one JSON document" },
};

/* One sid: how often it is to alert, and did. */
struct expected {
	uint32_t sid;
	bool any_count, wanted;
	uint64_t count, got;
	char *msg;
};

struct tally {
	unsigned passed, failed;
};

struct trial {
	const struct test_options *o;
	const struct conf *file;        /* the whole file */
	const struct conf *test;
	const char *name;
	char *dir, *rules, *config, *capture;
	bool made_capture;
	bool others;                    /* alerts that nobody expects are fine */
	struct expected expected[EXPECTED_MAX];
	unsigned count;
	bool failed;
	struct json *json;
};

static int complain(const char *path, const struct conf *node, const char *what)
{
	fprintf(stderr, "%s:%d:%d: %s\n", node && node->file ? node->file : path, node ? node->line : 0, node ? node->column : 0, what);
	return -EINVAL;
}

/* Names in the file are relative to it. */
static char *path_beside(const struct trial *t, const char *name)
{
	char *path = NULL;

	if (*name == '/' || t->dir[0] == '\0')
		return strdup(name);
	return asprintf(&path, "%s/%s", t->dir, name) < 0 ? NULL : path;
}

static struct expected *expected_of(struct trial *t, uint32_t sid)
{
	for (unsigned i = 0; i < t->count; i++)
		if (t->expected[i].sid == sid)
			return &t->expected[i];
	if (t->count == EXPECTED_MAX)
		return NULL;
	t->expected[t->count] = (struct expected){ .sid = sid };
	return &t->expected[t->count++];
}

/* "1000001", or "1000001 x 2". */
static int expected_read(struct trial *t, const char *path, const struct conf *node)
{
	const char *text = node->value ? node->value : "";
	char *end;
	unsigned long sid = strtoul(text, &end, 10);
	struct expected *e;

	if (*text < '0' || *text > '9' || sid == 0 || sid > UINT32_MAX)
		return complain(path, node, "expected a sid, as 1000001, or with how often, as 1000001 x 2");
	e = expected_of(t, (uint32_t)sid);
	if (e == NULL)
		return complain(path, node, "too many sids");
	e->wanted = e->any_count = true;
	end += strspn(end, " ");
	if (*end == '\0')
		return 0;
	if (*end != 'x')
		return complain(path, node, "expected a sid, as 1000001, or with how often, as 1000001 x 2");
	e->any_count = false;
	e->count = strtoul(end + 1, &end, 10);
	return *end == '\0' ? 0 : complain(path, node, "expected how often behind x");
}

static int trial_read(struct trial *t, const char *path)
{
	const struct conf *expect = conf_find(t->test, "expect"), *rules = conf_find(t->test, "rules");
	const char *capture = conf_str(t->test, "capture", NULL), *config;
	int err = 0;

	t->name = conf_str(t->test, "name", NULL);
	if (t->name == NULL)
		return complain(path, t->test, "the test has no name");
	if (rules == NULL)
		rules = conf_find(t->file, "rules");
	if (rules == NULL || rules->value == NULL)
		return complain(path, rules ? rules : t->test, "expected \"rules:\", a rule file, here or for the whole file");
	if (expect == NULL)
		return complain(path, t->test, "expected \"expect:\", a list of sids, or none");
	if (expect->value != NULL && strcmp(expect->value, "none") != 0)
		err = expected_read(t, path, expect);
	for (const struct conf *c = expect->first; c != NULL && err == 0; c = c->next)
		err = expected_read(t, path, c);
	if (err < 0)
		return err;
	t->others = conf_bool(t->test, "others", false);
	t->rules = path_beside(t, rules->value);
	config = conf_str(t->test, "config", conf_str(t->file, "config", NULL));
	if (config != NULL)
		t->config = path_beside(t, config);
	if ((capture != NULL) == test_traffic_given(t->test))
		return complain(path, t->test, "expected one of capture, http, messages, payload and payload-hex");
	if (capture != NULL)
		t->capture = path_beside(t, capture);
	return t->rules == NULL || (capture != NULL && t->capture == NULL) ? -ENOMEM : 0;
}

static int capture_make(struct trial *t, const char *path)
{
	const char *dir = getenv("TMPDIR");
	const struct conf *where;
	char error[512];
	int fd, err;

	if (asprintf(&t->capture, "%s/tapir-test-XXXXXX", dir && *dir ? dir : "/tmp") < 0) {
		t->capture = NULL;
		return -ENOMEM;
	}
	fd = mkstemp(t->capture);
	if (fd < 0)
		return complain(path, t->test, "no place for a temporary file; see TMPDIR");
	close(fd);
	t->made_capture = true;
	err = test_traffic_write(t->test, t->capture, &where, error, sizeof(error));
	return err < 0 ? complain(path, where ? where : t->test, error) : 0;
}

static void settings_add(struct names *sets, const struct conf *list)
{
	for (const struct conf *c = list ? list->first : NULL; c != NULL; c = c->next)
		if (c->value != NULL && sets->count < SENSOR_NAMES_MAX)
			sets->at[sets->count++] = c->value;
}

static void sensor_options_fill(const struct trial *t, struct sensor_options *s)
{
	*s = (struct sensor_options){
		.config = t->o->config ? t->o->config : t->config, .sets = t->o->sets, .capture = t->capture, .rules_only = t->rules,
		.log_level = LOG_LEVEL_ERROR, .init_errors_fatal = true,
	};
	settings_add(&s->sets, conf_find(t->file, "set"));
	settings_add(&s->sets, conf_find(t->test, "set"));
}

static void alert_note(void *ctx, const struct signature_count *s)
{
	struct expected *e = expected_of(ctx, s->sid);

	if (e == NULL)
		return;
	e->got += s->count;
	if (e->msg == NULL && s->msg != NULL)
		e->msg = strdup(s->msg);
}

/* Why a rule that should have alerted didn't. */
static void explain(const struct trial *t, uint32_t sid, char *out, size_t size)
{
	struct sensor_options s;
	struct replay *p;

	*out = '\0';
	sensor_options_fill(t, &s);
	if (replay_new(&p, &s) < 0)
		return;
	if (rules_explain_start(replay_rules(p), 0, sid) < 0) {
		snprintf(out, size, "there is no such rule");
	} else {
		if (replay_run(p) == 0)
			explain_verdict(rules_explain_end(replay_rules(p)), out, size);
		rules_explain_stop(replay_rules(p));
	}
	replay_free(p);
}

static bool is_right(const struct trial *t, const struct expected *e)
{
	if (!e->wanted)
		return t->others || e->got == 0;
	return e->any_count ? e->got > 0 : e->got == e->count;
}

static void difference(struct trial *t, const struct expected *e)
{
	char why[TEXT_MAX] = "", wanted[64] = "no alert";

	if (e->wanted && e->any_count)
		snprintf(wanted, sizeof(wanted), "an alert");
	else if (e->wanted)
		snprintf(wanted, sizeof(wanted), "%" PRIu64 " alert%s", e->count, e->count == 1 ? "" : "s");
	if (e->wanted && e->got == 0)
		explain(t, e->sid, why, sizeof(why));
	if (t->json != NULL) {
		json_object(t->json, NULL);
		json_uint(t->json, "sid", e->sid);
		json_str(t->json, "expected", wanted);
		json_uint(t->json, "alerts", e->got);
		if (why[0])
			json_str(t->json, "why", why);
		json_close(t->json);
		return;
	}
	printf("  %c %u%s%s: expected %s, got %" PRIu64 "\n", e->wanted ? '-' : '+', e->sid, e->msg ? " " : "", e->msg ? e->msg : "",
	       wanted, e->got);
	if (why[0])
		printf("    %s\n", why);
}

static int trial_run(struct trial *t)
{
	struct sensor_options s;
	struct replay *p;
	int err;

	sensor_options_fill(t, &s);
	err = replay_new(&p, &s);
	if (err < 0)
		return err;
	err = replay_run(p);
	if (err == 0)
		replay_alerts(p, alert_note, t);
	replay_free(p);
	return err;
}

static void trial_tell(struct trial *t)
{
	for (unsigned i = 0; i < t->count; i++)
		t->failed |= !is_right(t, &t->expected[i]);
	if (t->json != NULL) {
		json_object(t->json, NULL);
		json_str(t->json, "name", t->name);
		json_bool(t->json, "passed", !t->failed);
		json_array(t->json, "differences");
	} else if (t->failed || t->o->verbose) {
		printf("%s %s\n", t->failed ? "FAIL" : "ok  ", t->name);
	}
	for (unsigned i = 0; i < t->count; i++)
		if (!is_right(t, &t->expected[i]))
			difference(t, &t->expected[i]);
	if (t->json != NULL) {
		json_close(t->json);
		json_close(t->json);
	}
}

static void trial_fini(struct trial *t)
{
	if (t->made_capture)
		unlink(t->capture);
	for (unsigned i = 0; i < t->count; i++)
		free(t->expected[i].msg);
	free(t->rules);
	free(t->config);
	free(t->capture);
}

static int trial(const struct test_options *o, const char *path, char *dir, const struct conf *file, const struct conf *test,
		 struct json *json, struct tally *tally)
{
	struct trial *t = calloc(1, sizeof(*t));
	int err;

	if (t == NULL)
		return -ENOMEM;
	t->o = o;
	t->file = file;
	t->test = test;
	t->dir = dir;
	t->json = json;
	err = trial_read(t, path);
	if (err == 0 && t->capture == NULL)
		err = capture_make(t, path);
	if (err == 0)
		err = trial_run(t);
	if (err == 0) {
		trial_tell(t);
		tally->passed += !t->failed;
		tally->failed += t->failed;
	}
	trial_fini(t);
	free(t);
	return err;
}

/* A key that nobody read is a slip of the pen. */
static int unused_tell(const char *path, const struct conf *node)
{
	char text[160];
	int err = 0;

	for (const struct conf *c = node->first; c != NULL && err == 0; c = c->next) {
		if (c->used || node->is_list) {
			err = c->name != NULL && strcmp(c->name, "headers") == 0 ? 0 : unused_tell(path, c);
			continue;
		}
		snprintf(text, sizeof(text), "the key \"%s\" has no meaning here", c->name);
		err = complain(path, c, text);
	}
	return err;
}

static int file_run(const struct test_options *o, const char *path, struct json *json, struct tally *tally)
{
	const char *slash = strrchr(path, '/');
	char *dir = strndup(path, slash ? (size_t)(slash - path) : 0);
	struct config *config = calloc(1, sizeof(*config));
	const struct conf *tests;
	int err = -ENOMEM;

	if (config != NULL && dir != NULL && (config->root = conf_new()) != NULL)
		err = config_yaml_file(config, path);
	if (err < 0) {
		fprintf(stderr, "%s\n", config && config->error[0] ? config->error : "out of memory");
		goto out;
	}
	tests = conf_find(config->root, "tests");
	if (tests == NULL || tests->first == NULL)
		err = complain(path, tests, "expected \"tests:\", a list");
	for (const struct conf *c = tests ? tests->first : NULL; c != NULL && err == 0; c = c->next)
		err = trial(o, path, dir, config->root, c, json, tally);
	if (err == 0)
		err = unused_tell(path, config->root);
out:
	config_free(config);
	free(dir);
	return err;
}

static int run(int argc, char **argv)
{
	struct test_options o = { 0 };
	struct names files = { 0 };
	struct tally tally = { 0 };
	struct json json;
	int status = options_parse(&command_rules_test, argc, argv, &o, &files), err = 0;

	if (status != 0)
		return status < 0 ? EXIT_FINE : status;
	if (files.count == 0) {
		fprintf(stderr, "tapir rules test: which files?\nTry: tapir rules test --help\n");
		return EXIT_USAGE;
	}
	log_level_set(LOG_LEVEL_ERROR);
	if (o.json && print_json_begin(&json) < 0)
		return EXIT_PROBLEM;
	if (o.json) {
		json_object(&json, NULL);
		json_array(&json, "tests");
	}
	for (unsigned i = 0; i < files.count; i++) {
		int one = file_run(&o, files.at[i], o.json ? &json : NULL, &tally);

		err = err < 0 ? err : one;
	}
	if (o.json) {
		json_close(&json);
		json_uint(&json, "passed", tally.passed);
		json_uint(&json, "failed", tally.failed);
		json_close(&json);
		if (print_json_end(&json) != EXIT_FINE)
			err = -EIO;
	} else {
		printf("%u passed, %u failed\n", tally.passed, tally.failed);
	}
	return err < 0 || tally.failed > 0 ? EXIT_PROBLEM : EXIT_FINE;
}

const struct command command_rules_test = {
	.name = "rules test",
	.summary = "try rules on captures or traffic in a few words, and compare the alerts",
	.usage = "[options] FILE...",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.more = "A file is YAML:\n\n"
		"  rules: my.rules\n"
		"  tests:\n"
		"    - name: a path traversal is seen\n"
		"      http: GET /../../etc/passwd\n"
		"      expect: [1000001]\n"
		"    - name: an ordinary page is not\n"
		"      capture: page.pcap\n"
		"      expect: none\n\n"
		"docs/rules.md tells all keys; examples/rules/office.test.yaml is a whole one.\n\n"
		"Exit status: 0 all pass; 1 some don't, or can't be run; 2 the command line could not be understood.\n",
	.run = run,
};
