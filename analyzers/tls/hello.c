/* hello.c - see hello.h. The message is kept whole (it is bounded by what the record layer accepts), and
 * everything else says where in it a thing stands. */
#include "analyzers/tls/hello.h"

#include <stdio.h>

#include "analyzers/tls/tls.h"

enum extension {
	EXT_SERVER_NAME = 0, EXT_GROUPS = 10, EXT_FORMATS = 11, EXT_SIG_ALGS = 13, EXT_ALPN = 16, EXT_TICKET = 35,
	EXT_EARLY_DATA = 42, EXT_VERSIONS = 43,
};

static struct tls_span span_of(const struct tls_hello *h, struct slice s)
{
	return (struct tls_span){ .at = s.len ? (uint32_t)(s.data - h->raw.data) : 0, .len = (uint32_t)s.len };
}

/* server_name (RFC 6066 3): a list of names by type; only hosts exist, and only the first counts. */
static bool server_name(struct tls_hello *h, struct slice body)
{
	struct reader in = reader_slice(body);
	struct slice name;

	if (body.len == 0)
		return true;
	if (h->sni.len) {
		h->oddities |= HELLO_SNI_TWICE;
		return false;
	}
	read_be16(&in);
	if (read_u8(&in) != 0) {
		h->oddities |= HELLO_SNI_TYPE;
		return false;
	}
	name = read_slice(&in, read_be16(&in));
	if (in.ran_out) {
		h->oddities |= HELLO_SNI_LENGTH;
		return false;
	}
	h->sni = span_of(h, name);
	return true;
}

static void versions(struct tls_hello *h, bool client, struct slice body)
{
	struct reader in = reader_slice(body);

	if (!client) {
		if (body.len == 2)
			h->chosen = read_be16(&in);
		return;
	}
	in = read_sub(&in, read_u8(&in));
	if (in.ran_out)
		return;
	h->versions = span_of(h, slice_of(in.at, reader_left(&in)));
	while (reader_left(&in) >= 2 && h->chosen == 0) {
		const uint16_t v = read_be16(&in);

		if (!tls_is_grease(v))
			h->chosen = v;
	}
}

/* A list behind its length in two bytes; false where that doesn't fit. */
static bool list16(struct tls_hello *h, struct slice body, struct tls_span *out)
{
	struct reader in = reader_slice(body);
	const struct slice list = read_slice(&in, read_be16(&in));

	if (in.ran_out)
		return body.len == 0;
	*out = span_of(h, list);
	return true;
}

static bool extension(struct tls_hello *h, bool client, uint16_t type, struct slice body)
{
	struct reader in = reader_slice(body);
	struct slice list;

	switch (type) {
	case EXT_SERVER_NAME:
		return !client || server_name(h, body);
	case EXT_GROUPS:
		return list16(h, body, &h->groups);
	case EXT_FORMATS:
		list = read_slice(&in, read_u8(&in));
		if (in.ran_out)
			return body.len == 0;
		h->formats = span_of(h, list);
		return true;
	case EXT_SIG_ALGS:
		return list16(h, body, &h->sig_algs);
	case EXT_ALPN:
		return list16(h, body, &h->alpn);
	case EXT_TICKET:
		h->ticket = body.len != 0;
		return true;
	case EXT_EARLY_DATA:
		h->early_data = client;
		return true;
	case EXT_VERSIONS:
		versions(h, client, body);
		return true;
	default:
		return true;
	}
}

static bool extensions(struct tls_hello *h, bool client, struct reader *in)
{
	struct reader list = read_sub(in, read_be16(in));

	if (in->ran_out)
		return false;
	h->extensions = span_of(h, slice_of(list.at, reader_left(&list)));
	while (reader_left(&list) > 0) {
		const uint16_t type = read_be16(&list);
		const struct slice body = read_slice(&list, read_be16(&list));

		if (list.ran_out || !extension(h, client, type, body))
			return false;
	}
	return true;
}

enum parse tls_hello_parse(struct tls_hello *h, struct budget *budget, bool client, struct slice data)
{
	struct reader in;

	if (!bytes_append(&h->raw, budget, data.data, data.len))
		return PARSE_BAD;
	in = reader_slice(bytes_slice(&h->raw));
	h->version = read_be16(&in);
	h->random = span_of(h, read_slice(&in, TLS_RANDOM_LEN));
	if (!client && (h->version == TLS_1_3 || (h->version >= TLS_1_3_DRAFTS && h->version < TLS_1_3_DRAFT_22))) {
		/* until draft 22 the server's hello had neither session nor compression */
		h->ciphers = span_of(h, read_slice(&in, 2));
	} else {
		h->session = span_of(h, read_slice(&in, read_u8(&in)));
		h->ciphers = span_of(h, read_slice(&in, client ? read_be16(&in) : 2));
		reader_skip(&in, client ? read_u8(&in) : 1);
	}
	if (!in.ran_out && (reader_left(&in) == 0 || extensions(h, client, &in)))
		return PARSE_OK;
	if (!(h->oddities & (HELLO_SNI_TYPE | HELLO_SNI_TWICE | HELLO_SNI_LENGTH)))
		h->oddities |= HELLO_LENGTH;
	return PARSE_BAD;
}

void tls_hello_fini(struct tls_hello *h, struct budget *budget)
{
	bytes_fini(&h->raw, budget);
}

bool tls_alpn_at(const struct tls_hello *h, unsigned i, struct slice *out)
{
	struct reader in = reader_slice(tls_span_slice(h, h->alpn));

	do {
		*out = read_slice(&in, read_u8(&in));
		if (in.ran_out)
			return false;
	} while (i-- > 0);
	return true;
}

bool tls_extension_next(const struct tls_hello *h, uint32_t *at, uint16_t *type)
{
	const struct slice all = tls_span_slice(h, h->extensions);
	struct reader in = reader_slice(slice_skip(all, *at));

	*type = read_be16(&in);
	reader_skip(&in, read_be16(&in));
	if (in.ran_out)
		return false;
	*at += (uint32_t)reader_pos(&in);
	return true;
}

const char *tls_version_text(uint16_t version, char text[24])
{
	switch (version) {
	case 0:         return "UNDETERMINED";
	case SSL_2:     return "SSLv2";
	case SSL_3:     return "SSLv3";
	case TLS_1_0:   return "TLSv1";
	case TLS_1_1:   return "TLS 1.1";
	case TLS_1_2:   return "TLS 1.2";
	case TLS_1_3:   return "TLS 1.3";
	case 0x7f01:    return "TLS 1.3 draft-<16";
	case 0xfb17:    return "TLS 1.3 draft-23-fb";
	case 0xfb1a:    return "TLS 1.3 draft-26-fb";
	}
	if (version >= 0x7f10 && version <= 0x7f1c)
		snprintf(text, 24, "TLS 1.3 draft-%u", version & 0xff);
	else
		snprintf(text, 24, "0x%04x", version);
	return text;
}
