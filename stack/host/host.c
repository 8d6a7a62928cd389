/* host.c - the instance: what it is made of, its poll, its random numbers.
 *
 * A poll goes round: receive a burst from each interface, fire the timers that are due,
 * take what was sent to ourselves, hand devices what is queued; until a round has found
 * nothing. So every answer to what came in is out when it returns. */
#include "stack/host/internal.h"
#include "stack/host/pmtu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "stack/host/netif.h"
#include "stack/host/runner.h"

#define MEMORY_MAX ((uint64_t)256 << 20)

/* ---- random numbers: xoshiro256** from the seed, unless the user brings their own ---- */

static uint64_t rotl(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static uint64_t rng_next(uint64_t s[4])
{
	const uint64_t result = rotl(s[1] * 5, 7) * 9;
	const uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

/* Where nobody gave a seed, numbers that are to be unpredictable come from the kernel by the block. */
void host_random(struct tapir_host *h, void *buf, size_t len)
{
	uint8_t *out = buf;

	if (h->cfg.random != NULL) {
		h->cfg.random(h->cfg.ctx, buf, len);
		return;
	}
	while (len) {
		const uint64_t v = h->cfg.seed ? rng_next(h->rng) : host_entropy(h);
		const size_t n = len < sizeof(v) ? len : sizeof(v);

		memcpy(out, &v, n);
		out += n;
		len -= n;
	}
}

uint64_t host_entropy(struct tapir_host *h)
{
	if (h->entropy_left == 0) {
		if (getrandom(h->entropy, sizeof(h->entropy), 0) != (ssize_t)sizeof(h->entropy))
			for (unsigned i = 0; i < ARRAY_LEN(h->entropy); i++)
				h->entropy[i] = rng_next(h->rng);
		h->entropy_left = ARRAY_LEN(h->entropy);
	}
	return h->entropy[--h->entropy_left];
}

uint32_t host_random32(struct tapir_host *h)
{
	uint32_t v;

	host_random(h, &v, sizeof(v));
	return v;
}

uint32_t host_random_below(struct tapir_host *h, uint32_t limit)
{
	return (uint32_t)(((uint64_t)host_random32(h) * limit) >> 32);
}

static void random_init(struct tapir_host *h)
{
	uint64_t x = h->cfg.seed;

	for (unsigned i = 0; i < 4; i++) {      /* splitmix64 */
		uint64_t z = x += UINT64_C(0x9e3779b97f4a7c15);

		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		h->rng[i] = z ^ z >> 31;
	}
	host_random(h, &h->key, sizeof(h->key));
}

/* ---- life ---- */

static int protocols_init(struct tapir_host *h, unsigned *done)
{
	for (*done = 0; *done < HOST_PROTOCOLS; ++*done) {
		const struct host_protocol *p = host_protocols[*done];
		int err;

		if (p == NULL)
			continue;
		must(p->index == *done);
		if (p->state_size) {
			h->state[*done] = host_alloc(h, p->state_size);
			if (h->state[*done] == NULL)
				return -ENOMEM;
		}
		err = p->init != NULL ? p->init(h) : 0;
		if (err < 0) {
			host_free(h, h->state[*done], p->state_size);
			return err;
		}
	}
	return 0;
}

static void protocols_fini(struct tapir_host *h, unsigned done)
{
	while (done-- > 0) {
		const struct host_protocol *p = host_protocols[done];

		if (p == NULL)
			continue;
		if (p->fini != NULL)
			p->fini(h);
		host_free(h, h->state[done], p->state_size);
		h->state[done] = NULL;
	}
}

static void *instance_alloc(const struct tapir_host_config *cfg, size_t size)
{
	void *p = cfg != NULL && cfg->memory != NULL ? cfg->memory(cfg->ctx, NULL, 0, size) : malloc(size);

	if (p != NULL)
		memset(p, 0, size);
	return p;
}

static void instance_free(const struct tapir_host_config *cfg, void *p, size_t size)
{
	if (cfg->memory != NULL && p != NULL)
		cfg->memory(cfg->ctx, p, size, 0);
	else if (cfg->memory == NULL)
		free(p);
}

static void instance_drop(struct tapir_host *h)
{
	const struct tapir_host_config cfg = h->cfg;

	pbuf_pool_fini(h);
	mem_free(h->mem);
	instance_free(&cfg, h->packets, sizeof(*h->packets));
	instance_free(&cfg, h, sizeof(*h));
}

int tapir_host_new(struct tapir_host **out, const struct tapir_host_config *config)
{
	struct tapir_host *h = instance_alloc(config, sizeof(*h));
	unsigned done = 0;
	int err = -ENOMEM;

	if (h == NULL)
		return -ENOMEM;
	if (config != NULL)
		h->cfg = *config;
	h->path_generation = 1;
	h->now_ns = h->cfg.now_ns != NULL ? h->cfg.now_ns(h->cfg.ctx) : 0;
	h->packets = instance_alloc(config, sizeof(*h->packets));
	if (h->cfg.memory == NULL)
		h->mem = mem_new();
	if (h->packets == NULL || (h->cfg.memory == NULL && h->mem == NULL))
		goto drop;
	budget_init(&h->budget, h->mem, "host", h->cfg.memory_max ? h->cfg.memory_max : MEMORY_MAX);
	random_init(h);
	packet_config_default(&h->decode);
	h->decode.teredo = h->decode.vxlan = h->decode.geneve = h->decode.gtpu = false;
	h->decode.nest_max = 1;
	err = pbuf_pool_init(h);
	if (err < 0)
		goto drop;
	err = routes_init(h);
	if (err < 0)
		goto drop;
	err = bindings_init(h);
	if (err < 0)
		goto no_routes;
	err = protocols_init(h, &done);
	if (err < 0)
		goto no_protocols;
	err = reassembly_init(h);
	if (err < 0)
		goto no_protocols;
	err = netif_loopback_new(h);
	if (err < 0)
		goto no_reassembly;
	*out = h;
	return 0;
no_reassembly:
	reassembly_fini(h);
no_protocols:
	protocols_fini(h, done);
	bindings_fini(h);
no_routes:
	routes_fini(h);
drop:
	instance_drop(h);
	return err;
}

void tapir_host_free(struct tapir_host *h)
{
	if (h == NULL)
		return;
	tapir_host_stop(h);
	sockets_fini(h);
	for (unsigned i = HOST_NETIFS_MAX; i > 0; i--)
		netif_free(h->netifs[i]);
	pbuf_queue_clear(h, &h->looped);
	reassembly_fini(h);
	protocols_fini(h, HOST_PROTOCOLS);
	bindings_fini(h);
	pmtu_fini(h);
	routes_fini(h);
	instance_drop(h);
}

/* ---- time passes ---- */

static void clock_look(struct tapir_host *h)
{
	if (h->cfg.now_ns != NULL) {
		const uint64_t now = h->cfg.now_ns(h->cfg.ctx);

		if (now > h->now_ns)
			h->now_ns = now;
	}
}

void host_flush(struct tapir_host *h)
{
	for (unsigned i = 1; i <= HOST_NETIFS_MAX; i++)
		if (h->netifs[i] != NULL && h->netifs[i]->tx.count)
			netif_flush(h->netifs[i]);
}

void host_enter(struct tapir_host *h)
{
	runner_lock(h);
	clock_look(h);
}

void host_leave(struct tapir_host *h)
{
	host_flush(h);
	runner_unlock(h);
}

/* One round; true where anything was done. */
static bool poll_round(struct tapir_host *h, unsigned budget, unsigned *received)
{
	bool any = false;

	for (unsigned i = 1; i <= HOST_NETIFS_MAX; i++) {
		struct netif *nif = h->netifs[i];
		unsigned n;

		if (nif == NULL || nif->device == NULL)
			continue;
		device_advance(nif->device, h->now_ns + nif->clock_ns);
		if (budget && *received >= budget)
			continue;
		n = netif_receive(nif, budget ? budget - *received : DEVICE_BURST_MAX);
		*received += n;
		any |= n > 0;
	}
	any |= host_timers_run(h);
	any |= ip_looped_run(h);
	return any;
}

int host_poll(struct tapir_host *h, unsigned budget)
{
	unsigned received = 0;

	h->polling = true;
	while (poll_round(h, budget, &received)) {
		host_flush(h);
		if (budget && received >= budget)
			break;
	}
	h->polling = false;
	return received > INT32_MAX ? INT32_MAX : (int)received;
}

int tapir_host_poll(struct tapir_host *h, uint64_t now_ns, unsigned budget)
{
	int n;

	runner_lock(h);
	if (now_ns == 0)
		clock_look(h);
	else if (now_ns > h->now_ns)
		h->now_ns = now_ns;
	n = host_poll(h, budget);
	host_leave(h);
	return n;
}

uint64_t host_deadline(struct tapir_host *h)
{
	uint64_t due = h->looped.count ? h->now_ns : host_timers_deadline(h);

	for (unsigned i = 1; i <= HOST_NETIFS_MAX; i++) {
		const struct netif *nif = h->netifs[i];
		uint64_t d = nif != NULL && nif->device != NULL ? device_deadline(nif->device) : NEVER;

		if (d != NEVER)
			d = d > nif->clock_ns ? d - nif->clock_ns : 0;
		due = d < due ? d : due;
	}
	return due;
}

uint64_t tapir_host_deadline(struct tapir_host *h)
{
	uint64_t due;

	runner_lock(h);
	due = host_deadline(h);
	runner_unlock(h);
	return due;
}

uint64_t tapir_host_now(struct tapir_host *h)
{
	uint64_t now;

	host_enter(h);
	now = h->now_ns;
	host_leave(h);
	return now;
}

int tapir_connections_each(struct tapir_host *h, int (*visit)(void *arg, const struct tapir_connection *c),
			   void *arg)
{
	int done = 0;

	host_enter(h);
	for (unsigned i = 0; i < HOST_PROTOCOLS && done == 0; i++)
		if (host_protocols[i] != NULL && host_protocols[i]->connections != NULL)
			done = host_protocols[i]->connections(h, visit, arg);
	host_leave(h);
	return done;
}
