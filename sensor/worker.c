/* worker.c - what tapir does to a packet, from top to bottom.
 *
 *   worker_run            receive a burst, follow each frame, flush
 *     worker_burst        decode some frames ahead; hand over what another worker follows
 *       worker_frame      each packet in it, then the frame's account
 *       worker_packet     find the flow, take what the stream gives, judge, record
 *         worker_feed     analyzers and rules get the bytes that became readable
 *     worker_flow_end     a flow has ended: the rest of its bytes, its last verdicts, its record
 *
 * A worker shares nothing with the others on this path: no lock, no allocation, no clock. Time is
 * the packets'. Making and freeing a worker, and its snapshots for others, are in worker_life.c. */
#include "sensor/worker_own.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <time.h>

#include "base/guard.h"
#include "base/must.h"

#define IDLE_WAIT_MS 10
#define IPPROTO_UDP_NUMBER 17

static unsigned worker_packet(struct worker *w, struct packet *pkt, unsigned nest);

/* One direction of a TCP flow: whatever can be read now goes to the analyzer and to the rules. */
static void worker_pull(struct worker *w, struct flow *flow, enum side side, const struct packet *pkt)
{
	struct piece piece;
	bool any = false;

	while (stream_pull(w->tracker, flow, side, &piece)) {
		app_piece(w->app, flow, side, &piece, pkt);
		if (w->rules != NULL)
			rules_piece(w->rules, flow, side, &piece);
		if (unlikely(piece.kind == PIECE_DATA && piece.other != NULL))
			records_ambiguity(w->records, flow, pkt, side, &piece);
		any = true;
	}
	if (any && !app_wants(flow, side) && (w->rules == NULL || !rules_wants(w->rules, flow, side)))
		stream_ignore(w->tracker, flow, side);
}

static void worker_feed(struct worker *w, struct flow *flow, struct packet *pkt)
{
	struct analysis *a;

	if (flow->tcp != NULL) {
		/* First what this packet acknowledges, then what it brings. */
		worker_pull(w, flow, other_side(pkt->side), pkt);
		worker_pull(w, flow, pkt->side, pkt);
		if (unlikely(w->stream_bypass) && (stream_depth_reached(flow, TO_SERVER) ||
		    stream_depth_reached(flow, TO_CLIENT)))
			flow->no_inspect = true;
	} else if (pkt->proto == IPPROTO_UDP_NUMBER && pkt->payload.len > 0 &&
		   !(pkt->flags & PACKET_TRUNCATED)) {
		app_datagram(w->app, flow, pkt);
	}
	a = analysis_of(flow);
	if (unlikely(a != NULL && a->reversed)) {
		tracker_turn(w->tracker, flow, pkt);
		if (w->rules != NULL)
			rules_turned(w->rules, flow);
		app_turned(w->app, flow);
		if (flow->tcp == NULL)          /* a datagram isn't kept: it comes again, the right way round */
			app_datagram(w->app, flow, pkt);
	}
}

/* Rules look at the packet and at all it brought; what they and the analyzers found is written down. */
static void worker_judge(struct worker *w, struct flow *flow, struct packet *pkt)
{
	struct alert_queue *alerts = &w->alerts;

	alert_queue_reset(alerts, w->shared->alert_max);
	if (w->rules != NULL)
		rules_inspect(w->rules, flow, pkt, alerts);
	if (flow != NULL && w->rules == NULL)   /* rules say themselves what they have looked at */
		app_inspected(w->app, flow, pkt->side);
	worker_verdict(w, flow, pkt);
	records_packet(w->records, w->rules, flow, pkt, alerts);
	if (flow != NULL)
		app_prune(w->app, flow);
}

/* A look at what would have waited for more, where nothing will be looked at any more. */
static void worker_last_look(struct worker *w, struct flow *flow, uint64_t now_ns)
{
	bool dropped = flow->dropped;
	struct packet *pkt = &w->end;

	for (enum side side = TO_SERVER; side <= TO_CLIENT; side++) {
		packet_of_flow(pkt, flow, side, now_ns);
		alert_queue_reset(&w->alerts, w->shared->alert_max);
		if (w->rules != NULL)
			rules_flow_end(w->rules, flow, pkt, &w->alerts);
		if (dropped)
			continue;               /* what never arrived is no transaction */
		records_packet(w->records, w->rules, flow, pkt, &w->alerts);
	}
}

/* The analyzer said that nobody needs to look at this flow any more, and what it said that on has arrived for certain. */
static bool worker_may_bypass(const struct flow *flow)
{
	struct analysis *a = flow != NULL ? analysis_of(flow) : NULL;

	if (likely(a == NULL || !a->bypass))
		return false;
	if (a->bypass_at[TO_SERVER] + a->bypass_at[TO_CLIENT] == 0) {
		a->bypass_at[TO_SERVER] = stream_offset(flow, TO_SERVER);
		a->bypass_at[TO_CLIENT] = stream_offset(flow, TO_CLIENT);
	}
	return stream_acked(flow, TO_SERVER) >= a->bypass_at[TO_SERVER] &&
	       stream_acked(flow, TO_CLIENT) >= a->bypass_at[TO_CLIENT];
}

/* Nobody wants to see more of this flow: from now on its packets are counted, no more. */
static void worker_bypass(struct worker *w, struct flow *flow, const struct packet *pkt)
{
	if (flow->state != FLOW_BYPASSED) {
		tracker_bypass(w->tracker, flow);
		return;
	}
	w->counts.bypassed_packets++;
	w->counts.bypassed_bytes += pkt->wire_len;
}

/* What defragmentation has put together is a packet of its own, with what it carries. */
static void worker_datagram(struct worker *w, const struct packet *fragment, unsigned nest)
{
	struct packet_set *set;

	if (nest >= DATAGRAM_NEST_MAX)
		return;
	set = &w->datagrams[nest];
	if (!tracker_datagram(w->tracker, fragment, &w->decode, set))
		return;
	for (unsigned i = set->count; i-- > 0;)
		worker_packet(w, &set->pkts[i], nest + 1);
}

/* A flow has ended: its last bytes, its last verdicts, its record; then everybody forgets it. */
static void worker_flow_end(struct worker *w, struct flow *flow)
{
	struct packet *pkt = &w->end;

	packet_of_flow(pkt, flow, TO_SERVER, flow->ended_ns);
	if (flow->tcp != NULL) {
		worker_pull(w, flow, TO_SERVER, pkt);
		worker_pull(w, flow, TO_CLIENT, pkt);
	}
	app_flow_end(w->app, flow);
	worker_last_look(w, flow, flow->ended_ns);
	records_flow(w->records, w->rules, flow, flow->ended_ns);
	w->counts.flow_states[flow->state & 3]++;
	w->counts.flows_ended++;
	if (flow->tcp != NULL)
		w->counts.tcp_states[flow->tcp->state <= TCP_CLOSED ? flow->tcp->state : TCP_NONE]++;
	if (w->rules != NULL)
		rules_flow_free(w->rules, flow);
	app_flow_free(w->app, flow);
	tracker_release(w->tracker, flow);
}

static void worker_flows_end(struct worker *w)
{
	struct flow *flow;

	while ((flow = tracker_ended(w->tracker)) != NULL)
		worker_flow_end(w, flow);
}

/* One IP packet, or a frame without one. Returns what became of it, for the account. */
static unsigned worker_packet(struct worker *w, struct packet *pkt, unsigned nest)
{
	enum track_drop why = TRACK_FOLLOWED;
	struct flow *flow = tracker_packet(w->tracker, pkt, &why);

	if (why == TRACK_FRAGMENT_HELD)
		worker_datagram(w, pkt, nest);
	if (unlikely(why == TRACK_DUPLICATE))
		return why;             /* all that there is to say of it was said of its twin */
	if (flow == NULL || !flow->no_inspect) {
		if (flow != NULL && !flow->dropped)
			worker_feed(w, flow, pkt);
		worker_judge(w, flow, pkt);
		if (unlikely(worker_may_bypass(flow))) {
			worker_last_look(w, flow, pkt->time_ns);
			flow->no_inspect = true;
		}
	}
	if (unlikely(flow != NULL && flow->no_inspect))
		worker_bypass(w, flow, pkt);
	worker_flows_end(w);
	wire_stats_events(&w->counts.wire, pkt);
	return why;
}

/* For another worker: handed over, or counted as lost where that one is behind. */
static void worker_hand_over(struct worker *w, unsigned owner, const struct frame *frame, uint16_t device, bool outermost)
{
	if (mailbox_put(worker_mailbox(w, owner), frame, device))
		w->counts.handed_over++;        /* the outermost packet's owner accounts for it */
	else if (!outermost)
		w->counts.parts_lost++;
	else
		account_frame(&w->counts.account, frame->len, ACCOUNT_HANDOVER_FULL);
}

/* False where nothing in the frame is this worker's. */
static bool worker_steer(struct worker *w, const struct packet_set *set, const struct frame *frame, uint16_t device)
{
	unsigned outer = steer_outer(set, w->shared->worker_count), inner = steer_inner(set, w->shared->worker_count);

	if (outer != w->index)
		worker_hand_over(w, outer, frame, device, true);
	if (inner != w->index && inner != outer)
		worker_hand_over(w, inner, frame, device, false);
	return outer == w->index || inner == w->index;
}

/* Of what a frame carries, does this worker follow packet i? */
static bool worker_owns(const struct worker *w, const struct packet_set *set, unsigned i)
{
	return set->count == 1 || !w->apart || steer(&set->pkts[i], w->shared->worker_count) == w->index;
}

static void worker_frame(struct worker *w, struct packet_set *set, const struct frame *frame)
{
	bool outermost = worker_owns(w, set, 0);
	unsigned why = TRACK_NOT_IP;

	if (unlikely(w->counts.first_ns == 0))
		w->counts.first_ns = frame->time_ns;
	if (frame->time_ns > w->counts.time_ns)
		w->counts.time_ns = frame->time_ns;
	if (outermost)
		tracker_frame(w->tracker, frame);
	tracker_advance(w->tracker, w->counts.time_ns);
	worker_flows_end(w);
	/* What tunnels carry comes before what carries it. */
	for (unsigned i = set->count; i-- > 0;) {
		unsigned one;

		if (!worker_owns(w, set, i))
			continue;
		one = worker_packet(w, &set->pkts[i], 0);
		if (!account_follows(why))
			why = one;
	}
	if (outermost)
		account_frame(&w->counts.account, frame->len, why);
}

static void worker_decode(struct worker *w, struct packet_set *set, const struct frame *frame, uint16_t device)
{
	packet_decode(set, frame, &w->decode);
	for (unsigned i = 0; i < set->count; i++)
		set->pkts[i].device = device;
	tracker_prefetch(w->tracker, &set->pkts[set->count - 1]);
}

/* Decoding runs ahead of following, so that memory has time to answer: a bucket of the flow table takes
 * longer to fetch than a frame takes to decode. */
static void worker_burst(struct worker *w, const struct frame *frames, unsigned n, uint16_t device, bool handed)
{
	guard_enter();
	for (unsigned i = 0; i < n + DECODE_AHEAD - 1; i++) {
		unsigned now = i - (DECODE_AHEAD - 1), next = i - FLOW_AHEAD;

		if (i + 1 < n)
			__builtin_prefetch(frames[i + 1].data);
		if (i < n)
			worker_decode(w, &w->sets[i % DECODE_AHEAD], &frames[i], device);
		if (i >= FLOW_AHEAD && next < n)
			tracker_prefetch_flow(w->tracker, w->sets[next % DECODE_AHEAD].pkts);
		if (i < DECODE_AHEAD - 1)
			continue;
		if (handed || !w->steered || worker_steer(w, &w->sets[now % DECODE_AHEAD], &frames[now], device))
			worker_frame(w, &w->sets[now % DECODE_AHEAD], &frames[now]);
	}
	if (w->shared->live)
		records_flush(w->records);
	guard_leave();
}

/* From the worker's own device. How many frames came; -ENODATA when none will come any more. */
static int worker_receive(struct worker *w, struct device *device, uint16_t device_index)
{
	struct frame frames[DEVICE_BURST_MAX];
	int n = device_recv(device, frames, DEVICE_BURST_MAX);

	if (n <= 0)
		return n;
	worker_burst(w, frames, (unsigned)n, device_index, false);
	device_release(device, frames, (unsigned)n);
	for (unsigned i = 0; w->steered && i < w->shared->worker_count; i++) {
		if (i != w->index)
			mailbox_flush(worker_mailbox(w, i));
	}
	return n;
}

/* From other threads. The same answers. */
static int worker_collect(struct worker *w)
{
	unsigned feeders = w->shared->feeder_count;
	struct mailbox *boxes = &w->shared->mailboxes[w->index * feeders];
	unsigned done = 0;
	int n = 0;

	for (unsigned i = 0; i < feeders; i++) {
		struct parcel *p = mailbox_take(&boxes[i]);

		if (p != NULL) {
			worker_burst(w, p->frames, p->count, p->device, true);
			n += (int)p->count;
		} else if (mailbox_done(&boxes[i])) {
			done++;
		}
	}
	return n == 0 && done == feeders ? -ENODATA : n;
}

/* Nothing came. Live, time passes all the same: flows end by the clock. */
static void worker_idle(struct worker *w, struct device *device)
{
	struct pollfd fd = { .fd = device ? device_poll_fd(device) : -1, .events = POLLIN };

	if (w->shared->live) {
		struct timespec now;
		uint64_t now_ns;

		clock_gettime(CLOCK_REALTIME, &now);
		now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
		if (now_ns > w->counts.time_ns) {
			w->counts.time_ns = now_ns;
			tracker_advance(w->tracker, now_ns);
			worker_flows_end(w);
			records_flush(w->records);
		}
	}
	if (w->shared->feeder_count > 0)
		sched_yield();
	else
		poll(&fd, fd.fd >= 0, IDLE_WAIT_MS);
}

/* The last packet may have been another worker's: what has timed out by then ended of itself, as it
 * would have with one worker. */
static void worker_time_ends(struct worker *w)
{
	uint64_t ended = UINT64_MAX, end_ns = w->shared->end_ns;

	if (end_ns > w->counts.time_ns)
		w->counts.time_ns = end_ns;
	while (ended != w->counts.flows_ended) {        /* one call does a bounded part */
		ended = w->counts.flows_ended;
		tracker_advance(w->tracker, w->counts.time_ns);
		worker_flows_end(w);
	}
}

void worker_run(struct worker *w, struct device *device, uint16_t device_index)
{
	bool device_open = device != NULL, boxes_open = w->shared->feeder_count > 0;

	while ((device_open || boxes_open) && !w->shared->stopping) {
		int received = 0, collected = 0;

		worker_between_bursts(w, device);
		if (device_open) {
			received = worker_receive(w, device, device_index);
			if (received < 0)
				device_open = false;
			if (received < 0 && received != -ENODATA)
				w->shared->receive_error = received;
		}
		if (boxes_open) {
			collected = worker_collect(w);
			if (collected < 0)
				boxes_open = false;
		}
		if (received <= 0 && collected <= 0 && (device_open || boxes_open))
			worker_idle(w, device);
	}
	worker_between_bursts(w, device);
	worker_time_ends(w);
	tracker_finish(w->tracker, FLOW_END_SHUTDOWN);
	worker_flows_end(w);
	records_flush(w->records);
	worker_snapshot(w);
}
