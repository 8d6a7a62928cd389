/* snmp.c - SNMP v1, v2c and v3 (RFC 1157, 3416, 3412): who asks for which variables, and with what credentials.
 *
 * Each message is a transaction. What version 3 encrypts stays unread. */
#include <errno.h>

#include "analyzers/analyzer.h"
#include "analyzers/ber.h"
#include "base/must.h"

#define OID_TEXT_MAX 512
#define MODEL_USM 3                     /* RFC 3414 */

enum snmp_event { MALFORMED_DATA, UNKNOWN_SECURITY_MODEL, VERSION_MISMATCH };
static const char *const snmp_events[] = { "malformed_data", "unknown_security_model", "version_mismatch", NULL };

enum { PDU_GET, PDU_NEXT, PDU_RESPONSE, PDU_SET, PDU_TRAP_V1, PDU_BULK, PDU_INFORM, PDU_TRAP_V2, PDU_REPORT };
static const struct field_name pdu_words[] = {
	{ "get_request", PDU_GET }, { "get_next_request", PDU_NEXT }, { "response", PDU_RESPONSE },
	{ "set_request", PDU_SET }, { "trap_v1", PDU_TRAP_V1 }, { "get_bulk_request", PDU_BULK },
	{ "inform_request", PDU_INFORM }, { "trap_v2", PDU_TRAP_V2 }, { "report", PDU_REPORT }, { NULL, 0 },
};

struct snmp_state {
	uint8_t version;                /* of the first message; 0 = none yet */
};

/* Slices point into raw. */
struct snmp_tx {
	struct tx tx;
	struct bytes raw;
	uint8_t version;                /* 1, 2, 3 */
	bool encrypted, has_pdu;
	uint8_t pdu;
	uint32_t error;
	uint32_t trap;                  /* generic type, v1 */
	struct slice community, usm, trap_oid, trap_address, variables;
};

static int snmp_open(struct analysis *a)
{
	a->state = budget_get(a->budget, sizeof(struct snmp_state));
	return a->state ? 0 : -ENOMEM;
}

static void snmp_close(struct analysis *a)
{
	budget_put(a->budget, a->state, sizeof(struct snmp_state));
	a->state = NULL;
}

static void snmp_tx_free(struct analysis *a, struct tx *tx)
{
	struct snmp_tx *t = (struct snmp_tx *)tx;

	bytes_fini(&t->raw, a->budget);
	budget_put(a->budget, t, sizeof(*t));
}

/* The version as people count them; 0: none of them. */
static uint8_t version_read(struct reader *in)
{
	switch (ber_int(ber_expect(in, BER_INTEGER))) {
	case 0:
		return in->ran_out ? 0 : 1;
	case 1:
		return 2;
	case 3:
		return 3;
	default:
		return 0;
	}
}

static bool variables_valid(struct slice variables)
{
	struct reader list = reader_slice(variables), pair;

	while (reader_left(&list) > 0 && !list.ran_out) {
		pair = ber_expect_in(&list, BER_SEQUENCE);
		ber_expect(&pair, BER_OID);
		list.ran_out |= pair.ran_out;
	}
	return !list.ran_out;
}

static bool pdu_read(struct snmp_tx *t, struct reader *in)
{
	struct reader pdu;
	struct ber e;

	if (!ber_next(in, &e) || e.tag < BER_CONTEXT_OF || e.tag > BER_CONTEXT_OF + PDU_REPORT)
		return false;
	t->pdu = e.tag - BER_CONTEXT_OF;
	pdu = reader_slice(e.value);
	if (t->pdu == PDU_TRAP_V1) {
		t->trap_oid = ber_expect(&pdu, BER_OID);
		ber_optional(&pdu, 0x40, &t->trap_address);
		t->trap = (uint32_t)ber_int(ber_expect(&pdu, BER_INTEGER));
		ber_expect(&pdu, BER_INTEGER);
		ber_next(&pdu, &e);                     /* a time stamp */
	} else {
		ber_expect(&pdu, BER_INTEGER);
		t->error = (uint32_t)ber_int(ber_expect(&pdu, BER_INTEGER));
		ber_expect(&pdu, BER_INTEGER);
		if (t->pdu == PDU_BULK)
			t->error = 0;                   /* there it is a count */
	}
	t->variables = ber_expect(&pdu, BER_SEQUENCE);
	t->has_pdu = !pdu.ran_out && variables_valid(t->variables);
	return t->has_pdu;
}

/* Version 3: how the message is protected, by whom, and what it says if that can be read. */
static bool v3_read(struct analysis *a, struct snmp_tx *t, struct reader *in)
{
	struct reader header = ber_expect_in(in, BER_SEQUENCE), security, scoped;
	struct slice data;
	int64_t model;

	ber_expect(&header, BER_INTEGER);
	ber_expect(&header, BER_INTEGER);
	ber_expect(&header, BER_OCTETS);
	model = ber_int(ber_expect(&header, BER_INTEGER));
	security = ber_expect_in(in, BER_OCTETS);
	if (header.ran_out || security.ran_out)
		return false;
	if (model == MODEL_USM) {
		security = ber_expect_in(&security, BER_SEQUENCE);
		ber_expect(&security, BER_OCTETS);
		ber_expect(&security, BER_INTEGER);
		ber_expect(&security, BER_INTEGER);
		t->usm = ber_expect(&security, BER_OCTETS);
		if (security.ran_out)
			return false;
	} else {
		tx_event(a, &t->tx, UNKNOWN_SECURITY_MODEL);
	}
	if (ber_optional(in, BER_OCTETS, &data)) {
		t->encrypted = true;
		return true;
	}
	scoped = ber_expect_in(in, BER_SEQUENCE);
	ber_expect(&scoped, BER_OCTETS);
	ber_expect(&scoped, BER_OCTETS);
	return !scoped.ran_out && pdu_read(t, &scoped);
}

static bool message_read(struct analysis *a, struct snmp_tx *t)
{
	struct reader all = reader_slice(bytes_slice(&t->raw)), in = ber_expect_in(&all, BER_SEQUENCE);

	t->version = version_read(&in);
	if (t->version == 0)
		return false;
	if (t->version == 3)
		return v3_read(a, t, &in);
	t->community = ber_expect(&in, BER_OCTETS);
	return !in.ran_out && pdu_read(t, &in);
}

static enum parse snmp_feed(struct analysis *a, enum side side, struct reader *in)
{
	struct snmp_state *s = a->state;
	struct slice data = read_rest(in);
	struct snmp_tx *t = tx_new(a, sizeof(*t));
	bool valid;

	if (t == NULL)
		return PARSE_BAD;
	tx_one_sided(a, &t->tx, side);
	valid = bytes_append(&t->raw, a->budget, data.data, data.len) && message_read(a, t);
	if (!valid)
		tx_event(a, &t->tx, MALFORMED_DATA);
	else if (s->version == 0)
		s->version = t->version;
	else if (s->version != t->version)
		tx_event(a, &t->tx, VERSION_MISMATCH);
	tx_progress(a, &t->tx, side, 1);
	return valid ? PARSE_OK : PARSE_BAD;
}

static enum probe snmp_probe(struct slice data, enum side side, bool is_udp)
{
	struct reader in = reader_slice(data), message;
	uint8_t tag, version;
	uint32_t len;

	(void)side;
	(void)is_udp;
	if (ber_header_read(&in, &tag, &len) != PARSE_OK || tag != BER_SEQUENCE || len != reader_left(&in))
		return PROBE_NO;
	message = in;
	version = version_read(&message);
	if (version == 0 || reader_left(&message) == 0)
		return PROBE_NO;
	return peek_u8(&message) == (version == 3 ? BER_SEQUENCE : BER_OCTETS) ? PROBE_YES : PROBE_NO;
}

/* --- fields and record --- */

#define GETTER(name)                                                                                           \
	static bool name(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)

GETTER(get_version)
{
	(void)a;
	(void)side;
	out->number = ((const struct snmp_tx *)tx)->version;
	return index == 0 && out->number != 0;
}

GETTER(get_pdu_type)
{
	const struct snmp_tx *t = (const struct snmp_tx *)tx;

	(void)a;
	(void)side;
	out->number = t->pdu;
	return index == 0 && t->has_pdu;
}

GETTER(get_community)
{
	(void)a;
	(void)side;
	out->bytes = ((const struct snmp_tx *)tx)->community;
	return index == 0 && out->bytes.data != NULL;
}

GETTER(get_usm)
{
	(void)a;
	(void)side;
	out->bytes = ((const struct snmp_tx *)tx)->usm;
	return index == 0 && out->bytes.data != NULL;
}

#define BOTH (FIELD_TO_SERVER | FIELD_TO_CLIENT)
#define ROW(keyword, kind) .name = keyword, .type = kind, .flags = BOTH, .progress = { 1, 1 }

static const struct field snmp_fields[] = {
	{ ROW("snmp.version", FIELD_UINT), .width = 32, .get = get_version, .summary = "version: 1, 2 or 3" },
	{ ROW("snmp.pdu_type", FIELD_UINT), .width = 32, .names = pdu_words, .get = get_pdu_type,
	  .summary = "what kind of message it is" },
	{ ROW("snmp.community", FIELD_BYTES), .get = get_community, .summary = "community, of versions 1 and 2" },
	{ ROW("snmp.usm", FIELD_BYTES), .get = get_usm, .summary = "user name, of version 3" },
};

static enum record_way snmp_record_way(const struct tx *tx, const void *options)
{
	(void)options;
	return tx->one_sided == 1 + TO_CLIENT ? RECORD_TO_CLIENT : RECORD_TO_SERVER;
}

static void record_oid(struct json *j, const char *key, struct slice oid)
{
	char text[OID_TEXT_MAX];
	size_t len = ber_oid_text(oid, text, sizeof(text));

	if (len > 0)
		json_bytes(j, key, text, len);
}

static void record_pdu(const struct snmp_tx *t, struct json *j)
{
	static const char *const errors[] = {
		"NoError", "TooBig", "NoSuchName", "BadValue", "ReadOnly", "GenErr", "NoAccess", "WrongType", "WrongLength",
		"WrongEncoding", "WrongValue", "NoCreation", "InconsistentValue", "ResourceUnavailable", "CommitFailed",
		"UndoFailed", "AuthorizationError", "NotWritable", "InconsistentName",
	};
	static const char *const traps[] = {
		"ColdStart", "WarmStart", "LinkDown", "LinkUp", "AuthenticationFailure", "EgpNeighborLoss",
		"EnterpriseSpecific",
	};
	struct reader list = reader_slice(t->variables), pair;

	json_str(j, "pdu_type", pdu_words[t->pdu].text);
	if (t->error != 0 && t->error < ARRAY_LEN(errors))
		json_str(j, "error", errors[t->error]);
	else if (t->error != 0)
		json_printf(j, "error", "ErrorStatus(%u)", t->error);
	if (t->pdu == PDU_TRAP_V1) {
		if (t->trap < ARRAY_LEN(traps))
			json_str(j, "trap_type", traps[t->trap]);
		else
			json_printf(j, "trap_type", "TrapType(%u)", t->trap);
		record_oid(j, "trap_oid", t->trap_oid);
		if (t->trap_address.len == 4)
			json_printf(j, "trap_address", "%u.%u.%u.%u", t->trap_address.data[0], t->trap_address.data[1],
				    t->trap_address.data[2], t->trap_address.data[3]);
	}
	if (reader_left(&list) == 0)
		return;
	json_array(j, "vars");
	while (reader_left(&list) > 0 && !list.ran_out) {
		pair = ber_expect_in(&list, BER_SEQUENCE);
		record_oid(j, NULL, ber_expect(&pair, BER_OID));
	}
	json_close(j);
}

static bool snmp_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct snmp_tx *t = (const struct snmp_tx *)tx;

	(void)a;
	(void)req;
	json_object(j, "snmp");
	json_uint(j, "version", t->version);
	if (t->encrypted)
		json_str(j, "pdu_type", "encrypted");
	else if (t->has_pdu)
		record_pdu(t, j);
	if (t->community.data != NULL)
		json_slice(j, "community", t->community);
	if (t->usm.data != NULL)
		json_slice(j, "usm", t->usm);
	json_close(j);
	return true;
}

const struct analyzer analyzer_snmp = {
	.abi = ANALYZER_ABI,
	.name = "snmp",
	.summary = "SNMP v1, v2c and v3",
	.transports = TRANSPORT_UDP,
	.ports = "161,162",
	.probe = snmp_probe,
	.open = snmp_open,
	.close = snmp_close,
	.feed = snmp_feed,
	.tx_free = snmp_tx_free,
	.complete = { 1, 1 },
	.fields = snmp_fields,
	.field_count = ARRAY_LEN(snmp_fields),
	.events = snmp_events,
	.event_type = "snmp",
	.record_way = snmp_record_way,
	.record = snmp_record,
};
