/* eve_flow.c - `flow` and `netflow` records, written when a flow has ended. */
#include <stdio.h>

#include "output/eve.h"
#include "stack/track/tcp.h"

static void flow_tcp(struct json *j, const struct flow *flow, uint8_t flags, bool both)
{
	static const struct { const char *name; uint8_t bit; } bits[] = {
		{ "syn", 2 }, { "fin", 1 }, { "rst", 4 }, { "psh", 8 }, { "ack", 16 }, { "urg", 32 }, { "ecn", 64 }, { "cwr", 128 },
	};

	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (flags & bits[i].bit)
			json_bool(j, bits[i].name, true);
	if (!both || flow->tcp == NULL)
		return;
	json_str(j, "state", tcp_state_name(flow->tcp->state));
	if (tcp_gap(flow->tcp, TO_SERVER))
		json_bool(j, "ts_gap", true);
	if (tcp_gap(flow->tcp, TO_CLIENT))
		json_bool(j, "tc_gap", true);
	json_uint(j, "ts_max_regions", tcp_regions_max(flow->tcp, TO_SERVER));
	json_uint(j, "tc_max_regions", tcp_regions_max(flow->tcp, TO_CLIENT));
}

static const char *flow_state_text(const struct flow *flow)
{
	static const char *const names[] = { "new", "established", "closed", "bypassed" };

	return flow->state < 4 ? names[flow->state] : "new";
}

static void flow_times(struct records *r, struct json *j, const struct flow *flow)
{
	eve_timestamp(r, j, "end", flow->last_ns);
	json_uint(j, "age", flow->last_ns / 1000000000 - flow->first_ns / 1000000000);
}

/* What it met that couldn't be followed, and what was done about it. */
static void flow_exceptions(struct records *r, struct json *j, const struct flow *flow)
{
	json_array(j, "exception_policy");
	for (unsigned target = 0; target < EXCEPTION_TARGETS; target++) {
		if (!(flow->exceptions & 1u << target))
			continue;
		json_object(j, NULL);
		json_str(j, "target", exception_target_names[target]);
		json_str(j, "policy", exception_policy_names[r->out->exceptions.policy[target]]);
		json_close(j);
	}
	json_close(j);
}

void eve_flow(struct records *r, struct eve *e, struct json *j, const struct flow *flow, uint64_t now_ns)
{
	static const char *const reasons[] = { "timeout", "forced", "shutdown", "tcp_reuse" };
	const struct analysis *a = analysis_of(flow);

	eve_header_flow(r, e, j, flow, now_ns, "flow");
	eve_app_proto(j, flow);
	json_object(j, "flow");
	eve_flow_counts(r, j, flow);
	flow_times(r, j, flow);
	if (flow->emergency)
		json_bool(j, "emergency", true);
	json_str(j, "state", flow_state_text(flow));
	json_str(j, "reason", flow->end < 4 ? reasons[flow->end] : "unknown");
	json_bool(j, "alerted", flow->alerted);
	if (flow->dropped)
		json_str(j, "action", "drop");
	else if (flow->pass)
		json_str(j, "action", "pass");
	else if (flow->state == FLOW_BYPASSED)
		json_str(j, "bypass", "local");
	if (a != NULL && a->tx_count != 0)
		json_uint(j, "tx_cnt", a->tx_count);
	if (flow->exceptions != 0 && e->flow_exceptions)
		flow_exceptions(r, j, flow);
	json_close(j);
	if (flow->key.proto == 6) {
		json_object(j, "tcp");
		json_printf(j, "tcp_flags", "%02x", flow->tcp_flags[0] | flow->tcp_flags[1]);
		json_printf(j, "tcp_flags_ts", "%02x", flow->tcp_flags[0]);
		json_printf(j, "tcp_flags_tc", "%02x", flow->tcp_flags[1]);
		flow_tcp(j, flow, flow->tcp_flags[0] | flow->tcp_flags[1], true);
		json_close(j);
	}
	eve_done(r, e, j, RECORD_TYPE_FLOW, 0);
}

static void netflow_side(struct records *r, struct eve *e, struct json *j, const struct flow *flow, uint64_t now_ns,
			 enum side side)
{
	const struct analysis *a = analysis_of(flow);
	struct flow turned = *flow;

	if (side == TO_CLIENT) {
		turned.key.addr[0] = flow->key.addr[1];
		turned.key.addr[1] = flow->key.addr[0];
		turned.key.port[0] = flow->key.port[1];
		turned.key.port[1] = flow->key.port[0];
		turned.icmp_type[0] = flow->icmp_type[1];
		turned.icmp_code[0] = flow->icmp_code[1];
		turned.icmp_seen[1] = false;
	}
	eve_header_flow(r, e, j, &turned, now_ns, "netflow");
	eve_app_proto(j, flow);
	json_object(j, "netflow");
	json_uint(j, "pkts", flow->pkts[side]);
	json_uint(j, "bytes", flow->bytes[side]);
	eve_timestamp(r, j, "start", flow->first_ns);
	eve_timestamp(r, j, "end", flow->last_ns);
	json_uint(j, "age", flow->last_ns / 1000000000 - flow->first_ns / 1000000000);
	json_uint(j, "min_ttl", flow->ttl_min[side]);
	json_uint(j, "max_ttl", flow->ttl_max[side]);
	if (a != NULL && a->tx_count != 0)
		json_uint(j, "tx_cnt", a->tx_count);
	json_close(j);
	if (flow->key.proto == 6) {
		json_object(j, "tcp");
		json_printf(j, "tcp_flags", "%02x", flow->tcp_flags[side]);
		flow_tcp(j, flow, flow->tcp_flags[side], false);
		json_close(j);
	}
	eve_done(r, e, j, RECORD_TYPE_NETFLOW, 0);
}

void eve_netflow(struct records *r, struct eve *e, struct json *j, const struct flow *flow, uint64_t now_ns)
{
	netflow_side(r, e, j, flow, now_ns, TO_SERVER);
	/* A direction that never spoke has no record. */
	if (flow->pkts[TO_CLIENT] != 0)
		netflow_side(r, e, j, flow, now_ns, TO_CLIENT);
}
