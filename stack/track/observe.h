/* observe.h - the connection as a sensor reports it: states and stream events, as Suricata has them. */
#ifndef TAPIR_TRACK_OBSERVE_H
#define TAPIR_TRACK_OBSERVE_H

#include "stack/track/internal.h"
#include "stack/track/tcp.h"

/* One packet being observed. me is the side that sent it. */
struct observed {
	struct tracker *t;
	struct flow *flow;
	struct tcp_conn *c;
	struct packet *pkt;
	struct tcp_view *me, *peer;
	uint32_t seq, ack, len, end;    /* end = seq + len: without SYN and FIN */
};

/* Events in the packet; refused means that Suricata would drop it as invalid. */
enum observed_verdict { OBSERVED_OK, OBSERVED_REFUSED, OBSERVED_NO_SESSION };

/* Follows the packet; makes flow->tcp where it starts a connection. */
enum observed_verdict observe(struct tracker *t, struct flow *flow, struct packet *pkt);
void observe_release(struct tracker *t, struct tcp_conn *c);

/* Between the observer's own files. They return false where the packet is refused. */
void observe_event(struct observed *o, uint16_t event);
void observe_state(struct observed *o, enum tcp_state state);
bool observe_ack_valid(struct observed *o);
bool observe_ts_valid(struct observed *o);
void observe_ts_note(struct observed *o);
bool observe_rst_valid(struct observed *o);
bool observe_rst(struct observed *o);
bool observe_retransmission(struct observed *o);
bool observe_fin(struct observed *o);
void observe_window(struct observed *o);
void observe_last_ack(struct tcp_view *v, uint32_t ack);
void observe_next_win(struct observed *o);

enum observed_verdict observe_none(struct tracker *t, struct flow *flow, struct packet *pkt);
bool observe_syn_sent(struct observed *o);
bool observe_syn_recv(struct observed *o);
bool observe_established(struct observed *o);
bool observe_fin_wait1(struct observed *o);
bool observe_fin_wait2(struct observed *o);
bool observe_closing(struct observed *o);
bool observe_close_wait(struct observed *o);
bool observe_last_ack_state(struct observed *o);
bool observe_time_wait(struct observed *o);

#endif
