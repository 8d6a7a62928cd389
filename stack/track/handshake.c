/* handshake.c - the observer's rules until a connection is established: first packets, SYN_SENT, SYN_RECV,
 * mid-stream pick-up and one-sided flows.
 *
 * Several SYNs or SYN/ACKs may compete before the handshake is done, forged ones among them. They are kept
 * in a short list; the answer that acknowledges one of them decides which was meant. */
#include <string.h>

#include "stack/track/events.h"
#include "stack/track/observe.h"

#define WSCALE_MAX 14
#define CANDIDATES_MAX 16       /* 1 + 10 SYNs and 5 SYN/ACKs: Suricata's defaults */

/* A SYN or SYN/ACK that may turn out to be the one. */
struct candidate {
	uint32_t seq, ack, ts, time_s;
	uint16_t window;
	uint8_t wscale;
	bool has_ts, has_wscale, sack, synack;
};

struct tcp_handshake {
	unsigned count;
	struct candidate list[CANDIDATES_MAX];
};

static uint32_t seconds(const struct packet *pkt)
{
	return (uint32_t)(pkt->time_ns / 1000000000);
}

static struct candidate candidate_of(const struct packet *pkt)
{
	return (struct candidate){ .seq = pkt->seq,
				   .ack = pkt->ack,
				   .ts = pkt->tcp.ts_val,
				   .time_s = seconds(pkt),
				   .window = pkt->window,
				   .wscale = pkt->tcp.wscale > WSCALE_MAX ? WSCALE_MAX : pkt->tcp.wscale,
				   .has_ts = pkt->tcp.has_timestamp,
				   .has_wscale = pkt->tcp.has_wscale,
				   .sack = pkt->tcp.sack_permitted,
				   .synack = (pkt->tcp_flags & TCP_ACK) != 0 };
}

static struct tcp_handshake *handshake(struct observed *o)
{
	if (o->c->handshake == NULL)
		o->c->handshake = budget_get(&o->t->sessions, sizeof(struct tcp_handshake));
	return o->c->handshake;
}

/* False where there are max of its kind already. */
static bool remember(struct observed *o, const struct candidate *new, unsigned max)
{
	struct tcp_handshake *h = handshake(o);
	unsigned same_kind = 0;

	if (h == NULL)
		return true;
	for (unsigned i = 0; i < h->count; i++) {
		const struct candidate *k = &h->list[i];

		if (k->synack != new->synack)
			continue;
		if (k->seq == new->seq && k->ack == new->ack && k->has_ts == new->has_ts &&
		    k->ts == new->ts && k->window == new->window)
			return true;
		same_kind++;
	}
	if (same_kind >= max || h->count >= CANDIDATES_MAX)
		return false;
	h->list[h->count++] = *new;
	return true;
}

/* The oldest SYN but the very first makes room. */
static void forget_syn(struct tcp_handshake *h)
{
	for (unsigned i = 1; h != NULL && i < h->count; i++) {
		if (h->list[i].synack)
			continue;
		memmove(&h->list[i], &h->list[i + 1], (h->count - i - 1) * sizeof(h->list[0]));
		h->count--;
		return;
	}
}

void observe_release(struct tracker *t, struct tcp_conn *c)
{
	budget_put(&t->sessions, c->handshake, sizeof(*c->handshake));
	c->handshake = NULL;
}

static void side_ts(struct tcp_view *v, uint32_t ts, uint32_t time_s)
{
	v->last_ts = ts;
	v->last_ts_s = time_s;
	if (ts == 0)
		v->flags |= VIEW_TS_ZERO;
}

/* Both sides of a connection whose start we missed. */
static void midstream_ts(struct tcp_conn *c, enum side me, const struct packet *pkt)
{
	if (!pkt->tcp.has_timestamp)
		return;
	side_ts(&c->view[me], pkt->tcp.ts_val, seconds(pkt));
	side_ts(&c->view[!me], pkt->tcp.ts_ecr, 0);
	c->flags |= CONN_TS;
}

static struct tcp_conn *conn_new(struct tracker *t, struct flow *flow, const struct packet *pkt)
{
	struct tcp_conn *c = flow->tcp;

	if (c == NULL) {
		c = flow->tcp = budget_get(&t->sessions, sizeof(*c));
		if (c == NULL)
			return NULL;
		t->stats.tcp_sessions++;
	}
	if (t->cfg.inline_mode)
		c->flags |= CONN_INLINE;
	if (t->cfg.async_oneside)
		c->flags |= CONN_ASYNC;
	c->view[pkt->side].tcp_flags |= pkt->tcp_flags;
	if ((pkt->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		os_hosts_learn(&t->os_hosts, pkt);
	for (int s = 0; s < 2; s++) {
		const struct ip_addr *a = &flow->key.addr[s];

		c->view[s].policy = host_policy(&t->cfg, a, flow->key.ip_version, OVERLAP_BSD);
		c->dir[!s].policy = host_policy(&t->cfg, a, flow->key.ip_version, OVERLAP_LINUX);
		if (t->cfg.passive_policies && !host_policy_known(&t->cfg, a, flow->key.ip_version))
			c->dir[!s].policy = os_hosts_policy(&t->os_hosts, a, flow->key.ip_version, c->dir[!s].policy);
	}
	return c;
}

static void midstream_data(struct observed *o, enum tcp_state state)
{
	struct tcp_conn *c = o->c;
	struct tcp_view *me = o->me, *peer = o->peer;

	observe_state(o, state);
	c->flags |= CONN_MIDSTREAM | CONN_MIDSTREAM_ESTABLISHED | CONN_SACK;
	/* We can't know the scaling; the largest never takes good data for data beyond the window. */
	me->wscale = peer->wscale = WSCALE_MAX;
	me->isn = o->seq - 1;
	me->next_seq = o->end + (state == TCP_FIN_WAIT1 ? 1 : 0);
	me->window = (uint32_t)o->pkt->window << me->wscale;
	me->last_ack = o->seq;
	me->next_win = me->last_ack + me->window;
	peer->isn = o->ack - 1;
	peer->next_seq = o->ack;
	peer->last_ack = o->ack;
	peer->next_win = o->ack;
	midstream_ts(c, o->pkt->side, o->pkt);
}

static void midstream_synack(struct observed *o)
{
	struct tcp_conn *c = o->c;
	struct tcp_view *server = &c->view[TO_CLIENT], *client = &c->view[TO_SERVER];

	observe_state(o, TCP_SYN_RECV);
	c->flags |= CONN_MIDSTREAM | CONN_MIDSTREAM_SYNACK;
	server->isn = server->last_ack = o->seq;
	server->next_seq = o->seq + 1;
	server->window = o->pkt->window;
	client->isn = o->ack - 1;
	client->next_seq = client->last_ack = o->ack;
	server->next_win = server->last_ack + server->window;
	if (o->pkt->tcp.has_wscale) {
		client->wscale = candidate_of(o->pkt).wscale;
		server->wscale = WSCALE_MAX;
	}
	midstream_ts(c, TO_CLIENT, o->pkt);
	if (o->pkt->tcp.sack_permitted)
		c->flags |= CONN_SACK;
}

static void first_syn(struct observed *o)
{
	struct tcp_view *me = o->me;

	observe_state(o, TCP_SYN_SENT);
	me->isn = o->seq;
	me->next_seq = o->seq + 1;
	if (o->pkt->tcp.has_timestamp) {
		side_ts(me, o->pkt->tcp.ts_val, seconds(o->pkt));
		me->flags |= VIEW_TS;
	}
	o->peer->window = o->pkt->window;
	if (o->pkt->tcp.has_wscale) {
		o->c->flags |= CONN_WSCALE;
		o->peer->wscale = candidate_of(o->pkt).wscale;
	}
	if (o->pkt->tcp.sack_permitted)
		o->c->flags |= CONN_SACK_OFFERED;
	if (o->pkt->tcp.has_fast_open) {
		o->c->flags |= CONN_FAST_OPEN;
		me->next_seq += o->len;
	}
}

enum observed_verdict observe_none(struct tracker *t, struct flow *flow, struct packet *pkt)
{
	uint8_t f = pkt->tcp_flags;
	bool synack = (f & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
	struct observed o = { .t = t, .flow = flow, .pkt = pkt, .seq = pkt->seq, .ack = pkt->ack,
			      .len = (uint32_t)pkt->payload.len };

	if (f & TCP_RST) {
		packet_event(pkt, STREAM_RST_BUT_NO_SESSION);
		return OBSERVED_REFUSED;
	}
	if ((f & TCP_FIN) && (!t->cfg.midstream || o.len == 0)) {
		packet_event(pkt, STREAM_FIN_BUT_NO_SESSION);
		return OBSERVED_REFUSED;
	}
	if (synack ? !t->cfg.midstream && !t->cfg.async_oneside
		   : !(f & TCP_SYN) && (!(f & TCP_ACK) || !t->cfg.midstream))
		return OBSERVED_NO_SESSION;
	if (synack) {
		flow_swap(flow);
		pkt->side = !pkt->side;
	}
	o.c = conn_new(t, flow, pkt);
	if (o.c == NULL)
		return OBSERVED_NO_SESSION;
	o.me = &o.c->view[pkt->side];
	o.peer = &o.c->view[!pkt->side];
	o.end = o.seq + o.len;
	if (!(f & TCP_SYN) || synack) {
		flow->midstream = true;
		t->stats.tcp_midstream++;
	}
	if (synack)
		midstream_synack(&o);
	else if (f & TCP_FIN)
		midstream_data(&o, TCP_FIN_WAIT1);
	else if (f & TCP_SYN)
		first_syn(&o);
	else
		midstream_data(&o, TCP_ESTABLISHED);
	return OBSERVED_OK;
}

/* SYN_SENT */

/* The SYN/ACK answers this SYN rather than the one we went by. */
static void take_syn(struct observed *o, const struct candidate *k)
{
	struct tcp_view *client = o->peer, *server = o->me;

	client->isn = k->seq;
	client->next_seq = k->seq + 1;
	client->flags &= (uint8_t)~(VIEW_TS | VIEW_TS_ZERO);
	o->c->flags &= ~(uint32_t)(CONN_WSCALE | CONN_SACK_OFFERED);
	if (k->has_ts) {
		side_ts(client, k->ts, k->time_s);
		client->flags |= VIEW_TS;
	}
	server->window = k->window;
	server->wscale = k->has_wscale ? k->wscale : 0;
	if (k->has_wscale)
		o->c->flags |= CONN_WSCALE;
	if (k->sack)
		o->c->flags |= CONN_SACK_OFFERED;
}

static void find_syn(struct observed *o)
{
	const struct tcp_handshake *h = o->c->handshake;

	for (unsigned i = 0; h != NULL && i < h->count; i++) {
		const struct candidate *k = &h->list[i];

		if (k->synack || k->seq + 1 != o->ack)
			continue;
		if (k->has_ts && o->pkt->tcp.has_timestamp && k->ts != o->pkt->tcp.ts_ecr)
			continue;
		take_syn(o, k);
		return;
	}
}

static void take_synack(struct tcp_conn *c, const struct candidate *k)
{
	struct tcp_view *server = &c->view[TO_CLIENT], *client = &c->view[TO_SERVER];

	server->isn = k->seq;
	server->next_seq = server->last_ack = k->seq + 1;
	client->window = k->window;
	if (k->has_ts && (client->flags & VIEW_TS)) {
		side_ts(server, k->ts, k->time_s);
		c->flags |= CONN_TS;
		client->flags &= (uint8_t)~VIEW_TS;
	} else if (!(c->flags & CONN_TS) || !k->has_ts) {
		c->flags &= ~(uint32_t)CONN_TS;
		client->last_ts = server->last_ts = 0;
		client->flags &= (uint8_t)~VIEW_TS_ZERO;
	} else {
		side_ts(server, k->ts, k->time_s);
	}
	client->last_ack = k->ack;
	client->wscale = (c->flags & CONN_WSCALE) && k->has_wscale ? k->wscale : 0;
	if ((c->flags & CONN_SACK_OFFERED) && k->sack)
		c->flags |= CONN_SACK;
	server->next_win = server->last_ack + server->window;
	client->next_win = client->last_ack + client->window;
	c->flags &= ~(uint32_t)CONN_4WHS;
}

/* The SYN/ACK of a four-way handshake comes from the client: both sent a SYN first. */
static bool fourway_synack(struct observed *o)
{
	struct tcp_view *client = o->me, *server = o->peer;
	struct candidate k = candidate_of(o->pkt);
	struct tcp_conn *c = o->c;

	if (o->ack != server->isn + 1) {
		observe_event(o, STREAM_4WHS_SYNACK_WITH_WRONG_ACK);
		return false;
	}
	if (o->seq != client->isn) {
		observe_event(o, STREAM_4WHS_SYNACK_WITH_WRONG_SYN);
		return false;
	}
	observe_state(o, TCP_SYN_RECV);
	client->next_seq = client->isn + 1;
	server->window = k.window;
	if (k.has_ts && (server->flags & VIEW_TS)) {
		side_ts(client, k.ts, k.time_s);
		server->flags &= (uint8_t)~VIEW_TS;
		c->flags |= CONN_TS;
	} else {
		client->last_ts = server->last_ts = 0;
		client->flags &= (uint8_t)~VIEW_TS_ZERO;
		server->flags &= (uint8_t)~VIEW_TS_ZERO;
	}
	server->last_ack = o->ack;
	client->last_ack = client->isn + 1;
	server->wscale = (c->flags & CONN_WSCALE) && k.has_wscale ? k.wscale : 0;
	if ((c->flags & CONN_SACK_OFFERED) && k.sack)
		c->flags |= CONN_SACK;
	client->next_win = client->last_ack + client->window;
	server->next_win = server->last_ack + server->window;
	return true;
}

static bool syn_sent_synack(struct observed *o)
{
	struct tcp_view *client = o->peer;
	struct candidate k = candidate_of(o->pkt);

	if ((o->c->flags & CONN_4WHS) && o->pkt->side == TO_SERVER)
		return fourway_synack(o);
	if (o->pkt->side == TO_SERVER) {
		observe_event(o, STREAM_3WHS_SYNACK_IN_WRONG_DIRECTION);
		return false;
	}
	find_syn(o);
	if (o->ack != client->next_seq && o->ack == client->isn + 1 &&
	    (o->c->flags & CONN_FAST_OPEN)) {
		/* The server didn't take the data that came with the SYN. */
		client->next_seq = o->ack;
		o->c->flags |= CONN_FAST_OPEN_IGNORED;
		observe_event(o, STREAM_3WHS_SYNACK_TFO_DATA_IGNORED);
	} else if (o->ack != client->next_seq) {
		observe_event(o, STREAM_3WHS_SYNACK_WITH_WRONG_ACK);
		return false;
	}
	if (o->pkt->tcp.has_fast_open)
		o->c->flags |= CONN_FAST_OPEN;
	observe_state(o, TCP_SYN_RECV);
	take_synack(o->c, &k);
	return true;
}

/* Another SYN of the client. The one that we go by is put among the candidates first. */
static void syn_again(struct observed *o)
{
	const struct tcp_view *me = o->me, *peer = o->peer;
	struct candidate first = { .seq = me->isn, .window = (uint16_t)peer->window,
				   .wscale = peer->wscale, .ts = me->last_ts,
				   .time_s = me->last_ts_s, .has_ts = (me->flags & VIEW_TS) != 0,
				   .has_wscale = (o->c->flags & CONN_WSCALE) != 0,
				   .sack = (o->c->flags & CONN_SACK_OFFERED) != 0 };
	struct candidate again = candidate_of(o->pkt);

	again.ack = 0;
	remember(o, &first, CANDIDATES_MAX);
	if (remember(o, &again, o->t->cfg.syn_queued_max + 1))
		return;
	observe_event(o, STREAM_3WHS_SYN_FLOOD);
	forget_syn(o->c->handshake);
	remember(o, &again, o->t->cfg.syn_queued_max + 1);
}

static void syn_sent_syn(struct observed *o)
{
	struct tcp_view *me = o->me;

	if (o->pkt->side == TO_SERVER) {
		syn_again(o);
		return;
	}
	/* Both sides open at once. */
	o->c->flags |= CONN_4WHS;
	me->isn = o->seq;
	me->next_seq = o->seq + 1;
	if (o->pkt->tcp.has_timestamp) {
		side_ts(me, o->pkt->tcp.ts_val, seconds(o->pkt));
		me->flags |= VIEW_TS;
	}
	o->peer->window = o->pkt->window;
	if (o->pkt->tcp.has_wscale) {
		o->c->flags |= CONN_WSCALE;
		o->peer->wscale = candidate_of(o->pkt).wscale;
	} else {
		o->c->flags &= ~(uint32_t)CONN_WSCALE;
		o->peer->wscale = 0;
	}
	if (o->pkt->tcp.sack_permitted)
		o->c->flags |= CONN_SACK_OFFERED;
	else
		o->c->flags &= ~(uint32_t)CONN_SACK_OFFERED;
}

/* No SYN/ACK, but the client goes on: we only see its side. */
static bool syn_sent_ack(struct observed *o)
{
	struct tcp_view *me = o->me, *peer = o->peer;
	struct tcp_conn *c = o->c;

	if (!o->t->cfg.async_oneside)
		return true;
	if (o->seq != me->next_seq) {
		observe_event(o, STREAM_3WHS_ASYNC_WRONG_SEQ);
		return false;
	}
	c->flags |= CONN_ASYNC;
	observe_state(o, TCP_ESTABLISHED);
	me->window = o->pkt->window;
	me->last_ack = o->seq;
	me->next_win = me->last_ack + me->window;
	me->next_seq = o->end;
	peer->isn = o->ack - 1;
	peer->next_seq = peer->last_ack = peer->next_win = o->ack;
	if (c->flags & CONN_WSCALE)
		me->wscale = WSCALE_MAX;
	if (o->pkt->tcp.has_timestamp && (me->flags & VIEW_TS)) {
		c->flags |= CONN_TS;
		me->flags &= (uint8_t)~VIEW_TS;
		me->last_ts_s = seconds(o->pkt);
	} else {
		me->last_ts = peer->last_ts = 0;
		me->flags &= (uint8_t)~VIEW_TS_ZERO;
	}
	if (c->flags & CONN_SACK_OFFERED)
		c->flags |= CONN_SACK;
	return true;
}

/* An answer echoes the timestamp of the SYN that it answers. */
static bool echo_valid(const struct observed *o)
{
	const struct tcp_handshake *h = o->c->handshake;
	uint32_t echo = o->pkt->tcp.ts_ecr;

	if (o->pkt->side == TO_SERVER || !o->pkt->tcp.has_timestamp || echo == 0)
		return true;
	if (o->peer->flags & VIEW_TS ? o->peer->last_ts == 0 || o->peer->last_ts == echo
				     : o->peer->last_ts != 0)
		return true;
	for (unsigned i = 0; h != NULL && i < h->count; i++) {
		if (!h->list[i].synack && h->list[i].has_ts && h->list[i].ts == echo)
			return true;
	}
	return false;
}

bool observe_syn_sent(struct observed *o)
{
	uint8_t f = o->pkt->tcp_flags;

	if (!echo_valid(o)) {
		observe_event(o, STREAM_PKT_INVALID_TIMESTAMP);
		return false;
	}
	if (f & TCP_RST) {
		if (!observe_rst_valid(o))
			return false;
		if (o->pkt->side == TO_SERVER &&
		    (o->seq != o->me->isn || o->pkt->window != 0 || o->ack != o->me->isn + 1))
			return true;
		o->peer->flags |= VIEW_RST;
		o->c->flags |= CONN_CLOSED_BY_RST;
		observe_state(o, TCP_CLOSED);
		return true;
	}
	if (f & TCP_FIN)
		return true;
	if ((f & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		return syn_sent_synack(o);
	if (f & TCP_SYN)
		syn_sent_syn(o);
	else if (f & TCP_ACK)
		return syn_sent_ack(o);
	return true;
}

/* SYN_RECV */

static bool syn_recv_synack(struct observed *o)
{
	struct candidate again = candidate_of(o->pkt);

	if (o->pkt->side == TO_SERVER) {
		observe_event(o, STREAM_3WHS_SYNACK_TOSERVER_ON_SYN_RECV);
		return false;
	}
	if (o->ack != o->peer->last_ack) {
		observe_event(o, STREAM_3WHS_SYNACK_RESEND_WITH_DIFFERENT_ACK);
		return false;
	}
	if (o->seq != o->me->isn && !remember(o, &again, o->t->cfg.synack_queued_max)) {
		observe_event(o, STREAM_3WHS_SYNACK_FLOOD);
		return false;
	}
	return true;
}

/* The ACK may answer another SYN/ACK than the one we went by. */
static void find_synack(struct observed *o)
{
	const struct tcp_handshake *h = o->c->handshake;

	for (unsigned i = 0; h != NULL && i < h->count; i++) {
		const struct candidate *k = &h->list[i];

		if (!k->synack || k->seq + 1 != o->ack || k->ack != o->seq ||
		    (k->has_ts && o->pkt->tcp.has_timestamp && k->ts != o->pkt->tcp.ts_ecr))
			continue;
		take_synack(o->c, k);
		return;
	}
}

static bool syn_recv_4whs(struct observed *o)
{
	if (o->seq != o->me->next_seq) {
		observe_event(o, STREAM_4WHS_WRONG_SEQ);
		return false;
	}
	if (!observe_ack_valid(o)) {
		observe_event(o, STREAM_4WHS_INVALID_ACK);
		return false;
	}
	observe_ts_note(o);
	observe_last_ack(o->peer, o->ack);
	o->me->next_seq += o->len;
	observe_window(o);
	o->peer->next_win = o->peer->last_ack + o->peer->window;
	observe_state(o, TCP_ESTABLISHED);
	return true;
}

static void midstream_wscale(struct observed *o)
{
	if (o->c->flags & CONN_MIDSTREAM_SYNACK)
		return;
	o->me->wscale = o->peer->wscale = WSCALE_MAX;
	o->c->flags |= CONN_SACK;
}

/* Established: by the expected ACK, or past packets we missed. */
static void syn_recv_done(struct observed *o)
{
	struct tcp_view *me = o->me;

	observe_ts_note(o);
	observe_last_ack(o->peer, o->ack);
	me->next_seq = o->end;
	observe_window(o);
	o->peer->next_win = o->peer->last_ack + o->peer->window;
	if (o->c->flags & CONN_MIDSTREAM) {
		me->window = (uint32_t)o->pkt->window << me->wscale;
		me->next_win = me->last_ack + me->window;
		midstream_wscale(o);
	}
	observe_state(o, TCP_ESTABLISHED);
}

static void syn_recv_async(struct observed *o)
{
	struct tcp_view *server = &o->c->view[TO_CLIENT], *client = &o->c->view[TO_SERVER];

	o->c->flags |= CONN_ASYNC;
	server->next_seq += o->len;
	server->last_ack = o->seq;
	client->window = (uint32_t)o->pkt->window << client->wscale;
	client->last_ack = o->ack;
	observe_ts_note(o);
	if (o->c->flags & CONN_MIDSTREAM) {
		server->window = o->pkt->window;
		client->next_win = server->last_ack + server->window;
		server->wscale = client->wscale = WSCALE_MAX;
		o->c->flags |= CONN_SACK;
	}
	observe_state(o, TCP_ESTABLISHED);
}

static bool syn_recv_ack(struct observed *o)
{
	struct tcp_conn *c = o->c;
	struct tcp_view *server = &c->view[TO_CLIENT], *client = &c->view[TO_SERVER];
	bool to_client = o->pkt->side == TO_CLIENT, missed_ack = false;

	find_synack(o);
	if (!observe_ts_valid(o))
		return false;
	if ((c->flags & CONN_4WHS) && to_client)
		return syn_recv_4whs(o);
	if (to_client && !(c->flags & (CONN_MIDSTREAM_SYNACK | CONN_FAST_OPEN))) {
		if (c->flags & CONN_INLINE) {
			bool data = o->len > 0 && o->ack == client->last_ack &&
				    o->seq == server->next_seq;

			observe_event(o, data ? STREAM_3WHS_ACK_DATA_INJECT
					      : STREAM_3WHS_ACK_IN_WRONG_DIR);
			return false;
		}
		missed_ack = true;      /* most likely the mirror lost the client's ACK */
	}
	if (o->seq == client->next_seq && o->ack == server->next_seq) {
		syn_recv_done(o);
	} else if (o->t->cfg.async_oneside && o->seq == server->next_seq) {
		syn_recv_async(o);
	} else if (o->seq == client->next_seq) {
		c->flags |= CONN_EVASION;
		observe_event(o, STREAM_3WHS_RIGHT_SEQ_WRONG_ACK_EVASION);
		return false;
	} else if (to_client && !(c->flags & CONN_INLINE) && seq_lt(client->next_seq, o->seq) &&
		   seq_lt(client->last_ack, o->ack)) {
		syn_recv_done(o);
	} else if (seq_lt(client->next_seq, o->seq) && seq_le(o->seq, client->next_win) &&
		   o->ack == server->next_seq) {
		syn_recv_done(o);
	} else if ((missed_ack || (c->flags & CONN_FAST_OPEN)) && o->ack == client->last_ack &&
		   o->seq == server->next_seq) {
		server->next_seq = o->end;
		server->window = (uint32_t)o->pkt->window << server->wscale;
		server->next_win = server->last_ack + server->window;
		observe_state(o, TCP_ESTABLISHED);
	} else {
		observe_event(o, STREAM_3WHS_WRONG_SEQ_WRONG_ACK);
		return false;
	}
	return true;
}

static bool syn_recv_rst(struct observed *o)
{
	uint8_t policy = o->peer->policy;

	if (!observe_rst_valid(o))
		return false;
	/* These take it for a stray packet, as they never saw the attempt as part of the connection. */
	if ((o->c->flags & CONN_EVASION) && (policy == OVERLAP_LINUX || policy == OVERLAP_OLD_LINUX ||
					     policy == OVERLAP_SOLARIS))
		return true;
	observe_state(o, TCP_CLOSED);
	o->c->flags |= CONN_CLOSED_BY_RST;
	observe_ts_note(o);
	return true;
}

bool observe_syn_recv(struct observed *o)
{
	uint8_t f = o->pkt->tcp_flags;

	if (f & TCP_RST)
		return syn_recv_rst(o);
	if (f & TCP_FIN)
		return observe_fin(o);
	if ((f & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		return syn_recv_synack(o);
	if (f & TCP_SYN) {
		if (o->pkt->side == TO_CLIENT) {
			observe_event(o, STREAM_3WHS_SYN_TOCLIENT_ON_SYN_RECV);
			return false;
		}
		if (o->seq != o->me->isn) {
			observe_event(o, STREAM_3WHS_SYN_RESEND_DIFF_SEQ_ON_SYN_RECV);
			return false;
		}
		return true;
	}
	return f & TCP_ACK ? syn_recv_ack(o) : true;
}
