/* mirror.c - see mirror.h.
 *
 * Duplicates. A switch that mirrors two ports, or both directions of one, delivers a packet twice within moments:
 * the same IP identification, checksum, sequence numbers; only VLAN and TTL may differ. A host's retransmission
 * has a new identification. The last packets are kept in a small table, each in the one slot its words choose.
 * Two of a kind alone prove nothing (a flood may repeat one packet for ever), so a packet counts as evidence when
 * it was seen exactly twice; where that is a fifth of all, the mirror is bad and second copies are left out.
 *
 * Asymmetric VLANs. When a flow begins, its tuple is looked up without tags among the flows that began last: the
 * same tuple from the other side with other tags is the other half of one conversation. */
#include "stack/track/mirror.h"

#include <netinet/in.h>
#include <string.h>

#include "base/must.h"
#include "base/reader.h"
#include "stack/track/tcp.h"

#define NS_PER_MS ((uint64_t)1000000)
#define STEP_NS (3600u * (uint64_t)1000000000)
#define REPEAT_NS (50 * NS_PER_MS)
#define REPEAT6_NS (2 * NS_PER_MS)      /* IPv6 has no identification: a retransmission may look the same */
#define TUPLE_NS (3000 * NS_PER_MS)
#define SAMPLE 256                      /* packets between two decisions */
#define DOUBLED_PERCENT 20              /* of them seen exactly twice */
#define SINGLE_PERCENT 4
#define GIANT_LEN 9216                  /* jumbo frames end here */
#define ONE_WAY_PACKETS 3

void mirror_init(struct mirror *m, const struct conf *conf)
{
	const char *text = conf_str(conf, "mirror.duplicates", "auto");

	memset(m, 0, sizeof(*m));
	m->policy = strcmp(text, "drop") == 0 ? DUPLICATES_DROP : strcmp(text, "follow") == 0 ? DUPLICATES_FOLLOW
											     : DUPLICATES_AUTO;
}

void mirror_frame(struct mirror *m, const struct frame *frame)
{
	m->stats.frames_cut += frame->len < frame->wire_len;
	m->stats.frames_giant += frame->wire_len > GIANT_LEN;
	if (unlikely(frame->flags & FRAME_TIME_BACK))
		m->stats.time_backward++;
	else if (unlikely(m->newest_ns != 0 && frame->time_ns > m->newest_ns + STEP_NS))
		m->stats.time_steps++;
	if (frame->time_ns > m->newest_ns)
		m->newest_ns = frame->time_ns;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	a = (a ^ b) * 0x9e3779b97f4a7c15u;
	return a ^ a >> 29;
}

/* What tells one packet from the next of its flow. False where nothing does. */
static bool packet_words(const struct flow_lookup *l, const struct packet *pkt, uint64_t words[2])
{
	uint64_t sum;

	if (pkt->l4 == NULL || (pkt->flags & (PACKET_REASSEMBLED | PACKET_TRUNCATED)))
		return false;
	if (pkt->proto == IPPROTO_TCP)
		sum = load_be16(pkt->l4 + 16);
	else if (pkt->proto == IPPROTO_UDP)
		sum = load_be16(pkt->l4 + 6);
	else
		return false;
	if (pkt->ip_version == 4 ? pkt->frag_id == 0 : pkt->proto != IPPROTO_TCP)
		return false;
	/* The hash takes VLANs in where they are tracked by: a copy with other tags is another flow's, then. */
	words[0] = (uint64_t)l->hash << 32 | (pkt->frag_id & 0xffff) << 16 | sum;
	words[1] = (uint64_t)pkt->seq << 32 | (pkt->ack ^ (uint32_t)pkt->src_port << 16 ^ pkt->tcp_flags);
	return true;
}

static void decide(struct mirror *m)
{
	if (m->pairs * 100 >= SAMPLE * DOUBLED_PERCENT)
		m->doubled = true;
	else if (m->pairs * 100 < SAMPLE * SINGLE_PERCENT)
		m->doubled = false;
	m->sampled = m->pairs = 0;
}

bool mirror_repeats(struct mirror *m, const struct flow_lookup *l, const struct packet *pkt)
{
	struct seen_packet *s;
	uint64_t words[2];

	if (!packet_words(l, pkt, words))
		return false;
	s = &m->seen[mix(words[0], words[1]) >> 32 & (MIRROR_SEEN - 1)];
	m->stats.packets_compared++;
	if (++m->sampled >= SAMPLE)
		decide(m);
	if (likely(s->words[0] != words[0] || s->words[1] != words[1] ||
		   pkt->time_ns > s->time_ns + (pkt->ip_version == 4 ? REPEAT_NS : REPEAT6_NS))) {
		*s = (struct seen_packet){ .words = { words[0], words[1] }, .time_ns = pkt->time_ns, .times = 1 };
		return false;
	}
	if (s->times == 1) {
		m->pairs++;
		m->stats.frames_duplicate++;
	} else if (s->times == 2) {             /* not a mirror's doing after all */
		m->pairs -= m->pairs > 0;
		m->stats.frames_duplicate--;
	}
	s->times += s->times < 3;
	return s->times == 2 && (m->policy == DUPLICATES_DROP || (m->policy == DUPLICATES_AUTO && m->doubled));
}

/* Whatever the direction and the tags. */
static uint64_t tuple_of(const struct packet *pkt)
{
	uint64_t t = pkt->src.quads[0] ^ pkt->dst.quads[0];

	t = mix(t, pkt->src.quads[1] ^ pkt->dst.quads[1]);
	return mix(t, (uint64_t)pkt->proto << 48 | (uint64_t)pkt->src_port * pkt->dst_port);
}

void mirror_begins(struct mirror *m, const struct packet *pkt)
{
	bool tcp = pkt->proto == IPPROTO_TCP;
	uint16_t low = (uint16_t)(pkt->src_port ^ pkt->src.words[0] ^ pkt->src.words[3]);
	struct seen_tuple *s;
	uint64_t tuple;

	if (tcp && !(pkt->tcp_flags & (TCP_SYN | TCP_RST)))
		m->stats.flows_midstream++;
	if (!tcp && pkt->proto != IPPROTO_UDP)
		return;
	tuple = tuple_of(pkt);
	s = &m->tuples[tuple >> 32 & (MIRROR_TUPLES - 1)];
	if (s->tuple == tuple && pkt->time_ns <= s->time_ns + TUPLE_NS && s->src_low != low &&
	    (s->tagged != (pkt->vlan_count > 0) || s->vlan != pkt->vlan[0])) {
		m->stats.flows_vlan_asymmetric++;
		s->tuple = 0;
		return;
	}
	*s = (struct seen_tuple){ .tuple = tuple, .time_ns = pkt->time_ns, .vlan = pkt->vlan[0], .src_low = low,
				  .tagged = pkt->vlan_count > 0 };
}

void mirror_ends(struct mirror *m, const struct flow *flow)
{
	bool silent = flow->pkts[TO_SERVER] == 0 || flow->pkts[TO_CLIENT] == 0;

	/* An ACK says that somebody answers, and there are more packets than a scan's. */
	if (flow->key.proto == IPPROTO_TCP && silent && ((flow->tcp_flags[0] | flow->tcp_flags[1]) & TCP_ACK) &&
	    flow->pkts[TO_SERVER] + flow->pkts[TO_CLIENT] >= ONE_WAY_PACKETS)
		m->stats.flows_one_way++;
}
