/* replay.c - see replay.h. */
#include "sensor/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sensor/run.h"

struct replay {
	struct run run;
	struct sensor_options opts;
	struct worker *worker;
};

int replay_new(struct replay **out, const struct sensor_options *opts)
{
	struct replay *p = calloc(1, sizeof(*p));
	int err;

	*out = NULL;
	if (p == NULL)
		return -ENOMEM;
	p->opts = *opts;
	p->opts.no_records = true;
	p->opts.workers = 1;
	err = run_setup(&p->run, &p->opts);
	p->run.shared.worker_count = 1;
	if (err == 0)
		err = worker_new(&p->worker, &p->run.shared, 0);
	if (err < 0) {
		replay_free(p);
		return err;
	}
	*out = p;
	return 0;
}

void replay_free(struct replay *p)
{
	if (p == NULL)
		return;
	worker_free(p->worker);
	run_teardown(&p->run);
	free(p);
}

const struct rule_set *replay_rule_set(const struct replay *p)
{
	return p->run.rules;
}

const struct rule_report *replay_report(const struct replay *p)
{
	return &p->run.rules_report;
}

struct rules *replay_rules(struct replay *p)
{
	return worker_rules(p->worker);
}

int replay_run(struct replay *p)
{
	worker_run(p->worker, p->run.devices[0], 0);
	if (p->run.shared.receive_error < 0)
		log_error("%s: %s", p->opts.capture, strerror(-p->run.shared.receive_error));
	return p->run.shared.receive_error;
}

uint64_t replay_packets(const struct replay *p)
{
	return worker_stats(p->worker)->counts.account.received;
}

uint64_t replay_flows(const struct replay *p)
{
	return worker_stats(p->worker)->tracker.flows_total;
}

void replay_alerts(struct replay *p, void (*row)(void *ctx, const struct signature_count *signature), void *ctx)
{
	/* Counts reach the output when the worker goes. */
	worker_free(p->worker);
	p->worker = NULL;
	output_top_signatures(p->run.output, UINT32_MAX, row, ctx);
}
