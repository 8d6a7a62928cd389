/* dhcp.c - a DHCP client (RFC 2131): discover, request, test that nobody has the address (RFC 5227),
 * bind; renew with the server at T1, with anybody at T2, and begin again where the lease ends.
 *
 * An answer counts if it carries our transaction number and our link address, and comes from the
 * server that was chosen. What is lost is sent again after 4, 8, ... 64 seconds, give or take one. */
#include "stack/host/dhcp.h"

#include <errno.h>
#include <string.h>

#include "stack/host/ip.h"
#include "stack/host/neighbour.h"
#include "stack/host/route.h"
#include "stack/wire/arp.h"
#include "stack/wire/udp.h"

#define CLIENT_PORT 68
#define SERVER_PORT 67
#define MAGIC 0x63825363u
#define FIXED_LEN 236
#define MESSAGE_MAX 576
#define MESSAGE_MIN 300                 /* what old relays expect */
#define RETRY_FIRST_NS (4 * NS_PER_S)
#define RETRY_MAX_NS (64 * NS_PER_S)
#define PROBE_NS (NS_PER_S / 2)
#define DECLINE_WAIT_NS (10 * NS_PER_S) /* RFC 2131 3.1.5 */
#define RENEW_RETRY_MIN_NS (60 * NS_PER_S)
#define ROUTES_MAX 16
#define ROUTE_METRIC 100
#define MTU_MIN 576

enum dhcp_state { DHCP_SELECTING, DHCP_REQUESTING, DHCP_PROBING, DHCP_BOUND, DHCP_RENEWING, DHCP_REBINDING,
		  DHCP_DECLINED };
enum dhcp_type { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE };
enum dhcp_option { OPT_MASK = 1, OPT_ROUTER = 3, OPT_MTU = 26, OPT_ADDRESS = 50, OPT_LEASE = 51, OPT_TYPE = 53,
		   OPT_SERVER = 54, OPT_PARAMETERS = 55, OPT_LEN_MAX = 57, OPT_T1 = 58, OPT_T2 = 59, OPT_CLIENT = 61,
		   OPT_ROUTES = 121, OPT_END = 255 };

struct dhcp_lease {
	struct ip_addr addr, server;
	uint8_t prefix_len;
	uint8_t type;
	uint32_t lease_s, t1_s, t2_s;
	uint32_t mtu;
	struct slice routers, routes;   /* within the message */
};

struct dhcp_client {
	struct netif *netif;
	struct host_timer timer;
	uint8_t state;                  /* enum dhcp_state */
	uint32_t xid;
	uint64_t started_ns, retry_ns;
	struct dhcp_lease offer;        /* what is asked for; its slices are empty */
	uint64_t t2_at, ends_at;
};

struct dhcp_state_counters {
	uint64_t sent, received, bad, bound, declined, naks;
};

static struct dhcp_state_counters *state_of(const struct tapir_host *h)
{
	return h->state[HOST_DHCP];
}

/* ---- messages ---- */

static void option(struct writer *w, uint8_t code, const void *data, uint8_t len)
{
	write_u8(w, code);
	write_u8(w, len);
	write_bytes(w, data, len);
}

static void message_write(struct writer *w, const struct dhcp_client *c, enum dhcp_type type)
{
	static const uint8_t parameters[] = { OPT_MASK, OPT_ROUTER, OPT_MTU, OPT_LEASE, OPT_SERVER, OPT_T1, OPT_T2, OPT_ROUTES };
	const struct netif *nif = c->netif;
	const uint64_t secs = (nif->host->now_ns - c->started_ns) / NS_PER_S;
	const bool has_address = c->state == DHCP_RENEWING || c->state == DHCP_REBINDING || type == RELEASE;
	const uint8_t type_byte = (uint8_t)type, len_max[2] = { MESSAGE_MAX >> 8, MESSAGE_MAX & 255 };
	uint8_t client[7] = { 1 };

	write_u8(w, 1);                 /* a request, over Ethernet */
	write_u8(w, 1);
	write_u8(w, 6);
	write_u8(w, 0);
	write_be32(w, c->xid);
	write_be16(w, secs > 65535 ? 65535 : (uint16_t)secs);
	write_be16(w, 0);               /* we hear what is sent to the address to be: no broadcast needed */
	write_be32(w, has_address ? load_be32(c->offer.addr.bytes) : 0);
	memset(write_room(w, 12), 0, 12);
	write_bytes(w, nif->mac, 6);
	memset(write_room(w, FIXED_LEN - 34), 0, FIXED_LEN - 34);
	write_be32(w, MAGIC);
	option(w, OPT_TYPE, &type_byte, 1);
	memcpy(client + 1, nif->mac, 6);
	option(w, OPT_CLIENT, client, sizeof(client));
	if ((type == REQUEST && !has_address) || type == DECLINE)
		option(w, OPT_ADDRESS, c->offer.addr.bytes, 4);
	if ((type == REQUEST && !has_address) || type == DECLINE || type == RELEASE)
		option(w, OPT_SERVER, c->offer.server.bytes, 4);
	if (type == DISCOVER || type == REQUEST) {
		option(w, OPT_LEN_MAX, len_max, 2);
		option(w, OPT_PARAMETERS, parameters, sizeof(parameters));
	}
	write_u8(w, OPT_END);
	while (writer_len(w) < MESSAGE_MIN)
		write_u8(w, 0);
}

static void message_send(struct dhcp_client *c, enum dhcp_type type)
{
	struct tapir_host *h = c->netif->host;
	const bool has_address = c->state == DHCP_RENEWING || c->state == DHCP_REBINDING || type == RELEASE;
	struct ip_send how = {
		.version = 4, .proto = PROTO_UDP, .dst = { .words = { UINT32_MAX } }, .netif = c->netif->index,
		.broadcast = true, .unspecified = !has_address, .fragment = IP_FRAGMENT_LOCAL,
	};
	struct pbuf *p = pbuf_get(h, PBUF_HEADROOM, MESSAGE_MAX);
	struct udp_header udp = { .src_port = CLIENT_PORT, .dst_port = SERVER_PORT };
	struct writer w;

	if (p == NULL)
		return;
	if (has_address)
		how.src = c->offer.addr;
	if (c->state == DHCP_RENEWING || type == RELEASE)
		how.dst = c->offer.server;
	w = writer_of(p->data + UDP_HEADER_LEN, MESSAGE_MAX - UDP_HEADER_LEN);
	message_write(&w, c, type);
	udp.payload_len = (uint16_t)writer_len(&w);
	p->len = UDP_HEADER_LEN + udp.payload_len;
	w = writer_of(p->data, UDP_HEADER_LEN);
	udp_build(&w, &udp);
	l4_checksum_set(p->data, p->len, PROTO_UDP, 4, &how.src, &how.dst);
	state_of(h)->sent++;
	ip_send(h, p, &how);
}

static uint8_t mask_len(uint32_t mask)
{
	return mask == 0 ? 0 : (uint8_t)(32 - __builtin_ctz(mask));
}

/* False where it isn't an answer for us that can be read. */
static bool message_read(const struct dhcp_client *c, struct slice m, struct dhcp_lease *l)
{
	struct reader in = reader_slice(slice_skip(m, FIXED_LEN));
	uint32_t value;

	*l = (struct dhcp_lease){ 0 };
	if (m.len < FIXED_LEN + 4 || m.data[0] != 2 || load_be32(m.data + 4) != c->xid ||
	    memcmp(m.data + 28, c->netif->mac, 6) != 0 || read_be32(&in) != MAGIC)
		return false;
	l->addr = ip_addr_v4(m.data + 16);
	l->prefix_len = l->addr.bytes[0] < 128 ? 8 : l->addr.bytes[0] < 192 ? 16 : 24;
	while (reader_left(&in)) {
		const uint8_t code = read_u8(&in);
		struct slice o;

		if (code == 0)
			continue;
		if (code == OPT_END)
			break;
		o = read_slice(&in, read_u8(&in));
		if (in.ran_out)
			return false;
		value = o.len >= 4 ? load_be32(o.data) : 0;
		switch (code) {
		case OPT_TYPE:
			l->type = o.len == 1 ? o.data[0] : 0;
			break;
		case OPT_MASK:
			if (o.len == 4)
				l->prefix_len = mask_len(value);
			break;
		case OPT_SERVER:
			if (o.len == 4)
				l->server = ip_addr_v4(o.data);
			break;
		case OPT_LEASE:         l->lease_s = value; break;
		case OPT_T1:            l->t1_s = value; break;
		case OPT_T2:            l->t2_s = value; break;
		case OPT_ROUTER:        l->routers = o; break;
		case OPT_ROUTES:        l->routes = o; break;
		case OPT_MTU:
			l->mtu = o.len == 2 ? load_be16(o.data) : 0;
			break;
		}
	}
	return l->type != 0;
}

/* ---- the lease ---- */

static void discover(struct dhcp_client *c)
{
	struct tapir_host *h = c->netif->host;

	c->state = DHCP_SELECTING;
	c->xid = host_random32(h);
	c->started_ns = h->now_ns;
	c->retry_ns = RETRY_FIRST_NS;
	c->offer = (struct dhcp_lease){ 0 };
	message_send(c, DISCOVER);
	host_timer_arm(h, &c->timer, h->now_ns + c->retry_ns + NS_PER_MS * host_random_below(h, 1000));
}

static void retry(struct dhcp_client *c)
{
	struct tapir_host *h = c->netif->host;

	c->retry_ns = c->retry_ns * 2 > RETRY_MAX_NS ? RETRY_MAX_NS : c->retry_ns * 2;
	message_send(c, c->state == DHCP_SELECTING ? DISCOVER : REQUEST);
	host_timer_arm(h, &c->timer, h->now_ns + c->retry_ns - NS_PER_S + NS_PER_MS * host_random_below(h, 2000));
}

static void lease_drop(struct dhcp_client *c)
{
	struct netif_address *a = address_find(c->netif->host, 4, &c->offer.addr);

	route_remove_netif(c->netif->host, c->netif->index, ROUTE_DHCP);
	if (a != NULL && a->netif == c->netif && a->origin == ADDRESS_DHCP)
		address_remove(c->netif, a);
}

static void default_route(struct netif *nif, const uint8_t *gateway)
{
	const struct route r = {
		.version = 4, .gateway = ip_addr_v4(gateway), .netif = nif->index, .metric = ROUTE_METRIC,
		.origin = ROUTE_DHCP, .expires = NEVER,
	};

	route_add(nif->host, &r);
}

/* RFC 3442: length, as many bytes of the prefix as that needs, gateway; where they are, the router option isn't used. */
static bool classless_routes(struct netif *nif, struct slice o)
{
	struct reader in = reader_slice(o);

	for (unsigned i = 0; i < ROUTES_MAX && reader_left(&in); i++) {
		struct route r = {
			.version = 4, .netif = nif->index, .metric = ROUTE_METRIC, .origin = ROUTE_DHCP, .expires = NEVER,
		};
		struct slice prefix;

		r.prefix_len = read_u8(&in);
		if (r.prefix_len > 32)
			break;
		prefix = read_slice(&in, (r.prefix_len + 7u) / 8);
		memcpy(r.prefix.bytes, prefix.data, prefix.len);
		prefix = read_slice(&in, 4);
		if (in.ran_out)
			break;
		r.gateway = ip_addr_v4(prefix.data);
		route_add(nif->host, &r);
	}
	return o.len > 0;
}

static uint64_t lease_ns(uint32_t s)
{
	return s == UINT32_MAX ? NEVER : s * NS_PER_S;
}

static void bind_lease(struct dhcp_client *c)
{
	struct netif *nif = c->netif;
	struct tapir_host *h = nif->host;
	const struct dhcp_lease *l = &c->offer;
	struct netif_address *a = address_find(h, 4, &l->addr);

	if (a == NULL) {
		if (address_add(nif, 4, &l->addr, l->prefix_len, ADDRESS_DHCP, NEVER, lease_ns(l->lease_s)) < 0) {
			host_timer_arm(h, &c->timer, h->now_ns + DECLINE_WAIT_NS);
			c->state = DHCP_DECLINED;
			return;
		}
	} else if (a->origin == ADDRESS_DHCP) {
		a->valid_until = l->lease_s == UINT32_MAX ? NEVER : h->now_ns + l->lease_s * NS_PER_S;
		address_timer_set(a);
	}
	state_of(h)->bound++;
	c->state = DHCP_BOUND;
	if (l->lease_s == UINT32_MAX)
		return;
	c->ends_at = h->now_ns + l->lease_s * NS_PER_S;
	c->t2_at = h->now_ns + l->t2_s * NS_PER_S;
	host_timer_arm(h, &c->timer, h->now_ns + l->t1_s * NS_PER_S);
}

/* Half of what is left until T2, or the end, but not more often than once a minute (RFC 2131 4.4.5). */
static void renew(struct dhcp_client *c)
{
	struct tapir_host *h = c->netif->host;
	uint64_t until, wait;

	if (h->now_ns >= c->ends_at) {
		lease_drop(c);
		discover(c);
		return;
	}
	if (c->state == DHCP_BOUND) {
		c->xid = host_random32(h);
		c->started_ns = h->now_ns;
	}
	c->state = h->now_ns >= c->t2_at ? DHCP_REBINDING : DHCP_RENEWING;
	message_send(c, REQUEST);
	until = c->state == DHCP_RENEWING ? c->t2_at : c->ends_at;
	wait = (until - h->now_ns) / 2;
	if (wait < RENEW_RETRY_MIN_NS)
		wait = RENEW_RETRY_MIN_NS < until - h->now_ns ? RENEW_RETRY_MIN_NS : until - h->now_ns;
	host_timer_arm(h, &c->timer, h->now_ns + wait);
}

static void dhcp_timer(struct tapir_host *h, struct host_timer *t)
{
	struct dhcp_client *c = (struct dhcp_client *)((uint8_t *)t - offsetof(struct dhcp_client, timer));

	switch (c->state) {
	case DHCP_SELECTING:
		retry(c);
		break;
	case DHCP_REQUESTING:
		/* A server that doesn't answer: somebody else may. */
		if (h->now_ns - c->started_ns > RETRY_MAX_NS)
			discover(c);
		else
			retry(c);
		break;
	case DHCP_PROBING:
		bind_lease(c);
		break;
	case DHCP_DECLINED:
		discover(c);
		break;
	default:
		renew(c);
	}
}

/* ---- answers ---- */

static void acknowledged(struct dhcp_client *c, const struct dhcp_lease *l)
{
	struct netif *nif = c->netif;
	struct tapir_host *h = nif->host;
	const bool renewed = c->state == DHCP_RENEWING || c->state == DHCP_REBINDING;

	if (l->lease_s == 0 || ip_addr_zero(&l->addr) || ip_multicast(4, &l->addr))
		return;
	if (renewed && !ip_addr_eq(&l->addr, &c->offer.addr))
		lease_drop(c);
	c->offer = *l;
	c->offer.routers = c->offer.routes = (struct slice){ 0 };
	if (c->offer.t1_s == 0 || c->offer.t1_s > l->lease_s)
		c->offer.t1_s = l->lease_s / 2;
	if (c->offer.t2_s < c->offer.t1_s || c->offer.t2_s > l->lease_s)
		c->offer.t2_s = (uint32_t)((uint64_t)l->lease_s * 7 / 8);
	if (l->mtu >= MTU_MIN && l->mtu < nif->mtu)
		nif->mtu = l->mtu;
	route_remove_netif(h, nif->index, ROUTE_DHCP);
	if (!classless_routes(nif, l->routes) && l->routers.len >= 4)
		default_route(nif, l->routers.data);
	if (renewed || !nif->ethernet) {
		bind_lease(c);
		return;
	}
	/* Does anybody have it? */
	c->state = DHCP_PROBING;
	arp_probe(nif, &c->offer.addr);
	host_timer_arm(h, &c->timer, h->now_ns + PROBE_NS);
}

static void answered(struct dhcp_client *c, const struct dhcp_lease *l)
{
	struct tapir_host *h = c->netif->host;

	if (l->type == OFFER && c->state == DHCP_SELECTING && !ip_addr_zero(&l->addr) && !ip_addr_zero(&l->server)) {
		c->offer = *l;
		c->offer.routers = c->offer.routes = (struct slice){ 0 };
		c->state = DHCP_REQUESTING;
		c->started_ns = h->now_ns;
		c->retry_ns = RETRY_FIRST_NS / 2;
		retry(c);
		return;
	}
	if (c->state != DHCP_REQUESTING && c->state != DHCP_RENEWING && c->state != DHCP_REBINDING)
		return;
	if (c->state != DHCP_REBINDING && !ip_addr_eq(&l->server, &c->offer.server))
		return;
	if (l->type == ACK) {
		acknowledged(c, l);
	} else if (l->type == NAK) {
		state_of(h)->naks++;
		lease_drop(c);
		discover(c);
	}
}

void dhcp_conflict(struct netif *nif, const struct ip_addr *addr)
{
	struct dhcp_client *c = nif->dhcp;

	if (c == NULL || c->state != DHCP_PROBING || !ip_addr_eq(addr, &c->offer.addr))
		return;
	message_send(c, DECLINE);
	state_of(nif->host)->declined++;
	route_remove_netif(nif->host, nif->index, ROUTE_DHCP);
	c->state = DHCP_DECLINED;
	host_timer_arm(nif->host, &c->timer, nif->host->now_ns + DECLINE_WAIT_NS);
}

bool dhcp_wants(const struct netif *nif, const struct packet *pkt)
{
	return nif->dhcp != NULL && nif->dhcp->state <= DHCP_PROBING && pkt->ip_version == 4 &&
	       pkt->proto == PROTO_UDP && pkt->l4 != NULL && pkt->dst_port == CLIENT_PORT && pkt->src_port == SERVER_PORT;
}

bool dhcp_input(struct tapir_host *h, const struct ip_input *in)
{
	const struct packet *pkt = in->pkt;
	struct dhcp_client *c = in->netif->dhcp;
	struct dhcp_lease l;

	if (c == NULL || pkt->ip_version != 4 || pkt->dst_port != CLIENT_PORT || pkt->src_port != SERVER_PORT)
		return false;
	state_of(h)->received++;
	if (message_read(c, pkt->payload, &l))
		answered(c, &l);
	else
		state_of(h)->bad++;
	return true;
}

/* ---- life ---- */

static int dhcp_start(struct tapir_host *h, int netif)
{
	struct netif *nif = netif < 0 ? NULL : netif_get(h, (unsigned)netif);

	if (nif == NULL || nif->device == NULL)
		return -ENODEV;
	if (nif->dhcp != NULL)
		return -EALREADY;
	nif->dhcp = host_alloc(h, sizeof(*nif->dhcp));
	if (nif->dhcp == NULL)
		return -ENOMEM;
	nif->dhcp->netif = nif;
	host_timer_init(&nif->dhcp->timer, dhcp_timer);
	discover(nif->dhcp);
	return 0;
}

void dhcp_netif_gone(struct netif *nif)
{
	if (nif->dhcp == NULL)
		return;
	host_timer_cancel(nif->host, &nif->dhcp->timer);
	host_free(nif->host, nif->dhcp, sizeof(*nif->dhcp));
	nif->dhcp = NULL;
}

int tapir_dhcp_start(struct tapir_host *h, int netif)
{
	int err;

	host_enter(h);
	err = dhcp_start(h, netif);
	host_leave(h);
	return err;
}

int tapir_dhcp_stop(struct tapir_host *h, int netif)
{
	struct netif *nif;
	int err = -ENOENT;

	host_enter(h);
	nif = netif < 0 ? NULL : netif_get(h, (unsigned)netif);
	if (nif != NULL && nif->dhcp != NULL) {
		const uint8_t state = nif->dhcp->state;

		if (state == DHCP_BOUND || state == DHCP_RENEWING || state == DHCP_REBINDING)
			message_send(nif->dhcp, RELEASE);
		lease_drop(nif->dhcp);
		dhcp_netif_gone(nif);
		err = 0;
	}
	host_leave(h);
	return err;
}

int tapir_dhcp_bound(struct tapir_host *h, int netif)
{
	const struct netif *nif;
	int result = -ENOENT;

	host_enter(h);
	nif = netif < 0 ? NULL : netif_get(h, (unsigned)netif);
	if (nif != NULL && nif->dhcp != NULL)
		result = nif->dhcp->state == DHCP_BOUND || nif->dhcp->state == DHCP_RENEWING ||
			 nif->dhcp->state == DHCP_REBINDING;
	host_leave(h);
	return result;
}

#define FIELD(f) offsetof(struct dhcp_state_counters, f)

static const struct counter_row counters[] = {
	{ "dhcp.sent", FIELD(sent) },
	{ "dhcp.received", FIELD(received) },
	{ "dhcp.bad", FIELD(bad) },
	{ "dhcp.bound", FIELD(bound) },
	{ "dhcp.declined", FIELD(declined) },
	{ "dhcp.naks", FIELD(naks) },
	{ NULL, 0 },
};

const struct host_protocol dhcp_protocol = {
	.name = "dhcp",
	.index = HOST_DHCP,
	.state_size = sizeof(struct dhcp_state_counters),
	.counters = counters,
};
