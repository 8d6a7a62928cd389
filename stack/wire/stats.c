/* stats.c - see stats.h. */
#include "stack/wire/stats.h"

static const char *const names[WIRE_COUNTER_COUNT] = {
#define X(id, name) [WIRE_##id] = name,
	WIRE_COUNTERS(X)
#undef X
};

const char *wire_counter_name(unsigned counter)
{
	return counter < WIRE_COUNTER_COUNT ? names[counter] : NULL;
}

void wire_stats_events(struct wire_stats *s, const struct packet *p)
{
	for (unsigned i = 0; i < p->event_count; i++)
		if (p->events[i] < DECODE_EVENTS)
			s->events[p->events[i]]++;
}

static bool is_maximum(unsigned counter)
{
	return counter == WIRE_MAX_PKT_SIZE || counter == WIRE_MAX_MAC_ADDRS_SRC ||
	       counter == WIRE_MAX_MAC_ADDRS_DST;
}

void wire_stats_add(struct wire_stats *total, const struct wire_stats *one)
{
	for (unsigned i = 0; i < WIRE_COUNTER_COUNT; i++) {
		if (!is_maximum(i))
			total->count[i] += one->count[i];
		else if (one->count[i] > total->count[i])
			total->count[i] = one->count[i];
	}
	for (unsigned i = 0; i < DECODE_EVENTS; i++)
		total->events[i] += one->events[i];
}

void wire_stats_finish(struct wire_stats *total)
{
	const uint64_t pkts = total->count[WIRE_PKTS];

	total->count[WIRE_AVG_PKT_SIZE] = pkts ? total->count[WIRE_BYTES] / pkts : 0;
}
