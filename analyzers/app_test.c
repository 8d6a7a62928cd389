/* app_test.c - detection and feeding, with two small protocols made for it: "line" (content), which asks
 * and answers in lines and can switch protocol, and "num" (by port), whose messages carry their length. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyzers/app.h"
#include "analyzers/frame.h"
#include "stack/track/tracker.h"

/* The tracker isn't part of this: everything counts as acknowledged. */
uint64_t stream_acked(const struct flow *flow, enum side side)
{
	(void)flow;
	(void)side;
	return UINT64_MAX;
}

struct line_tx {
	struct tx tx;
	char text[2][16];
};

static enum parse line_feed(struct analysis *a, enum side side, struct reader *in)
{
	const uint8_t *nl;

	while (reader_left(in) > 0 && (nl = memchr(in->at, '\n', reader_left(in))) != NULL) {
		struct slice line = read_slice(in, (size_t)(nl - in->at));
		struct line_tx *t = (struct line_tx *)a->tx_last;

		reader_skip(in, 1);
		if (line.len == 3 && memcmp(line.data, "BAD", 3) == 0)
			return PARSE_BAD;
		if (side == TO_SERVER || t == NULL) {
			t = tx_new(a, sizeof(*t));
			if (t == NULL)
				return PARSE_BAD;
		}
		frame_set_tx(frame_open(a, side, 0, a->offset[side] + reader_pos(in) - line.len - 1,
					(int64_t)line.len), &t->tx);
		snprintf(t->text[side], sizeof(t->text[side]), "%.*s", (int)line.len, line.data);
		tx_progress(a, &t->tx, side, 1);
		if (side == TO_CLIENT && line.len == 6 && memcmp(line.data, "SWITCH", 6) == 0) {
			analysis_switch(a, NULL, NULL);
			return PARSE_OK;
		}
	}
	return reader_left(in) > 0 ? PARSE_MORE : PARSE_OK;
}

static bool line_gap(struct analysis *a, enum side side, uint64_t len)
{
	(void)len;
	tx_event(a, NULL, side);
	return true;
}

static void line_free(struct analysis *a, struct tx *tx)
{
	budget_put(a->budget, tx, sizeof(struct line_tx));
}

static const struct probe_pattern line_patterns[] = {
	{ .side = TO_SERVER, .nocase = true, .bytes = { (const uint8_t *)"LINE", 4 } },
	{ .side = TO_CLIENT, .bytes = { (const uint8_t *)"+OK", 3 } },
};

static const struct field line_fields[] = {
	{ .name = "line.text", .aliases = "line_text text.line", .modifier = "line_mod", .pcre_letter = 'L' },
};

static const struct analyzer analyzer_line = {
	.abi = ANALYZER_ABI, .name = "line", .transports = TRANSPORT_TCP | TRANSPORT_UDP,
	.patterns = line_patterns, .pattern_count = 2, .feed = line_feed, .gap = line_gap,
	.tx_free = line_free, .complete = { 1, 1 }, .pending_max = 64, .tx_open_max = 8,
	.fields = line_fields, .field_count = 1,
};

static enum probe num_probe(struct slice data, enum side side, bool is_udp)
{
	(void)is_udp;
	if (data.len < 2)
		return PROBE_MORE;
	if (data.data[0] != 'N')
		return PROBE_NO;
	return (data.data[1] == 'q') == (side == TO_SERVER) ? PROBE_YES : PROBE_REVERSED;
}

static enum parse num_feed(struct analysis *a, enum side side, struct reader *in)
{
	while (reader_left(in) >= 3) {
		unsigned len = in->at[2];
		struct line_tx *t;

		if (reader_left(in) < 3 + len) {
			analysis_need(a, side, 3 + len);
			return PARSE_MORE;
		}
		t = tx_new(a, sizeof(*t));
		if (t == NULL)
			return PARSE_BAD;
		snprintf(t->text[side], sizeof(t->text[side]), "%.*s", (int)len, in->at + 3);
		reader_skip(in, 3 + len);
		tx_complete(a, &t->tx);
	}
	return PARSE_OK;
}

static const struct analyzer analyzer_num = {
	.abi = ANALYZER_ABI, .name = "num", .aliases = "numbers", .transports = TRANSPORT_TCP | TRANSPORT_UDP,
	.ports = "4000", .probe = num_probe, .feed = num_feed, .tx_free = line_free, .complete = { 1, 1 },
};

const struct analyzer *const analyzers_builtin[] = { &analyzer_line, &analyzer_num };
const unsigned analyzers_builtin_count = 2;

struct world {
	struct mem *mem;
	struct app_settings *settings;
	struct app *app;
	struct flow flow;
	uint64_t offset[2];
	uint64_t packet;
	char trace[4096];
};

static void world_init(struct world *w, uint16_t port, uint8_t proto)
{
	memset(w, 0, sizeof(*w));
	w->mem = mem_new();
	assert_int_equal(app_settings_new(&w->settings, NULL), 0);
	assert_int_equal(app_new(&w->app, w->mem, w->settings), 0);
	w->flow.key.proto = proto;
	w->flow.key.port[0] = 1234;
	w->flow.key.port[1] = port;
}

static void world_fini(struct world *w)
{
	app_flow_free(w->app, &w->flow);
	assert_int_equal(app_budget(w->app)->used, 0);
	app_free(w->app);
	app_settings_free(w->settings);
	mem_free(w->mem);
}

static void turn(struct world *w)
{
	struct analysis *a = analysis_of(&w->flow);
	uint16_t p = w->flow.key.port[0];

	if (a == NULL || !a->reversed)
		return;
	w->flow.key.port[0] = w->flow.key.port[1];
	w->flow.key.port[1] = p;
	w->flow.swapped = true;
	app_turned(w->app, &w->flow);
}

static void piece(struct world *w, enum side side, enum piece_kind kind, const char *data, size_t len)
{
	struct packet pkt = { .number = ++w->packet, .side = side };
	struct piece p = { .kind = kind, .data = (const uint8_t *)data, .len = (uint32_t)len,
			   .offset = w->offset[side] };

	app_piece(w->app, &w->flow, side, &p, &pkt);
	turn(w);
	w->offset[side] += len;
}

static void trace(struct world *w)
{
	struct analysis *a = analysis_of(&w->flow);
	size_t n = 0;

	w->trace[0] = '\0';
	for (; a != NULL && n < sizeof(w->trace); a = a->older) {
		n += (size_t)snprintf(w->trace + n, sizeof(w->trace) - n, "%s ts=%s tc=%s%s%s;",
				      a->proto != NULL ? a->proto->name : "-",
				      a->side_proto[0] != NULL ? a->side_proto[0]->name : "-",
				      a->side_proto[1] != NULL ? a->side_proto[1]->name : "-",
				      a->failed[0] && a->failed[1] ? " failed" : "",
				      a->older != NULL ? " switched" : "");
		for (struct tx *tx = a->tx_first; tx != NULL; tx = tx->next) {
			struct line_tx *t = (struct line_tx *)tx;

			n += (size_t)snprintf(w->trace + n, sizeof(w->trace) - n, " %s/%s%s",
					      t->text[0], t->text[1], tx->event_count ? "!" : "");
		}
		for (struct app_frame *f = frames_of(a); f != NULL; f = f->next)
			if (f->type == 0)
				n += (size_t)snprintf(w->trace + n, sizeof(w->trace) - n, " [%d@%d %.*s]",
						      f->side, (int)f->offset, (int)f->bytes.len,
						      (const char *)f->bytes.data);
	}
}

struct step {
	char what;              /* '>' to server, '<' to client, 'g' and 'G' gaps, 'e' and 'E' ends */
	const char *data;
};

static void play(struct world *w, const struct step *steps, size_t cut)
{
	for (; steps->what != 0; steps++) {
		size_t len = steps->data != NULL ? strlen(steps->data) : 0;
		enum side side = steps->what == '<' || steps->what == 'G' || steps->what == 'E';

		if (steps->what == 'g' || steps->what == 'G') {
			piece(w, side, PIECE_GAP, NULL, 5);
			continue;
		}
		if (steps->what == 'e' || steps->what == 'E') {
			piece(w, side, PIECE_END, NULL, 0);
			continue;
		}
		for (size_t at = 0; at < len;) {
			size_t n = cut != 0 && len - at > cut ? cut : len - at;

			piece(w, side, PIECE_DATA, steps->data + at, n);
			at += n;
		}
	}
	app_flow_end(w->app, &w->flow);
}

struct row {
	const char *name;
	uint16_t port;
	struct step steps[8];
	const char *expect;
	uint32_t events;
};

static const struct row rows[] = {
	{ "content on any port", 99, { { '>', "LINE a\nb\n" }, { '<', "+OK\n" } },
	  "line ts=line tc=line; LINE a/ b/+OK [0@0 LINE a] [0@7 b] [1@0 +OK]", 0 },
	{ "answer first", 99, { { '<', "+OK\n" }, { '>', "line a\n" } },
	  "line ts=line tc=line; /+OK line a/ [1@0 +OK] [0@0 line a]", 0 },
	{ "one side only", 99, { { '>', "LINE a\n" }, { '<', "huh\n" } },
	  "line ts=line tc=-; LINE a/huh [0@0 LINE a] [1@0 huh]",
	  1 << APP_DETECT_PROTOCOL_ONLY_ONE_DIRECTION },
	{ "by port", 4000, { { '>', "Nq\002abNq\001c" }, { '<', "Na\002de" } },
	  "num ts=num tc=num; ab/ c/ /de", 0 },
	{ "not on other ports", 4001, { { '>', "Nq\002ab" }, { '<', "Na\002de" } }, "- ts=- tc=- failed;", 0 },
	{ "mismatch", 4000, { { '>', "LINE a\n" }, { '<', "Na\002d\n" } },
	  "line ts=line tc=num; LINE a/Na\002d [0@0 LINE a] [1@0 Na\002d]",
	  1 << APP_MISMATCH_PROTOCOL_BOTH_DIRECTIONS },
	{ "switch", 99, { { '>', "LINE\n" }, { '<', "SWITCH\n" }, { '>', "LINE x\n" } },
	  "line ts=line tc=- switched; LINE x/ [0@5 LINE x]line ts=line tc=-; LINE/SWITCH "
	  "[0@0 LINE] [1@0 SWITCH]", 0 },
	{ "parser gives up", 99, { { '>', "LINE\nBAD\nmore\n" }, { '<', "+OK" } },
	  "line ts=line tc=- failed; LINE/ [0@0 LINE]", 0 },
	{ "gap", 99, { { '>', "LINE\nxx" }, { 'g', NULL }, { '>', "yy\n" } },
	  "line ts=line tc=-; LINE/! yy/ [0@0 LINE] [0@12 yy]", 0 },
	{ "gap before anything is known", 99, { { 'g', NULL }, { '>', "LINE\n" } }, "- ts=- tc=- failed;", 0 },
	{ "too much pending", 99,
	  { { '>', "LINE\n0123456789012345678901234567890123456789012345678901234567890123456789" } },
	  "line ts=line tc=- failed; LINE/ [0@0 LINE]", 0 },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t cut = 0; cut < 8; cut++) {
			struct world w;
			uint32_t events = 0;

			world_init(&w, rows[i].port, 6);
			play(&w, rows[i].steps, cut);
			trace(&w);
			if (strcmp(w.trace, rows[i].expect) != 0)
				fail_msg("%s, cut %zu: %s", rows[i].name, cut, w.trace);
			events = analysis_of(&w.flow)->events;
			if (cut == 0)
				assert_int_equal(events, rows[i].events);
			world_fini(&w);
		}
	}
}

static void test_turned(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 1234, 6);
	w.flow.midstream = true;
	piece(&w, TO_SERVER, PIECE_DATA, "+OK\n", 4);
	trace(&w);
	assert_true(w.flow.swapped);
	assert_string_equal(w.trace, "line ts=- tc=line; /+OK [1@0 +OK]");
	world_fini(&w);
}

static void datagram(struct world *w, enum side side, const char *data)
{
	struct packet pkt = { .number = ++w->packet, .side = side, .payload = slice_str(data) };

	app_datagram(w->app, &w->flow, &pkt);
	if (analysis_of(&w->flow)->reversed) {
		turn(w);
		pkt.side = !side;
		app_datagram(w->app, &w->flow, &pkt);
	}
}

static void test_datagrams(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 4000, 17);
	datagram(&w, TO_SERVER, "Nq\001a");
	datagram(&w, TO_CLIENT, "Na\001b");
	trace(&w);
	assert_string_equal(w.trace, "num ts=num tc=num; a/ /b");
	world_fini(&w);

	world_init(&w, 5000, 17);
	w.flow.key.port[0] = 4000;
	datagram(&w, TO_SERVER, "Na\001b");
	trace(&w);
	assert_string_equal(w.trace, "num ts=- tc=num; /b");
	assert_int_equal(w.flow.key.port[1], 4000);
	world_fini(&w);

	world_init(&w, 5000, 17);
	datagram(&w, TO_SERVER, "junk");
	datagram(&w, TO_CLIENT, "+OK\n");
	trace(&w);
	assert_string_equal(w.trace, "line ts=- tc=line; /+OK [1@0 +OK]");
	world_fini(&w);
}

static void test_expected(void **state)
{
	struct world w;
	struct flow data = { 0 };
	struct analysis *a;
	struct packet pkt = { .number = 9, .side = TO_SERVER };
	struct piece p = { .kind = PIECE_DATA, .data = (const uint8_t *)"zz", .len = 2 };

	(void)state;
	world_init(&w, 99, 6);
	piece(&w, TO_SERVER, PIECE_DATA, "LINE\n", 5);
	data.key = w.flow.key;
	data.key.port[1] = 2020;
	analysis_expect(analysis_of(&w.flow), &data.key.addr[0], &data.key.addr[1], 2020, "numbers",
			slice_str("hello"));
	app_piece(w.app, &data, TO_SERVER, &p, &pkt);
	a = analysis_of(&data);
	assert_ptr_equal(a->proto, &analyzer_num);
	assert_memory_equal(a->context.data, "hello", 5);
	app_flow_free(w.app, &data);
	world_fini(&w);
}

static void test_prune(void **state)
{
	struct world w;
	struct analysis *a;

	(void)state;
	world_init(&w, 99, 6);
	for (int i = 0; i < 100; i++)
		piece(&w, TO_SERVER, PIECE_DATA, "LINE\n", 5);
	a = analysis_of(&w.flow);
	assert_int_equal(a->tx_count, 100);
	assert_true(tx_done(a, a->tx_first, TO_CLIENT));        /* beyond tx_open_max */
	assert_false(tx_done(a, a->tx_last, TO_CLIENT));
	app_prune(w.app, &w.flow);
	assert_int_equal(a->tx_open, 100);                      /* rules haven't looked */
	app_want(w.app, 0);
	app_prune(w.app, &w.flow);
	assert_int_equal(a->tx_open, 8);
	app_flow_end(w.app, &w.flow);
	app_prune(w.app, &w.flow);
	assert_int_equal(a->tx_open, 0);
	world_fini(&w);
}

static void test_fields(void **state)
{
	const struct analyzer *an;

	(void)state;
	assert_ptr_equal(field_find("line.text", &an), &line_fields[0]);
	assert_ptr_equal(an, &analyzer_line);
	assert_ptr_equal(field_find("text.line", NULL), &line_fields[0]);
	assert_ptr_equal(field_find_modifier("line_mod", NULL), &line_fields[0]);
	assert_ptr_equal(field_find_letter('L', NULL), &line_fields[0]);
	assert_non_null(field_find("file_data", &an));
	assert_null(an);
	assert_null(field_find("text", NULL));
	assert_null(field_in(&analyzer_num, "line.text"));
	assert_ptr_equal(analyzer_find("numbers"), &analyzer_num);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows), cmocka_unit_test(test_turned), cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_expected), cmocka_unit_test(test_prune), cmocka_unit_test(test_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
