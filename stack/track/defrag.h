/* defrag.h - fragments become datagrams again, as the receiving host would put them together. */
#ifndef TAPIR_TRACK_DEFRAG_H
#define TAPIR_TRACK_DEFRAG_H

#include "base/hash.h"
#include "stack/track/config.h"
#include "stack/track/fingerprint.h"
#include "stack/track/policy.h"

enum frag_policy {
	FRAG_LINUX_MODERN,      /* kernels since 4.20 */
	FRAG_RFC8200,           /* any overlap ends the datagram, exact duplicates don't */
	FRAG_FIRST,
	FRAG_LAST,
	FRAG_BSD,
	FRAG_BSD_RIGHT,
	FRAG_LINUX,             /* kernels before 4.20 */
	FRAG_WINDOWS,
	FRAG_SOLARIS,
	FRAG_POLICIES,
};

extern const char *const frag_policy_names[FRAG_POLICIES];
/* How hosts with this TCP overlap policy put fragments together. */
enum frag_policy frag_policy_of(enum overlap_policy policy);
/* True where the new bytes replace the old ones. */
bool frag_new_wins(enum frag_policy policy, enum overlap how);

enum defrag_result {
	DEFRAG_HELD,
	DEFRAG_DONE,            /* out holds the datagram */
	DEFRAG_IGNORED,         /* the receiver ignores it, or drops the whole datagram for it */
	DEFRAG_SHED,            /* no room */
};

struct datagram;                        /* one that is being put together */

struct defrag {
	const struct track_config *cfg;
	const struct os_hosts *hosts;   /* what SYNs suggest, or NULL */
	struct budget budget;
	struct hash_key key;
	struct datagram **buckets;
	uint32_t mask;
	uint32_t count, frags;
	struct datagram *oldest, *newest;       /* by their first fragment */
	uint8_t *out;
	uint32_t out_len;
	uint64_t fragments[2], done[2], timeouts[2], shed, overlaps;    /* [1] = IPv6 */
};

/* Returns 0 or -ENOMEM. */
int defrag_init(struct defrag *d, struct mem *mem, const struct track_config *cfg,
		const struct hash_key *key);
void defrag_fini(struct defrag *d);
/* Takes one fragment; events go to pkt. */
enum defrag_result defrag_add(struct defrag *d, struct packet *pkt);
/* Drops what has waited too long; bounded work. */
void defrag_expire(struct defrag *d, uint64_t now_ns);

#endif
