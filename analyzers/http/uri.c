/* uri.c - a request's URI: taken apart, decoded, and put in the one form that rules look at.
 *
 * The path is percent-decoded once (%u too), backslashes and runs of slashes become one slash, UTF-8
 * becomes single bytes, and dot segments go (RFC 3986 5.2.4); the query is decoded once. Twice only where
 * configured, and then what changes the second time is an event. Every step is one pass that never grows. */
#include "analyzers/http/bestfit.h"
#include "analyzers/http/http.h"

struct parts {
	struct slice scheme, user, password, host, port, path, query, fragment;
	bool has_scheme, has_user, has_password, has_host, has_port, has_path, has_query, has_fragment;
};

static size_t find(struct slice s, const char *any, size_t count)
{
	size_t i = 0;

	while (i < s.len && memchr(any, s.data[i], count) == NULL)
		i++;
	return i;
}

static struct slice authority_read(struct slice s, struct parts *p)
{
	size_t n, k;

	if (s.len > 2 && s.data[0] == '/' && s.data[1] == '/' && s.data[2] != '/') {
		struct slice c = slice_skip(s, 2);

		n = find(c, "@", 1);
		if (n < c.len) {
			p->has_user = true;
			p->user = slice_head(c, n);
			k = find(p->user, ":", 1);
			if (k < p->user.len) {
				p->has_password = true;
				p->password = slice_skip(p->user, k + 1);
				p->user = slice_head(p->user, k);
			}
			s = slice_skip(c, n + 1);
		}
	}
	n = s.len >= 2 && s.data[0] == '/' && s.data[1] == '/' ? 2 : 0;
	if (n < s.len && s.data[n] == '/')
		return s;
	while (n < s.len && s.data[n] == ' ')
		n++;
	if (n < s.len && s.data[n] == '[') {
		k = n + find(slice_skip(s, n), "/?#]", 4);
		k += k < s.len && s.data[k] == ']';
	} else {
		k = n + find(slice_skip(s, n), "/?#:", 4);
	}
	if (k == n)
		return s;
	p->has_host = true;
	p->host = slice_of(s.data + n, k - n);
	while (p->host.len > 0 && p->host.data[p->host.len - 1] == ' ')
		p->host.len--;
	s = slice_skip(s, k);
	if (s.len < 2 || s.data[0] != ':')
		return s;
	n = find(s, "/?#", 3);
	if (n > 1) {
		p->has_port = true;
		p->port = http_trim(slice_of(s.data + 1, n - 1));
		s = slice_skip(s, n);
	}
	return s;
}

static void uri_split(struct slice s, struct parts *p)
{
	size_t n = find(s, ":", 1);

	*p = (struct parts){ 0 };
	if (s.len > 0 && s.data[0] != '/' && n < s.len) {
		p->has_scheme = true;
		p->scheme = slice_head(s, n);
		s = authority_read(slice_skip(s, n + 1), p);
	}
	n = find(s, "#?", 2);
	if (n > 0) {
		p->has_path = true;
		p->path = slice_head(s, n);
		s = slice_skip(s, n);
	}
	if (s.len > 0 && s.data[0] == '?') {
		s = slice_of(s.data + 1, s.len - 1);
		n = find(s, "#", 1);
		p->has_query = true;
		p->query = slice_head(s, n);
		s = slice_skip(s, n);
	}
	if (s.len > 0 && s.data[0] == '#') {
		p->has_fragment = true;
		p->fragment = slice_of(s.data + 1, s.len - 1);
	}
}

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The value that two characters have where hex digits ought to be, right or wrong. */
static uint8_t hex_pair(const uint8_t *p)
{
	uint8_t v = 0;

	for (unsigned i = 0; i < 2; i++) {
		uint8_t c = p[i];

		v = (uint8_t)(v * 16 + (c >= 'A' ? (c & 0xdf) - 'A' + 10 : c - '0'));
	}
	return v;
}

static bool hex_digits(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (hex(p[i]) < 0)
			return false;
	return true;
}

struct decoded {
	size_t used;            /* input bytes, '%' included */
	uint8_t byte;
	bool none;              /* gives no byte */
};

/* What stands behind a '%'. */
static struct decoded percent(const struct http_uri_options *o, const uint8_t *p, size_t len)
{
	struct decoded d = { .used = 1, .byte = '%' };
	bool wide = len > 1 && (p[1] | 0x20) == 'u' && o->u_decode;
	size_t digits = wide ? 4 : 2, from = wide ? 2 : 1;
	bool there = len >= from + digits;
	bool valid = there && hex_digits(p + from, digits);

	if (len > 1 && (p[1] | 0x20) == 'u' && !o->u_decode)
		return d;
	if (!valid && o->invalid == HTTP_INVALID_REMOVE) {
		d.none = true;
		return d;
	}
	if (!valid && (!there || o->invalid == HTTP_INVALID_PRESERVE))
		return d;
	d.used = from + digits;
	d.byte = hex_pair(p + from);
	if (wide)
		d.byte = d.byte == 0 ? hex_pair(p + 4) :
			 http_bestfit((uint32_t)d.byte << 8 | hex_pair(p + 4), o->replacement);
	return d;
}

/* Percent-decoding; returns the new length. out may be in. */
static size_t plain_decode(const struct http_uri_options *o, uint8_t *s, size_t len, bool plus)
{
	size_t w = 0;

	for (size_t i = 0; i < len;) {
		struct decoded d = { .used = 1, .byte = s[i] };

		if (s[i] == '%')
			d = percent(o, s + i, len - i);
		else if (s[i] == '+' && plus)
			d.byte = ' ';
		i += d.used;
		if (!d.none)
			s[w++] = d.byte;
	}
	return w;
}

static size_t path_decode(const struct http_uri_options *o, uint8_t *s, size_t len)
{
	size_t w = 0;

	for (size_t i = 0; i < len;) {
		struct decoded d = { .used = 1, .byte = s[i] };
		bool encoded = s[i] == '%';

		if (encoded)
			d = percent(o, s + i, len - i);
		if (d.used > 1 && !o->separators_decode && (d.byte == '/' || (o->backslash && d.byte == '\\')))
			d = (struct decoded){ .used = 1, .byte = '%' };
		i += d.used;
		if (d.none)
			continue;
		if (d.byte == 0 && (encoded ? o->nul_encoded_terminates : o->nul_raw_terminates))
			break;
		if (d.byte == '\\' && o->backslash)
			d.byte = '/';
		if (o->lowercase && d.byte >= 'A' && d.byte <= 'Z')
			d.byte = (uint8_t)(d.byte + 32);
		if (d.byte == '/' && o->separators_compress && w > 0 && s[w - 1] == '/')
			continue;
		s[w++] = d.byte;
	}
	return w;
}

/* One UTF-8 sequence, overlong ones too: its length, 0 = not one. *cut: the input ends inside. */
static size_t utf8_read(const uint8_t *p, size_t len, uint32_t *code, bool *cut)
{
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2, i;

	*cut = false;
	*code = p[0] & (0x7fu >> n);
	if (p[0] < 0xc0 || p[0] > 0xf4)
		return 0;
	for (i = 1; i < n && i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3f);
	}
	*cut = i < n;
	if (!*cut && (*code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000)))
		return 0;
	return i;
}

/* How many bytes a broken sequence takes with it: those that could have belonged to one. */
static size_t utf8_broken(const uint8_t *p, size_t len)
{
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2, i = 1;

	if (p[0] < 0xc0 || p[0] > 0xf4)
		return 1;
	while (i < n && i < len && (p[i] & 0xc0) == 0x80)
		i++;
	return i < n ? i : i - 1;
}

static size_t utf8_fit(const struct http_uri_options *o, uint8_t *s, size_t len)
{
	size_t w = 0;

	for (size_t i = 0; i < len;) {
		uint32_t code;
		bool cut;
		size_t n;

		if (s[i] < 0x80) {
			s[w++] = s[i++];
			continue;
		}
		n = utf8_read(s + i, len - i, &code, &cut);
		if (n == 0) {
			i += utf8_broken(s + i, len - i);
			s[w++] = o->replacement;
		} else if (cut) {
			for (size_t k = 1; k < n; k++)
				s[w++] = o->replacement;
			i += n;
		} else {
			s[w++] = http_bestfit(code, o->replacement);
			i += n;
		}
	}
	return w;
}

/* Takes the last segment, with its slash, off what was written. */
static size_t segment_drop(const uint8_t *s, size_t w)
{
	while (w > 0 && s[w - 1] != '/')
		w--;
	return w > 0 ? w - 1 : 0;
}

/* Removes dot segments. */
static size_t dots_remove(uint8_t *s, size_t len)
{
	size_t i = 0, w = 0;

	while (i < len && s[i] != '/') {        /* in front of the first slash "." and ".." just go */
		size_t n = 1;

		while (i + n < len && s[i + n] != '/')
			n++;
		if (!(n == 1 && s[i] == '.') && !(n == 2 && s[i] == '.' && s[i + 1] == '.')) {
			memmove(s + w, s + i, n);
			w += n;
			i += n;
			break;
		}
		i += n + (i + n < len);
		if (i == len)
			return w;
	}
	while (i < len) {
		size_t n = 0;
		bool dots = true;

		i++;                            /* the slash */
		while (i + n < len && s[i + n] != '/')
			n++;
		if (n == 1 && s[i] == '.') {
			;
		} else if (n == 2 && s[i] == '.' && s[i + 1] == '.') {
			w = segment_drop(s, w);
		} else {
			s[w++] = '/';
			memmove(s + w, s + i, n);
			w += n;
			dots = false;
		}
		i += n;
		if (i + 1 == len && dots)
			break;                  /* "/./" and "/../" at the end leave no slash */
	}
	return w;
}

static size_t path_normal(const struct http_uri_options *o, uint8_t *s, size_t len)
{
	len = path_decode(o, s, len);
	if (o->bestfit)
		len = utf8_fit(o, s, len);
	return dots_remove(s, len);
}

/* Appends src to the arena and lets it shrink in place; the span of what is left. */
static struct http_span arena_copy(struct analysis *a, struct http_tx *t, struct slice src, uint8_t **at)
{
	struct http_span s = http_keep(a, t, src);

	*at = t->text.data + s.at;
	return s;
}

static struct http_span arena_shrink(struct http_tx *t, struct http_span s, size_t len)
{
	if (s.len != 0)
		t->text.len = s.at + (uint32_t)len;
	s.len = s.len != 0 ? (uint32_t)len : 0;
	return s;
}

static void arena_add(struct analysis *a, struct http_tx *t, const char *text, struct slice s)
{
	bytes_append(&t->text, a->budget, text, strlen(text));
	bytes_append(&t->text, a->budget, s.data, s.len);
}

static void host_read(struct analysis *a, struct http_tx *t, struct slice host, struct slice port, bool has_port)
{
	struct http_span h;
	uint8_t *p;
	size_t n;
	uint64_t v = 0;
	bool bad = false;

	h = arena_copy(a, t, host, &p);
	n = plain_decode(&t->options->uri, p, h.len, false);
	for (size_t i = 0; i < n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (uint8_t)(p[i] + 32);
	while (n > 0 && p[n - 1] == '.')
		n--;
	t->uri_host = arena_shrink(t, h, n);
	t->flags |= HTTP_FLAG_HOST_IN_URI;
	for (size_t i = 0; has_port && i < port.len; i++) {
		bad = bad || port.data[i] < '0' || port.data[i] > '9' || v > 65535;
		v = v * 10 + (uint64_t)(port.data[i] & 15);
	}
	if (has_port && (bad || v == 0 || v > 65535 || port.len == 0))
		http_event(a, t, HTTP_EV_URI_HOST_INVALID);
	else if (has_port)
		t->uri_port = (uint32_t)v;
	if (!http_host_valid(http_text(t, t->uri_host)))
		http_event(a, t, HTTP_EV_URI_HOST_INVALID);
}

static void query_add(struct analysis *a, struct http_tx *t, struct slice query)
{
	const struct http_uri_options *o = &t->options->uri;
	struct http_span q;
	uint8_t *p;
	size_t n, twice;

	q = arena_copy(a, t, query, &p);
	n = plain_decode(o, p, q.len, o->plus_query);
	if (o->double_decode_query) {
		twice = plain_decode(o, p, n, o->plus_query);
		if (twice < n)
			http_event(a, t, HTTP_EV_DOUBLE_ENCODED_URI);
		n = twice;
	}
	arena_shrink(t, q, n);
}

static void connect_read(struct analysis *a, struct http_tx *t, struct slice raw)
{
	struct slice host;
	uint32_t port;
	bool has_port;

	if (!http_host_port(raw, &host, &port, &has_port))
		http_event(a, t, HTTP_EV_URI_HOST_INVALID);
	t->uri_port = port;
	host_read(a, t, host, slice_of(NULL, 0), false);
	if (t->options->uri.include_all)
		t->uri = http_keep(a, t, http_text(t, t->uri_host));
}

void http_uri_read(struct analysis *a, struct http_tx *t)
{
	const struct http_uri_options *o = &t->options->uri;
	struct slice raw = http_text(t, t->uri_raw);
	struct parts p;
	uint8_t *at;
	uint32_t start;

	/* Everything made from the URI is at most as long: with this no step below moves the arena. */
	if (!bytes_reserve(&t->text, a->budget, t->text.len + 6 * raw.len + 64))
		return;
	raw = http_text(t, t->uri_raw);
	if (t->method == HTTP_CONNECT) {
		connect_read(a, t, raw);
		return;
	}
	uri_split(raw, &p);
	if (p.has_host)
		host_read(a, t, p.host, p.port, p.has_port);
	if (p.has_path) {
		t->path = arena_copy(a, t, p.path, &at);
		t->path = arena_shrink(t, t->path, path_normal(o, at, t->path.len));
	}
	start = t->text.len;
	if (o->include_all) {
		if (p.has_scheme) {
			arena_add(a, t, "", p.scheme);
			arena_add(a, t, "://", slice_of(NULL, 0));
		}
		if (p.has_user || p.has_password) {
			arena_add(a, t, "", p.user);
			arena_add(a, t, ":", p.password);
			arena_add(a, t, "@", slice_of(NULL, 0));
		}
		arena_add(a, t, "", http_text(t, t->uri_host));
	}
	if (p.has_path) {
		struct http_span copy = arena_copy(a, t, http_text(t, t->path), &at);

		if (o->double_decode_path) {
			size_t n = plain_decode(o, at, copy.len, false);

			if (n < copy.len)
				http_event(a, t, HTTP_EV_DOUBLE_ENCODED_URI);
			arena_shrink(t, copy, n);
		}
	}
	if (p.has_query) {
		arena_add(a, t, "?", slice_of(NULL, 0));
		query_add(a, t, p.query);
	}
	if (p.has_fragment)
		arena_add(a, t, "#", p.fragment);
	t->uri = (struct http_span){ .at = start, .len = t->text.len - start };
}
