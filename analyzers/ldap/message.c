/* message.c - what stands in LDAP's operations (RFC 4511). */
#include "analyzers/ldap/ldap.h"

const char *const ldap_op_names[LDAP_OPS] = {
	[LDAP_BIND_REQUEST] = "bind_request", [LDAP_BIND_RESPONSE] = "bind_response",
	[LDAP_UNBIND_REQUEST] = "unbind_request", [LDAP_SEARCH_REQUEST] = "search_request",
	[LDAP_SEARCH_ENTRY] = "search_result_entry", [LDAP_SEARCH_DONE] = "search_result_done",
	[LDAP_SEARCH_REFERENCE] = "search_result_reference", [LDAP_MODIFY_REQUEST] = "modify_request",
	[LDAP_MODIFY_RESPONSE] = "modify_response", [LDAP_ADD_REQUEST] = "add_request",
	[LDAP_ADD_RESPONSE] = "add_response", [LDAP_DEL_REQUEST] = "del_request", [LDAP_DEL_RESPONSE] = "del_response",
	[LDAP_MOD_DN_REQUEST] = "mod_dn_request", [LDAP_MOD_DN_RESPONSE] = "mod_dn_response",
	[LDAP_COMPARE_REQUEST] = "compare_request", [LDAP_COMPARE_RESPONSE] = "compare_response",
	[LDAP_ABANDON_REQUEST] = "unknown", [LDAP_EXTENDED_REQUEST] = "extended_request",
	[LDAP_EXTENDED_RESPONSE] = "extended_response", [LDAP_INTERMEDIATE_RESPONSE] = "intermediate_response",
};

const struct field_name ldap_op_words[] = {
	{ "bind_request", LDAP_BIND_REQUEST }, { "bind_response", LDAP_BIND_RESPONSE },
	{ "unbind_request", LDAP_UNBIND_REQUEST }, { "search_request", LDAP_SEARCH_REQUEST },
	{ "search_result_entry", LDAP_SEARCH_ENTRY }, { "search_result_done", LDAP_SEARCH_DONE },
	{ "search_result_reference", LDAP_SEARCH_REFERENCE }, { "modify_request", LDAP_MODIFY_REQUEST },
	{ "modify_response", LDAP_MODIFY_RESPONSE }, { "add_request", LDAP_ADD_REQUEST },
	{ "add_response", LDAP_ADD_RESPONSE }, { "del_request", LDAP_DEL_REQUEST },
	{ "del_response", LDAP_DEL_RESPONSE }, { "mod_dn_request", LDAP_MOD_DN_REQUEST },
	{ "mod_dn_response", LDAP_MOD_DN_RESPONSE }, { "compare_request", LDAP_COMPARE_REQUEST },
	{ "compare_response", LDAP_COMPARE_RESPONSE }, { "extended_request", LDAP_EXTENDED_REQUEST },
	{ "extended_response", LDAP_EXTENDED_RESPONSE }, { "intermediate_response", LDAP_INTERMEDIATE_RESPONSE },
	{ NULL, 0 },
};

const struct field_name ldap_result_words[] = {
	{ "success", 0 }, { "operations_error", 1 }, { "protocol_error", 2 }, { "time_limit_exceeded", 3 },
	{ "size_limit_exceeded", 4 }, { "compare_false", 5 }, { "compare_true", 6 }, { "auth_method_not_supported", 7 },
	{ "stronger_auth_required", 8 }, { "referral", 10 }, { "admin_limit_exceeded", 11 },
	{ "unavailable_critical_extension", 12 }, { "confidentiality_required", 13 }, { "sasl_bind_in_progress", 14 },
	{ "no_such_attribute", 16 }, { "undefined_attribute_type", 17 }, { "inappropriate_matching", 18 },
	{ "constraint_violation", 19 }, { "attribute_or_value_exists", 20 }, { "invalid_attribute_syntax", 21 },
	{ "no_such_object", 32 }, { "alias_problem", 33 }, { "invalid_dns_syntax", 34 }, { "is_leaf", 35 },
	{ "alias_dereferencing_problem", 36 }, { "inappropriate_authentication", 48 }, { "invalid_credentials", 49 },
	{ "insufficient_access_rights", 50 }, { "busy", 51 }, { "unavailable", 52 }, { "unwilling_to_perform", 53 },
	{ "loop_detect", 54 }, { "sort_control_missing", 60 }, { "offset_range_error", 61 }, { "naming_violation", 64 },
	{ "object_class_violation", 65 }, { "not_allowed_on_non_leaf", 66 }, { "not_allowed_on_rdn", 67 },
	{ "entry_already_exists", 68 }, { "object_class_mods_prohibited", 69 }, { "results_too_large", 70 },
	{ "affects_multiple_dsas", 71 }, { "control_error", 76 }, { "other", 80 }, { "server_down", 81 },
	{ "local_error", 82 }, { "encoding_error", 83 }, { "decoding_error", 84 }, { "timeout", 85 },
	{ "auth_unknown", 86 }, { "filter_error", 87 }, { "user_canceled", 88 }, { "param_error", 89 },
	{ "no_memory", 90 }, { "connect_error", 91 }, { "not_supported", 92 }, { "control_not_found", 93 },
	{ "no_results_returned", 94 }, { "more_results_to_return", 95 }, { "client_loop", 96 },
	{ "referral_limit_exceeded", 97 }, { "invalid_response", 100 }, { "ambiguous_response", 101 },
	{ "tls_not_supported", 112 }, { "intermediate_response", 113 }, { "unknown_type", 114 }, { "canceled", 118 },
	{ "no_such_operation", 119 }, { "too_late", 120 }, { "cannot_cancel", 121 }, { "assertion_failed", 122 },
	{ "authorization_denied", 123 }, { "e_sync_refresh_required", 4096 }, { "no_operation", 16654 }, { NULL, 0 },
};

bool ldap_is_response(uint8_t op)
{
	switch ((enum ldap_op)op) {
	case LDAP_BIND_RESPONSE:
	case LDAP_SEARCH_ENTRY:
	case LDAP_SEARCH_DONE:
	case LDAP_SEARCH_REFERENCE:
	case LDAP_MODIFY_RESPONSE:
	case LDAP_ADD_RESPONSE:
	case LDAP_DEL_RESPONSE:
	case LDAP_MOD_DN_RESPONSE:
	case LDAP_COMPARE_RESPONSE:
	case LDAP_EXTENDED_RESPONSE:
	case LDAP_INTERMEDIATE_RESPONSE:
		return true;
	default:
		return false;
	}
}

bool ldap_result_read(const struct ldap_message *m, struct ldap_result *out, struct reader *in)
{
	*in = reader_slice(m->body);
	if (!ldap_is_response(m->op) || m->op == LDAP_SEARCH_ENTRY || m->op == LDAP_SEARCH_REFERENCE ||
	    m->op == LDAP_INTERMEDIATE_RESPONSE)
		return false;
	out->code = (uint32_t)ber_int(ber_expect(in, BER_ENUMERATED));
	out->matched_dn = ber_expect(in, BER_OCTETS);
	out->message = ber_expect(in, BER_OCTETS);
	return !in->ran_out;
}

bool ldap_dn(const struct ldap_message *m, struct slice *dn)
{
	struct reader in = reader_slice(m->body);
	struct ldap_result result;

	switch ((enum ldap_op)m->op) {
	case LDAP_DEL_REQUEST:
		*dn = m->body;
		return true;
	case LDAP_BIND_REQUEST:
		ber_expect(&in, BER_INTEGER);
		/* fall through */
	case LDAP_ADD_REQUEST:
	case LDAP_SEARCH_REQUEST:
	case LDAP_MODIFY_REQUEST:
	case LDAP_MOD_DN_REQUEST:
	case LDAP_COMPARE_REQUEST:
	case LDAP_SEARCH_ENTRY:
		*dn = ber_expect(&in, BER_OCTETS);
		return !in.ran_out;
	default:
		if (!ldap_result_read(m, &result, &in))
			return false;
		*dn = result.matched_dn;
		return true;
	}
}

/* Where an operation's list of attributes stands; what is in the list depends on the operation. */
static bool attributes_of(const struct ldap_message *m, struct reader *list)
{
	struct reader in = reader_slice(m->body);

	switch ((enum ldap_op)m->op) {
	case LDAP_SEARCH_REQUEST:
		ber_expect(&in, BER_OCTETS);
		ber_expect(&in, BER_ENUMERATED);
		ber_expect(&in, BER_ENUMERATED);
		ber_expect(&in, BER_INTEGER);
		ber_expect(&in, BER_INTEGER);
		ber_expect(&in, BER_BOOLEAN);
		ber_next(&in, &(struct ber){ 0 });      /* the filter */
		break;
	case LDAP_MODIFY_REQUEST:
	case LDAP_ADD_REQUEST:
	case LDAP_SEARCH_ENTRY:
		ber_expect(&in, BER_OCTETS);
		break;
	default:
		return false;
	}
	*list = ber_expect_in(&in, BER_SEQUENCE);
	return !list->ran_out;
}

bool ldap_attribute(const struct ldap_message *m, unsigned *index, struct slice *type)
{
	struct reader list, in;
	struct ber e;

	if (m->op == LDAP_COMPARE_REQUEST) {
		list = reader_slice(m->body);
		ber_expect(&list, BER_OCTETS);
		in = ber_expect_in(&list, BER_SEQUENCE);
		*type = ber_expect(&in, BER_OCTETS);
		return !in.ran_out && (*index)-- == 0;
	}
	if (!attributes_of(m, &list))
		return false;
	while (ber_next(&list, &e)) {
		in = reader_slice(e.value);
		if (m->op == LDAP_MODIFY_REQUEST) {     /* a change: what is done, and to what */
			ber_expect(&in, BER_ENUMERATED);
			in = ber_expect_in(&in, BER_SEQUENCE);
		}
		*type = m->op == LDAP_SEARCH_REQUEST ? e.value : ber_expect(&in, BER_OCTETS);
		if (in.ran_out)
			return false;
		if ((*index)-- == 0)
			return true;
	}
	return false;
}
