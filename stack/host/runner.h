/* runner.h - the thread around a host, and the lock that goes with it. */
#ifndef TAPIR_HOST_RUNNER_H
#define TAPIR_HOST_RUNNER_H

#include "stack/host/socket.h"

/* Nothing where no runner was started. */
void runner_lock(struct tapir_host *h);
void runner_unlock(struct tapir_host *h);
/* What live devices' time (since 1970) is ahead of the host's where a runner reads the monotonic clock; else 0. */
uint64_t runner_clock_offset(const struct tapir_host *h);
/* Waits, unlocked, until one of these sockets' events may have come true or the time is deadline_ns (NEVER = none).
 * Returns 0, -ETIMEDOUT, or -EAGAIN where there is no runner: then nobody can wait. */
struct runner_wait {
	struct socket *socket;
	uint32_t events;
};
int runner_wait(struct tapir_host *h, const struct runner_wait *waits, unsigned count, uint64_t deadline_ns);
/* Wakes those that wait for these events of a socket. */
void runner_wake(struct socket *s, uint32_t events);

#endif
