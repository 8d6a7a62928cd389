/* eve_anomaly.c - `anomaly` records: what the decoder, the tracker and the analyzers found wrong. */
#include <ctype.h>
#include <stdio.h>

#include "base/reader.h"
#include "base/sha1.h"
#include "output/eve.h"
#include "stack/track/events.h"
#include "stack/track/policy.h"
#include "stack/track/tcp.h"

#define PACKETHDR_MAX 32
#define READING_SHOWN_MAX 64    /* bytes of a reading that are shown as text */
#define SHA1_TEXT_LEN (2 * SHA1_LEN)

static void anomaly_packet(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt)
{
	for (unsigned i = 0; i < pkt->event_count; i++) {
		bool stream = pkt->events[i] >= EVENT_STREAM_FIRST;
		const char *name = event_name(pkt->events[i]);

		if (!(e->anomaly_options & (stream ? ANOMALY_STREAM : ANOMALY_DECODE)))
			continue;
		if (pkt->events[i] == STREAM_REASSEMBLY_AMBIGUOUS)
			continue;               /* recorded once both readings are there: eve_ambiguity */
		eve_header(r, e, j, flow, pkt, DIR_PACKET, "anomaly", NULL);
		if (pkt->ip_version == 0 && pkt->eth != NULL && !e->ethernet) {
			json_object(j, "ether");
			json_uint(j, "ether_type", load_be16(pkt->eth + 12));
			json_close(j);
		}
		if (e->anomaly_options & ANOMALY_PACKETHDR)
			eve_packet(j, pkt, PACKETHDR_MAX);
		json_object(j, "anomaly");
		json_str(j, "type", stream ? "stream" : "decode");
		if (name != NULL)
			json_str(j, "event", name);
		else
			json_uint(j, "code", pkt->events[i]);
		json_close(j);
		eve_done(r, e, j, RECORD_TYPE_ANOMALY, 0);
	}
}

static void reading(struct json *j, const char *name, const uint8_t *data, uint32_t len)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[SHA1_LEN];
	char text[SHA1_TEXT_LEN];

	sha1(digest, data, len);
	for (unsigned i = 0; i < SHA1_LEN; i++) {
		text[2 * i] = digits[digest[i] >> 4];
		text[2 * i + 1] = digits[digest[i] & 15];
	}
	json_object(j, name);
	json_slice(j, "sha1", slice_of((const uint8_t *)text, SHA1_TEXT_LEN));
	json_printable(j, "printable", data, len < READING_SHOWN_MAX ? len : READING_SHOWN_MAX);
	json_close(j);
}

void eve_ambiguity(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt, enum side side,
		   const struct piece *piece)
{
	uint32_t from = 0, to = piece->len;

	if (!(e->anomaly_options & ANOMALY_STREAM))
		return;
	while (from < to && piece->data[from] == piece->other[from])
		from++;
	while (from < to && piece->data[to - 1] == piece->other[to - 1])
		to--;
	eve_header(r, e, j, flow, pkt, DIR_PACKET, "anomaly", NULL);
	json_object(j, "anomaly");
	json_str(j, "type", "stream");
	json_str(j, "event", event_name(STREAM_REASSEMBLY_AMBIGUOUS));
	json_object(j, "readings");
	json_str(j, "direction", side == TO_SERVER ? "to_server" : "to_client");
	json_uint(j, "offset", piece->offset + from);
	json_uint(j, "length", to - from);
	json_str(j, "assumed_policy", overlap_policy_names[flow->tcp->dir[side].policy]);
	reading(j, "assumed", piece->data + from, to - from);
	reading(j, "other", piece->other + from, to - from);
	json_close(j);
	json_close(j);
	eve_done(r, e, j, RECORD_TYPE_ANOMALY, 0);
}

static void anomaly_app(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt,
			const struct analysis *a, const struct tx *tx, const char *event, bool detect)
{
	char capitals[64];

	if (detect || a->proto->events_upper) {
		snprintf(capitals, sizeof(capitals), "%s", event);
		for (char *c = capitals; *c; c++)
			*c = (char)toupper((unsigned char)*c);
		event = capitals;
	}
	eve_header(r, e, j, flow, pkt, DIR_PACKET, "anomaly", NULL);
	if (tx != NULL)
		json_uint(j, "tx_id", tx->id);
	json_object(j, "anomaly");
	json_str(j, "app_proto", a->proto ? a->proto->name : "unknown");
	json_str(j, "type", "applayer");
	json_str(j, "event", event);
	json_str(j, "layer", detect ? "proto_detect" : "proto_parser");
	json_close(j);
	eve_done(r, e, j, RECORD_TYPE_ANOMALY, 0);
}

static void anomaly_detect(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt,
			   const struct analysis *a)
{
	if (a->events_packet != pkt->number)
		return;
	for (unsigned event = 0; event < APP_EVENTS; event++) {
		if (a->events & 1u << event)
			anomaly_app(r, e, j, flow, pkt, a, NULL, app_event_name(event), true);
	}
}

void eve_anomalies(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt)
{
	if (pkt->event_count && (e->anomaly_options & (ANOMALY_DECODE | ANOMALY_STREAM)))
		anomaly_packet(r, e, j, flow, pkt);
	if (flow == NULL || !(e->anomaly_options & ANOMALY_APPLAYER))
		return;
	for (const struct analysis *a = analysis_of(flow); a != NULL; a = a->older) {
		if (a->events != 0)
			anomaly_detect(r, e, j, flow, pkt, a);
		for (const struct tx *tx = a->tx_first; tx != NULL && a->proto->events != NULL; tx = tx->next)
			if (tx->events_recorded != tx->event_count && events_acked(flow, tx))
				for (unsigned i = tx->events_recorded; i < tx->event_count; i++)
					anomaly_app(r, e, j, flow, pkt, a, tx, a->proto->events[tx->events[i]], false);
	}
}
