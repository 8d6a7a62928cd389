/* eve_anomaly.c - `anomaly` records: what the decoder, the tracker and the analyzers found wrong. */
#include "output/eve.h"

static void anomaly_packet(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt)
{
	for (unsigned i = 0; i < pkt->event_count; i++) {
		bool stream = pkt->events[i] >= EVENT_STREAM_FIRST;
		const char *name = event_name(pkt->events[i]);

		if (!(e->anomaly_options & (stream ? ANOMALY_STREAM : ANOMALY_DECODE)))
			continue;
		eve_header(r, e, j, flow, pkt, DIR_PACKET, "anomaly", NULL);
		if (e->anomaly_options & ANOMALY_PACKETHDR)
			json_base64(j, "packethdr", pkt->data, pkt->len < 32 ? pkt->len : 32);
		json_object(j, "anomaly");
		json_str(j, "type", stream ? "stream" : "decode");
		if (name != NULL)
			json_str(j, "event", name);
		else
			json_uint(j, "code", pkt->events[i]);
		json_close(j);
		eve_done(r, e, j);
	}
}

static void anomaly_tx(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt)
{
	struct analysis *a = analysis_of(flow);

	for (struct tx *tx = a->tx_first; tx != NULL; tx = tx->next) {
		for (unsigned i = tx->events_recorded; i < tx->event_count; i++) {
			eve_header(r, e, j, flow, pkt, DIR_PACKET, "anomaly", NULL);
			json_uint(j, "tx_id", tx->id);
			json_object(j, "anomaly");
			json_str(j, "app_proto", a->proto->name);
			json_str(j, "type", "applayer");
			json_str(j, "event", a->proto->events[tx->events[i]]);
			json_str(j, "layer", "proto_parser");
			json_close(j);
			eve_done(r, e, j);
		}
	}
}

void eve_anomalies(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt)
{
	if (pkt->event_count && (e->anomaly_options & (ANOMALY_DECODE | ANOMALY_STREAM)))
		anomaly_packet(r, e, j, flow, pkt);
	if (flow != NULL && (e->anomaly_options & ANOMALY_APPLAYER)) {
		const struct analysis *a = analysis_of(flow);

		if (a != NULL && a->proto != NULL && a->proto->events != NULL)
			anomaly_tx(r, e, j, flow, pkt);
	}
}
