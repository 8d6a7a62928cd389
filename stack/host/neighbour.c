/* neighbour.c - see neighbour.h. */
#include "stack/host/neighbour.h"

#include <errno.h>
#include <string.h>

#include "stack/host/icmp.h"
#include "stack/host/internal.h"
#include "stack/wire/ethernet.h"

#define BUCKETS_MIN 64
#define BUCKETS_MAX 16384
#define FORGET_FAILED_NS (5 * NS_PER_S)

static struct neighbour_state *state_of(const struct tapir_host *h)
{
	return h->state[HOST_NEIGHBOUR];
}

static uint32_t bucket_of(const struct tapir_host *h, const struct netif *nif, uint8_t version,
			  const struct ip_addr *addr)
{
	const uint64_t words[3] = { addr->quads[0], addr->quads[1], (uint64_t)nif->index << 8 | version };

	return (uint32_t)hash_words(&h->key, words, 3) & (state_of(h)->bucket_count - 1);
}

struct neighbour *neighbour_find(struct tapir_host *h, const struct netif *nif, uint8_t version,
				 const struct ip_addr *addr)
{
	struct neighbour *n = state_of(h)->buckets[bucket_of(h, nif, version, addr)];

	while (n != NULL && (n->netif != nif || n->version != version || !ip_addr_eq(&n->addr, addr)))
		n = n->hash_next;
	return n;
}

/* ---- in the order of use ---- */

static void order_out(struct neighbour_state *s, struct neighbour *n)
{
	if (n->newer != NULL)
		n->newer->older = n->older;
	else
		s->newest = n->older;
	if (n->older != NULL)
		n->older->newer = n->newer;
	else
		s->oldest = n->newer;
}

static void order_newest(struct neighbour_state *s, struct neighbour *n)
{
	n->newer = NULL;
	n->older = s->newest;
	if (s->newest != NULL)
		s->newest->newer = n;
	else
		s->oldest = n;
	s->newest = n;
}

static void order_oldest(struct neighbour_state *s, struct neighbour *n)
{
	n->older = NULL;
	n->newer = s->oldest;
	if (s->oldest != NULL)
		s->oldest->older = n;
	else
		s->newest = n;
	s->oldest = n;
}

/* Static entries stand in no order: nothing pushes them out. */
static void used(struct neighbour_state *s, struct neighbour *n)
{
	if (n->status == NEIGHBOUR_STATIC || s->newest == n)
		return;
	order_out(s, n);
	order_newest(s, n);
}

static void status_set(struct neighbour_state *s, struct neighbour *n, enum neighbour_status status)
{
	s->incomplete -= n->status == NEIGHBOUR_INCOMPLETE;
	s->incomplete += status == NEIGHBOUR_INCOMPLETE;
	n->status = (uint8_t)status;
}

static void neighbour_free(struct tapir_host *h, struct neighbour *n)
{
	struct neighbour_state *s = state_of(h);
	struct neighbour **at = &s->buckets[bucket_of(h, n->netif, n->version, &n->addr)];

	while (*at != n)
		at = &(*at)->hash_next;
	*at = n->hash_next;
	if (n->status != NEIGHBOUR_STATIC) {
		order_out(s, n);
		s->count--;
	}
	s->incomplete -= n->status == NEIGHBOUR_INCOMPLETE;
	pbuf_queue_clear(h, &n->queue);
	host_timer_cancel(h, &n->timer);
	host_free(h, n, sizeof(*n));
	h->path_generation++;           /* paths that point at it are void */
}

static void table_grow(struct tapir_host *h, struct neighbour_state *s)
{
	const uint32_t count = s->bucket_count * 2, old_count = s->bucket_count;
	struct neighbour **old = s->buckets, **buckets;

	if (count > BUCKETS_MAX)
		return;
	buckets = host_alloc(h, count * sizeof(*buckets));
	if (buckets == NULL)
		return;
	s->buckets = buckets;
	s->bucket_count = count;
	for (uint32_t i = 0; i < old_count; i++) {
		while (old[i] != NULL) {
			struct neighbour *n = old[i];
			const uint32_t b = bucket_of(h, n->netif, n->version, &n->addr);

			old[i] = n->hash_next;
			n->hash_next = buckets[b];
			buckets[b] = n;
		}
	}
	host_free(h, old, old_count * sizeof(*old));
}

/* Room for one more: the one used longest ago goes; one that we are using right now doesn't. */
static bool room_make(struct tapir_host *h, bool incomplete)
{
	struct neighbour_state *s = state_of(h);
	struct neighbour *n = s->oldest;

	if (incomplete && s->incomplete >= s->incomplete_max) {
		while (n != NULL && n->status != NEIGHBOUR_INCOMPLETE)
			n = n->newer;
	} else if (s->count < s->max) {
		return true;
	}
	if (n == NULL) {
		s->refused++;
		return false;
	}
	s->evicted++;
	neighbour_free(h, n);
	return true;
}

static void neighbour_timer(struct tapir_host *h, struct host_timer *t);

static struct neighbour *neighbour_new(struct tapir_host *h, struct netif *nif, uint8_t version,
				       const struct ip_addr *addr, enum neighbour_status status)
{
	struct neighbour_state *s = state_of(h);
	struct neighbour *n;
	uint32_t bucket;

	if (status != NEIGHBOUR_STATIC && !room_make(h, status == NEIGHBOUR_INCOMPLETE))
		return NULL;
	if (s->count >= s->bucket_count)
		table_grow(h, s);
	n = host_alloc(h, sizeof(*n));
	if (n == NULL) {
		s->refused++;
		return NULL;
	}
	n->netif = nif;
	n->version = version;
	n->addr = *addr;
	n->status = (uint8_t)status;
	host_timer_init(&n->timer, neighbour_timer);
	bucket = bucket_of(h, nif, version, addr);
	n->hash_next = s->buckets[bucket];
	s->buckets[bucket] = n;
	if (status != NEIGHBOUR_STATIC) {
		order_newest(s, n);
		s->count++;
	}
	s->incomplete += status == NEIGHBOUR_INCOMPLETE;
	s->created++;
	return n;
}

struct neighbour *neighbour_need(struct tapir_host *h, struct netif *nif, uint8_t version,
				 const struct ip_addr *addr)
{
	struct neighbour *n = neighbour_find(h, nif, version, addr);

	return n != NULL ? n : neighbour_new(h, nif, version, addr, NEIGHBOUR_INCOMPLETE);
}

/* ---- asking ---- */

static void request(struct tapir_host *h, struct neighbour *n, bool unicast)
{
	n->requested_ns = h->now_ns;
	n->probes++;
	if (n->version == 4)
		arp_request(n->netif, &n->addr, unicast ? n->mac : NULL);
	else
		nd_solicit(n->netif, &n->addr, unicast ? n->mac : NULL);
	host_timer_arm(h, &n->timer, h->now_ns + state_of(h)->retrans_ns);
}

/* Nobody answers: who wanted to send there hears of it. */
static void neighbour_fail(struct tapir_host *h, struct neighbour *n)
{
	struct neighbour_state *s = state_of(h);
	struct pbuf_queue queue = n->queue;
	struct pbuf *p;

	n->queue = (struct pbuf_queue){ 0 };
	s->failed++;
	status_set(s, n, NEIGHBOUR_FAILED);
	n->probes = 0;
	host_timer_arm(h, &n->timer, h->now_ns + FORGET_FAILED_NS);
	while ((p = pbuf_queue_take(&queue)) != NULL) {
		icmp_host_unreachable(h, p);
		pbuf_put(h, p);
	}
}

static void neighbour_timer(struct tapir_host *h, struct host_timer *t)
{
	struct neighbour *n = (struct neighbour *)((uint8_t *)t - offsetof(struct neighbour, timer));
	struct neighbour_state *s = state_of(h);

	switch (n->status) {
	case NEIGHBOUR_INCOMPLETE:
		if (n->probes < s->probes)
			request(h, n, false);
		else
			neighbour_fail(h, n);
		break;
	case NEIGHBOUR_REACHABLE:
		status_set(s, n, NEIGHBOUR_STALE);
		host_timer_arm(h, &n->timer, h->now_ns + s->stale_ns);
		break;
	case NEIGHBOUR_DELAY:
		status_set(s, n, NEIGHBOUR_PROBE);
		n->probes = 0;
		request(h, n, true);
		break;
	case NEIGHBOUR_PROBE:
		if (n->probes < s->probes)
			request(h, n, true);
		else
			neighbour_fail(h, n);
		break;
	case NEIGHBOUR_STALE:
	case NEIGHBOUR_FAILED:
		neighbour_free(h, n);
		break;
	}
}

int neighbour_send(struct tapir_host *h, struct neighbour *n, struct pbuf *p)
{
	struct neighbour_state *s = state_of(h);

	used(s, n);
	switch (n->status) {
	case NEIGHBOUR_STALE:
		status_set(s, n, NEIGHBOUR_DELAY);
		host_timer_arm(h, &n->timer, h->now_ns + s->delay_ns);
		break;
	case NEIGHBOUR_INCOMPLETE:
	case NEIGHBOUR_FAILED:
		if (n->queue.count >= s->queue_len) {
			s->queue_dropped++;
			pbuf_put(h, pbuf_queue_take(&n->queue));
		}
		pbuf_queue_put(&n->queue, p);
		if (n->status == NEIGHBOUR_INCOMPLETE && n->requested_ns != 0)
			return 0;
		/* A second after the last request at the earliest, whoever wants to send how much. */
		status_set(s, n, NEIGHBOUR_INCOMPLETE);
		if (n->requested_ns == 0 || h->now_ns - n->requested_ns >= s->retrans_ns) {
			request(h, n, false);
		} else {
			s->throttled++;
			host_timer_arm(h, &n->timer, n->requested_ns + s->retrans_ns);
		}
		return 0;
	}
	return netif_send_to(n->netif, p, n->mac, n->version == 4 ? ETHER_IPV4 : ETHER_IPV6);
}

/* ---- hearing ---- */

static void queue_flush(struct tapir_host *h, struct neighbour *n)
{
	struct pbuf_queue queue = n->queue;
	struct pbuf *p;

	n->queue = (struct pbuf_queue){ 0 };
	while ((p = pbuf_queue_take(&queue)) != NULL)
		neighbour_send(h, n, p);
}

/* Between half and one and a half of it, so that hosts don't ask in step (RFC 4861 6.3.2). */
static uint64_t reachable_time(struct tapir_host *h)
{
	const uint64_t base = state_of(h)->reachable_ns;

	return base / 2 + base / 1000 * host_random_below(h, 1000);
}

void neighbour_confirm(struct tapir_host *h, struct neighbour *n)
{
	struct neighbour_state *s = state_of(h);

	/* A connection confirms with each acknowledgement: once a second is enough. */
	if (n->status == NEIGHBOUR_STATIC || n->status == NEIGHBOUR_INCOMPLETE || n->status == NEIGHBOUR_FAILED ||
	    (n->status == NEIGHBOUR_REACHABLE && h->now_ns - n->confirmed_ns < NS_PER_S))
		return;
	status_set(s, n, NEIGHBOUR_REACHABLE);
	n->confirmed_ns = h->now_ns;
	n->probes = 0;
	host_timer_arm(h, &n->timer, h->now_ns + reachable_time(h));
}

/* A known one: what it says now. */
static void neighbour_update(struct tapir_host *h, struct neighbour *n, const uint8_t mac[6], unsigned news)
{
	struct neighbour_state *s = state_of(h);
	const bool known = n->status != NEIGHBOUR_INCOMPLETE && n->status != NEIGHBOUR_FAILED;
	const bool same = known && memcmp(n->mac, mac, 6) == 0;

	if (known && !same && !(news & NEIGHBOUR_OVERRIDE)) {
		/* It may have moved: ask, before the next packet goes to the old place (RFC 4861 7.2.5). */
		if (n->status == NEIGHBOUR_REACHABLE) {
			status_set(s, n, NEIGHBOUR_STALE);
			host_timer_arm(h, &n->timer, h->now_ns + s->stale_ns);
		}
		return;
	}
	if (news & NEIGHBOUR_ROUTER)
		n->router = true;
	if (news & NEIGHBOUR_NOT_ROUTER)
		n->router = false;
	memcpy(n->mac, mac, 6);
	if (news & NEIGHBOUR_SOLICITED) {
		status_set(s, n, NEIGHBOUR_REACHABLE);
		n->confirmed_ns = h->now_ns;
		n->probes = 0;
		host_timer_arm(h, &n->timer, h->now_ns + reachable_time(h));
	} else if (!same) {
		status_set(s, n, NEIGHBOUR_STALE);
		n->probes = 0;
		host_timer_arm(h, &n->timer, h->now_ns + s->stale_ns);
	}
	queue_flush(h, n);
}

void neighbour_learn(struct netif *nif, uint8_t version, const struct ip_addr *addr, const uint8_t mac[6],
		     unsigned news)
{
	static const uint8_t none[6];
	struct tapir_host *h = nif->host;
	struct neighbour_state *s = state_of(h);
	struct neighbour *n = neighbour_find(h, nif, version, addr);

	if (mac[0] & 1 || memcmp(mac, none, 6) == 0 || memcmp(mac, nif->mac, 6) == 0) {
		s->spoofed++;
		return;
	}
	if (n != NULL && n->status == NEIGHBOUR_STATIC) {
		s->static_kept += memcmp(n->mac, mac, 6) != 0;
		return;
	}
	if (n == NULL) {
		if (!(news & NEIGHBOUR_CREATE))
			return;
		n = neighbour_new(h, nif, version, addr, NEIGHBOUR_STALE);
		if (n == NULL)
			return;
		/* Nobody here has used it yet: it is the first to go. */
		order_out(s, n);
		order_oldest(s, n);
		memcpy(n->mac, mac, 6);
		n->router = news & NEIGHBOUR_ROUTER;
		host_timer_arm(h, &n->timer, h->now_ns + s->stale_ns);
		return;
	}
	neighbour_update(h, n, mac, news);
}

void neighbour_remove_netif(struct tapir_host *h, const struct netif *nif)
{
	struct neighbour_state *s = state_of(h);

	for (uint32_t i = 0; i < s->bucket_count; i++) {
		struct neighbour *n = s->buckets[i];

		while (n != NULL) {
			struct neighbour *next = n->hash_next;

			if (nif == NULL || n->netif == nif)
				neighbour_free(h, n);
			n = next;
		}
	}
}

/* ---- by hand ---- */

static int neighbour_set(struct tapir_host *h, int netif, const char *address, const uint8_t mac[6])
{
	struct neighbour_state *s = state_of(h);
	struct netif *nif = netif < 0 ? NULL : netif_get(h, (unsigned)netif);
	struct neighbour *n;
	struct ip_addr addr;
	uint8_t version;

	if (nif == NULL)
		return -ENODEV;
	if (ip_addr_parse(&addr, &version, address) < 0)
		return -EINVAL;
	n = neighbour_find(h, nif, version, &addr);
	if (mac == NULL) {
		if (n == NULL)
			return -ENOENT;
		neighbour_free(h, n);
		return 0;
	}
	if (n == NULL) {
		n = neighbour_new(h, nif, version, &addr, NEIGHBOUR_STATIC);
		if (n == NULL)
			return -ENOMEM;
	} else if (n->status != NEIGHBOUR_STATIC) {
		order_out(s, n);
		s->count--;
		host_timer_cancel(h, &n->timer);
		status_set(s, n, NEIGHBOUR_STATIC);
	}
	memcpy(n->mac, mac, 6);
	queue_flush(h, n);
	return 0;
}

int tapir_neighbour_set(struct tapir_host *h, int netif, const char *address, const uint8_t mac[6])
{
	int err;

	host_enter(h);
	err = neighbour_set(h, netif, address, mac);
	host_leave(h);
	return err;
}

int tapir_neighbour_get(struct tapir_host *h, int netif, const char *address, uint8_t mac[6])
{
	struct neighbour *n = NULL;
	struct ip_addr addr;
	struct netif *nif;
	uint8_t version;
	int err = -ENOENT;

	host_enter(h);
	nif = netif < 0 ? NULL : netif_get(h, (unsigned)netif);
	if (nif != NULL && ip_addr_parse(&addr, &version, address) == 0)
		n = neighbour_find(h, nif, version, &addr);
	if (n != NULL && n->status != NEIGHBOUR_INCOMPLETE && n->status != NEIGHBOUR_FAILED) {
		memcpy(mac, n->mac, 6);
		err = 0;
	}
	host_leave(h);
	return err;
}

/* ---- as a part of the host ---- */

static int neighbour_init(struct tapir_host *h)
{
	struct neighbour_state *s = state_of(h);

	s->buckets = host_alloc(h, BUCKETS_MIN * sizeof(*s->buckets));
	if (s->buckets == NULL)
		return -ENOMEM;
	s->bucket_count = BUCKETS_MIN;
	s->max = 4096;
	s->incomplete_max = 512;
	s->queue_len = 16;
	s->probes = 3;
	s->reachable_ns = 30 * NS_PER_S;
	s->retrans_ns = NS_PER_S;
	s->delay_ns = 5 * NS_PER_S;
	s->stale_ns = 60 * NS_PER_S;
	return 0;
}

static void neighbour_fini(struct tapir_host *h)
{
	struct neighbour_state *s = state_of(h);

	neighbour_remove_netif(h, NULL);
	host_free(h, s->buckets, s->bucket_count * sizeof(*s->buckets));
}

#define FIELD(f) offsetof(struct neighbour_state, f)

static const struct tunable tunables[] = {
	{ .name = "neighbour.max", .kind = TUNABLE_U32, .offset = FIELD(max), .min = 1, .max = 1000000 },
	{ .name = "neighbour.incomplete_max", .kind = TUNABLE_U32, .offset = FIELD(incomplete_max), .min = 1 },
	{ .name = "neighbour.queue_len", .kind = TUNABLE_U32, .offset = FIELD(queue_len), .min = 1, .max = 1024 },
	{ .name = "neighbour.probes", .kind = TUNABLE_U32, .offset = FIELD(probes), .min = 1, .max = 100 },
	{ .name = "neighbour.reachable", .kind = TUNABLE_MS, .offset = FIELD(reachable_ns), .min = 1 },
	{ .name = "neighbour.retrans", .kind = TUNABLE_MS, .offset = FIELD(retrans_ns), .min = 1 },
	{ .name = "neighbour.delay", .kind = TUNABLE_MS, .offset = FIELD(delay_ns), .min = 1 },
	{ .name = "neighbour.stale", .kind = TUNABLE_MS, .offset = FIELD(stale_ns), .min = 1 },
	{ .name = NULL },
};

static const struct counter_row counters[] = {
	{ "arp.requests_in", FIELD(arp_requests_in) },
	{ "arp.replies_in", FIELD(arp_replies_in) },
	{ "arp.requests_out", FIELD(arp_requests_out) },
	{ "arp.replies_out", FIELD(arp_replies_out) },
	{ "nd.solicits_in", FIELD(nd_solicits_in) },
	{ "nd.adverts_in", FIELD(nd_adverts_in) },
	{ "nd.solicits_out", FIELD(nd_solicits_out) },
	{ "nd.adverts_out", FIELD(nd_adverts_out) },
	{ "nd.bad", FIELD(nd_bad) },
	{ "nd.redirects_in", FIELD(redirects_in) },
	{ "nd.router_adverts_in", FIELD(ra_in) },
	{ "nd.router_adverts_bad", FIELD(ra_bad) },
	{ "nd.router_solicits_out", FIELD(rs_out) },
	{ "nd.dad_failed", FIELD(dad_failed) },
	{ "neighbour.created", FIELD(created) },
	{ "neighbour.evicted", FIELD(evicted) },
	{ "neighbour.refused", FIELD(refused) },
	{ "neighbour.failed", FIELD(failed) },
	{ "neighbour.throttled", FIELD(throttled) },
	{ "neighbour.queue_dropped", FIELD(queue_dropped) },
	{ "neighbour.conflicts", FIELD(conflicts) },
	{ "neighbour.spoofed", FIELD(spoofed) },
	{ "neighbour.static_kept", FIELD(static_kept) },
	{ NULL, 0 },
};

const struct host_protocol neighbour_protocol = {
	.name = "neighbour",
	.index = HOST_NEIGHBOUR,
	.state_size = sizeof(struct neighbour_state),
	.init = neighbour_init,
	.fini = neighbour_fini,
	.tunables = tunables,
	.counters = counters,
};
