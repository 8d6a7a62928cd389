/* tunables.c - see tunables.h. */
#include "stack/host/tcp/tunables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stack/host/tcp/tcp.h"

#define AT(field) offsetof(struct tcp, tune.field)

struct initial {
	size_t at;
	uint32_t value;
};

/* A row a number: its name, where it is, what it is at first, and its bounds. */
#define ROWS(row)                                                                       \
	row(timestamps, 1, 0, 2) \
	row(sack, 1, 0, 1) \
	row(dsack, 1, 0, 1) \
	row(window_scaling, 1, 0, 1) \
	row(ecn, 2, 0, 2) \
	row(fastopen, 1, 0, UINT32_MAX) \
	row(syncookies, 1, 0, 2) \
	row(somaxconn, 4096, 1, UINT32_MAX) \
	row(syn_retries, 6, 1, 127) \
	row(synack_retries, 5, 0, 127) \
	row(syn_linear_timeouts, 4, 0, 127) \
	row(retries1, 3, 0, 255) \
	row(retries2, 15, 0, 255) \
	row(orphan_retries, 0, 0, 255) \
	row(rto_min_us, 200000, 1, 120000000) \
	row(rto_init_ms, 1000, 1, 120000) \
	row(delack_max_ms, 200, 1, 500) \
	row(quickack, 1, 0, 1) \
	row(init_cwnd, 10, 1, 65535) \
	row(init_rwnd, 0, 0, 65535) \
	row(reordering, 3, 1, 127) \
	row(max_reordering, 300, 1, 65535) \
	row(recovery, 1, 0, 7) \
	row(early_retrans, 3, 0, 4) \
	row(frto, 2, 0, 2) \
	row(slow_start_after_idle, 1, 0, 1) \
	row(keepalive_time, 7200, 1, 2147483) \
	row(keepalive_probes, 9, 1, 255) \
	row(keepalive_intvl, 75, 1, 2147483) \
	row(fin_timeout, 60, 1, 2147483) \
	row(time_wait, 60, 1, 600) \
	row(max_tw_buckets, 65536, 0, UINT32_MAX) \
	row(tw_reuse, 2, 0, 2) \
	row(rfc1337, 0, 0, 1) \
	row(mtu_probing, 0, 0, 2) \
	row(base_mss, 1024, 88, 65535) \
	row(min_snd_mss, 48, 48, 65535) \
	row(moderate_rcvbuf, 1, 0, 1) \
	row(workaround_signed_windows, 0, 0, 1) \
	row(challenge_ack_limit, 1000, 0, UINT32_MAX) \
	row(invalid_ratelimit, 500, 0, UINT32_MAX) \
	row(icmp_may_rst, 0, 0, 1) \
	row(abort_on_overflow, 0, 0, 1) \
	row(insecure_rst, 0, 0, 1) \
	row(drop_synfin, 1, 0, 1) \
	row(stdurg, 0, 0, 1) \
	row(comp_sack_delay_ns, 1000000, 0, 1000000000) \
	row(comp_sack_nr, 44, 0, 255) \
	row(pingpong_thresh, 1, 1, 255) \
	row(hystart, 1, 0, 1) \
	row(fast_convergence, 1, 0, 1) \
	row(beta, 717, 1, 1023)

#define INITIAL(field, value, min, max) { AT(field), value },
#define TUNABLE(field, value, min, max) { "tcp." #field, TUNABLE_U32, AT(field), min, max, NULL, NULL, NULL },
#define ALIAS(name, field, min, max) { "tcp." name, TUNABLE_U32, AT(field), min, max, NULL, NULL, NULL }
#define CALL(name) { "tcp." #name, TUNABLE_CALL, 0, 0, 0, NULL, name##_set, name##_get }

static const struct initial initials[] = { ROWS(INITIAL) };

void tcp_tunables_default(struct tcp *t)
{
	static const uint32_t rmem[3] = { 4096, 131072, 6291456 }, wmem[3] = { 4096, 16384, 4194304 };

	for (unsigned i = 0; i < ARRAY_LEN(initials); i++)
		memcpy((char *)t + initials[i].at, &initials[i].value, sizeof(uint32_t));
	memcpy(t->tune.rmem, rmem, sizeof(rmem));
	memcpy(t->tune.wmem, wmem, sizeof(wmem));
	t->tune.congestion = &tcp_cubic;
}

/* "min default max" */
static int three_set(uint32_t out[3], const char *value)
{
	uint32_t v[3];
	char *end;

	for (unsigned i = 0; i < 3; i++) {
		const unsigned long long n = strtoull(value, &end, 10);

		if (end == value || *value == '-' || n < 1024 || n > 1u << 30)
			return -EINVAL;
		v[i] = (uint32_t)n;
		value = end + strspn(end, " \t,");
	}
	if (*value != '\0')
		return -EINVAL;
	memcpy(out, v, sizeof(v));
	return 0;
}

static int three_get(const uint32_t v[3], char *out, size_t out_len)
{
	snprintf(out, out_len, "%u %u %u", v[0], v[1], v[2]);
	return 0;
}

static int rmem_set(struct tapir_host *h, const char *value)
{
	return three_set(tcp_of(h)->tune.rmem, value);
}

static int rmem_get(struct tapir_host *h, char *out, size_t out_len)
{
	return three_get(tcp_of(h)->tune.rmem, out, out_len);
}

static int wmem_set(struct tapir_host *h, const char *value)
{
	return three_set(tcp_of(h)->tune.wmem, value);
}

static int wmem_get(struct tapir_host *h, char *out, size_t out_len)
{
	return three_get(tcp_of(h)->tune.wmem, out, out_len);
}

static int congestion_control_set(struct tapir_host *h, const char *value)
{
	const struct tcp_congestion *ca = tcp_congestion_find(value);

	if (ca == NULL)
		return -EINVAL;
	tcp_of(h)->tune.congestion = ca;
	return 0;
}

static int congestion_control_get(struct tapir_host *h, char *out, size_t out_len)
{
	snprintf(out, out_len, "%s", tcp_of(h)->tune.congestion->name);
	return 0;
}

/* Four groups of eight hex digits, as Linux has it. */
static int fastopen_key_set(struct tapir_host *h, const char *value)
{
	struct hash_key *key = &tcp_of(h)->fast_open_key;
	uint64_t words[4];
	char *end;

	for (unsigned i = 0; i < 4; i++) {
		words[i] = strtoull(value, &end, 16);
		if (end == value || end - value > 8 || *end != (i < 3 ? '-' : '\0'))
			return -EINVAL;
		value = end + 1;
	}
	key->k0 = words[0] << 32 | words[1];
	key->k1 = words[2] << 32 | words[3];
	return 0;
}

static int fastopen_key_get(struct tapir_host *h, char *out, size_t out_len)
{
	const struct hash_key *key = &tcp_of(h)->fast_open_key;

	snprintf(out, out_len, "%08x-%08x-%08x-%08x", (unsigned)(key->k0 >> 32), (unsigned)key->k0,
		 (unsigned)(key->k1 >> 32), (unsigned)key->k1);
	return 0;
}

const struct tunable tcp_tunables_table[] = {
	ROWS(TUNABLE)
	CALL(rmem),
	CALL(wmem),
	CALL(congestion_control),
	CALL(fastopen_key),
	/* The short names that many know. */
	ALIAS("wscale", window_scaling, 0, 1),
	ALIAS("tfo", fastopen, 0, UINT32_MAX),
	ALIAS("iw", init_cwnd, 1, 65535),
	ALIAS("rack", recovery, 0, 7),
	ALIAS("tlp", early_retrans, 0, 4),
	{ .name = "tcp.cc", .kind = TUNABLE_CALL, .set = congestion_control_set, .get = congestion_control_get },
	{ .name = NULL },
};
