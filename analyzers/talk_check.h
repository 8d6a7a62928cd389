/* talk_check.h - for tests: a conversation is spoken to the analyzers, and what they made of it comes back
 * as text: the protocol, then a line per transaction with its record and its events. Each row is spoken
 * whole and in pieces of one byte; both must give the same text. */
#ifndef TAPIR_ANALYZERS_TALK_CHECK_H
#define TAPIR_ANALYZERS_TALK_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#include "analyzers/analyzer.h"
#include "base/check.h"
#include "stack/track/tracker.h"

#define TALK_STEPS_MAX 24
#define TALK_TEXT_MAX 65536

/* side 0 or 1; data NULL: len bytes are lost. */
struct talk_step {
	int side;
	const char *data;
	size_t len;
};

#define CLIENT(text) { TO_SERVER, text, sizeof(text) - 1 }
#define SERVER(text) { TO_CLIENT, text, sizeof(text) - 1 }
#define LOST(from, n) { from, NULL, n }

struct talk_row {
	const char *name;
	bool udp;
	uint16_t port;
	const char *conf;               /* "app-layer.protocols.x.y=z", or NULL */
	struct talk_step steps[TALK_STEPS_MAX];
	const char *expected;
};

static inline size_t talk_add(char *out, size_t n, const char *text, size_t len)
{
	const size_t room = TALK_TEXT_MAX - 1 - n;

	memcpy(out + n, text, len < room ? len : room);
	n += len < room ? len : room;
	out[n] = '\0';
	return n;
}

static inline size_t talk_tx(struct analysis *a, struct tx *tx, struct json *j, char *out, size_t n, struct flow *flow)
{
	const struct analyzer *p = a->proto;
	void *options = p->record_options ? p->record_options(NULL) : NULL;
	struct record_request req = { .options = options, .flow = flow };

	json_reset(j);
	json_object(j, NULL);
	if (p->record != NULL && p->record(a, tx, &req, j)) {
		json_close(j);
		n = talk_add(out, n, j->buf, j->len);
	} else {
		n = talk_add(out, n, "-", 1);
	}
	for (unsigned i = 0; i < tx->event_count; i++) {
		n = talk_add(out, n, " !", 2);
		n = talk_add(out, n, p->events[tx->events[i]], strlen(p->events[tx->events[i]]));
	}
	if (p->record_options_free)
		p->record_options_free(options);
	return talk_add(out, n, "\n", 1);
}

static inline void talk_say(struct app *app, struct flow *flow, const struct talk_step *s, bool udp, size_t cut, uint64_t offset[2])
{
	struct packet pkt = { .number = 1, .side = (uint8_t)s->side };
	struct analysis *a;

	if (udp) {
		pkt.payload = slice_of(s->data, s->len);
		app_datagram(app, flow, &pkt);
		return;
	}
	for (size_t at = 0; at < s->len;) {
		const size_t len = s->data && s->len - at > cut ? cut : s->len - at;
		const struct piece piece = {
			.kind = s->data ? PIECE_DATA : PIECE_GAP,
			.data = s->data ? (const uint8_t *)s->data + at : NULL,
			.len = (uint32_t)len, .offset = offset[s->side],
		};

		app_piece(app, flow, (enum side)s->side, &piece, &pkt);
		offset[s->side] += len;
		at += len;
		a = analysis_of(flow);
		if (a != NULL && a->reversed) {
			const uint16_t port = flow->key.port[0];

			flow->key.port[0] = flow->key.port[1];
			flow->key.port[1] = port;
			app_turned(app, flow);
		}
	}
}

/* Speaks steps in pieces of cut bytes; the answer is to be freed. */
static inline char *talk(const struct talk_row *row, size_t cut)
{
	struct mem *mem = mem_new();
	struct conf *conf = conf_new();
	struct app_settings *settings;
	struct app *app;
	struct flow flow = { .key = { .proto = row->udp ? 17 : 6, .port = { 40000, row->port } } };
	uint64_t offset[2] = { 0, 0 };
	char *out = calloc(1, TALK_TEXT_MAX);
	struct json j;
	size_t n = 0;

	if (row->conf != NULL) {
		char path[256];
		const char *eq = strchr(row->conf, '=');

		snprintf(path, sizeof(path), "%.*s", (int)(eq - row->conf), row->conf);
		assert_int_equal(conf_set(conf, path, eq + 1), 0);
	}
	assert_int_equal(json_init(&j, TALK_TEXT_MAX, TALK_TEXT_MAX), 0);
	assert_int_equal(app_settings_new(&settings, conf), 0);
	assert_int_equal(app_new(&app, mem, settings), 0);
	for (unsigned i = 0; i < TALK_STEPS_MAX && row->steps[i].len; i++)
		talk_say(app, &flow, &row->steps[i], row->udp, cut, offset);
	app_flow_end(app, &flow);
	for (struct analysis *a = analysis_of(&flow); a != NULL; a = a->older) {
		const char *name = a->proto ? a->proto->name : "unknown";

		n = talk_add(out, n, name, strlen(name));
		n = talk_add(out, n, "\n", 1);
		for (struct tx *tx = a->tx_first; tx != NULL; tx = tx->next)
			n = talk_tx(a, tx, &j, out, n, &flow);
	}
	app_flow_free(app, &flow);
	assert_int_equal(app_budget(app)->used, 0);
	app_free(app);
	app_settings_free(settings);
	conf_free(conf);
	json_fini(&j);
	mem_free(mem);
	return out;
}

static inline void talk_check(const struct talk_row *row)
{
	char *whole = talk(row, SIZE_MAX), *bytewise = talk(row, 1);

	if (strcmp(whole, row->expected) != 0)
		fail_msg("%s:\n%s\nnot\n%s", row->name, whole, row->expected);
	if (strcmp(whole, bytewise) != 0)
		fail_msg("%s, byte by byte:\n%s\nnot\n%s", row->name, bytewise, whole);
	free(whole);
	free(bytewise);
}

/* The value of a field of a conversation's transactions, in one direction: "0:a|0:b|1:c". To be freed. */
static inline char *talk_field(const struct talk_row *row, const char *keyword, enum side side)
{
	struct mem *mem = mem_new();
	struct conf *conf = conf_new();
	struct app_settings *settings;
	struct app *app;
	struct flow flow = { .key = { .proto = row->udp ? 17 : 6, .port = { 40000, row->port } } };
	uint64_t offset[2] = { 0, 0 };
	char *out = calloc(1, TALK_TEXT_MAX);
	size_t n = 0;

	assert_int_equal(app_settings_new(&settings, conf), 0);
	assert_int_equal(app_new(&app, mem, settings), 0);
	for (unsigned i = 0; i < TALK_STEPS_MAX && row->steps[i].len; i++)
		talk_say(app, &flow, &row->steps[i], row->udp, SIZE_MAX, offset);
	app_flow_end(app, &flow);
	for (struct analysis *a = analysis_of(&flow); a != NULL; a = a->older) {
		const struct field *f = a->proto ? field_in(a->proto, keyword) : NULL;

		for (struct tx *tx = a->tx_first; tx != NULL && f != NULL; tx = tx->next) {
			struct field_value v = { 0 };

			for (unsigned i = 0; (i == 0 || f->flags & FIELD_MULTI) && f->get(a, tx, side, i, &v); i++) {
				char head[48];
				int len = snprintf(head, sizeof(head), "%s%llu:", n ? "|" : "", (unsigned long long)tx->id);

				n = talk_add(out, n, head, (size_t)len);
				if (f->type == FIELD_UINT) {
					len = snprintf(head, sizeof(head), "%llu", (unsigned long long)v.number);
					n = talk_add(out, n, head, (size_t)len);
				} else {
					n = talk_add(out, n, (const char *)v.bytes.data, v.bytes.len);
				}
				v = (struct field_value){ 0 };
			}
		}
	}
	app_flow_free(app, &flow);
	app_free(app);
	app_settings_free(settings);
	conf_free(conf);
	mem_free(mem);
	return out;
}

#endif
