/* json.c - parts of DNS records in EVE, and the form that mdns and llmnr have in common. */
#include <ctype.h>

#include "analyzers/dns/message.h"
#include "base/must.h"
#include "stack/wire/ip.h"

#define TYPE_TEXT_MAX 16

void dns_json_address(struct json *j, const char *key, struct slice data)
{
	char text[IP_TEXT_MAX] = "";
	struct ip_addr a = { 0 };

	if (data.len == 4 || data.len == 16) {
		memcpy(a.bytes, data.data, data.len);
		ip_addr_text(&a, data.len == 4 ? 4 : 6, text);
	}
	json_str(j, key, text);
}

void dns_json_soa(struct json *j, const char *key, const struct dns_message *m, const struct dns_record *r)
{
	struct reader in = reader_slice(dns_data(m, r));

	json_object(j, key);
	json_slice(j, "mname", dns_text(m, r->target));
	if (r->target.cut)
		json_bool(j, "mname_truncated", true);
	json_slice(j, "rname", dns_text(m, r->mailbox));
	if (r->mailbox.cut)
		json_bool(j, "rname_truncated", true);
	json_uint(j, "serial", read_be32(&in));
	json_uint(j, "refresh", read_be32(&in));
	json_uint(j, "retry", read_be32(&in));
	json_uint(j, "expire", read_be32(&in));
	json_uint(j, "minimum", read_be32(&in));
	json_close(j);
}

void dns_json_srv(struct json *j, const char *key, const struct dns_message *m, const struct dns_record *r)
{
	struct reader in = reader_slice(dns_data(m, r));

	json_object(j, key);
	json_uint(j, "priority", read_be16(&in));
	json_uint(j, "weight", read_be16(&in));
	json_uint(j, "port", read_be16(&in));
	json_slice(j, "name", dns_text(m, r->target));
	if (r->target.cut)
		json_bool(j, "name_truncated", true);
	json_close(j);
}

void dns_json_sshfp(struct json *j, const char *key, const struct dns_message *m, const struct dns_record *r)
{
	const struct slice data = dns_data(m, r);

	json_object(j, key);
	json_hex(j, "fingerprint", data.data + 2, data.len - 2, ':');
	json_uint(j, "algo", data.data[0]);
	json_uint(j, "type", data.data[1]);
	json_close(j);
}

void dns_json_opt(struct json *j, const char *key, const struct dns_message *m, const struct dns_record *r)
{
	struct reader in = reader_slice(dns_data(m, r));

	json_array(j, key);
	while (reader_left(&in) > 0 && !in.ran_out) {
		const uint16_t code = read_be16(&in);
		const struct slice data = read_slice(&in, read_be16(&in));

		json_object(j, NULL);
		json_uint(j, "code", code);
		json_hex(j, "data", data.data, data.len, 0);
		json_close(j);
	}
	json_close(j);
}

bool dns_is_empty_opt(const struct dns_record *r)
{
	return r->type == DNS_OPT && r->data_len == 0;
}

/* ---- mdns, llmnr ---- */

static const char *type_lower(uint16_t type, char out[TYPE_TEXT_MAX])
{
	const char *name = dns_type_name(type);
	size_t i = 0;

	if (name == NULL) {
		snprintf(out, TYPE_TEXT_MAX, "%u", type);
		return out;
	}
	for (; name[i] != '\0' && i < TYPE_TEXT_MAX - 1; i++)
		out[i] = (char)tolower((unsigned char)name[i]);
	out[i] = '\0';
	return out;
}

/* Writes record i and, of a TXT, the strings that follow it; returns how many records that were. */
static uint32_t local_record(struct json *j, const struct dns_message *m, enum dns_section s, uint32_t i)
{
	const struct dns_record *r = dns_record_at(m, s, i);
	char type[TYPE_TEXT_MAX];
	uint32_t used = 1;

	type_lower(r->type, type);
	json_object(j, NULL);
	json_slice(j, "rrname", dns_text(m, r->name));
	if (r->name.cut)
		json_bool(j, "rrname_truncated", true);
	switch (r->type) {
	case DNS_A:
	case DNS_AAAA:
		dns_json_address(j, type, dns_data(m, r));
		break;
	case DNS_TXT:
		json_array(j, type);
		json_slice(j, NULL, dns_data(m, r));
		for (const struct dns_record *n = dns_record_at(m, s, i + 1);
		     n != NULL && n->type == DNS_TXT && n->name.at == r->name.at &&
		     n->data_at == n[-1].data_at + n[-1].data_len + 1; n = dns_record_at(m, s, i + used)) {
			json_slice(j, NULL, dns_data(m, n));
			used++;
		}
		json_close(j);
		break;
	case DNS_SOA:
		dns_json_soa(j, type, m, r);
		break;
	case DNS_SRV:
		dns_json_srv(j, type, m, r);
		break;
	case DNS_SSHFP:
		dns_json_sshfp(j, type, m, r);
		break;
	case DNS_OPT:
		dns_json_opt(j, type, m, r);
		break;
	default:
		if (!dns_has_target(r->type)) {
			json_slice(j, type, dns_data(m, r));
			break;
		}
		json_slice(j, type, dns_text(m, r->target));
		if (r->target.cut)
			json_bool(j, "rdata_truncated", true);
		break;
	}
	json_close(j);
	return used;
}

static void local_section(struct json *j, const char *key, const struct dns_message *m, enum dns_section s)
{
	const struct json_mark before = json_mark(j);
	bool any = false;

	json_array(j, key);
	for (uint32_t i = 0; i < dns_count(m, s);) {
		if (s == DNS_ADDITIONALS && dns_is_empty_opt(dns_record_at(m, s, i))) {
			i++;
			continue;
		}
		i += local_record(j, m, s, i);
		any = true;
	}
	json_close(j);
	if (!any)
		json_rewind(j, before);
}

static void local_flags(struct json *j, uint16_t flags)
{
	static const struct {
		uint16_t bit;
		const char *name;
	} rows[] = {
		{ DNS_AA, "aa" }, { DNS_TC, "tc" }, { DNS_RD, "rd" }, { DNS_RA, "ra" }, { DNS_Z, "z" },
		{ DNS_AD, "ad" }, { DNS_CD, "cd" },
	};

	if (!(flags & (DNS_AA | DNS_TC | DNS_RD | DNS_RA | DNS_Z | DNS_AD | DNS_CD)))
		return;
	json_array(j, "flags");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (flags & rows[i].bit)
			json_str(j, NULL, rows[i].name);
	json_close(j);
}

enum record_way dns_local_record_way(const struct tx *tx, const void *options)
{
	(void)options;
	return tx->one_sided == 1 + TO_CLIENT ? RECORD_TO_CLIENT : RECORD_TO_SERVER;
}

bool dns_local_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct dns_tx *t = (const struct dns_tx *)tx;
	const struct dns_message *m = &t->msg;
	char type[TYPE_TEXT_MAX];

	(void)req;
	json_object(j, a->proto->name);
	json_str(j, "type", t->response ? "response" : "request");
	json_uint(j, "id", m->id);
	local_flags(j, m->flags);
	json_uint(j, "opcode", dns_opcode(m));
	json_uint(j, "rcode", m->flags & 0xf);
	if (dns_count(m, DNS_QUERIES)) {
		json_array(j, "queries");
		for (uint32_t i = 0; i < dns_count(m, DNS_QUERIES); i++) {
			const struct dns_record *r = dns_record_at(m, DNS_QUERIES, i);

			json_object(j, NULL);
			json_slice(j, "rrname", dns_text(m, r->name));
			json_str(j, "rrtype", type_lower(r->type, type));
			if (r->name.cut)
				json_bool(j, "rrname_truncated", true);
			json_close(j);
		}
		json_close(j);
	}
	local_section(j, "answers", m, DNS_ANSWERS);
	local_section(j, "authorities", m, DNS_AUTHORITIES);
	local_section(j, "additionals", m, DNS_ADDITIONALS);
	json_close(j);
	return true;
}
