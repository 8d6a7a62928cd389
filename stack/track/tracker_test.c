/* tracker_test.c - packets in, streams and flows out. A row is a packet; the expected stream follows. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "stack/track/policy.h"
#include "stack/track/tcp.h"
#include "stack/track/tracker.h"

#define MS ((uint64_t)1000000)

struct fixture {
	struct mem *mem;
	struct conf *conf;
	struct tracker *t;
	uint64_t now, number;
	struct flow *flow;
	char got[2][4096];
};

static void start(struct fixture *x, const char *const *settings)
{
	struct hash_key key = { 1, 2 };

	memset(x, 0, sizeof(*x));
	x->mem = mem_new();
	x->conf = conf_new();
	/* The packets are made without bytes that a sum could be taken of. */
	assert_int_equal(conf_set(x->conf, "stream.checksum-validation", "no"), 0);
	for (; settings != NULL && *settings != NULL; settings += 2)
		assert_int_equal(conf_set(x->conf, settings[0], settings[1]), 0);
	assert_int_equal(tracker_new(&x->t, x->mem, x->conf, &key), 0);
	x->now = 1000 * MS;
}

static void stop(struct fixture *x)
{
	tracker_free(x->t);
	conf_free(x->conf);
	mem_free(x->mem);
}

static void pull(struct fixture *x, struct flow *flow)
{
	struct piece p;

	for (int s = 0; s < 2; s++) {
		char *out = x->got[s];

		while (stream_pull(x->t, flow, s, &p)) {
			size_t used = strlen(out);

			if (p.kind == PIECE_GAP)
				snprintf(out + used, sizeof(x->got[s]) - used, "<%u>", p.len);
			else if (p.kind == PIECE_END)
				snprintf(out + used, sizeof(x->got[s]) - used, ".");
			else
				snprintf(out + used, sizeof(x->got[s]) - used, "%.*s", (int)p.len,
					 (const char *)p.data);
		}
	}
}

struct row {
	char side;                      /* c or s */
	const char *flags;
	int32_t seq, ack;               /* from the initial sequence numbers */
	const char *data;
};

#define ISN_C 0xfffffff0u
#define ISN_S 5000u

static enum track_drop give(struct fixture *x, const struct row *r, uint16_t client_port)
{
	struct packet p = { .ip_version = 4, .proto = IPPROTO_TCP, .ttl = 64, .window = 60000 };
	static const char letters[] = "FSRPAU";
	enum track_drop why;
	bool client = r->side == 'c';
	char copy[512] = "";

	p.time_ns = x->now += MS;
	p.number = ++x->number;
	p.src.bytes[0] = p.dst.bytes[0] = 10;
	p.src.bytes[3] = client ? 1 : 2;
	p.dst.bytes[3] = client ? 2 : 1;
	p.src_port = client ? client_port : 80;
	p.dst_port = client ? 80 : client_port;
	for (const char *f = r->flags; *f != 0; f++)
		p.tcp_flags |= (uint8_t)(1 << (strchr(letters, *f) - letters));
	p.seq = (client ? ISN_C : ISN_S) + (uint32_t)r->seq;
	p.ack = p.tcp_flags & TCP_ACK ? (client ? ISN_S : ISN_C) + (uint32_t)r->ack : 0;
	if (r->data != NULL) {
		snprintf(copy, sizeof(copy), "%s", r->data);
		p.payload = slice_of(copy, strlen(copy));
	}
	p.len = p.wire_len = (uint32_t)(54 + p.payload.len);
	tracker_advance(x->t, x->now);
	x->flow = tracker_packet(x->t, &p, &why);
	if (x->flow != NULL)
		pull(x, x->flow);
	memset(copy, '!', sizeof(copy));        /* nobody may look at the packet's bytes later */
	return why;
}

static void drain(struct fixture *x)
{
	struct flow *flow;

	tracker_finish(x->t, FLOW_END_SHUTDOWN);
	while ((flow = tracker_ended(x->t)) != NULL) {
		pull(x, flow);
		tracker_release(x->t, flow);
	}
}

#define HANDSHAKE { 'c', "S", 0, 0, NULL }, { 's', "SA", 0, 1, NULL }, { 'c', "A", 1, 1, NULL }
#define ROWS_MAX 16

static const struct {
	const char *name;
	struct row rows[ROWS_MAX];
	const char *to_server, *to_client;
} streams[] = {
	{ "in order, closed",
	  { HANDSHAKE,
	    { 'c', "PA", 1, 1, "GET " },
	    { 'c', "PA", 5, 1, "/" },
	    { 's', "A", 1, 6, "hello" },
	    { 'c', "FA", 6, 6, NULL },
	    { 's', "FA", 6, 7, NULL },
	    { 'c', "A", 7, 7, NULL } },
	  "GET /.", "hello." },
	{ "late piece",
	  { HANDSHAKE,
	    { 'c', "A", 4, 1, "def" },
	    { 'c', "A", 7, 1, "ghi" },
	    { 'c', "A", 1, 1, "abc" },
	    { 's', "A", 1, 10, NULL } },
	  "abcdefghi.", "." },
	{ "retransmission is not handed out again",
	  { HANDSHAKE,
	    { 'c', "A", 1, 1, "abc" },
	    { 'c', "A", 1, 1, "abc" },
	    { 'c', "A", 1, 1, "abcdef" } },
	  "abcdef.", "." },
	{ "gap once the receiver acknowledged it",
	  { HANDSHAKE,
	    { 'c', "A", 1, 1, "abc" },
	    { 'c', "A", 7, 1, "ghi" },
	    { 's', "A", 1, 10, NULL },
	    { 'c', "A", 10, 1, "jkl" } },
	  "abc<3>ghijkl.", "." },
	{ "gap at the end",
	  { HANDSHAKE,
	    { 'c', "A", 4, 1, "def" } },
	  "<3>def.", "." },
	{ "linux: starts before, the new wins",
	  { HANDSHAKE,
	    { 'c', "A", 4, 1, "DDD" },
	    { 'c', "A", 2, 1, "bcd" },
	    { 'c', "A", 1, 1, "a" } },
	  "abcdDD.", "." },
	{ "linux: inside, the old wins",
	  { HANDSHAKE,
	    { 'c', "A", 3, 1, "CCCC" },
	    { 'c', "A", 4, 1, "dd" },
	    { 'c', "A", 1, 1, "ab" } },
	  "abCCCC.", "." },
	{ "fin with data behind a hole",
	  { HANDSHAKE,
	    { 'c', "FA", 4, 1, "end" },
	    { 'c', "A", 1, 1, "abc" } },
	  "abcend.", "." },
	{ "reset in the window's middle is ignored",
	  { HANDSHAKE,
	    { 'c', "R", 100, 0, NULL },
	    { 'c', "A", 1, 1, "abc" } },
	  "abc.", "." },
};

static void streams_follow_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		struct fixture x;

		start(&x, NULL);
		for (const struct row *r = streams[i].rows; r->side != 0; r++)
			assert_int_equal(give(&x, r, 1234), TRACK_FOLLOWED);
		drain(&x);
		if (strcmp(x.got[0], streams[i].to_server) != 0 ||
		    strcmp(x.got[1], streams[i].to_client) != 0)
			fail_msg("%s: to server \"%s\", to client \"%s\"", streams[i].name, x.got[0],
				 x.got[1]);
		stop(&x);
	}
}

/* How the second of two early pieces lies to the first, which is AAAA at 10..14: in the order of enum overlap. */
static const struct {
	int32_t at;
	const char *data;
	int32_t from, to;               /* contested */
} relations[OVERLAPS] = {
	{ 10, "BBB", 10, 13 }, { 10, "BBBB", 10, 14 }, { 10, "BBBBBB", 10, 14 }, { 8, "BBBB", 10, 12 },
	{ 8, "BBBBBB", 10, 14 }, { 8, "BBBBBBBB", 10, 14 }, { 11, "BB", 11, 13 }, { 12, "BBBB", 12, 14 },
};

/* The table of policy.c, through reassembly: the receiver is a host of each kind. */
static void overlaps_follow_policies(void **state)
{
	static const struct row handshake[] = { HANDSHAKE };

	(void)state;
	for (int policy = 0; policy < OVERLAP_POLICIES; policy++) {
		for (int how = 0; how < OVERLAPS; how++) {
			char path[64], expected[32] = "123456789xxxxxxxxxxx", *b = expected + relations[how].at - 1;
			const char *const settings[] = { path, "10.0.0.2", NULL };
			struct fixture x;

			snprintf(path, sizeof(path), "host-os-policy.%s", overlap_policy_names[policy]);
			start(&x, settings);
			for (size_t i = 0; i < ARRAY_LEN(handshake); i++)
				give(&x, &handshake[i], 1234);
			give(&x, &(struct row){ 'c', "A", 10, 1, "AAAA" }, 1234);
			give(&x, &(struct row){ 'c', "A", relations[how].at, 1, relations[how].data }, 1234);
			give(&x, &(struct row){ 'c', "A", 1, 1, "1234567" }, 1234);
			give(&x, &(struct row){ 'c', "A", 8, 1, "89" }, 1234);
			give(&x, &(struct row){ 'c', "A", 14, 1, "xxxxxxx" }, 1234);
			memcpy(b, relations[how].data, strlen(relations[how].data));
			memcpy(expected + 9, "AAAA", 4);
			for (int32_t at = relations[how].from; at < relations[how].to; at++)
				if (overlap_new_wins(policy, how))
					expected[at - 1] = 'B';
			/* What fills holes contests the rest: only the contested run is looked at. */
			if (memcmp(x.got[0] + relations[how].from - 1, expected + relations[how].from - 1,
				   (size_t)(relations[how].to - relations[how].from)) != 0)
				fail_msg("%s, case %d: %s instead of %s", overlap_policy_names[policy], how, x.got[0],
					 expected);
			stop(&x);
		}
	}
}

static void flows_time_out(void **state)
{
	static const struct row syn = { 'c', "S", 0, 0, NULL };
	struct fixture x;
	struct flow *flow;

	(void)state;
	start(&x, NULL);
	for (uint16_t port = 1; port <= 1000; port++)
		give(&x, &syn, port);
	assert_null(tracker_ended(x.t));
	x.now += 29000 * MS;
	tracker_advance(x.t, x.now);
	for (int i = 0; (flow = tracker_ended(x.t)) != NULL; i++)
		tracker_release(x.t, flow);
	x.now += 2000 * MS;
	for (int i = 0; i < 10; i++)
		tracker_advance(x.t, x.now += MS);
	for (unsigned i = 0; (flow = tracker_ended(x.t)) != NULL; i++) {
		assert_int_equal(flow->end, FLOW_END_TIMEOUT);
		tracker_release(x.t, flow);
	}
	give(&x, &syn, 1);
	assert_int_equal(x.flow->pkts[0], 1);
	stop(&x);
}

static void memory_is_bounded(void **state)
{
	static const char *const small[] = { "flow.memcap", "256kb", NULL };
	static const struct row syn = { 'c', "S", 0, 0, NULL };
	static const struct row established[] = { HANDSHAKE, { 'c', "A", 1, 1, "abc" } };
	struct tracker_stats stats;
	struct fixture x;
	struct flow *flow;

	(void)state;
	start(&x, small);
	for (unsigned i = 0; i < ARRAY_LEN(established); i++)
		give(&x, &established[i], 9);
	for (unsigned port = 100; port < 20000; port++) {
		give(&x, &syn, (uint16_t)port);
		while ((flow = tracker_ended(x.t)) != NULL)
			tracker_release(x.t, flow);
	}
	tracker_stats(x.t, &stats);
	assert_true(stats.flow.used <= 256 * 1024);
	assert_true(stats.evicted > 15000);
	give(&x, &(struct row){ 'c', "A", 4, 1, "def" }, 9);
	assert_string_equal(x.got[0], "abcdef");
	stop(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_follow_rows),
		cmocka_unit_test(overlaps_follow_policies),
		cmocka_unit_test(flows_time_out),
		cmocka_unit_test(memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
