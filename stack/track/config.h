/* config.h - what the tracker reads from the configuration, once.
 *
 * Keys and defaults are Suricata's: flow.*, flow-timeouts.*, stream.*, defrag.*, host-os-policy,
 * vlan.use-for-tracking, livedev.use-for-tracking, decoder.recursion-level.use-for-tracking. */
#ifndef TAPIR_TRACK_CONFIG_H
#define TAPIR_TRACK_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "stack/track/flow.h"

enum timeout_proto { TIMEOUT_DEFAULT, TIMEOUT_TCP, TIMEOUT_UDP, TIMEOUT_ICMP, TIMEOUT_PROTOS };

/* What becomes of TCP's urgent byte: RFC 6093 2. */
enum urgent_policy { URGENT_OOB, URGENT_INLINE, URGENT_DROP, URGENT_GAP };

struct track_config {
	/* seconds, by enum timeout_proto and enum flow_state; [1] = in an emergency */
	uint32_t timeouts[2][TIMEOUT_PROTOS][FLOW_BYPASSED + 1];
	uint64_t flow_memcap;
	uint32_t flow_hash_size;
	uint32_t emergency_recovery;    /* percent of the memcap that must be free again */
	bool vlan_tracking;
	bool device_tracking;
	bool depth_tracking;

	uint64_t stream_memcap;         /* connections */
	uint64_t reassembly_memcap;     /* their data */
	uint64_t reassembly_depth;      /* 0 = no limit */
	uint32_t segments_max;          /* out-of-order segments a stream may hold */
	bool midstream;
	bool async_oneside;
	bool checksum_validation;
	bool checksum_auto;             /* pcap-file.checksum-checks: auto */
	bool inline_mode;
	bool simulate_ips;
	bool drop_invalid;
	bool liberal_timestamps;
	uint8_t urgent;                 /* enum urgent_policy */
	uint32_t syn_queued_max, synack_queued_max;
	bool policies_configured;
	bool passive_policies;          /* stream.passive-os-policy: SYNs suggest what host-os-policy leaves open */
	uint32_t policy_count;          /* host-os-policy, longest prefix first */
	struct host_policy *policies;

	uint64_t defrag_memcap;
	uint32_t defrag_timeout;
	uint32_t defrag_trackers;
	uint32_t defrag_frags;
};

/* What a configuration says about a network's hosts. IPv4 prefixes are those of the first four bytes. */
struct host_policy {
	struct ip_addr addr;
	uint8_t ip_version;
	uint8_t prefix;
	uint8_t policy;                 /* enum overlap_policy */
};

/* The policy of the longest prefix. Where nothing is configured, that of the reassembly is linux and
 * that of the observer bsd, as Suricata has it; both get bsd where something is, but not for addr. */
uint8_t host_policy(const struct track_config *cfg, const struct ip_addr *addr, uint8_t ip_version,
		    uint8_t otherwise);

/* False where nobody has said what addr runs. */
bool host_policy_known(const struct track_config *cfg, const struct ip_addr *addr, uint8_t ip_version);

/* Returns 0, or -EINVAL where a value can't be taken. conf may be NULL: all defaults. */
int track_config_read(struct track_config *cfg, const struct conf *conf);
void track_config_fini(struct track_config *cfg);

#endif
