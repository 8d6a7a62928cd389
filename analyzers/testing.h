/* testing.h - for tests of analyzers: a flow of its own, fed by hand, cut as one likes.
 *
 * A test includes this once; it stands in for the tracker (everything counts as acknowledged). */
#ifndef TAPIR_ANALYZERS_TESTING_H
#define TAPIR_ANALYZERS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analyzers/file.h"
#include "analyzers/frame.h"
#include "stack/track/tracker.h"

struct testbed {
	struct mem *mem;
	struct app_settings *settings;
	struct app *app;
	struct flow flow;
	uint64_t offset[2];
	uint64_t packet;
	uint64_t events;        /* detection's, of the whole run */
};

static inline void testbed_init(struct testbed *b, const struct conf *conf, uint8_t proto, uint16_t port)
{
	memset(b, 0, sizeof(*b));
	b->mem = mem_new();
	assert_int_equal(app_settings_new(&b->settings, conf), 0);
	assert_int_equal(app_new(&b->app, b->mem, b->settings), 0);
	b->flow.key.proto = proto;
	b->flow.key.ip_version = 4;
	b->flow.key.port[0] = 40000;
	b->flow.key.port[1] = port;
}

/* Frees everything; what the analyzers took must be back. */
static inline void testbed_fini(struct testbed *b)
{
	app_flow_free(b->app, &b->flow);
	assert_int_equal(app_budget(b->app)->used, 0);
	app_free(b->app);
	app_settings_free(b->settings);
	mem_free(b->mem);
}

static inline void testbed_piece(struct testbed *b, enum side side, enum piece_kind kind, const void *data, size_t len)
{
	struct packet pkt = { .number = ++b->packet, .side = side, .time_ns = b->packet * 1000000 };
	struct piece p = { .kind = kind, .data = data, .len = (uint32_t)len, .offset = b->offset[side] };

	app_piece(b->app, &b->flow, side, &p, &pkt);
	b->offset[side] += len;
	b->events |= analysis_of(&b->flow)->events;
}

/* Data in pieces of cut bytes; 0 = whole. Each piece is a heap block of its own, so that sanitizers see overruns. */
static inline void testbed_send(struct testbed *b, enum side side, const void *data, size_t len, size_t cut)
{
	for (size_t at = 0; at < len;) {
		size_t n = cut != 0 && len - at > cut ? cut : len - at;
		uint8_t *copy = malloc(n);

		assert_non_null(copy);
		memcpy(copy, (const uint8_t *)data + at, n);
		testbed_piece(b, side, PIECE_DATA, copy, n);
		free(copy);
		at += n;
	}
}

static inline void testbed_datagram(struct testbed *b, enum side side, const void *data, size_t len)
{
	struct packet pkt = { .number = ++b->packet, .side = side, .payload = slice_of(data, len) };

	app_datagram(b->app, &b->flow, &pkt);
}

/* What a field says, as text; "" where it says nothing. */
static inline const char *testbed_field(struct analysis *a, struct tx *tx, enum side side, const char *name,
					unsigned index, char *out, size_t cap)
{
	const struct field *f = field_in(a->proto, name);
	struct field_value v = { 0 };
	size_t n;

	out[0] = '\0';
	if (f == NULL || !f->get(a, tx, side, index, &v))
		return out;
	n = v.bytes.len < cap - 1 ? v.bytes.len : cap - 1;
	if (n > 0)
		memcpy(out, v.bytes.data, n);
	out[n] = '\0';
	return out;
}

/* Names of tx's events, separated by blanks. */
static inline const char *testbed_events(struct analysis *a, const struct tx *tx, char *out, size_t cap)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < tx->event_count && n < cap; i++)
		n += (size_t)snprintf(out + n, cap - n, "%s%s", i ? " " : "", a->proto->events[tx->events[i]]);
	return out;
}

#endif
