/* exception.c - from configuration to policies, and from policies to marks on packets and flows. */
#include "stack/track/exception.h"

#include <string.h>

#include "base/must.h"

const char *const exception_policy_names[EXCEPTION_POLICIES] = {
	[EXCEPTION_IGNORE] = "ignore",           [EXCEPTION_PASS_PACKET] = "pass_packet",
	[EXCEPTION_PASS_FLOW] = "pass_flow",     [EXCEPTION_BYPASS] = "bypass",
	[EXCEPTION_DROP_PACKET] = "drop_packet", [EXCEPTION_DROP_FLOW] = "drop_flow",
	[EXCEPTION_REJECT] = "reject",
};

const char *const exception_target_stats[EXCEPTION_TARGETS] = {
	[EXCEPTION_MIDSTREAM] = "tcp.midstream",      [EXCEPTION_SSN_MEMCAP] = "tcp.ssn_memcap",
	[EXCEPTION_REASSEMBLY] = "tcp.reassembly",    [EXCEPTION_FLOW_MEMCAP] = "flow.memcap",
	[EXCEPTION_DEFRAG_MEMCAP] = "defrag.memcap",  [EXCEPTION_APP_ERROR] = "app_layer.error",
};

const char *const exception_target_names[EXCEPTION_TARGETS] = {
	[EXCEPTION_MIDSTREAM] = "stream_midstream",   [EXCEPTION_SSN_MEMCAP] = "stream_memcap",
	[EXCEPTION_REASSEMBLY] = "stream_reassembly", [EXCEPTION_FLOW_MEMCAP] = "flow_memcap",
	[EXCEPTION_DEFRAG_MEMCAP] = "defrag_memcap",  [EXCEPTION_APP_ERROR] = "app_layer_error",
};

static const char *const keys[EXCEPTION_TARGETS] = {
	[EXCEPTION_MIDSTREAM] = "stream.midstream-policy",
	[EXCEPTION_SSN_MEMCAP] = "stream.memcap-policy",
	[EXCEPTION_REASSEMBLY] = "stream.reassembly.memcap-policy",
	[EXCEPTION_FLOW_MEMCAP] = "flow.memcap-policy",
	[EXCEPTION_DEFRAG_MEMCAP] = "defrag.memcap-policy",
	[EXCEPTION_APP_ERROR] = "app-layer.error-policy",
};

static const uint8_t drop_reasons[EXCEPTION_TARGETS] = {
	[EXCEPTION_MIDSTREAM] = DROP_REASON_STREAM_MIDSTREAM, [EXCEPTION_SSN_MEMCAP] = DROP_REASON_STREAM_MEMCAP,
	[EXCEPTION_REASSEMBLY] = DROP_REASON_STREAM_REASSEMBLY, [EXCEPTION_FLOW_MEMCAP] = DROP_REASON_FLOW_MEMCAP,
	[EXCEPTION_DEFRAG_MEMCAP] = DROP_REASON_DEFRAG_MEMCAP, [EXCEPTION_APP_ERROR] = DROP_REASON_APPLAYER_ERROR,
};

/* A flow's memory or its datagram is missing: there is no flow to act on. */
static bool has_flow(unsigned target)
{
	return target != EXCEPTION_FLOW_MEMCAP && target != EXCEPTION_DEFRAG_MEMCAP;
}

/* "auto" is decided by what the run is: inline, what can't be followed is stopped. */
static uint8_t policy_auto(const struct exceptions *e, unsigned target, bool midstream)
{
	if (!e->inline_mode || (target == EXCEPTION_MIDSTREAM && midstream))
		return EXCEPTION_IGNORE;
	return has_flow(target) ? EXCEPTION_DROP_FLOW : EXCEPTION_DROP_PACKET;
}

static uint8_t policy_for_packets(uint8_t policy)
{
	switch (policy) {
	case EXCEPTION_DROP_FLOW:
		return EXCEPTION_DROP_PACKET;
	case EXCEPTION_PASS_FLOW:
		return EXCEPTION_PASS_PACKET;
	case EXCEPTION_BYPASS:
		return EXCEPTION_IGNORE;
	default:
		return policy;
	}
}

static bool policy_parse(const char *text, uint8_t *out)
{
	for (unsigned i = 0; i < EXCEPTION_POLICIES; i++) {
		const char *name = exception_policy_names[i];
		size_t k = 0;

		while (name[k] != '\0' && (text[k] == name[k] || (name[k] == '_' && text[k] == '-')))
			k++;
		if (name[k] == '\0' && text[k] == '\0') {
			*out = (uint8_t)i;
			return true;
		}
	}
	return false;
}

void exceptions_read(struct exceptions *e, const struct conf *conf, bool inline_mode, bool midstream)
{
	const char *master = conf_str(conf, "exception-policy", "auto");

	e->inline_mode = inline_mode;
	for (unsigned t = 0; t < EXCEPTION_TARGETS; t++) {
		const char *own = conf_str(conf, keys[t], NULL);
		uint8_t policy = EXCEPTION_IGNORE;

		/* For all at once it has a meaning inline only. */
		if (own != NULL ? !policy_parse(own, &policy) : !inline_mode || !policy_parse(master, &policy))
			policy = policy_auto(e, t, midstream);
		if (own == NULL && t == EXCEPTION_MIDSTREAM && midstream && policy != EXCEPTION_PASS_FLOW)
			policy = EXCEPTION_IGNORE;
		e->policy[t] = has_flow(t) ? policy : policy_for_packets(policy);
	}
}

static void drop(struct exceptions *e, enum exception_target target, struct flow *flow, struct packet *pkt, bool whole)
{
	if (!e->inline_mode)
		return;
	if (whole && flow != NULL)
		flow->dropped = flow->dropped_by_policy = true;
	pkt->flags |= PACKET_WOULD_DROP | PACKET_NO_INSPECT | PACKET_NO_PAYLOAD_INSPECT;
	if (pkt->drop_reason == DROP_REASON_NONE)
		pkt->drop_reason = drop_reasons[target];
}

void exception_apply(struct exceptions *e, enum exception_target target, struct flow *flow, struct packet *pkt)
{
	uint8_t policy = e->policy[target];

	e->applied[target][policy]++;
	if (flow != NULL)
		flow->exceptions |= (uint8_t)(1u << target);
	switch (policy) {
	case EXCEPTION_DROP_PACKET:
		drop(e, target, flow, pkt, false);
		break;
	case EXCEPTION_DROP_FLOW:
	case EXCEPTION_REJECT:
		drop(e, target, flow, pkt, true);
		break;
	case EXCEPTION_BYPASS:
		if (flow != NULL)
			flow->no_inspect = true;
		/* fallthrough */
	case EXCEPTION_PASS_FLOW:
		if (flow != NULL)
			flow->pass = true;
		/* fallthrough */
	case EXCEPTION_PASS_PACKET:
		pkt->flags |= PACKET_NO_INSPECT | PACKET_NO_PAYLOAD_INSPECT;
		break;
	default:
		break;
	}
}
