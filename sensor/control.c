/* control.c - see control.h. A client's bytes are collected up to a limit; each object that is complete is answered. */
#include "sensor/control.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "sensor/control_own.h"

#define REQUEST_MAX (64 * 1024)
#define ANSWER_MAX (16u * 1024 * 1024)

struct client {
	int fd;                         /* -1: free */
	bool greeted;
	bool by_line;                   /* version 0.2: answers end with a newline */
	bool waits;                     /* for a reload */
	char *in;                       /* REQUEST_MAX bytes */
	size_t in_len;
	char *out;                      /* what the socket hasn't taken yet */
	size_t out_len, out_at;
};

struct control {
	struct run *run;
	int fd;
	char path[PATH_MAX];
	struct json json;
	struct client clients[CONTROL_CLIENTS_MAX];
};

bool control_path(const struct conf *conf, char *out, size_t size)
{
	const char *name = conf_str(conf, "unix-command.filename", NULL);
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *dir = NULL, *below = "";
	int len;

	if (name == NULL)
		name = "tapir-command.socket";
	if (*name == '/')
		return snprintf(out, size, "%s", name) < (int)size;
	if (geteuid() == 0) {
		dir = "/run/tapir";
	} else if (runtime != NULL && *runtime == '/') {
		dir = runtime;
		below = "/tapir";
	}
	if (dir == NULL)
		return false;
	len = snprintf(out, size, "%s%s/%s", dir, below, name);
	return len > 0 && (size_t)len < size;
}

/* A socket that somebody listens at is somebody's; one that nobody answers is left over. */
static int stale_remove(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd, err;

	if (lstat(addr->sun_path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 ? -EADDRINUSE : 0;
	close(fd);
	if (err == 0 && unlink(addr->sun_path) < 0)
		err = -errno;
	return err;
}

static int listen_at(struct control *c)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char *slash = strrchr(c->path, '/');
	mode_t before;
	int err;

	if (strlen(c->path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, c->path, strlen(c->path) + 1);
	if (slash != NULL && slash != c->path) {
		*slash = '\0';
		err = mkdir(c->path, 0700) < 0 && errno != EEXIST ? -errno : 0;
		*slash = '/';
		if (err < 0)
			return err;
	}
	err = stale_remove(&addr);
	if (err < 0)
		return err;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return -errno;
	before = umask(0177);
	err = bind(c->fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	umask(before);
	if (err == 0 && listen(c->fd, CONTROL_CLIENTS_MAX) < 0)
		err = -errno;
	if (err < 0) {
		close(c->fd);
		c->fd = -1;
	}
	return err;
}

int control_new(struct control **out, struct run *r)
{
	const char *mode = conf_str(r->conf, "unix-command.enabled", "auto");
	bool automatic = strcasecmp(mode, "auto") == 0, on = r->live;
	struct control *c;
	int err = 0;

	*out = NULL;
	if (!automatic && conf_parse_bool(mode, &on) < 0) {
		log_error("unix-command.enabled: expected yes, no or auto, found \"%s\"", mode);
		return -EINVAL;
	}
	if (!on)
		return 0;
	c = calloc(1, sizeof(*c));
	if (c == NULL || json_init(&c->json, 4096, ANSWER_MAX) < 0) {
		free(c);
		return -ENOMEM;
	}
	c->run = r;
	c->fd = -1;
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		c->clients[i].fd = -1;
	err = control_path(r->conf, c->path, sizeof(c->path)) ? listen_at(c) : -ENOENT;
	if (err < 0) {
		log_write(automatic ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "control socket %s: %s; see unix-command.filename",
			  c->path, strerror(-err));
		control_free(c);
		return automatic ? 0 : err;
	}
	log_info("control socket %s", c->path);
	*out = c;
	return 0;
}

static void client_drop(struct client *cl)
{
	if (cl->fd >= 0)
		close(cl->fd);
	free(cl->in);
	free(cl->out);
	*cl = (struct client){ .fd = -1 };
}

void control_free(struct control *c)
{
	if (c == NULL)
		return;
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		client_drop(&c->clients[i]);
	if (c->fd >= 0) {
		close(c->fd);
		unlink(c->path);
	}
	json_fini(&c->json);
	free(c);
}

unsigned control_poll(struct control *c, struct pollfd *fds)
{
	unsigned n = 0;

	if (c == NULL)
		return 0;
	fds[n++] = (struct pollfd){ .fd = c->fd, .events = POLLIN };
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		const struct client *cl = &c->clients[i];

		/* Who has an answer coming isn't listened to. */
		if (cl->fd >= 0)
			fds[n++] = (struct pollfd){ .fd = cl->fd, .events = cl->out ? POLLOUT : cl->waits ? 0 : POLLIN };
	}
	return n;
}

static void client_accept(struct control *c)
{
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *cl = NULL;

	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX && cl == NULL; i++)
		if (c->clients[i].fd < 0)
			cl = &c->clients[i];
	if (fd >= 0 && cl != NULL && (cl->in = malloc(REQUEST_MAX)) != NULL)
		cl->fd = fd;
	else if (fd >= 0)
		close(fd);
}

static void client_flush(struct client *cl)
{
	while (cl->out != NULL && cl->out_at < cl->out_len) {
		ssize_t n = send(cl->fd, cl->out + cl->out_at, cl->out_len - cl->out_at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n <= 0) {
			client_drop(cl);
			return;
		}
		cl->out_at += (size_t)n;
	}
	free(cl->out);
	cl->out = NULL;
	cl->out_len = cl->out_at = 0;
}

/* c->json holds the answer, whole. */
static void client_answer(struct control *c, struct client *cl)
{
	size_t len = c->json.len - (cl->by_line ? 0 : 1);
	char *bigger = realloc(cl->out, cl->out_len + len);

	if (bigger == NULL) {
		client_drop(cl);
		return;
	}
	memcpy(bigger + cl->out_len, c->json.buf, len);
	cl->out = bigger;
	cl->out_len += len;
}

static void answer_begin(struct control *c)
{
	json_reset(&c->json);
	json_object(&c->json, NULL);
}

static void answer_end(struct control *c, struct client *cl, bool ok)
{
	json_str(&c->json, "return", ok ? "OK" : "NOK");
	json_close(&c->json);
	json_line(&c->json);
	client_answer(c, cl);
}

static void answer_text(struct control *c, struct client *cl, bool ok, const char *message)
{
	answer_begin(c);
	if (message != NULL)
		json_str(&c->json, "message", message);
	answer_end(c, cl, ok);
}

static void client_greet(struct control *c, struct client *cl, const struct control_request *q)
{
	const char *version = control_request_str(q, "version");

	if (version == NULL || (strcmp(version, "0.1") != 0 && strcmp(version, "0.2") != 0)) {
		answer_text(c, cl, false, "expected {\"version\": \"0.2\"} first");
		return;
	}
	cl->greeted = true;
	cl->by_line = strcmp(version, "0.1") != 0;
	answer_text(c, cl, true, NULL);
}

static void client_command(struct control *c, struct client *cl, struct control_request *q)
{
	struct control_call call = { .run = c->run, .request = q, .answer = &c->json };
	const char *name = control_request_str(q, "command");
	enum control_verdict verdict;

	for (unsigned i = 0; name != NULL && i < control_command_count; i++) {
		if (strcmp(control_commands[i].name, name) != 0)
			continue;
		answer_begin(c);
		verdict = control_commands[i].run(&call);
		if (verdict == CONTROL_LATER)
			cl->waits = true;
		else
			answer_end(c, cl, verdict == CONTROL_OK);
		return;
	}
	answer_text(c, cl, false, name != NULL ? "Unknown command" : "expected {\"command\": NAME}");
}

static void client_requests(struct control *c, struct client *cl)
{
	while (cl->fd >= 0 && !cl->waits && cl->in_len > 0) {
		struct control_request *q;
		size_t used = 0, blank = 0;

		while (blank < cl->in_len && strchr(" \t\r\n", cl->in[blank]) != NULL && cl->in[blank] != '\0')
			blank++;
		q = blank < cl->in_len ? control_request_read(cl->in + blank, cl->in_len - blank, &used) : NULL;
		cl->in_len -= blank + used;
		memmove(cl->in, cl->in + blank + used, cl->in_len);
		if (q != NULL && cl->greeted)
			client_command(c, cl, q);
		else if (q != NULL)
			client_greet(c, cl, q);
		else if (used > 0)
			answer_text(c, cl, false, "this is no JSON");
		control_request_free(q);
		if (used == 0)
			break;
	}
	if (cl->fd >= 0 && cl->in_len == REQUEST_MAX)
		client_drop(cl);
}

static void client_read(struct control *c, struct client *cl)
{
	ssize_t n = recv(cl->fd, cl->in + cl->in_len, REQUEST_MAX - cl->in_len, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_drop(cl);
		return;
	}
	cl->in_len += (size_t)n;
	client_requests(c, cl);
}

void control_attend(struct control *c, const struct pollfd *fds, unsigned count)
{
	for (unsigned k = 1; k < count; k++) {
		struct client *cl = NULL;

		for (unsigned i = 0; i < CONTROL_CLIENTS_MAX && cl == NULL; i++)
			if (c->clients[i].fd == fds[k].fd)
				cl = &c->clients[i];
		if (cl == NULL || fds[k].revents == 0)
			continue;
		if (fds[k].revents & POLLIN)
			client_read(c, cl);
		else if (fds[k].revents & (POLLERR | POLLHUP))
			client_drop(cl);
		if (cl->fd >= 0)
			client_flush(cl);
	}
	if (count > 0 && fds[0].revents & POLLIN)
		client_accept(c);
}

void control_reloaded(struct control *c, int err)
{
	for (unsigned i = 0; c != NULL && i < CONTROL_CLIENTS_MAX; i++) {
		struct client *cl = &c->clients[i];

		if (cl->fd < 0 || !cl->waits)
			continue;
		cl->waits = false;
		answer_text(c, cl, err == 0, err == 0 ? "done" : "the new rules can't be used: the old ones stay");
		if (cl->fd >= 0)
			client_flush(cl);
		if (cl->fd >= 0)
			client_requests(c, cl);
	}
}
