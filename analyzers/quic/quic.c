/* quic.c - QUIC, versions 1 and 2, late drafts, and Google's: what the first packets of a connection say.
 *
 * The keys of Initial packets follow from what anybody can see, so that the handshake messages in them can be read.
 * Once a side's hello is there, nothing of it is readable any more. Each packet until then is a transaction. */
#include "analyzers/quic/quic.h"

#include <errno.h>
#include <stdlib.h>

#include "base/must.h"

#define CRYPTO_MAX 65535
#define PARTS_MAX 32

enum quic_event { FAILED_DECRYPT, ERROR_ON_DATA, ERROR_ON_HEADER, CRYPTO_FRAG_TOO_LONG };
static const char *const quic_events[] = {
	"failed_decrypt", "error_on_data", "error_on_header", "crypto_frag_too_long", NULL,
};

/* The crypto stream of one side, put together from frames in any order. */
struct crypto_stream {
	struct bytes data;
	struct { uint32_t from, to; } parts[PARTS_MAX];         /* what is there: apart from each other, in order */
	unsigned part_count;
};

struct quic_state {
	struct quic_keys keys;
	bool has_keys, has_retried;
	bool hello[2];
	struct crypto_stream crypto[2];
	struct bytes frames;            /* of the packet that is being read */
};

static int quic_open_state(struct analysis *a)
{
	a->state = budget_get(a->budget, sizeof(struct quic_state));
	return a->state ? 0 : -ENOMEM;
}

static void quic_close(struct analysis *a)
{
	struct quic_state *s = a->state;

	bytes_fini(&s->frames, a->budget);
	for (unsigned i = 0; i < 2; i++)
		bytes_fini(&s->crypto[i].data, a->budget);
	budget_put(a->budget, s, sizeof(*s));
	a->state = NULL;
}

static void quic_tx_free(struct analysis *a, struct tx *tx)
{
	struct quic_tx *t = (struct quic_tx *)tx;

	if (t->has_hello)
		tls_hello_fini(&t->hello, a->budget);
	bytes_fini(&t->sni, a->budget);
	bytes_fini(&t->ua, a->budget);
	bytes_fini(&t->cyu, a->budget);
	bytes_fini(&t->ja3, a->budget);
	budget_put(a->budget, t, sizeof(*t));
}

static struct quic_tx *packet_tx(struct analysis *a, enum side side, const struct quic_header *h)
{
	struct quic_tx *t = tx_new(a, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->client = side == TO_SERVER;
	t->is_long = h->is_long;
	t->type = h->type;
	t->version = h->version;
	for (unsigned i = 0; i < 4; i++)
		t->version_bytes[i] = (uint8_t)(h->version >> (24 - 8 * i));
	tx_one_sided(a, &t->tx, side);
	return t;
}

/* --- the crypto stream --- */

/* [from, to) is there now. False where that makes too many parts. */
static bool parts_add(struct crypto_stream *s, uint32_t from, uint32_t to)
{
	unsigned first = 0, last;

	while (first < s->part_count && s->parts[first].to < from)
		first++;
	for (last = first; last < s->part_count && s->parts[last].from <= to; last++) {
		from = s->parts[last].from < from ? s->parts[last].from : from;
		to = s->parts[last].to > to ? s->parts[last].to : to;
	}
	if (last == first) {
		if (s->part_count == PARTS_MAX)
			return false;
		memmove(&s->parts[first + 1], &s->parts[first], (s->part_count - first) * sizeof(s->parts[0]));
		s->part_count++;
	} else {
		memmove(&s->parts[first + 1], &s->parts[last], (s->part_count - last) * sizeof(s->parts[0]));
		s->part_count -= last - first - 1;
	}
	s->parts[first].from = from;
	s->parts[first].to = to;
	return true;
}

static void crypto_add(struct analysis *a, struct quic_tx *t, enum side side, uint64_t offset, struct slice data)
{
	struct quic_state *s = a->state;
	struct crypto_stream *c = &s->crypto[side];
	uint64_t end = offset + data.len;

	if (end > CRYPTO_MAX || end < offset) {
		tx_event(a, &t->tx, CRYPTO_FRAG_TOO_LONG);
		return;
	}
	if (data.len == 0 || !bytes_reserve(&c->data, a->budget, (size_t)end) ||
	    !parts_add(c, (uint32_t)offset, (uint32_t)end))
		return;
	memcpy(c->data.data + offset, data.data, data.len);
	if (end > c->data.len)
		c->data.len = (size_t)end;
}

/* The hello, once it is there from its first byte to its last. */
static void hello_find(struct analysis *a, struct quic_tx *t, enum side side)
{
	struct quic_state *s = a->state;
	struct crypto_stream *c = &s->crypto[side];
	size_t there = c->part_count > 0 && c->parts[0].from == 0 ? c->parts[0].to : 0;
	struct slice message;

	if (there < 4 || load_be24(c->data.data + 1) + 4u > there)
		return;
	message = slice_of(c->data.data + 4, load_be24(c->data.data + 1));
	if (c->data.data[0] != (t->client ? 1 : 2))     /* ClientHello, ServerHello */
		return;
	if (tls_hello_parse(&t->hello, a->budget, t->client, message) == PARSE_OK) {
		t->has_hello = true;
		s->hello[side] = true;
		tls_ja3_text(&t->hello, t->client, &t->ja3, a->budget);
	} else {
		tls_hello_fini(&t->hello, a->budget);
	}
	c->part_count = 0;
	bytes_fini(&c->data, a->budget);
}

/* --- frames (RFC 9000, 19) --- */

enum quic_frame { PADDING, PING, ACK, ACK_ECN, CRYPTO = 6, GOOGLE_CRYPTO = 8, GOOGLE_STREAM = 0x80 };

static void ack_skip(struct reader *in, bool ecn)
{
	uint64_t ranges;

	quic_varint_read(in);
	quic_varint_read(in);
	ranges = quic_varint_read(in);
	quic_varint_read(in);
	for (; ranges > 0 && !in->ran_out; ranges--) {
		quic_varint_read(in);
		quic_varint_read(in);
	}
	for (unsigned i = 0; ecn && i < 3; i++)
		quic_varint_read(in);
}

static void google_stream(struct analysis *a, struct quic_tx *t, uint8_t type, struct reader *in)
{
	unsigned offset_len = type >> 2 & 7;

	reader_skip(in, (type & 3u) + 1);
	reader_skip(in, offset_len ? offset_len + 1 : 0);
	quic_google_tags(a, t, type & 0x20 ? read_slice(in, read_be16(in)) : read_rest(in));
}

static bool frames_read(struct analysis *a, struct quic_tx *t, enum side side, struct slice frames)
{
	struct reader in = reader_slice(frames);

	while (reader_left(&in) > 0 && !in.ran_out) {
		uint8_t type = read_u8(&in);
		uint64_t offset, len;
		struct slice data;

		if (type & GOOGLE_STREAM) {
			google_stream(a, t, type, &in);
			continue;
		}
		switch (type) {
		case PADDING:
		case PING:
			break;
		case ACK:
		case ACK_ECN:
			ack_skip(&in, type == ACK_ECN);
			break;
		case CRYPTO:
		case GOOGLE_CRYPTO:
			offset = quic_varint_read(&in);
			len = quic_varint_read(&in);
			data = read_slice(&in, len < SIZE_MAX / 2 ? (size_t)len : SIZE_MAX / 2);
			if (in.ran_out)
				break;
			if (type == CRYPTO)
				crypto_add(a, t, side, offset, data);
			else
				quic_google_tags(a, t, data);
			break;
		default:                        /* its length isn't known */
			read_rest(&in);
			break;
		}
	}
	hello_find(a, t, side);
	return !in.ran_out;
}

/* --- packets --- */

static enum parse packet_bad(struct analysis *a, struct quic_tx *t, enum side side, unsigned event)
{
	tx_event(a, &t->tx, event);
	tx_progress(a, &t->tx, side, 1);
	return PARSE_BAD;
}

static enum parse packet_read(struct analysis *a, enum side side, struct slice packet, const struct quic_header *h)
{
	struct quic_state *s = a->state;
	struct slice frames = slice_head(slice_skip(packet, h->len), h->payload);
	struct quic_tx *t;

	if (!s->has_keys && h->type == QUIC_INITIAL) {
		s->has_keys = quic_keys_initial(a->app, h->version, h->dcid, &s->keys);
	} else if (side == TO_CLIENT && s->has_keys && h->type == QUIC_RETRY && !s->has_retried) {
		/* The client begins again, with the identifier that the server gave it. */
		s->hello[TO_SERVER] = s->has_keys = false;
		s->has_retried = true;
	}
	t = packet_tx(a, side, h);
	if (t == NULL)
		return PARSE_BAD;
	if (h->type == QUIC_INITIAL) {
		if (s->has_keys && frames.len > 0) {
			if (!quic_open(a->app, &s->keys.side[side], packet, h, &s->frames, a->budget))
				return packet_bad(a, t, side, FAILED_DECRYPT);
			frames = bytes_slice(&s->frames);
		}
		if (!frames_read(a, t, side, frames))
			return packet_bad(a, t, side, ERROR_ON_DATA);
	}
	tx_progress(a, &t->tx, side, 1);
	return PARSE_OK;
}

static enum parse quic_feed(struct analysis *a, enum side side, struct reader *in)
{
	const struct quic_state *s = a->state;
	enum parse got = PARSE_OK;

	/* Packets may share a datagram. */
	while (got == PARSE_OK && reader_left(in) > 0) {
		struct slice rest = slice_of(in->at, reader_left(in));
		struct quic_header h;

		if (!quic_header_read(rest, &h))
			return PARSE_BAD;
		if (s->hello[side] || h.type == QUIC_SHORT) {   /* encrypted from here on */
			read_rest(in);
			break;
		}
		got = packet_read(a, side, rest, &h);
		reader_skip(in, h.len + h.payload);
	}
	return got;
}

static enum probe quic_probe(struct slice data, enum side side, bool is_udp)
{
	struct quic_header h;

	(void)side;
	(void)is_udp;
	return quic_header_read(data, &h) ? PROBE_YES : PROBE_NO;
}

/* --- fields --- */

static bool give(struct field_value *out, struct slice s)
{
	out->bytes = s;
	return s.len > 0;
}

#define GETTER(name)                                                                                           \
	static bool name(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)

GETTER(get_version)
{
	const struct quic_tx *t = (const struct quic_tx *)tx;

	(void)a;
	(void)side;
	return index == 0 && t->is_long && give(out, slice_of(t->version_bytes, sizeof(t->version_bytes)));
}

GETTER(get_sni)
{
	const struct quic_tx *t = (const struct quic_tx *)tx;

	(void)a;
	(void)side;
	return index == 0 &&
	       give(out, t->has_hello ? tls_span_slice(&t->hello, t->hello.sni) : bytes_slice(&t->sni));
}

GETTER(get_ua)
{
	(void)a;
	(void)side;
	return index == 0 && give(out, bytes_slice(&((const struct quic_tx *)tx)->ua));
}

GETTER(get_cyu)
{
	(void)a;
	(void)side;
	return quic_cyu_at((const struct quic_tx *)tx, index, &out->bytes);
}

/* Hashes are made when somebody asks, and live until the next is made. */
static bool hash_give(struct analysis *a, struct slice text, struct field_value *out)
{
	struct quic_state *s = a->state;

	s->frames.len = 0;
	if (text.len == 0 || !bytes_reserve(&s->frames, a->budget, TLS_JA3_LEN))
		return false;
	tls_ja3_hash(a->app, text, (char *)s->frames.data);
	s->frames.len = TLS_JA3_LEN;
	return give(out, bytes_slice(&s->frames));
}

GETTER(get_cyu_hash)
{
	struct slice text;

	(void)side;
	return quic_cyu_at((const struct quic_tx *)tx, index, &text) && hash_give(a, text, out);
}

GETTER(get_ja3_string)
{
	(void)a;
	(void)side;
	return index == 0 && give(out, bytes_slice(&((const struct quic_tx *)tx)->ja3));
}

GETTER(get_ja3_hash)
{
	(void)side;
	return index == 0 && hash_give(a, bytes_slice(&((const struct quic_tx *)tx)->ja3), out);
}

GETTER(get_ja4)
{
	const struct quic_tx *t = (const struct quic_tx *)tx;
	struct quic_state *s = a->state;

	(void)side;
	if (index > 0 || !t->has_hello || !bytes_reserve(&s->frames, a->budget, TLS_JA4_LEN) ||
	    !tls_ja4(&t->hello, 'q', a->app, (char *)s->frames.data))
		return false;
	s->frames.len = TLS_JA4_LEN;
	return give(out, bytes_slice(&s->frames));
}

#define BOTH (FIELD_TO_SERVER | FIELD_TO_CLIENT)
#define TEXT(keyword, more, where, getter, text)                                                               \
	{ .name = keyword, .aliases = more, .type = FIELD_BYTES, .flags = (where), .progress = { 1, 1 },       \
	  .get = getter, .summary = text }

static const struct field quic_fields[] = {
	TEXT("quic.version", NULL, BOTH, get_version, "version in a long header, four bytes"),
	TEXT("quic.sni", NULL, FIELD_TO_SERVER, get_sni, "server name that the client asks for"),
	TEXT("quic.ua", NULL, FIELD_TO_SERVER, get_ua, "user agent, in Google's QUIC"),
	TEXT("quic.cyu.string", NULL, FIELD_TO_SERVER | FIELD_MULTI, get_cyu, "what CYU is made of, in Google's QUIC"),
	TEXT("quic.cyu.hash", NULL, FIELD_TO_SERVER | FIELD_MULTI | FIELD_LOWER, get_cyu_hash, "CYU, in Google's QUIC"),
	TEXT("ja3.hash", "ja3_hash", FIELD_TO_SERVER | FIELD_LOWER, get_ja3_hash, "JA3 of the client"),
	TEXT("ja3.string", "ja3_string", FIELD_TO_SERVER, get_ja3_string, "what the JA3 is made of"),
	TEXT("ja3s.hash", "ja3s_hash", FIELD_TO_CLIENT | FIELD_LOWER, get_ja3_hash, "JA3S of the server"),
	TEXT("ja3s.string", "ja3s_string", FIELD_TO_CLIENT, get_ja3_string, "what the JA3S is made of"),
	TEXT("ja4.hash", "ja4_hash", FIELD_TO_SERVER, get_ja4, "JA4 of the client"),
};

static enum record_way quic_record_way(const struct tx *tx, const void *options)
{
	(void)options;
	return ((const struct quic_tx *)tx)->client ? RECORD_TO_SERVER : RECORD_TO_CLIENT;
}

const struct analyzer analyzer_quic = {
	.abi = ANALYZER_ABI,
	.name = "quic",
	.summary = "QUIC handshakes: versions, hellos, fingerprints",
	.transports = TRANSPORT_UDP,
	.ports = "443,80",
	.probe = quic_probe,
	.open = quic_open_state,
	.close = quic_close,
	.feed = quic_feed,
	.tx_free = quic_tx_free,
	.complete = { 1, 1 },
	.fields = quic_fields,
	.field_count = ARRAY_LEN(quic_fields),
	.events = quic_events,
	.event_type = "quic",
	.record_options = quic_record_options,
	.record_options_free = free,
	.record_way = quic_record_way,
	.record = quic_record,
};
