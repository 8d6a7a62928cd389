/* eve_drop.c - `drop` records: a packet that was dropped, or would have been. */
#include "base/reader.h"
#include "output/eve.h"

static const char *const reasons[DROP_REASONS] = {
	[DROP_REASON_NONE] = "rules", [DROP_REASON_DECODE_ERROR] = "decode error", [DROP_REASON_DEFRAG_ERROR] = "defrag error",
	[DROP_REASON_DEFRAG_MEMCAP] = "defrag memcap", [DROP_REASON_FLOW_MEMCAP] = "flow memcap",
	[DROP_REASON_FLOW_DROP] = "flow drop", [DROP_REASON_EXCEPTION_FLOW_DROP] = "exception policy flow drop",
	[DROP_REASON_STREAM_ERROR] = "stream error", [DROP_REASON_STREAM_MEMCAP] = "stream memcap",
	[DROP_REASON_STREAM_MIDSTREAM] = "stream midstream", [DROP_REASON_STREAM_REASSEMBLY] = "stream reassembly",
	[DROP_REASON_STREAM_URGENT] = "stream urgent", [DROP_REASON_APPLAYER_ERROR] = "applayer error",
	[DROP_REASON_APPLAYER_MEMCAP] = "applayer memcap", [DROP_REASON_RULES] = "rules",
	[DROP_REASON_RULES_THRESHOLD] = "threshold detection_filter", [DROP_REASON_TUNNEL_PACKET] = "tunnel packet drop",
};

static void header_ip(struct json *j, const struct packet *pkt)
{
	if (pkt->ip_version == 4) {
		json_uint(j, "len", load_be16(pkt->ip + 2));
		json_uint(j, "tos", pkt->tos);
		json_uint(j, "ttl", pkt->ttl);
		json_uint(j, "ipid", load_be16(pkt->ip + 4));
	} else if (pkt->ip_version == 6) {
		json_uint(j, "len", load_be16(pkt->ip + 4));
		json_uint(j, "tc", pkt->tos);
		json_uint(j, "hoplimit", pkt->ttl);
		json_uint(j, "flowlbl", load_be32(pkt->ip) & 0xfffff);
	}
}

static void header_transport(struct json *j, const struct packet *pkt)
{
	static const struct { const char *name; uint8_t bit; } flags[] = {
		{ "syn", 2 }, { "ack", 16 }, { "psh", 8 }, { "rst", 4 }, { "urg", 32 }, { "fin", 1 },
	};

	if (pkt->l4 == NULL)
		return;
	if (pkt->proto == 6) {
		json_uint(j, "tcpseq", pkt->seq);
		json_uint(j, "tcpack", pkt->ack);
		json_uint(j, "tcpwin", pkt->window);
		for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
			json_bool(j, flags[i].name, pkt->tcp_flags & flags[i].bit);
		json_uint(j, "tcpres", (pkt->l4[12] & 0x0f) >> 1);
		json_uint(j, "tcpurgp", pkt->urgent);
	} else if (pkt->proto == 17) {
		json_uint(j, "udplen", load_be16(pkt->l4 + 4));
	} else if (pkt->proto == 1 || pkt->proto == 58) {
		json_uint(j, "icmp_id", pkt->icmp_id);
		json_uint(j, "icmp_seq", pkt->icmp_seq);
	}
}

void eve_packet_headers(struct json *j, const struct packet *pkt)
{
	header_ip(j, pkt);
	header_transport(j, pkt);
}

void eve_drop(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt,
	      const struct alert_queue *alerts)
{
	bool named = false;

	eve_header(r, e, j, flow, pkt, DIR_PACKET, "drop", NULL);
	if (flow != NULL)
		json_str(j, "direction", pkt->side == TO_SERVER ? "to_server" : "to_client");
	json_object(j, "drop");
	eve_packet_headers(j, pkt);
	json_str(j, "reason", reasons[pkt->drop_reason < DROP_REASONS ? pkt->drop_reason : 0]);
	json_close(j);
	for (unsigned i = 0; e->drop_alerts && alerts != NULL && i < alerts->count; i++) {
		const struct alert *a = &alerts->items[i];

		if (a->action == ACTION_ALERT || a->action == ACTION_PASS)
			continue;
		eve_alert_object(e, j, pkt, a, NULL);
		named = true;
		break;
	}
	/* One that made no alert of its own (noalert, a threshold). */
	if (e->drop_alerts && alerts != NULL && !named && alerts->drop_rule != NULL) {
		struct alert a = { .rule = alerts->drop_rule, .action = alerts->drop_rule->action, .side = pkt->side };

		eve_alert_object(e, j, pkt, &a, NULL);
	}
	if (e->alert_options & ALERT_VERDICT)
		eve_verdict(j, pkt);
	eve_done(r, e, j, RECORD_TYPE_DROP, 0);
}
