/* record.c - EVE's tls object: basic, extended, or the members that a configuration lists. */
#include <stdlib.h>
#include <strings.h>

#include "analyzers/tls/tls.h"
#include "base/must.h"

enum member {
	MEMBER_VERSION = 1 << 0, MEMBER_SUBJECT = 1 << 1, MEMBER_ISSUER = 1 << 2, MEMBER_SERIAL = 1 << 3,
	MEMBER_FINGERPRINT = 1 << 4, MEMBER_NOT_BEFORE = 1 << 5, MEMBER_NOT_AFTER = 1 << 6, MEMBER_SNI = 1 << 7,
	MEMBER_CERTIFICATE = 1 << 8, MEMBER_CHAIN = 1 << 9, MEMBER_RESUMED = 1 << 10, MEMBER_JA3 = 1 << 11,
	MEMBER_JA3S = 1 << 12, MEMBER_CLIENT = 1 << 13, MEMBER_CLIENT_CERTIFICATE = 1 << 14,
	MEMBER_CLIENT_CHAIN = 1 << 15, MEMBER_JA4 = 1 << 16, MEMBER_ALT_NAMES = 1 << 17, MEMBER_CLIENT_ALPNS = 1 << 18,
	MEMBER_SERVER_ALPNS = 1 << 19, MEMBER_CLIENT_HANDSHAKE = 1 << 20, MEMBER_SERVER_HANDSHAKE = 1 << 21,
};

static const struct {
	const char *name;
	uint32_t member;
} names[] = {
	{ "version", MEMBER_VERSION }, { "subject", MEMBER_SUBJECT }, { "issuer", MEMBER_ISSUER },
	{ "serial", MEMBER_SERIAL }, { "fingerprint", MEMBER_FINGERPRINT }, { "not_before", MEMBER_NOT_BEFORE },
	{ "not_after", MEMBER_NOT_AFTER }, { "sni", MEMBER_SNI }, { "certificate", MEMBER_CERTIFICATE },
	{ "chain", MEMBER_CHAIN }, { "session_resumed", MEMBER_RESUMED }, { "ja3", MEMBER_JA3 }, { "ja3s", MEMBER_JA3S },
	{ "client", MEMBER_CLIENT }, { "client_certificate", MEMBER_CLIENT_CERTIFICATE },
	{ "client_chain", MEMBER_CLIENT_CHAIN }, { "ja4", MEMBER_JA4 }, { "subjectaltname", MEMBER_ALT_NAMES },
	{ "client_alpns", MEMBER_CLIENT_ALPNS }, { "server_alpns", MEMBER_SERVER_ALPNS },
	{ "client_handshake", MEMBER_CLIENT_HANDSHAKE }, { "server_handshake", MEMBER_SERVER_HANDSHAKE },
};

#define BASIC (MEMBER_SUBJECT | MEMBER_ISSUER | MEMBER_ALT_NAMES | MEMBER_RESUMED)
#define EXTENDED                                                                                          \
	(BASIC | MEMBER_VERSION | MEMBER_SERIAL | MEMBER_FINGERPRINT | MEMBER_NOT_BEFORE | MEMBER_NOT_AFTER | \
	 MEMBER_SNI | MEMBER_JA3 | MEMBER_JA3S | MEMBER_JA4 | MEMBER_CLIENT_ALPNS | MEMBER_SERVER_ALPNS)

struct options {
	uint32_t members;
	uint32_t demanded;              /* JA3 and JA3S that are made for this record if nobody else did */
	bool resumption;                /* resumed sessions have a record, though they have no certificate */
};

static const struct options for_alerts = { .members = EXTENDED, .resumption = true };

static void custom_load(struct options *o, const struct conf *list)
{
	o->members = 0;
	for (const struct conf *c = list->first; c != NULL; c = c->next)
		for (size_t i = 0; c->value != NULL && i < ARRAY_LEN(names); i++)
			if (strcasecmp(names[i].name, c->value) == 0)
				o->members |= names[i].member;
	o->demanded = o->members & (MEMBER_JA3 | MEMBER_JA3S);
}

void *tls_record_options(const struct conf *type)
{
	struct options *o = malloc(sizeof(*o));
	const struct conf *custom = type ? conf_find(type, "custom") : NULL;

	if (o == NULL)
		return NULL;
	*o = (struct options){ .members = BASIC, .resumption = type != NULL };
	if (type == NULL)
		return o;
	if (conf_bool(type, "extended", false))
		o->members = EXTENDED;
	if (custom != NULL)
		custom_load(o, custom);
	o->resumption = conf_bool(type, "session-resumption", true);
	if (conf_find(type, "ja4") != NULL) {
		o->members &= ~(uint32_t)MEMBER_JA4;
		if (conf_bool(type, "ja4", false))
			o->members |= MEMBER_JA4;
	}
	return o;
}

void tls_record_options_free(void *options)
{
	free(options);
}

static void json_time(struct json *j, const char *key, int64_t seconds)
{
	char text[X509_TIME_MAX];

	x509_time_text(seconds, text);
	json_str(j, key, text);
}

static void json_alt_names(struct json *j, const struct x509 *x)
{
	struct slice name;

	if (x->name_count == 0)
		return;
	json_array(j, "subjectaltname");
	for (uint32_t i = 0; x509_name_at(x, i, &name); i++)
		json_slice(j, NULL, name);
	json_close(j);
}

static void json_certificate(struct json *j, const struct tls_peer *p)
{
	struct slice der;

	if (tls_cert_at(p, 0, &der))
		json_base64(j, "certificate", der.data, der.len);
}

static void json_chain(struct json *j, const struct tls_peer *p)
{
	struct slice der;

	if (p->cert_count == 0)
		return;
	json_array(j, "chain");
	for (uint32_t i = 0; tls_cert_at(p, i, &der); i++)
		json_base64(j, NULL, der.data, der.len);
	json_close(j);
}

/* What a certificate says; members by the server's names for them. */
static void json_x509(struct analysis *a, struct json *j, struct tls_peer *p, uint32_t members)
{
	const struct x509 *x = &p->x509;

	if (!p->has_cert)
		return;
	if (members & MEMBER_SUBJECT)
		json_slice(j, "subject", x509_text(x, x->subject));
	if (members & MEMBER_ISSUER)
		json_slice(j, "issuerdn", x509_text(x, x->issuer));
	if (members & MEMBER_ALT_NAMES)
		json_alt_names(j, x);
	if (members & MEMBER_SERIAL)
		json_slice(j, "serial", x509_text(x, x->serial));
	if (members & MEMBER_FINGERPRINT)
		json_str(j, "fingerprint", tls_fingerprint(a, p));
}

static void json_validity(struct json *j, const struct tls_peer *p, uint32_t members)
{
	if (!p->has_cert)
		return;
	if (members & MEMBER_NOT_BEFORE)
		json_time(j, "notbefore", p->x509.not_before);
	if (members & MEMBER_NOT_AFTER)
		json_time(j, "notafter", p->x509.not_after);
}

/* Fingerprints are written where the configuration or a rule has asked for them. */
static void json_ja(struct analysis *a, struct json *j, const struct options *o, struct tls_tx *tx)
{
	static const struct {
		const char *key;
		uint32_t member;
	} rows[] = { [TO_SERVER] = { "ja3", MEMBER_JA3 }, [TO_CLIENT] = { "ja3s", MEMBER_JA3S } };
	const struct tls_settings *settings = a->settings;
	struct slice hash, text;

	for (unsigned side = 0; side < 2; side++) {
		if (!(o->members & rows[side].member) ||
		    (!(o->demanded & rows[side].member) && !settings->ja3_on && tx->peers[side].ja3.len == 0))
			continue;
		if (!tls_ja3(a, tx, side, &text) || !tls_ja3_md5(a, tx, side, &hash))
			continue;
		json_object(j, rows[side].key);
		json_slice(j, "hash", hash);
		json_slice(j, "string", text);
		json_close(j);
	}
	if (o->members & MEMBER_JA4 && tls_ja4_of(a, tx, &hash))
		json_slice(j, "ja4", hash);
}

static void json_alpns(struct json *j, const char *key, const struct tls_hello *h)
{
	struct slice name;

	if (!tls_alpn_at(h, 0, &name))
		return;
	json_array(j, key);
	for (unsigned i = 0; tls_alpn_at(h, i, &name); i++)
		json_slice(j, NULL, name);
	json_close(j);
}

static void json_list(struct json *j, const char *key, struct slice list)
{
	struct reader in = reader_slice(list);

	json_array(j, key);
	while (reader_left(&in) >= 2) {
		const uint16_t v = read_be16(&in);

		if (!tls_is_grease(v))
			json_uint(j, NULL, v);
	}
	json_close(j);
}

static void json_extensions(struct json *j, const struct tls_hello *h)
{
	uint32_t at = 0;
	uint16_t type;

	json_array(j, "exts");
	while (tls_extension_next(h, &at, &type))
		if (!tls_is_grease(type))
			json_uint(j, NULL, type);
	json_close(j);
}

static void json_handshake(struct json *j, const struct tls_peer *p, bool client)
{
	const struct tls_hello *h = &p->hello;
	const struct slice ciphers = tls_span_slice(h, h->ciphers);
	char text[24];

	if (!p->has_hello)
		return;
	json_object(j, client ? "client_handshake" : "server_handshake");
	json_str(j, "version", tls_version_text(h->chosen ? h->chosen : h->version, text));
	if (client)
		json_list(j, "ciphers", ciphers);
	else if (ciphers.len == 2)
		json_uint(j, "cipher", load_be16(ciphers.data));
	json_extensions(j, h);
	if (client)
		json_list(j, "sig_algs", tls_span_slice(h, h->sig_algs));
	json_close(j);
}

static void json_client(struct analysis *a, struct json *j, const struct options *o, struct tls_peer *p)
{
	if (p->cert_count == 0)
		return;
	json_object(j, "client");
	if (o->members & MEMBER_CLIENT) {
		json_x509(a, j, p, MEMBER_SUBJECT | MEMBER_ISSUER | MEMBER_SERIAL | MEMBER_FINGERPRINT);
		json_validity(j, p, MEMBER_NOT_BEFORE | MEMBER_NOT_AFTER);
	}
	if (o->members & MEMBER_CLIENT_CERTIFICATE)
		json_certificate(j, p);
	if (o->members & MEMBER_CLIENT_CHAIN)
		json_chain(j, p);
	json_close(j);
}

static void json_members(struct analysis *a, struct json *j, const struct options *o, struct tls_tx *tx)
{
	struct tls_peer *client = &tx->peers[TO_SERVER], *server = &tx->peers[TO_CLIENT];
	const uint32_t m = o->members;
	char text[24];

	json_x509(a, j, server, m & (MEMBER_SUBJECT | MEMBER_ISSUER | MEMBER_ALT_NAMES));
	if (m & MEMBER_RESUMED && tx->resumed)
		json_bool(j, "session_resumed", true);
	json_x509(a, j, server, m & (MEMBER_SERIAL | MEMBER_FINGERPRINT));
	if (m & MEMBER_SNI && client->hello.sni.len)
		json_slice(j, "sni", tls_span_slice(&client->hello, client->hello.sni));
	if (m & MEMBER_VERSION)
		json_str(j, "version", tls_version_text(server->version ? server->version : client->version, text));
	json_validity(j, server, m);
	if (m & MEMBER_CERTIFICATE)
		json_certificate(j, server);
	if (m & MEMBER_CHAIN)
		json_chain(j, server);
	json_ja(a, j, o, tx);
	if (m & MEMBER_CLIENT_ALPNS)
		json_alpns(j, "client_alpns", &client->hello);
	if (m & MEMBER_SERVER_ALPNS)
		json_alpns(j, "server_alpns", &server->hello);
	if (m & (MEMBER_CLIENT | MEMBER_CLIENT_CERTIFICATE | MEMBER_CLIENT_CHAIN))
		json_client(a, j, o, client);
	if (m & MEMBER_CLIENT_HANDSHAKE)
		json_handshake(j, client, true);
	if (m & MEMBER_SERVER_HANDSHAKE)
		json_handshake(j, server, false);
}

/* There is a certificate, or a reason why there is none: TLS 1.3, a resumed session, a server that never answered. */
static bool worth_recording(const struct tls_tx *tx, const struct options *o)
{
	const struct tls_peer *server = &tx->peers[TO_CLIENT];

	return server->has_cert || tx->no_cert_needed || (tx->resumed && o->resumption) ||
	       (tx->peers[TO_SERVER].has_hello && server->version == 0);
}

bool tls_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	struct tls_tx *t = (struct tls_tx *)tx;
	const struct options *o = req->alert || req->options == NULL ? &for_alerts : req->options;

	if (!req->alert && !worth_recording(t, o))
		return false;
	json_object(j, "tls");
	json_members(a, j, o, t);
	if (!req->alert && a->original != NULL)
		json_str(j, "from_proto", a->original->name);
	json_close(j);
	return true;
}
