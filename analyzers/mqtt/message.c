/* message.c - MQTT messages, versions 3.1, 3.1.1 and 5.0: headers, bodies, properties. */
#include "analyzers/mqtt/mqtt.h"

#include "base/must.h"

#define VERSION_5 5

/* A number of one to four bytes, seven bits each, the lowest first. */
static uint32_t varint_read(struct reader *in)
{
	uint32_t v = 0;

	for (unsigned shift = 0; shift < 28; shift += 7) {
		uint8_t c = read_u8(in);

		v |= (uint32_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return v;
	}
	in->ran_out = true;
	return 0;
}

static struct slice text_read(struct reader *in)
{
	return read_slice(in, read_be16(in));
}

enum parse mqtt_header_read(struct reader *in, struct mqtt_header *out)
{
	const size_t had = reader_left(in);
	struct reader try = *in;
	uint8_t first = read_u8(&try);

	out->type = first >> 4;
	out->dup = first & 8;
	out->qos = first >> 1 & 3;
	out->retain = first & 1;
	out->len = varint_read(&try);
	if (try.ran_out)
		return had >= MQTT_HEADER_MAX ? PARSE_BAD : PARSE_MORE;
	out->header_len = (uint8_t)(had - reader_left(&try));
	*in = try;
	return PARSE_OK;
}

/* --- properties (MQTT 5.0, 2.2.2) --- */

enum property_kind { KIND_NONE, KIND_U8, KIND_U16, KIND_U32, KIND_VARINT, KIND_TEXT, KIND_PAIR };

static const struct {
	const char *name;
	uint8_t kind;
} properties[] = {
	[1] = { "payload_format_indicator", KIND_U8 },
	[2] = { "message_expiry_interval", KIND_U32 },
	[3] = { "content_type", KIND_TEXT },
	[8] = { "response_topic", KIND_TEXT },
	[9] = { "correlation_data", KIND_TEXT },
	[11] = { "subscription_identifier", KIND_VARINT },
	[17] = { "session_expiry_interval", KIND_U32 },
	[18] = { "assigned_client_identifier", KIND_TEXT },
	[19] = { "server_keep_alive", KIND_U16 },
	[21] = { "authentication_method", KIND_TEXT },
	[22] = { "authentication_data", KIND_TEXT },
	[23] = { "request_problem_information", KIND_U8 },
	[24] = { "will_delay_interval", KIND_U32 },
	[25] = { "request_response_information", KIND_U8 },
	[26] = { "response_information", KIND_TEXT },
	[28] = { "server_reference", KIND_TEXT },
	[31] = { "reason_string", KIND_TEXT },
	[33] = { "receive_maximum", KIND_U16 },
	[34] = { "topic_alias_maximum", KIND_U16 },
	[35] = { "topic_alias", KIND_U16 },
	[36] = { "maximum_qos", KIND_U8 },
	[37] = { "retain_available", KIND_U8 },
	[38] = { NULL, KIND_PAIR },
	[39] = { "maximum_packet_size", KIND_U32 },
	[40] = { "wildcard_subscription_available", KIND_U8 },
	[41] = { "subscription_identifier_available", KIND_U8 },
	[42] = { "shared_subscription_available", KIND_U8 },
};

bool mqtt_property_next(struct reader *in, struct mqtt_property *out)
{
	uint32_t id;

	if (reader_left(in) == 0)
		return false;
	*out = (struct mqtt_property){ .is_number = true };
	id = varint_read(in);
	if (in->ran_out || id >= ARRAY_LEN(properties)) {
		in->ran_out = true;
		return false;
	}
	out->name = properties[id].name;
	switch ((enum property_kind)properties[id].kind) {
	case KIND_U8:
		out->number = read_u8(in);
		break;
	case KIND_U16:
		out->number = read_be16(in);
		break;
	case KIND_U32:
		out->number = read_be32(in);
		break;
	case KIND_VARINT:
		out->number = varint_read(in);
		break;
	case KIND_PAIR:
		out->key = text_read(in);
		/* fall through */
	case KIND_TEXT:
		out->is_number = false;
		out->text = text_read(in);
		break;
	default:
		in->ran_out = true;
		break;
	}
	return !in->ran_out;
}

/* A block of them behind its length, checked. Versions before 5 have none. */
static struct slice properties_read(struct reader *in, uint8_t version)
{
	struct mqtt_property p;
	struct slice block = { 0 };
	struct reader each;

	if (version != VERSION_5)
		return block;
	block = read_slice(in, varint_read(in));
	each = reader_slice(block);
	while (mqtt_property_next(&each, &p))
		;
	in->ran_out |= each.ran_out;
	return block;
}

/* --- bodies --- */

static void connect_read(struct mqtt_message *m, struct reader *in)
{
	m->protocol = text_read(in);
	m->version = read_u8(in);
	m->flags = read_u8(in);
	read_be16(in);                          /* keep-alive */
	m->properties = properties_read(in, m->version);
	m->client_id = text_read(in);
	if (m->flags & MQTT_WILL) {
		m->will_properties = properties_read(in, m->version);
		m->will_topic = text_read(in);
		m->will_message = text_read(in);
	}
	if (m->flags & MQTT_USERNAME)
		m->username = text_read(in);
	if (m->flags & MQTT_PASSWORD)
		m->password = text_read(in);
}

static void reason_read(struct mqtt_message *m, struct reader *in)
{
	m->reason = read_u8(in);
	m->has_reason = true;
}

static void id_read(struct mqtt_message *m, struct reader *in)
{
	m->id = read_be16(in);
	m->has_id = true;
}

/* In version 5 a reason may follow, and behind it properties; success may be left out. A DISCONNECT that is a
 * reason and nothing more is written as success, whatever it says, because Suricata's is. */
static void reason_optional(struct mqtt_message *m, struct reader *in, uint8_t version)
{
	if (version != VERSION_5)
		return;
	m->has_reason = true;
	if (reader_left(in) > 0)
		m->reason = read_u8(in);
	if (reader_left(in) > 0)
		m->properties = properties_read(in, version);
	else if (m->header.type == MQTT_DISCONNECT)
		m->reason = 0;
}

bool mqtt_topic_next(struct reader *list, bool subscribe, struct slice *topic, uint8_t *qos)
{
	if (reader_left(list) == 0)
		return false;
	*topic = text_read(list);
	*qos = subscribe ? read_u8(list) & 3 : 0;
	return !list->ran_out;
}

static void topics_read(struct mqtt_message *m, struct reader *in, uint8_t version)
{
	struct reader each;
	struct slice topic;
	uint8_t qos;

	id_read(m, in);
	m->properties = properties_read(in, version);
	m->list = read_rest(in);
	each = reader_slice(m->list);
	while (mqtt_topic_next(&each, m->header.type == MQTT_SUBSCRIBE, &topic, &qos))
		;
	in->ran_out |= each.ran_out;
}

static void publish_read(struct mqtt_message *m, struct reader *in, uint8_t version)
{
	m->topic = text_read(in);
	if (m->header.qos > 0)
		id_read(m, in);
	m->properties = properties_read(in, version);
	m->message = read_rest(in);
}

bool mqtt_message_read(struct mqtt_message *m, uint8_t version)
{
	struct reader in = reader_slice(bytes_slice(&m->body));

	switch ((enum mqtt_type)m->header.type) {
	case MQTT_CONNECT:
		connect_read(m, &in);
		break;
	case MQTT_CONNACK:
		m->session_present = read_u8(&in) & 1;
		reason_read(m, &in);
		m->properties = properties_read(&in, version);
		break;
	case MQTT_PUBLISH:
		publish_read(m, &in, version);
		break;
	case MQTT_PUBACK:
	case MQTT_PUBREC:
	case MQTT_PUBREL:
	case MQTT_PUBCOMP:
		id_read(m, &in);
		reason_optional(m, &in, version);
		break;
	case MQTT_SUBSCRIBE:
	case MQTT_UNSUBSCRIBE:
		topics_read(m, &in, version);
		break;
	case MQTT_SUBACK:
	case MQTT_UNSUBACK:
		id_read(m, &in);
		m->properties = properties_read(&in, version);
		m->has_reasons = m->header.type == MQTT_SUBACK || version == VERSION_5;
		m->list = read_rest(&in);
		break;
	case MQTT_DISCONNECT:
		reason_optional(m, &in, version);
		break;
	case MQTT_AUTH:
		reason_read(m, &in);
		m->properties = properties_read(&in, VERSION_5);
		break;
	case MQTT_UNASSIGNED:
	case MQTT_PINGREQ:
	case MQTT_PINGRESP:
		break;
	}
	return !in.ran_out;
}
