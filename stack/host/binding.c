/* binding.c - who gets what arrives: a table of ports and a table of pairs of ends.
 *
 * Both are keyed with the host's secret and grow with what is in them. A port is a node with
 * the list of those bound to it; connections that a listener accepted only stand in the table
 * of pairs and count as users of the port, so that a listener with 100,000 of them is still
 * found at once. Ephemeral ports are chosen by double hashing (RFC 6056, 3.3.4). */
#include <errno.h>
#include <string.h>

#include "stack/host/internal.h"
#include "stack/host/socket.h"

#define BUCKETS_MIN 64
#define PERTURB 256

struct binding_port {
	struct binding_port *next;      /* in its bucket */
	struct binding *bound;
	uint32_t users;                 /* bound ones, and connections accepted on it */
	uint16_t port;
	uint8_t proto;
};

struct binding_tables {
	struct binding_port **ports;
	uint32_t port_buckets, port_count;
	struct binding **pairs;
	uint32_t pair_buckets, pair_count;
	uint32_t perturb[PERTURB];
};

/* ---- the tables ---- */

static uint32_t port_bucket(const struct tapir_host *h, uint8_t proto, uint16_t port)
{
	const uint64_t word = (uint64_t)proto << 16 | port;

	return (uint32_t)hash_words(&h->key, &word, 1) & (h->bindings->port_buckets - 1);
}

static uint64_t pair_hash(const struct tapir_host *h, uint8_t proto, uint8_t version, const struct ip_addr *local,
			  uint16_t local_port, const struct ip_addr *remote, uint16_t remote_port)
{
	const uint64_t words[5] = {
		local->quads[0], local->quads[1], remote->quads[0], remote->quads[1],
		(uint64_t)proto << 40 | (uint64_t)version << 32 | (uint64_t)local_port << 16 | remote_port,
	};

	return hash_words(&h->key, words, 5);
}

static uint32_t pair_bucket(const struct tapir_host *h, const struct binding *b)
{
	return (uint32_t)pair_hash(h, b->proto, b->version, &b->local, b->local_port, &b->remote, b->remote_port) &
	       (h->bindings->pair_buckets - 1);
}

int bindings_init(struct tapir_host *h)
{
	struct binding_tables *t = host_alloc(h, sizeof(*t));

	h->bindings = t;
	if (t == NULL)
		return -ENOMEM;
	t->ports = host_alloc(h, BUCKETS_MIN * sizeof(*t->ports));
	t->pairs = host_alloc(h, BUCKETS_MIN * sizeof(*t->pairs));
	t->port_buckets = t->pair_buckets = BUCKETS_MIN;
	if (t->ports == NULL || t->pairs == NULL) {
		bindings_fini(h);
		return -ENOMEM;
	}
	host_random(h, t->perturb, sizeof(t->perturb));
	return 0;
}

void bindings_fini(struct tapir_host *h)
{
	struct binding_tables *t = h->bindings;

	if (t == NULL)
		return;
	host_free(h, t->ports, t->port_buckets * sizeof(*t->ports));
	host_free(h, t->pairs, t->pair_buckets * sizeof(*t->pairs));
	host_free(h, t, sizeof(*t));
	h->bindings = NULL;
}

/* Where there is no memory to grow, chains become longer: nothing else. */
static void ports_grow(struct tapir_host *h)
{
	struct binding_tables *t = h->bindings;
	struct binding_port **old = t->ports, **to;
	const uint32_t old_count = t->port_buckets;

	if (t->port_count < old_count)
		return;
	to = host_alloc(h, 2 * old_count * sizeof(*to));
	if (to == NULL)
		return;
	t->ports = to;
	t->port_buckets = 2 * old_count;
	for (uint32_t i = 0; i < old_count; i++) {
		while (old[i] != NULL) {
			struct binding_port *p = old[i];
			const uint32_t b = port_bucket(h, p->proto, p->port);

			old[i] = p->next;
			p->next = to[b];
			to[b] = p;
		}
	}
	host_free(h, old, old_count * sizeof(*old));
}

static void pair_link(struct binding **head, struct binding *b)
{
	b->pair_next = *head;
	b->pair_pprev = head;
	if (*head != NULL)
		(*head)->pair_pprev = &b->pair_next;
	*head = b;
}

static void pairs_grow(struct tapir_host *h)
{
	struct binding_tables *t = h->bindings;
	struct binding **old = t->pairs, **to;
	const uint32_t old_count = t->pair_buckets;

	if (t->pair_count < old_count)
		return;
	to = host_alloc(h, 2 * old_count * sizeof(*to));
	if (to == NULL)
		return;
	t->pairs = to;
	t->pair_buckets = 2 * old_count;
	for (uint32_t i = 0; i < old_count; i++) {
		while (old[i] != NULL) {
			struct binding *b = old[i];

			old[i] = b->pair_next;
			pair_link(&to[pair_bucket(h, b)], b);
		}
	}
	host_free(h, old, old_count * sizeof(*old));
}

static struct binding_port *port_find(const struct tapir_host *h, uint8_t proto, uint16_t port)
{
	struct binding_port *p = h->bindings->ports[port_bucket(h, proto, port)];

	while (p != NULL && (p->proto != proto || p->port != port))
		p = p->next;
	return p;
}

static struct binding_port *port_need(struct tapir_host *h, uint8_t proto, uint16_t port)
{
	struct binding_port *p = port_find(h, proto, port);
	uint32_t bucket;

	if (p != NULL)
		return p;
	ports_grow(h);
	p = host_alloc(h, sizeof(*p));
	if (p == NULL)
		return NULL;
	p->proto = proto;
	p->port = port;
	bucket = port_bucket(h, proto, port);
	p->next = h->bindings->ports[bucket];
	h->bindings->ports[bucket] = p;
	h->bindings->port_count++;
	return p;
}

static void port_put(struct tapir_host *h, struct binding_port *p)
{
	struct binding_port **at;

	if (--p->users)
		return;
	at = &h->bindings->ports[port_bucket(h, p->proto, p->port)];
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	h->bindings->port_count--;
	host_free(h, p, sizeof(*p));
}

static void port_link(struct binding_port *p, struct binding *b)
{
	b->port_next = p->bound;
	b->port_pprev = &p->bound;
	if (p->bound != NULL)
		p->bound->port_pprev = &b->port_next;
	p->bound = b;
	b->port = p;
	p->users++;
}

static void port_unlink(struct binding *b)
{
	if (b->port_pprev == NULL)
		return;
	*b->port_pprev = b->port_next;
	if (b->port_next != NULL)
		b->port_next->port_pprev = b->port_pprev;
	b->port_next = NULL;
	b->port_pprev = NULL;
}

/* ---- conflicts ---- */

static bool any_address(const struct binding *b)
{
	return ip_addr_zero(&b->local);
}

/* Whether both could be meant by one packet. */
static bool overlap(const struct binding *a, const struct binding *b)
{
	if (a->netif && b->netif && a->netif != b->netif)
		return false;
	if (a->version != b->version) {
		const struct binding *six = a->version == 6 ? a : b;

		return six->dual && any_address(six);
	}
	return any_address(a) || any_address(b) || ip_addr_eq(&a->local, &b->local);
}

/* Linux' rules: SO_REUSEADDR shares where nobody listens (TCP), or always (UDP); SO_REUSEPORT where all have it. */
static bool shares(const struct binding *a, const struct binding *b)
{
	if (a->reuse_port && b->reuse_port)
		return true;
	if (a->kind == BINDING_TIME_WAIT || b->kind == BINDING_TIME_WAIT)
		return a->reuse_addr && b->reuse_addr;
	return a->reuse_addr && b->reuse_addr && !a->listening && !b->listening;
}

static bool conflicts(const struct binding_port *p, const struct binding *b)
{
	if (p == NULL)
		return false;
	for (const struct binding *o = p->bound; o != NULL; o = o->port_next)
		if (o != b && overlap(o, b) && !shares(o, b))
			return true;
	/* Connections of a listener that has gone still use the port. */
	return p->bound == NULL && !b->reuse_addr;
}

/* ---- ports nobody guesses ---- */

static uint32_t port_offset(struct tapir_host *h, const struct binding *b, uint32_t **table)
{
	const uint64_t hash = pair_hash(h, b->proto, b->version, &b->local, 0, &b->remote, b->remote_port);

	*table = &h->bindings->perturb[hash % PERTURB];
	return (uint32_t)(hash >> 32) + **table;
}

static bool pair_taken(const struct tapir_host *h, const struct binding *b, uint16_t port)
{
	return binding_find_pair((struct tapir_host *)h, b->proto, b->version, &b->local, port, &b->remote,
				 b->remote_port, b->netif) != NULL;
}

/* A port on which b, as it stands, meets nobody; 0 where all are taken. With a remote end a port may be used for
 * others at the same time. */
static uint16_t port_choose(struct tapir_host *h, const struct binding *b)
{
	const struct ip_state *ip = host_ip(h);
	const uint32_t range = ip->port_last - ip->port_first + 1;
	uint32_t *table;
	const uint32_t offset = port_offset(h, b, &table);

	for (uint32_t i = 0; i < range; i++) {
		const uint16_t port = (uint16_t)(ip->port_first + (offset + i) % range);
		const struct binding_port *p = port_find(h, b->proto, port);
		bool free_port = p == NULL;

		if (p != NULL && b->remote_port) {
			/* Only with those that are connected as well: what is bound waits for anybody. */
			free_port = !pair_taken(h, b, port);
			for (const struct binding *o = p->bound; o != NULL && free_port; o = o->port_next)
				free_port = o->pair_pprev != NULL || !overlap(o, b);
		}
		if (free_port) {
			*table += i + 1 + host_random_below(h, 8);
			return port;
		}
	}
	return 0;
}

/* ---- bind, connect, accept ---- */

int binding_bind(struct tapir_host *h, struct binding *b)
{
	const uint16_t wanted = b->local_port;
	struct binding_port *p;
	uint16_t port = wanted;

	if (port == 0) {
		port = port_choose(h, b);
		if (port == 0)
			return -EADDRINUSE;
	} else if (conflicts(port_find(h, b->proto, port), b)) {
		return -EADDRINUSE;
	}
	p = port_need(h, b->proto, port);
	if (p == NULL)
		return -ENOBUFS;
	b->local_port = port;
	port_link(p, b);
	return 0;
}

static void pair_in(struct tapir_host *h, struct binding *b)
{
	pairs_grow(h);
	h->bindings->pair_count++;
	pair_link(&h->bindings->pairs[pair_bucket(h, b)], b);
}

static void pair_out(struct tapir_host *h, struct binding *b)
{
	if (b->pair_pprev == NULL)
		return;
	*b->pair_pprev = b->pair_next;
	if (b->pair_next != NULL)
		b->pair_next->pair_pprev = b->pair_pprev;
	b->pair_next = NULL;
	b->pair_pprev = NULL;
	h->bindings->pair_count--;
}

int binding_connect(struct tapir_host *h, struct binding *b)
{
	pair_out(h, b);
	if (b->port == NULL) {
		struct binding_port *p;

		if (b->local_port == 0)
			b->local_port = port_choose(h, b);
		if (b->local_port == 0)
			return -EADDRNOTAVAIL;
		p = port_need(h, b->proto, b->local_port);
		if (p == NULL) {
			b->local_port = 0;
			return -ENOBUFS;
		}
		port_link(p, b);
	} else if (pair_taken(h, b, b->local_port)) {
		return -EADDRNOTAVAIL;
	}
	pair_in(h, b);
	return 0;
}

int binding_accept(struct tapir_host *h, struct binding *b, const struct binding *listener)
{
	if (pair_taken(h, b, b->local_port))
		return -EADDRINUSE;
	b->port = listener->port;
	b->port->users++;
	pair_in(h, b);
	return 0;
}

void binding_replace(struct tapir_host *h, struct binding *old, struct binding *b)
{
	(void)h;
	b->local = old->local;
	b->remote = old->remote;
	b->local_port = old->local_port;
	b->remote_port = old->remote_port;
	b->netif = old->netif;
	b->version = old->version;
	b->proto = old->proto;
	b->dual = old->dual;
	b->reuse_addr = old->reuse_addr;
	b->reuse_port = old->reuse_port;
	b->port = old->port;
	b->port_pprev = b->pair_pprev = NULL;
	b->port_next = b->pair_next = NULL;
	if (old->port_pprev != NULL) {
		b->port_next = old->port_next;
		b->port_pprev = old->port_pprev;
		*b->port_pprev = b;
		if (b->port_next != NULL)
			b->port_next->port_pprev = &b->port_next;
	}
	if (old->pair_pprev != NULL) {
		b->pair_next = old->pair_next;
		b->pair_pprev = old->pair_pprev;
		*b->pair_pprev = b;
		if (b->pair_next != NULL)
			b->pair_next->pair_pprev = &b->pair_next;
	}
	old->port = NULL;
	old->port_pprev = old->pair_pprev = NULL;
	old->port_next = old->pair_next = NULL;
}

void binding_disconnect(struct tapir_host *h, struct binding *b)
{
	pair_out(h, b);
	b->remote = (struct ip_addr){ 0 };
	b->remote_port = 0;
}

void binding_release(struct tapir_host *h, struct binding *b)
{
	pair_out(h, b);
	port_unlink(b);
	if (b->port != NULL)
		port_put(h, b->port);
	b->port = NULL;
}

/* ---- look-ups ---- */

struct binding *binding_find_pair(struct tapir_host *h, uint8_t proto, uint8_t version, const struct ip_addr *local,
				  uint16_t local_port, const struct ip_addr *remote, uint16_t remote_port,
				  uint16_t netif)
{
	const uint64_t hash = pair_hash(h, proto, version, local, local_port, remote, remote_port);
	struct binding *b = h->bindings->pairs[(uint32_t)hash & (h->bindings->pair_buckets - 1)];

	for (; b != NULL; b = b->pair_next)
		if (b->local_port == local_port && b->remote_port == remote_port && b->proto == proto &&
		    b->version == version && ip_addr_eq(&b->remote, remote) && ip_addr_eq(&b->local, local) &&
		    (b->netif == 0 || netif == 0 || b->netif == netif))
			return b;
	return NULL;
}

/* How well it fits: more is better, 0 not at all. */
static unsigned fit(const struct binding *b, uint8_t version, const struct ip_addr *local, uint16_t netif)
{
	if (b->pair_pprev != NULL || (b->netif && b->netif != netif))
		return 0;
	if (b->version != version)
		return b->dual && any_address(b) && version == 4 ? 1 + (b->netif ? 4 : 0) : 0;
	if (any_address(b))
		return 2 + (b->netif ? 4 : 0);
	return ip_addr_eq(&b->local, local) ? 3 + (b->netif ? 4 : 0) : 0;
}

struct binding *binding_find_port(struct tapir_host *h, uint8_t proto, uint8_t version, const struct ip_addr *local,
				  uint16_t local_port, const struct ip_addr *remote, uint16_t remote_port,
				  uint16_t netif)
{
	const struct binding_port *p = port_find(h, proto, local_port);
	struct binding *best = NULL;
	unsigned best_fit = 0, equals = 0;
	uint32_t pick;

	if (p == NULL)
		return NULL;
	for (struct binding *b = p->bound; b != NULL; b = b->port_next) {
		const unsigned f = fit(b, version, local, netif);

		if (f > best_fit) {
			best_fit = f;
			best = b;
			equals = 1;
		} else if (f && f == best_fit && b->reuse_port) {
			equals++;
		}
	}
	if (equals < 2 || !best->reuse_port)
		return best;
	pick = (uint32_t)(pair_hash(h, proto, version, local, local_port, remote, remote_port) >> 32) % equals;
	for (struct binding *b = best; b != NULL; b = b->port_next)
		if (fit(b, version, local, netif) == best_fit && (b == best || b->reuse_port) && pick-- == 0)
			return b;
	return best;
}

int binding_each(struct tapir_host *h, uint8_t proto, int (*visit)(void *arg, struct binding *b), void *arg)
{
	for (uint32_t i = 0; i < h->bindings->pair_buckets; i++) {
		struct binding *b = h->bindings->pairs[i];

		while (b != NULL) {
			struct binding *next = b->pair_next;
			const int done = b->proto == proto ? visit(arg, b) : 0;

			if (done)
				return done;
			b = next;
		}
	}
	for (uint32_t i = 0; i < h->bindings->port_buckets; i++) {
		struct binding_port *p = h->bindings->ports[i];

		while (p != NULL) {
			struct binding_port *next_port = p->next;
			struct binding *b = p->bound;

			while (b != NULL) {
				struct binding *next = b->port_next;
				/* Those with a remote end have been. */
				const int done = b->proto == proto && b->pair_pprev == NULL ? visit(arg, b) : 0;

				if (done)
					return done;
				b = next;
			}
			p = next_port;
		}
	}
	return 0;
}

int binding_each_port(struct tapir_host *h, uint8_t proto, uint16_t port, int (*visit)(void *arg, struct binding *b),
		      void *arg)
{
	const struct binding_port *p = port_find(h, proto, port);
	struct binding *b = p != NULL ? p->bound : NULL;
	int done = 0;

	while (b != NULL && done == 0) {
		struct binding *next = b->port_next;

		done = visit(arg, b);
		b = next;
	}
	return done;
}
