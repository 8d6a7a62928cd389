/* config.c - Suricata's keys for flows, streams and fragments, with Suricata's defaults. */
#include "stack/track/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)
#define SEGMENTS_MAX 4096

/* new, established, closed, bypassed: normally, then in an emergency. */
static const uint32_t timeouts_default[2][TIMEOUT_PROTOS][FLOW_BYPASSED + 1] = {
	{
		[TIMEOUT_DEFAULT] = { 30, 300, 0, 100 },
		[TIMEOUT_TCP] = { 30, 300, 120, 100 },
		[TIMEOUT_UDP] = { 30, 300, 0, 100 },
		[TIMEOUT_ICMP] = { 30, 300, 0, 100 },
	},
	{
		[TIMEOUT_DEFAULT] = { 10, 100, 0, 50 },
		[TIMEOUT_TCP] = { 10, 100, 20, 50 },
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

int track_config_read(struct track_config *cfg, const struct conf *conf)
{
	memset(cfg, 0, sizeof(*cfg));
	read_timeouts(cfg, conf);
	cfg->flow_memcap = conf_size(conf, "flow.memcap", 32 * MIB);
	cfg->flow_hash_size = read_u32(conf, "flow.hash-size", 65536);
	cfg->emergency_recovery = read_u32(conf, "flow.emergency-recovery", 30);
	cfg->vlan_tracking = conf_bool(conf, "vlan.use-for-tracking", true);
	cfg->device_tracking = conf_bool(conf, "livedev.use-for-tracking", true);
	cfg->depth_tracking = conf_bool(conf, "decoder.recursion-level.use-for-tracking", true);

	cfg->simulate_ips = conf_bool(conf, "simulate-ips", false);
	cfg->inline_mode = read_inline(conf, cfg->simulate_ips);
	cfg->drop_invalid = conf_bool(conf, "stream.drop-invalid", true);
	cfg->stream_memcap = conf_size(conf, "stream.memcap", 64 * MIB);
	cfg->reassembly_memcap = conf_size(conf, "stream.reassembly.memcap", 256 * MIB);
	cfg->reassembly_depth = conf_size(conf, "stream.reassembly.depth", 0);
	cfg->segments_max = read_u32(conf, "stream.reassembly.max-segments", SEGMENTS_MAX);
	cfg->midstream = conf_bool(conf, "stream.midstream", false);
	cfg->async_oneside = conf_bool(conf, "stream.async-oneside", false);
	cfg->checksum_validation = conf_bool(conf, "stream.checksum-validation", true);
	cfg->checksum_auto = strcmp(conf_str(conf, "pcap-file.checksum-checks", "auto"), "auto") == 0;

	cfg->defrag_memcap = conf_size(conf, "defrag.memcap", 32 * MIB);
	cfg->defrag_timeout = read_u32(conf, "defrag.timeout", 60);
	cfg->defrag_trackers = read_u32(conf, "defrag.trackers", 65535);
	cfg->defrag_frags = read_u32(conf, "defrag.max-frags", 65535);
	if (cfg->flow_memcap == 0 || cfg->segments_max == 0)
		return -EINVAL;
	return 0;
}
