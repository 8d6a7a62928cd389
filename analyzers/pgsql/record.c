/* record.c - a PostgreSQL transaction as an EVE object. */
#include <stdlib.h>

#include "analyzers/pgsql/pgsql.h"

struct pgsql_options {
	bool passwords;
};

void *pgsql_record_options(const struct conf *type)
{
	struct pgsql_options *o = calloc(1, sizeof(*o));

	if (o != NULL)
		o->passwords = conf_bool(type, "passwords", false);
	return o;
}

static struct slice text_read(struct reader *in)
{
	size_t left = reader_left(in);
	const uint8_t *zero = left ? memchr(in->at, 0, left) : NULL;
	struct slice s = slice_of(in->at, zero ? (size_t)(zero - in->at) : left);

	reader_skip(in, s.len + (zero != NULL));
	return s;
}

/* Names that EVE writes otherwise than PostgreSQL; any other stands as it is. */
static struct slice parameter_name(struct slice name)
{
	static const char *const renamed[][2] = {
		{ "DateStyle", "date_style" }, { "IntervalStyle", "interval_style" }, { "TimeZone", "time_zone" },
	};

	for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++) {
		if (slice_eq(name, slice_str(renamed[i][0])))
			return slice_str(renamed[i][1]);
	}
	return name;
}

static void record_parameter(struct json *j, struct slice name, struct slice value)
{
	json_object(j, NULL);
	json_bytes_keyed(j, parameter_name(name), value);
	json_close(j);
}

static void record_startup(const struct pgsql_tx *t, struct json *j)
{
	struct reader all = reader_slice(bytes_slice(&t->request)), again = all;

	json_printf(j, "protocol_version", "%u.%u", t->version >> 16, t->version & 0xffff);
	json_object(j, "startup_parameters");
	while (reader_left(&all) > 1) {
		struct slice name = text_read(&all), value = text_read(&all);

		if (slice_eq(name, slice_str("user")))
			json_slice(j, "user", value);
	}
	json_array(j, "optional_parameters");
	while (reader_left(&again) > 1) {
		struct slice name = text_read(&again), value = text_read(&again);

		if (name.len > 0 && !slice_eq(name, slice_str("user")))
			record_parameter(j, name, value);
	}
	json_close(j);
	json_close(j);
}

static void record_sasl(const struct pgsql_tx *t, struct json *j)
{
	struct reader in = reader_slice(bytes_slice(&t->request));
	struct slice name = text_read(&in);

	if (slice_eq(name, slice_str("SCRAM-SHA-256")))
		json_str(j, "sasl_authentication_mechanism", "scram_SHA256");
	else if (slice_eq(name, slice_str("SCRAM-SHA-256-PLUS")))
		json_str(j, "sasl_authentication_mechanism", "scram_SHA256_plus");
	else
		json_slice(j, "sasl_authentication_mechanism", name);
	reader_skip(&in, 4);
	json_slice(j, "sasl_param", read_rest(&in));
}

static void record_password(const struct pgsql_tx *t, bool passwords, struct json *j)
{
	struct reader in = reader_slice(bytes_slice(&t->request));

	if (passwords)
		json_slice(j, "password", text_read(&in));
	else
		json_bool(j, "password_redacted", true);
}

static void record_copy_in(const struct pgsql_tx *t, struct json *j)
{
	if (t->copy_in_count > 0) {
		json_object(j, "copy_data_in");
		json_uint(j, "msg_count", t->copy_in_count);
		json_uint(j, "data_size", t->copy_in_size);
		json_close(j);
	}
	if (t->copy_ended)
		json_str(j, "message", t->copy_ended == 'c' ? "copy_done" : "copy_fail");
}

static void record_request(const struct pgsql_tx *t, bool passwords, struct json *j)
{
	struct slice body = bytes_slice(&t->request);

	json_object(j, "request");
	switch (t->kind) {
	case PGSQL_SSL:
		json_str(j, "message", "SSL Request");
		break;
	case PGSQL_STARTUP:
		record_startup(t, j);
		break;
	case PGSQL_CANCEL:
		json_str(j, "message", "cancel_request");
		if (body.len >= 8) {
			json_uint(j, "process_id", load_be32(body.data));
			json_uint(j, "secret_key", load_be32(body.data + 4));
		}
		break;
	case PGSQL_PASSWORD:
		record_password(t, passwords, j);
		break;
	case PGSQL_SASL_INITIAL:
		record_sasl(t, j);
		break;
	case PGSQL_SASL_RESPONSE:
		json_slice(j, "sasl_response", body);
		break;
	case PGSQL_QUERY:
		json_slice(j, "simple_query", body);
		break;
	case PGSQL_COPY:
		record_copy_in(t, j);
		break;
	case PGSQL_TERMINATE:
		json_str(j, "message", "termination_message");
		break;
	case PGSQL_UNKNOWN:
		json_str(j, "message", "unknown");
		break;
	}
	json_close(j);
}

static void record_error(struct slice body, struct json *j)
{
	static const struct {
		char code;
		const char *name;
	} names[] = {
		{ 'S', "severity_localizable" }, { 'V', "severity_non_localizable" }, { 'C', "code" }, { 'M', "message" },
		{ 'D', "detail" }, { 'H', "hint" }, { 'P', "position" }, { 'p', "internal_position" },
		{ 'q', "internal_query" }, { 'W', "where" }, { 's', "schema_name" }, { 't', "table" }, { 'c', "column" },
		{ 'd', "data_type" }, { 'n', "constraint" }, { 'F', "file" }, { 'L', "line" }, { 'R', "routine" },
	};
	struct reader in = reader_slice(body);

	while (reader_left(&in) > 1) {
		uint8_t code = read_u8(&in);
		struct slice value = text_read(&in);

		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			if (names[i].code == code)
				json_slice(j, names[i].name, value);
		}
	}
}

static void record_auth(struct slice body, struct json *j)
{
	struct reader in = reader_slice(body);
	uint32_t code = read_be32(&in);

	switch (code) {
	case PGSQL_AUTH_OK:
		json_str(j, "message", "authentication_ok");
		break;
	case PGSQL_AUTH_CLEARTEXT:
		json_str(j, "message", "authentication_cleartext_password");
		break;
	case PGSQL_AUTH_MD5:
		json_slice(j, "authentication_md5_password", read_rest(&in));
		break;
	case PGSQL_AUTH_GSS:
	case PGSQL_AUTH_GSS_CONTINUE:
		json_str(j, "message", "authentication_gss");
		break;
	case PGSQL_AUTH_SSPI:
		json_slice(j, "authentication_sspi", read_rest(&in));
		break;
	case PGSQL_AUTH_SASL:
		json_str(j, "message", "authentication_sasl");
		break;
	case PGSQL_AUTH_SASL_CONTINUE:
		json_str(j, "message", "authentication_sasl_continue");
		break;
	case PGSQL_AUTH_SASL_FINAL:
		json_slice(j, "authentication_sasl_final", read_rest(&in));
		break;
	default:
		break;
	}
}

static void record_copy_columns(struct slice body, const char *key, struct json *j)
{
	struct reader in = reader_slice(body);

	reader_skip(&in, 1);
	json_object(j, key);
	json_uint(j, "columns", read_be16(&in));
	json_close(j);
}

static void record_item(const struct pgsql_item *item, struct json *j)
{
	struct slice body = bytes_slice(&item->body);
	struct reader in = reader_slice(body);

	switch (item->type) {
	case 's':
	case 'n':
		json_bool(j, "ssl_accepted", item->type == 's');
		break;
	case 'R':
		record_auth(body, j);
		break;
	case 'K':
		json_uint(j, "process_id", read_be32(&in));
		json_uint(j, "secret_key", read_be32(&in));
		break;
	case 'C':
		json_slice(j, "command_completed", text_read(&in));
		break;
	case 'E':
	case 'N':
		record_error(body, j);
		break;
	case 'A':
		json_uint(j, "pid", read_be32(&in));
		json_slice(j, "channel_name", text_read(&in));
		json_slice(j, "payload", text_read(&in));
		break;
	case 'G':
		record_copy_columns(body, "copy_in_response", j);
		break;
	case 'H':
		record_copy_columns(body, "copy_out_response", j);
		break;
	default:
		break;
	}
}

static void record_parameters(const struct pgsql_tx *t, struct json *j)
{
	bool any = false;

	for (unsigned i = 0; i < t->item_count; i++) {
		struct reader in = reader_slice(bytes_slice(&t->items[i].body));
		struct slice name;

		if (t->items[i].type != 'S')
			continue;
		if (!any)
			json_array(j, "parameter_status");
		any = true;
		name = text_read(&in);
		record_parameter(j, name, text_read(&in));
	}
	if (any)
		json_close(j);
}

static void record_response(const struct pgsql_tx *t, struct json *j)
{
	json_object(j, "response");
	if (t->field_count)
		json_uint(j, "field_count", t->field_count);
	if (t->rows) {
		json_uint(j, "data_rows", t->rows);
		json_uint(j, "data_size", t->rows_size);
	}
	if (t->copy_out_count) {
		json_object(j, "copy_data_out");
		json_uint(j, "row_count", t->copy_out_count);
		json_uint(j, "data_size", t->copy_out_size);
		json_close(j);
	}
	for (unsigned i = 0; i < t->item_count; i++)
		record_item(&t->items[i], j);
	record_parameters(t, j);
	json_close(j);
}

bool pgsql_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct pgsql_tx *t = (const struct pgsql_tx *)tx;
	const struct pgsql_options *o = req->options;

	(void)a;
	json_object(j, "pgsql");
	json_uint(j, "tx_id", tx->id + 1);
	record_request(t, o != NULL && o->passwords, j);
	if (t->item_count || t->rows || t->field_count || t->copy_out_count)
		record_response(t, j);
	json_close(j);
	return true;
}
