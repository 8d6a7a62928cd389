/* record.c - a QUIC packet as an EVE object. */
#include <stdio.h>
#include <stdlib.h>

#include "analyzers/quic/quic.h"
#include "base/must.h"

struct quic_options {
	bool ja4;
};

void *quic_record_options(const struct conf *type)
{
	struct quic_options *o = calloc(1, sizeof(*o));

	if (o != NULL)
		o->ja4 = conf_bool(type, "ja4", true);
	return o;
}

static const char *extension_name(uint16_t type)
{
	static const char *const names[] = {
		"server_name", "max_fragment_length", "client_certificate_url", "trusted_ca_keys", "truncated_hmac",
		"status_request", "user_mapping", "client_authz", "server_authz", "cert_type", "supported_groups",
		"ec_point_formats", "srp", "signature_algorithms", "use_srtp", "heartbeat", "alpn", "status_request_v2",
		"signed_certificate_timestamp", "client_certificate_type", "server_certificate_type", "padding",
		"encrypt_then_mac", "extended_master_secret", "token_binding", "cached_info", "tls_lts",
		"compress_certificate", "record_size_limit", "pwd_protect", "pwd_clear", "password_salt",
		"ticket_pinning", "tls_cert_with_extern_psk", "delegated_credentials", "session_ticket", "tlmsp",
		"tlmsp_proxying", "tlmsp_delegate", "supported_ekt_ciphers", NULL, "pre_shared_key", "early_data",
		"supported_versions", "cookie", "psk_key_exchange_modes", NULL, "certificate_authorities", "oid_filters",
		"post_handshake_auth", "signature_algorithms_cert", "key_share", "transparency_info",
		"connection_id_deprecated", "connection_id", "external_id_hash", "external_session_id",
		"quic_transport_parameters", "ticket_request", "dnssec_chain",
	};

	if (type < ARRAY_LEN(names))
		return names[type];
	return type == 13172 ? "next_protocol_negotiation" : type == 65281 ? "renegotiation_info" : NULL;
}

static void record_extensions(const struct tls_hello *h, struct json *j)
{
	uint32_t at = 0;
	uint16_t type;

	if (h->extensions.len == 0)
		return;
	json_array(j, "extensions");
	while (tls_extension_next(h, &at, &type)) {
		struct slice value;

		json_object(j, NULL);
		if (extension_name(type) != NULL)
			json_str(j, "name", extension_name(type));
		json_uint(j, "type", type);
		if (type == 0 && h->sni.len > 0) {
			json_array(j, "values");
			json_slice(j, NULL, tls_span_slice(h, h->sni));
			json_close(j);
		}
		if (type == 16 && tls_alpn_at(h, 0, &value)) {
			json_array(j, "values");
			for (unsigned i = 0; tls_alpn_at(h, i, &value); i++)
				json_slice(j, NULL, value);
			json_close(j);
		}
		json_close(j);
	}
	json_close(j);
}

static void record_version(uint32_t version, struct json *j)
{
	if (quic_is_google(version))
		json_printf(j, "version", "Q0%u", version - QUIC_Q043 + 43);
	else if (version == 0x51303339)
		json_str(j, "version", "Q039");
	else
		json_printf(j, "version", "%x", version);
}

static void record_fingerprints(struct analysis *a, const struct quic_tx *t, const struct quic_options *o, struct json *j)
{
	struct slice text;
	char hash[TLS_JA3_LEN], ja4[TLS_JA4_LEN];

	if (quic_cyu_at(t, 0, &text)) {
		json_array(j, "cyu");
		for (unsigned i = 0; quic_cyu_at(t, i, &text); i++) {
			tls_ja3_hash(a->app, text, hash);
			json_object(j, NULL);
			json_bytes(j, "hash", hash, sizeof(hash));
			json_slice(j, "string", text);
			json_close(j);
		}
		json_close(j);
	}
	if (t->ja3.len > 0) {
		tls_ja3_hash(a->app, bytes_slice(&t->ja3), hash);
		json_object(j, t->client ? "ja3" : "ja3s");
		json_bytes(j, "hash", hash, sizeof(hash));
		json_slice(j, "string", bytes_slice(&t->ja3));
		json_close(j);
	}
	if (o->ja4 && t->client && t->has_hello && tls_ja4(&t->hello, 'q', a->app, ja4))
		json_bytes(j, "ja4", ja4, sizeof(ja4));
}

bool quic_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct quic_tx *t = (const struct quic_tx *)tx;

	json_object(j, "quic");
	if (t->type != QUIC_SHORT) {
		record_version(t->version, j);
		if (t->has_hello && t->hello.sni.len > 0)
			json_slice(j, "sni", tls_span_slice(&t->hello, t->hello.sni));
		else if (t->sni.len > 0)
			json_slice(j, "sni", bytes_slice(&t->sni));
		if (t->ua.len > 0)
			json_slice(j, "ua", bytes_slice(&t->ua));
	}
	record_fingerprints(a, t, req->options, j);
	if (t->has_hello)
		record_extensions(&t->hello, j);
	json_close(j);
	return true;
}
