/* kafka_test.c - the sink against librdkafka's own mock cluster, and a consumer that reads what arrived. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "output/sink.h"

#define RECORDS 500
#define API_PRODUCE 0

struct bed {
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *cluster;
	struct conf *conf;
	struct sink *sink;
	struct sink_record records[RECORDS];
	char texts[RECORDS][64];
};

static void bed_open(struct bed *b)
{
	struct sink_opts opts = { 0 };
	char error[512] = "";

	b->rk = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error, sizeof(error));
	b->cluster = rd_kafka_mock_cluster_new(b->rk, 3);
	assert_int_equal(rd_kafka_mock_topic_create(b->cluster, "eve", 4, 3), RD_KAFKA_RESP_ERR_NO_ERROR);
	b->conf = conf_new();
	conf_set(b->conf, "kafka.bootstrap-servers", rd_kafka_mock_cluster_bootstraps(b->cluster));
	conf_set(b->conf, "kafka.topic", "eve");
	struct conf *options = conf_add(conf_child(b->conf, "kafka"), "options", NULL);
	conf_add(options, "message.timeout.ms", "20000");
	conf_add(options, "retry.backoff.ms", "20");
	opts.conf = b->conf;
	if (sink_kind_find("kafka")->open(&b->sink, &opts, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	for (unsigned i = 0; i < RECORDS; i++) {
		struct sink_record *r = &b->records[i];

		snprintf(b->texts[i], sizeof(b->texts[i]), "{\"number\":%u,\"community_id\":\"1:%u\"}", i, i % 7);
		snprintf(r->id, sizeof(r->id), "%032u", i);
		r->text = b->texts[i];
		r->len = (uint32_t)strlen(r->text);
		r->key = strstr(r->text, "1:");
		r->key_len = 3;
	}
}

static void bed_close(struct bed *b)
{
	b->sink->kind->close(b->sink);
	conf_free(b->conf);
	rd_kafka_mock_cluster_destroy(b->cluster);
	rd_kafka_destroy(b->rk);
}

/* Reads the topic from its beginning: how often each record is there; per key they must be in order. */
static void consume(struct bed *b, unsigned seen[RECORDS], unsigned wanted)
{
	rd_kafka_conf_t *c = rd_kafka_conf_new();
	rd_kafka_topic_partition_list_t *parts = rd_kafka_topic_partition_list_new(4);
	char error[512];
	int last[7] = { -1, -1, -1, -1, -1, -1, -1 };
	unsigned total = 0;
	rd_kafka_t *rk;

	rd_kafka_conf_set(c, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(b->cluster), error, sizeof(error));
	rd_kafka_conf_set(c, "group.id", "test", error, sizeof(error));
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, c, error, sizeof(error));
	for (int p = 0; p < 4; p++)
		rd_kafka_topic_partition_list_add(parts, "eve", p)->offset = RD_KAFKA_OFFSET_BEGINNING;
	rd_kafka_assign(rk, parts);
	for (unsigned idle = 0; total < wanted && idle < 200;) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 50);
		rd_kafka_headers_t *headers;
		const void *id;
		size_t id_len;
		int number;

		if (m == NULL || m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
			idle++;
			if (m != NULL)
				rd_kafka_message_destroy(m);
			continue;
		}
		assert_int_equal(sscanf(m->payload, "{\"number\":%d", &number), 1);
		assert_int_equal(m->key_len, 3);
		assert_true(number > last[number % 7]);
		last[number % 7] = number;
		assert_int_equal(rd_kafka_message_headers(m, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
		assert_int_equal(rd_kafka_header_get_last(headers, "event_id", &id, &id_len), RD_KAFKA_RESP_ERR_NO_ERROR);
		assert_memory_equal(id, b->records[number].id, 32);
		seen[number]++;
		total++;
		rd_kafka_message_destroy(m);
	}
	rd_kafka_topic_partition_list_destroy(parts);
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
}

static void check_arrived(struct bed *b)
{
	unsigned seen[RECORDS] = { 0 };

	consume(b, seen, RECORDS);
	for (unsigned i = 0; i < RECORDS; i++) {
		assert_int_equal(b->records[i].verdict, SINK_SENT);
		assert_int_equal(seen[i], 1);
	}
}

static void test_delivers(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));

	(void)state;
	bed_open(b);
	assert_int_equal(b->sink->kind->send(b->sink, b->records, RECORDS), 0);
	check_arrived(b);
	bed_close(b);
	free(b);
}

static void test_errors_pass(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));

	(void)state;
	bed_open(b);
	rd_kafka_mock_push_request_errors(b->cluster, API_PRODUCE, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
					  RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
	assert_int_equal(b->sink->kind->send(b->sink, b->records, RECORDS), 0);
	check_arrived(b);
	bed_close(b);
	free(b);
}

static void test_options(void **state)
{
	static const struct { const char *name, *value, *error; } rows[] = {
		{ "acks", "many", "kafka: Invalid value" }, { "no.such.thing", "1", "kafka: No such configuration property" },
		{ "compression.codec", "zip", "kafka: Invalid value" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf *c = conf_new();
		struct sink_opts opts = { .conf = c };
		struct sink *s;
		char error[512] = "";

		conf_set(c, "kafka.topic", "eve");
		conf_add(conf_add(conf_child(c, "kafka"), "options", NULL), rows[i].name, rows[i].value);
		assert_true(sink_kind_find("kafka")->open(&s, &opts, error, sizeof(error)) < 0);
		if (strstr(error, rows[i].error) != error)
			fail_msg("%s: %s", rows[i].name, error);
		conf_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delivers), cmocka_unit_test(test_errors_pass), cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
