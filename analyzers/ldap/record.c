/* record.c - an LDAP transaction as an EVE object: the request, and the answers to it. */
#include <stdio.h>

#include "analyzers/ldap/ldap.h"

static const char *word_of(const struct field_name *words, uint64_t value)
{
	while (words->text != NULL && words->value != value)
		words++;
	return words->text;
}

static void record_text(struct json *j, const char *key, struct reader *in)
{
	struct slice s = ber_expect(in, BER_OCTETS);

	if (!in->ran_out)
		json_slice(j, key, s);
}

/* A type and a set of values, under the names that the operation has for them. */
static void record_attribute(struct json *j, struct reader *in, const char *type, const char *values)
{
	struct reader list;
	struct ber e;

	record_text(j, type, in);
	list = ber_expect_in(in, BER_SET);
	if (reader_left(&list) == 0)
		return;
	json_array(j, values);
	while (ber_next(&list, &e))
		json_slice(j, NULL, e.value);
	json_close(j);
}

static void record_attributes(struct json *j, struct reader *in, const char *type)
{
	struct reader list = ber_expect_in(in, BER_SEQUENCE), each;
	struct ber e;

	if (reader_left(&list) == 0)
		return;
	json_array(j, "attributes");
	while (ber_next(&list, &e)) {
		each = reader_slice(e.value);
		json_object(j, NULL);
		record_attribute(j, &each, type, "values");
		json_close(j);
	}
	json_close(j);
}

static void record_bind(struct json *j, struct reader *in)
{
	struct slice sasl, credentials;
	struct reader each;

	json_uint(j, "version", (uint64_t)ber_int(ber_expect(in, BER_INTEGER)));
	record_text(j, "name", in);
	if (!ber_optional(in, BER_CONTEXT_OF + 3, &sasl))
		return;
	each = reader_slice(sasl);
	json_object(j, "sasl");
	record_text(j, "mechanism", &each);
	if (ber_optional(&each, BER_OCTETS, &credentials))
		json_hex(j, "credentials", credentials.data, credentials.len, 0);
	json_close(j);
}

static void record_search(struct json *j, struct reader *in)
{
	struct reader list;
	struct ber e;

	record_text(j, "base_object", in);
	json_uint(j, "scope", (uint64_t)ber_int(ber_expect(in, BER_ENUMERATED)));
	json_uint(j, "deref_alias", (uint64_t)ber_int(ber_expect(in, BER_ENUMERATED)));
	json_uint(j, "size_limit", (uint64_t)ber_int(ber_expect(in, BER_INTEGER)));
	json_uint(j, "time_limit", (uint64_t)ber_int(ber_expect(in, BER_INTEGER)));
	json_bool(j, "types_only", ber_int(ber_expect(in, BER_BOOLEAN)) != 0);
	if (!ber_next(in, &e))
		return;
	if (e.tag == BER_CONTEXT + 7) {
		json_object(j, "filter");
		json_str(j, "type", "present");
		json_slice(j, "value", e.value);
		json_close(j);
	}
	list = ber_expect_in(in, BER_SEQUENCE);
	if (reader_left(&list) == 0)
		return;
	json_array(j, "attributes");
	while (ber_next(&list, &e))
		json_slice(j, NULL, e.value);
	json_close(j);
}

static void record_modify(struct json *j, struct reader *in)
{
	static const char *const operations[] = { "add", "delete", "replace" };
	struct reader list, each, change;
	struct ber e;

	record_text(j, "object", in);
	list = ber_expect_in(in, BER_SEQUENCE);
	if (reader_left(&list) == 0)
		return;
	json_array(j, "changes");
	while (ber_next(&list, &e)) {
		uint64_t what;

		each = reader_slice(e.value);
		what = (uint64_t)ber_int(ber_expect(&each, BER_ENUMERATED));
		change = ber_expect_in(&each, BER_SEQUENCE);
		json_object(j, NULL);
		if (what < sizeof(operations) / sizeof(operations[0]))
			json_str(j, "operation", operations[what]);
		else
			json_printf(j, "operation", "%llu", (unsigned long long)what);
		json_object(j, "modification");
		record_attribute(j, &change, "attribute_type", "attribute_values");
		json_close(j);
		json_close(j);
	}
	json_close(j);
}

static void record_mod_dn(struct json *j, struct reader *in)
{
	struct slice superior;

	record_text(j, "entry", in);
	record_text(j, "new_rdn", in);
	json_bool(j, "delete_old_rdn", ber_int(ber_expect(in, BER_BOOLEAN)) != 0);
	if (ber_optional(in, BER_CONTEXT, &superior))
		json_slice(j, "new_superior", superior);
}

static void record_compare(struct json *j, struct reader *in)
{
	struct reader assertion;

	record_text(j, "entry", in);
	assertion = ber_expect_in(in, BER_SEQUENCE);
	json_object(j, "attribute_value_assertion");
	record_text(j, "description", &assertion);
	record_text(j, "value", &assertion);
	json_close(j);
}

/* A name and a value, each or both of which may be left out. */
static void record_named(struct json *j, struct reader *in, uint8_t name_tag)
{
	struct slice s;

	if (ber_optional(in, name_tag, &s))
		json_slice(j, "name", s);
	if (ber_optional(in, (uint8_t)(name_tag + 1), &s))
		json_slice(j, "value", s);
}

static void record_result(struct json *j, const struct ldap_message *m)
{
	struct ldap_result result;
	struct reader in;
	struct slice s;
	const char *word;

	if (!ldap_result_read(m, &result, &in))
		return;
	word = word_of(ldap_result_words, result.code);
	if (word != NULL)
		json_str(j, "result_code", word);
	else
		json_printf(j, "result_code", "%u", result.code);
	json_slice(j, "matched_dn", result.matched_dn);
	json_slice(j, "message", result.message);
	ber_optional(&in, BER_CONTEXT_OF + 3, &s);      /* referrals */
	if (m->op == LDAP_BIND_RESPONSE && ber_optional(&in, BER_CONTEXT + 7, &s))
		json_hex(j, "server_sasl_creds", s.data, s.len, 0);
	if (m->op == LDAP_EXTENDED_RESPONSE)
		record_named(j, &in, BER_CONTEXT + 10);
}

static void record_operation(struct json *j, const struct ldap_message *m)
{
	struct reader in = reader_slice(m->body);

	if (m->op == LDAP_UNBIND_REQUEST || m->op == LDAP_ABANDON_REQUEST || m->op == LDAP_SEARCH_REFERENCE)
		return;
	json_object(j, ldap_op_names[m->op]);
	switch ((enum ldap_op)m->op) {
	case LDAP_BIND_REQUEST:
		record_bind(j, &in);
		break;
	case LDAP_SEARCH_REQUEST:
		record_search(j, &in);
		break;
	case LDAP_MODIFY_REQUEST:
		record_modify(j, &in);
		break;
	case LDAP_ADD_REQUEST:
		record_text(j, "entry", &in);
		record_attributes(j, &in, "name");
		break;
	case LDAP_DEL_REQUEST:
		json_slice(j, "dn", m->body);
		break;
	case LDAP_MOD_DN_REQUEST:
		record_mod_dn(j, &in);
		break;
	case LDAP_COMPARE_REQUEST:
		record_compare(j, &in);
		break;
	case LDAP_EXTENDED_REQUEST:
	case LDAP_INTERMEDIATE_RESPONSE:
		record_named(j, &in, BER_CONTEXT);
		break;
	case LDAP_SEARCH_ENTRY:
		record_text(j, "base_object", &in);
		record_attributes(j, &in, "type");
		break;
	default:
		record_result(j, m);
		break;
	}
	json_close(j);
}

static void record_controls(struct json *j, struct slice controls)
{
	struct reader list = reader_slice(controls), in;
	struct slice value;
	struct ber e;

	if (controls.len == 0)
		return;
	json_array(j, "controls");
	while (ber_next(&list, &e)) {
		in = reader_slice(e.value);
		json_object(j, NULL);
		record_text(j, "control_type", &in);
		json_bool(j, "criticality", ber_optional(&in, BER_BOOLEAN, &value) && ber_int(value) != 0);
		if (ber_optional(&in, BER_OCTETS, &value))
			json_hex(j, "control_value", value.data, value.len, 0);
		json_close(j);
	}
	json_close(j);
}

bool ldap_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct ldap_tx *t = (const struct ldap_tx *)tx;

	(void)a;
	(void)req;
	json_object(j, "ldap");
	if (t->request != NULL) {
		json_object(j, "request");
		json_uint(j, "message_id", t->request->id);
		json_str(j, "operation", ldap_op_names[t->request->op]);
		record_operation(j, t->request);
		record_controls(j, t->request->controls);
		json_close(j);
	}
	if (t->responses != NULL)
		json_array(j, "responses");
	for (const struct ldap_message *m = t->responses; m != NULL; m = m->next) {
		json_object(j, NULL);
		json_str(j, "operation", ldap_op_names[m->op]);
		if (t->request == NULL)
			json_uint(j, "message_id", m->id);
		record_operation(j, m);
		record_controls(j, m->controls);
		json_close(j);
	}
	if (t->responses != NULL)
		json_close(j);
	json_close(j);
	return true;
}
