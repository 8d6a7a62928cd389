/* cookie.c - SYN cookies: when the queue of half-open connections is full, what a SYN said goes into the sequence number
 * of the answer, and comes back with the ACK. 24 bits of keyed hash with a minute counter, which also carry the MSS;
 * window scale, SACK and ECN in the low bits of the timestamp. */
#include "stack/host/tcp/tcp.h"

#define COUNTER_NS (60 * NS_PER_S)
#define AGE_MAX 2                       /* minutes that a cookie is good for */
#define TS_BITS 6
#define TS_NO_WSCALE 15u

static const uint16_t mss4[] = { 536, 1300, 1440, 1460 };
static const uint16_t mss6[] = { 1280 - 60, 1480 - 60, 1500 - 60, 9000 - 60 };

static uint32_t cookie_hash(struct tapir_host *h, const struct packet *pkt, uint32_t count, unsigned key)
{
	const uint64_t words[6] = {
		pkt->src.quads[0], pkt->src.quads[1], pkt->dst.quads[0], pkt->dst.quads[1],
		(uint64_t)pkt->src_port << 16 | pkt->dst_port, count,
	};

	return (uint32_t)hash_words(&tcp_of(h)->cookie_key[key], words, 6);
}

static uint32_t minute(const struct tapir_host *h)
{
	return (uint32_t)(h->now_ns / COUNTER_NS);
}

uint32_t tcp_cookie_make(struct tapir_host *h, const struct packet *pkt, uint16_t *mss)
{
	const uint16_t *table = pkt->ip_version == 4 ? mss4 : mss6;
	const uint32_t count = minute(h);
	unsigned i = 3;

	while (i > 0 && table[i] > *mss)
		i--;
	*mss = table[i];
	return cookie_hash(h, pkt, 0, 0) + pkt->seq + (count << 24) +
	       ((cookie_hash(h, pkt, count, 1) + i) & 0xffffff);
}

uint16_t tcp_cookie_check(struct tapir_host *h, const struct packet *pkt)
{
	const uint32_t count = minute(h);
	uint32_t cookie = pkt->ack - 1 - cookie_hash(h, pkt, 0, 0) - (pkt->seq - 1);
	const uint32_t age = (count - (cookie >> 24)) & 0xff;
	uint32_t i;

	if (age >= AGE_MAX)
		return 0;
	i = (cookie - cookie_hash(h, pkt, count - age, 1)) & 0xffffff;
	if (i > 3)
		return 0;
	return pkt->ip_version == 4 ? mss4[i] : mss6[i];
}

uint32_t tcp_cookie_ts(uint32_t now_ms, const struct tcp_request *r)
{
	uint32_t bits = r->wscale_ok ? r->snd_wscale : TS_NO_WSCALE, ts = now_ms;

	bits |= r->sack_ok ? 1u << 4 : 0;
	bits |= r->ecn_ok ? 1u << 5 : 0;
	ts = ts >> TS_BITS << TS_BITS | bits;
	/* Never from the future. */
	return seq_gt(ts, now_ms) ? ts - (1u << TS_BITS) : ts;
}

/* False: these options can't be, so the cookie is no good. */
bool tcp_cookie_ts_read(const struct tcp_tunables *u, uint32_t tsecr, struct tcp_request *r)
{
	const uint32_t wscale = tsecr & 15;

	r->sack_ok = tsecr >> 4 & 1;
	r->ecn_ok = tsecr >> 5 & 1;
	r->wscale_ok = wscale != TS_NO_WSCALE;
	r->snd_wscale = r->wscale_ok ? (uint8_t)wscale : 0;
	return u->timestamps && (!r->sack_ok || u->sack) && (!r->wscale_ok || u->window_scaling);
}
