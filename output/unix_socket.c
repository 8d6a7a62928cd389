/* unix_socket.c - records to a unix socket. A reader that doesn't keep up makes records wait in the queue, not
 * packets: a write waits at most SEND_WAIT_MS at a time. A stream that was cut in the middle of a record is closed, and
 * that record comes again, whole, on the next connection. */
#include "output/unix_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SEND_WAIT_MS 200
#define LINE_MAX_BYTES (300 * 1024)

struct unix_sink {
	struct sink sink;
	struct sockaddr_un addr;
	int type;
	int fd;                         /* -1: not connected */
	bool cut;                       /* the stream ends inside a record */
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

/* How much of it is sent; less than len: *err says why. */
static size_t unix_send(struct unix_sink *u, const char *data, size_t len, int *err)
{
	size_t sent = 0;

	while (sent < len) {
		ssize_t n = send(u->fd, data + sent, len - sent, MSG_NOSIGNAL);
		struct pollfd p = { .fd = u->fd, .events = POLLOUT };

		if (n >= 0) {
			sent += (size_t)n;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			if (poll(&p, 1, SEND_WAIT_MS) <= 0) {
				*err = -EAGAIN;
				return sent;
			}
		} else if (errno != EINTR) {
			*err = -errno;
			return sent;
		}
	}
	return sent;
}

int unix_socket_send(struct sink *s, struct sink_record *records, unsigned count)
{
	struct unix_sink *u = (struct unix_sink *)s;
	int err = u->fd < 0 ? unix_connect(u) : 0;
	unsigned done = 0;

	for (; done < count && err == 0; done++) {
		char line[LINE_MAX_BYTES];
		size_t len = records[done].len, sent;

		if (len + 1 > sizeof(line)) {
			records[done].verdict = SINK_REFUSED;
			sink_failed(s, 0, "it is longer than %zu bytes", sizeof(line) - 1);
			continue;
		}
		memcpy(line, records[done].text, len);
		line[len++] = '\n';
		sent = unix_send(u, line, len, &err);
		u->cut = sent > 0 && sent < len;
		if (err == -EMSGSIZE) {
			records[done].verdict = SINK_REFUSED;
			sink_failed(s, 0, "a datagram of %zu bytes doesn't go", len);
			err = 0;
		} else if (err < 0) {
			break;
		} else {
			records[done].verdict = SINK_SENT;
		}
	}
	if (err == 0)
		return 0;
	sink_verdicts(records, done, count, SINK_AGAIN);
	if (u->fd >= 0 && (err != -EAGAIN || u->cut)) {
		close(u->fd);
		u->fd = -1;
	}
	return sink_failed(s, err, "%s: %s", u->addr.sun_path, strerror(-err));
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
