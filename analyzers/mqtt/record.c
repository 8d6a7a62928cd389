/* record.c - an MQTT transaction as an EVE object: one member a message, named by its type. */
#include <stdlib.h>

#include "analyzers/mqtt/mqtt.h"
#include "base/must.h"

#define STRING_LIMIT_DEFAULT (1024 * 1024)

const char *const mqtt_type_names[MQTT_TYPES] = {
	"unassigned", "connect", "connack", "publish", "puback", "pubrec", "pubrel", "pubcomp", "subscribe", "suback",
	"unsubscribe", "unsuback", "pingreq", "pingresp", "disconnect", "auth",
};

struct mqtt_options {
	bool passwords;
	uint64_t limit;                 /* bytes of text */
};

void *mqtt_record_options(const struct conf *type)
{
	struct mqtt_options *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->passwords = conf_bool(type, "passwords", true);
	o->limit = conf_size(type, "string-log-limit", STRING_LIMIT_DEFAULT);
	return o;
}

/* Text of which there may be *left bytes. */
static void record_text(struct json *j, const char *key, struct slice s, uint64_t *left)
{
	json_bytes_max(j, key, s.data, s.len, *left);
	*left -= s.len < *left ? s.len : *left;
}

static void record_properties(struct json *j, struct slice block)
{
	struct reader in = reader_slice(block);
	struct mqtt_property p;

	if (block.len == 0)
		return;
	json_object(j, "properties");
	while (mqtt_property_next(&in, &p)) {
		if (p.is_number)
			json_uint(j, p.name, p.number);
		else if (p.name != NULL)
			json_slice(j, p.name, p.text);
		else
			json_bytes_keyed(j, p.key, p.text);
	}
	json_close(j);
}

static void record_connect(const struct mqtt_message *m, const struct mqtt_options *o, struct json *j)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} flags[] = {
		{ MQTT_USERNAME, "username" }, { MQTT_PASSWORD, "password" }, { MQTT_WILL_RETAIN, "will_retain" },
		{ MQTT_WILL, "will" }, { MQTT_CLEAN_SESSION, "clean_session" },
	};

	json_slice(j, "protocol_string", m->protocol);
	json_uint(j, "protocol_version", m->version);
	json_slice(j, "client_id", m->client_id);
	json_object(j, "flags");
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		json_bool(j, flags[i].name, m->flags & flags[i].flag);
	json_close(j);
	if (m->flags & MQTT_USERNAME)
		json_slice(j, "username", m->username);
	if ((m->flags & MQTT_PASSWORD) && o->passwords)
		json_slice(j, "password", m->password);
	if (m->flags & MQTT_WILL) {
		json_object(j, "will");
		json_slice(j, "topic", m->will_topic);
		json_slice(j, "message", m->will_message);
		record_properties(j, m->will_properties);
		json_close(j);
	}
}

static void record_topics(const struct mqtt_message *m, uint64_t left, struct json *j)
{
	const bool subscribe = m->header.type == MQTT_SUBSCRIBE;
	struct reader list = reader_slice(m->list);
	struct slice topic;
	uint8_t qos;

	json_array(j, "topics");
	while (mqtt_topic_next(&list, subscribe, &topic, &qos)) {
		if (subscribe) {
			json_object(j, NULL);
			record_text(j, "topic", topic, &left);
			json_uint(j, "qos", qos);
			json_close(j);
		} else {
			record_text(j, NULL, topic, &left);
		}
		if (left == 0)
			break;
	}
	json_close(j);
}

static void record_reasons(const struct mqtt_message *m, struct json *j)
{
	json_array(j, m->header.type == MQTT_SUBACK ? "qos_granted" : "reason_codes");
	for (size_t i = 0; i < m->list.len; i++)
		json_uint(j, NULL, m->list.data[i]);
	json_close(j);
}

static void record_body(const struct mqtt_message *m, const struct mqtt_options *o, struct json *j)
{
	uint64_t left = o->limit;

	switch ((enum mqtt_type)m->header.type) {
	case MQTT_CONNECT:
		record_connect(m, o, j);
		break;
	case MQTT_CONNACK:
		json_bool(j, "session_present", m->session_present);
		json_uint(j, "return_code", m->reason);
		break;
	case MQTT_PUBLISH:
		record_text(j, "topic", m->topic, &left);
		left = o->limit;
		if (m->has_id)
			json_uint(j, "message_id", m->id);
		record_text(j, "message", m->message, &left);
		break;
	case MQTT_SUBSCRIBE:
	case MQTT_UNSUBSCRIBE:
		json_uint(j, "message_id", m->id);
		record_topics(m, left, j);
		break;
	default:
		if (m->has_id)
			json_uint(j, "message_id", m->id);
		if (m->has_reasons)
			record_reasons(m, j);
		if (m->has_reason)
			json_uint(j, "reason_code", m->reason);
		break;
	}
	record_properties(j, m->properties);
}

bool mqtt_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct mqtt_tx *t = (const struct mqtt_tx *)tx;

	(void)a;
	json_object(j, "mqtt");
	for (const struct mqtt_message *m = t->first; m != NULL; m = m->next) {
		if (m->header.type == MQTT_UNASSIGNED)
			continue;
		json_object(j, mqtt_type_names[m->header.type]);
		json_uint(j, "qos", m->header.qos);
		json_bool(j, "retain", m->header.retain);
		json_bool(j, "dup", m->header.dup);
		if (m->truncated) {
			json_bool(j, "truncated", true);
			json_uint(j, "skipped_length", (uint64_t)m->header.header_len + m->header.len);
		} else {
			record_body(m, req->options, j);
		}
		json_close(j);
	}
	json_close(j);
	return true;
}
