/* eve_alert.c - `alert` records, and what alerts and drops share. */
#include "analyzers/frame.h"
#include "output/eve.h"

static void alert_end(struct json *j, const char *key, const struct ip_addr *addr, uint16_t port, const struct packet *pkt)
{
	char text[IP_TEXT_MAX];

	json_object(j, key);
	ip_addr_text(addr, pkt->ip_version, text);
	json_str(j, "ip", text);
	if (pkt->proto == 6 || pkt->proto == 17 || pkt->proto == 132)
		json_uint(j, "port", port);
	json_close(j);
}

/* Which end attacked and which was attacked, as the rule's `target` says. */
static void alert_target(struct json *j, const struct packet *pkt, const struct rule *rule)
{
	if (!(rule->flags & (RULE_TARGET_SRC | RULE_TARGET_DST)))
		return;
	bool target_is_dst = rule->flags & RULE_TARGET_DST;

	alert_end(j, "source", target_is_dst ? &pkt->src : &pkt->dst, target_is_dst ? pkt->src_port : pkt->dst_port, pkt);
	alert_end(j, "target", target_is_dst ? &pkt->dst : &pkt->src, target_is_dst ? pkt->dst_port : pkt->src_port, pkt);
}

/* {"key": ["value", …]}: values of one key in the order written, keys in the order they first come. */
static void alert_metadata(struct json *j, const struct rule *rule)
{
	if (rule->metadata_count == 0)
		return;
	json_object(j, "metadata");
	for (unsigned i = 0; i < rule->metadata_count; i++) {
		const char *key = rule->metadata[i].key;
		unsigned earlier = 0;

		while (earlier < i && strcmp(rule->metadata[earlier].key, key) != 0)
			earlier++;
		if (earlier < i)
			continue;
		json_array_keyed(j, slice_str(key));
		for (unsigned k = i; k < rule->metadata_count; k++)
			if (strcmp(rule->metadata[k].key, key) == 0)
				json_str(j, NULL, rule->metadata[k].value);
		json_close(j);
	}
	json_close(j);
}

static void alert_references(struct json *j, const struct rule *rule)
{
	if (rule->reference_count == 0)
		return;
	json_array(j, "references");
	for (unsigned i = 0; i < rule->reference_count; i++) {
		const struct rule_reference *ref = &rule->references[i];

		json_printf(j, NULL, "%s%s", ref->url ? ref->url : "", ref->text);
	}
	json_close(j);
}

static bool action_rejects(uint8_t action)
{
	return action == ACTION_REJECT || action == ACTION_REJECT_DST || action == ACTION_REJECT_BOTH;
}

static bool alert_blocked(const struct alert *a)
{
	return (a->flags & ALERT_DROPPED) || action_rejects(a->action);
}

void eve_alert_object(const struct eve *e, struct json *j, const struct packet *pkt, const struct alert *a, const char *xff)
{
	const struct rule *rule = a->rule;

	json_object(j, "alert");
	json_str(j, "action", alert_blocked(a) ? "blocked" : "allowed");
	json_uint(j, "gid", rule->gid);
	json_uint(j, "signature_id", rule->sid);
	json_uint(j, "rev", rule->rev);
	json_str(j, "signature", rule->msg ? rule->msg : "");
	json_str(j, "category", rule->category ? rule->category : "");
	json_uint(j, "severity", rule->priority);
	if (pkt->ip_version != 0)
		alert_target(j, pkt, rule);
	if (e->alert_options & ALERT_REFERENCE)
		alert_references(j, rule);
	if (e->alert_options & ALERT_RULE_METADATA)
		alert_metadata(j, rule);
	if (e->alert_options & ALERT_RULE_RAW)
		json_str(j, "rule", rule->text);
	if (xff != NULL)
		json_str(j, "xff", xff);
	if (a->flags & (ALERT_READING_ASSUMED | ALERT_READING_OTHER))
		json_str(j, "reading", a->flags & ALERT_READING_OTHER ? "other" : "assumed");
	if (a->text_count > 0) {
		json_object(j, "context");
		for (unsigned i = 0; i < a->text_count; i++) {
			if (a->texts[i].is_json)
				json_raw(j, a->texts[i].name, a->texts[i].value);
			else
				json_slice(j, a->texts[i].name, a->texts[i].value);
		}
		json_close(j);
	}
	json_close(j);
}

static void alert_tunnel(struct json *j, const struct packet *pkt)
{
	const struct packet *outer = pkt->outer;
	char text[IP_TEXT_MAX], number[4];

	if (outer == NULL || outer->ip_version == 0)
		return;
	json_object(j, "tunnel");
	ip_addr_text(&outer->src, outer->ip_version, text);
	json_str(j, "src_ip", text);
	json_uint(j, "src_port", outer->src_port);
	ip_addr_text(&outer->dst, outer->ip_version, text);
	json_str(j, "dest_ip", text);
	json_uint(j, "dest_port", outer->dst_port);
	json_str(j, "proto", eve_proto_name(outer->proto, number));
	json_uint(j, "ip_v", outer->ip_version);
	json_uint(j, "depth", pkt->depth);
	if (outer->number != 0)
		json_uint(j, "pcap_cnt", outer->number);
	json_str(j, "pkt_src", outer->depth == 0 ? "wire/pcap" : "tunnel");
	json_close(j);
}

/* Of the flow's analyses (it may have switched protocol) the one that made tx. */
static struct analysis *analysis_with(const struct flow *flow, const struct tx *tx)
{
	for (struct analysis *a = analysis_of(flow); a != NULL; a = a->older)
		for (const struct tx *t = a->tx_first; t != NULL; t = t->next)
			if (t == tx)
				return a;
	return NULL;
}

static void alert_app_layer(const struct eve *e, struct json *j, struct flow *flow, const struct alert *a)
{
	struct analysis *an = analysis_with(flow, a->tx);

	if (an == NULL || an->proto == NULL || an->proto->record == NULL)
		return;
	for (unsigned i = 0; i < analyzer_count() && i < EVE_ANALYZERS_MAX; i++) {
		if (analyzer_at(i) != an->proto)
			continue;
		struct record_request req = { .alert = true, .options = e->app_options[i], .flow = flow,
					      .time_ns = an->time_ns };
		struct json_mark mark = json_mark(j);

		if (!an->proto->record(an, a->tx, &req, j))
			json_rewind(j, mark);
		return;
	}
}

static void alert_files(struct json *j, const struct alert *a)
{
	bool open = false;

	for (const struct file *f = a->tx->files; f != NULL; f = f->next) {
		if (f->side != a->side)
			continue;
		if (!open)
			json_array(j, "files");
		open = true;
		json_object(j, NULL);
		eve_file_object(j, f, true);
		json_close(j);
	}
	if (open)
		json_close(j);
}

static void alert_flow(struct records *r, struct json *j, const struct flow *flow)
{
	char text[IP_TEXT_MAX];

	json_object(j, "flow");
	eve_flow_counts(r, j, flow);
	ip_addr_text(&flow->key.addr[TO_SERVER], flow->key.ip_version, text);
	json_str(j, "src_ip", text);
	ip_addr_text(&flow->key.addr[TO_CLIENT], flow->key.ip_version, text);
	json_str(j, "dest_ip", text);
	if (flow->key.proto == 6 || flow->key.proto == 17 || flow->key.proto == 132) {
		json_uint(j, "src_port", flow->key.port[TO_SERVER]);
		json_uint(j, "dest_port", flow->key.port[TO_CLIENT]);
	}
	json_close(j);
}

static void alert_payload(struct records *r, const struct eve *e, struct json *j, struct flow *flow,
			  const struct packet *pkt, const struct alert *a)
{
	bool stream = pkt->proto == 6 && (a->flags & (ALERT_STREAM | ALERT_TX)) != 0;
	struct slice payload = pkt->payload;

	if (!(e->alert_options & (ALERT_PAYLOAD | ALERT_PAYLOAD_PRINTABLE | ALERT_PAYLOAD_LENGTH)))
		return;
	if (stream && flow != NULL && r->rules != NULL) {
		struct stream_block blocks[STREAM_BLOCKS_MAX];
		unsigned n = rules_stream(r->rules, flow, a->side, blocks);

		if (n == 1 && blocks[0].missing == 0)
			payload = blocks[0].bytes;
		else if (n > 0)
			payload = eve_join(r, blocks, n, e->alert_payload_max);
		if (a->flags & ALERT_READING_OTHER)
			payload = rules_stream_other(r->rules, flow, a->side);
	}
	if (payload.len > e->alert_payload_max && stream)
		payload.len = e->alert_payload_max;
	if (e->alert_options & ALERT_PAYLOAD_LENGTH)
		json_uint(j, "payload_length", payload.len);
	if (e->alert_options & ALERT_PAYLOAD)
		json_base64(j, "payload", payload.data, payload.len);
	if (e->alert_options & ALERT_PAYLOAD_PRINTABLE)
		json_printable(j, "payload_printable", payload.data, payload.len);
	json_uint(j, "stream", stream);
}

static void alert_frame(struct records *r, struct json *j, const struct flow *flow, const struct alert *a)
{
	const struct analysis *an = flow ? analysis_of(flow) : NULL;

	for (const struct app_frame *f = an && an->proto ? frames_of(an) : NULL; f != NULL; f = f->next)
		if (f->id == a->frame_id)
			eve_frame_object(r, j, an, f, flow->key.proto == 6);
}

static const char *link_name(uint16_t link)
{
	switch (link) {
	case LINK_NULL: return "NULL";
	case LINK_ETHERNET: return "EN10MB";
	case LINK_PPP: return "PPP";
	case LINK_CHDLC: return "C_HDLC";
	case LINK_SLL: return "LINUX_SLL";
	case LINK_SLL2: return "LINUX_SLL2";
	case LINK_IPV4: return "IPv4";
	case LINK_IPV6: return "IPv6";
	case LINK_LOOP: return "LOOP";
	default: return "RAW";
	}
}

void eve_packet(struct json *j, const struct packet *pkt, uint32_t max)
{
	json_base64(j, "packet", pkt->data, pkt->len < max ? pkt->len : max);
	json_object(j, "packet_info");
	json_uint(j, "linktype", pkt->link);
	json_str(j, "linktype_name", link_name(pkt->link));
	json_close(j);
}

void eve_verdict(struct json *j, const struct packet *pkt)
{
	static const char *const targets[] = { "", "to_client", "to_server", "both" };
	const char *action = pkt->flags & PACKET_WOULD_DROP ? "drop" : pkt->passed ? "pass" : "alert";

	json_object(j, "verdict");
	json_str(j, "action", action);
	if (pkt->reject_to != 0) {
		json_str(j, "reject-target", targets[pkt->reject_to & 3]);
		json_array(j, "reject");
		json_str(j, NULL, pkt->proto == 6 ? "tcp-reset" : "icmp-prohib");
		json_close(j);
	}
	json_close(j);
}

void eve_alert(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt,
	       const struct alert *a)
{
	char text[IP_TEXT_MAX];
	const char *xff = xff_find(&e->xff_alert, flow, a->tx, text) ? text : NULL;

	eve_header(r, e, j, flow, pkt, DIR_PACKET, "alert", e->xff_alert.mode == XFF_OVERWRITE ? xff : NULL);
	if (a->flags & ALERT_TX) {
		json_uint(j, "tx_id", a->tx_id);
		if (a->flags & ALERT_TX_GUESSED)
			json_bool(j, "tx_guessed", true);
	}
	eve_alert_object(e, j, pkt, a, e->xff_alert.mode == XFF_EXTRA_DATA ? xff : NULL);
	alert_tunnel(j, pkt);
	if (flow != NULL) {
		if ((a->flags & ALERT_TX) && a->tx != NULL) {
			if (e->alert_options & ALERT_APP_LAYER)
				alert_app_layer(e, j, flow, a);
			if (e->alert_options & ALERT_RULE_METADATA)
				alert_files(j, a);
		}
		eve_app_proto(j, flow);
		json_str(j, "direction", pkt->side == TO_SERVER ? "to_server" : "to_client");
		if (e->alert_options & ALERT_FLOW)
			alert_flow(r, j, flow);
	}
	alert_payload(r, e, j, flow, pkt, a);
	if (a->flags & ALERT_FRAME)
		alert_frame(r, j, flow, a);
	if ((e->alert_options & ALERT_PACKET) && !(pkt->flags & PACKET_END_OF_FLOW))
		eve_packet(j, pkt, UINT32_MAX);
	if (e->alert_options & ALERT_VERDICT)
		eve_verdict(j, pkt);
	eve_done(r, e, j, RECORD_TYPE_ALERT, a->rule->priority);
}

void eve_tagged(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt)
{
	eve_header(r, e, j, flow, pkt, DIR_PACKET, "packet", NULL);
	eve_packet(j, pkt, UINT32_MAX);
	eve_done(r, e, j, RECORD_TYPE_PACKET, 0);
}
