/* profile_log.c - see profile_log.h. The keys are Suricata's. */
#include "sensor/profile_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "rules/profile_report.h"
#include "sensor/run.h"

#define ONE_IN_DEFAULT 1000
#define LINES_DEFAULT 100

unsigned profile_log_rate(const struct run *r)
{
	int64_t n = conf_int(r->conf, "profiling.sample-rate", ONE_IN_DEFAULT);

	if (!conf_bool(r->conf, "profiling.rules.enabled", false))
		return 0;
	return n < 1 ? 1 : n > 1000000 ? 1000000 : (unsigned)n;
}

static void lines_write(const struct run *r, const struct profile_lines *lines, FILE *out)
{
	int64_t limit = conf_int(r->conf, "profiling.rules.limit", LINES_DEFAULT);
	unsigned max = limit > 0 && limit < UINT32_MAX ? (unsigned)limit : UINT32_MAX;
	struct json j;

	if (!conf_bool(r->conf, "profiling.rules.json", false)) {
		profile_lines_print(lines, max, out);
		return;
	}
	if (json_init(&j, 64 * 1024, 256u * 1024 * 1024) < 0)
		return;
	json_object(&j, NULL);
	profile_lines_json(lines, max, &j);
	json_close(&j);
	json_line(&j);
	fwrite(j.buf, 1, j.len, out);
	json_fini(&j);
}

void profile_log_write(struct run *r)
{
	const char *name = conf_str(r->conf, "profiling.rules.filename", "rule_perf.log");
	struct rules *engines[WORKERS_MAX];
	struct profile_lines lines;
	char *path = NULL;
	FILE *out;

	if (profile_log_rate(r) == 0 || r->rules == NULL)
		return;
	for (unsigned i = 0; i < r->worker_count; i++)
		engines[i] = worker_rules(r->workers[i].worker);
	if (*name != '/' && asprintf(&path, "%s/%s", r->log_dir, name) < 0)
		return;
	out = fopen(path ? path : name, "we");
	if (out == NULL) {
		log_warning("%s: %s", path ? path : name, strerror(errno));
	} else if (profile_lines_make(&lines, engines, r->worker_count) == 0) {
		lines_write(r, &lines, out);
		profile_lines_free(&lines);
	}
	if (out != NULL)
		fclose(out);
	free(path);
}
