/* expect.c - flows that another flow announced (FTP data): who will connect to whom, and what it will be.
 *
 * One small table for all workers, since the announced flow may be another worker's. It is looked at only
 * while something is in it, when a flow's protocol isn't recognised by content; then a lock is taken,
 * which no flow of other traffic ever meets. An entry lives until it is taken or EXPECT_SECONDS old; the
 * oldest makes room for the newest. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "analyzers/app.h"

#define EXPECT_MAX 512
#define EXPECT_SECONDS 30

struct expectation {
	uint64_t time_ns;
	struct ip_addr client, server;
	uint16_t port;
	uint16_t context_len;
	const char *name;
	uint8_t context[EXPECT_CONTEXT_MAX];
};

struct expectations {
	pthread_mutex_t lock;
	_Atomic unsigned used;
	struct expectation at[EXPECT_MAX];
};

int expectations_new(struct expectations **out)
{
	struct expectations *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return -ENOMEM;
	pthread_mutex_init(&e->lock, NULL);
	*out = e;
	return 0;
}

void expectations_free(struct expectations *e)
{
	if (e == NULL)
		return;
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static struct expectation *slot_get(struct expectations *e, uint64_t now_ns)
{
	struct expectation *oldest = &e->at[0];

	for (unsigned i = 0; i < EXPECT_MAX; i++) {
		struct expectation *x = &e->at[i];

		if (x->name == NULL) {
			atomic_fetch_add(&e->used, 1);
			return x;
		}
		if (x->time_ns + EXPECT_SECONDS * 1000000000ull < now_ns)
			return x;
		if (x->time_ns < oldest->time_ns)
			oldest = x;
	}
	return oldest;
}

void analysis_expect(struct analysis *a, const struct ip_addr *client, const struct ip_addr *server,
		     uint16_t port, const char *name, struct slice context)
{
	struct expectations *e = a->app->settings->expectations;
	struct expectation *x;

	if (port == 0)
		return;
	if (context.len > EXPECT_CONTEXT_MAX)
		context.len = EXPECT_CONTEXT_MAX;
	pthread_mutex_lock(&e->lock);
	x = slot_get(e, a->time_ns);
	x->time_ns = a->time_ns;
	x->client = *client;
	x->server = *server;
	x->port = port;
	x->name = name;
	x->context_len = (uint16_t)context.len;
	if (context.len != 0)
		memcpy(x->context, context.data, context.len);
	pthread_mutex_unlock(&e->lock);
}

bool expectation_take(struct expectations *e, const struct flow *flow, uint64_t now_ns, const char **name,
		      uint8_t context[EXPECT_CONTEXT_MAX], size_t *context_len)
{
	const struct flow_key *k = &flow->key;
	bool hit = false;

	if (atomic_load_explicit(&e->used, memory_order_acquire) == 0)
		return false;
	pthread_mutex_lock(&e->lock);
	for (unsigned i = 0; i < EXPECT_MAX && !hit; i++) {
		struct expectation *x = &e->at[i];

		if (x->name == NULL)
			continue;
		if (x->time_ns + EXPECT_SECONDS * 1000000000ull < now_ns) {
			x->name = NULL;
			atomic_fetch_sub(&e->used, 1);
			continue;
		}
		if (x->port != k->port[1] ||
		    memcmp(&x->client, &k->addr[0], sizeof(x->client)) != 0 ||
		    memcmp(&x->server, &k->addr[1], sizeof(x->server)) != 0)
			continue;
		*name = x->name;
		*context_len = x->context_len;
		memcpy(context, x->context, x->context_len);
		x->name = NULL;
		atomic_fetch_sub(&e->used, 1);
		hit = true;
	}
	pthread_mutex_unlock(&e->lock);
	return hit;
}
