/* fingerprint.h - what a host's own SYNs say of its system, and so of how it reads overlaps.
 *
 * Where stream.passive-os-policy is on and host-os-policy doesn't name a host, the policy that its SYNs suggest is
 * assumed for it. It stays a guess: where readings differ, both are inspected all the same (contest.h). */
#ifndef TAPIR_TRACK_FINGERPRINT_H
#define TAPIR_TRACK_FINGERPRINT_H

#include "base/hash.h"
#include "stack/track/config.h"
#include "stack/track/policy.h"

struct os_host;

struct os_hosts {
	struct budget *budget;          /* hosts and the table are charged to it */
	struct hash_key key;
	struct os_host *table;          /* NULL: the option is off, or there was no room */
	uint64_t learned;
};

/* What a SYN suggests: enum overlap_policy, or -1: nothing known looks like it. */
int fingerprint_syn(const struct packet *syn);

/* Where there is no room for the table nothing will be learned. */
void os_hosts_init(struct os_hosts *h, struct budget *budget, const struct hash_key *key);
void os_hosts_fini(struct os_hosts *h);
void os_hosts_learn(struct os_hosts *h, const struct packet *syn);
/* The policy that was suggested for addr, or otherwise. */
uint8_t os_hosts_policy(const struct os_hosts *h, const struct ip_addr *addr, uint8_t ip_version, uint8_t otherwise);

#endif
