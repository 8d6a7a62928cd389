/* upgrade.c - HTTP/1's "Upgrade: h2c" (RFC 7540 3.2): the request that asked is stream 1, half closed, and its
 * HTTP2-Settings header is the client's first SETTINGS frame. The request is read through the fields of the
 * analyzer that had the flow before. */
#include "analyzers/http2/http2.h"

static bool field_value(const struct analysis *from, struct tx *tx, const char *name, unsigned index,
			struct slice *out)
{
	const struct field *f = field_in(from->proto, name);
	struct field_value v = { 0 };

	if (f == NULL || f->get == NULL || !f->get((struct analysis *)(uintptr_t)from, tx, TO_SERVER, index, &v))
		return false;
	*out = v.bytes;
	return true;
}

static bool is(struct slice s, const char *name)
{
	size_t i;

	for (i = 0; i < s.len && name[i] != '\0'; i++)
		if ((s.data[i] | 0x20) != (uint8_t)name[i] && s.data[i] != (uint8_t)name[i])
			return false;
	return i == s.len && name[i] == '\0';
}

/* base64url without padding. */
static size_t settings_decode(struct slice s, uint8_t *out, size_t cap)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;

	for (size_t i = 0; i < s.len && n < cap; i++) {
		uint8_t c = s.data[i];
		int v = c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 :
			c >= '0' && c <= '9' ? c - '0' + 52 : c == '-' || c == '+' ? 62 : c == '_' || c == '/' ? 63 : -1;

		if (v < 0)
			break;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (uint8_t)(bits >> have);
		}
	}
	return n;
}

static void settings_take(struct analysis *a, struct slice text)
{
	struct h2_tx *t = h2_tx_new(a, 0);
	uint8_t raw[256];
	size_t n = settings_decode(text, raw, sizeof(raw));

	if (t == NULL)
		return;
	h2_note(a, t, TO_SERVER, H2_NOTE_FRAME, HTTP2_SETTINGS, 0);
	if (n % 6 != 0)
		h2_event(a, t, H2_EV_INVALID_HTTP1_SETTINGS);
	else
		h2_settings_read(a, t, TO_SERVER, slice_of(raw, n));
	tx_complete(a, &t->tx);
}

void h2_upgrade(struct analysis *a)
{
	const struct analysis *old = a->older;
	struct slice s, name;
	struct h2_tx *t;

	if (old == NULL || old->proto == NULL || strcmp(old->proto->name, "http") != 0 || old->tx_last == NULL)
		return;
	t = h2_tx_new(a, 1);
	if (t == NULL)
		return;
	if (field_value(old, old->tx_last, "http.method", 0, &s))
		h2_header_add(a, t, TO_SERVER, slice_str(":method"), s);
	if (field_value(old, old->tx_last, "http.uri.raw", 0, &s))
		h2_header_add(a, t, TO_SERVER, slice_str(":path"), s);
	for (unsigned i = 0; field_value(old, old->tx_last, "http.request_header", i, &s); i++) {
		const uint8_t *colon = memchr(s.data, ':', s.len);

		if (colon == NULL)
			continue;
		name = slice_head(s, (size_t)(colon - s.data));
		s = slice_skip(s, name.len + 2);
		if (is(name, "http2-settings"))
			settings_take(a, s);
		else
			h2_header_add(a, t, TO_SERVER, is(name, "host") ? slice_str(":authority") : name, s);
	}
	h2_headers_done(a, t, TO_SERVER);
	h2_side_end(a, t, TO_SERVER);
}
