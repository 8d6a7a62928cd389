/* fuzz_analyzers.c - a conversation given to the analyzers, whole and cut at every byte.
 *
 * The first line names the analyzer that a flow is announced for, its transport and
 * the server's port: "dns udp 53". Then come messages: '>' (to the server) or '<', a
 * length of two bytes, the bytes; '!' instead is a gap of that length, '.' the end of
 * both directions. tests/fuzz/seed makes such files from captures.
 *
 * What must hold: every field can be read at any time, records are whole JSON, all
 * memory comes back, and over TCP the records are the same however the stream was cut. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzers/analyzer.h"
#include "analyzers/app.h"
#include "base/must.h"
#include "stack/track/tracker.h"
#include "tests/fuzz/fuzz.h"

#define MESSAGES_MAX 200
#define COMPARED_MAX 20000      /* longer conversations aren't cut at every byte */
#define TXS_LOOKED_AT 40
#define NOW UINT64_C(1700000000000000000)

struct plan {
	char name[32];
	bool udp;
	uint16_t port;
	struct reader messages;
};

struct world {
	struct mem *mem;
	struct app *app;
	struct flow flow;
	bool turned;
	uint64_t offset[2], packet;
	struct json records;
	char proto[32];
};

static struct app_settings *settings;

static void plan_read(struct plan *plan, const uint8_t *data, size_t size)
{
	const uint8_t *newline = size ? memchr(data, '\n', size < 60 ? size : 60) : NULL;
	size_t len = newline ? (size_t)(newline - data) : 0;
	char line[64], transport[8] = "";
	unsigned port = 0;

	memset(plan, 0, sizeof(*plan));
	memcpy(line, data, len);
	line[len] = '\0';
	sscanf(line, "%31s %7s %u", plan->name, transport, &port);
	plan->udp = strcmp(transport, "udp") == 0;
	plan->port = (uint16_t)(port ? port : 9999);
	plan->messages = reader_of(data + len, size - len);
	reader_skip(&plan->messages, newline != NULL);
}

static void world_init(struct world *w, const struct plan *plan)
{
	struct flow_key *key = &w->flow.key;

	memset(w, 0, sizeof(*w));
	w->mem = mem_new();
	must(w->mem != NULL && app_new(&w->app, w->mem, settings) == 0);
	must(json_init(&w->records, 4096, 4 << 20) == 0);
	key->ip_version = 4;
	key->proto = plan->udp ? 17 : 6;
	key->addr[0].bytes[3] = 1;
	key->addr[1].bytes[3] = 2;
	key->port[0] = 40000;
	key->port[1] = plan->port;
	w->flow.first_ns = w->flow.last_ns = NOW;
	if (analyzer_find(plan->name) != NULL) {
		struct analysis announcer = { .app = w->app, .time_ns = NOW };

		analysis_expect(&announcer, &key->addr[0], &key->addr[1], plan->port,
				analyzer_find(plan->name)->name, slice_of(NULL, 0));
	}
}

static void world_fini(struct world *w)
{
	uint8_t context[EXPECT_CONTEXT_MAX];
	const char *name;
	size_t len;

	app_flow_free(w->app, &w->flow);
	must(app_budget(w->app)->used == 0);
	expectation_take(settings->expectations, &w->flow, NOW, &name, context, &len);
	app_free(w->app);
	mem_free(w->mem);
	json_fini(&w->records);
}

static void flow_turn(struct world *w)
{
	struct flow_key *key = &w->flow.key;
	struct ip_addr addr = key->addr[0];
	uint16_t port = key->port[0];

	key->addr[0] = key->addr[1];
	key->addr[1] = addr;
	key->port[0] = key->port[1];
	key->port[1] = port;
	w->turned = !w->turned;
}

static void give(struct world *w, const struct plan *plan, enum side side, enum piece_kind kind,
		 const uint8_t *data, size_t len)
{
	enum side now = w->turned ? other_side(side) : side;
	struct packet pkt = { .time_ns = NOW, .number = ++w->packet, .side = now, .ip_version = 4,
			      .proto = w->flow.key.proto };
	struct piece piece = { .kind = kind, .data = data, .len = (uint32_t)len, .offset = w->offset[side] };

	if (plan->udp) {
		if (kind != PIECE_DATA)
			return;
		pkt.payload = slice_of(data, len);
		app_datagram(w->app, &w->flow, &pkt);
		if (analysis_of(&w->flow) != NULL && analysis_of(&w->flow)->reversed) {
			flow_turn(w);
			app_turned(w->app, &w->flow);
			pkt.side = other_side(now);
			app_datagram(w->app, &w->flow, &pkt);
		}
		return;
	}
	w->offset[side] += len;
	app_piece(w->app, &w->flow, now, &piece, &pkt);
	if (analysis_of(&w->flow) != NULL && analysis_of(&w->flow)->reversed) {
		flow_turn(w);
		app_turned(w->app, &w->flow);
	}
}

/* A getter is a pure look: into every byte that it shows. */
static void field_read(struct analysis *a, struct tx *tx, const struct field *f)
{
	volatile uint8_t sum = 0;

	for (unsigned side = 0; side < 2; side++) {
		for (unsigned index = 0; index < 3; index++) {
			struct field_value v = { 0 };

			if (f->get == NULL || !f->get(a, tx, side, index, &v))
				break;
			for (size_t i = 0; i < v.bytes.len; i++)
				sum = (uint8_t)(sum + v.bytes.data[i]);
			if (!(f->flags & FIELD_MULTI))
				break;
		}
	}
}

static void fields_read(struct world *w)
{
	for (struct analysis *a = analysis_of(&w->flow); a != NULL; a = a->older) {
		unsigned looked = 0;

		for (struct tx *tx = a->tx_last; tx != NULL && looked < TXS_LOOKED_AT; tx = tx->prev, looked++) {
			for (unsigned i = 0; i < a->proto->field_count; i++)
				field_read(a, tx, &a->proto->fields[i]);
		}
	}
}

static void record(struct world *w, struct analysis *a, struct tx *tx, void *options)
{
	struct record_request req = { .options = options, .time_ns = NOW, .flow = &w->flow };
	struct json *j = &w->records;

	json_object(j, NULL);
	json_uint(j, "tx", tx->id);
	json_str(j, "proto", a->proto->name);
	if (a->proto->record != NULL)
		a->proto->record(a, tx, &req, j);
	json_array(j, "events");
	for (unsigned i = 0; i < tx->event_count; i++)
		json_uint(j, NULL, tx->events[i]);
	json_close(j);
	json_close(j);
	json_line(j);
}

static void records_make(struct world *w)
{
	for (struct analysis *a = analysis_of(&w->flow); a != NULL; a = a->older) {
		void *options = NULL;

		if (a->proto == NULL)
			continue;
		snprintf(w->proto, sizeof(w->proto), "%s", a->proto->name);
		if (a->proto->record_options != NULL)
			options = a->proto->record_options(NULL);
		for (struct tx *tx = a->tx_first; tx != NULL; tx = tx->next)
			record(w, a, tx, options);
		if (a->proto->record_options_free != NULL && options != NULL)
			a->proto->record_options_free(options);
	}
}

/* cut: bytes a piece; 0 = as they come. */
static size_t converse(struct world *w, struct plan plan, size_t cut)
{
	struct reader *in = &plan.messages;
	size_t total = 0;

	for (unsigned i = 0; i < MESSAGES_MAX && reader_left(in) > 0; i++) {
		uint8_t kind = read_u8(in);
		enum side side = kind == '<' ? TO_CLIENT : TO_SERVER;
		struct slice s;

		if (kind == '.')
			break;
		s.len = read_be16(in);
		if (kind == '!') {
			give(w, &plan, s.len & 1, PIECE_GAP, NULL, s.len / 2 + 1);
			continue;
		}
		s = read_slice(in, s.len < reader_left(in) ? s.len : reader_left(in));
		total += s.len;
		for (size_t at = 0, n; at < s.len; at += n) {
			n = cut && !plan.udp && s.len - at > cut ? cut : s.len - at;
			give(w, &plan, side, PIECE_DATA, s.data + at, n);
		}
		fields_read(w);
	}
	give(w, &plan, TO_SERVER, PIECE_END, NULL, 0);
	give(w, &plan, TO_CLIENT, PIECE_END, NULL, 0);
	app_flow_end(w->app, &w->flow);
	fields_read(w);
	records_make(w);
	return total;
}

static void compare(const struct world *a, const struct world *b)
{
	/* Where detection itself came to another result, there is nothing to compare. */
	if (strcmp(a->proto, b->proto) != 0)
		return;
	if (a->records.len == b->records.len && memcmp(a->records.buf, b->records.buf, a->records.len) == 0)
		return;
	fprintf(stderr, "records of %s depend on how the stream is cut\nwhole:\n%.*s\ncut at every byte:\n%.*s\n",
		a->proto, (int)a->records.len, a->records.buf, (int)b->records.len, b->records.buf);
	abort();
}

/* Every analyzer is on, those too that aren't by default. */
static void setup(void)
{
	struct conf *conf = conf_new();

	for (unsigned i = 0; i < analyzers_builtin_count; i++) {
		const struct analyzer *an = analyzers_builtin[i];
		char path[128];

		snprintf(path, sizeof(path), "app-layer.protocols.%s.enabled", an->conf ? an->conf : an->name);
		must(conf_set(conf, path, "yes") == 0);
	}
	must(app_settings_new(&settings, conf) == 0);
	conf_free(conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world whole, cut;
	struct plan plan;
	size_t total;

	if (settings == NULL)
		setup();
	plan_read(&plan, data, size);
	world_init(&whole, &plan);
	total = converse(&whole, plan, 0);
	if (total <= COMPARED_MAX && !plan.udp && whole.proto[0] != '\0') {
		world_init(&cut, &plan);
		converse(&cut, plan, 1);
		compare(&whole, &cut);
		world_fini(&cut);
	}
	world_fini(&whole);
	return 0;
}
