/* output.c - the configured outputs, and what each worker writes into them.
 *
 * A worker makes one record at a time in r->j and adds the finished line to the buffer of its
 * output. Buffers reach the sink whole, under the sink's lock: when full, at the end of a burst
 * where the run is live, and at the end. No record is ever split, and none is made twice. */
#include "output/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyzers/frame.h"
#include "output/eve_config.h"

static _Thread_local char error_text[512];

const char *output_error(void)
{
	return error_text;
}

const struct sink_kind *sink_kind_find(const char *name)
{
	for (unsigned i = 0; i < sink_kind_count; i++)
		if (strcmp(sink_kinds[i]->name, name) == 0)
			return sink_kinds[i];
	return NULL;
}

static int sink_open(struct sink **out, const struct conf *c, const char *log_dir, const char *default_name)
{
	const char *kind_name = conf_str(c, "filetype", "regular");
	const struct sink_kind *kind = sink_kind_find(strcmp(kind_name, "file") == 0 ? "regular" : kind_name);
	struct sink_opts opts = { .conf = c, .log_dir = log_dir, .default_name = default_name };

	if (kind == NULL) {
		snprintf(error_text, sizeof(error_text), "outputs: there is no filetype \"%s\"", kind_name);
		return -EINVAL;
	}
	return kind->open(out, &opts, error_text, sizeof(error_text));
}

static int output_eve(struct output *o, const struct conf *c)
{
	struct eve *e = &o->eves[o->eve_count];
	int err;

	if (o->eve_count == EVE_OUTPUTS_MAX) {
		snprintf(error_text, sizeof(error_text), "outputs: more than %d eve-log entries", EVE_OUTPUTS_MAX);
		return -E2BIG;
	}
	err = eve_read(e, c, o->opts.conf);
	if (err < 0)
		return err;
	err = sink_open(&e->sink, c, o->opts.log_dir, "eve.json");
	if (err < 0) {
		eve_forget(e);
		return err;
	}
	pthread_mutex_init(&e->lock, NULL);
	o->log_frames |= e->frame;
	o->log_stream |= e->stream != 0;
	o->eve_count++;
	return 0;
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
	c = conf_child(entry, "fast");
	if (c != NULL && conf_bool(c, "enabled", false) && o->fast == NULL)
		return sink_open(&o->fast, c, o->opts.log_dir, "fast.log");
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
	pthread_mutex_init(&o->fast_lock, NULL);
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
	if (err < 0) {
		output_free(o);
		return err;
	}
	*out = o;
	return 0;
}

void output_reopen(struct output *o)
{
	for (unsigned i = 0; i < o->eve_count; i++) {
		struct eve *e = &o->eves[i];

		pthread_mutex_lock(&e->lock);
		if (e->sink->kind->reopen != NULL)
			e->sink->kind->reopen(e->sink);
		pthread_mutex_unlock(&e->lock);
	}
	pthread_mutex_lock(&o->fast_lock);
	if (o->fast != NULL && o->fast->kind->reopen != NULL)
		o->fast->kind->reopen(o->fast);
	pthread_mutex_unlock(&o->fast_lock);
}

void output_free(struct output *o)
{
	if (o == NULL)
		return;
	for (unsigned i = 0; i < o->eve_count; i++) {
		o->eves[i].sink->kind->close(o->eves[i].sink);
		pthread_mutex_destroy(&o->eves[i].lock);
		eve_forget(&o->eves[i]);
	}
	if (o->fast != NULL)
		o->fast->kind->close(o->fast);
	file_store_free(o->store);
	pthread_mutex_destroy(&o->fast_lock);
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
	for (unsigned i = 0; i < o->eve_count; i++)
		if (o->eves[i].sink->kind->path != NULL)
			return o->eves[i].sink->kind->path(o->eves[i].sink);
	return NULL;
}

static void lines_flush(struct records *r, struct lines *lines, struct sink *sink, pthread_mutex_t *lock)
{
	if (lines->len == 0)
		return;
	pthread_mutex_lock(lock);
	if (sink->kind->write(sink, lines->data, lines->len) < 0)
		r->stats.shed++;
	pthread_mutex_unlock(lock);
	r->stats.bytes += lines->len;
	lines->len = 0;
}

void lines_add(struct records *r, struct lines *lines, struct sink *sink, pthread_mutex_t *lock, const char *prefix, const char *text,
	       size_t len)
{
	size_t prefix_len = prefix ? strlen(prefix) : 0;

	if (lines->len + prefix_len + len + 1 > LINES_MAX)
		lines_flush(r, lines, sink, lock);
	if (prefix_len + len + 1 > LINES_MAX) {
		r->stats.shed++;
		return;
	}
	if (prefix_len)
		memcpy(lines->data + lines->len, prefix, prefix_len);
	memcpy(lines->data + lines->len + prefix_len, text, len);
	lines->len += prefix_len + len;
	lines->data[lines->len++] = '\n';
}

void eve_done(struct records *r, struct eve *e, struct json *j)
{
	json_close(j);
	if (json_overflowed(j))
		r->stats.truncated++;
	r->stats.events++;
	lines_add(r, &r->lines[e - r->out->eves], e->sink, &e->lock, e->prefix, j->buf, j->len);
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
	ok = r->counts != NULL && r->joined != NULL && json_init(&r->j, RECORD_MAX, RECORD_MAX) == 0;
	for (unsigned i = 0; i < o->eve_count && ok; i++)
		ok = (r->lines[i].data = malloc(LINES_MAX)) != NULL;
	if (ok && o->fast != NULL)
		ok = (r->fast.data = malloc(LINES_MAX)) != NULL;
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
	for (unsigned i = 0; i < EVE_OUTPUTS_MAX; i++)
		free(r->lines[i].data);
	free(r->fast.data);
	free(r->counts);
	free(r->joined);
	json_fini(&r->j);
	free(r);
}

void records_flush(struct records *r)
{
	for (unsigned i = 0; i < r->out->eve_count; i++)
		lines_flush(r, &r->lines[i], r->out->eves[i].sink, &r->out->eves[i].lock);
	if (r->out->fast != NULL)
		lines_flush(r, &r->fast, r->out->fast, &r->out->fast_lock);
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
			if (r->out->eves[k].alert)
				eve_alert(r, &r->out->eves[k], &r->j, flow, pkt, a);
	}
}

static void record_tx_into(struct records *r, struct eve *e, struct analysis *a, struct tx *tx,
			   struct record_request *req, const struct packet *pkt)
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
			eve_done(r, e, &r->j);
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
			record_tx_into(r, e, a, tx, &req, pkt);
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

void records_packet(struct records *r, struct rules *rules, struct flow *flow, struct packet *pkt,
		    const struct alert_queue *alerts)
{
	r->rules = rules;
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

void records_flow_free(struct records *r, struct flow *flow)
{
	(void)r;
	flow->slot[FLOW_RECORD] = NULL;
}

void records_stats(struct records *r, struct slice stats, uint64_t now_ns)
{
	for (unsigned k = 0; k < r->out->eve_count; k++) {
		struct eve *e = &r->out->eves[k];
		struct json *j = &r->j;

		if (!e->stats)
			continue;
		json_object(j, NULL);
		eve_timestamp(r, j, "timestamp", now_ns);
		if (e->sensor_name != NULL)
			json_str(j, "host", e->sensor_name);
		json_str(j, "event_type", "stats");
		json_raw(j, "stats", stats);
		eve_done(r, e, j);
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
