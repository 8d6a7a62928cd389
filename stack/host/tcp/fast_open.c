/* fast_open.c - TCP Fast Open (RFC 7413): cookies that we give to clients, a keyed hash of both addresses; and those
 * that servers gave us, the last 64 of them. */
#include "stack/host/tcp/tcp.h"

void tcp_fast_open_cookie(struct tapir_host *h, const struct binding *b, uint8_t out[TCP_FAST_OPEN_COOKIE])
{
	const uint64_t words[4] = { b->local.quads[0], b->local.quads[1], b->remote.quads[0], b->remote.quads[1] };

	store_be64(out, hash_words(&tcp_of(h)->fast_open_key, words, 4));
}

struct tcp_fast_open_entry *tcp_fast_open_find(struct tapir_host *h, uint8_t version, const struct ip_addr *addr)
{
	struct tcp *t = tcp_of(h);

	for (unsigned i = 0; i < TCP_FAST_OPEN_CACHE; i++)
		if (t->fast_open[i].version == version && ip_addr_eq(&t->fast_open[i].addr, addr))
			return &t->fast_open[i];
	return NULL;
}

void tcp_fast_open_note(struct tapir_host *h, uint8_t version, const struct ip_addr *addr, struct slice cookie,
			uint16_t mss)
{
	struct tcp *t = tcp_of(h);
	struct tcp_fast_open_entry *e = tcp_fast_open_find(h, version, addr);

	if (cookie.len > sizeof(e->cookie))
		return;
	if (e == NULL) {
		e = &t->fast_open[t->fast_open_at];
		t->fast_open_at = (t->fast_open_at + 1) % TCP_FAST_OPEN_CACHE;
	}
	*e = (struct tcp_fast_open_entry){ .addr = *addr, .version = version, .mss = mss, .len = (uint8_t)cookie.len };
	if (cookie.len)
		memcpy(e->cookie, cookie.data, cookie.len);
}
