/* unix_socket.c - records to a unix socket. A reader that doesn't keep up loses records rather than stalling
 * packets: a write waits at most SEND_WAIT_MS, then the rest of the buffer is refused and counted by the caller. */
#include "output/unix_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SEND_WAIT_MS 200

struct unix_sink {
	struct sink sink;
	struct sockaddr_un addr;
	int type;
	int fd;                         /* -1: not connected */
	time_t next_try;
};

static int unix_connect(struct unix_sink *u)
{
	int fd = socket(AF_UNIX, u->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&u->addr, sizeof(u->addr)) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	u->fd = fd;
	return 0;
}

int unix_socket_open(struct sink **out, const struct sink_kind *kind, int type, const struct sink_opts *opts, char *error,
		     size_t error_len)
{
	const char *name = conf_str(opts->conf, "filename", opts->default_name);
	struct unix_sink *u = calloc(1, sizeof(*u));
	int n;

	if (u == NULL)
		return -ENOMEM;
	u->sink.kind = kind;
	u->type = type;
	u->fd = -1;
	u->addr.sun_family = AF_UNIX;
	n = snprintf(u->addr.sun_path, sizeof(u->addr.sun_path), "%s%s%s", name[0] == '/' ? "" : opts->log_dir,
		     name[0] == '/' ? "" : "/", name);
	if (n < 0 || (size_t)n >= sizeof(u->addr.sun_path)) {
		snprintf(error, error_len, "the path of the unix socket %s is longer than %zu bytes", name,
			 sizeof(u->addr.sun_path) - 1);
		free(u);
		return -ENAMETOOLONG;
	}
	unix_connect(u);
	*out = &u->sink;
	return 0;
}

static bool unix_ready(struct unix_sink *u)
{
	time_t now = time(NULL);

	if (u->fd >= 0)
		return true;
	if (now < u->next_try)
		return false;
	u->next_try = now + 1;
	return unix_connect(u) == 0;
}

static int unix_send(struct unix_sink *u, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(u->fd, data, len, MSG_NOSIGNAL);
		struct pollfd p = { .fd = u->fd, .events = POLLOUT };

		if (n >= 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			if (poll(&p, 1, SEND_WAIT_MS) <= 0)
				return -EAGAIN;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int unix_socket_write(struct sink *s, const char *lines, size_t len)
{
	struct unix_sink *u = (struct unix_sink *)s;
	int err = 0;

	if (!unix_ready(u))
		return -ENOTCONN;
	if (u->type == SOCK_STREAM) {
		err = unix_send(u, lines, len);
	} else {
		while (len > 0 && err == 0) {
			const char *end = memchr(lines, '\n', len);
			size_t line = end ? (size_t)(end - lines) + 1 : len;

			err = unix_send(u, lines, line);
			lines += line;
			len -= line;
		}
	}
	if (err < 0) {
		/* A stream that was cut in the middle of a record must not go on with half of it. */
		close(u->fd);
		u->fd = -1;
	}
	return err;
}

int unix_socket_reopen(struct sink *s)
{
	struct unix_sink *u = (struct unix_sink *)s;

	if (u->fd >= 0)
		close(u->fd);
	u->fd = -1;
	return unix_connect(u);
}

void unix_socket_close(struct sink *s)
{
	struct unix_sink *u = (struct unix_sink *)s;

	if (u->fd >= 0)
		close(u->fd);
	free(u);
}

const char *unix_socket_path(const struct sink *s)
{
	return ((const struct unix_sink *)s)->addr.sun_path;
}
