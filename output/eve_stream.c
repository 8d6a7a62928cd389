/* eve_stream.c - `stream_tcp` records: what one packet did to its TCP session.
 *
 * For looking into the tracker: with `stream: all: yes` there is one for each TCP packet; else only for those
 * whose notes the configuration names. */
#include "output/eve.h"
#include "stack/track/tcp.h"
#include "stack/track/tracker.h"

static void stream_notes(struct json *j, const struct packet *pkt)
{
	static const struct { const char *name; uint16_t bit; } notes[] = {
		{ "retransmission", TCP_NOTE_RETRANSMISSION }, { "spurious_retransmission", TCP_NOTE_SPURIOUS },
		{ "keep_alive", TCP_NOTE_KEEPALIVE }, { "keep_alive_ack", TCP_NOTE_KEEPALIVE_ACK },
		{ "window_update", TCP_NOTE_WINDOW_UPDATE }, { "event_set", TCP_NOTE_EVENT },
		{ "state_update", TCP_NOTE_STATE }, { "tcp_port_reuse", TCP_NOTE_REUSE },
	};

	json_array(j, "flags");
	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
		if (pkt->tcp_notes & notes[i].bit)
			json_str(j, NULL, notes[i].name);
	json_close(j);
}

static void stream_side(struct json *j, const char *key, const struct tcp_view *v)
{
	json_object(j, key);
	json_uint(j, "isn", v->isn);
	json_uint(j, "next_seq", v->next_seq);
	json_uint(j, "last_ack", v->last_ack);
	json_uint(j, "next_win", v->next_win);
	json_uint(j, "base_seq", v->base_seq != 0 ? v->base_seq : v->isn + 1);
	json_uint(j, "window", v->window);
	json_uint(j, "wscale", v->wscale);
	json_close(j);
}

static void stream_session(struct json *j, const struct flow *flow, const struct packet *pkt)
{
	const struct tcp_conn *c = flow->tcp;

	json_object(j, "session");
	if (c != NULL) {
		json_str(j, "state", tcp_state_name(c->state));
		if (pkt->tcp_notes & TCP_NOTE_STATE)
			json_str(j, "pstate", tcp_state_name(c->state_before));
		stream_side(j, "client", &c->view[TO_SERVER]);
		stream_side(j, "server", &c->view[TO_CLIENT]);
	}
	json_close(j);
}

void eve_stream(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt)
{
	eve_header(r, e, j, flow, pkt, DIR_PACKET, "stream_tcp", NULL);
	json_str(j, "direction", pkt->side == TO_SERVER ? "to_server" : "to_client");
	json_object(j, "stream_tcp");
	json_object(j, "packet");
	eve_packet_headers(j, pkt);
	stream_notes(j, pkt);
	json_close(j);
	stream_session(j, flow, pkt);
	if (pkt->tcp_notes & TCP_NOTE_EVENT) {
		json_array(j, "events");
		for (unsigned i = 0; i < pkt->event_count; i++)
			if (event_name(pkt->events[i]) != NULL)
				json_str(j, NULL, event_name(pkt->events[i]));
		json_close(j);
	}
	json_close(j);
	eve_done(r, e, j, RECORD_TYPE_STREAM, 0);
}
