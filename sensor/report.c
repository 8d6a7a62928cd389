/* report.c - for the person in front of a terminal: how far the run is, and what it found. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/run.h"
#include "sensor/stats.h"

#define SIGNATURES_SHOWN 20
#define PROGRESS_AFTER_S 0.7

/* 1234567 as "1,234,567"; out has 32 bytes. */
static const char *grouped(uint64_t v, char out[32])
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, v);
	char *o = out;

	for (int i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			*o++ = ',';
		*o++ = digits[i];
	}
	*o = '\0';
	return out;
}

static const char *sized(uint64_t bytes, char out[32])
{
	static const char *const units[] = { "bytes", "kB", "MB", "GB", "TB" };
	double v = (double)bytes;
	unsigned unit = 0;

	for (; v >= 1000 && unit < 4; unit++)
		v /= 1000;
	snprintf(out, 32, unit ? "%.1f %s" : "%.0f %s", v, units[unit]);
	return out;
}

static void progress_file(struct run *r)
{
	struct device_info info;
	double part, left;
	char read[32], size[32];

	device_info(r->devices[0], &info);
	if (info.size_bytes == 0) {
		fprintf(stderr, "\r\033[K%s read, %.0f s", sized(info.read_bytes, read), r->seconds);
		return;
	}
	part = (double)info.read_bytes / (double)info.size_bytes;
	if (part > 1)
		part = 1;
	left = part > 0 ? r->seconds / part - r->seconds : 0;
	fprintf(stderr, "\r\033[K%3.0f%%  %s of %s  %.0f MB/s  %.0f s left", part * 100, sized(info.read_bytes, read),
		sized(info.size_bytes, size), (double)info.read_bytes / 1e6 / r->seconds, left);
}

static void progress_live(struct run *r)
{
	const struct worker_stats *t;
	struct device_stats d = stats_devices(r);
	char frames[32], bytes[32], alerts[32], flows[32], lost[32];

	run_snapshots(r);
	stats_sum(r->stats, r);
	t = stats_total(r->stats);
	fprintf(stderr, "\r\033[K%.0f s  %s frames  %s  %s flows  %s alerts  %s lost", r->seconds,
		grouped(t->counts.account.received, frames), sized(t->counts.account.received_bytes, bytes),
		grouped(t->tracker.flows_total, flows), grouped(t->records.alerts, alerts),
		grouped(d.drops[DROP_KERNEL] + d.drops[DROP_RING_FULL] + d.drops[DROP_FILL_EMPTY], lost));
}

void report_progress(struct run *r)
{
	if (!r->interactive || r->seconds < PROGRESS_AFTER_S)
		return;
	r->progress_shown = true;
	if (r->live)
		progress_live(r);
	else
		progress_file(r);
	fflush(stderr);
}

void report_progress_clear(struct run *r)
{
	if (r->progress_shown)
		fputs("\r\033[K", stderr);
}

static void show_signature(void *ctx, const struct signature_count *s)
{
	char n[32];

	(void)ctx;
	printf("  %10s  %s  [%u:%u:%u]\n", grouped(s->count, n), s->msg ? s->msg : "(no message)", s->gid, s->sid, s->rev);
}

static void show_protocols(const struct worker_stats *t)
{
	bool any = false;

	for (unsigned i = 0; i < t->proto_count; i++) {
		const struct app_stats *p = &t->protos[i];
		uint64_t flows = p->flows[0] + p->flows[1], txs = p->transactions[0] + p->transactions[1];
		bool known = i < analyzer_count();
		char a[32], b[32];

		if (flows == 0)
			continue;
		if (!any)
			printf("\nProtocols\n");
		any = true;
		printf("  %10s  %s", grouped(flows, a), known ? p->name : "not recognised");
		if (txs > 0)
			printf("  (%s transactions)", grouped(txs, b));
		putchar('\n');
	}
}

static void show_drops(const struct run *r, const struct worker_stats *t)
{
	const struct account *a = &t->counts.account;
	struct device_stats d = stats_devices(r);
	bool any = false;
	char n[32];

	for (unsigned i = 0; i < ACCOUNT_DROPS; i++) {
		if (a->dropped[i] == 0)
			continue;
		if (!any)
			printf("\nNot followed\n");
		any = true;
		printf("  %10s  %s\n", grouped(a->dropped[i], n), account_drop_name(i));
	}
	any = false;
	for (unsigned i = 0; i < DEVICE_DROPS; i++) {
		if (d.drops[i] == 0)
			continue;
		if (!any)
			printf("\nLost before tapir saw them\n");
		any = true;
		printf("  %10s  %s\n", grouped(d.drops[i], n), device_drop_names[i]);
	}
}

/* What share of the traffic a bad mirror touched, where that is worth a word. */
struct hint {
	uint64_t count, of;
	unsigned permille;              /* from this share on */
	const char *text;
};

static void show_mirror(const struct worker_stats *t)
{
	const struct tracker_stats *k = &t->tracker;
	const struct mirror_stats *m = &k->mirror;
	uint64_t frames = t->counts.account.received;
	const struct hint hints[] = {
		{ m->frames_duplicate, m->packets_compared, 50,
		  "packets came twice: the mirror takes them in and out, or two ports are mirrored that they cross" },
		{ m->frames_cut, frames, 1, "frames are cut short: raise the snap length where they are captured" },
		{ m->frames_giant, frames, 1, "frames larger than a wire carries: switch GRO, LRO and TSO off where they are captured" },
		{ m->flows_one_way, k->flows_tcp, 100, "TCP flows with one direction only: mirror both directions to one place" },
		{ m->flows_vlan_asymmetric, k->flows_total, 20,
		  "directions with other VLAN tags than their flows': set vlan.use-for-tracking: no" },
		{ m->data_after_ack, k->packets[TRACK_FOLLOWED], 5, "packets came after their acknowledgement: the directions are out of step" },
		{ m->gaps, k->flows_tcp, 50, "gaps in TCP streams: the mirror, or the way from it, loses packets" },
		{ k->tcp_bad_checksum, k->packets[TRACK_FOLLOWED], 100,
		  "bad TCP checksums: captured before the NIC filled them in? -k none takes them as they are" },
		{ m->time_backward, frames, 10, "frames are earlier than those before them: several clocks, or merged files" },
		{ m->time_steps, 1, 1000, "steps of more than an hour in the frames' time" },
	};
	bool any = false;
	char n[32];

	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		const struct hint *h = &hints[i];

		if (h->count == 0 || h->of == 0 || h->count * 1000 < h->of * h->permille)
			continue;
		if (!any)
			printf("\nThe mirror isn't good\n");
		any = true;
		printf("  %10s  %s\n", grouped(h->count, n), h->text);
	}
}

void report_summary(struct run *r)
{
	const struct worker_stats *t = stats_total(r->stats);
	const struct tracker_stats *k = &t->tracker;
	double span = (double)(t->counts.time_ns - t->counts.first_ns) / 1e9;
	const char *eve = output_eve_path(r->output);
	char a[32], b[32], c[32], d[32], e[32];

	printf("Packets   %s (%s), %s followed", grouped(t->counts.account.received, a),
	       sized(t->counts.account.received_bytes, b), grouped(t->counts.account.followed, c));
	printf(", %.1f s of traffic in %.2f s\n", span, r->seconds);
	printf("Flows     %s (TCP %s, UDP %s, ICMP %s)\n", grouped(k->flows_total, a), grouped(k->flows_tcp, b),
	       grouped(k->flows_udp, c), grouped(k->flows_icmpv4 + k->flows_icmpv6, d));
	if (r->rules != NULL)
		printf("Rules     %s\n", grouped(rule_set_count(r->rules), e));
	printf("Alerts    %s\n", grouped(t->records.alerts, a));
	output_top_signatures(r->output, SIGNATURES_SHOWN, show_signature, NULL);
	show_protocols(t);
	show_drops(r, t);
	show_mirror(t);
	if (eve != NULL)
		printf("\nRecords   %s in %s\n", grouped(t->records.events, a), eve);
	fflush(stdout);
}
