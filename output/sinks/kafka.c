/* kafka.c - records into a Kafka topic, through librdkafka.
 *
 * A batch is produced at once and then waited for: a record's verdict is its own delivery report. The
 * producer is idempotent and waits for all replicas unless configured otherwise; any property of
 * librdkafka can be given under kafka.options. The key is the community id, so that what belongs to one
 * conversation stays in order, whichever sensor saw it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "output/sink.h"

extern const struct sink_kind sink_kind_kafka;

#define POLL_MS 100
#define GIVE_UP_MS 300000

struct kafka_sink {
	struct sink sink;
	rd_kafka_t *producer;           /* NULL: to be made anew */
	const struct conf *conf;
	char topic[250];
	bool keyed;
	unsigned open;                  /* reports that are still to come */
};

static void reported(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct kafka_sink *s = opaque;
	struct sink_record *r = m->_private;

	(void)rk;
	s->open--;
	switch (m->err) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		r->verdict = SINK_SENT;
		return;
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_INVALID_RECORD:
		r->verdict = SINK_REFUSED;
		break;
	default:
		r->verdict = SINK_AGAIN;
	}
	sink_failed(&s->sink, -EIO, "kafka: %s", rd_kafka_err2str(m->err));
}

static void logged(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk, (void)level, (void)facility, (void)text;      /* what matters is in the reports */
}

static bool set(rd_kafka_conf_t *k, const char *name, const char *value, char *error, size_t error_len)
{
	char why[200];

	if (rd_kafka_conf_set(k, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
		return true;
	snprintf(error, error_len, "kafka: %s", why);
	return false;
}

static int producer_new(struct kafka_sink *s, char *error, size_t error_len)
{
	static const char *const defaults[][2] = {
		{ "enable.idempotence", "true" }, { "acks", "all" }, { "compression.codec", "lz4" }, { "linger.ms", "5" },
		{ "message.timeout.ms", "60000" }, { "client.id", "tapir" },
	};
	const struct conf *options = conf_find(s->conf, "options");
	const char *brokers = conf_str(s->conf, "bootstrap-servers", conf_str(s->conf, "brokers", "127.0.0.1:9092"));
	rd_kafka_conf_t *k = rd_kafka_conf_new();
	bool ok = set(k, "bootstrap.servers", brokers, error, error_len);

	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]) && ok; i++)
		ok = set(k, defaults[i][0], defaults[i][1], error, error_len);
	for (const struct conf *o = options ? options->first : NULL; o != NULL && ok; o = o->next)
		ok = o->value == NULL || set(k, o->name, conf_str(o, "", o->value), error, error_len);
	if (ok) {
		rd_kafka_conf_set_dr_msg_cb(k, reported);
		rd_kafka_conf_set_log_cb(k, logged);
		rd_kafka_conf_set_opaque(k, s);
		s->producer = rd_kafka_new(RD_KAFKA_PRODUCER, k, error, error_len);
		if (s->producer != NULL)
			return 0;
	}
	rd_kafka_conf_destroy(k);
	return -EINVAL;
}

static void kafka_close(struct sink *sink)
{
	struct kafka_sink *s = (struct kafka_sink *)sink;

	if (s->producer != NULL)
		rd_kafka_destroy(s->producer);
	free(s);
}

/* Dotted names are paths in a configuration, so that options are read as they stand; reading marks them. */
static void mark_options(const struct conf *c)
{
	const struct conf *options = conf_find(c, "options");

	for (const struct conf *o = options ? options->first : NULL; o != NULL; o = o->next)
		((struct conf *)(uintptr_t)o)->used = true;
}

static int kafka_open(struct sink **out, const struct sink_opts *opts, char *error, size_t error_len)
{
	struct kafka_sink *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->sink.kind = &sink_kind_kafka;
	s->conf = conf_find(opts->conf, "kafka");
	mark_options(s->conf);
	snprintf(s->topic, sizeof(s->topic), "%s", conf_str(s->conf, "topic", "tapir"));
	s->keyed = strcmp(conf_str(s->conf, "key", "community_id"), "community_id") == 0;
	err = producer_new(s, error, error_len);
	if (err < 0) {
		kafka_close(&s->sink);
		return err;
	}
	*out = &s->sink;
	return 0;
}

static rd_kafka_resp_err_t produce(struct kafka_sink *s, struct sink_record *r)
{
	const void *key = s->keyed ? r->key : NULL;

	/* The text stays where it is until the report has come. */
	return rd_kafka_producev(s->producer, RD_KAFKA_V_TOPIC(s->topic), RD_KAFKA_V_VALUE((void *)(uintptr_t)r->text, r->len),
				 RD_KAFKA_V_KEY(key, key ? r->key_len : 0), RD_KAFKA_V_HEADER("event_id", r->id, -1),
				 RD_KAFKA_V_OPAQUE(r), RD_KAFKA_V_END);
}

static int kafka_send(struct sink *sink, struct sink_record *records, unsigned count)
{
	struct kafka_sink *s = (struct kafka_sink *)sink;
	unsigned again = 0;

	sink_verdicts(records, 0, count, SINK_AGAIN);
	if (s->producer == NULL && producer_new(s, s->sink.error, sizeof(s->sink.error)) < 0)
		return -EIO;
	for (unsigned i = 0; i < count; i++) {
		rd_kafka_resp_err_t e = produce(s, &records[i]);

		if (e == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
			rd_kafka_poll(s->producer, POLL_MS);
			e = produce(s, &records[i]);
		}
		if (e == RD_KAFKA_RESP_ERR_NO_ERROR)
			s->open++;
		else if (e == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
			records[i].verdict = SINK_REFUSED;
		if (e != RD_KAFKA_RESP_ERR_NO_ERROR)
			sink_failed(sink, -EIO, "kafka: %s", rd_kafka_err2str(e));
	}
	for (unsigned waited = 0; s->open > 0 && waited < GIVE_UP_MS; waited += POLL_MS)
		rd_kafka_poll(s->producer, POLL_MS);
	if (s->open > 0 || rd_kafka_fatal_error(s->producer, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR) {
		/* What an idempotent producer can't put in order again, a new one can. */
		rd_kafka_purge(s->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		while (s->open > 0)
			rd_kafka_poll(s->producer, POLL_MS);
		rd_kafka_destroy(s->producer);
		s->producer = NULL;
	}
	for (unsigned i = 0; i < count; i++)
		again += records[i].verdict == SINK_AGAIN;
	return again > 0 ? -EIO : 0;
}

const struct sink_kind sink_kind_kafka = {
	.name = "kafka", .remote = true, .open = kafka_open, .send = kafka_send, .close = kafka_close,
};
