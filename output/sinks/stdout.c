/* stdout.c - records to standard output, a line each. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output/sink.h"

extern const struct sink_kind sink_kind_stdout;

static int open_stdout(struct sink **out, const struct sink_opts *opts, char *error, size_t error_len)
{
	struct sink *s = calloc(1, sizeof(*s));

	(void)opts, (void)error, (void)error_len;
	if (s == NULL)
		return -ENOMEM;
	s->kind = &sink_kind_stdout;
	*out = s;
	return 0;
}

/* Once a line has begun it is finished: whoever reads gets whole lines. */
static int put(const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, data, len);
		struct pollfd fd = { .fd = STDOUT_FILENO, .events = POLLOUT };

		if (n < 0 && errno == EAGAIN)
			poll(&fd, 1, 100);
		else if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int send_stdout(struct sink *s, struct sink_record *records, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		int err = put(records[i].text, records[i].len);

		if (err == 0)
			err = put("\n", 1);
		if (err < 0) {
			sink_verdicts(records, i, count, SINK_AGAIN);
			return sink_failed(s, err, "standard output: %s", strerror(-err));
		}
		records[i].verdict = SINK_SENT;
	}
	return 0;
}

static void close_stdout(struct sink *s)
{
	free(s);
}

const struct sink_kind sink_kind_stdout = {
	.name = "stdout", .open = open_stdout, .send = send_stdout, .close = close_stdout,
};
