/* tracker.c - one packet at a time: which flow, what it means for that flow, what became readable. */
#include "stack/track/tracker.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "stack/track/contest.h"
#include "stack/track/internal.h"

#define CSUM_SAMPLE 1000        /* packets after which "auto" decides */
#define CSUM_BAD_RATIO 10

const char *const track_drop_names[TRACK_DROPS] = {
	[TRACK_FOLLOWED] = "followed",
	[TRACK_FLOWLESS] = "flowless",
	[TRACK_FRAGMENT_HELD] = "fragment_held",
	[TRACK_NOT_IP] = "not_ip",
	[TRACK_INVALID] = "invalid",
	[TRACK_BAD_CHECKSUM] = "bad_checksum",
	[TRACK_NO_FLOW] = "no_flow",
	[TRACK_FRAGMENT_SHED] = "fragment_shed",
	[TRACK_DUPLICATE] = "duplicate",
};

int tracker_new(struct tracker **out, struct mem *mem, const struct conf *conf,
		const struct hash_key *key)
{
	struct tracker *t = calloc(1, sizeof(*t));
	int err;

	if (t == NULL)
		return -ENOMEM;
	err = track_config_read(&t->cfg, conf);
	if (err < 0)
		goto free_tracker;
	mirror_init(&t->mirror, conf);
	exceptions_read(&t->exceptions, conf, t->cfg.simulate_ips, t->cfg.midstream);
	err = flow_table_init(&t->table, mem, &t->cfg, key);
	if (err < 0)
		goto free_config;
	err = defrag_init(&t->defrag, mem, &t->cfg, key);
	if (err < 0)
		goto free_table;
	budget_init_class(&t->sessions, mem, MEM_SESSION, t->cfg.stream_memcap);
	tracker_watch(t, &t->sessions);
	budget_init_class(&t->stream, mem, MEM_STREAM, t->cfg.reassembly_memcap);
	t->pool.budget = &t->stream;
	t->pool.segments_max = t->cfg.segments_max;
	t->pool.depth = t->cfg.reassembly_depth;
	t->pool.urgent_gap = t->cfg.urgent == URGENT_GAP;
	if (t->cfg.passive_policies)
		os_hosts_init(&t->os_hosts, &t->stream, key);
	t->defrag.hosts = t->cfg.passive_policies ? &t->os_hosts : NULL;
	t->other = malloc(CONTEST_PIECE_MAX);
	if (t->other == NULL)
		goto free_defrag;
	*out = t;
	return 0;
free_defrag:
	defrag_fini(&t->defrag);
free_table:
	flow_table_fini(&t->table);
free_config:
	track_config_fini(&t->cfg);
free_tracker:
	free(t);
	return err;
}

void tracker_watch(struct tracker *t, const struct budget *b)
{
	must(t->table.watched_count < WATCHED_MAX);
	t->table.watched[t->table.watched_count++] = b;
}

void tracker_free(struct tracker *t)
{
	struct flow *f;

	if (t == NULL)
		return;
	flow_table_finish(&t->table, FLOW_END_SHUTDOWN);
	while ((f = flow_table_ended(&t->table)) != NULL)
		tracker_release(t, f);
	flow_table_fini(&t->table);
	defrag_fini(&t->defrag);
	os_hosts_fini(&t->os_hosts);
	track_config_fini(&t->cfg);
	free(t->other);
	free(t);
}

/* Suricata's "auto": where more than a tenth of a capture's first packets have bad sums, it was taken
 * where sums aren't filled in yet, and they say nothing. */
static bool checksum_bad(struct tracker *t, struct packet *pkt)
{
	bool bad;

	if (!t->cfg.checksum_validation || t->csum_off)
		return false;
	bad = !packet_check_ip(pkt) || (!(pkt->flags & PACKET_FRAGMENT) && !packet_check_l4(pkt));
	if (t->cfg.checksum_auto && t->csum_seen <= CSUM_SAMPLE) {
		t->csum_seen++;
		t->csum_bad += bad;
		if (t->csum_seen == CSUM_SAMPLE && t->csum_bad * CSUM_BAD_RATIO > CSUM_SAMPLE) {
			t->csum_off = true;
			return false;
		}
	}
	return bad;
}

static void note_ttl(struct flow *flow, const struct packet *pkt)
{
	uint8_t *min = &flow->ttl_min[pkt->side], *max = &flow->ttl_max[pkt->side];

	if (flow->pkts[pkt->side] == 1) {
		*min = *max = pkt->ttl;
		return;
	}
	if (pkt->ttl < *min)
		*min = pkt->ttl;
	if (pkt->ttl > *max)
		*max = pkt->ttl;
}

static bool is_icmp(const struct packet *pkt)
{
	return pkt->proto == (pkt->ip_version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static bool is_icmp4_error(const struct packet *pkt)
{
	return pkt->ip_version == 4 && pkt->proto == IPPROTO_ICMP &&
	       (pkt->icmp_type == 3 || pkt->icmp_type == 4 || pkt->icmp_type == 5 ||
		pkt->icmp_type == 11 || pkt->icmp_type == 12);
}

/* Counters and the flow's state as far as it doesn't depend on TCP. */
static void flow_update(struct tracker *t, struct flow *flow, struct packet *pkt)
{
	uint8_t s;

	flow_touch(&t->table, flow, pkt->time_ns);
	s = pkt->side = (uint8_t)flow_side(flow, pkt);
	flow->pkts[s]++;
	flow->bytes[s] += pkt->flags & PACKET_REASSEMBLED ? pkt->wire_len : pkt->len;
	note_ttl(flow, pkt);
	if (!is_icmp4_error(pkt))
		flow->seen |= (uint8_t)(1 << s);
	if (pkt->eth != NULL && !flow->has_eth) {
		memcpy(flow->eth[s], pkt->eth + 6, 6);
		memcpy(flow->eth[!s], pkt->eth, 6);
		flow->has_eth = true;
	}
	if (is_icmp(pkt) && !flow->icmp_seen[s]) {
		flow->icmp_seen[s] = true;
		flow->icmp_type[s] = pkt->icmp_type;
		flow->icmp_code[s] = pkt->icmp_code;
	}
	if (flow->state == FLOW_ESTABLISHED) {
		pkt->flags |= PACKET_ESTABLISHED;
	} else if (flow->key.proto == IPPROTO_TCP) {
		if (flow->tcp != NULL && flow->tcp->state >= TCP_ESTABLISHED)
			pkt->flags |= PACKET_ESTABLISHED;
	} else if (flow->seen == 3) {
		pkt->flags |= PACKET_ESTABLISHED;
		flow_state_set(&t->table, flow, FLOW_ESTABLISHED);
	}
	if (flow->dropped)
		pkt->flags |= PACKET_WOULD_DROP;
}

static struct flow *flow_create(struct tracker *t, const struct flow_lookup *l,
				const struct packet *pkt)
{
	struct flow *flow = flow_table_add(&t->table, l, pkt);

	if (flow == NULL)
		return NULL;
	mirror_begins(&t->mirror, pkt);
	switch (flow->key.proto) {
	case IPPROTO_TCP:
		t->stats.flows_tcp++;
		break;
	case IPPROTO_UDP:
		t->stats.flows_udp++;
		break;
	case IPPROTO_ICMP:
		t->stats.flows_icmpv4++;
		break;
	case IPPROTO_ICMPV6:
		t->stats.flows_icmpv6++;
		break;
	default:
		t->stats.flows_other++;
		break;
	}
	return flow;
}

static bool is_syn(const struct packet *pkt)
{
	return (pkt->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

/* A packet in the middle of a connection that we don't know: may it be followed, as the policy says? */
static bool midstream_follows(struct tracker *t, struct flow *flow, struct packet *pkt)
{
	uint8_t policy = t->exceptions.policy[EXCEPTION_MIDSTREAM];

	if ((pkt->tcp_flags & TCP_RST) || is_syn(pkt) || !(pkt->tcp_flags & (TCP_ACK | TCP_FIN)))
		return true;
	exception_apply(&t->exceptions, EXCEPTION_MIDSTREAM, flow, pkt);
	return policy == EXCEPTION_IGNORE || policy == EXCEPTION_PASS_FLOW;
}

static struct flow *follow(struct tracker *t, struct packet *pkt, enum track_drop *why)
{
	struct flow_lookup lookup;
	struct flow *flow;
	uint8_t events = pkt->event_count;
	uint64_t shed;

	*why = TRACK_FLOWLESS;
	if (!flow_lookup_init(&t->table, &lookup, pkt))
		return NULL;
	if (unlikely(mirror_repeats(&t->mirror, &lookup, pkt))) {
		*why = TRACK_DUPLICATE;
		return NULL;
	}
	flow = flow_table_find(&t->table, &lookup, pkt->time_ns);
	if (flow != NULL && pkt->proto == IPPROTO_TCP && tcp_reuses(t, flow, pkt)) {
		flow_table_end(&t->table, flow, FLOW_END_TCP_REUSE);
		pkt->tcp_notes |= TCP_NOTE_REUSE;
		flow = NULL;
	}
	if (flow == NULL) {
		if (!lookup.creates)
			return NULL;
		flow = flow_create(t, &lookup, pkt);
		if (flow == NULL) {
			*why = TRACK_NO_FLOW;
			exception_apply(&t->exceptions, EXCEPTION_FLOW_MEMCAP, NULL, pkt);
			return NULL;
		}
	}
	*why = TRACK_FOLLOWED;
	flow_update(t, flow, pkt);
	if (pkt->proto != IPPROTO_TCP || flow->key.proto != IPPROTO_TCP || flow->dropped ||
	    flow->state == FLOW_BYPASSED)
		return flow;            /* what is dropped does not reach the receiver */
	if (checksum_bad(t, pkt)) {
		t->stats.tcp_bad_checksum++;
		return flow;
	}
	if (flow->tcp == NULL && !midstream_follows(t, flow, pkt))
		return flow;
	shed = t->pool.shed;
	tcp_packet(t, flow, pkt);
	if (pkt->event_count > events)
		pkt->tcp_notes |= TCP_NOTE_EVENT;
	if (unlikely(t->pool.shed != shed))
		exception_apply(&t->exceptions, EXCEPTION_REASSEMBLY, flow, pkt);
	else if (unlikely(flow->tcp == NULL && is_syn(pkt)))
		exception_apply(&t->exceptions, EXCEPTION_SSN_MEMCAP, flow, pkt);
	return flow;
}

static enum track_drop fragment(struct tracker *t, struct packet *pkt)
{
	t->defrag.out_len = 0;
	if (checksum_bad(t, pkt))
		return TRACK_BAD_CHECKSUM;
	switch (defrag_add(&t->defrag, pkt)) {
	case DEFRAG_HELD:
	case DEFRAG_DONE:
		return TRACK_FRAGMENT_HELD;
	default:
		exception_apply(&t->exceptions, EXCEPTION_DEFRAG_MEMCAP, NULL, pkt);
		return TRACK_FRAGMENT_SHED;
	}
}

void tracker_frame(struct tracker *t, const struct frame *frame)
{
	mirror_frame(&t->mirror, frame);
}

struct flow *tracker_packet(struct tracker *t, struct packet *pkt, enum track_drop *why)
{
	struct flow *flow = NULL;

	stream_settle(&t->pool);
	if (pkt->flags & PACKET_INVALID)
		*why = TRACK_INVALID;
	else if (pkt->ip_version == 0)
		*why = TRACK_NOT_IP;
	else if (pkt->flags & PACKET_FRAGMENT)
		*why = fragment(t, pkt);
	else
		flow = follow(t, pkt, why);
	t->stats.packets[*why]++;
	return flow;
}

bool tracker_datagram(struct tracker *t, const struct packet *pkt, const struct packet_config *cfg,
		      struct packet_set *set)
{
	set->count = 0;
	if (t->defrag.out_len == 0)
		return false;
	packet_decode_datagram(set, pkt, t->defrag.out, t->defrag.out_len, cfg);
	/* Suricata's records count an IPv6 datagram with its link header, an IPv4 one without. */
	if (pkt->ip_version == 6 && pkt->depth == 0)
		set->pkts[0].wire_len += (uint32_t)(pkt->ip - pkt->data);
	t->defrag.out_len = 0;
	return true;
}

void tracker_turn(struct tracker *t, struct flow *flow, struct packet *pkt)
{
	stream_settle(&t->pool);
	flow_swap(flow);
	pkt->side = (uint8_t)other_side(pkt->side);
	if (flow->tcp != NULL)
		tcp_turn(flow->tcp);
}

void tracker_bypass(struct tracker *t, struct flow *flow)
{
	stream_ignore(t, flow, TO_SERVER);
	stream_ignore(t, flow, TO_CLIENT);
	flow_state_set(&t->table, flow, FLOW_BYPASSED);
}

void tracker_prefetch(struct tracker *t, struct packet *pkt)
{
	struct flow_lookup lookup;

	if (pkt->ip_version == 0 || !flow_lookup_init(&t->table, &lookup, pkt))
		return;
	pkt->flow_hash = lookup.hash;
	flow_table_prefetch(&t->table, lookup.hash);
}

void tracker_prefetch_flow(struct tracker *t, const struct packet *pkt)
{
	if (pkt->flow_hash != 0)
		flow_table_prefetch_flow(&t->table, pkt->flow_hash);
}

void tracker_exception(struct tracker *t, enum exception_target target, struct flow *flow, struct packet *pkt)
{
	exception_apply(&t->exceptions, target, flow, pkt);
}

void tracker_advance(struct tracker *t, uint64_t now_ns)
{
	flow_table_advance(&t->table, now_ns);
	defrag_expire(&t->defrag, now_ns);
}

void tracker_finish(struct tracker *t, enum flow_end reason)
{
	stream_settle(&t->pool);
	flow_table_finish(&t->table, reason);
}

struct flow *tracker_ended(struct tracker *t)
{
	struct flow *flow = flow_table_ended(&t->table);

	if (flow != NULL) {
		tcp_end(t, flow);
		mirror_ends(&t->mirror, flow);
	}
	return flow;
}

void tracker_release(struct tracker *t, struct flow *flow)
{
	stream_settle(&t->pool);
	tcp_release(t, flow);
	flow_table_release(&t->table, flow);
}

bool stream_pull(struct tracker *t, struct flow *flow, enum side side, struct piece *out)
{
	struct tcp_conn *c = flow->tcp;
	struct tcp_dir *d;
	bool is_gap;

	if (c == NULL)
		return false;
	d = &c->dir[side];
	if (d->flags & DIR_IGNORED)
		return false;
	out->offset = d->offset;
	out->other = NULL;
	if (stream_next(&t->pool, d, &out->data, &out->len, &is_gap)) {
		out->kind = is_gap ? PIECE_GAP : PIECE_DATA;
		if (unlikely(c->contests != NULL) && !is_gap)
			out->other = contest_other(t, c, side, d->pos - out->len, out->data, out->len);
		return true;
	}
	/* Suricata tells parsers of an end when both directions have one: records stand at the same packet then. */
	if (!(d->flags & DIR_ENDED) || (d->flags & DIR_END_GIVEN) || (c->state != TCP_CLOSED && !(c->flags & CONN_ENDED)))
		return false;
	d->flags |= DIR_END_GIVEN;
	*out = (struct piece){ .kind = PIECE_END, .offset = d->offset };
	return true;
}

uint64_t stream_acked(const struct flow *flow, enum side side)
{
	const struct tcp_conn *c = flow->tcp;
	const struct tcp_dir *d;
	int64_t acked;

	if (c == NULL || (c->flags & (CONN_ENDED | CONN_ASYNC | CONN_INLINE)))
		return UINT64_MAX;
	d = &c->dir[side];
	acked = (int64_t)d->offset + (int32_t)(c->view[side].last_ack - d->pos);
	return acked < 0 ? 0 : (uint64_t)acked;
}

uint64_t stream_offset(const struct flow *flow, enum side side)
{
	return flow->tcp != NULL ? flow->tcp->dir[side].offset : 0;
}

void stream_ignore(struct tracker *t, struct flow *flow, enum side side)
{
	if (flow->tcp == NULL)
		return;
	stream_drop(&t->pool, &flow->tcp->dir[side]);
	flow->tcp->dir[side].flags |= DIR_IGNORED;
}

bool stream_depth_reached(const struct flow *flow, enum side side)
{
	return flow->tcp != NULL && (flow->tcp->dir[side].flags & DIR_DEPTH);
}

void tracker_stats(const struct tracker *t, struct tracker_stats *out)
{
	*out = t->stats;
	memcpy(out->exceptions, t->exceptions.applied, sizeof(out->exceptions));
	memcpy(out->exception_policies, t->exceptions.policy, sizeof(out->exception_policies));
	out->flows_total = t->table.total;
	out->flows_active = t->table.count;
	memcpy(out->flows_ended, t->table.ended_by, sizeof(out->flows_ended));
	out->evicted = t->table.evicted;
	out->emergency_entered = t->table.emergency_entered;
	out->os_learned = t->os_hosts.learned;
	out->tcp_gaps = t->pool.gaps;
	out->mirror = t->mirror.stats;
	out->mirror.gaps = t->pool.gaps;
	out->mirror.lost_bytes = t->pool.lost_bytes;
	out->tcp_overlaps = t->pool.overlaps;
	out->tcp_overlaps_differing = t->pool.overlaps_differing;
	out->tcp_segments_shed = t->pool.shed;
	out->tcp_queues_shed = t->pool.queues_shed;
	out->tcp_session_denied = t->sessions.denied;
	memcpy(out->evicted_by, t->table.evicted_by, sizeof(out->evicted_by));
	out->frag_ipv4 = t->defrag.fragments[0];
	out->frag_ipv6 = t->defrag.fragments[1];
	out->frag_reassembled4 = t->defrag.done[0];
	out->frag_reassembled6 = t->defrag.done[1];
	out->frag_timeouts4 = t->defrag.timeouts[0];
	out->frag_timeouts6 = t->defrag.timeouts[1];
	out->frag_shed = t->defrag.shed;
	out->frag_overlaps = t->defrag.overlaps;
	out->defrag = t->defrag.budget;
	out->flow = t->table.budget;
	out->session = t->sessions;
	out->stream = t->stream;
}
