/* multicast.c - groups an interface listens to. IGMPv3 (RFC 3376) and MLDv2 (RFC 3810) speak in the
 * same records, so both are one machine here with two ways of writing: a group is announced when
 * it is joined, again a moment later in case that was lost, and when a router asks; and its end is
 * told twice. While a querier of an older version is heard, its messages are used. */
#include "stack/host/multicast.h"

#include <errno.h>
#include <string.h>

#include "stack/host/ip.h"
#include "stack/wire/checksum.h"
#include "stack/wire/icmp.h"

#define ROBUSTNESS 2
#define UNSOLICITED_NS NS_PER_S         /* Unsolicited Report Interval */
#define OLD_QUERIER_NS (260 * NS_PER_S) /* Older Version Querier Present, with the default intervals */
#define REPORT_LEN_MAX 48

enum igmp_type { IGMP_QUERY = 0x11, IGMP_V1_REPORT = 0x12, IGMP_V2_REPORT = 0x16, IGMP_V2_LEAVE = 0x17,
		 IGMP_V3_REPORT = 0x22 };
enum record_type { MODE_IS_EXCLUDE = 2, CHANGE_TO_INCLUDE = 3, CHANGE_TO_EXCLUDE = 4 };

struct multicast_state {
	uint64_t queries_in, reports_out, leaves_out, bad;
};

struct multicast_group {
	struct multicast_group *next;
	struct netif *netif;
	struct ip_addr addr;
	struct host_timer timer;
	uint32_t users;                 /* 0: leaving */
	uint8_t version;
	uint8_t record;                 /* enum record_type: what the timer is to send */
	uint8_t sends;                  /* how often still */
};

static struct multicast_state *state_of(const struct tapir_host *h)
{
	return h->state[HOST_MULTICAST];
}

static const struct ip_addr all_hosts = { .bytes = { 224, 0, 0, 1 } };
static const struct ip_addr all_routers = { .bytes = { 224, 0, 0, 2 } };
static const struct ip_addr v3_routers = { .bytes = { 224, 0, 0, 22 } };
static const struct ip_addr all_nodes6 = { .bytes = { 0xff, 2, [15] = 1 } };
static const struct ip_addr all_routers6 = { .bytes = { 0xff, 2, [15] = 2 } };
static const struct ip_addr v2_routers6 = { .bytes = { 0xff, 2, [15] = 0x16 } };

static struct multicast_group **group_at(struct netif *nif, uint8_t version, const struct ip_addr *addr)
{
	struct multicast_group **at = &nif->groups;

	while (*at != NULL && ((*at)->version != version || !ip_addr_eq(&(*at)->addr, addr)))
		at = &(*at)->next;
	return at;
}

bool multicast_joined(const struct netif *nif, uint8_t version, const struct ip_addr *group)
{
	const struct multicast_group *g = nif->groups;

	if (ip_addr_eq(group, version == 4 ? &all_hosts : &all_nodes6))
		return true;
	while (g != NULL && (g->version != version || !ip_addr_eq(&g->addr, group)))
		g = g->next;
	return g != NULL && g->users > 0;
}

/* ---- saying so ---- */

/* Nobody needs to be told of groups that don't leave the host, or that all are in. */
static bool is_announced(const struct multicast_group *g)
{
	if (g->netif->device == NULL || !g->netif->ethernet)
		return false;
	return g->version == 4 ? !ip_addr_eq(&g->addr, &all_hosts)
			       : !ip_addr_eq(&g->addr, &all_nodes6) && (g->addr.bytes[1] & 15) > 1;
}

static uint64_t old_querier(const struct multicast_group *g)
{
	return g->netif->old_querier_until[g->version == 6];
}

static void write4(struct writer *w, const struct multicast_group *g, struct ip_addr *dst)
{
	const bool old = old_querier(g) > g->netif->host->now_ns;
	const bool leave = g->record == CHANGE_TO_INCLUDE;

	if (old) {
		*dst = leave ? all_routers : g->addr;
		write_u8(w, leave ? IGMP_V2_LEAVE : g->netif->old_querier_v1 ? IGMP_V1_REPORT : IGMP_V2_REPORT);
		write_u8(w, 0);
		write_be16(w, 0);
		write_bytes(w, g->addr.bytes, 4);
	} else {
		*dst = v3_routers;
		write_u8(w, IGMP_V3_REPORT);
		write_u8(w, 0);
		write_be16(w, 0);
		write_be16(w, 0);
		write_be16(w, 1);       /* one record, without sources */
		write_u8(w, g->record);
		write_u8(w, 0);
		write_be16(w, 0);
		write_bytes(w, g->addr.bytes, 4);
	}
	store_be16(w->start + 2, checksum(w->start, writer_len(w)));
}

static void write6(struct writer *w, const struct multicast_group *g, struct ip_addr *dst)
{
	const bool old = old_querier(g) > g->netif->host->now_ns;
	const bool leave = g->record == CHANGE_TO_INCLUDE;
	const struct icmp_header header = {
		.type = !old ? ICMPV6_MLD2_REPORT : leave ? ICMPV6_MLD_DONE : ICMPV6_MLD_REPORT, .rest = !old,
	};

	icmp_build(w, &header);
	if (old) {
		*dst = leave ? all_routers6 : g->addr;
	} else {
		*dst = v2_routers6;
		write_u8(w, g->record);
		write_u8(w, 0);
		write_be16(w, 0);
	}
	write_bytes(w, g->addr.bytes, 16);
}

static void report(struct multicast_group *g)
{
	struct netif *nif = g->netif;
	struct tapir_host *h = nif->host;
	struct pbuf *p = pbuf_get(h, PBUF_HEADROOM, REPORT_LEN_MAX);
	struct ip_send how = {
		.version = g->version, .proto = g->version == 4 ? PROTO_IGMP : PROTO_ICMPV6, .ttl = 1, .netif = nif->index,
		.router_alert = true, .fragment = IP_FRAGMENT_NEVER, .tos = g->version == 4 ? 0xc0 : 0,
	};
	struct writer w;

	if (p == NULL)
		return;
	w = writer_of(p->data, REPORT_LEN_MAX);
	if (g->version == 4)
		write4(&w, g, &how.dst);
	else
		write6(&w, g, &how.dst);
	p->len = (uint32_t)writer_len(&w);
	/* IPv6: from the link-local address, or from none while that is being tested (RFC 3590). */
	for (const struct netif_address *a = nif->addresses; a != NULL && ip_addr_zero(&how.src); a = a->next)
		if (a->version == g->version && (a->version == 4 || ip_link_local(6, &a->addr)) &&
		    (a->state == ADDRESS_PREFERRED || a->state == ADDRESS_DEPRECATED))
			how.src = a->addr;
	how.unspecified = ip_addr_zero(&how.src);
	if (g->version == 6)
		l4_checksum_set(p->data, p->len, PROTO_ICMPV6, 6, &how.src, &how.dst);
	if (g->record == CHANGE_TO_INCLUDE)
		state_of(h)->leaves_out++;
	else
		state_of(h)->reports_out++;
	ip_send(h, p, &how);
}

static void group_free(struct netif *nif, struct multicast_group *g)
{
	struct multicast_group **at = group_at(nif, g->version, &g->addr);

	*at = g->next;
	host_timer_cancel(nif->host, &g->timer);
	host_free(nif->host, g, sizeof(*g));
}

static void group_timer(struct tapir_host *h, struct host_timer *t)
{
	struct multicast_group *g = (struct multicast_group *)((uint8_t *)t - offsetof(struct multicast_group, timer));

	report(g);
	if (--g->sends)
		host_timer_arm(h, t, h->now_ns + NS_PER_MS * host_random_below(h, UNSOLICITED_NS / NS_PER_MS));
	else if (g->users == 0)
		group_free(g->netif, g);
}

/* Now, and again later. */
static void announce(struct multicast_group *g, enum record_type record)
{
	g->record = (uint8_t)record;
	g->sends = ROBUSTNESS;
	group_timer(g->netif->host, &g->timer);
}

/* ---- joining and leaving ---- */

int multicast_join(struct netif *nif, uint8_t version, const struct ip_addr *addr)
{
	struct multicast_group *g = *group_at(nif, version, addr);

	if (g == NULL) {
		g = host_alloc(nif->host, sizeof(*g));
		if (g == NULL)
			return -ENOMEM;
		g->netif = nif;
		g->addr = *addr;
		g->version = version;
		host_timer_init(&g->timer, group_timer);
		g->next = nif->groups;
		nif->groups = g;
	}
	if (g->users++ == 0 && is_announced(g)) {
		host_timer_cancel(nif->host, &g->timer);
		announce(g, CHANGE_TO_EXCLUDE);
	}
	return 0;
}

int multicast_leave(struct netif *nif, uint8_t version, const struct ip_addr *addr)
{
	struct multicast_group *g = *group_at(nif, version, addr);

	if (g == NULL || g->users == 0)
		return -EADDRNOTAVAIL;
	if (--g->users)
		return 0;
	host_timer_cancel(nif->host, &g->timer);
	if (is_announced(g))
		announce(g, CHANGE_TO_INCLUDE);
	else
		group_free(nif, g);
	return 0;
}

int multicast_netif_up(struct netif *nif)
{
	return nif->ethernet ? multicast_join(nif, 4, &all_hosts) : 0;
}

void multicast_netif_gone(struct netif *nif)
{
	while (nif->groups != NULL)
		group_free(nif, nif->groups);
}

struct ip_addr multicast_solicited(const struct ip_addr *addr)
{
	struct ip_addr g = { .bytes = { 0xff, 2, [11] = 1, [12] = 0xff } };

	memcpy(g.bytes + 13, addr->bytes + 13, 3);
	return g;
}

int multicast_solicited_join(struct netif *nif, const struct ip_addr *addr)
{
	const struct ip_addr group = multicast_solicited(addr);

	return multicast_join(nif, 6, &group);
}

void multicast_solicited_leave(struct netif *nif, const struct ip_addr *addr)
{
	const struct ip_addr group = multicast_solicited(addr);

	multicast_leave(nif, 6, &group);
}

void multicast_mac(uint8_t version, const struct ip_addr *group, uint8_t mac[6])
{
	if (version == 4) {
		const uint8_t m[6] = { 1, 0, 0x5e, group->bytes[1] & 0x7f, group->bytes[2], group->bytes[3] };

		memcpy(mac, m, 6);
	} else {
		mac[0] = mac[1] = 0x33;
		memcpy(mac + 2, group->bytes + 12, 4);
	}
}

/* ---- being asked ---- */

/* RFC 3376 4.1.1: from 128 on it is a small floating point number. */
static uint32_t code_value(uint32_t code)
{
	return code < 128 ? code : ((code & 15) | 16) << ((code >> 4 & 7) + 3);
}

static uint32_t code_value16(uint32_t code)
{
	return code < 32768 ? code : ((code & 0xfff) | 0x1000) << ((code >> 12 & 7) + 3);
}

/* All groups (group all zero), or one, within max_ns. */
static void queried(struct netif *nif, uint8_t version, const struct ip_addr *group, uint64_t max_ns)
{
	struct tapir_host *h = nif->host;

	for (struct multicast_group *g = nif->groups; g != NULL; g = g->next) {
		uint64_t due;

		if (g->version != version || g->users == 0 || !is_announced(g) ||
		    (!ip_addr_zero(group) && !ip_addr_eq(group, &g->addr)))
			continue;
		due = h->now_ns + max_ns / 1024 * host_random_below(h, 1024);
		if (host_timer_armed(&g->timer) && g->timer.due <= due)
			continue;
		if (!host_timer_armed(&g->timer))
			g->sends = 1;
		g->record = MODE_IS_EXCLUDE;
		host_timer_arm(h, &g->timer, due);
	}
}

static bool igmp_input(struct tapir_host *h, const struct ip_input *in)
{
	const struct packet *pkt = in->pkt;
	const struct slice m = slice_of(pkt->l4, pkt->ip_len - (size_t)(pkt->l4 - pkt->ip));
	struct netif *nif = in->netif;
	struct ip_addr group;

	if (pkt->ip_version != 4)
		return false;
	if (m.len < 8 || checksum(m.data, m.len) != 0) {
		state_of(h)->bad++;
		return true;
	}
	if (m.data[0] != IGMP_QUERY)
		return true;
	state_of(h)->queries_in++;
	group = ip_addr_v4(m.data + 4);
	if (m.len < 12) {               /* RFC 3376 7.1: eight bytes are an older version's */
		nif->old_querier_until[0] = h->now_ns + OLD_QUERIER_NS;
		nif->old_querier_v1 = m.data[1] == 0;
		queried(nif, 4, &group, (m.data[1] ? m.data[1] : 100) * NS_PER_S / 10);
	} else {
		queried(nif, 4, &group, code_value(m.data[1]) * NS_PER_S / 10);
	}
	return true;
}

void mld_input(struct tapir_host *h, const struct ip_input *in)
{
	const struct packet *pkt = in->pkt;
	const struct slice m = slice_of(pkt->l4, pkt->ip_len - (size_t)(pkt->l4 - pkt->ip));
	struct netif *nif = in->netif;
	struct ip_addr group;

	if (pkt->icmp_type != ICMPV6_MLD_QUERY)
		return;
	if (m.len < 24 || pkt->ttl != 1 || !ip_link_local(6, &pkt->src)) {
		state_of(h)->bad++;
		return;
	}
	state_of(h)->queries_in++;
	group = ip_addr_v6(m.data + 8);
	if (m.len < 28) {
		nif->old_querier_until[1] = h->now_ns + OLD_QUERIER_NS;
		queried(nif, 6, &group, load_be16(m.data + 4) * NS_PER_MS);
	} else {
		queried(nif, 6, &group, code_value16(load_be16(m.data + 4)) * NS_PER_MS);
	}
}

#define FIELD(f) offsetof(struct multicast_state, f)

static const struct counter_row counters[] = {
	{ "multicast.queries_in", FIELD(queries_in) },
	{ "multicast.reports_out", FIELD(reports_out) },
	{ "multicast.leaves_out", FIELD(leaves_out) },
	{ "multicast.bad", FIELD(bad) },
	{ NULL, 0 },
};

const struct host_protocol multicast_protocol = {
	.name = "multicast",
	.index = HOST_MULTICAST,
	.proto = { PROTO_IGMP },
	.state_size = sizeof(struct multicast_state),
	.input = igmp_input,
	.counters = counters,
};
