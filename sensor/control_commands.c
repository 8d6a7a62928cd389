/* control_commands.c - what can be asked over the control socket. Names, arguments and answers are Suricata's. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "rules/dataset.h"
#include "sensor/control_own.h"
#include "sensor/reload.h"
#include "sensor/stats.h"

#define VALUE_MAX (16 * 1024)

static enum control_verdict say(struct control_call *call, enum control_verdict verdict, const char *message)
{
	json_str(call->answer, "message", message);
	return verdict;
}

/* NULL after an answer. */
static const char *argument(struct control_call *call, const char *name)
{
	const char *value = control_request_argument(call->request, name);

	if (value == NULL)
		json_printf(call->answer, "message", "expected the argument \"%s\"", name);
	return value;
}

static enum control_verdict run_capture_mode(struct control_call *call)
{
	const struct run *r = call->run;
	struct device_info info = { 0 };

	if (r->device_count > 0)
		device_info(r->devices[0], &info);
	return say(call, CONTROL_OK, !r->live ? "PCAP_FILE" : strcmp(info.kind, "afxdp") == 0 ? "AF_XDP_DEV" : "PCAP_DEV");
}

static enum control_verdict run_command_list(struct control_call *call)
{
	json_object(call->answer, "message");
	json_uint(call->answer, "count", control_command_count);
	json_array(call->answer, "commands");
	for (unsigned i = 0; i < control_command_count; i++)
		json_str(call->answer, NULL, control_commands[i].name);
	json_close(call->answer);
	json_close(call->answer);
	return CONTROL_OK;
}

static enum control_verdict run_conf_get(struct control_call *call)
{
	const char *name = argument(call, "variable");
	const char *value;

	if (name == NULL)
		return CONTROL_NOK;
	value = conf_str(call->run->conf, name, NULL);
	return value != NULL ? say(call, CONTROL_OK, value) : say(call, CONTROL_NOK, "Unable to get value");
}

/* A set by name and type, and a value read as that type. */
struct dataset_call {
	struct dataset *set;
	uint8_t bytes[VALUE_MAX];
	struct slice value;
};

static struct dataset *dataset_of(struct control_call *call)
{
	const char *name = argument(call, "setname"), *type = name ? argument(call, "settype") : NULL;
	struct dataset *set = NULL;

	if (type == NULL)
		return NULL;
	if (call->run->rules != NULL)
		set = dataset_find(rule_set_datasets(call->run->rules), name);
	if (set == NULL)
		json_printf(call->answer, "message", "there is no data set \"%s\"", name);
	else if (strcmp(type, dataset_types[dataset_type_of(set)]) != 0) {
		json_printf(call->answer, "message", "\"%s\" is of type %s", name, dataset_types[dataset_type_of(set)]);
		return NULL;
	}
	return set;
}

static bool dataset_call_read(struct control_call *call, struct dataset_call *d)
{
	const char *text;
	size_t len;

	d->set = dataset_of(call);
	text = d->set ? argument(call, "datavalue") : NULL;
	if (text == NULL)
		return false;
	if (!dataset_value_read(dataset_type_of(d->set), slice_str(text), d->bytes, sizeof(d->bytes), &len)) {
		json_printf(call->answer, "message", "not a value of type %s%s", dataset_types[dataset_type_of(d->set)],
			    dataset_type_of(d->set) == DATASET_STRING ? ": strings are given in base64" : "");
		return false;
	}
	d->value = slice_of(d->bytes, len);
	return true;
}

static enum control_verdict run_dataset_add(struct control_call *call)
{
	struct dataset_call d;
	int added;

	if (!dataset_call_read(call, &d))
		return CONTROL_NOK;
	added = dataset_add(d.set, d.value, NULL);
	if (added < 0)
		return say(call, CONTROL_NOK, "failed to add data");
	return say(call, CONTROL_OK, added > 0 ? "data added" : "data already in set");
}

static enum control_verdict run_dataset_remove(struct control_call *call)
{
	struct dataset_call d;

	if (!dataset_call_read(call, &d))
		return CONTROL_NOK;
	return dataset_remove(d.set, d.value) ? say(call, CONTROL_OK, "data removed") :
						say(call, CONTROL_NOK, "item not found in set");
}

static enum control_verdict run_dataset_lookup(struct control_call *call)
{
	struct dataset_call d;

	if (!dataset_call_read(call, &d))
		return CONTROL_NOK;
	return dataset_has(d.set, d.value, NULL) ? say(call, CONTROL_OK, "item found in set") :
						   say(call, CONTROL_NOK, "item not found in set");
}

static enum control_verdict run_dataset_dump(struct control_call *call)
{
	if (call->run->rule_state != NULL)
		rule_state_save(call->run->rule_state);
	return say(call, CONTROL_OK, "datasets dump done");
}

static enum control_verdict run_dump_counters(struct control_call *call)
{
	stats_now(call->run->stats, call->run);
	json_raw(call->answer, "message", stats_json(call->run->stats));
	return CONTROL_OK;
}

static enum control_verdict run_iface_list(struct control_call *call)
{
	const struct run *r = call->run;

	json_object(call->answer, "message");
	json_uint(call->answer, "count", r->live ? r->set_count : 0);
	json_array(call->answer, "ifaces");
	for (unsigned i = 0; r->live && i < r->set_count; i++)
		json_str(call->answer, NULL, r->sets[i]->name);
	json_close(call->answer);
	json_close(call->answer);
	return CONTROL_OK;
}

static enum control_verdict run_iface_stat(struct control_call *call)
{
	const struct run *r = call->run;
	const char *name = argument(call, "iface");
	const struct device_set *set = NULL;
	uint64_t frames = 0, lost = 0;

	if (name == NULL)
		return CONTROL_NOK;
	for (unsigned i = 0; r->live && i < r->set_count; i++)
		if (strcmp(r->sets[i]->name, name) == 0)
			set = r->sets[i];
	if (set == NULL)
		return say(call, CONTROL_NOK, "Iface does not exist");
	for (unsigned i = 0; i < set->count; i++) {
		struct device_stats one = { 0 };

		device_stats(set->devices[i], &one);
		frames += one.rx_frames;
		lost += one.drops[DROP_KERNEL] + one.drops[DROP_RING_FULL] + one.drops[DROP_FILL_EMPTY];
	}
	run_snapshots(call->run);
	stats_sum(r->stats, r);
	json_object(call->answer, "message");
	json_uint(call->answer, "pkts", frames + lost);
	json_uint(call->answer, "invalid-checksums", stats_total(r->stats)->tracker.tcp_bad_checksum);
	json_uint(call->answer, "drop", lost);
	json_uint(call->answer, "bypassed", stats_total(r->stats)->counts.bypassed_packets);
	json_close(call->answer);
	return CONTROL_OK;
}

static const struct {
	const char *name;
	size_t budget;          /* in struct worker_stats */
} memcaps[] = {
	{ "flow", offsetof(struct worker_stats, tracker.flow) },
	{ "stream-reassembly", offsetof(struct worker_stats, tracker.stream) },
	{ "defrag", offsetof(struct worker_stats, tracker.defrag) },
	{ "app-layer", offsetof(struct worker_stats, app_budget) },
};

static void memcap_write(struct control_call *call, const char *key, size_t at)
{
	const struct worker_stats *s = worker_stats(call->run->workers[0].worker);
	const struct budget *b = (const struct budget *)(const void *)((const char *)s + at);

	if (b->max == 0)
		json_str(call->answer, key, "unlimited");
	else
		json_printf(call->answer, key, "%" PRIu64 "%s", b->max >= 1 << 20 ? b->max >> 20 : b->max,
			    b->max >= 1 << 20 ? "mb" : "b");
}

/* Of each worker. */
static enum control_verdict run_memcap_list(struct control_call *call)
{
	run_snapshots(call->run);
	json_array(call->answer, "message");
	for (unsigned i = 0; i < ARRAY_LEN(memcaps); i++) {
		json_object(call->answer, NULL);
		json_str(call->answer, "name", memcaps[i].name);
		memcap_write(call, "value", memcaps[i].budget);
		json_close(call->answer);
	}
	json_close(call->answer);
	return CONTROL_OK;
}

static enum control_verdict run_memcap_show(struct control_call *call)
{
	const char *name = argument(call, "config");

	if (name == NULL)
		return CONTROL_NOK;
	run_snapshots(call->run);
	for (unsigned i = 0; i < ARRAY_LEN(memcaps); i++) {
		if (strcmp(memcaps[i].name, name) != 0)
			continue;
		json_object(call->answer, "message");
		memcap_write(call, "value", memcaps[i].budget);
		json_close(call->answer);
		return CONTROL_OK;
	}
	return say(call, CONTROL_NOK, "Memcap value not found. Use 'memcap-list' to show all");
}

static enum control_verdict run_reload(struct control_call *call)
{
	int err = reload_begin(call->run->reload);

	if (err == -EALREADY)
		return say(call, CONTROL_NOK, "Reload already in progress");
	return err < 0 ? say(call, CONTROL_NOK, "there are no rules to load") : CONTROL_LATER;
}

static enum control_verdict run_reload_nonblocking(struct control_call *call)
{
	enum control_verdict verdict = run_reload(call);

	return verdict == CONTROL_LATER ? say(call, CONTROL_OK, "done") : verdict;
}

static enum control_verdict run_reload_time(struct control_call *call)
{
	time_t at = (time_t)(call->run->rules_loaded_ns / 1000000000u);
	char text[64] = "";
	struct tm tm;

	if (localtime_r(&at, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.000000%z", &tm);
	json_array(call->answer, "message");
	json_object(call->answer, NULL);
	json_uint(call->answer, "id", 0);
	json_str(call->answer, "last_reload", text);
	json_close(call->answer);
	json_close(call->answer);
	return CONTROL_OK;
}

static enum control_verdict run_ruleset_stats(struct control_call *call)
{
	const struct run *r = call->run;

	json_array(call->answer, "message");
	json_object(call->answer, NULL);
	json_uint(call->answer, "id", 0);
	json_uint(call->answer, "rules_loaded", r->rules ? rule_set_count(r->rules) : 0);
	json_uint(call->answer, "rules_failed", r->rules_report.rules_failed);
	json_uint(call->answer, "rules_skipped", r->rules_report.rules_skipped);
	json_close(call->answer);
	json_close(call->answer);
	return CONTROL_OK;
}

static enum control_verdict run_failed_rules(struct control_call *call)
{
	const struct rule_report *report = &call->run->rules_report;

	json_array(call->answer, "message");
	for (unsigned i = 0; i < report->count; i++) {
		const struct diagnostic *d = &report->items[i];

		if (d->level != DIAG_ERROR || d->line == 0)
			continue;
		json_object(call->answer, NULL);
		json_uint(call->answer, "tenant_id", 0);
		json_str(call->answer, "filename", d->file ? d->file : "");
		json_uint(call->answer, "line", d->line);
		json_uint(call->answer, "column", d->column);
		if (d->sid != 0)
			json_uint(call->answer, "sid", d->sid);
		json_str(call->answer, "error", d->message);
		json_close(call->answer);
	}
	json_close(call->answer);
	return CONTROL_OK;
}

static enum control_verdict run_reopen(struct control_call *call)
{
	output_reopen(call->run->output);
	return say(call, CONTROL_OK, "done");
}

static enum control_verdict run_running_mode(struct control_call *call)
{
	return say(call, CONTROL_OK, call->run->worker_count > 1 ? "workers" : "single");
}

static enum control_verdict run_shutdown(struct control_call *call)
{
	call->run->shared.stopping = true;
	return say(call, CONTROL_OK, "Closing tapir");
}

static enum control_verdict run_uptime(struct control_call *call)
{
	json_uint(call->answer, "message", (uint64_t)call->run->seconds);
	return CONTROL_OK;
}

static enum control_verdict run_version(struct control_call *call)
{
	return say(call, CONTROL_OK, TAPIR_VERSION " tapir");
}

#define ITEM "setname=NAME settype=TYPE datavalue=VALUE"
const struct control_command control_commands[] = {
	{ "capture-mode", NULL, "how packets come in", run_capture_mode },
	{ "command-list", NULL, "the commands", run_command_list },
	{ "conf-get", "variable=KEY", "a value of the configuration", run_conf_get },
	{ "dataset-add", ITEM, "add a value to a data set", run_dataset_add },
	{ "dataset-dump", NULL, "write the data sets that are to be saved", run_dataset_dump },
	{ "dataset-lookup", ITEM, "whether a value is in a data set", run_dataset_lookup },
	{ "dataset-remove", ITEM, "take a value out of a data set", run_dataset_remove },
	{ "dump-counters", NULL, "all counters, as in a stats record", run_dump_counters },
	{ "iface-list", NULL, "the interfaces being watched", run_iface_list },
	{ "iface-stat", "iface=NAME", "packets and losses of an interface", run_iface_stat },
	{ "memcap-list", NULL, "the caps on memory, of each worker", run_memcap_list },
	{ "memcap-show", "config=NAME", "one of them", run_memcap_show },
	{ "reload-rules", NULL, "load the rules anew, and say when they are in place", run_reload },
	{ "reopen-log-files", NULL, "as after the logs were moved away", run_reopen },
	{ "ruleset-failed-rules", NULL, "rules with mistakes", run_failed_rules },
	{ "ruleset-reload-nonblocking", NULL, "load the rules anew, and don't wait", run_reload_nonblocking },
	{ "ruleset-reload-rules", NULL, "as reload-rules", run_reload },
	{ "ruleset-reload-time", NULL, "when the rules were put in place", run_reload_time },
	{ "ruleset-stats", NULL, "how many rules there are", run_ruleset_stats },
	{ "running-mode", NULL, "single or workers", run_running_mode },
	{ "shutdown", NULL, "end the run cleanly", run_shutdown },
	{ "uptime", NULL, "in seconds", run_uptime },
	{ "version", NULL, "of tapir", run_version },
};
const unsigned control_command_count = ARRAY_LEN(control_commands);
