/* record.c - EVE's dns object.
 *
 * Version 3 writes a message as it was: one record a request or response. Version 2 writes a record a
 * query, and an answer as one record under the flow's addresses. Alerts always carry version 3. */
#include "analyzers/dns/record.h"

#include <stdlib.h>
#include <strings.h>

#include "base/must.h"

#define TYPES_MAX 96

struct options {
	uint8_t version;
	bool requests, responses;
	bool detailed, grouped;
	bool some_types;                /* only those listed */
	unsigned type_count;
	uint16_t types[TYPES_MAX];
};

static const struct options everything = {
	.version = 3, .requests = true, .responses = true, .detailed = true, .grouped = true,
};

static void types_load(struct options *o, const struct conf *list)
{
	if (list == NULL || !list->is_list)
		return;
	o->some_types = true;
	for (const struct conf *c = list->first; c != NULL; c = c->next) {
		for (const struct field_name *n = dns_type_names; c->value != NULL && n->text != NULL; n++)
			if (strcasecmp(n->text, c->value) == 0 && o->type_count < TYPES_MAX)
				o->types[o->type_count++] = (uint16_t)n->value;
	}
}

static void formats_load(struct options *o, const struct conf *list)
{
	if (list == NULL || list->first == NULL)
		return;
	o->detailed = o->grouped = false;
	for (const struct conf *c = list->first; c != NULL; c = c->next) {
		if (c->value != NULL && strcasecmp(c->value, "detailed") == 0)
			o->detailed = true;
		else if (c->value != NULL && strcasecmp(c->value, "grouped") == 0)
			o->grouped = true;
	}
	if (!o->detailed && !o->grouped)
		o->detailed = o->grouped = true;
}

/* The environment is the last word Suricata knows, too: its test suites choose the version there. */
static uint8_t version_load(const struct conf *type)
{
	const char *text = type ? conf_str(type, "version", NULL) : NULL;

	if (text == NULL)
		text = getenv("SURICATA_EVE_DNS_VERSION");
	return text != NULL && strcmp(text, "2") == 0 ? 2 : 3;
}

void *dns_record_options(const struct conf *type)
{
	struct options *o = malloc(sizeof(*o));

	if (o == NULL)
		return NULL;
	*o = everything;
	o->version = version_load(type);
	if (type == NULL)
		return o;
	o->requests = conf_bool(type, "requests", conf_bool(type, "query", true));
	o->responses = conf_bool(type, "responses", conf_bool(type, "answer", true));
	types_load(o, conf_find(type, "types"));
	if (!o->some_types)
		types_load(o, conf_find(type, "custom"));
	formats_load(o, conf_find(type, "formats"));
	return o;
}

void dns_record_options_free(void *options)
{
	free(options);
}

enum record_way dns_record_way(const struct tx *tx, const void *options)
{
	const struct options *o = options;

	if (o != NULL && o->version == 2)
		return RECORD_FLOW;
	return ((const struct dns_tx *)tx)->response ? RECORD_TO_CLIENT : RECORD_TO_SERVER;
}

static bool type_wanted(const struct options *o, uint16_t type)
{
	if (!o->some_types)
		return true;
	for (unsigned i = 0; i < o->type_count; i++)
		if (o->types[i] == type)
			return true;
	return false;
}

static bool wanted(const struct options *o, const struct dns_tx *tx)
{
	if (!(tx->response ? o->responses : o->requests))
		return false;
	for (uint32_t i = 0; i < dns_count(&tx->msg, DNS_QUERIES); i++)
		if (type_wanted(o, dns_record_at(&tx->msg, DNS_QUERIES, i)->type))
			return true;
	return false;
}

unsigned dns_record_parts(struct analysis *a, struct tx *tx, const void *options)
{
	const struct dns_tx *d = (struct dns_tx *)tx;
	const struct options *o = options;

	(void)a;
	if (o == NULL || o->version == 3 || d->response)
		return 1;
	return dns_count(&d->msg, DNS_QUERIES);
}

static void json_type(struct json *j, const char *key, uint16_t type)
{
	const char *name = dns_type_name(type);

	if (name != NULL)
		json_str(j, key, name);
	else
		json_printf(j, key, "%u", type);
}

static void json_name(struct json *j, const struct dns_message *m, const struct dns_record *r)
{
	json_slice(j, "rrname", dns_text(m, r->name));
}

static void json_rcode(struct json *j, uint16_t flags)
{
	const char *name = dns_rcode_name(flags);

	if (name != NULL)
		json_str(j, "rcode", name);
	else
		json_printf(j, "rcode", "%u", flags & 0xf);
}

/* A record's data under the key its kind has: rdata, or an object. key NULL: bare, for the groups. */
static void json_data(struct json *j, bool bare, const struct dns_message *m, const struct dns_record *r)
{
	const char *key = bare ? NULL : "rdata";

	switch (r->type) {
	case DNS_A:
	case DNS_AAAA:
		dns_json_address(j, key, dns_data(m, r));
		return;
	case DNS_SOA:
		dns_json_soa(j, bare ? NULL : "soa", m, r);
		return;
	case DNS_SRV:
		dns_json_srv(j, bare ? NULL : "srv", m, r);
		return;
	case DNS_SSHFP:
		dns_json_sshfp(j, bare ? NULL : "sshfp", m, r);
		return;
	case DNS_OPT:
		dns_json_opt(j, bare ? NULL : "opt", m, r);
		return;
	case DNS_TXT:
	case DNS_NULL:
		json_slice(j, key, dns_data(m, r));
		return;
	default:
		if (dns_has_target(r->type)) {
			json_slice(j, key, dns_text(m, r->target));
			if (r->target.cut && !bare)
				json_bool(j, "rdata_truncated", true);
		}
		return;
	}
}

static bool has_group(uint16_t type)
{
	return dns_has_target(type) || type == DNS_A || type == DNS_AAAA || type == DNS_TXT || type == DNS_NULL ||
	       type == DNS_SOA || type == DNS_SRV || type == DNS_SSHFP;
}

static void json_records(struct json *j, const char *key, const struct dns_message *m, enum dns_section s)
{
	const struct json_mark before = json_mark(j);
	bool any = false;

	json_array(j, key);
	for (uint32_t i = 0; i < dns_count(m, s); i++) {
		const struct dns_record *r = dns_record_at(m, s, i);

		if (s == DNS_ADDITIONALS && dns_is_empty_opt(r))
			continue;
		any = true;
		json_object(j, NULL);
		json_name(j, m, r);
		if (r->name.cut)
			json_bool(j, "rrname_truncated", true);
		json_type(j, "rrtype", r->type);
		json_uint(j, "ttl", r->ttl);
		json_data(j, false, m, r);
		json_close(j);
	}
	json_close(j);
	if (!any)
		json_rewind(j, before);
}

/* Answers by type, in the order in which types come first. Bounded by types, not by records squared: a type's
 * first record alone looks at those behind it. */
static void json_groups(struct json *j, const struct dns_message *m)
{
	uint64_t done[65536 / 64 / 16] = { 0 };         /* types below 4096; others have no group */
	const uint32_t count = dns_count(m, DNS_ANSWERS);

	json_object(j, "grouped");
	for (uint32_t i = 0; i < count; i++) {
		const uint16_t type = dns_record_at(m, DNS_ANSWERS, i)->type;

		if (!has_group(type) || done[type / 64] >> (type % 64) & 1)
			continue;
		done[type / 64] |= 1ull << (type % 64);
		json_array(j, dns_type_name(type));
		for (uint32_t k = i; k < count; k++) {
			const struct dns_record *r = dns_record_at(m, DNS_ANSWERS, k);

			if (r->type == type)
				json_data(j, true, m, r);
		}
		json_close(j);
	}
	json_close(j);
}

static void json_header(struct json *j, const struct dns_message *m)
{
	static const struct {
		uint16_t bit;
		const char *name;
	} rows[] = {
		{ DNS_RESPONSE, "qr" }, { DNS_AA, "aa" }, { DNS_TC, "tc" }, { DNS_RD, "rd" }, { DNS_RA, "ra" },
		{ DNS_Z, "z" },
	};

	json_printf(j, "flags", "%x", m->flags);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (m->flags & rows[i].bit)
			json_bool(j, rows[i].name, true);
	json_uint(j, "opcode", dns_opcode(m));
}

static void json_sections(struct json *j, const struct options *o, const struct dns_message *m)
{
	if (dns_count(m, DNS_ANSWERS) && o->detailed)
		json_records(j, "answers", m, DNS_ANSWERS);
	if (dns_count(m, DNS_ANSWERS) && o->grouped)
		json_groups(j, m);
	json_records(j, "authorities", m, DNS_AUTHORITIES);
	json_records(j, "additionals", m, DNS_ADDITIONALS);
}

static void record_3(struct json *j, const struct options *o, const struct dns_tx *tx)
{
	const struct dns_message *m = &tx->msg;

	json_object(j, "dns");
	json_uint(j, "version", 3);
	json_str(j, "type", tx->response ? "response" : "request");
	json_uint(j, "tx_id", tx->tx.id);
	json_uint(j, "id", m->id);
	json_header(j, m);
	json_rcode(j, m->flags);
	if (dns_count(m, DNS_QUERIES)) {
		json_array(j, "queries");
		for (uint32_t i = 0; i < dns_count(m, DNS_QUERIES); i++) {
			const struct dns_record *r = dns_record_at(m, DNS_QUERIES, i);

			if (!type_wanted(o, r->type))
				continue;
			json_object(j, NULL);
			json_name(j, m, r);
			json_type(j, "rrtype", r->type);
			if (r->name.cut)
				json_bool(j, "rrname_truncated", true);
			json_close(j);
		}
		json_close(j);
	}
	json_sections(j, o, m);
	json_close(j);
}

static bool record_2_query(struct json *j, const struct options *o, const struct dns_tx *tx, unsigned part)
{
	const struct dns_record *r = dns_record_at(&tx->msg, DNS_QUERIES, part);

	if (r == NULL || !type_wanted(o, r->type))
		return false;
	json_object(j, "dns");
	json_str(j, "type", "query");
	json_uint(j, "id", tx->msg.id);
	json_name(j, &tx->msg, r);
	if (r->name.cut)
		json_bool(j, "rrname_truncated", true);
	json_type(j, "rrtype", r->type);
	json_uint(j, "tx_id", tx->tx.id);
	if (tx->msg.flags & DNS_Z)
		json_bool(j, "z", true);
	json_uint(j, "opcode", dns_opcode(&tx->msg));
	json_close(j);
	return true;
}

static void record_2_answer(struct json *j, const struct options *o, const struct dns_tx *tx)
{
	const struct dns_message *m = &tx->msg;
	const struct dns_record *query = dns_record_at(m, DNS_QUERIES, 0);

	json_object(j, "dns");
	json_uint(j, "version", 2);
	json_str(j, "type", "answer");
	json_uint(j, "id", m->id);
	json_header(j, m);
	if (query != NULL) {
		json_name(j, m, query);
		if (query->name.cut)
			json_bool(j, "rrname_truncated", true);
		json_type(j, "rrtype", query->type);
	}
	json_rcode(j, m->flags);
	json_sections(j, o, m);
	json_close(j);
}

bool dns_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct dns_tx *d = (struct dns_tx *)tx;
	const struct options *o = req->alert || req->options == NULL ? &everything : req->options;

	(void)a;
	if (!req->alert && !wanted(o, d))
		return false;
	if (o->version == 3)
		record_3(j, o, d);
	else if (!d->response)
		return record_2_query(j, o, d, req->part);
	else
		record_2_answer(j, o, d);
	return true;
}
