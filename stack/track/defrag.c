/* defrag.c - fragments become datagrams again.
 *
 * Datagrams in the making hang off a keyed hash (addresses, id, protocol, VLANs, tunnel depth) and a
 * list in the order of their first fragments, which is the order in which they expire and are shed.
 *
 * Today's kernels know no overlap policy: a fragment inside bytes that arrived as one run is ignored, any
 * other overlap ends the datagram (RFC 5722, RFC 8200; Linux since 4.20, FreeBSD since 12). For those the
 * array holds the runs, each with the fragments that make it. For older systems it holds disjoint pieces,
 * and every contested byte is decided by a table like TCP's.
 *
 * The array is searched by halving, and a datagram has at most 64 KiB of 8-byte fragments, so no sender
 * can make one fragment expensive. */
#include "stack/track/defrag.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/reader.h"
#include "base/writer.h"
#include "stack/wire/checksum.h"

#define NS_PER_S ((uint64_t)1000000000)
#define DATAGRAM_MAX 65535
#define HEADER_MAX 2048         /* what stands before an IPv6 fragment header */
#define LINUX_TIMEOUT_S 30      /* net.ipv4.ipfrag_time */
#define BUCKETS 4096
#define PIECES_MIN 4
#define EXPIRE_MAX 64

const char *const frag_policy_names[FRAG_POLICIES] = {
	[FRAG_LINUX_MODERN] = "linux-modern",
	[FRAG_RFC8200] = "rfc8200",
	[FRAG_FIRST] = "first",
	[FRAG_LAST] = "last",
	[FRAG_BSD] = "bsd",
	[FRAG_BSD_RIGHT] = "bsd-right",
	[FRAG_LINUX] = "linux",
	[FRAG_WINDOWS] = "windows",
	[FRAG_SOLARIS] = "solaris",
};

enum frag_policy frag_policy_of(enum overlap_policy policy)
{
	static const uint8_t map[OVERLAP_POLICIES] = {
		[OVERLAP_LINUX] = FRAG_LINUX_MODERN,
		[OVERLAP_FIRST] = FRAG_FIRST,
		[OVERLAP_LAST] = FRAG_LAST,
		[OVERLAP_BSD] = FRAG_BSD,
		[OVERLAP_BSD_RIGHT] = FRAG_BSD_RIGHT,
		[OVERLAP_OLD_LINUX] = FRAG_LINUX,
		[OVERLAP_WINDOWS] = FRAG_WINDOWS,
		[OVERLAP_WINDOWS2K3] = FRAG_WINDOWS,
		[OVERLAP_VISTA] = FRAG_WINDOWS,
		[OVERLAP_SOLARIS] = FRAG_SOLARIS,
		[OVERLAP_OLD_SOLARIS] = FRAG_FIRST,
		[OVERLAP_HPUX10] = FRAG_BSD,
		[OVERLAP_HPUX11] = FRAG_FIRST,
		[OVERLAP_IRIX] = FRAG_BSD,
		[OVERLAP_MACOS] = FRAG_FIRST,
		[OVERLAP_RFC8200] = FRAG_RFC8200,
	};

	return map[policy];
}

#define BIT(how) (1u << (how))
#define STARTS_BEFORE (BIT(OVERLAP_BEFORE_INSIDE) | BIT(OVERLAP_BEFORE_SAME_END) | BIT(OVERLAP_COVERS))
#define SAME_START (BIT(OVERLAP_SAME_SHORTER) | BIT(OVERLAP_SAME) | BIT(OVERLAP_SAME_LONGER))

bool frag_new_wins(enum frag_policy policy, enum overlap how)
{
	static const uint8_t wins[FRAG_POLICIES] = {
		[FRAG_LAST] = (1u << OVERLAPS) - 1,
		[FRAG_BSD] = STARTS_BEFORE,
		[FRAG_BSD_RIGHT] = SAME_START | BIT(OVERLAP_INSIDE) | BIT(OVERLAP_INSIDE_AFTER),
		[FRAG_LINUX] = SAME_START | STARTS_BEFORE,
		[FRAG_WINDOWS] = BIT(OVERLAP_COVERS),
		[FRAG_SOLARIS] = BIT(OVERLAP_COVERS) | BIT(OVERLAP_BEFORE_SAME_END),
	};

	return (wins[policy] & BIT(how)) != 0;
}

/* A run of bytes, or one of the fragments behind its first. */
struct piece_of {
	struct piece_of *next;          /* the run goes on */
	uint32_t start;
	uint32_t end;                   /* of the run */
	uint32_t len;                   /* of this fragment */
	uint8_t data[];
};

struct frag_key {
	struct ip_addr src, dst;
	uint32_t id;
	uint8_t proto, ip_version, depth;
	uint16_t vlan[PACKET_VLANS_MAX];
	uint16_t device;
};

struct datagram {
	struct datagram *hash_next;
	struct datagram *older, *newer;
	uint64_t hash, due_ns;
	struct frag_key key;
	uint8_t policy;                 /* enum frag_policy */
	bool has_last;
	uint32_t last_end;              /* of the fragment without more behind it */
	uint8_t next_header;            /* IPv6: what the first fragment carries */
	uint16_t header_len, next_at;   /* of the first fragment's header, NULL until it came */
	uint8_t *header;
	uint32_t total;                 /* the highest end so far */
	uint32_t bytes;                 /* that are there */
	uint32_t frags;
	uint32_t count, cap;
	struct piece_of **pieces;       /* by start */
};

int defrag_init(struct defrag *d, struct mem *mem, const struct track_config *cfg,
		const struct hash_key *key)
{
	memset(d, 0, sizeof(*d));
	d->cfg = cfg;
	d->key = *key;
	budget_init_class(&d->budget, mem, MEM_DEFRAG, cfg->defrag_memcap);
	d->mask = BUCKETS - 1;
	d->buckets = calloc(BUCKETS, sizeof(*d->buckets));
	d->out = malloc(HEADER_MAX + DATAGRAM_MAX);
	if (d->buckets == NULL || d->out == NULL) {
		free(d->buckets);
		free(d->out);
		return -ENOMEM;
	}
	return 0;
}

static void piece_put(struct defrag *d, struct piece_of *p)
{
	budget_put(&d->budget, p, sizeof(*p) + p->len);
}

static void datagram_free(struct defrag *d, struct datagram *g)
{
	struct datagram **at = &d->buckets[g->hash & d->mask];

	while (*at != g)
		at = &(*at)->hash_next;
	*at = g->hash_next;
	*(g->older != NULL ? &g->older->newer : &d->oldest) = g->newer;
	*(g->newer != NULL ? &g->newer->older : &d->newest) = g->older;
	for (uint32_t i = 0; i < g->count; i++) {
		struct piece_of *p = g->pieces[i], *next;

		for (; p != NULL; p = next) {
			next = p->next;
			piece_put(d, p);
		}
	}
	budget_put(&d->budget, g->pieces, g->cap * sizeof(*g->pieces));
	budget_put(&d->budget, g->header, g->header_len);
	d->frags -= g->frags;
	d->count--;
	budget_put(&d->budget, g, sizeof(*g));
}

void defrag_fini(struct defrag *d)
{
	while (d->oldest != NULL)
		datagram_free(d, d->oldest);
	free(d->buckets);
	free(d->out);
	d->buckets = NULL;
	d->out = NULL;
}

void defrag_expire(struct defrag *d, uint64_t now_ns)
{
	for (unsigned i = 0; i < EXPIRE_MAX && d->oldest != NULL && d->oldest->due_ns <= now_ns; i++) {
		d->timeouts[d->oldest->key.ip_version == 6]++;
		datagram_free(d, d->oldest);
	}
}

/* Finding */

static void key_init(const struct defrag *d, struct frag_key *k, const struct packet *pkt)
{
	memset(k, 0, sizeof(*k));
	k->src = pkt->src;
	k->dst = pkt->dst;
	k->id = pkt->frag_id;
	k->ip_version = pkt->ip_version;
	if (pkt->ip_version == 4)
		k->proto = pkt->proto;
	if (d->cfg->depth_tracking)
		k->depth = pkt->depth;
	if (d->cfg->vlan_tracking)
		memcpy(k->vlan, pkt->vlan, sizeof(k->vlan));
	if (d->cfg->device_tracking)
		k->device = pkt->device;
}

static struct datagram *datagram_find(struct defrag *d, const struct frag_key *k, uint64_t hash,
				      uint64_t now_ns)
{
	for (struct datagram *g = d->buckets[hash & d->mask]; g != NULL; g = g->hash_next) {
		if (g->hash != hash || memcmp(&g->key, k, sizeof(*k)) != 0)
			continue;
		if (g->due_ns > now_ns)
			return g;
		d->timeouts[k->ip_version == 6]++;
		datagram_free(d, g);
		return NULL;
	}
	return NULL;
}

static void shed_oldest(struct defrag *d)
{
	d->shed++;
	datagram_free(d, d->oldest);
}

static enum frag_policy receiver_policy(const struct defrag *d, const struct packet *pkt)
{
	uint8_t policy = host_policy(d->cfg, &pkt->dst, pkt->ip_version, OVERLAP_LINUX);

	if (d->hosts != NULL && !host_policy_known(d->cfg, &pkt->dst, pkt->ip_version))
		policy = os_hosts_policy(d->hosts, &pkt->dst, pkt->ip_version, policy);
	return frag_policy_of(policy);
}

static struct datagram *datagram_new(struct defrag *d, const struct frag_key *k, uint64_t hash,
				     const struct packet *pkt)
{
	uint64_t timeout_s = d->cfg->defrag_timeout;
	struct datagram *g;

	while (d->count >= d->cfg->defrag_trackers && d->oldest != NULL)
		shed_oldest(d);
	while ((g = budget_get(&d->budget, sizeof(*g))) == NULL && d->oldest != NULL)
		shed_oldest(d);
	if (g == NULL)
		return NULL;
	g->key = *k;
	g->hash = hash;
	g->policy = (uint8_t)receiver_policy(d, pkt);
	if (g->policy == FRAG_LINUX_MODERN && pkt->ip_version == 4 && timeout_s > LINUX_TIMEOUT_S)
		timeout_s = LINUX_TIMEOUT_S;
	g->due_ns = pkt->time_ns + timeout_s * NS_PER_S;
	g->hash_next = d->buckets[hash & d->mask];
	d->buckets[hash & d->mask] = g;
	g->older = d->newest;
	*(d->newest != NULL ? &d->newest->newer : &d->oldest) = g;
	d->newest = g;
	d->count++;
	return g;
}

/* Pieces */

/* Index of the first piece that starts behind at. */
static uint32_t pieces_upper(const struct datagram *g, uint32_t at)
{
	uint32_t lo = 0, hi = g->count;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (g->pieces[mid]->start <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct piece_of *piece_new(struct defrag *d, struct datagram *g, uint32_t start,
				  const uint8_t *data, uint32_t len)
{
	struct piece_of *p = budget_get_raw(&d->budget, sizeof(*p) + len);

	if (p == NULL)
		return NULL;
	*p = (struct piece_of){ .start = start, .end = start + len, .len = len };
	memcpy(p->data, data, len);
	g->bytes += len;
	g->frags++;
	d->frags++;
	return p;
}

static bool piece_insert(struct defrag *d, struct datagram *g, uint32_t i, uint32_t start,
			 const uint8_t *data, uint32_t len)
{
	struct piece_of *p;

	if (g->count == g->cap) {
		uint32_t cap = g->cap == 0 ? PIECES_MIN : g->cap * 2;
		struct piece_of **wider = budget_resize(&d->budget, g->pieces,
							g->cap * sizeof(*wider),
							cap * sizeof(*wider));

		if (wider == NULL)
			return false;
		g->pieces = wider;
		g->cap = cap;
	}
	p = piece_new(d, g, start, data, len);
	if (p == NULL)
		return false;
	memmove(&g->pieces[i + 1], &g->pieces[i], (g->count - i) * sizeof(*g->pieces));
	g->pieces[i] = p;
	g->count++;
	return true;
}

enum added { ADDED, ADDED_OVER, DUPLICATE, RUINED, NO_ROOM };

/* Today's kernels. The last run grows; whatever comes elsewhere starts a run of its own. */
static enum added add_strict(struct defrag *d, struct datagram *g, uint32_t start,
			     const uint8_t *data, uint32_t len)
{
	uint32_t end = start + len, i = pieces_upper(g, start);
	struct piece_of *before = i > 0 ? g->pieces[i - 1] : NULL, *p;

	if (before != NULL && start < before->end) {
		if (g->policy == FRAG_RFC8200)
			return start == before->start && len == before->len ? DUPLICATE : RUINED;
		return end <= before->end ? DUPLICATE : RUINED;
	}
	if (i < g->count && g->pieces[i]->start < end)
		return RUINED;
	if (g->policy == FRAG_RFC8200 || before == NULL || i < g->count || before->end != start)
		return piece_insert(d, g, i, start, data, len) ? ADDED : NO_ROOM;
	p = piece_new(d, g, start, data, len);
	if (p == NULL)
		return NO_ROOM;
	/* The order within a run doesn't matter: each fragment knows its place. */
	p->next = before->next;
	before->next = p;
	before->end = end;
	return ADDED;
}

static enum overlap relation(const struct piece_of *old, uint32_t start, uint32_t end)
{
	if (start == old->start) {
		if (end == old->end)
			return OVERLAP_SAME;
		return end < old->end ? OVERLAP_SAME_SHORTER : OVERLAP_SAME_LONGER;
	}
	if (start < old->start) {
		if (end == old->end)
			return OVERLAP_BEFORE_SAME_END;
		return end < old->end ? OVERLAP_BEFORE_INSIDE : OVERLAP_COVERS;
	}
	return end <= old->end ? OVERLAP_INSIDE : OVERLAP_INSIDE_AFTER;
}

/* Older systems: cut at the old pieces' edges, decide each contested run. */
static enum added add_by_table(struct defrag *d, struct datagram *g, uint32_t start,
			       const uint8_t *data, uint32_t len)
{
	uint32_t end = start + len, at = start, i = pieces_upper(g, start);
	enum added result = ADDED;

	if (i > 0 && start < g->pieces[i - 1]->end)
		i--;
	while (at < end) {
		struct piece_of *old = i < g->count && g->pieces[i]->start < end ? g->pieces[i] : NULL;
		uint32_t to;

		if (old == NULL || at < old->start) {
			to = old == NULL ? end : old->start;
			if (!piece_insert(d, g, i++, at, data + (at - start), to - at))
				return NO_ROOM;
			at = to;
			continue;
		}
		to = old->end < end ? old->end : end;
		if (frag_new_wins(g->policy, relation(old, start, end)))
			memcpy(old->data + (at - old->start), data + (at - start), to - at);
		result = ADDED_OVER;
		at = to;
		i++;
	}
	return result;
}

/* The end */

static bool complete(const struct datagram *g)
{
	uint32_t at = 0;

	if (!g->has_last || g->last_end != g->total || g->header == NULL || g->bytes < g->total)
		return false;
	for (uint32_t i = 0; i < g->count && at < g->total; i++) {
		if (g->pieces[i]->start != at)
			return false;
		at = g->pieces[i]->end;
	}
	return at >= g->total;
}

static void finish_header(struct datagram *g, uint8_t *out)
{
	if (g->key.ip_version == 6) {
		out[g->next_at] = g->next_header;
		store_be16(out + 4, (uint16_t)(g->header_len - 40 + g->total));
		return;
	}
	store_be16(out + 2, (uint16_t)(g->header_len + g->total));
	store_be16(out + 6, 0);
	store_be16(out + 10, 0);
	store_be16(out + 10, checksum(out, g->header_len));
}

static bool assemble(struct defrag *d, struct datagram *g)
{
	uint32_t limit = g->key.ip_version == 6 ? DATAGRAM_MAX + 40 : DATAGRAM_MAX;

	if (g->header_len + g->total > limit)
		return false;
	memcpy(d->out, g->header, g->header_len);
	for (uint32_t i = 0; i < g->count; i++) {
		for (const struct piece_of *p = g->pieces[i]; p != NULL; p = p->next) {
			uint32_t len = p->len;

			if (p->start >= g->total)
				continue;
			if (p->start + len > g->total)
				len = g->total - p->start;
			memcpy(d->out + g->header_len + p->start, p->data, len);
		}
	}
	finish_header(g, d->out);
	d->out_len = g->header_len + g->total;
	return true;
}

static bool keep_header(struct defrag *d, struct datagram *g, const struct packet *pkt)
{
	uint32_t len = pkt->ip_header_len;

	if (pkt->ip_version == 6)
		len -= 8;                       /* the fragment header goes */
	if (g->header != NULL || len > HEADER_MAX)
		return g->header != NULL;
	g->header = budget_get_raw(&d->budget, len);
	if (g->header == NULL)
		return false;
	memcpy(g->header, pkt->ip, len);
	g->header_len = (uint16_t)len;
	g->next_at = pkt->frag_next_at;
	g->next_header = pkt->proto;
	return true;
}

static void event(struct packet *pkt, uint16_t v4, uint16_t v6)
{
	packet_event(pkt, pkt->ip_version == 6 ? v6 : v4);
}

/* Where the datagram ends; false where two fragments disagree about it, and the kernel gives up. */
static bool note_end(struct datagram *g, const struct packet *pkt, uint32_t end)
{
	bool strict = g->policy == FRAG_LINUX_MODERN || g->policy == FRAG_RFC8200;

	if (!pkt->frag_more) {
		if (strict && (end < g->total || (g->has_last && end != g->total)))
			return false;
		g->last_end = g->has_last && g->last_end > end ? g->last_end : end;
		g->has_last = true;
	} else if (end > g->total && strict && g->has_last) {
		return false;
	}
	if (end > g->total)
		g->total = end;
	return true;
}

static enum defrag_result take(struct defrag *d, struct datagram *g, struct packet *pkt,
			       uint32_t start, uint32_t len)
{
	bool strict = g->policy == FRAG_LINUX_MODERN || g->policy == FRAG_RFC8200;
	enum added added;

	if (!note_end(g, pkt, start + len) || len == 0) {
		datagram_free(d, g);
		return DEFRAG_IGNORED;
	}
	if (start == 0 && !keep_header(d, g, pkt))
		return DEFRAG_SHED;
	added = strict ? add_strict(d, g, start, pkt->payload.data, len)
		       : add_by_table(d, g, start, pkt->payload.data, len);
	if (added == ADDED_OVER || added == DUPLICATE || added == RUINED) {
		d->overlaps++;
		event(pkt, EVENT_IPV4_FRAG_OVERLAP, EVENT_IPV6_FRAG_OVERLAP);
	}
	if (added == RUINED)
		datagram_free(d, g);
	if (added == RUINED || added == DUPLICATE)
		return DEFRAG_IGNORED;
	if (added == NO_ROOM)
		return DEFRAG_SHED;
	if (!complete(g))
		return DEFRAG_HELD;
	d->done[pkt->ip_version == 6] += assemble(d, g);
	datagram_free(d, g);
	return d->out_len > 0 ? DEFRAG_DONE : DEFRAG_IGNORED;
}

/* RFC 8200 4.5: the first fragment holds every header, that of the transport included. */
static bool header_cut(const struct packet *pkt, uint32_t len)
{
	static const uint8_t tcp = 6, udp = 17, icmp = 58;
	uint32_t least = pkt->proto == tcp ? 20 : pkt->proto == udp || pkt->proto == icmp ? 8 : 1;

	return pkt->ip_version == 6 && pkt->frag_offset == 0 && len < least;
}

static bool is_strict(const struct defrag *d, const struct packet *pkt)
{
	enum frag_policy policy = receiver_policy(d, pkt);

	return policy == FRAG_LINUX_MODERN || policy == FRAG_RFC8200;
}

enum defrag_result defrag_add(struct defrag *d, struct packet *pkt)
{
	uint32_t start = pkt->frag_offset, len = (uint32_t)pkt->payload.len;
	enum defrag_result result;
	struct frag_key key;
	struct datagram *g;
	uint64_t hash;

	d->out_len = 0;
	d->fragments[pkt->ip_version == 6]++;
	if (start + len > DATAGRAM_MAX) {
		event(pkt, EVENT_IPV4_FRAG_PKT_TOO_LARGE, EVENT_IPV6_FRAG_PKT_TOO_LARGE);
		return DEFRAG_IGNORED;
	}
	if (pkt->frag_more && len % 8 != 0) {
		if (pkt->ip_version == 6)
			return DEFRAG_IGNORED;  /* RFC 8200 4.5 */
		len &= ~7u;
	}
	if (header_cut(pkt, len) && is_strict(d, pkt)) {
		event(pkt, EVENT_IPV4_FRAG_IGNORED, EVENT_IPV6_FRAG_IGNORED);
		return DEFRAG_IGNORED;
	}
	key_init(d, &key, pkt);
	hash = hash_bytes(&d->key, &key, sizeof(key));
	g = datagram_find(d, &key, hash, pkt->time_ns);
	if (g == NULL)
		g = datagram_new(d, &key, hash, pkt);
	while (d->frags >= d->cfg->defrag_frags && d->oldest != NULL && d->oldest != g)
		shed_oldest(d);
	result = g == NULL ? DEFRAG_SHED : take(d, g, pkt, start, len);
	while (result == DEFRAG_SHED && g != NULL && d->oldest != NULL && d->oldest != g) {
		shed_oldest(d);
		result = take(d, g, pkt, start, len);
	}
	if (result == DEFRAG_SHED) {
		d->shed++;
		event(pkt, EVENT_IPV4_FRAG_IGNORED, EVENT_IPV6_FRAG_IGNORED);
	}
	return result;
}
