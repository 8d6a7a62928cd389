/* output.c - the configured outputs, and what each worker writes into them.
 *
 * A worker makes one record at a time in r->j and puts the finished text into its feed of that
 * output's delivery, which never blocks a live worker. */
#include "output/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "analyzers/frame.h"
#include "output/eve_config.h"
#include "output/pcap_log.h"

static _Thread_local char error_text[512];

const char *output_error(void)
{
	return error_text;
}

static int deliver(struct output *o, struct delivery **out, const struct conf *c, const char *name, const char *file, bool plain)
{
	struct delivery_opts opts = { .conf = c, .name = name, .index = o->eve_count, .log_dir = o->opts.log_dir, .default_name = file,
				      .sensor_name = conf_str(o->opts.conf, "sensor-name", NULL), .plain = plain,
				      .live = o->opts.live, .host = o->host };

	if (opts.sensor_name != NULL)
		opts.host = opts.sensor_name;
	return delivery_new(out, &opts, error_text, sizeof(error_text));
}

/* `filter`: what isn't for this sink isn't even made. `when` is the delivery's. */
static int output_filter(struct eve *e, const struct conf *c)
{
	const struct conf *types = conf_find(c, "filter.event-types");
	bool wanted[RECORD_TYPES_MAX] = { false };

	e->severity_max = (uint32_t)conf_int(c, "filter.severity", UINT32_MAX);
	if (types == NULL)
		return 0;
	for (const struct conf *t = types->first; t != NULL; t = t->next) {
		if (t->value != NULL && record_types_named(t->value, wanted))
			continue;
		snprintf(error_text, sizeof(error_text), "%s:%d:%d: filter.event-types: there are no records of type \"%s\"",
			 t->file ? t->file : "--set", t->line, t->column, t->value ? t->value : "");
		return -EINVAL;
	}
	e->alert &= wanted[RECORD_TYPE_ALERT];
	e->anomaly &= wanted[RECORD_TYPE_ANOMALY];
	e->drop &= wanted[RECORD_TYPE_DROP];
	e->flow &= wanted[RECORD_TYPE_FLOW];
	e->netflow &= wanted[RECORD_TYPE_NETFLOW];
	e->files &= wanted[RECORD_TYPE_FILEINFO];
	e->stats &= wanted[RECORD_TYPE_STATS];
	e->frame &= wanted[RECORD_TYPE_FRAME];
	e->arp &= wanted[RECORD_TYPE_ARP];
	if (!wanted[RECORD_TYPE_STREAM])
		e->stream = 0;
	if (!wanted[RECORD_TYPE_PACKET])
		e->alert_options &= ~(uint32_t)ALERT_TAGGED;
	for (unsigned i = 0; i < EVE_ANALYZERS_MAX; i++)
		e->log_app[i] &= wanted[RECORD_TYPE_APP + i];
	return 0;
}

static int output_eve(struct output *o, const struct conf *c)
{
	const char *name = conf_str(c, "name", NULL);
	struct eve *e = &o->eves[o->eve_count];
	char numbered[48];
	int err;

	if (o->eve_count == EVE_OUTPUTS_MAX) {
		snprintf(error_text, sizeof(error_text), "outputs: more than %d eve-log entries and sinks", EVE_OUTPUTS_MAX);
		return -E2BIG;
	}
	/* A spool is found again by its name: where nobody gave one, the kind and the place in the list make it. */
	snprintf(numbered, sizeof(numbered), "%.32s-%u", conf_str(c, "filetype", "regular"), o->eve_count);
	e->index = o->eve_count;
	err = eve_read(e, c, o->opts.conf);
	if (err < 0)
		return err;
	err = output_filter(e, c);
	if (err == 0)
		err = deliver(o, &e->delivery, c, name ? name : numbered, "eve.json", false);
	if (err < 0) {
		eve_forget(e);
		return err;
	}
	o->log_frames |= e->frame;
	o->log_stream |= e->stream != 0;
	o->eve_count++;
	return 0;
}

/* `sinks`: the same keys as an eve-log entry, in a list of their own. */
static int output_sinks(struct output *o)
{
	const struct conf *sinks = conf_find(o->opts.conf, "sinks");
	int err = 0;

	for (const struct conf *c = sinks ? sinks->first : NULL; c != NULL && err == 0; c = c->next)
		if (conf_bool(c, "enabled", true))
			err = output_eve(o, c);
	return err;
}

static int output_entry(struct output *o, const struct conf *entry)
{
	const struct conf *c;

	c = conf_child(entry, "eve-log");
	if (c != NULL && conf_bool(c, "enabled", false))
		return output_eve(o, c);
	c = conf_child(entry, "file-store");
	if (c != NULL && conf_bool(c, "enabled", false) && o->store == NULL)
		return file_store_new(&o->store, c, o->opts.log_dir);
	c = conf_child(entry, "pcap-log");
	if (c != NULL && conf_bool(c, "enabled", false) && o->pcap == NULL)
		return pcap_log_new(&o->pcap, c, o->opts.log_dir);
	c = conf_child(entry, "fast");
	if (c != NULL && conf_bool(c, "enabled", false) && o->fast == NULL)
		return deliver(o, &o->fast, c, "fast", "fast.log", true);
	return 0;
}

int output_new(struct output **out, const struct output_opts *opts)
{
	const struct conf *outputs = conf_find(opts->conf, "outputs");
	struct output *o = calloc(1, sizeof(*o));
	int err = 0;

	if (o == NULL)
		return -ENOMEM;
	o->opts = *opts;
	exceptions_read(&o->exceptions, opts->conf, opts->inline_mode, conf_bool(opts->conf, "stream.midstream", false));
	if (gethostname(o->host, sizeof(o->host) - 1) < 0 || o->host[0] == '\0')
		snprintf(o->host, sizeof(o->host), "tapir");
	pthread_mutex_init(&o->top_lock, NULL);
	output_capture_name(o, opts->capture_name);
	error_text[0] = '\0';
	o->top = calloc(SIGNATURE_SLOTS, sizeof(*o->top));
	if (o->top == NULL)
		err = -ENOMEM;
	else if (outputs == NULL)
		err = output_eve(o, NULL);
	for (const struct conf *e = outputs ? outputs->first : NULL; e != NULL && err == 0; e = e->next)
		err = output_entry(o, e);
	if (err == 0)
		err = output_sinks(o);
	if (err < 0) {
		if (error_text[0] == '\0')
			snprintf(error_text, sizeof(error_text), "outputs: %s", strerror(-err));
		output_free(o);
		return err;
	}
	*out = o;
	return 0;
}

int output_start(struct output *o)
{
	int err = 0;

	for (unsigned i = 0; i < o->eve_count && err == 0; i++)
		err = delivery_start(o->eves[i].delivery);
	if (err == 0 && o->fast != NULL)
		err = delivery_start(o->fast);
	return err;
}

void output_reopen(struct output *o)
{
	for (unsigned i = 0; i < o->eve_count; i++)
		delivery_reopen(o->eves[i].delivery);
	if (o->fast != NULL)
		delivery_reopen(o->fast);
}

bool output_sink_stats(struct output *o, unsigned index, struct delivery_stats *out)
{
	if (index < o->eve_count)
		delivery_stats(o->eves[index].delivery, out);
	else if (index == o->eve_count && o->fast != NULL)
		delivery_stats(o->fast, out);
	else
		return false;
	return true;
}

void output_free(struct output *o)
{
	if (o == NULL)
		return;
	for (unsigned i = 0; i < o->eve_count; i++) {
		delivery_free(o->eves[i].delivery);
		eve_forget(&o->eves[i]);
	}
	delivery_free(o->fast);
	file_store_free(o->store);
	pcap_log_free(o->pcap);
	pthread_mutex_destroy(&o->top_lock);
	free(o->capture_name);
	for (unsigned i = 0; o->top != NULL && i < SIGNATURE_SLOTS; i++)
		free(o->top[i].msg);
	free(o->top);
	free(o);
}

void output_capture_name(struct output *o, const char *path)
{
	free(o->capture_name);
	o->capture_name = path ? strdup(path) : NULL;
}

uint32_t output_wants(const struct output *o)
{
	static const uint32_t digests[DIGEST_KINDS] = { APP_WANT_MD5, APP_WANT_SHA1, APP_WANT_SHA256 };
	uint32_t wants = APP_WANT_RECORDS;

	for (unsigned i = 0; i < o->eve_count; i++)
		for (unsigned k = 0; k < DIGEST_KINDS; k++)
			if (o->eves[i].files_force_hash & 1u << k)
				wants |= digests[k];
	for (unsigned i = 0; i < o->eve_count; i++)
		if (o->eves[i].files_force_magic)
			wants |= APP_WANT_MAGIC;
	if (o->log_frames)
		wants |= APP_WANT_FRAMES;
	if (o->store != NULL)
		wants |= APP_WANT_STORE | APP_WANT_SHA256;
	for (unsigned i = 0; i < o->eve_count; i++)
		if (o->eves[i].alert_options & (ALERT_HTTP_BODY | ALERT_HTTP_BODY_PRINTABLE))
			wants |= APP_WANT_BODIES;
	return wants;
}

const char *output_eve_path(const struct output *o)
{
	const char *path = NULL;

	for (unsigned i = 0; i < o->eve_count && path == NULL; i++)
		path = delivery_path(o->eves[i].delivery);
	return path;
}

/* Ids are told apart by output, by worker, by record. */
static uint64_t record_id(struct records *r, const struct eve *e)
{
	return (uint64_t)e->index << 56 | (r->number & 0xffff) << 40 | (++r->ids[e->index] & 0xffffffffff);
}

void eve_done(struct records *r, struct eve *e, struct json *j, unsigned type, unsigned severity)
{
	struct record_head head = { .type = (uint8_t)type, .severity = (uint8_t)(severity > UINT8_MAX ? UINT8_MAX : severity),
				    .id = record_id(r, e) };

	json_close(j);
	if (json_overflowed(j))
		r->stats.truncated++;
	r->stats.events++;
	r->stats.bytes += j->len + 1;
	head.len = (uint32_t)j->len;
	if (!delivery_put(e->delivery, r->feeds[e->index], &head, j->buf))
		r->stats.shed++;
	json_reset(j);
}

int records_new(struct records **out, struct output *o)
{
	struct records *r = calloc(1, sizeof(*r));
	bool ok;

	if (r == NULL)
		return -ENOMEM;
	r->out = o;
	r->counts = calloc(SIGNATURE_SLOTS, sizeof(*r->counts));
	r->joined = malloc(JOINED_MAX);
	r->communities = calloc(COMMUNITIES_KEPT, sizeof(*r->communities));
	ok = r->counts != NULL && r->communities != NULL && r->joined != NULL && json_init(&r->j, RECORD_MAX, RECORD_MAX) == 0;
	for (unsigned i = 0; i < o->eve_count && ok; i++)
		ok = delivery_feed(o->eves[i].delivery, &r->feeds[i]) == 0;
	if (ok && o->fast != NULL)
		ok = delivery_feed(o->fast, &r->fast) == 0;
	r->number = o->records_count++;
	if (!ok) {
		records_free(r);
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

static struct signature_count *count_slot(struct signature_count *table, uint32_t gid, uint32_t sid)
{
	unsigned at = sid * 2654435761u % SIGNATURE_SLOTS;

	for (unsigned probes = 0; probes < SIGNATURE_SLOTS; probes++, at = (at + 1) % SIGNATURE_SLOTS)
		if (table[at].count == 0 || (table[at].sid == sid && table[at].gid == gid))
			return &table[at];
	return NULL;
}

static struct signature_count *count_add(struct signature_count *table, const struct rule *rule, uint64_t n)
{
	struct signature_count *slot = count_slot(table, rule->gid, rule->sid);

	if (slot == NULL)
		return NULL;
	slot->gid = rule->gid;
	slot->sid = rule->sid;
	slot->rev = rule->rev;
	slot->rule = rule;
	slot->count += n;
	return slot;
}

void records_rules_change(struct records *r)
{
	struct output *o = r->out;

	pthread_mutex_lock(&o->top_lock);
	for (unsigned i = 0; r->counts != NULL && i < SIGNATURE_SLOTS; i++) {
		struct signature_count *one = &r->counts[i], *sum;

		if (one->count == 0)
			continue;
		sum = count_add(o->top, one->rule, one->count);
		if (sum != NULL) {
			free(sum->msg);
			sum->msg = one->rule->msg ? strdup(one->rule->msg) : NULL;
			sum->rule = NULL;
		}
		*one = (struct signature_count){ 0 };
	}
	pthread_mutex_unlock(&o->top_lock);
}

void records_free(struct records *r)
{
	if (r == NULL)
		return;
	records_flush(r);
	records_rules_change(r);
	free(r->counts);
	free(r->communities);
	free(r->joined);
	json_fini(&r->j);
	free(r);
}

void records_flush(struct records *r)
{
	for (unsigned i = 0; i < r->out->eve_count; i++)
		delivery_kick(r->out->eves[i].delivery);
	if (r->out->fast != NULL)
		delivery_kick(r->out->fast);
}

static void record_alerts(struct records *r, struct flow *flow, const struct packet *pkt, const struct alert_queue *alerts)
{
	for (unsigned i = 0; i < alerts->count; i++) {
		const struct alert *a = &alerts->items[i];

		r->stats.alerts++;
		count_add(r->counts, a->rule, 1);
		if (r->out->fast != NULL)
			fast_log(r, pkt, a);
		for (unsigned k = 0; k < r->out->eve_count; k++)
			if (r->out->eves[k].alert && a->rule->priority <= r->out->eves[k].severity_max)
				eve_alert(r, &r->out->eves[k], &r->j, flow, pkt, a);
	}
}

static void record_tx_into(struct records *r, struct eve *e, struct analysis *a, struct tx *tx,
			   struct record_request *req, const struct packet *pkt, unsigned index)
{
	const struct analyzer *p = a->proto;
	static const uint8_t dirs[] = {
		[RECORD_FLOW] = DIR_FLOW, [RECORD_PACKET] = DIR_PACKET,
		[RECORD_TO_SERVER] = DIR_FLOW_TO_SERVER, [RECORD_TO_CLIENT] = DIR_FLOW_TO_CLIENT,
	};
	const enum record_dir dir = dirs[p->record_way ? p->record_way(tx, req->options) : RECORD_FLOW];
	const unsigned parts = p->record_parts ? p->record_parts(a, tx, req->options) : 1;

	for (req->part = 0; req->part < parts; req->part++) {
		eve_header(r, e, &r->j, req->flow, pkt, dir, p->event_type, NULL);
		json_uint(&r->j, "tx_id", tx->id);
		if (p->record(a, tx, req, &r->j))
			eve_done(r, e, &r->j, RECORD_TYPE_APP + index, 0);
		else
			json_reset(&r->j);
	}
}

/* What an output asks of files has to be known while they are open: hashes, magic. */
static void record_tx(struct records *r, struct analysis *a, struct tx *tx, unsigned index, struct flow *flow,
		      const struct packet *pkt)
{
	for (unsigned k = 0; k < r->out->eve_count; k++) {
		struct eve *e = &r->out->eves[k];
		struct record_request req = { .options = e->app_options[index], .flow = flow, .time_ns = pkt->time_ns };

		if (e->log_app[index])
			record_tx_into(r, e, a, tx, &req, pkt, index);
	}
	tx->recorded = true;
}

static unsigned analyzer_index(const struct analyzer *proto)
{
	unsigned i = 0;

	while (i < analyzer_count() && analyzer_at(i) != proto)
		i++;
	return i;
}

static bool tx_ready(struct analysis *a, struct tx *tx, const uint64_t acked[2])
{
	const struct analyzer *p = a->proto;

	for (unsigned s = 0; s < 2; s++) {
		uint8_t at = p->record_at[0] || p->record_at[1] ? p->record_at[s] : p->complete[s];

		if (analysis_progress(a, tx, s, acked[s]) < at)
			return false;
	}
	return true;
}

static void record_files(struct records *r, struct flow *flow, struct analysis *a, const struct packet *pkt, struct tx *tx)
{
	for (struct file *f = tx->files; f != NULL; f = f->next) {
		/* A rule that is still to look may want it stored. */
		if (tx->updated_off[f->side] != 0 && !(pkt->flags & PACKET_END_OF_FLOW))
			continue;
		if (r->out->store != NULL)
			file_store_pump(r->out->store, flow, f);
		if (f->recorded || f->state == FILE_OPEN)
			continue;
		f->recorded = true;
		for (unsigned k = 0; k < r->out->eve_count; k++)
			if (r->out->eves[k].files)
				eve_fileinfo(r, &r->out->eves[k], &r->j, flow, a, pkt, f);
	}
}

static void record_analysis(struct records *r, struct flow *flow, struct analysis *a, const struct packet *pkt,
			    const uint64_t acked[2])
{
	unsigned index = analyzer_index(a->proto);

	for (struct tx *tx = a->tx_first; tx != NULL; tx = tx->next) {
		if (a->proto->record == NULL)
			tx->recorded = true;
		else if (!tx->recorded && tx_ready(a, tx, acked))
			record_tx(r, a, tx, index, flow, pkt);
		if (tx->files != NULL)
			record_files(r, flow, a, pkt, tx);
	}
}

static void record_transactions(struct records *r, struct flow *flow, const struct packet *pkt)
{
	uint64_t acked[2] = { 0, 0 };
	bool asked = false;

	for (struct analysis *a = analysis_of(flow); a != NULL; a = a->older) {
		if (a->proto == NULL || a->tx_first == NULL)
			continue;
		if (!asked) {
			acked[0] = stream_acked(flow, TO_SERVER);
			acked[1] = stream_acked(flow, TO_CLIENT);
			asked = true;
		}
		record_analysis(r, flow, a, pkt, acked);
	}
}

/* Of a flow that is dropped as a whole, the first packet of each side is enough; what a rule drops is always told. */
static bool drop_is_news(const struct flow *flow, const struct packet *pkt, const struct alert_queue *alerts)
{
	if (flow == NULL || (alerts != NULL && alerts->drop))
		return true;
	return flow->dropped && !(flow->drop_recorded & 1u << pkt->side);
}

static void record_drop(struct records *r, struct flow *flow, const struct packet *pkt, const struct alert_queue *alerts)
{
	bool news = drop_is_news(flow, pkt, alerts);

	if (pkt->flags & PACKET_END_OF_FLOW)
		return;
	for (unsigned k = 0; k < r->out->eve_count; k++) {
		struct eve *e = &r->out->eves[k];

		if (e->drop && (e->drop_all_flows || news))
			eve_drop(r, e, &r->j, flow, pkt, alerts);
	}
	if (flow != NULL && flow->dropped)
		flow->drop_recorded |= (uint8_t)(1u << pkt->side);
}

/* What brought a transaction's events has reached the receiver. */
bool events_acked(const struct flow *flow, const struct tx *tx)
{
	return stream_acked(flow, TO_SERVER) >= tx->events_off[TO_SERVER] &&
	       stream_acked(flow, TO_CLIENT) >= tx->events_off[TO_CLIENT];
}

static void mark_events_recorded(struct flow *flow)
{
	for (struct analysis *a = analysis_of(flow); a != NULL; a = a->older)
		for (struct tx *tx = a->tx_first; tx != NULL; tx = tx->next)
			if (tx->events_recorded != tx->event_count && events_acked(flow, tx))
				tx->events_recorded = tx->event_count;
}

static void record_frames(struct records *r, struct flow *flow, const struct packet *pkt)
{
	struct analysis *a = analysis_of(flow);

	for (unsigned k = 0; k < r->out->eve_count; k++)
		if (r->out->eves[k].frame)
			eve_frames(r, &r->out->eves[k], &r->j, flow, pkt);
	for (struct app_frame *f = a ? frames_of(a) : NULL; f != NULL; f = f->next)
		f->recorded |= f->closed;
}

static void record_tagged(struct records *r, struct flow *flow, const struct packet *pkt)
{
	if (pkt->flags & PACKET_END_OF_FLOW)
		return;
	for (unsigned k = 0; k < r->out->eve_count; k++)
		if (r->out->eves[k].alert && (r->out->eves[k].alert_options & ALERT_TAGGED))
			eve_tagged(r, &r->out->eves[k], &r->j, flow, pkt);
}

static void record_stream(struct records *r, struct flow *flow, const struct packet *pkt)
{
	for (unsigned k = 0; k < r->out->eve_count; k++) {
		uint16_t wanted = r->out->eves[k].stream;

		if (wanted == STREAM_ALL || (wanted & pkt->tcp_notes))
			eve_stream(r, &r->out->eves[k], &r->j, flow, pkt);
	}
}

void records_ambiguity(struct records *r, struct flow *flow, const struct packet *pkt, enum side side, const struct piece *piece)
{
	for (unsigned k = 0; k < r->out->eve_count; k++)
		if (r->out->eves[k].anomaly)
			eve_ambiguity(r, &r->out->eves[k], &r->j, flow, pkt, side, piece);
}

void records_packet(struct records *r, struct rules *rules, struct flow *flow, struct packet *pkt,
		    const struct alert_queue *alerts)
{
	r->rules = rules;
	if (r->out->pcap != NULL)
		pcap_log_packet(r->out->pcap, flow, pkt, alerts);
	if (alerts != NULL && alerts->count != 0)
		record_alerts(r, flow, pkt, alerts);
	if ((pkt->flags & PACKET_WOULD_DROP) && r->out->opts.inline_mode)
		record_drop(r, flow, pkt, alerts);
	for (unsigned k = 0; k < r->out->eve_count; k++)
		if (r->out->eves[k].anomaly)
			eve_anomalies(r, &r->out->eves[k], &r->j, flow, pkt);
	if (alerts != NULL && alerts->tagged)
		record_tagged(r, flow, pkt);
	for (unsigned k = 0; pkt->arp != NULL && k < r->out->eve_count; k++)
		if (r->out->eves[k].arp)
			eve_arp(r, &r->out->eves[k], &r->j, pkt);
	if (flow == NULL)
		return;
	if (r->out->log_stream && pkt->proto == 6 && !(pkt->flags & PACKET_END_OF_FLOW))
		record_stream(r, flow, pkt);
	for (unsigned k = 0; k < r->out->eve_count; k++)
		if (r->out->eves[k].packet_vars)
			eve_metadata(r, &r->out->eves[k], &r->j, flow, pkt);
	mark_events_recorded(flow);
	if (r->out->log_frames)
		record_frames(r, flow, pkt);
	record_transactions(r, flow, pkt);
}

void records_flow(struct records *r, struct rules *rules, struct flow *flow, uint64_t now_ns)
{
	r->rules = rules;
	for (unsigned k = 0; k < r->out->eve_count; k++) {
		struct eve *e = &r->out->eves[k];

		if (e->flow)
			eve_flow(r, e, &r->j, flow, now_ns);
		if (e->netflow)
			eve_netflow(r, e, &r->j, flow, now_ns);
	}
}

static bool eve_wants_form(const struct eve *e, unsigned form)
{
	return e->stats && form == (unsigned)(e->stats_totals | e->stats_threads << 1 | e->stats_deltas << 2);
}

bool records_stats_wanted(const struct records *r, unsigned form)
{
	bool wanted = false;

	for (unsigned k = 0; k < r->out->eve_count; k++)
		wanted |= eve_wants_form(&r->out->eves[k], form);
	return wanted;
}

void records_stats(struct records *r, unsigned form, struct slice stats, uint64_t now_ns)
{
	for (unsigned k = 0; k < r->out->eve_count; k++) {
		struct eve *e = &r->out->eves[k];
		struct json *j = &r->j;

		if (!eve_wants_form(e, form))
			continue;
		json_object(j, NULL);
		eve_timestamp(r, j, "timestamp", now_ns);
		if (e->sensor_name != NULL)
			json_str(j, "host", e->sensor_name);
		json_str(j, "event_type", "stats");
		json_raw(j, "stats", stats);
		eve_done(r, e, j, RECORD_TYPE_STATS, 0);
	}
}

void records_stats_get(const struct records *r, struct records_stats *out)
{
	*out = r->stats;
}

static int by_count(const void *a, const void *b)
{
	const struct signature_count *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->sid < y->sid ? -1 : 1;
}

void output_top_signatures(const struct output *o, unsigned max,
			   void (*row)(void *ctx, const struct signature_count *signature), void *ctx)
{
	struct signature_count *sorted = calloc(SIGNATURE_SLOTS, sizeof(*sorted));
	unsigned n = 0;

	if (sorted == NULL)
		return;
	for (unsigned i = 0; i < SIGNATURE_SLOTS; i++)
		if (o->top[i].count != 0)
			sorted[n++] = o->top[i];
	qsort(sorted, n, sizeof(*sorted), by_count);
	for (unsigned i = 0; i < n && i < max; i++)
		row(ctx, &sorted[i]);
	free(sorted);
}
