/* fingerprint.c - see fingerprint.h.
 *
 * A SYN's options stand in an order that is the system's own; with the initial TTL it tells the families apart that differ
 * in how they read. Hosts are kept in a table of sets: a new one takes the place of the set's oldest, so an attacker who
 * invents hosts makes us forget guesses, and no more. A host that changes what it looks like is a gateway for several: it is
 * forgotten, and not learned again until its place was taken by another. */
#include "stack/track/fingerprint.h"

#include <string.h>

#include "base/must.h"

#define SETS 4096
#define WAYS 4
#define LAYOUT_MAX 16
#define POLICY_MIXED 0xfe

struct os_host {
	struct ip_addr addr;
	uint8_t ip_version;             /* 0 = a free place */
	uint8_t policy;                 /* enum overlap_policy, or POLICY_MIXED */
};

/* M maximum segment size, S SACK permitted, T timestamps, W window scale, N no-operation, E end. */
static void layout_read(const struct packet *syn, char out[LAYOUT_MAX])
{
	static const char letters[] = "ENMWS\0\0\0T";
	uint32_t at = 20, n = 0;

	while (at < syn->l4_header_len && n < LAYOUT_MAX - 1) {
		uint8_t kind = syn->l4[at], len = 1;

		out[n++] = kind < sizeof(letters) - 1 && letters[kind] != 0 ? letters[kind] : '?';
		if (kind == 0)
			break;
		if (kind != 1)
			len = at + 1 < syn->l4_header_len ? syn->l4[at + 1] : 0;
		if (len == 0 || (kind != 1 && len < 2))
			break;
		at += len;
	}
	out[n] = 0;
}

int fingerprint_syn(const struct packet *syn)
{
	static const struct {
		uint8_t ttl;            /* the initial one */
		const char *layout;
		uint8_t policy;
	} known[] = {
		{ 64, "MSTNW", OVERLAP_LINUX },         /* 2.6 and later, Android */
		{ 64, "MNNSNW", OVERLAP_LINUX },        /* … without timestamps */
		{ 64, "MNNTNW", OVERLAP_LINUX },        /* … without SACK */
		{ 128, "MNWNNS", OVERLAP_VISTA },       /* Windows Vista to 11 */
		{ 128, "MNWSTN", OVERLAP_VISTA },
		{ 128, "MNWST", OVERLAP_VISTA },        /* … with timestamps */
		{ 128, "MNNS", OVERLAP_WINDOWS },       /* XP, 2000 */
		{ 64, "MNWNNTSE", OVERLAP_MACOS },      /* macOS, iOS */
		{ 64, "MNWST", OVERLAP_RFC8200 },       /* FreeBSD */
		{ 64, "MNNSNWNNT", OVERLAP_BSD },       /* OpenBSD */
		{ 64, "MNWSNNT", OVERLAP_BSD },         /* NetBSD */
		{ 64, "STMNW", OVERLAP_SOLARIS },       /* Solaris 11 */
		{ 64, "NNTMNWNNS", OVERLAP_SOLARIS },   /* Solaris 9, 10 */
		{ 64, "MWN", OVERLAP_HPUX11 },
	};
	char layout[LAYOUT_MAX];
	uint8_t initial;

	if (syn->l4 == NULL || syn->ttl <= 32)
		return -1;
	initial = syn->ttl <= 64 ? 64 : syn->ttl <= 128 ? 128 : 255;
	layout_read(syn, layout);
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (known[i].ttl == initial && strcmp(known[i].layout, layout) == 0)
			return known[i].policy;
	}
	return -1;
}

void os_hosts_init(struct os_hosts *h, struct budget *budget, const struct hash_key *key)
{
	h->budget = budget;
	h->key = *key;
	h->table = budget_get(budget, SETS * WAYS * sizeof(*h->table));
}

void os_hosts_fini(struct os_hosts *h)
{
	if (h->table != NULL)
		budget_put(h->budget, h->table, SETS * WAYS * sizeof(*h->table));
	h->table = NULL;
}

static struct os_host *set_of(const struct os_hosts *h, const struct ip_addr *addr)
{
	return &h->table[(hash_bytes(&h->key, addr, sizeof(*addr)) % SETS) * WAYS];
}

void os_hosts_learn(struct os_hosts *h, const struct packet *syn)
{
	struct os_host *set;
	int policy;

	if (h->table == NULL || (policy = fingerprint_syn(syn)) < 0)
		return;
	set = set_of(h, &syn->src);
	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].ip_version != syn->ip_version || !ip_addr_eq(&set[i].addr, &syn->src))
			continue;
		if (set[i].policy != policy)
			set[i].policy = POLICY_MIXED;
		return;
	}
	memmove(&set[1], &set[0], (WAYS - 1) * sizeof(set[0]));
	set[0] = (struct os_host){ .addr = syn->src, .ip_version = syn->ip_version, .policy = (uint8_t)policy };
	h->learned++;
}

uint8_t os_hosts_policy(const struct os_hosts *h, const struct ip_addr *addr, uint8_t ip_version, uint8_t otherwise)
{
	const struct os_host *set;

	if (h->table == NULL)
		return otherwise;
	set = set_of(h, addr);
	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].ip_version == ip_version && ip_addr_eq(&set[i].addr, addr))
			return set[i].policy < OVERLAP_POLICIES ? set[i].policy : otherwise;
	}
	return otherwise;
}
