/* config.c - Suricata's keys for flows, streams and fragments, with Suricata's defaults. */
#include "stack/track/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "stack/track/policy.h"

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)
#define SEGMENTS_MAX 4096
#define SYN_QUEUED_MAX 10
#define SYNACK_QUEUED_MAX 5

/* new, established, closed, bypassed: normally, then in an emergency. */
static const uint32_t timeouts_default[2][TIMEOUT_PROTOS][FLOW_BYPASSED + 1] = {
	{
		[TIMEOUT_DEFAULT] = { 30, 300, 0, 100 },
		[TIMEOUT_TCP] = { 30, 300, 10, 100 },
		[TIMEOUT_UDP] = { 30, 300, 0, 100 },
		[TIMEOUT_ICMP] = { 30, 300, 0, 100 },
	},
	{
		[TIMEOUT_DEFAULT] = { 10, 100, 0, 50 },
		[TIMEOUT_TCP] = { 10, 100, 5, 50 },
		[TIMEOUT_UDP] = { 10, 100, 0, 50 },
		[TIMEOUT_ICMP] = { 10, 100, 0, 50 },
	},
};

static const char *const timeout_protos[TIMEOUT_PROTOS] = { "default", "tcp", "udp", "icmp" };
static const char *const timeout_states[FLOW_BYPASSED + 1] = { "new", "established", "closed",
							       "bypassed" };

static uint32_t read_u32(const struct conf *conf, const char *path, uint32_t otherwise)
{
	int64_t v = conf_int(conf, path, otherwise);

	return v < 0 ? 0 : v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static void read_timeouts(struct track_config *cfg, const struct conf *conf)
{
	char path[64];

	memcpy(cfg->timeouts, timeouts_default, sizeof(cfg->timeouts));
	for (unsigned emergency = 0; emergency < 2; emergency++) {
		for (unsigned p = 0; p < TIMEOUT_PROTOS; p++) {
			for (unsigned s = 0; s <= FLOW_BYPASSED; s++) {
				uint32_t *v = &cfg->timeouts[emergency][p][s];

				snprintf(path, sizeof(path), "flow-timeouts.%s.%s%s", timeout_protos[p],
					 emergency ? "emergency-" : "", timeout_states[s]);
				*v = read_u32(conf, path, *v);
			}
		}
	}
}

/* yes, no, or auto: which follows what the run is. */
static bool read_inline(const struct conf *conf, bool ips)
{
	const char *text = conf_str(conf, "stream.inline", "auto");
	bool yes;

	if (strcmp(text, "auto") == 0 || conf_parse_bool(text, &yes) < 0)
		return ips;
	return yes;
}

/* "10.0.0.0/8", "2001:db8::1": 0 or -EINVAL. */
static int parse_network(const char *text, struct host_policy *out)
{
	char addr[64];
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	int64_t prefix;

	if (len >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, len);
	addr[len] = 0;
	memset(&out->addr, 0, sizeof(out->addr));
	if (inet_pton(AF_INET, addr, out->addr.bytes) == 1)
		out->ip_version = 4;
	else if (inet_pton(AF_INET6, addr, out->addr.bytes) == 1)
		out->ip_version = 6;
	else
		return -EINVAL;
	prefix = out->ip_version == 4 ? 32 : 128;
	if (slash != NULL) {
		int64_t max = prefix;

		if (conf_parse_int(slash + 1, &prefix) < 0 || prefix < 0 || prefix > max)
			return -EINVAL;
	}
	out->prefix = (uint8_t)prefix;
	return 0;
}

static int add_network(struct track_config *cfg, enum overlap_policy policy, const char *text)
{
	struct host_policy new, *wider;
	uint32_t at = 0;
	int err = parse_network(text, &new);

	if (err < 0)
		return err;
	new.policy = (uint8_t)policy;
	wider = realloc(cfg->policies, (cfg->policy_count + 1) * sizeof(*wider));
	if (wider == NULL)
		return -ENOMEM;
	cfg->policies = wider;
	while (at < cfg->policy_count && wider[at].prefix >= new.prefix)
		at++;
	memmove(&wider[at + 1], &wider[at], (cfg->policy_count - at) * sizeof(*wider));
	wider[at] = new;
	cfg->policy_count++;
	return 0;
}

/* A list, or "[a, b]" written as one string. */
static int read_networks(struct track_config *cfg, enum overlap_policy policy, const struct conf *node)
{
	char text[512], *save = NULL;

	for (const struct conf *k = node->first; k != NULL; k = k->next) {
		int err = k->value != NULL ? add_network(cfg, policy, k->value) : 0;

		if (err < 0)
			return err;
	}
	if (node->value == NULL)
		return 0;
	snprintf(text, sizeof(text), "%s", node->value);
	for (char *word = strtok_r(text, "[], ", &save); word != NULL;
	     word = strtok_r(NULL, "[], ", &save)) {
		int err = add_network(cfg, policy, word);

		if (err < 0)
			return err;
	}
	return 0;
}

static int read_policies(struct track_config *cfg, const struct conf *conf)
{
	const struct conf *node = conf_find(conf, "host-os-policy");

	cfg->policies_configured = node != NULL;
	for (const struct conf *k = node != NULL ? node->first : NULL; k != NULL; k = k->next) {
		int policy = overlap_policy_find(k->name), err;
		char path[96];

		if (policy < 0)
			return -EINVAL;
		snprintf(path, sizeof(path), "host-os-policy.%s", k->name);
		err = read_networks(cfg, (enum overlap_policy)policy, conf_find(conf, path));
		if (err < 0)
			return err;
	}
	return 0;
}

static bool prefix_matches(const struct host_policy *p, const struct ip_addr *addr)
{
	unsigned bytes = p->prefix / 8, bits = p->prefix % 8;

	if (memcmp(p->addr.bytes, addr->bytes, bytes) != 0)
		return false;
	return bits == 0 || ((p->addr.bytes[bytes] ^ addr->bytes[bytes]) >> (8 - bits)) == 0;
}

static const struct host_policy *policy_find(const struct track_config *cfg, const struct ip_addr *addr,
					     uint8_t ip_version)
{
	for (uint32_t i = 0; i < cfg->policy_count; i++) {
		if (cfg->policies[i].ip_version == ip_version && prefix_matches(&cfg->policies[i], addr))
			return &cfg->policies[i];
	}
	return NULL;
}

uint8_t host_policy(const struct track_config *cfg, const struct ip_addr *addr, uint8_t ip_version,
		    uint8_t otherwise)
{
	const struct host_policy *p = policy_find(cfg, addr, ip_version);

	if (p != NULL)
		return p->policy;
	return cfg->policies_configured ? OVERLAP_BSD : otherwise;
}

bool host_policy_known(const struct track_config *cfg, const struct ip_addr *addr, uint8_t ip_version)
{
	return policy_find(cfg, addr, ip_version) != NULL;
}

void track_config_fini(struct track_config *cfg)
{
	free(cfg->policies);
	cfg->policies = NULL;
	cfg->policy_count = 0;
}

static uint8_t read_urgent(const struct conf *conf)
{
	static const char *const names[] = { "oob", "inline", "drop", "gap" };
	const char *text = conf_str(conf, "stream.reassembly.urgent.policy", "oob");

	for (uint8_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(text, names[i]) == 0)
			return i;
	}
	return URGENT_OOB;
}

static void read_stream(struct track_config *cfg, const struct conf *conf)
{
	cfg->simulate_ips = conf_bool(conf, "simulate-ips", false);
	cfg->inline_mode = read_inline(conf, cfg->simulate_ips);
	cfg->drop_invalid = conf_bool(conf, "stream.drop-invalid", true);
	cfg->stream_memcap = conf_size(conf, "stream.memcap", 64 * MIB);
	cfg->reassembly_memcap = conf_size(conf, "stream.reassembly.memcap", 256 * MIB);
	cfg->reassembly_depth = conf_size(conf, "stream.reassembly.depth", 0);
	cfg->segments_max = read_u32(conf, "stream.reassembly.max-segments", SEGMENTS_MAX);
	cfg->midstream = conf_bool(conf, "stream.midstream", false);
	cfg->async_oneside = conf_bool(conf, "stream.async-oneside", false);
	cfg->liberal_timestamps = conf_bool(conf, "stream.liberal-timestamps", true);
	cfg->syn_queued_max = read_u32(conf, "stream.max-syn-queued", SYN_QUEUED_MAX);
	if (cfg->syn_queued_max > SYN_QUEUED_MAX)
		cfg->syn_queued_max = SYN_QUEUED_MAX;
	cfg->synack_queued_max = read_u32(conf, "stream.max-synack-queued", SYNACK_QUEUED_MAX);
	cfg->urgent = read_urgent(conf);
	cfg->passive_policies = conf_bool(conf, "stream.passive-os-policy", false);
	cfg->checksum_validation = conf_bool(conf, "stream.checksum-validation", true);
	cfg->checksum_auto = strcmp(conf_str(conf, "pcap-file.checksum-checks", "auto"), "auto") == 0;
	if (!cfg->checksum_auto && !conf_bool(conf, "pcap-file.checksum-checks", true))
		cfg->checksum_validation = false;
}

int track_config_read(struct track_config *cfg, const struct conf *conf)
{
	int err;

	memset(cfg, 0, sizeof(*cfg));
	read_timeouts(cfg, conf);
	cfg->flow_memcap = conf_size(conf, "flow.memcap", 32 * MIB);
	cfg->flow_hash_size = read_u32(conf, "flow.hash-size", 65536);
	cfg->emergency_recovery = read_u32(conf, "flow.emergency-recovery", 30);
	cfg->vlan_tracking = conf_bool(conf, "vlan.use-for-tracking", true);
	cfg->device_tracking = conf_bool(conf, "livedev.use-for-tracking", true);
	cfg->depth_tracking = conf_bool(conf, "decoder.recursion-level.use-for-tracking", true);
	read_stream(cfg, conf);
	cfg->defrag_memcap = conf_size(conf, "defrag.memcap", 32 * MIB);
	cfg->defrag_timeout = read_u32(conf, "defrag.timeout", 60);
	cfg->defrag_trackers = read_u32(conf, "defrag.trackers", 65535);
	cfg->defrag_frags = read_u32(conf, "defrag.max-frags", 65535);
	err = read_policies(cfg, conf);
	if (err == 0 && (cfg->flow_memcap == 0 || cfg->segments_max == 0))
		err = -EINVAL;
	if (err < 0)
		track_config_fini(cfg);
	return err;
}
