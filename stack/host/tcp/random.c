/* random.c - numbers nobody else can guess: initial sequence numbers (RFC 6528: a clock of 64 ns ticks, plus a keyed hash of
 * the four), and timestamps that start somewhere else for each pair of hosts (RFC 7323 5.4). */
#include "stack/host/tcp/tcp.h"

uint32_t tcp_isn(struct tapir_host *h, const struct binding *b)
{
	const uint64_t words[5] = {
		b->local.quads[0], b->local.quads[1], b->remote.quads[0], b->remote.quads[1],
		(uint64_t)b->local_port << 16 | b->remote_port,
	};

	return (uint32_t)hash_words(&tcp_of(h)->isn_key, words, 5) + (uint32_t)(h->now_ns >> 6);
}

uint32_t tcp_ts_offset(struct tapir_host *h, const struct binding *b)
{
	const uint64_t words[4] = { b->local.quads[0], b->local.quads[1], b->remote.quads[0], b->remote.quads[1] };

	return tcp_of(h)->tune.timestamps == 1 ? (uint32_t)hash_words(&tcp_of(h)->ts_key, words, 4) : 0;
}
