/* talk.c - see talk.h. One thread reads standard input and sends, this one receives and writes: each waits where it
 * has to. An eventfd ends the other. */
#include "cli/talk.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/port.h"
#include "cli/options.h"

#define CHUNK (64 * 1024)
#define DATAGRAM_MAX 65507
#define STEP_MS 100
#define LINGER_S 10

struct talking {
	const struct talk *t;
	int ended_fd;                   /* readable: it is over */
	_Atomic bool over;
	_Atomic uint64_t last_ns;       /* something came or went */
	_Atomic uint64_t input_end_ns;  /* 0 = not yet */
};

static uint64_t mono_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* All of it; false where that can't be. */
static bool send_all(struct talking *k, const char *data, size_t len)
{
	const struct talk *t = k->t;
	struct pollfd p = { .fd = t->fd, .events = POLLOUT };

	while (len > 0 && !k->over) {
		ssize_t n = tapir_send(t->host, t->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n == -EAGAIN) {
			tapir_poll(t->host, &p, 1, STEP_MS);
			continue;
		}
		/* A port that nobody listens on (-ECONNREFUSED) may have a listener later. */
		if (n < 0 && t->datagrams && n != -EMSGSIZE)
			n = (ssize_t)len;
		if (n < 0)
			return false;
		k->last_ns = mono_ns();
		data += n;
		len -= (size_t)n;
	}
	return !k->over;
}

static void *input_thread(void *arg)
{
	struct talking *k = arg;
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = k->ended_fd, .events = POLLIN } };
	char data[CHUNK];

	while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
		ssize_t n;

		if (fds[1].revents != 0)
			return NULL;
		if (fds[0].revents == 0)
			continue;
		n = read(STDIN_FILENO, data, k->t->datagrams && sizeof(data) > DATAGRAM_MAX ? DATAGRAM_MAX : sizeof(data));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || !send_all(k, data, (size_t)n))
			break;
	}
	if (!k->over && !k->t->datagrams)
		tapir_shutdown(k->t->host, k->t->fd, SHUT_WR);
	k->input_end_ns = mono_ns();
	return NULL;
}

static bool write_all(const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, data, len);

		if (n < 0 && errno != EINTR)
			return false;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

static bool time_over(const struct talking *k)
{
	const uint64_t now = mono_ns(), input_end = k->input_end_ns;

	return (k->t->idle_ns > 0 && now > k->last_ns && now - k->last_ns >= k->t->idle_ns) ||
	       (k->t->linger_ns > 0 && input_end > 0 && now >= input_end + k->t->linger_ns);
}

/* The other end has said all it had to; what a file or a pipe still has for it goes there. */
static void input_finish(struct talking *k)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000 };

	while (!k->t->no_input && !isatty(STDIN_FILENO) && k->input_end_ns == 0 && !stop_asked(k->t->stop) && !time_over(k))
		nanosleep(&step, NULL);
}

/* The receiving half. */
static int receive_all(struct talking *k)
{
	const struct talk *t = k->t;
	struct pollfd p = { .fd = t->fd, .events = POLLIN };
	char data[CHUNK];

	while (!stop_asked(t->stop) && !time_over(k)) {
		ssize_t n = tapir_recv(t->host, t->fd, data, sizeof(data), MSG_DONTWAIT);

		if (n == -EAGAIN || n == -EINTR) {
			tapir_poll(t->host, &p, 1, STEP_MS);
			continue;
		}
		if (n == 0 && !t->datagrams) {
			input_finish(k);
			return EXIT_FINE;
		}
		if (n < 0) {
			fprintf(stderr, "tapir %s: %s\n", t->command, strerror((int)-n));
			return EXIT_PROBLEM;
		}
		k->last_ns = mono_ns();
		if (!write_all(data, (size_t)n))
			return EXIT_PROBLEM;
	}
	return EXIT_FINE;
}

int talk_run(const struct talk *t)
{
	struct talking k = { .t = t, .ended_fd = eventfd(0, EFD_CLOEXEC), .last_ns = mono_ns() };
	const struct linger linger = { .l_onoff = 1, .l_linger = LINGER_S };
	const uint64_t one = 1;
	pthread_t input;
	int status = EXIT_PROBLEM, started = -1;

	if (k.ended_fd >= 0 && !t->no_input)
		started = pthread_create(&input, NULL, input_thread, &k);
	if (started == 0 || t->no_input)
		status = receive_all(&k);
	else
		fprintf(stderr, "tapir %s: a thread cannot be started\n", t->command);
	k.over = true;
	if (write(k.ended_fd, &one, sizeof(one)) == sizeof(one) && started == 0)
		pthread_join(input, NULL);
	if (!t->datagrams)
		tapir_setsockopt(t->host, t->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	tapir_close(t->host, t->fd);
	if (k.ended_fd >= 0)
		close(k.ended_fd);
	return status;
}
