/* epoll.c - an epoll is a socket that watches others. Each watch hangs off the socket it watches;
 * what has had news waits in the epoll's list and is looked at when somebody asks. Level
 * triggered ones stay in the list for as long as they are ready; edge triggered ones leave it
 * until the next news. */
#include "stack/host/epoll.h"

#include <errno.h>
#include <string.h>

#include "stack/host/runner.h"

struct epoll;

struct socket_watch {
	struct socket_watch *next, **pprev;     /* of the watched socket */
	struct socket_watch *all_next, **all_pprev;     /* of the epoll */
	struct socket_watch *ready_next, **ready_pprev; /* with news, oldest first */
	struct epoll *epoll;
	struct socket *socket;
	uint32_t events;
	uint64_t data;
	bool disabled;                  /* EPOLLONESHOT has had its one */
};

struct epoll {
	struct socket s;
	struct socket_watch *all;
	struct socket_watch *ready, **ready_tail;
};

static struct epoll *of(struct socket *s)
{
	return (struct epoll *)s;
}

static void ready_out(struct socket_watch *w)
{
	struct epoll *e = w->epoll;

	if (w->ready_pprev == NULL)
		return;
	*w->ready_pprev = w->ready_next;
	if (w->ready_next != NULL)
		w->ready_next->ready_pprev = w->ready_pprev;
	else
		e->ready_tail = w->ready_pprev;
	w->ready_next = NULL;
	w->ready_pprev = NULL;
}

static void ready_in(struct socket_watch *w)
{
	struct epoll *e = w->epoll;

	if (w->ready_pprev != NULL)
		return;
	w->ready_next = NULL;
	w->ready_pprev = e->ready_tail;
	*e->ready_tail = w;
	e->ready_tail = &w->ready_next;
}

void epoll_socket_ready(struct socket *s, uint32_t events)
{
	for (struct socket_watch *w = s->watches; w != NULL; w = w->next) {
		if (w->disabled || !((w->events | EPOLLERR | EPOLLHUP) & events))
			continue;
		ready_in(w);
		socket_wake(&w->epoll->s, POLLIN);
	}
}

static void watch_free(struct socket_watch *w)
{
	ready_out(w);
	*w->pprev = w->next;
	if (w->next != NULL)
		w->next->pprev = w->pprev;
	*w->all_pprev = w->all_next;
	if (w->all_next != NULL)
		w->all_next->all_pprev = w->all_pprev;
	host_free(w->epoll->s.host, w, sizeof(*w));
}

void epoll_socket_gone(struct socket *s)
{
	while (s->watches != NULL)
		watch_free(s->watches);
}

static int epoll_init(struct socket *s)
{
	of(s)->ready_tail = &of(s)->ready;
	return 0;
}

static void epoll_close(struct socket *s)
{
	while (of(s)->all != NULL)
		watch_free(of(s)->all);
	socket_free(s);
}

static uint32_t wanted_now(const struct socket_watch *w)
{
	if (w->disabled)
		return 0;
	return w->socket->ops->poll(w->socket) & (w->events | EPOLLERR | EPOLLHUP);
}

static uint32_t epoll_poll(struct socket *s)
{
	for (struct socket_watch *w = of(s)->ready; w != NULL; w = w->ready_next)
		if (wanted_now(w))
			return POLLIN | POLLRDNORM;
	return 0;
}

const struct socket_ops epoll_ops = {
	.name = "epoll",
	.size = sizeof(struct epoll),
	.init = epoll_init,
	.close = epoll_close,
	.poll = epoll_poll,
};

int tapir_epoll_create(struct tapir_host *h)
{
	struct socket *s;
	int fd;

	host_enter(h);
	fd = socket_new(&s, h, &epoll_ops, AF_UNSPEC, 0, 0);
	if (fd == 0) {
		fd = socket_fd_install(s);
		if (fd < 0)
			epoll_close(s);
	}
	host_leave(h);
	return fd;
}

static struct socket_watch *watch_find(const struct epoll *e, const struct socket *s)
{
	struct socket_watch *w = s->watches;

	while (w != NULL && w->epoll != e)
		w = w->next;
	return w;
}

static int watch_add(struct epoll *e, struct socket *s, const struct epoll_event *event)
{
	struct socket_watch *w = host_alloc(s->host, sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	w->epoll = e;
	w->socket = s;
	w->events = event->events;
	w->data = event->data.u64;
	w->next = s->watches;
	w->pprev = &s->watches;
	if (w->next != NULL)
		w->next->pprev = &w->next;
	s->watches = w;
	w->all_next = e->all;
	w->all_pprev = &e->all;
	if (w->all_next != NULL)
		w->all_next->all_pprev = &w->all_next;
	e->all = w;
	return 0;
}

static int control(struct tapir_host *h, int epfd, int op, int fd, const struct epoll_event *event)
{
	struct socket *e = socket_get(h, epfd), *s = socket_get(h, fd);
	struct socket_watch *w;
	int err = 0;

	if (e == NULL || s == NULL)
		return -EBADF;
	if (e->ops != &epoll_ops || s->ops == &epoll_ops)
		return -EINVAL;
	if (op != EPOLL_CTL_DEL && event == NULL)
		return -EFAULT;
	w = watch_find(of(e), s);
	switch (op) {
	case EPOLL_CTL_ADD:
		if (w != NULL)
			return -EEXIST;
		err = watch_add(of(e), s, event);
		break;
	case EPOLL_CTL_MOD:
		if (w == NULL)
			return -ENOENT;
		w->events = event->events;
		w->data = event->data.u64;
		w->disabled = false;
		break;
	case EPOLL_CTL_DEL:
		if (w == NULL)
			return -ENOENT;
		watch_free(w);
		return 0;
	default:
		return -EINVAL;
	}
	/* What is ready already is news, too. */
	w = watch_find(of(e), s);
	if (err == 0 && wanted_now(w)) {
		ready_in(w);
		socket_wake(e, POLLIN);
	}
	return err;
}

int tapir_epoll_ctl(struct tapir_host *h, int epfd, int op, int fd, struct epoll_event *event)
{
	int err;

	host_enter(h);
	err = control(h, epfd, op, fd, event);
	host_leave(h);
	return err;
}

static int collect(struct epoll *e, struct epoll_event *events, int max)
{
	struct socket_watch *w = e->ready, *stays = NULL;
	int n = 0;

	while (w != NULL && n < max) {
		struct socket_watch *next = w->ready_next;
		const uint32_t now = wanted_now(w);

		ready_out(w);
		if (now) {
			events[n].events = now;
			events[n++].data.u64 = w->data;
			w->disabled = w->events & EPOLLONESHOT;
			if (!(w->events & (EPOLLET | EPOLLONESHOT))) {
				w->ready_next = stays;
				stays = w;
			}
		}
		w = next;
	}
	/* Behind those that weren't looked at: each gets its turn. */
	while (stays != NULL) {
		w = stays;
		stays = w->ready_next;
		ready_in(w);
	}
	return n;
}

int tapir_epoll_wait(struct tapir_host *h, int epfd, struct epoll_event *events, int max, int timeout)
{
	struct socket *s;
	uint64_t deadline;
	int n = 0;

	if (max <= 0)
		return -EINVAL;
	host_enter(h);
	deadline = timeout < 0 ? NEVER : h->now_ns + (uint64_t)timeout * NS_PER_MS;
	for (;;) {
		struct runner_wait wait = { .events = POLLIN };

		s = socket_get(h, epfd);
		if (s == NULL || s->ops != &epoll_ops) {
			n = s == NULL ? -EBADF : -EINVAL;
			break;
		}
		n = collect(of(s), events, max);
		if (n || timeout == 0)
			break;
		wait.socket = s;
		if (runner_wait(h, &wait, 1, deadline) < 0)
			break;
	}
	host_leave(h);
	return n;
}
