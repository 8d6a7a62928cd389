/* runner.c - the thread that drives a host, and those that wait for it.
 *
 * One lock covers the host: the runner holds it while it polls, and every call from outside
 * while it works. Who has to wait leaves a note at the socket and sleeps on a condition of
 * its own, so that an event wakes those it concerns and nobody else. The runner sleeps in
 * ppoll(2) on the devices and on an event descriptor, through which it learns that a call
 * has armed a timer earlier than it knows. */
#include "stack/host/runner.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "stack/host/internal.h"
#include "stack/host/netif.h"

#define POLL_BUDGET 512                 /* frames under one hold of the lock */
#define IDLE_SPIN_NS (50 * NS_PER_US)   /* devices without a descriptor are looked at this often */

struct host_runner {
	pthread_mutex_t lock;
	pthread_t thread;
	int event_fd;
	bool stop;
	bool asleep;
	uint64_t sleeps_until;
	atomic_uint wanting;            /* threads at the door: the runner steps aside */
};

/* One socket that a sleeping thread waits for. */
struct socket_waiter {
	struct socket_waiter *next, **pprev;
	struct sleeper *sleeper;
	uint32_t events;
};

struct sleeper {
	pthread_cond_t cond;
	bool woken;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void clock_look(struct tapir_host *h)
{
	if (h->cfg.now_ns == NULL) {
		const uint64_t now = clock_ns(CLOCK_MONOTONIC);

		if (now > h->now_ns)
			h->now_ns = now;
	}
}

uint64_t runner_clock_offset(const struct tapir_host *h)
{
	return h->runner != NULL && h->cfg.now_ns == NULL ? clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC) : 0;
}

void runner_lock(struct tapir_host *h)
{
	if (h->runner == NULL)
		return;
	atomic_fetch_add(&h->runner->wanting, 1);
	pthread_mutex_lock(&h->runner->lock);
	atomic_fetch_sub(&h->runner->wanting, 1);
	clock_look(h);
}

static void kick(struct host_runner *r)
{
	const uint64_t one = 1;

	if (write(r->event_fd, &one, sizeof(one)) < 0)
		return;                 /* full of kicks: it wakes all the same */
}

void runner_unlock(struct tapir_host *h)
{
	struct host_runner *r = h->runner;

	if (r == NULL)
		return;
	if (r->asleep && (h->looped.count || host_deadline(h) < r->sleeps_until)) {
		r->asleep = false;
		kick(r);
	}
	pthread_mutex_unlock(&r->lock);
}

/* ---- waiting ---- */

void runner_wake(struct socket *s, uint32_t events)
{
	struct socket_waiter *w = s->waiters;

	while (w != NULL) {
		struct socket_waiter *next = w->next;

		if (w->events & events) {
			w->sleeper->woken = true;
			pthread_cond_signal(&w->sleeper->cond);
		}
		if (events == UINT32_MAX) {     /* the socket goes away */
			w->next = NULL;
			w->pprev = NULL;
		}
		w = next;
	}
	if (events == UINT32_MAX)
		s->waiters = NULL;
}

static void waiter_link(struct socket_waiter *w, const struct runner_wait *wait, struct sleeper *sleeper)
{
	*w = (struct socket_waiter){ .sleeper = sleeper, .events = wait->events };
	if (wait->socket == NULL)
		return;
	w->next = wait->socket->waiters;
	w->pprev = &wait->socket->waiters;
	if (w->next != NULL)
		w->next->pprev = &w->next;
	wait->socket->waiters = w;
}

static void waiter_unlink(struct socket_waiter *w)
{
	if (w->pprev == NULL)
		return;
	*w->pprev = w->next;
	if (w->next != NULL)
		w->next->pprev = w->pprev;
}

static int sleep_until(struct tapir_host *h, struct sleeper *sleeper, uint64_t deadline_ns)
{
	struct host_runner *r = h->runner;
	int err = 0;

	while (!sleeper->woken && err == 0 && !r->stop) {
		if (deadline_ns == NEVER) {
			pthread_cond_wait(&sleeper->cond, &r->lock);
		} else {
			/* The host's clock may be another than the machine's: what counts is how long it is. */
			const uint64_t left = deadline_ns > h->now_ns ? deadline_ns - h->now_ns : 0;
			const uint64_t until = clock_ns(CLOCK_MONOTONIC) + left;
			const struct timespec t = { .tv_sec = (time_t)(until / NS_PER_S),
						    .tv_nsec = (long)(until % NS_PER_S) };

			err = pthread_cond_timedwait(&sleeper->cond, &r->lock, &t);
		}
	}
	clock_look(h);
	return sleeper->woken ? 0 : err == ETIMEDOUT ? -ETIMEDOUT : -EINTR;
}

int runner_wait(struct tapir_host *h, const struct runner_wait *waits, unsigned count, uint64_t deadline_ns)
{
	struct socket_waiter few[4], *waiters = few;
	struct sleeper sleeper = { .woken = false };
	pthread_condattr_t monotonic;
	int err;

	if (h->runner == NULL || pthread_equal(pthread_self(), h->runner->thread))
		return -EAGAIN;
	if (count > ARRAY_LEN(few)) {
		waiters = calloc(count, sizeof(*waiters));
		if (waiters == NULL)
			return -ENOMEM;
	}
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&sleeper.cond, &monotonic);
	pthread_condattr_destroy(&monotonic);
	for (unsigned i = 0; i < count; i++)
		waiter_link(&waiters[i], &waits[i], &sleeper);
	host_flush(h);
	if (h->runner->asleep && (h->looped.count || host_deadline(h) < h->runner->sleeps_until)) {
		h->runner->asleep = false;
		kick(h->runner);
	}
	err = sleep_until(h, &sleeper, deadline_ns);
	for (unsigned i = 0; i < count; i++)
		waiter_unlink(&waiters[i]);
	pthread_cond_destroy(&sleeper.cond);
	if (waiters != few)
		free(waiters);
	return err;
}

/* ---- the thread ---- */

/* Fills fds with the devices' descriptors; *blind where one has none. */
static unsigned descriptors(const struct tapir_host *h, struct pollfd *fds, bool *blind)
{
	unsigned n = 0;

	fds[n++] = (struct pollfd){ .fd = h->runner->event_fd, .events = POLLIN };
	for (unsigned i = 1; i <= HOST_NETIFS_MAX; i++) {
		const struct netif *nif = h->netifs[i];
		const int fd = nif != NULL && nif->device != NULL ? device_poll_fd(nif->device) : -1;

		if (nif == NULL || nif->device == NULL)
			continue;
		if (fd < 0)
			*blind = true;
		else
			fds[n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	return n;
}

static void sleep_a_while(struct tapir_host *h, struct host_runner *r)
{
	struct pollfd fds[HOST_NETIFS_MAX + 1];
	bool blind = false;
	const unsigned n = descriptors(h, fds, &blind);
	uint64_t left, due = host_deadline(h), events;
	struct timespec t;

	left = due == NEVER ? NEVER : due > h->now_ns ? due - h->now_ns : 0;
	if (blind && left > IDLE_SPIN_NS)
		left = IDLE_SPIN_NS;
	r->sleeps_until = due;
	r->asleep = true;
	pthread_mutex_unlock(&r->lock);
	if (left == NEVER)
		left = 3600 * NS_PER_S;
	t = (struct timespec){ .tv_sec = (time_t)(left / NS_PER_S), .tv_nsec = (long)(left % NS_PER_S) };
	if (ppoll(fds, n, &t, NULL) > 0 && fds[0].revents &&
	    read(r->event_fd, &events, sizeof(events)) < 0)
		fds[0].revents = 0;     /* somebody has read it already: nothing lost */
	pthread_mutex_lock(&r->lock);
	r->asleep = false;
}

static void *run(void *arg)
{
	struct tapir_host *h = arg;
	struct host_runner *r = h->runner;

	pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		int n;

		clock_look(h);
		if (h->cfg.now_ns != NULL && h->cfg.now_ns(h->cfg.ctx) > h->now_ns)
			h->now_ns = h->cfg.now_ns(h->cfg.ctx);
		n = host_poll(h, POLL_BUDGET);
		host_flush(h);
		if (n >= POLL_BUDGET || atomic_load(&r->wanting)) {
			pthread_mutex_unlock(&r->lock);
			while (atomic_load(&r->wanting))
				sched_yield();
			pthread_mutex_lock(&r->lock);
			if (n >= POLL_BUDGET)
				continue;
		}
		sleep_a_while(h, r);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

int tapir_host_start(struct tapir_host *h)
{
	struct host_runner *r;
	int err;

	if (h->runner != NULL)
		return -EALREADY;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return -ENOMEM;
	r->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (r->event_fd < 0) {
		err = -errno;
		free(r);
		return err;
	}
	pthread_mutex_init(&r->lock, NULL);
	h->runner = r;
	for (unsigned i = 1; i <= HOST_NETIFS_MAX; i++) {
		if (h->netifs[i] != NULL && h->netifs[i]->live)
			h->netifs[i]->clock_ns = runner_clock_offset(h);
	}
	err = pthread_create(&r->thread, NULL, run, h);
	if (err != 0) {
		h->runner = NULL;
		close(r->event_fd);
		pthread_mutex_destroy(&r->lock);
		free(r);
		return -err;
	}
	return 0;
}

/* Nobody may be in a call any more, and nobody may make one meanwhile. */
void tapir_host_stop(struct tapir_host *h)
{
	struct host_runner *r = h->runner;

	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	kick(r);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	h->runner = NULL;
	close(r->event_fd);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
