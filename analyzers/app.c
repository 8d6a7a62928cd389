/* app.c - the application layer of one worker: from bytes of a flow to an analyzer's transactions.
 *
 * While a direction's protocol is unknown its bytes are kept (bounded) and judged by detect.c; once
 * known they go to the analyzer as they come, without a copy unless the analyzer leaves some unread.
 * Each direction is judged for itself, so that a mismatch is seen; the first verdict names the flow.
 * A switch of protocol puts the old analysis, with what is still to be inspected and recorded, behind a
 * fresh one (a->older). What a flow may keep is bounded by pending_max, tx_open_max and the budget. */
#include <errno.h>
#include <stdlib.h>

#include "analyzers/app.h"
#include "analyzers/frame.h"
#include "base/must.h"
#include "stack/track/tracker.h"

#define PENDING_MAX_DEFAULT 65536
#define TX_OPEN_MAX_DEFAULT 1024

static const char *const app_event_names[APP_EVENTS] = {
	[APP_MISMATCH_PROTOCOL_BOTH_DIRECTIONS] = "applayer_mismatch_protocol_both_directions",
	[APP_WRONG_DIRECTION_FIRST_DATA] = "applayer_wrong_direction_first_data",
	[APP_DETECT_PROTOCOL_ONLY_ONE_DIRECTION] = "applayer_detect_protocol_only_one_direction",
	[APP_PROTO_DETECTION_SKIPPED] = "applayer_proto_detection_skipped",
	[APP_NO_TLS_AFTER_STARTTLS] = "applayer_no_tls_after_starttls",
	[APP_UNEXPECTED_PROTOCOL] = "applayer_unexpected_protocol",
};

const char *app_event_name(unsigned event)
{
	return event < APP_EVENTS ? app_event_names[event] : NULL;
}

static void app_event(struct analysis *a, enum app_event event)
{
	if (a->events_packet != a->packet)
		a->events = 0;
	a->events_packet = a->packet;
	a->events |= 1u << event;
}

bool analysis_wanted(const struct analysis *a, uint32_t wants)
{
	return (a->app->wants & wants) != 0;
}

/* --- transactions --- */

void *tx_new(struct analysis *a, size_t size)
{
	struct tx *tx = budget_get(a->budget, size);
	unsigned max = a->proto->tx_open_max != 0 ? a->proto->tx_open_max : TX_OPEN_MAX_DEFAULT;

	if (tx == NULL) {
		a->app->stats[a->row].errors_alloc++;
		return NULL;
	}
	if (a->tx_open >= max) {
		struct tx *old = a->tx_first;

		while (old != NULL && tx_done(a, old, TO_SERVER) && tx_done(a, old, TO_CLIENT))
			old = old->next;
		if (old != NULL)
			tx_complete(a, old);
	}
	tx->id = a->tx_count++;
	tx->time_ns = a->time_ns;
	tx->prev = a->tx_last;
	if (a->tx_last != NULL)
		a->tx_last->next = tx;
	else
		a->tx_first = tx;
	a->tx_last = tx;
	a->tx_open++;
	if (!a->proto->tx_uncounted)
		a->app->stats[a->row].transactions[analysis_transport(a)]++;
	return tx;
}

/* How much of a direction came so far. */
static uint64_t received(const struct analysis *a, enum side side)
{
	const struct detect *d = a->detect;

	return a->offset[side] + a->pending[side].len + (d != NULL ? d->sides[side].kept.len : 0);
}

void tx_progress(struct analysis *a, struct tx *tx, enum side side, uint8_t progress)
{
	tx->updated[side] = true;
	if (progress <= tx->progress[side])
		return;
	analysis_progress(a, tx, side, stream_acked(a->flow, side));
	tx->progress[side] = progress;
	/* Many steps unacknowledged at once: the newest two become one. */
	if (tx->ahead_count[side] == TX_AHEAD_MAX)
		tx->ahead_count[side]--;
	tx->ahead[side][tx->ahead_count[side]].off = side == a->feeding_side ?
		a->feeding_offset + a->feeding.len : received(a, side);
	tx->ahead[side][tx->ahead_count[side]++].progress = progress;
}

void tx_progress_other(struct analysis *a, struct tx *tx, enum side side, uint8_t progress)
{
	const uint8_t before = tx->progress[side];

	tx_progress(a, tx, side, progress);
	if (tx->progress[side] > before)
		tx->ahead[side][tx->ahead_count[side] - 1].off = a->offset[side];
}

void tx_complete(struct analysis *a, struct tx *tx)
{
	for (enum side side = TO_SERVER; side <= TO_CLIENT; side++) {
		for (struct file *f = tx->files; f != NULL; f = f->next)
			if (f->side == side && f->state == FILE_OPEN)
				file_close(a, f, FILE_TRUNCATED);
		if (!tx_done(a, tx, side))
			tx_progress(a, tx, side, a->proto->complete[side]);
	}
}

void tx_one_sided(struct analysis *a, struct tx *tx, enum side side)
{
	const enum side other = other_side(side);

	tx->one_sided = 1 + side;
	tx->progress[other] = tx->seen[other] = tx->inspected[other] = a->proto->complete[other];
	tx->ahead_count[other] = 0;
	tx->updated[other] = false;
}

bool tx_done(const struct analysis *a, const struct tx *tx, enum side side)
{
	return tx->progress[side] >= a->proto->complete[side];
}

void tx_event(struct analysis *a, struct tx *tx, unsigned event)
{
	if (tx == NULL)
		tx = a->tx_last;
	if (tx == NULL)
		return;
	for (unsigned i = 0; i < tx->event_count; i++)
		if (tx->events[i] == event)
			return;
	if (tx->event_count < TX_EVENTS_MAX)
		tx->events[tx->event_count++] = (uint8_t)event;
	if (a->feeding.len != 0 && a->flow->tcp != NULL)
		tx->events_off[a->feeding_side] = a->feeding_offset + a->feeding.len;
	tx->updated[TO_SERVER] = tx->one_sided != 1 + TO_CLIENT;
	tx->updated[TO_CLIENT] = tx->one_sided != 1 + TO_SERVER;
}

uint8_t analysis_progress(struct analysis *a, struct tx *tx, enum side side, uint64_t acked)
{
	unsigned n = 0;

	(void)a;
	while (n < tx->ahead_count[side] && acked >= tx->ahead[side][n].off)
		tx->seen[side] = tx->ahead[side][n++].progress;
	if (n > 0) {
		tx->ahead_count[side] -= (uint8_t)n;
		memmove(tx->ahead[side], tx->ahead[side] + n, tx->ahead_count[side] * sizeof(tx->ahead[side][0]));
	}
	return tx->seen[side];
}

static void tx_drop(struct analysis *a, struct tx *tx)
{
	if (tx->prev != NULL)
		tx->prev->next = tx->next;
	else
		a->tx_first = tx->next;
	if (tx->next != NULL)
		tx->next->prev = tx->prev;
	else
		a->tx_last = tx->prev;
	a->tx_open--;
	files_free(a, tx);
	a->proto->tx_free(a, tx);
}

static void txs_complete(struct analysis *a)
{
	for (struct tx *tx = a->tx_first; tx != NULL; tx = tx->next)
		tx_complete(a, tx);
}

/* --- one flow's analysis --- */

static struct analysis *analysis_new(struct app *app, struct flow *flow)
{
	struct analysis *a = budget_get(&app->budget, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->app = app;
	a->flow = flow;
	a->budget = &app->budget;
	return a;
}

static void detect_fini(struct analysis *a)
{
	struct detect *d = a->detect;

	if (d == NULL)
		return;
	bytes_fini(&d->sides[0].kept, a->budget);
	bytes_fini(&d->sides[1].kept, a->budget);
	budget_put(a->budget, d, sizeof(*d));
	a->detect = NULL;
}

static void analysis_stop(struct analysis *a)
{
	a->failed[0] = a->failed[1] = true;
	bytes_fini(&a->pending[0], a->budget);
	bytes_fini(&a->pending[1], a->budget);
	if (a->proto != NULL)
		txs_complete(a);
}

static void analysis_free(struct analysis *a)
{
	while (a != NULL) {
		struct analysis *older = a->older;

		while (a->tx_first != NULL)
			tx_drop(a, a->tx_first);
		if (a->proto != NULL && a->proto->close != NULL && a->state != NULL)
			a->proto->close(a);
		detect_fini(a);
		frames_free(a);
		bytes_fini(&a->pending[0], a->budget);
		bytes_fini(&a->pending[1], a->budget);
		bytes_fini(&a->context, a->budget);
		budget_put(a->budget, a, sizeof(*a));
		a = older;
	}
}

/* From now on the flow is proto's. False: it can't be opened. */
static bool analysis_attach(struct analysis *a, const struct proto_conf *pc)
{
	unsigned t = analysis_transport(a);
	struct app_stats *stats;

	a->proto = pc->analyzer;
	a->row = (unsigned)(pc - a->app->settings->protos);
	a->settings = pc->settings;
	stats = &a->app->stats[a->row];
	stats->flows[t]++;
	if (pc->mode[t] == PROTO_DETECT_ONLY || pc->analyzer->feed == NULL) {
		a->finished = true;
		return true;
	}
	if (pc->analyzer->open != NULL && pc->analyzer->open(a) < 0) {
		stats->errors_alloc++;
		a->state = NULL;
		a->finished = true;
		return false;
	}
	return true;
}

static void app_switch(struct app *app, struct flow *flow, struct analysis *a);
static void detect_start(struct analysis *a, enum side side, struct slice data);

static void keep_rest(struct analysis *a, enum side side, struct slice rest, bool was_pending)
{
	uint32_t max = a->proto->pending_max != 0 ? a->proto->pending_max : PENDING_MAX_DEFAULT;
	struct bytes *p = &a->pending[side];

	if (was_pending)
		bytes_drop(p, p->len - rest.len);
	if (rest.len == 0) {
		if (p->cap > 4096)
			bytes_fini(p, a->budget);
		return;
	}
	if (rest.len > max) {
		a->app->stats[a->row].errors_parser++;
		a->broken = true;
		analysis_stop(a);
	} else if (!was_pending && !bytes_append(p, a->budget, rest.data, rest.len)) {
		a->app->stats[a->row].errors_alloc++;
		analysis_stop(a);
	}
}

/* Gives data of one direction to the analyzer, behind what it left unread before. */
static void analysis_feed(struct analysis *a, enum side side, struct slice data)
{
	struct bytes *p = &a->pending[side];
	bool was_pending = p->len != 0;
	struct slice all = data;
	struct reader in;
	enum parse answer;

	if (a->finished || a->failed[side] || a->skip_payload[side] || data.len == 0)
		return;
	if (was_pending) {
		if (!bytes_append(p, a->budget, data.data, data.len)) {
			a->app->stats[a->row].errors_alloc++;
			analysis_stop(a);
			return;
		}
		all = bytes_slice(p);
	}
	if (a->need[side] > all.len) {
		keep_rest(a, side, all, was_pending);
		return;
	}
	a->need[side] = 0;
	a->feeding = all;
	a->feeding_side = side;
	a->feeding_offset = a->offset[side];
	if (analysis_wanted(a, APP_WANT_FRAMES))
		frames_data(a, side, a->feeding_offset, all);
	in = reader_slice(all);
	answer = a->proto->feed(a, side, &in);
	a->offset[side] += reader_pos(&in);
	if (answer == PARSE_BAD) {
		a->app->stats[a->row].errors_parser++;
		a->broken = true;
		analysis_stop(a);
	} else if (a->finished || a->skip_payload[side]) {
		bytes_fini(p, a->budget);
	} else {
		keep_rest(a, side, slice_of(in.at, (size_t)(in.end - in.at)), was_pending);
	}
	a->feeding = slice_of(NULL, 0);
	a->feeding_offset = a->offset[side];
}

/* Feeding, and what an analyzer may ask for while it is fed. */
static void analysis_data(struct analysis *a, enum side side, struct slice data)
{
	struct flow *flow = a->flow;

	analysis_feed(a, side, data);
	if (a->switching && !a->failed[side])
		app_switch(a->app, flow, a);
}

void analysis_switch(struct analysis *a, const char *name, const char *expected)
{
	a->switching = true;
	a->switch_name = name;
	a->expected = expected != NULL ? analyzer_find(expected) : NULL;
}

/* --- while the protocol is unknown --- */

static void detect_give_up(struct analysis *a)
{
	a->decided[0] = a->decided[1] = true;
	a->failed[0] = a->failed[1] = true;
	a->app->stats[a->app->settings->count].flows[analysis_transport(a)]++;
	if (a->expected != NULL && strcmp(a->expected->name, "tls") == 0)
		app_event(a, APP_NO_TLS_AFTER_STARTTLS);
	detect_fini(a);
}

static void expected_check(struct analysis *a)
{
	if (a->original == NULL || a->expected == NULL || a->proto == a->expected)
		return;
	app_event(a, APP_UNEXPECTED_PROTOCOL);
	if (strcmp(a->expected->name, "tls") == 0)
		app_event(a, APP_NO_TLS_AFTER_STARTTLS);
}

/* A direction is decided: what was kept of it goes to the analyzer. */
static void detect_flush(struct analysis *a, enum side side)
{
	struct detect *d = a->detect;
	struct bytes kept;

	if (d == NULL)
		return;
	kept = d->sides[side].kept;
	d->sides[side].kept = (struct bytes){ 0 };
	if (a->decided[0] && a->decided[1] && d->sides[!side].kept.len == 0)
		detect_fini(a);
	if (kept.len != 0)
		analysis_data(a, side, bytes_slice(&kept));
	bytes_fini(&kept, &a->app->budget);
}

static bool detect_known(struct analysis *a, enum side side, const struct proto_conf *pc)
{
	struct detect *d = a->detect;

	a->side_proto[side] = pc->analyzer;
	a->decided[side] = true;
	if (a->proto != NULL) {
		if (a->proto != pc->analyzer)
			app_event(a, APP_MISMATCH_PROTOCOL_BOTH_DIRECTIONS);
		return true;
	}
	if (pc->analyzer->first_side != 0 && d->sides[d->first_side].seen &&
	    d->first_side != pc->analyzer->first_side - 1 && !a->flow->midstream) {
		app_event(a, APP_WRONG_DIRECTION_FIRST_DATA);
		detect_give_up(a);
		return false;
	}
	/* A direction that has said no before may have been the wrong question: its turn comes again. */
	if (!a->decided[!side])
		memset(d->sides[!side].refused, 0, sizeof(d->sides[!side].refused));
	if (!analysis_attach(a, pc))
		return false;
	expected_check(a);
	return true;
}

/* A flow that another one announced. */
static bool detect_expected(struct analysis *a, enum side side)
{
	const char *name;
	uint8_t context[EXPECT_CONTEXT_MAX];
	size_t len;
	const struct analyzer *an;
	const struct proto_conf *pc;

	if (!expectation_take(a->app->settings->expectations, a->flow, a->time_ns, &name, context, &len))
		return false;
	an = analyzer_find(name);
	pc = an != NULL ? proto_conf_of(a->app->settings, an) : NULL;
	if (pc == NULL || pc->mode[analysis_transport(a)] == PROTO_OFF)
		return false;
	bytes_append(&a->context, a->budget, context, len);
	a->decided[0] = a->decided[1] = true;
	a->failed[0] = a->failed[1] = false;
	a->side_proto[side] = an;
	analysis_attach(a, pc);
	return true;
}

static void detect_unknown(struct analysis *a, enum side side)
{
	struct detect *d = a->detect;
	struct detect_side *mine = &d->sides[side], *other = &d->sides[!side];

	mine->patterns_done = true;
	if (a->proto != NULL) {
		app_event(a, APP_DETECT_PROTOCOL_ONLY_ONE_DIRECTION);
		a->decided[side] = true;
		detect_flush(a, side);
	} else if (other->patterns_done) {
		detect_give_up(a);
	} else if (mine->kept.len > DETECT_BYTES_MAX && other->kept.len == 0) {
		app_event(a, APP_PROTO_DETECTION_SKIPPED);
		detect_give_up(a);
	}
}

static void detect_side(struct analysis *a, enum side side)
{
	struct detect *d = a->detect;
	struct bytes *kept = &d->sides[side].kept;
	struct probe_result r;

	if (a->decided[side] || !d->sides[side].seen)
		return;
	r = detect_bytes(a, side, bytes_slice(kept), !a->ended[side]);
	if (r.proto == NULL) {
		if (a->proto == NULL && !r.blocked && detect_expected(a, side)) {
			detect_flush(a, side);
			return;
		}
		if (!r.wait || kept->len > DETECT_BYTES_MAX)
			detect_unknown(a, side);
		return;
	}
	if (r.reversed && !a->reversed) {
		a->reversed = true;     /* the worker turns the flow, then app_turned goes on here */
		return;
	}
	if (!detect_known(a, side, r.proto))
		return;
	/* What came first is analysed first. */
	if (a->detect != NULL && d->first_side != side && !a->decided[!side]) {
		detect_side(a, !side);
		if (a->detect == NULL)
			return;
	}
	detect_flush(a, side);
	if (a->detect != NULL && !a->decided[!side])
		detect_side(a, !side);
}

static void detect_start(struct analysis *a, enum side side, struct slice data)
{
	struct detect *d = a->detect;

	if (d == NULL) {
		d = a->detect = budget_get(a->budget, sizeof(*d));
		if (d == NULL) {
			a->failed[0] = a->failed[1] = true;
			return;
		}
	}
	if (data.len != 0) {
		if (!d->sides[!side].seen)
			d->first_side = side;
		d->sides[side].seen = true;
		if (!bytes_append(&d->sides[side].kept, a->budget, data.data, data.len)) {
			detect_give_up(a);
			return;
		}
	}
	detect_side(a, side);
}

/* --- switching protocol --- */

static void app_switch(struct app *app, struct flow *flow, struct analysis *a)
{
	struct analysis *n = analysis_new(app, flow);
	const struct analyzer *to = a->switch_name != NULL ? analyzer_find(a->switch_name) : NULL;
	const struct proto_conf *pc = to != NULL ? proto_conf_of(app->settings, to) : NULL;
	struct bytes rest[2] = { a->pending[0], a->pending[1] };

	a->switching = false;
	a->pending[0] = a->pending[1] = (struct bytes){ 0 };
	if (n == NULL) {
		bytes_fini(&rest[0], a->budget);
		bytes_fini(&rest[1], a->budget);
		analysis_stop(a);
		return;
	}
	txs_complete(a);
	a->finished = true;
	n->older = a;
	n->original = a->proto;
	n->expected = a->expected;
	n->time_ns = a->time_ns;
	n->packet = a->packet;
	n->events = a->events;
	n->events_packet = a->events_packet;
	memcpy(n->offset, a->offset, sizeof(n->offset));
	memcpy(n->ended, a->ended, sizeof(n->ended));
	n->feeding_offset = a->feeding_offset;
	flow->slot[FLOW_ANALYSIS] = n;
	if (pc != NULL && pc->mode[analysis_transport(n)] != PROTO_OFF) {
		n->decided[0] = n->decided[1] = true;
		n->side_proto[0] = n->side_proto[1] = to;
		n->tx_count = to == a->proto ? a->tx_count : 0;
		analysis_attach(n, pc);
	}
	if (n->proto == NULL && a->switch_port != 0) {
		struct detect *d = n->detect = budget_get(n->budget, sizeof(*d));

		if (d != NULL)
			d->switch_port = a->switch_port;
	}
	for (unsigned i = 0; i < 2; i++) {
		struct analysis *now = flow->slot[FLOW_ANALYSIS];

		if (rest[i].len != 0 && now->proto != NULL)
			analysis_data(now, i, bytes_slice(&rest[i]));
		else if (rest[i].len != 0)
			detect_start(now, i, bytes_slice(&rest[i]));
		bytes_fini(&rest[i], &app->budget);
	}
}

/* --- what the worker calls --- */

static struct analysis *analysis_get(struct app *app, struct flow *flow, const struct packet *pkt)
{
	struct analysis *a = analysis_of(flow);

	if (a == NULL) {
		a = analysis_new(app, flow);
		flow->slot[FLOW_ANALYSIS] = a;
	}
	if (a != NULL && pkt != NULL) {
		a->time_ns = pkt->time_ns;
		a->packet = pkt->number;
		if (a->events_packet != a->packet)
			a->events = 0;
	}
	return a;
}

static void datagram_unknown(struct analysis *a, enum side side)
{
	a->decided[side] = true;
	if (a->proto != NULL || detect_expected(a, side))
		return;
	if (!a->failed[0] && !a->failed[1])
		a->app->stats[a->app->settings->count].flows[1]++;
	a->failed[side] = true;
}

/* false: the flow has to be turned first. */
static bool datagram_detect(struct analysis *a, enum side side, struct slice data)
{
	struct probe_result r = detect_bytes(a, side, data, false);

	if (r.proto == NULL) {
		datagram_unknown(a, side);
		return true;
	}
	if (r.reversed && !a->reversed) {
		a->reversed = true;
		return false;
	}
	a->decided[side] = true;
	a->side_proto[side] = r.proto->analyzer;
	if (a->proto == NULL) {
		a->failed[0] = a->failed[1] = false;
		analysis_attach(a, r.proto);
	} else if (a->proto != r.proto->analyzer) {
		app_event(a, APP_MISMATCH_PROTOCOL_BOTH_DIRECTIONS);
	}
	return true;
}

static void datagram(struct app *app, struct flow *flow, const struct packet *pkt)
{
	struct analysis *a = analysis_get(app, flow, pkt);
	enum side side = pkt->side;
	struct reader in = reader_slice(pkt->payload);

	if (a == NULL || pkt->payload.len == 0)
		return;
	if (!a->decided[side] && !datagram_detect(a, side, pkt->payload))
		return;
	if (a->proto == NULL || a->finished)
		return;
	a->feeding = pkt->payload;
	a->feeding_offset = 0;
	a->feeding_side = side;
	if (analysis_wanted(a, APP_WANT_FRAMES))
		frames_data(a, side, 0, pkt->payload);
	if (a->proto->feed(a, side, &in) == PARSE_BAD) {
		app->stats[a->row].errors_parser++;
		a->broken = true;
	}
	a->feeding = slice_of(NULL, 0);
}

void app_datagram(struct app *app, struct flow *flow, const struct packet *pkt)
{
	struct memory_mark mark = memory_begin(app, flow);

	datagram(app, flow, pkt);
	memory_end(app, flow, &mark);
}

static void piece_gap(struct analysis *a, enum side side, uint32_t len)
{
	if (a->proto == NULL || !a->decided[side]) {
		/* The beginning is lost: nothing will tell any more. */
		struct detect *d = a->detect;

		if (d == NULL || d->sides[side].kept.len == 0 || a->proto == NULL)
			detect_give_up(a);
		if (a->proto == NULL)
			return;
		a->decided[side] = true;
		detect_flush(a, side);
	}
	if (a->finished || a->failed[side] || a->skip_payload[side])
		return;
	a->feeding_offset = a->offset[side] + a->pending[side].len;
	frames_gap(a, side, a->feeding_offset, len);
	a->offset[side] += a->pending[side].len + len;
	bytes_fini(&a->pending[side], a->budget);
	a->need[side] = 0;
	a->feeding_offset = a->offset[side];
	a->feeding_side = side;
	if (a->proto->gap == NULL || !a->proto->gap(a, side, len)) {
		a->app->stats[a->row].errors_gap++;
		analysis_stop(a);
	}
}

static void side_end(struct analysis *a, enum side side)
{
	if (a->ended[side])
		return;
	a->ended[side] = true;
	if (!a->decided[side] && a->detect != NULL)
		detect_side(a, side);
	a = analysis_of(a->flow);
	a->ended[side] = true;
	if (a->proto == NULL || a->finished || a->failed[side])
		return;
	a->feeding_offset = a->offset[side];
	a->feeding.len = 0;
	if (a->proto->end != NULL)
		a->proto->end(a, side);
}

static void piece_take(struct app *app, struct flow *flow, enum side side, const struct piece *piece,
		       const struct packet *pkt)
{
	struct analysis *a = analysis_get(app, flow, pkt);

	if (a == NULL)
		return;
	switch (piece->kind) {
	case PIECE_DATA:
		if (piece->len == 0 || a->finished || a->failed[side])
			break;
		if (a->decided[side])
			analysis_data(a, side, slice_of(piece->data, piece->len));
		else
			detect_start(a, side, slice_of(piece->data, piece->len));
		break;
	case PIECE_GAP:
		if (!a->finished && !a->failed[side])
			piece_gap(a, side, piece->len);
		break;
	case PIECE_END:
		side_end(a, side);
		break;
	}
}

void app_piece(struct app *app, struct flow *flow, enum side side, const struct piece *piece,
	       const struct packet *pkt)
{
	struct memory_mark mark = memory_begin(app, flow);

	piece_take(app, flow, side, piece, pkt);
	memory_end(app, flow, &mark);
}

void app_turned(struct app *app, struct flow *flow)
{
	struct memory_mark mark = memory_begin(app, flow);
	struct analysis *a = analysis_of(flow);
	struct detect *d;

	if (a == NULL)
		return;
	d = a->detect;
	if (d != NULL) {
		struct detect_side s = d->sides[0];

		d->sides[0] = d->sides[1];
		d->sides[1] = s;
		d->first_side = !d->first_side;
		memset(d->sides[0].refused, 0, sizeof(d->sides[0].refused));
		memset(d->sides[1].refused, 0, sizeof(d->sides[1].refused));
		detect_side(a, d->first_side);
		a = analysis_of(flow);
		if (a->detect != NULL)
			detect_side(a, TO_SERVER);
		if (a->detect != NULL)
			detect_side(a, TO_CLIENT);
	}
	a->reversed = false;
	memory_end(app, flow, &mark);
}

bool app_wants(const struct flow *flow, enum side side)
{
	const struct analysis *a = analysis_of(flow);

	return a == NULL || !(a->finished || a->failed[side] || a->skip_payload[side]);
}

void app_inspected(struct app *app, struct flow *flow, enum side side)
{
	for (struct analysis *a = analysis_of(flow); a != NULL; a = a->older) {
		for (struct tx *tx = a->tx_first; tx != NULL; tx = tx->next) {
			for (struct file *f = tx->files; f != NULL; f = f->next) {
				uint64_t keep = UINT64_MAX;

				if (f->side != side)
					continue;
				if ((app->wants & APP_WANT_STORE) != 0)
					keep = f->stored_to;
				window_inspected(&f->window, &f->limits, file_complete(a, f), keep);
			}
			if (a->proto->inspected != NULL)
				a->proto->inspected(a, tx, side);
		}
	}
}

void app_flow_end(struct app *app, struct flow *flow)
{
	struct memory_mark mark = memory_begin(app, flow);
	struct analysis *a = analysis_of(flow);

	if (a == NULL)
		return;
	side_end(a, TO_SERVER);
	side_end(analysis_of(flow), TO_CLIENT);
	for (a = analysis_of(flow); a != NULL; a = a->older)
		if (a->proto != NULL)
			txs_complete(a);
	memory_end(app, flow, &mark);
}

static bool tx_released(const struct app *app, const struct analysis *a, const struct tx *tx)
{
	for (unsigned s = 0; s < 2; s++) {
		if (!tx_done(a, tx, s))
			return false;
		if ((app->wants & APP_WANT_RULES) != 0 && tx->inspected[s] < a->proto->complete[s])
			return false;
	}
	if ((app->wants & APP_WANT_RECORDS) == 0)
		return true;
	if (a->proto->record != NULL && !tx->recorded)
		return false;
	if (tx->rules != NULL)          /* rules still hold it: a pass rule may stop them halfway */
		return false;
	for (const struct file *f = tx->files; f != NULL; f = f->next)
		if (!f->recorded)
			return false;
	return true;
}

void app_prune(struct app *app, struct flow *flow)
{
	struct memory_mark mark = memory_begin(app, flow);
	struct analysis *newest = analysis_of(flow);

	for (struct analysis *a = newest, *behind = NULL; a != NULL;) {
		struct analysis *older = a->older;

		for (struct tx *tx = a->tx_first, *next; tx != NULL; tx = next) {
			next = tx->next;
			if (tx_released(app, a, tx))
				tx_drop(a, tx);
		}
		if (a->frames != NULL)
			frames_prune(a);
		if (a != newest && a->tx_first == NULL) {
			behind->older = older;
			a->older = NULL;
			memory_move(app, a, newest);
			analysis_free(a);
		} else {
			behind = a;
		}
		a = older;
	}
	memory_end(app, flow, &mark);
}

void app_flow_free(struct app *app, struct flow *flow)
{
	for (struct analysis *a = analysis_of(flow); a != NULL; a = a->older)
		memory_move(app, a, NULL);
	analysis_free(analysis_of(flow));
	flow->slot[FLOW_ANALYSIS] = NULL;
}
