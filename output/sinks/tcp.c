/* tcp.c - records as lines over TCP or TLS: Logstash, Vector, Fluent Bit.
 *
 * The receiver doesn't answer: a batch counts as arrived when its kernel has acknowledged it and the
 * connection still stands. Otherwise all of the batch comes again. */
#include <errno.h>
#include <stdlib.h>

#include "output/format.h"
#include "output/peer.h"

extern const struct sink_kind sink_kind_tcp;

struct tcp_sink {
	struct sink sink;
	struct peer *peer;
	struct text lines;
};

static void tcp_close(struct sink *s)
{
	struct tcp_sink *t = (struct tcp_sink *)s;

	peer_free(t->peer);
	text_free(&t->lines);
	free(t);
}

static int tcp_open(struct sink **out, const struct sink_opts *opts, char *error, size_t error_len)
{
	const struct conf *c = conf_find(opts->conf, "tcp") ? conf_find(opts->conf, "tcp") : opts->conf;
	struct tcp_sink *t = calloc(1, sizeof(*t));
	bool tls = conf_bool(c, "tls.enabled", conf_find(c, "tls") != NULL);
	int err;

	if (t == NULL)
		return -ENOMEM;
	t->sink.kind = &sink_kind_tcp;
	err = peer_new(&t->peer, tls ? TRANSPORT_IS_TLS : TRANSPORT_IS_TCP, c, 5170, error, error_len);
	if (err < 0) {
		tcp_close(&t->sink);
		return err;
	}
	*out = &t->sink;
	return 0;
}

static int tcp_send(struct sink *s, struct sink_record *records, unsigned count)
{
	struct tcp_sink *t = (struct tcp_sink *)s;
	int err = peer_ready(t->peer);

	t->lines.len = 0;
	for (unsigned i = 0; i < count; i++) {
		text_add(&t->lines, records[i].text, records[i].len);
		text_add(&t->lines, "\n", 1);
	}
	if (err == 0)
		err = t->lines.failed ? -ENOMEM : peer_write(t->peer, t->lines.data, t->lines.len);
	if (err == 0)
		err = peer_flushed(t->peer);
	sink_verdicts(records, 0, count, err == 0 ? SINK_SENT : SINK_AGAIN);
	return err == 0 ? 0 : sink_failed(s, err, "%s", peer_error(t->peer));
}

const struct sink_kind sink_kind_tcp = {
	.name = "tcp", .remote = true, .open = tcp_open, .send = tcp_send, .close = tcp_close,
};
