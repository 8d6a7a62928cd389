/* redis.c - records into Redis: a list, a stream or a channel; Suricata's keys.
 *
 * Commands are pipelined: a batch goes out in one piece and each record's verdict is the reply to its own
 * command. An error that Redis gives may pass (loading, out of memory, read-only replica), so that its record
 * comes again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "output/sink.h"

extern const struct sink_kind sink_kind_redis;

enum redis_mode { REDIS_LPUSH, REDIS_RPUSH, REDIS_PUBLISH, REDIS_XADD };

struct redis_sink {
	struct sink sink;
	redisContext *ctx;              /* NULL: not connected */
	const struct conf *conf;
	char server[256], key[256], maxlen[24];
	int port;
	enum redis_mode mode;
	unsigned batch;                 /* commands in flight */
	bool trim_exact;
	struct timeval timeout;
};

static void redis_close(struct sink *sink)
{
	struct redis_sink *s = (struct redis_sink *)sink;

	if (s->ctx != NULL)
		redisFree(s->ctx);
	free(s);
}

static bool find_mode(const char *name, enum redis_mode *out)
{
	static const struct { const char *name; enum redis_mode mode; } rows[] = {
		{ "list", REDIS_LPUSH }, { "lpush", REDIS_LPUSH }, { "rpush", REDIS_RPUSH }, { "channel", REDIS_PUBLISH },
		{ "publish", REDIS_PUBLISH }, { "stream", REDIS_XADD }, { "xadd", REDIS_XADD },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		*out = rows[i].mode;
		return true;
	}
	return false;
}

static int redis_open(struct sink **out, const struct sink_opts *opts, char *error, size_t error_len)
{
	const struct conf *c = conf_find(opts->conf, "redis");
	const char *mode = conf_str(c, "mode", "list");
	struct redis_sink *s = calloc(1, sizeof(*s));
	int64_t maxlen = conf_int(c, "stream-maxlen", 100000), batch = conf_int(c, "pipelining.batch-size", 1000);

	if (s == NULL)
		return -ENOMEM;
	s->sink.kind = &sink_kind_redis;
	s->conf = c;
	if (!find_mode(mode, &s->mode)) {
		snprintf(error, error_len, "redis.mode: \"%s\"; expected list, lpush, rpush, channel, publish, stream or xadd", mode);
		free(s);
		return -EINVAL;
	}
	snprintf(s->server, sizeof(s->server), "%s", conf_str(c, "server", "127.0.0.1"));
	snprintf(s->key, sizeof(s->key), "%s", conf_str(c, "key", "suricata"));
	s->port = (int)conf_int(c, "port", 6379);
	s->batch = conf_bool(c, "pipelining.enabled", true) ? (unsigned)(batch < 1 ? 1 : batch) : 1;
	if (maxlen > 0)
		snprintf(s->maxlen, sizeof(s->maxlen), "%lld", (long long)maxlen);
	s->trim_exact = conf_bool(c, "stream-trim-exact", false);
	s->timeout.tv_sec = (time_t)conf_int(c, "timeout", 10);
	*out = &s->sink;
	return 0;
}

static int redis_failed(struct redis_sink *s, const char *why)
{
	sink_failed(&s->sink, -EIO, "redis %s port %d: %.120s", s->server, s->port, why);
	if (s->ctx != NULL)
		redisFree(s->ctx);
	s->ctx = NULL;
	return -EIO;
}

static int command(struct redis_sink *s, int argc, const char **argv)
{
	redisReply *reply = redisCommandArgv(s->ctx, argc, argv, NULL);
	int err = 0;

	if (reply == NULL)
		return redis_failed(s, s->ctx->errstr);
	if (reply->type == REDIS_REPLY_ERROR)
		err = redis_failed(s, reply->str);
	freeReplyObject(reply);
	return err;
}

static int redis_connect(struct redis_sink *s)
{
	const char *user = conf_str(s->conf, "username", NULL), *password = conf_str(s->conf, "password", NULL);
	const char *db = conf_str(s->conf, "database", NULL);
	int err = 0;

	s->ctx = s->server[0] == '/' ? redisConnectUnixWithTimeout(s->server, s->timeout) :
				       redisConnectWithTimeout(s->server, s->port, s->timeout);
	if (s->ctx == NULL || s->ctx->err != 0)
		return redis_failed(s, s->ctx ? s->ctx->errstr : "out of memory");
	redisSetTimeout(s->ctx, s->timeout);
	redisEnableKeepAlive(s->ctx);
	if (password != NULL)
		err = user ? command(s, 3, (const char *[]){ "AUTH", user, password }) :
			     command(s, 2, (const char *[]){ "AUTH", password });
	if (err == 0 && db != NULL)
		err = command(s, 2, (const char *[]){ "SELECT", db });
	return err;
}

static void append(struct redis_sink *s, const struct sink_record *r)
{
	static const char *const names[] = { "LPUSH", "RPUSH", "PUBLISH", "XADD" };
	const char *argv[10] = { names[s->mode], s->key };
	size_t lens[10];
	int n = 2, text = 0;

	if (s->mode == REDIS_XADD) {
		if (s->maxlen[0] != '\0') {
			argv[n++] = "MAXLEN";
			argv[n++] = s->trim_exact ? "=" : "~";
			argv[n++] = s->maxlen;
		}
		argv[n++] = "*";
		argv[n++] = "eve";
	}
	text = n;
	argv[n++] = r->text;
	if (s->mode == REDIS_XADD) {
		argv[n++] = "event_id";
		argv[n++] = r->id;
	}
	for (int i = 0; i < n; i++)
		lens[i] = i == text ? r->len : strlen(argv[i]);
	redisAppendCommandArgv(s->ctx, n, argv, lens);
}

/* The replies to what was appended. */
static int replies(struct redis_sink *s, struct sink_record *records, unsigned count)
{
	int err = 0;

	for (unsigned i = 0; i < count; i++) {
		void *got = NULL;

		if (redisGetReply(s->ctx, &got) != REDIS_OK || got == NULL)
			return redis_failed(s, s->ctx->errstr);
		if (((redisReply *)got)->type == REDIS_REPLY_ERROR)
			err = sink_failed(&s->sink, -EIO, "redis %s: %.160s", s->server, ((redisReply *)got)->str);
		else
			records[i].verdict = SINK_SENT;
		freeReplyObject(got);
	}
	return err;
}

static int redis_send(struct sink *sink, struct sink_record *records, unsigned count)
{
	struct redis_sink *s = (struct redis_sink *)sink;
	unsigned done = 0;
	int err = 0, worst = 0;

	sink_verdicts(records, 0, count, SINK_AGAIN);
	while (done < count && err == 0) {
		unsigned n = count - done < s->batch ? count - done : s->batch;

		if (s->ctx == NULL)
			err = redis_connect(s);
		if (err < 0)
			return err;
		for (unsigned i = 0; i < n; i++)
			append(s, &records[done + i]);
		err = replies(s, records + done, n);
		if (err < 0 && s->ctx != NULL) {        /* some were refused; the connection is fine */
			worst = err;
			err = 0;
		}
		done += n;
	}
	return err < 0 ? err : worst;
}

const struct sink_kind sink_kind_redis = {
	.name = "redis", .remote = true, .open = redis_open, .send = redis_send, .close = redis_close,
};
