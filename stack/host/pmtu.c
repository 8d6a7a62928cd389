/* pmtu.c - see pmtu.h. */
#include "stack/host/pmtu.h"

#include "stack/host/ip.h"

#define PMTU_MIN6 1280

/* RFC 1191 section 7: where a router doesn't say how much fits, the next smaller one. */
static const uint16_t plateaus[] = { 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68 };

static struct pmtu *bucket_of(struct tapir_host *h, uint8_t version, const struct ip_addr *dst)
{
	const uint64_t words[3] = { dst->quads[0], dst->quads[1], version };

	return h->pmtus == NULL ? NULL : h->pmtus + hash_words(&h->key, words, 3) % PMTU_BUCKETS * PMTU_WAYS;
}

static struct pmtu *entry_of(struct tapir_host *h, uint8_t version, const struct ip_addr *dst)
{
	struct pmtu *e = bucket_of(h, version, dst);

	for (unsigned i = 0; e != NULL && i < PMTU_WAYS; i++)
		if (e[i].mtu && e[i].version == version && ip_addr_eq(&e[i].dst, dst))
			return &e[i];
	return NULL;
}

uint32_t pmtu_get(struct tapir_host *h, uint8_t version, const struct ip_addr *dst)
{
	struct pmtu *e = entry_of(h, version, dst);

	if (e == NULL)
		return 0;
	if (e->expires_ns <= h->now_ns) {
		e->mtu = 0;
		return 0;
	}
	return e->mtu;
}

uint32_t pmtu_plateau(uint32_t len)
{
	for (unsigned i = 0; i < ARRAY_LEN(plateaus); i++)
		if (plateaus[i] < len)
			return plateaus[i];
	return 68;
}

/* Paths that were found with the old value would never look again: when an entry ends they must. */
static void expiry(struct tapir_host *h, struct host_timer *t)
{
	uint64_t next = NEVER;

	for (unsigned i = 0; i < PMTU_BUCKETS * PMTU_WAYS; i++) {
		struct pmtu *e = &h->pmtus[i];

		if (e->mtu && e->expires_ns <= h->now_ns)
			e->mtu = 0;
		else if (e->mtu && e->expires_ns < next)
			next = e->expires_ns;
	}
	h->path_generation++;
	host_timer_arm(h, t, next);
}

bool ip_pmtu_update(struct tapir_host *h, uint8_t version, const struct ip_addr *dst, uint32_t mtu)
{
	const uint32_t least = version == 6 ? PMTU_MIN6 : host_ip(h)->pmtu_min;
	struct pmtu *e, *slot;

	if (h->pmtus == NULL) {
		h->pmtus = host_alloc(h, PMTU_BUCKETS * PMTU_WAYS * sizeof(*h->pmtus));
		if (h->pmtus == NULL)
			return false;
		host_timer_init(&h->pmtu_timer, expiry);
	}
	if (mtu < least)
		mtu = least;            /* as Linux' min_pmtu: a forged one can't make us send crumbs */
	slot = entry_of(h, version, dst);
	if (slot != NULL && slot->mtu <= mtu && slot->expires_ns > h->now_ns)
		return false;
	if (slot == NULL) {
		slot = e = bucket_of(h, version, dst);
		for (unsigned i = 1; i < PMTU_WAYS && slot->mtu; i++)
			if (e[i].mtu == 0 || e[i].expires_ns < slot->expires_ns)
				slot = &e[i];
	}
	*slot = (struct pmtu){
		.dst = *dst, .mtu = mtu, .version = version, .expires_ns = h->now_ns + host_ip(h)->pmtu_expires_ns,
	};
	h->path_generation++;
	if (!host_timer_armed(&h->pmtu_timer) || h->pmtu_timer.due > slot->expires_ns)
		host_timer_arm(h, &h->pmtu_timer, slot->expires_ns);
	return true;
}

void pmtu_fini(struct tapir_host *h)
{
	if (h->pmtus == NULL)
		return;
	host_timer_cancel(h, &h->pmtu_timer);
	host_free(h, h->pmtus, PMTU_BUCKETS * PMTU_WAYS * sizeof(*h->pmtus));
	h->pmtus = NULL;
}
