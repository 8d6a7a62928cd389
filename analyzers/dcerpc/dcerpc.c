/* dcerpc.c - DCE/RPC over TCP (version 5) and UDP (version 4).
 *
 * Over TCP, PDUs follow each other; each is waited for whole (at most 64 KiB). A request and its response, or a
 * bind and its answer, make one transaction, found by call id; over UDP by activity and sequence number. After
 * a gap the next plausible header is searched for, byte by byte. */
#include <errno.h>
#include <stdlib.h>

#include "analyzers/dcerpc/dcerpc.h"
#include "analyzers/frame.h"

#define UDP_HEADER_LEN 80
#define UDP_LAST_FRAG 2
#define UDP_FRAG 4

enum dcerpc_frame { FRAME_PDU, FRAME_HDR, FRAME_DATA };
static const char *const dcerpc_frames[] = { "pdu", "hdr", "data", NULL };

struct dcerpc_tx {
	struct tx tx;
	struct dce_call call;
	bool lost[2];
	uint8_t version, minor;
	uint32_t sequence;              /* UDP from here on */
	uint8_t activity[16], iface[16];
	uint32_t iface_version;
};

struct dcerpc_state {
	struct dce_ifaces ifaces;
	bool resync[2];
};

static int dcerpc_open(struct analysis *a)
{
	a->state = budget_get(a->budget, sizeof(struct dcerpc_state));
	return a->state ? 0 : -ENOMEM;
}

static void dcerpc_close(struct analysis *a)
{
	struct dcerpc_state *st = a->state;

	if (st == NULL)
		return;
	bytes_fini(&st->ifaces.list, a->budget);
	budget_put(a->budget, st, sizeof(*st));
	a->state = NULL;
}

static void dcerpc_tx_free(struct analysis *a, struct tx *tx)
{
	struct dcerpc_tx *t = (struct dcerpc_tx *)tx;

	dce_call_fini(&t->call, a->budget);
	budget_put(a->budget, t, sizeof(*t));
}

/* The call of this id whose side isn't complete; a new one where there is none. */
static struct dcerpc_tx *call_find(struct analysis *a, const struct dce_header *h, enum side side)
{
	struct dcerpc_tx *t;

	for (struct tx *tx = a->tx_last; tx != NULL; tx = tx->prev) {
		t = (struct dcerpc_tx *)tx;
		if (t->call.call_id == h->call_id && tx->progress[side] == 0)
			return t;
	}
	t = tx_new(a, sizeof(*t));
	if (t != NULL) {
		t->call.call_id = h->call_id;
		t->version = h->version;
		t->minor = h->minor;
	}
	return t;
}

static void call_plain(struct analysis *a, const struct dce_header *h, enum side side)
{
	struct dcerpc_tx *t = call_find(a, h, side);

	if (t == NULL)
		return;
	t->call.type[side] = h->type;
	t->call.has[side] = true;
	t->call.fragments[side] = 1;
	tx_progress(a, &t->tx, side, 1);
}

static bool call_stub(struct analysis *a, const struct dce_header *h, enum side side, struct slice body)
{
	struct dcerpc_tx *t = call_find(a, h, side);
	bool ok;

	if (t == NULL)
		return true;
	ok = side == TO_SERVER ? dce_request_read(&t->call, a->budget, h, body) :
				 dce_response_read(&t->call, a->budget, h, body, 0);
	t->tx.little_endian = h->little;
	t->tx.updated[side] = true;
	if (ok && (h->flags & DCE_LAST_FRAG))
		tx_progress(a, &t->tx, side, 1);
	return ok;
}

/* What a PDU says goes by its type, whichever side sent it. False: malformed. */
static bool pdu(struct analysis *a, const struct dce_header *h, struct slice body)
{
	struct dcerpc_state *st = a->state;

	switch (h->type) {
	case DCE_BIND:
	case DCE_ALTER:
		call_plain(a, h, TO_SERVER);
		return dce_bind_read(&st->ifaces, a->budget, h, body);
	case DCE_BINDACK:
	case DCE_ALTER_RESPONSE:
		call_plain(a, h, TO_CLIENT);
		return dce_bindack_read(&st->ifaces, h, body);
	case DCE_REQUEST:
		return call_stub(a, h, TO_SERVER, body);
	case DCE_RESPONSE:
		return call_stub(a, h, TO_CLIENT, body);
	default:                        /* nothing that rules or records ask for */
		return true;
	}
}

static bool plausible(struct slice data)
{
	struct dce_header h;

	return dce_header_read(data, &h) && h.minor <= 1 && h.type < DCE_TYPES && (data.data[4] & 0xee) == 0 &&
	       data.data[5] <= 3 && h.frag_len >= DCE_HEADER_LEN;
}

static void resync(struct dcerpc_state *st, enum side side, struct reader *in)
{
	while (st->resync[side] && reader_left(in) >= DCE_HEADER_LEN) {
		if (plausible(slice_of(in->at, DCE_HEADER_LEN)))
			st->resync[side] = false;
		else
			in->at++;
	}
}

static enum parse feed_tcp(struct analysis *a, enum side side, struct reader *in)
{
	resync(a->state, side, in);
	while (reader_left(in) >= DCE_HEADER_LEN) {
		uint64_t at = a->offset[side] + reader_pos(in);
		struct dce_header h;
		struct slice body;

		if (!dce_header_read(slice_of(in->at, DCE_HEADER_LEN), &h) || h.frag_len < DCE_HEADER_LEN)
			return PARSE_BAD;
		if (reader_left(in) < h.frag_len) {
			analysis_need(a, side, h.frag_len);
			return PARSE_MORE;
		}
		frame_open(a, side, FRAME_PDU, at, h.frag_len);
		frame_open(a, side, FRAME_HDR, at, DCE_HEADER_LEN);
		if (h.frag_len > DCE_HEADER_LEN)
			frame_open(a, side, FRAME_DATA, at + DCE_HEADER_LEN, h.frag_len - DCE_HEADER_LEN);
		body = slice_skip(read_slice(in, h.frag_len), DCE_HEADER_LEN);
		if (!pdu(a, &h, body))
			return PARSE_BAD;
	}
	return reader_left(in) > 0 ? PARSE_MORE : PARSE_OK;
}

static struct dcerpc_tx *activity_find(struct analysis *a, const uint8_t *activity, uint32_t sequence, enum side side)
{
	struct dcerpc_tx *t;

	for (struct tx *tx = a->tx_last; tx != NULL; tx = tx->prev) {
		t = (struct dcerpc_tx *)tx;
		if (t->sequence == sequence && tx->progress[side] == 0 && memcmp(t->activity, activity, 16) == 0)
			return t;
	}
	t = tx_new(a, sizeof(*t));
	if (t != NULL) {
		t->version = 4;
		t->sequence = sequence;
		memcpy(t->activity, activity, 16);
	}
	return t;
}

static void uuid_ordered(uint8_t *out, const uint8_t *raw, bool little)
{
	static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

	for (unsigned i = 0; i < 16; i++)
		out[i] = raw[little ? order[i] : i];
}

/* The connectionless header (C706 12.5): what is a number has the sender's byte order. */
static enum parse feed_udp(struct analysis *a, struct reader *in)
{
	struct slice all = read_rest(in);
	const uint8_t *p = all.data;
	struct dce_header h;
	struct dcerpc_tx *t;
	enum side side;
	uint8_t activity[16];
	uint16_t len;

	if (all.len < UDP_HEADER_LEN || p[0] != 4)
		return PARSE_BAD;
	h = (struct dce_header){ .version = 4, .type = p[1], .little = (p[4] & 0x10) != 0 };
	len = h.little ? load_le16(p + 74) : load_be16(p + 74);
	if (len > all.len - UDP_HEADER_LEN)
		return PARSE_BAD;
	if (h.type != DCE_REQUEST && h.type != DCE_RESPONSE)
		return PARSE_OK;
	side = h.type == DCE_REQUEST ? TO_SERVER : TO_CLIENT;
	uuid_ordered(activity, p + 40, true);   /* Suricata shows it so, whatever the byte order */
	t = activity_find(a, activity, h.little ? load_le32(p + 64) : load_be32(p + 64), side);
	if (t == NULL)
		return PARSE_OK;
	t->tx.little_endian = h.little;
	if (side == TO_SERVER) {
		t->call.opnum = h.little ? load_le16(p + 68) : load_be16(p + 68);
		t->call.has_opnum = true;
		uuid_ordered(t->iface, p + 24, h.little);
		t->iface_version = h.little ? load_le32(p + 60) : load_be32(p + 60);
	}
	if (t->call.fragments[side] == 0)
		h.flags = DCE_FIRST_FRAG;
	t->call.type[side] = h.type;
	t->call.has[side] = true;
	dce_stub_add(&t->call, a->budget, &h, side, slice_of(p + UDP_HEADER_LEN, len));
	t->tx.updated[side] = true;
	if ((p[2] & UDP_FRAG) == 0 || (p[2] & UDP_LAST_FRAG) != 0)
		tx_progress(a, &t->tx, side, 1);
	return PARSE_OK;
}

static bool is_udp_flow(const struct analysis *a)
{
	return a->flow->key.proto == 17;
}

static enum parse dcerpc_feed(struct analysis *a, enum side side, struct reader *in)
{
	return is_udp_flow(a) ? feed_udp(a, in) : feed_tcp(a, side, in);
}

static bool dcerpc_gap(struct analysis *a, enum side side, uint64_t len)
{
	struct dcerpc_state *st = a->state;

	(void)len;
	st->resync[side] = true;
	for (struct tx *tx = a->tx_first; tx != NULL; tx = tx->next) {
		if (tx->progress[side] != 0)
			continue;
		((struct dcerpc_tx *)tx)->lost[side] = true;
		tx_progress(a, tx, side, 1);
	}
	return true;
}

static enum probe probe_tcp(struct slice data, enum side side)
{
	bool answer;

	if (data.len >= 2 && (data.data[0] != 5 || data.data[1] != 0))
		return PROBE_NO;
	if (data.len < DCE_HEADER_LEN)
		return PROBE_MORE;
	if (!plausible(data))
		return PROBE_NO;
	answer = data.data[2] == DCE_RESPONSE || data.data[2] == DCE_FAULT || data.data[2] == DCE_BINDACK ||
		 data.data[2] == DCE_BINDNAK || data.data[2] == DCE_ALTER_RESPONSE;
	return answer == (side == TO_CLIENT) ? PROBE_YES : PROBE_NO;
}

static enum probe dcerpc_probe(struct slice data, enum side side, bool is_udp)
{
	const uint8_t *p = data.data;
	uint16_t len;

	if (!is_udp)
		return probe_tcp(data, side);
	if (data.len < UDP_HEADER_LEN || p[0] != 4 || (p[3] & 0xfc) != 0 || (p[4] & 0xee) != 0 || p[5] > 3)
		return PROBE_NO;
	len = (p[4] & 0x10) ? load_le16(p + 74) : load_be16(p + 74);
	if (len > data.len - UDP_HEADER_LEN)
		return PROBE_NO;
	return (p[1] == DCE_REQUEST) == (side == TO_SERVER) ? PROBE_YES : PROBE_NO;
}

static bool iface_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	const struct dcerpc_tx *t = (const struct dcerpc_tx *)tx;
	const struct dcerpc_state *st = a->state;

	(void)side;
	if (is_udp_flow(a))
		return t->call.has_opnum && dce_iface_is(parsed, t->iface, t->iface_version & 0xffff);
	return st != NULL && dce_iface_test(&st->ifaces, &t->call, parsed);
}

static bool opnum_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	(void)a;
	(void)side;
	return dce_opnum_test(&((const struct dcerpc_tx *)tx)->call, parsed);
}

static bool get_stub(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	out->bytes = bytes_slice(&((const struct dcerpc_tx *)tx)->call.stub[side]);
	return index == 0 && out->bytes.len > 0;
}

#define BOTH (FIELD_TO_SERVER | FIELD_TO_CLIENT)
static const struct field dcerpc_fields[] = {
	{ .name = "dcerpc.iface", .aliases = "dce_iface", .type = FIELD_TEST, .flags = BOTH, .progress = { 1, 1 },
	  .test_parse = dce_iface_parse, .test = iface_test, .test_free = free, .summary = "the interface a call is made to" },
	{ .name = "dcerpc.opnum", .aliases = "dce_opnum", .type = FIELD_TEST, .flags = BOTH, .progress = { 1, 1 },
	  .test_parse = dce_opnum_parse, .test = opnum_test, .test_free = free, .summary = "the operation a call asks for" },
	{ .name = "dcerpc.stub_data", .aliases = "dce_stub_data", .type = FIELD_BYTES, .flags = BOTH, .progress = { 1, 1 },
	  .get = get_stub, .summary = "arguments and results of a call, as they are marshalled" },
};

static void record_side(const struct dcerpc_state *st, const struct dcerpc_tx *t, enum side side, bool udp, struct json *j)
{
	bool there = t->call.has[side] && t->tx.progress[side] != 0 && !t->lost[side];
	const char *const keys[] = { "request", "response" }, *const none[] = { "REQUEST_LOST", "UNREPLIED" };

	json_str(j, keys[side], there ? dce_type_name(t->call.type[side]) : none[side]);
	if (!there)
		return;
	if (t->call.type[side] == DCE_REQUEST && side == TO_SERVER)
		dce_stub_record(j, "req", &t->call, side, true);
	else if (t->call.type[side] == DCE_RESPONSE && side == TO_CLIENT)
		dce_stub_record(j, "res", &t->call, side, false);
	if (!udp && side == TO_SERVER && (t->call.type[side] == DCE_REQUEST || t->call.type[side] == DCE_BIND) && st != NULL)
		dce_ifaces_record(&st->ifaces, &t->call, false, j);
}

static bool dcerpc_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct dcerpc_tx *t = (const struct dcerpc_tx *)tx;
	bool udp = is_udp_flow(a);

	(void)req;
	json_object(j, "dcerpc");
	record_side(a->state, t, TO_SERVER, udp, j);
	record_side(a->state, t, TO_CLIENT, udp, j);
	if (udp) {
		dce_uuid_record(j, "activityuuid", t->activity);
		json_uint(j, "seqnum", t->sequence);
	} else {
		json_uint(j, "call_id", t->call.call_id);
	}
	json_printf(j, "rpc_version", "%u.%u", t->version, t->minor);
	json_close(j);
	return true;
}

static const struct probe_pattern dcerpc_patterns[] = {
	{ .side = TO_SERVER, .depth = 2, .bytes = { (const uint8_t *)"\x05\x00", 2 } },
	{ .side = TO_CLIENT, .depth = 2, .bytes = { (const uint8_t *)"\x05\x00", 2 } },
	{ .side = TO_SERVER, .depth = 2, .bytes = { (const uint8_t *)"\x04\x00", 2 } },
	{ .side = TO_CLIENT, .depth = 2, .bytes = { (const uint8_t *)"\x04\x02", 2 } },
};
static const char *const dcerpc_states[] = { "in_progress", "complete", NULL };

const struct analyzer analyzer_dcerpc = {
	.abi = ANALYZER_ABI,
	.name = "dcerpc",
	.summary = "DCE/RPC: binds, calls and their stubs",
	.transports = TRANSPORT_TCP | TRANSPORT_UDP,
	.patterns = dcerpc_patterns,
	.pattern_count = sizeof(dcerpc_patterns) / sizeof(dcerpc_patterns[0]),
	.probe = dcerpc_probe,
	.pending_max = 2 * 65536,
	.open = dcerpc_open,
	.close = dcerpc_close,
	.feed = dcerpc_feed,
	.gap = dcerpc_gap,
	.tx_free = dcerpc_tx_free,
	.complete = { 1, 1 },
	.states = { dcerpc_states, dcerpc_states },
	.fields = dcerpc_fields,
	.field_count = sizeof(dcerpc_fields) / sizeof(dcerpc_fields[0]),
	.frames = dcerpc_frames,
	.event_type = "dcerpc",
	.record = dcerpc_record,
};
