/* fields.c - what rules can ask of a TLS connection. A buffer that both sides have (a certificate, a
 * random) is that of the side whose direction is being looked at. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "analyzers/tls/tls.h"
#include "base/must.h"

static struct tls_peer *peer(struct tx *tx, enum side side)
{
	return &((struct tls_tx *)tx)->peers[side];
}

static bool give(struct field_value *out, struct slice bytes)
{
	out->bytes = bytes;
	out->complete = true;
	return true;
}

#define GETTER(name) \
	static bool name(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)

GETTER(get_sni)
{
	const struct tls_hello *h = &peer(tx, TO_SERVER)->hello;

	(void)a;
	(void)side;
	return index == 0 && h->sni.len && give(out, tls_span_slice(h, h->sni));
}

GETTER(get_subject)
{
	const struct x509 *x = &peer(tx, side)->x509;

	(void)a;
	return index == 0 && x->subject.there && give(out, x509_text(x, x->subject));
}

GETTER(get_issuer)
{
	const struct x509 *x = &peer(tx, side)->x509;

	(void)a;
	return index == 0 && x->issuer.there && give(out, x509_text(x, x->issuer));
}

GETTER(get_serial)
{
	const struct x509 *x = &peer(tx, side)->x509;

	(void)a;
	return index == 0 && x->serial.there && give(out, x509_text(x, x->serial));
}

GETTER(get_fingerprint)
{
	struct tls_peer *p = peer(tx, side);

	return index == 0 && p->has_cert && give(out, slice_str(tls_fingerprint(a, p)));
}

GETTER(get_certs)
{
	struct slice der;

	(void)a;
	return tls_cert_at(peer(tx, side), index, &der) && give(out, der);
}

GETTER(get_alt_name)
{
	struct slice name;

	(void)a;
	return x509_name_at(&peer(tx, side)->x509, index, &name) && give(out, name);
}

GETTER(get_alpn)
{
	struct slice name;

	(void)a;
	return tls_alpn_at(&peer(tx, side)->hello, index, &name) && give(out, name);
}

/* A part of the random, whose first four bytes once were the time. */
static bool random_part(struct tx *tx, enum side side, size_t from, size_t to, struct field_value *out)
{
	const struct tls_hello *h = &peer(tx, side)->hello;
	const struct slice all = tls_span_slice(h, h->random);

	return all.len == TLS_RANDOM_LEN && give(out, slice_of(all.data + from, to - from));
}

GETTER(get_random)
{
	(void)a;
	return index == 0 && random_part(tx, side, 0, TLS_RANDOM_LEN, out);
}

GETTER(get_random_time)
{
	(void)a;
	return index == 0 && random_part(tx, side, 0, 4, out);
}

GETTER(get_random_bytes)
{
	(void)a;
	return index == 0 && random_part(tx, side, 4, TLS_RANDOM_LEN, out);
}

GETTER(get_ja3_hash)
{
	(void)side;
	return index == 0 && tls_ja3_md5(a, (struct tls_tx *)tx, TO_SERVER, &out->bytes) && give(out, out->bytes);
}

GETTER(get_ja3_string)
{
	(void)side;
	return index == 0 && tls_ja3(a, (struct tls_tx *)tx, TO_SERVER, &out->bytes) && give(out, out->bytes);
}

GETTER(get_ja3s_hash)
{
	(void)side;
	return index == 0 && tls_ja3_md5(a, (struct tls_tx *)tx, TO_CLIENT, &out->bytes) && give(out, out->bytes);
}

GETTER(get_ja3s_string)
{
	(void)side;
	return index == 0 && tls_ja3(a, (struct tls_tx *)tx, TO_CLIENT, &out->bytes) && give(out, out->bytes);
}

GETTER(get_ja4)
{
	(void)side;
	return index == 0 && tls_ja4_of(a, (struct tls_tx *)tx, &out->bytes) && give(out, out->bytes);
}

GETTER(get_chain_len)
{
	(void)a;
	out->number = peer(tx, side)->cert_count;
	return index == 0;
}

GETTER(get_expired)
{
	const struct tls_peer *p = peer(tx, TO_CLIENT);

	(void)side;
	(void)out;
	return index == 0 && p->has_cert && (int64_t)(a->time_ns / 1000000000) > p->x509.not_after;
}

GETTER(get_valid)
{
	const struct tls_peer *p = peer(tx, TO_CLIENT);
	const int64_t now = (int64_t)(a->time_ns / 1000000000);

	(void)side;
	(void)out;
	return index == 0 && p->has_cert && now >= p->x509.not_before && now <= p->x509.not_after;
}

/* Storing is the output's: here it is only said whether there is something to store. */
GETTER(get_store)
{
	(void)a;
	(void)out;
	return index == 0 && peer(tx, side)->cert_count > 0;
}

/* ---- dates: "<2025", "2015-10-01<>2016" ---- */

struct date_test {
	int64_t from, to;               /* inclusive */
};

/* YYYY[-MM[-DD[Thh[:mm[:ss]]]]]; false where it isn't one. */
static bool date_read(const char **text, int64_t *out)
{
	static const int days_before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	int y, month = 1, day = 1, hour = 0, minute = 0, second = 0, n = 0;
	const char *p = *text;
	int64_t days;

	if (sscanf(p, "%4d%n", &y, &n) != 1 || n != 4)
		return false;
	p += n;
	if (sscanf(p, "-%2d%n", &month, &n) == 1) {
		p += n;
		if (sscanf(p, "-%2d%n", &day, &n) == 1) {
			p += n;
			if ((*p == 'T' || *p == ' ') && sscanf(p + 1, "%2d%n", &hour, &n) == 1) {
				p += 1 + n;
				if (sscanf(p, ":%2d%n", &minute, &n) == 1) {
					p += n;
					if (sscanf(p, ":%2d%n", &second, &n) == 1)
						p += n;
				}
			}
		}
	}
	if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
		return false;
	days = (int64_t)(y - 1970) * 365 + (y - 1969) / 4 - (y - 1901) / 100 + (y - 1601) / 400;
	days += days_before[month - 1] + day - 1;
	if (month > 2 && ((y % 4 == 0 && y % 100 != 0) || y % 400 == 0))
		days++;
	*out = days * 86400 + hour * 3600 + minute * 60 + second;
	*text = p;
	return true;
}

static void *date_parse(const char *argument, const char **error)
{
	struct date_test *t = malloc(sizeof(*t));
	const char *p = argument;
	char comparison = 0;
	int64_t v;

	if (t == NULL)
		return NULL;
	while (*p == ' ')
		p++;
	if (*p == '<' || *p == '>')
		comparison = *p++;
	while (*p == ' ')
		p++;
	if (!date_read(&p, &v))
		goto bad;
	*t = (struct date_test){ .from = v, .to = v };
	if (comparison == '<')
		*t = (struct date_test){ .from = INT64_MIN, .to = v - 1 };
	else if (comparison == '>')
		*t = (struct date_test){ .from = v + 1, .to = INT64_MAX };
	while (*p == ' ')
		p++;
	if (comparison == 0 && p[0] == '<' && p[1] == '>') {
		p += 2;
		while (*p == ' ')
			p++;
		if (!date_read(&p, &t->to))
			goto bad;
	}
	while (*p == ' ')
		p++;
	if (*p == '\0' && t->from <= t->to)
		return t;
bad:
	*error = "not a date: write YYYY-MM-DD, <YYYY, >YYYY-MM-DDThh:mm:ss or FROM<>TO";
	free(t);
	return NULL;
}

static bool not_before_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	const struct date_test *t = parsed;
	const struct tls_peer *p = peer(tx, TO_CLIENT);

	(void)a;
	(void)side;
	return p->has_cert && p->x509.not_before >= t->from && p->x509.not_before <= t->to;
}

static bool not_after_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	const struct date_test *t = parsed;
	const struct tls_peer *p = peer(tx, TO_CLIENT);

	(void)a;
	(void)side;
	return p->has_cert && p->x509.not_after >= t->from && p->x509.not_after <= t->to;
}

/* ---- versions and states, by name ---- */

struct names_test {
	uint32_t yes, no;               /* bits: one of these, none of those */
	uint16_t number;                /* a version as it stands on the wire, or 0 */
};

static const struct {
	const char *name;
	uint16_t version;
} versions[] = {
	{ "sslv2", SSL_2 }, { "sslv3", SSL_3 }, { "tls1.0", TLS_1_0 }, { "tls1.1", TLS_1_1 }, { "tls1.2", TLS_1_2 },
	{ "tls1.3", TLS_1_3 },
};

static const struct {
	const char *name;
	uint32_t bit;
} states[] = {
	{ "client_hello", SEEN_CLIENT_HELLO }, { "server_hello", SEEN_SERVER_HELLO },
	{ "client_keyx", SEEN_CLIENT_KEY }, { "server_keyx", SEEN_SERVER_KEY }, { "unknown", 1u << 31 },
};

static uint32_t version_bit(const char *word, size_t len)
{
	for (unsigned i = 0; i < ARRAY_LEN(versions); i++)
		if (strlen(versions[i].name) == len && strncasecmp(versions[i].name, word, len) == 0)
			return 1u << i;
	return 0;
}

static uint32_t state_bit(const char *word, size_t len)
{
	for (unsigned i = 0; i < ARRAY_LEN(states); i++)
		if (strlen(states[i].name) == len && strncasecmp(states[i].name, word, len) == 0)
			return states[i].bit;
	return 0;
}

/* Words between commas or bars, each with a ! before it or not. */
static void *names_parse(const char *p, uint32_t (*bit_of)(const char *, size_t))
{
	struct names_test *t = calloc(1, sizeof(*t));

	while (t != NULL && *p) {
		bool negated;
		uint32_t bit;
		size_t len;

		p += strspn(p, " ,|");
		negated = *p == '!';
		p += negated;
		len = strcspn(p, " ,|");
		bit = bit_of(p, len);
		if (bit == 0) {
			free(t);
			return NULL;
		}
		*(negated ? &t->no : &t->yes) |= bit;
		p += len;
		p += strspn(p, " ");
	}
	return t;
}

static void *ssl_version_parse(const char *argument, const char **error)
{
	*error = "not a list of sslv2, sslv3, tls1.0, tls1.1, tls1.2, tls1.3";
	return *argument ? names_parse(argument, version_bit) : NULL;
}

static void *ssl_state_parse(const char *argument, const char **error)
{
	*error = "not a list of client_hello, server_hello, client_keyx, server_keyx, unknown";
	return *argument ? names_parse(argument, state_bit) : NULL;
}

static bool ssl_version_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	const struct names_test *t = parsed;
	const uint16_t version = peer(tx, side)->version;
	uint32_t bit = 0;

	(void)a;
	if (version == 0)
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(versions); i++)
		if (versions[i].version == version)
			bit = 1u << i;
	if (version >> 8 == TLS_1_3_DRAFTS >> 8)
		bit = 1u << 5;
	return !(t->no & bit) && (t->yes == 0 || t->yes & bit);
}

static bool ssl_state_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	const struct names_test *t = parsed;
	uint32_t seen = (uint32_t)tx->bits;

	(void)a;
	(void)side;
	if (seen == 0)
		seen = 1u << 31;
	return !(t->no & seen) && (t->yes == 0 || t->yes & seen);
}

/* "1.2", "!1.0", "0x7f12" */
static void *version_parse(const char *argument, const char **error)
{
	struct names_test *t = calloc(1, sizeof(*t));
	char *end;
	unsigned long v;

	*error = "not a version: write 1.0, 1.1, 1.2, 1.3 or 0x0304";
	if (t == NULL)
		return NULL;
	while (*argument == ' ' || *argument == '!') {
		if (*argument++ == '!')
			t->no = 1;
	}
	if (argument[0] == '1' && argument[1] == '.' && argument[2] >= '0' && argument[2] <= '3') {
		t->number = (uint16_t)(TLS_1_0 + (argument[2] - '0'));
		argument += 3;
	} else if (strncasecmp(argument, "0x", 2) == 0) {
		v = strtoul(argument, &end, 16);
		t->number = v <= 0xffff ? (uint16_t)v : 0;
		argument = end;
	}
	argument += strspn(argument, " ");
	if (t->number != 0 && *argument == '\0')
		return t;
	free(t);
	return NULL;
}

static bool version_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	const struct names_test *t = parsed;
	const uint16_t version = peer(tx, side)->version;
	bool same = version == t->number;

	(void)a;
	if (t->number == TLS_1_3 && version >> 8 == TLS_1_3_DRAFTS >> 8)
		same = true;
	return version != 0 && same != (t->no != 0);
}

/* ---- the old keywords that look for a text, "!" before it for its absence ---- */

struct text_test {
	bool negated;
	size_t len;
	char text[];
};

static void *text_parse(const char *argument, const char **error)
{
	const bool negated = *argument == '!';
	struct text_test *t;
	size_t len;

	argument += negated;
	argument += strspn(argument, " \"");
	len = strlen(argument);
	while (len && (argument[len - 1] == '"' || argument[len - 1] == ' '))
		len--;
	*error = "needs a text to look for";
	if (len == 0)
		return NULL;
	t = malloc(sizeof(*t) + len);
	if (t == NULL)
		return NULL;
	t->negated = negated;
	t->len = len;
	memcpy(t->text, argument, len);
	return t;
}

static bool text_in(struct slice all, const struct text_test *t)
{
	const bool found = all.len >= t->len && memmem(all.data, all.len, t->text, t->len) != NULL;

	return found != t->negated;
}

static bool subject_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	const struct tls_peer *p = peer(tx, TO_CLIENT);

	(void)a;
	(void)side;
	return p->has_cert && text_in(x509_text(&p->x509, p->x509.subject), parsed);
}

static bool issuer_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	const struct tls_peer *p = peer(tx, TO_CLIENT);

	(void)a;
	(void)side;
	return p->has_cert && text_in(x509_text(&p->x509, p->x509.issuer), parsed);
}

static bool fingerprint_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	struct tls_peer *p = peer(tx, TO_CLIENT);
	const struct text_test *t = parsed;
	const char *have;

	(void)side;
	if (!p->has_cert)
		return false;
	have = tls_fingerprint(a, p);
	return (strlen(have) == t->len && strncasecmp(have, t->text, t->len) == 0) != t->negated;
}

/* ---- the table ---- */

#define BOTH (FIELD_TO_SERVER | FIELD_TO_CLIENT)
#define HELLOS { CLIENT_HELLO_DONE, SERVER_HELLO_SEEN }
#define CERTS { CLIENT_CERT_DONE, SERVER_CERT_DONE }
#define BUFFER(keyword, more, where, since, getter, text)                                              \
	{                                                                                              \
		.name = keyword, .aliases = more, .type = FIELD_BYTES, .flags = where, .progress = since, \
		.get = getter, .summary = text                                                         \
	}
#define TEST(keyword, more, where, since, parse, judge, text)                                          \
	{                                                                                              \
		.name = keyword, .aliases = more, .type = FIELD_TEST, .flags = where, .progress = since,  \
		.test_parse = parse, .test = judge, .test_free = free, .summary = text                 \
	}
#define BRACES(...) { __VA_ARGS__ }

const struct field tls_fields[] = {
	BUFFER("tls.sni", "tls_sni", FIELD_TO_SERVER, HELLOS, get_sni, "host that the client asks for"),
	BUFFER("tls.cert_subject", "tls_cert_subject", BOTH, CERTS, get_subject, "subject of the certificate"),
	BUFFER("tls.cert_issuer", "tls_cert_issuer", BOTH, CERTS, get_issuer, "issuer of the certificate"),
	BUFFER("tls.cert_serial", "tls_cert_serial", BOTH, CERTS, get_serial, "serial number of the certificate"),
	BUFFER("tls.cert_fingerprint", "tls_cert_fingerprint", BOTH, CERTS, get_fingerprint,
	       "SHA-1 of the certificate, lower-case hex with colons"),
	BUFFER("tls.certs", "tls_certs", BOTH | FIELD_MULTI, CERTS, get_certs, "each certificate of the chain, in DER"),
	BUFFER("tls.subjectaltname", NULL, BOTH | FIELD_MULTI, CERTS, get_alt_name,
	       "each subjectAltName of the certificate"),
	BUFFER("tls.alpn", NULL, BOTH | FIELD_MULTI, HELLOS, get_alpn, "each protocol offered, or the one chosen"),
	BUFFER("tls.random", "tls_random", BOTH, HELLOS, get_random, "the hello's 32 random bytes"),
	BUFFER("tls.random_time", "tls_random_time", BOTH, HELLOS, get_random_time, "the first 4 of them"),
	BUFFER("tls.random_bytes", "tls_random_bytes", BOTH, HELLOS, get_random_bytes, "the other 28"),
	BUFFER("ja3.hash", "ja3_hash", FIELD_TO_SERVER | FIELD_LOWER, HELLOS, get_ja3_hash, "JA3 of the client"),
	BUFFER("ja3.string", "ja3_string", FIELD_TO_SERVER, HELLOS, get_ja3_string, "what the JA3 is made of"),
	BUFFER("ja3s.hash", "ja3s_hash", FIELD_TO_CLIENT | FIELD_LOWER, HELLOS, get_ja3s_hash, "JA3S of the server"),
	BUFFER("ja3s.string", "ja3s_string", FIELD_TO_CLIENT, HELLOS, get_ja3s_string, "what the JA3S is made of"),
	BUFFER("ja4.hash", "ja4_hash", FIELD_TO_SERVER, HELLOS, get_ja4, "JA4 of the client"),
	{ .name = "tls.cert_chain_len", .aliases = "tls_cert_chain_len", .type = FIELD_UINT, .width = 32, .flags = BOTH,
	  .progress = CERTS, .get = get_chain_len, .summary = "how many certificates the chain has" },
	{ .name = "tls_cert_expired", .type = FIELD_FLAG, .flags = FIELD_TO_CLIENT, .progress = CERTS,
	  .get = get_expired, .summary = "the server's certificate has expired" },
	{ .name = "tls_cert_valid", .type = FIELD_FLAG, .flags = FIELD_TO_CLIENT, .progress = CERTS,
	  .get = get_valid, .summary = "the time is within the server's certificate's validity" },
	{ .name = "tls.store", .aliases = "tls_store", .type = FIELD_FLAG, .flags = BOTH, .progress = CERTS,
	  .get = get_store, .summary = "there is a certificate to store" },
	TEST("tls_cert_notbefore", NULL, FIELD_TO_CLIENT, CERTS, date_parse, not_before_test,
	     "when the server's certificate begins to be valid"),
	TEST("tls_cert_notafter", NULL, FIELD_TO_CLIENT, CERTS, date_parse, not_after_test,
	     "when the server's certificate ceases to be valid"),
	TEST("tls.version", NULL, BOTH, HELLOS, version_parse, version_test, "version of the protocol"),
	TEST("ssl_version", NULL, BOTH, BRACES(0, 0), ssl_version_parse, ssl_version_test,
	     "version of the protocol, of several"),
	TEST("ssl_state", NULL, BOTH, BRACES(0, 0), ssl_state_parse, ssl_state_test,
	     "which messages of the handshake were seen"),
	TEST("tls.subject", NULL, FIELD_TO_CLIENT, CERTS, text_parse, subject_test, "text in the server's subject"),
	TEST("tls.issuerdn", NULL, FIELD_TO_CLIENT, CERTS, text_parse, issuer_test, "text in the server's issuer"),
	TEST("tls.fingerprint", NULL, FIELD_TO_CLIENT, CERTS, text_parse, fingerprint_test,
	     "the server's certificate's SHA-1"),
};

_Static_assert(ARRAY_LEN(tls_fields) == TLS_FIELDS, "TLS_FIELDS is how many rows there are");
