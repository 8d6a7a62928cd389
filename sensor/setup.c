/* setup.c - everything that a run needs before its first packet, in the order in which one thing
 * needs the other; what goes wrong is said here, with what a person can do about it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "sensor/reload.h"
#include "sensor/run.h"
#include "sensor/stats.h"

/* More than this many are counted, not shown: `tapir rules check` shows all. */
#define DIAGNOSTICS_SHOWN 40
#define RULE_FILES_MAX 1024
/* The key of all hashes, and with it the flow ids, of runs over capture files: the same each time. */
#define OFFLINE_KEY0 0x7461706972206b30u
#define OFFLINE_KEY1 0x7461706972206b31u

struct rule_files {
	char *paths[RULE_FILES_MAX];
	unsigned count;
};

static void rule_files_add(struct rule_files *f, const char *dir, const char *name)
{
	char *path;

	if (f->count == RULE_FILES_MAX)
		return;
	if (dir == NULL || *dir == '\0' || *name == '/')
		path = strdup(name);
	else if (asprintf(&path, "%s/%s", dir, name) < 0)
		path = NULL;
	if (path != NULL)
		f->paths[f->count++] = path;
}

static void rule_files_collect(struct rule_files *f, const struct sensor_options *o, const struct conf *conf)
{
	const char *dir = conf_str(conf, "default-rule-path", NULL);
	const struct conf *list = conf_find(conf, "rule-files");

	if (o->rules_only != NULL) {
		rule_files_add(f, NULL, o->rules_only);
		return;
	}
	for (const struct conf *c = list ? list->first : NULL; c != NULL; c = c->next) {
		if (c->value != NULL)
			rule_files_add(f, dir, c->value);
	}
	for (unsigned i = 0; i < o->rules_more.count; i++)
		rule_files_add(f, NULL, o->rules_more.at[i]);
}

static void tell_diagnostics(const struct rule_report *report)
{
	unsigned shown = 0;

	for (unsigned i = 0; i < report->count; i++) {
		const struct diagnostic *d = &report->items[i];
		enum log_level level = d->level == DIAG_ERROR ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING;
		const char *hint = d->suggestion ? d->suggestion : "";

		if (d->level == DIAG_HINT)
			level = LOG_LEVEL_INFO;
		if (level <= log_level_get() && ++shown > DIAGNOSTICS_SHOWN)
			continue;
		log_write(level, "%s:%u:%u: %s%s%s", d->file ? d->file : "rules", d->line, d->column, d->message,
			  *hint ? "; " : "", hint);
	}
	if (shown > DIAGNOSTICS_SHOWN)
		log_warning("%u more problems in rules; `tapir rules check` shows all", shown - DIAGNOSTICS_SHOWN);
}

int run_rules_load(const struct run *r, const struct conf *conf, struct rule_set **out, struct rule_report *report)
{
	const struct sensor_options *o = r->opts;
	struct rule_files files = { 0 };
	bool fatal = o->init_errors_fatal || o->test_only || conf_bool(conf, "engine.init-failure-fatal", false);
	struct rule_load load = {
		.conf = conf, .app = r->app, .inline_mode = r->shared.inline_mode, .data_dir = o->data_dir,
		.previous = r->rules,
	};
	char cache[PATH_MAX];
	int err;

	*out = NULL;
	if (rules_cache_dir(conf, cache, sizeof(cache)))
		load.cache_dir = cache;
	rule_files_collect(&files, o, conf);
	load.files = (const char *const *)files.paths;
	load.file_count = files.count;
	err = rule_set_load(out, &load, report);
	tell_diagnostics(report);
	if (err < 0)
		log_error("rules cannot be loaded: %s", strerror(-err));
	else
		log_info("%u rules loaded, %u failed, %u skipped, from %u files", report->rules_loaded, report->rules_failed,
			 report->rules_skipped, report->files);
	/* Mistakes beside the rules (classification, thresholds) count where the configuration is what is tested. */
	if (err == 0 && ((fatal && report->rules_failed > 0) || (o->test_only && report->errors > 0))) {
		log_error("%u rule%s with mistakes, and that is to be fatal", report->rules_failed,
			  report->rules_failed == 1 ? "" : "s");
		rule_set_put(*out);
		*out = NULL;
		err = -EINVAL;
	}
	for (unsigned i = 0; i < files.count; i++)
		free(files.paths[i]);
	return err;
}

void run_rules_adopt(struct run *r, struct rule_set *set, struct rule_report *report)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	r->rules_loaded_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	pthread_mutex_lock(&r->shared.rules_lock);
	r->rules = r->shared.rules = set;
	r->shared.rules_generation++;
	pthread_mutex_unlock(&r->shared.rules_lock);
	rule_report_free(&r->rules_report);
	r->rules_report = *report;
	*report = (struct rule_report){ 0 };
}

int run_config_load(const struct run *r, struct config **out)
{
	const struct sensor_options *o = r->opts;
	const char *path = o->config;
	int err;

	if (path == NULL && access("/etc/tapir/tapir.yaml", R_OK) == 0)
		path = "/etc/tapir/tapir.yaml";
	err = config_load(out, path, o->includes.at, o->includes.count, o->sets.at, o->sets.count);
	return err < 0 ? err : config_check(*out);
}

static int setup_config(struct run *r)
{
	int err = run_config_load(r, &r->config);

	if (err < 0) {
		log_error("%s", r->config ? r->config->error : "out of memory");
		return err;
	}
	r->conf = r->config->root;
	if (r->opts->no_records && conf_child(r->conf, "outputs") != NULL)
		conf_remove(conf_child(r->conf, "outputs"));
	return 0;
}

/* The log directory, made where it is missing. */
static int setup_log_dir(struct run *r)
{
	const char *dir = r->opts->log_dir ? r->opts->log_dir : conf_str(r->conf, "default-log-dir", ".");
	struct stat st;

	if ((size_t)snprintf(r->log_dir, sizeof(r->log_dir), "%s", dir) >= sizeof(r->log_dir)) {
		log_error("-l: the name is too long");
		return -ENAMETOOLONG;
	}
	if ((r->opts->test_only && r->opts->log_dir == NULL) || r->opts->no_records)
		return 0;
	if (mkdir(dir, 0755) < 0 && errno != EEXIST) {
		log_error("%s: cannot be made: %s; give another directory with -l", dir, strerror(errno));
		return -errno;
	}
	if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode)) {
		log_error("%s: not a directory; give another with -l", dir);
		return -ENOTDIR;
	}
	if (access(dir, W_OK) < 0) {
		log_error("%s: cannot be written to: %s; give another directory with -l", dir, strerror(errno));
		return -errno;
	}
	return 0;
}

/* -k, or what the configuration says for this kind of input. The tracker looks for "auto". */
static int setup_checksums(struct run *r)
{
	const char *mode = r->opts->checksums;
	bool off;

	if (mode == NULL)
		mode = conf_str(r->conf, r->live ? "af-packet.checksum-checks" : "pcap-file.checksum-checks", "auto");
	off = strcasecmp(mode, "none") == 0 || strcasecmp(mode, "no") == 0;
	r->shared.decode.verify_checksums = !off;
	return conf_set(r->config->root, "pcap-file.checksum-checks",
			strcasecmp(mode, "auto") == 0 && !r->live ? "auto" : off ? "no" : "yes");
}

/* logging.default-log-level and the log file, unless the command line said how much is to be told. */
static int setup_logging(struct run *r)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {
		{ "error", LOG_LEVEL_ERROR }, { "warning", LOG_LEVEL_WARNING }, { "notice", LOG_LEVEL_NOTICE },
		{ "info", LOG_LEVEL_INFO }, { "perf", LOG_LEVEL_INFO }, { "config", LOG_LEVEL_DEBUG },
		{ "debug", LOG_LEVEL_DEBUG },
	};
	const char *level = conf_str(r->conf, "logging.default-log-level", "notice");
	const struct conf *file = conf_find(r->conf, "logging.outputs.file");
	const char *name = conf_str(file, "filename", "tapir.log");
	char *path = NULL;
	int err;

	for (size_t i = 0; i < ARRAY_LEN(levels) && r->opts->log_level < 0; i++) {
		if (strcasecmp(level, levels[i].name) == 0)
			log_level_set(levels[i].level);
	}
	if (file == NULL || !conf_bool(file, "enabled", false) || r->opts->test_only || r->opts->no_records)
		return 0;
	if (*name != '/' && asprintf(&path, "%s/%s", r->log_dir, name) < 0)
		return -ENOMEM;
	err = log_file_set(path ? path : name);
	if (err < 0)
		log_warning("%s: %s; messages go to standard error only", path ? path : name, strerror(-err));
	free(path);
	return 0;
}

static int setup_pid_file(const struct run *r)
{
	FILE *out;

	if (r->opts->daemon && daemon(1, 0) < 0) {
		log_error("cannot go to the background: %s", strerror(errno));
		return -errno;
	}
	if (r->opts->pid_file == NULL)
		return 0;
	out = fopen(r->opts->pid_file, "we");
	if (out == NULL || fprintf(out, "%d\n", (int)getpid()) < 0 || fclose(out) != 0) {
		log_error("%s: %s", r->opts->pid_file, strerror(errno));
		return -errno;
	}
	return 0;
}

/* What the workers share. */
static int setup_shared(struct run *r)
{
	struct worker_shared *s = &r->shared;
	const struct conf *where = NULL;
	int64_t alert_max = conf_int(r->conf, "packet-alert-max", 15);
	int err;

	s->conf = r->conf;
	s->live = r->live;
	s->alert_max = alert_max < 1 ? 15 : alert_max > ALERTS_MAX ? ALERTS_MAX : (unsigned)alert_max;
	err = packet_config_load(&s->decode, r->conf, &where);
	if (err < 0) {
		log_error("%s:%d:%d: %s: cannot be understood", where && where->file ? where->file : "--set",
			  where ? where->line : 0, where ? where->column : 0, where ? where->name : "decoder");
		return err;
	}
	err = setup_checksums(r);
	if (err < 0)
		return err;
	if (r->live) {
		err = hash_key_random(&s->key);
		if (err < 0)
			log_error("no random numbers from the kernel: %s", strerror(-err));
		return err;
	}
	s->key = (struct hash_key){ OFFLINE_KEY0, OFFLINE_KEY1 };
	s->key.k0 ^= (uint64_t)conf_int(r->conf, "flow.id-seed", 0);
	return 0;
}

static int setup_output(struct run *r)
{
	struct output_opts opts = {
		.conf = r->conf,
		.log_dir = r->log_dir,
		.app = r->app,
		.inline_mode = r->shared.inline_mode,
		.live = r->live,
		.device_names = r->live ? r->device_names : NULL,
		.device_count = r->live ? r->device_count : 0,
		.capture_name = r->capture,
	};
	int err = output_new(&r->output, &opts);

	if (err < 0) {
		log_error("%s", output_error());
		return err;
	}
	err = records_new(&r->records, r->output);
	if (err < 0)
		log_error("outputs: %s", strerror(-err));
	return err;
}

static int setup_rules(struct run *r)
{
	struct rule_report report = { 0 };
	struct rule_set *set;
	int err;

	if (r->opts->detection_off)
		return 0;
	err = run_rules_load(r, r->conf, &set, &report);
	run_rules_adopt(r, set, &report);
	if (err == 0)
		err = rule_state_new(&r->rule_state, r->rules, r->conf);
	if (err < 0 && r->rules != NULL)
		log_error("rule state: %s", strerror(-err));
	r->shared.rule_state = r->rule_state;
	return err;
}

/* Modes that the command line asks for reach everybody through the configuration. */
static int setup_modes(struct run *r)
{
	const char *inline_mode = conf_str(r->conf, "stream.inline", "auto");
	int err = 0;

	r->shared.inline_mode = r->opts->simulate_ips;
	if (r->opts->simulate_ips)
		err = conf_set(r->config->root, "simulate-ips", "yes");
	if (err == 0 && strcasecmp(inline_mode, "auto") == 0)
		err = conf_set(r->config->root, "stream.inline", r->opts->simulate_ips ? "yes" : "no");
	if (err < 0)
		log_error("configuration: %s", strerror(-err));
	return err;
}

/* What may be done about a connection whose beginning wasn't seen depends on whether such connections are
 * followed, as in Suricata. */
static int setup_policies(struct run *r)
{
	const char *policy = conf_str(r->conf, "stream.midstream-policy", "auto");
	bool midstream = conf_bool(r->conf, "stream.midstream", false);
	bool whole = strcasecmp(policy, "auto") == 0 || strcasecmp(policy, "ignore") == 0 || strcasecmp(policy, "pass-flow") == 0;
	bool packet = strcasecmp(policy, "drop-packet") == 0 || strcasecmp(policy, "pass-packet") == 0;

	if (midstream ? whole : !packet)
		return 0;
	log_error("stream.midstream-policy: %s has no meaning where stream.midstream is %s; expected %s", policy,
		  midstream ? "on" : "off", midstream ? "ignore or pass-flow" : "ignore, pass-flow, drop-flow, bypass or reject");
	return r->opts->init_errors_fatal || r->opts->test_only ? -EINVAL : 0;
}

/* Configurations that Suricata refuses, because it can't do what they ask for. */
static int setup_refusals(const struct run *r)
{
	const struct conf *outputs = conf_find(r->conf, "outputs");
	const struct conf *run_as = conf_find(r->conf, "run-as");
	bool fatal = r->opts->init_errors_fatal || r->opts->test_only;
	unsigned anomaly = 0;

	for (const struct conf *c = outputs ? outputs->first : NULL; c != NULL; c = c->next) {
		const struct conf *eve = conf_child(c, "eve-log");

		if (eve != NULL && conf_bool(eve, "enabled", true))
			anomaly += conf_find(eve, "types.anomaly") != NULL && conf_bool(eve, "types.anomaly.enabled", true);
	}
	if (anomaly > 1 && fatal) {
		log_error("outputs: %u eve-log with anomaly records; expected one", anomaly);
		return -EINVAL;
	}
	if (run_as != NULL && conf_str(run_as, "user", NULL) == NULL) {
		log_error("run-as: expected a user");
		return -EINVAL;
	}
	return 0;
}

void run_warn_unused_keys(const struct run *r)
{
	char keys[2048];
	unsigned count = config_unused(r->config, keys, sizeof(keys));

	if (count > 0)
		log_warning("%s: %u key%s without a meaning here: %s", r->opts->config ? r->opts->config : "configuration",
			    count, count == 1 ? "" : "s", keys);
}

int run_setup(struct run *r, const struct sensor_options *opts)
{
	int err;

	r->opts = opts;
	pthread_mutex_init(&r->shared.rules_lock, NULL);
	r->ended_fd = -1;
	r->live = opts->capture == NULL;
	r->capture = opts->capture;
	r->interactive = isatty(STDERR_FILENO);
	err = setup_config(r);
	if (err == 0)
		err = setup_log_dir(r);
	if (err == 0)
		err = setup_logging(r);
	if (err == 0)
		err = setup_modes(r);
	if (err == 0)
		err = setup_policies(r);
	if (err == 0)
		err = setup_refusals(r);
	if (err == 0)
		err = setup_shared(r);
	if (err == 0 && (err = app_settings_new(&r->app, r->conf)) < 0)
		log_error("app-layer: %s", strerror(-err));
	r->shared.app = r->app;
	if (err == 0)
		err = setup_rules(r);
	if (err < 0 || opts->test_only)
		return err;
	err = run_devices_open(r);
	if (err == 0 && r->live)
		err = responder_new(&r->shared.responder, r->conf, opts->reject_device);
	if (err == 0)
		err = setup_output(r);
	r->shared.output = r->output;
	if (err == 0)
		err = setup_pid_file(r);
	if (err == 0 && (err = output_start(r->output)) < 0)
		log_error("outputs: %s", strerror(-err));
	return err;
}

void run_teardown(struct run *r)
{
	if (r->opts->pid_file != NULL && r->output != NULL)
		unlink(r->opts->pid_file);
	for (unsigned i = 0; i < r->worker_count; i++)
		worker_free(r->workers[i].worker);
	run_devices_close(r);
	responder_free(r->shared.responder);
	if (r->records != NULL)
		records_free(r->records);
	if (r->output != NULL)
		output_free(r->output);
	for (unsigned i = 0; i < r->mailbox_count; i++)
		mailbox_fini(&r->shared.mailboxes[i]);
	free(r->shared.mailboxes);
	reload_free(r->reload);
	if (r->rule_state != NULL)
		rule_state_free(r->rule_state);
	rule_report_free(&r->rules_report);
	if (r->rules != NULL)
		rule_set_put(r->rules);
	if (r->app != NULL)
		app_settings_free(r->app);
	stats_free(r->stats);
	config_free(r->config);
	pthread_mutex_destroy(&r->shared.rules_lock);
	if (r->ended_fd >= 0)
		close(r->ended_fd);
}
