/* ja.c - JA3, JA3S and JA4: short texts that tell TLS implementations apart. */
#include <ctype.h>
#include <stdio.h>

#include "analyzers/app.h"
#include "analyzers/tls/hello.h"
#include "analyzers/tls/tls.h"
#include "base/must.h"

#define JA4_LIST_MAX 1024       /* values sorted; a hello has a dozen or two */
#define JA4_HASH_LEN 12

static bool append_number(struct bytes *out, struct budget *budget, uint16_t v, bool *first)
{
	char text[8];
	const int len = snprintf(text, sizeof(text), "%s%u", *first ? "" : "-", v);

	*first = false;
	return bytes_append(out, budget, text, (size_t)len);
}

/* The 16-bit values of a list, without GREASE. */
static bool append_list(struct bytes *out, struct budget *budget, struct slice list)
{
	struct reader in = reader_slice(list);
	bool first = true, ok = true;

	while (ok && reader_left(&in) >= 2) {
		const uint16_t v = read_be16(&in);

		if (!tls_is_grease(v))
			ok = append_number(out, budget, v, &first);
	}
	return ok;
}

static bool append_extensions(struct bytes *out, struct budget *budget, const struct tls_hello *h)
{
	uint32_t at = 0;
	uint16_t type;
	bool first = true, ok = true;

	while (ok && tls_extension_next(h, &at, &type))
		if (!tls_is_grease(type))
			ok = append_number(out, budget, type, &first);
	return ok;
}

bool tls_ja3_text(const struct tls_hello *h, bool client, struct bytes *out, struct budget *budget)
{
	const struct slice formats = tls_span_slice(h, h->formats);
	bool first = true, ok;

	ok = append_number(out, budget, h->version, &first) && bytes_append_u8(out, budget, ',') &&
	     append_list(out, budget, tls_span_slice(h, h->ciphers)) && bytes_append_u8(out, budget, ',') &&
	     append_extensions(out, budget, h);
	if (!client)
		return ok;
	ok = ok && bytes_append_u8(out, budget, ',') && append_list(out, budget, tls_span_slice(h, h->groups)) &&
	     bytes_append_u8(out, budget, ',');
	first = true;
	for (size_t i = 0; ok && i < formats.len; i++)
		ok = append_number(out, budget, formats.data[i], &first);
	return ok;
}

static void hex_lower(char *out, const uint8_t *data, size_t len)
{
	static const char letters[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*out++ = letters[data[i] >> 4];
		*out++ = letters[data[i] & 15];
	}
}

void tls_ja3_hash(struct app *app, struct slice text, char out[TLS_JA3_LEN])
{
	struct digest *d = app_digest_get(app, DIGEST_MD5);
	uint8_t md5[DIGEST_MAX] = { 0 };

	if (d != NULL) {
		digest_start(d);
		digest_add(d, text.data, text.len);
		digest_finish(d, md5);
		app_digest_put(app, DIGEST_MD5, d);
	}
	hex_lower(out, md5, 16);
}

/* ---- JA4 ---- */

struct list {
	uint16_t values[JA4_LIST_MAX];
	unsigned count;
};

static void list_add(struct list *l, uint16_t v)
{
	if (l->count < JA4_LIST_MAX)
		l->values[l->count++] = v;
}

/* Shell's sort: qsort may allocate. */
static void list_sort(struct list *l)
{
	static const unsigned steps[] = { 301, 132, 57, 23, 10, 4, 1 };

	for (size_t s = 0; s < ARRAY_LEN(steps); s++) {
		const unsigned step = steps[s];

		for (unsigned i = step; i < l->count; i++) {
			const uint16_t v = l->values[i];
			unsigned k = i;

			for (; k >= step && l->values[k - step] > v; k -= step)
				l->values[k] = l->values[k - step];
			l->values[k] = v;
		}
	}
}

static void add_hex(struct digest *d, uint16_t v, bool first)
{
	char text[8];
	const int len = snprintf(text, sizeof(text), "%s%04x", first ? "" : ",", v);

	digest_add(d, text, (size_t)len);
}

/* The head of the SHA-256 over sorted values and, if there is to be a tail, "_" and that in its own order. Both may be
 * empty: Suricata hashes nothing then, where others write zeros. */
static void list_hash(struct digest *d, struct list *sorted, const struct slice *tail, char *out)
{
	struct reader in = reader_slice(tail != NULL ? *tail : slice_of(NULL, 0));
	uint8_t sha256[DIGEST_MAX];
	bool first = true;

	list_sort(sorted);
	digest_start(d);
	for (unsigned i = 0; i < sorted->count; i++)
		add_hex(d, sorted->values[i], i == 0);
	if (tail != NULL)
		digest_add(d, "_", 1);
	while (reader_left(&in) >= 2) {
		const uint16_t v = read_be16(&in);

		if (tls_is_grease(v))
			continue;
		add_hex(d, v, first);
		first = false;
	}
	digest_finish(d, sha256);
	hex_lower(out, sha256, JA4_HASH_LEN / 2);
}

static const char *ja4_version(const struct tls_hello *h)
{
	struct reader in = reader_slice(tls_span_slice(h, h->versions));
	uint16_t best = h->versions.len ? 0 : h->version;

	while (reader_left(&in) >= 2) {
		const uint16_t v = read_be16(&in);

		if (!tls_is_grease(v) && v > best)
			best = v;
	}
	switch (best) {
	case TLS_1_3:   return "13";
	case TLS_1_2:   return "12";
	case TLS_1_1:   return "11";
	case TLS_1_0:   return "10";
	case SSL_3:     return "s3";
	case SSL_2:     return "s2";
	case 0xfefc:    return "d3";
	case 0xfefd:    return "d2";
	case 0xfeff:    return "d1";
	default:        return "00";
	}
}

/* First and last letter of the first ALPN name, or of its hex where they are no letters or digits. */
static void ja4_alpn(const struct tls_hello *h, char out[2])
{
	struct slice name;
	uint8_t a, b;

	out[0] = out[1] = '0';
	if (!tls_alpn_at(h, 0, &name) || name.len == 0)
		return;
	a = name.data[0];
	b = name.data[name.len - 1];
	if (isascii(a) && isalnum(a) && isascii(b) && isalnum(b)) {
		out[0] = (char)a;
		out[1] = (char)b;
	} else {
		char hex[2];

		hex_lower(hex, &a, 1);
		out[0] = hex[0];
		hex_lower(hex, &b, 1);
		out[1] = hex[1];
	}
}

bool tls_ja4(const struct tls_hello *h, char transport, struct app *app, char out[TLS_JA4_LEN])
{
	struct digest *d = app_digest_get(app, DIGEST_SHA256);
	const struct slice sig_algs = tls_span_slice(h, h->sig_algs);
	struct list ciphers, types;
	struct reader in = reader_slice(tls_span_slice(h, h->ciphers));
	unsigned all = 0;
	char head[16], alpn[2];
	uint32_t at = 0;
	uint16_t type;

	if (d == NULL)
		return false;
	ciphers.count = types.count = 0;
	while (reader_left(&in) >= 2) {
		const uint16_t v = read_be16(&in);

		if (!tls_is_grease(v))
			list_add(&ciphers, v);
	}
	while (tls_extension_next(h, &at, &type)) {
		if (tls_is_grease(type))
			continue;
		all++;
		if (type != 0 && type != 16)
			list_add(&types, type);
	}
	ja4_alpn(h, alpn);
	snprintf(head, sizeof(head), "%c%s%c%02u%02u", transport, ja4_version(h), h->sni.len ? 'd' : 'i',
		 ciphers.count < 99 ? ciphers.count : 99, all < 99 ? all : 99);
	memcpy(out, head, 8);
	memcpy(out + 8, alpn, 2);
	out[10] = '_';
	list_hash(d, &ciphers, NULL, out + 11);
	out[23] = '_';
	list_hash(d, &types, &sig_algs, out + 24);
	app_digest_put(app, DIGEST_SHA256, d);
	return true;
}
