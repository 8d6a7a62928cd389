/* pdu.c - the PDUs of connection-oriented DCE/RPC: binds and what was accepted of them, requests, responses.
 *
 * Numbers have the byte order that the header's data representation says. Every loop runs over bytes of the PDU. */
#include "analyzers/dcerpc/dcerpc.h"

static uint16_t get16(struct reader *r, bool little)
{
	return little ? read_le16(r) : read_be16(r);
}

static uint32_t get32(struct reader *r, bool little)
{
	return little ? read_le32(r) : read_be32(r);
}

bool dce_header_read(struct slice data, struct dce_header *h)
{
	struct reader r = reader_slice(data);

	h->version = read_u8(&r);
	h->minor = read_u8(&r);
	h->type = read_u8(&r);
	h->flags = read_u8(&r);
	h->little = (read_u8(&r) & 0x10) != 0;
	reader_skip(&r, 3);
	h->frag_len = get16(&r, h->little);
	h->auth_len = get16(&r, h->little);
	h->call_id = get32(&r, h->little);
	return !r.ran_out && h->version == 5;
}

const char *dce_type_name(uint8_t type)
{
	static const char *const names[DCE_TYPES] = {
		"REQUEST", "PING", "RESPONSE", "FAULT", "WORKING", "NOCALL", "REJECT", "ACK", "CL_CANCEL", "FACK",
		"CANCEL_ACK", "BIND", "BINDACK", "BINDNAK", "ALTER_CONTEXT", "ALTER_CONTEXT_RESP", "AUTH3", "SHUTDOWN",
		"CO_CANCEL", "ORPHANED", "RTS",
	};

	return type < DCE_TYPES ? names[type] : "UNKNOWN";
}

/* Its first three parts are numbers. */
static void uuid_read(struct reader *r, bool little, uint8_t *out)
{
	static const uint8_t swapped[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct slice raw = read_slice(r, 16);

	for (unsigned i = 0; i < 16 && raw.len == 16; i++)
		out[i] = raw.data[little ? swapped[i] : i];
}

bool dce_bind_read(struct dce_ifaces *ifaces, struct budget *b, const struct dce_header *h, struct slice body)
{
	struct reader r = reader_slice(body);
	unsigned count;

	reader_skip(&r, 8);             /* fragment sizes, association group */
	count = read_u8(&r);
	reader_skip(&r, 3);
	if (h->type == DCE_BIND)
		ifaces->list.len = 0;
	ifaces->newest = ifaces->list.len / (uint32_t)sizeof(struct dce_iface);
	for (unsigned i = 0; i < count && !r.ran_out; i++) {
		struct dce_iface iface = { .first_frag = (h->flags & DCE_FIRST_FRAG) != 0 };
		unsigned syntaxes;

		iface.context = get16(&r, h->little);
		syntaxes = read_u8(&r);
		reader_skip(&r, 1);
		uuid_read(&r, h->little, iface.uuid);
		iface.version = get16(&r, h->little);
		iface.minor = get16(&r, h->little);
		reader_skip(&r, (size_t)syntaxes * 20);
		if (!r.ran_out && ifaces->list.len < DCE_IFACES_MAX * sizeof(iface))
			bytes_append(&ifaces->list, b, &iface, sizeof(iface));
	}
	return !r.ran_out;
}

bool dce_bindack_read(struct dce_ifaces *ifaces, const struct dce_header *h, struct slice body)
{
	struct reader r = reader_slice(body);
	struct dce_iface *list = (struct dce_iface *)(void *)ifaces->list.data;
	uint32_t total = ifaces->list.len / (uint32_t)sizeof(*list), pad;
	unsigned count;

	reader_skip(&r, 8);
	reader_skip(&r, get16(&r, h->little));  /* secondary address; then aligned to 4 */
	pad = (uint32_t)(4 - (DCE_HEADER_LEN + reader_pos(&r)) % 4) % 4;
	reader_skip(&r, pad);
	count = read_u8(&r);
	reader_skip(&r, 3);
	for (unsigned i = 0; i < count && !r.ran_out; i++) {
		uint16_t result = get16(&r, h->little), reason = get16(&r, h->little);

		reader_skip(&r, 20);
		if (r.ran_out || ifaces->newest + i >= total)
			break;
		list[ifaces->newest + i].result = result;
		list[ifaces->newest + i].reason = reason;
		list[ifaces->newest + i].acked = true;
	}
	return !r.ran_out;
}

void dce_stub_add(struct dce_call *call, struct budget *b, const struct dce_header *h, enum side side,
		  struct slice stub)
{
	struct bytes *kept = &call->stub[side];

	if (h->flags & DCE_FIRST_FRAG)
		kept->len = 0;
	if (stub.len > DCE_STUB_MAX - kept->len)
		stub.len = DCE_STUB_MAX - kept->len;
	bytes_append(kept, b, stub.data, stub.len);
	call->fragments[side]++;
	call->little = h->little;
}

bool dce_request_read(struct dce_call *call, struct budget *b, const struct dce_header *h, struct slice body)
{
	struct reader r = reader_slice(body);
	uint16_t context, opnum;

	reader_skip(&r, 4);
	context = get16(&r, h->little);
	opnum = get16(&r, h->little);
	if (r.ran_out)
		return false;
	/* An object's id, where there is one, counts as stub, as in Suricata: rules are written for that. */
	call->type[TO_SERVER] = h->type;
	call->has[TO_SERVER] = true;
	call->has_opnum = true;
	call->call_id = h->call_id;
	call->context = context;
	call->opnum = opnum;
	dce_stub_add(call, b, h, TO_SERVER, read_rest(&r));
	return true;
}

bool dce_response_read(struct dce_call *call, struct budget *b, const struct dce_header *h, struct slice body, size_t skip)
{
	if (body.len < skip)
		return false;
	call->type[TO_CLIENT] = h->type;
	call->has[TO_CLIENT] = true;
	call->call_id = h->call_id;
	dce_stub_add(call, b, h, TO_CLIENT, slice_skip(body, skip));
	return true;
}

void dce_call_fini(struct dce_call *call, struct budget *b)
{
	bytes_fini(&call->stub[0], b);
	bytes_fini(&call->stub[1], b);
}

void dce_uuid_record(struct json *j, const char *key, const uint8_t *u)
{
	json_printf(j, key, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2], u[3],
		    u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

void dce_ifaces_record(const struct dce_ifaces *ifaces, const struct dce_call *call, bool reasons, struct json *j)
{
	const struct dce_iface *list = (const struct dce_iface *)(const void *)ifaces->list.data;
	uint32_t total = ifaces->list.len / (uint32_t)sizeof(*list);
	struct json_mark mark = json_mark(j);
	bool any = false;

	json_array(j, "interfaces");
	for (uint32_t i = call->has_opnum ? 0 : ifaces->newest; i < total; i++) {
		if (call->has_opnum && (list[i].context != call->context || list[i].result != 0))
			continue;
		any = true;
		json_object(j, NULL);
		dce_uuid_record(j, "uuid", list[i].uuid);
		json_printf(j, "version", "%u.%u", list[i].version, list[i].minor);
		if (!reasons || list[i].acked)
			json_uint(j, "ack_result", list[i].result);
		if (reasons && list[i].acked)
			json_uint(j, "ack_reason", 0);  /* what Suricata says of every answer */
		json_close(j);
	}
	json_close(j);
	if (!any)
		json_rewind(j, mark);
}

void dce_stub_record(struct json *j, const char *key, const struct dce_call *call, enum side side, bool with_opnum)
{
	json_object(j, key);
	if (with_opnum)
		json_uint(j, "opnum", call->opnum);
	json_uint(j, "frag_cnt", call->fragments[side]);
	json_uint(j, "stub_data_size", call->stub[side].len);
	json_close(j);
}
