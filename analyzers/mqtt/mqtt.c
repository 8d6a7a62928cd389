/* mqtt.c - MQTT (OASIS 3.1, 3.1.1, 5.0): which message belongs to which, and what rules may look at.
 *
 * A message that is to be answered opens a transaction, which its answers find by the message's
 * identifier; any other message is a transaction of its own. A message longer than
 * max-msg-length is known by its header only, and its body is passed over. */
#include "analyzers/mqtt/mqtt.h"

#include <errno.h>
#include <stdlib.h>

#include "analyzers/frame.h"
#include "base/must.h"
#include "base/text.h"

#define MESSAGE_MAX_DEFAULT (1024 * 1024)
#define TX_MAX_DEFAULT 1024
#define MQTT_NO_ID UINT32_MAX
#define CONNECT_ID 0x10000              /* beyond what a message can name */
#define WAITING_CHAINS 32

enum mqtt_event {
	MISSING_CONNECT, MISSING_PUBLISH, MISSING_SUBSCRIBE, MISSING_UNSUBSCRIBE, DOUBLE_CONNECT, UNINTRODUCED_MESSAGE,
	INVALID_QOS_LEVEL, MISSING_MSG_ID, UNASSIGNED_MSG_TYPE, TOO_MANY_TRANSACTIONS, MALFORMED_TRAFFIC,
};
static const char *const mqtt_events[] = {
	"missing_connect", "missing_publish", "missing_subscribe", "missing_unsubscribe", "double_connect",
	"unintroduced_message", "invalid_qos_level", "missing_msg_id", "unassigned_msg_type", "too_many_transactions",
	"malformed_traffic", NULL,
};

enum mqtt_frame { FRAME_PDU, FRAME_HEADER, FRAME_DATA };
static const char *const mqtt_frames[] = { "pdu", "header", "data", NULL };

struct mqtt_settings {
	uint32_t message_max;
	uint32_t tx_max;
};

struct mqtt_state {
	struct mqtt_tx *waiting[WAITING_CHAINS];
	uint64_t skip[2];               /* of a message that is passed over */
	uint8_t version;
	bool connected;
};

static int mqtt_settings_new(void **out, const struct conf *conf)
{
	struct mqtt_settings *s = calloc(1, sizeof(*s));
	uint64_t size;

	if (s == NULL)
		return -ENOMEM;
	size = conf_size(conf, "max-msg-length", MESSAGE_MAX_DEFAULT);
	s->message_max = size < UINT32_MAX / 2 ? (uint32_t)size : UINT32_MAX / 2;
	s->tx_max = (uint32_t)conf_size(conf, "max-tx", TX_MAX_DEFAULT);
	*out = s;
	return 0;
}

static int mqtt_open(struct analysis *a)
{
	a->state = budget_get(a->budget, sizeof(struct mqtt_state));
	return a->state ? 0 : -ENOMEM;
}

static void mqtt_close(struct analysis *a)
{
	budget_put(a->budget, a->state, sizeof(struct mqtt_state));
	a->state = NULL;
}

/* --- transactions --- */

/* Chains are chosen with the flow's keyed hash, so that nobody can aim identifiers at one of them. */
static struct mqtt_tx **chain_of(struct analysis *a, uint32_t id)
{
	struct mqtt_state *s = a->state;

	return &s->waiting[((id + 1) * (a->flow->hash | 1)) >> 27];
}

static struct mqtt_tx *waiting_find(struct analysis *a, uint32_t id)
{
	struct mqtt_tx *t = *chain_of(a, id);

	while (t != NULL && t->id != id)
		t = t->next_waiting;
	return t;
}

static void waiting_add(struct analysis *a, struct mqtt_tx *t, uint32_t id)
{
	struct mqtt_tx **chain = chain_of(a, id), **last = chain;

	t->id = id;
	while (*last != NULL && (*last)->id != id)
		last = &(*last)->next_waiting;
	if (*last != NULL)                      /* the older of two alike is answered first */
		last = &(*last)->next_waiting;
	t->next_waiting = *last;
	*last = t;
}

static void waiting_remove(struct analysis *a, struct mqtt_tx *t)
{
	struct mqtt_tx **at;

	if (t->id == MQTT_NO_ID || a->state == NULL)
		return;
	for (at = chain_of(a, t->id); *at != NULL; at = &(*at)->next_waiting) {
		if (*at == t) {
			*at = t->next_waiting;
			break;
		}
	}
	t->id = MQTT_NO_ID;
}

static void message_free(struct analysis *a, struct mqtt_message *m)
{
	bytes_fini(&m->body, a->budget);
	budget_put(a->budget, m, sizeof(*m));
}

static void mqtt_tx_free(struct analysis *a, struct tx *tx)
{
	struct mqtt_tx *t = (struct mqtt_tx *)tx;

	waiting_remove(a, t);
	while (t->first != NULL) {
		struct mqtt_message *m = t->first;

		t->first = m->next;
		message_free(a, m);
	}
	budget_put(a->budget, t, sizeof(*t));
}

static void message_add(struct mqtt_tx *t, struct mqtt_message *m)
{
	if (t->last != NULL)
		t->last->next = m;
	else
		t->first = m;
	t->last = m;
}

/* The last message of t has come, from side. */
static void tx_finish(struct analysis *a, struct mqtt_tx *t, enum side side)
{
	enum side own = t->to_client ? TO_CLIENT : TO_SERVER;

	waiting_remove(a, t);
	if (side == own)
		tx_progress(a, &t->tx, own, 1);
	else
		tx_progress_other(a, &t->tx, own, 1);
}

static void oldest_finish(struct analysis *a, enum side side)
{
	for (struct tx *tx = a->tx_first; tx != NULL; tx = tx->next) {
		struct mqtt_tx *t = (struct mqtt_tx *)tx;

		if (tx_done(a, tx, t->to_client ? TO_CLIENT : TO_SERVER))
			continue;
		tx_event(a, tx, TOO_MANY_TRANSACTIONS);
		tx_finish(a, t, side);
		return;
	}
}

/* Takes m, which may be NULL; frees it where there is no room. */
static struct mqtt_tx *tx_begin(struct analysis *a, enum side side, struct mqtt_message *m)
{
	const struct mqtt_settings *settings = a->settings;
	struct mqtt_tx *t;

	if (a->tx_open >= settings->tx_max)
		oldest_finish(a, side);
	t = tx_new(a, sizeof(*t));
	if (t == NULL) {
		if (m != NULL)
			message_free(a, m);
		return NULL;
	}
	t->id = MQTT_NO_ID;
	t->to_client = side == TO_CLIENT;
	tx_one_sided(a, &t->tx, side);
	if (m != NULL)
		message_add(t, m);
	return t;
}

/* m begins a transaction: one that waits for answers which name id, or, without one, a whole one. */
static bool request_add(struct analysis *a, enum side side, struct mqtt_message *m, uint32_t id, int event)
{
	const struct mqtt_state *s = a->state;
	const uint8_t type = m->header.type;
	struct mqtt_tx *t = tx_begin(a, side, m);

	if (t == NULL)
		return false;
	if (event >= 0)
		tx_event(a, &t->tx, (unsigned)event);
	if (!s->connected && type != MQTT_CONNECT && type != MQTT_CONNACK && !m->truncated && type != MQTT_UNASSIGNED)
		tx_event(a, &t->tx, UNINTRODUCED_MESSAGE);
	if (id != MQTT_NO_ID)
		waiting_add(a, t, id);
	else
		tx_finish(a, t, side);
	return true;
}

/* m answers what waits for id; event, where nothing does. */
static bool answer_add(struct analysis *a, enum side side, struct mqtt_message *m, uint32_t id, bool last, int event)
{
	struct mqtt_tx *t = waiting_find(a, id);

	if (t == NULL)
		return request_add(a, side, m, MQTT_NO_ID, event);
	message_add(t, m);
	if (last)
		tx_finish(a, t, side);
	return true;
}

static bool subscription_add(struct analysis *a, enum side side, struct mqtt_message *m)
{
	const uint8_t qos = m->header.qos;

	return request_add(a, side, m, qos == 1 ? m->id : MQTT_NO_ID, qos > 1 ? INVALID_QOS_LEVEL : -1);
}

static bool message_take(struct analysis *a, enum side side, struct mqtt_message *m)
{
	struct mqtt_state *s = a->state;

	if (m->truncated)
		return request_add(a, side, m, MQTT_NO_ID, -1);
	switch ((enum mqtt_type)m->header.type) {
	case MQTT_CONNECT:
		s->version = m->version;
		return request_add(a, side, m, s->connected ? MQTT_NO_ID : CONNECT_ID, s->connected ? DOUBLE_CONNECT : -1);
	case MQTT_CONNACK:
		if (waiting_find(a, CONNECT_ID) != NULL)
			s->connected = true;
		return answer_add(a, side, m, CONNECT_ID, true, MISSING_CONNECT);
	case MQTT_PUBLISH:
		return request_add(a, side, m, m->header.qos == 1 || m->header.qos == 2 ? m->id : MQTT_NO_ID,
				   m->header.qos > 2 ? INVALID_QOS_LEVEL : -1);
	case MQTT_SUBSCRIBE:
	case MQTT_UNSUBSCRIBE:
		return subscription_add(a, side, m);
	case MQTT_PUBREC:
	case MQTT_PUBREL:
		return answer_add(a, side, m, m->id, false, MISSING_PUBLISH);
	case MQTT_PUBACK:
	case MQTT_PUBCOMP:
		return answer_add(a, side, m, m->id, true, MISSING_PUBLISH);
	case MQTT_SUBACK:
		return answer_add(a, side, m, m->id, true, MISSING_SUBSCRIBE);
	case MQTT_UNSUBACK:
		return answer_add(a, side, m, m->id, true, MISSING_UNSUBSCRIBE);
	case MQTT_UNASSIGNED:
		return request_add(a, side, m, MQTT_NO_ID, UNASSIGNED_MSG_TYPE);
	default:
		return request_add(a, side, m, MQTT_NO_ID, -1);
	}
}

/* --- the stream --- */

static void frames_add(struct analysis *a, enum side side, uint64_t offset, const struct mqtt_header *h)
{
	frame_open(a, side, FRAME_PDU, offset, (int64_t)h->header_len + h->len);
	frame_open(a, side, FRAME_HEADER, offset, h->header_len);
	frame_open(a, side, FRAME_DATA, offset + h->header_len, h->len);
}

static enum parse malformed(struct analysis *a, enum side side)
{
	struct mqtt_tx *t = tx_begin(a, side, NULL);

	if (t != NULL) {
		tx_event(a, &t->tx, MALFORMED_TRAFFIC);
		tx_finish(a, t, side);
	}
	return PARSE_BAD;
}

static enum parse message_read(struct analysis *a, enum side side, struct reader *in)
{
	const struct mqtt_settings *settings = a->settings;
	struct mqtt_state *s = a->state;
	const uint64_t offset = a->feeding_offset + reader_pos(in);
	struct reader try = *in;
	struct mqtt_header header;
	struct mqtt_message *m;
	enum parse got = mqtt_header_read(&try, &header);
	bool truncated;

	if (got == PARSE_BAD)
		return malformed(a, side);
	if (got != PARSE_OK)
		return got;
	truncated = header.len > settings->message_max;
	if (!truncated && reader_left(&try) < header.len) {
		analysis_need(a, side, header.header_len + header.len);
		return PARSE_MORE;
	}
	m = budget_get(a->budget, sizeof(*m));
	if (m == NULL)
		return PARSE_BAD;
	m->header = header;
	m->truncated = truncated;
	frames_add(a, side, offset, &header);
	if (truncated) {
		s->skip[side] = header.len;
	} else {
		struct slice body = read_slice(&try, header.len);

		if (!bytes_append(&m->body, a->budget, body.data, body.len) || !mqtt_message_read(m, s->version)) {
			message_free(a, m);
			return malformed(a, side);
		}
	}
	*in = try;
	return message_take(a, side, m) ? PARSE_OK : PARSE_BAD;
}

static enum parse mqtt_feed(struct analysis *a, enum side side, struct reader *in)
{
	struct mqtt_state *s = a->state;

	while (reader_left(in) > 0) {
		size_t skip = reader_left(in) < s->skip[side] ? reader_left(in) : (size_t)s->skip[side];
		enum parse got;

		if (skip > 0) {
			reader_skip(in, skip);
			s->skip[side] -= skip;
			continue;
		}
		got = message_read(a, side, in);
		if (got != PARSE_OK)
			return got;
	}
	return PARSE_OK;
}

/* Within what is passed over nothing is lost; elsewhere nobody knows where the next message starts. */
static bool mqtt_gap(struct analysis *a, enum side side, uint64_t len)
{
	struct mqtt_state *s = a->state;

	if (len > s->skip[side])
		return false;
	s->skip[side] -= len;
	return true;
}

static enum probe mqtt_probe(struct slice data, enum side side, bool is_udp)
{
	struct reader in = reader_slice(data);
	struct mqtt_header h;
	enum parse got = mqtt_header_read(&in, &h);

	(void)side;
	(void)is_udp;
	if (got != PARSE_OK)
		return got == PARSE_MORE ? PROBE_MORE : PROBE_NO;
	switch ((enum mqtt_type)h.type) {
	case MQTT_UNASSIGNED:
		return PROBE_NO;
	case MQTT_PUBLISH:
		return PROBE_YES;
	case MQTT_PUBREL:
	case MQTT_SUBSCRIBE:
	case MQTT_UNSUBSCRIBE:
		return !h.dup && !h.retain ? PROBE_YES : PROBE_NO;
	default:
		return !h.dup && !h.retain && h.qos == 0 ? PROBE_YES : PROBE_NO;
	}
}

/* --- fields --- */

static const struct mqtt_message *messages_of(const struct tx *tx)
{
	return ((const struct mqtt_tx *)tx)->first;
}

#define GETTER(getter, kind, member, present)                                                                  \
	static bool getter(struct analysis *a, struct tx *tx, enum side side, unsigned index,                  \
			   struct field_value *out)                                                            \
	{                                                                                                      \
		(void)a;                                                                                       \
		(void)side;                                                                                    \
		for (const struct mqtt_message *m = messages_of(tx); m != NULL; m = m->next) {                 \
			if (m->header.type != (kind) || m->truncated || !(present) || index-- != 0)            \
				continue;                                                                      \
			out->bytes = m->member;                                                                \
			out->complete = true;                                                                  \
			return true;                                                                           \
		}                                                                                              \
		return false;                                                                                  \
	}

GETTER(get_protocol, MQTT_CONNECT, protocol, true)
GETTER(get_client_id, MQTT_CONNECT, client_id, true)
GETTER(get_username, MQTT_CONNECT, username, m->flags & MQTT_USERNAME)
GETTER(get_password, MQTT_CONNECT, password, m->flags & MQTT_PASSWORD)
GETTER(get_will_topic, MQTT_CONNECT, will_topic, m->flags & MQTT_WILL)
GETTER(get_will_message, MQTT_CONNECT, will_message, m->flags & MQTT_WILL)
GETTER(get_publish_topic, MQTT_PUBLISH, topic, true)
GETTER(get_publish_message, MQTT_PUBLISH, message, true)

static bool get_topics(const struct tx *tx, uint8_t type, unsigned index, struct field_value *out)
{
	for (const struct mqtt_message *m = messages_of(tx); m != NULL; m = m->next) {
		struct reader list = reader_slice(m->list);
		uint8_t qos;

		if (m->header.type != type)
			continue;
		while (mqtt_topic_next(&list, type == MQTT_SUBSCRIBE, &out->bytes, &qos))
			if (index-- == 0)
				return true;
	}
	return false;
}

static bool get_subscribe_topic(struct analysis *a, struct tx *tx, enum side side, unsigned index,
				struct field_value *out)
{
	(void)a;
	(void)side;
	return get_topics(tx, MQTT_SUBSCRIBE, index, out);
}

static bool get_unsubscribe_topic(struct analysis *a, struct tx *tx, enum side side, unsigned index,
				  struct field_value *out)
{
	(void)a;
	(void)side;
	return get_topics(tx, MQTT_UNSUBSCRIBE, index, out);
}

static bool get_type(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	(void)side;
	for (const struct mqtt_message *m = messages_of(tx); m != NULL; m = m->next) {
		if (index-- != 0)
			continue;
		out->number = m->header.type;
		return true;
	}
	return false;
}

static bool get_qos(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	(void)side;
	for (const struct mqtt_message *m = messages_of(tx); m != NULL; m = m->next) {
		if (index-- != 0)
			continue;
		out->number = m->header.qos;
		return true;
	}
	return false;
}

static bool get_version(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	const struct mqtt_state *s = a->state;

	(void)tx;
	(void)side;
	out->number = s->version;
	return index == 0;
}

static bool get_reason(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	(void)side;
	for (const struct mqtt_message *m = messages_of(tx); m != NULL; m = m->next) {
		size_t n = m->has_reason + (m->has_reasons ? m->list.len : 0);

		if (index >= n) {
			index -= (unsigned)n;
			continue;
		}
		out->number = m->has_reason ? m->reason : m->list.data[index];
		return true;
	}
	return false;
}

/* --- keywords with an argument of their own --- */

struct flag_word {
	const char *word;
	uint8_t flag;
};

struct flags_test {
	uint8_t mask, value;
};

/* "dup,!retain" */
static void *flags_parse(const char *argument, const struct flag_word *words, size_t count, const char *error_text,
			 const char **error)
{
	struct slice rest = slice_str(argument), word;
	struct flags_test *t = calloc(1, sizeof(*t));

	while (t != NULL && text_part(&rest, ',', &word)) {
		bool negated = word.len > 0 && word.data[0] == '!';
		size_t i;

		if (negated)
			word = text_trim(slice_skip(word, 1));
		for (i = 0; i < count && !text_is_nocase(word, words[i].word); i++)
			;
		if (i == count || (t->mask & words[i].flag)) {
			*error = i == count ? error_text : "each flag stands once";
			free(t);
			return NULL;
		}
		t->mask |= words[i].flag;
		t->value |= negated ? 0 : words[i].flag;
	}
	return t;
}

enum { FLAG_DUP = 1, FLAG_RETAIN = 2 };

static void *header_flags_parse(const char *argument, const char **error)
{
	static const struct flag_word words[] = { { "dup", FLAG_DUP }, { "retain", FLAG_RETAIN } };

	return flags_parse(argument, words, ARRAY_LEN(words), "the flags are dup and retain, with ! before one that isn't set",
			   error);
}

static bool header_flags_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	const struct flags_test *t = parsed;

	(void)a;
	(void)side;
	for (const struct mqtt_message *m = messages_of(tx); m != NULL; m = m->next) {
		uint8_t flags = (uint8_t)((m->header.dup ? FLAG_DUP : 0) | (m->header.retain ? FLAG_RETAIN : 0));

		if ((flags & t->mask) == t->value)
			return true;
	}
	return false;
}

static void *connect_flags_parse(const char *argument, const char **error)
{
	static const struct flag_word words[] = {
		{ "username", MQTT_USERNAME }, { "password", MQTT_PASSWORD }, { "will", MQTT_WILL },
		{ "will_retain", MQTT_WILL_RETAIN }, { "clean_session", MQTT_CLEAN_SESSION },
	};

	return flags_parse(argument, words, ARRAY_LEN(words),
			   "the flags are username, password, will, will_retain and clean_session, with ! before one "
			   "that isn't set", error);
}

static bool connect_flags_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	const struct flags_test *t = parsed;

	(void)a;
	(void)side;
	for (const struct mqtt_message *m = messages_of(tx); m != NULL; m = m->next)
		if (m->header.type == MQTT_CONNECT && !m->truncated && (m->flags & t->mask) == t->value)
			return true;
	return false;
}

static void *session_present_parse(const char *argument, const char **error)
{
	static const struct flag_word words[] = { { "yes", 1 }, { "true", 1 }, { "no", 2 }, { "false", 2 } };
	struct flags_test *t = flags_parse(argument, words, ARRAY_LEN(words), "yes or no is expected", error);

	if (t != NULL && (t->mask != t->value || t->mask == 3)) {
		*error = "yes or no is expected";
		free(t);
		t = NULL;
	}
	return t;
}

static bool session_present_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	const struct flags_test *t = parsed;

	(void)a;
	(void)side;
	for (const struct mqtt_message *m = messages_of(tx); m != NULL; m = m->next)
		if (m->header.type == MQTT_CONNACK && !m->truncated && m->session_present == (t->mask == 1))
			return true;
	return false;
}

static const struct field_name type_words[] = {
	{ "UNASSIGNED", MQTT_UNASSIGNED }, { "CONNECT", MQTT_CONNECT }, { "CONNACK", MQTT_CONNACK },
	{ "PUBLISH", MQTT_PUBLISH }, { "PUBACK", MQTT_PUBACK }, { "PUBREC", MQTT_PUBREC }, { "PUBREL", MQTT_PUBREL },
	{ "PUBCOMP", MQTT_PUBCOMP }, { "SUBSCRIBE", MQTT_SUBSCRIBE }, { "SUBACK", MQTT_SUBACK },
	{ "UNSUBSCRIBE", MQTT_UNSUBSCRIBE }, { "UNSUBACK", MQTT_UNSUBACK }, { "PINGREQ", MQTT_PINGREQ },
	{ "PINGRESP", MQTT_PINGRESP }, { "DISCONNECT", MQTT_DISCONNECT }, { "AUTH", MQTT_AUTH }, { NULL, 0 },
};

#define BOTH (FIELD_TO_SERVER | FIELD_TO_CLIENT)
#define TEXT(keyword, where, getter, text)                                                                 \
	{ .name = keyword, .type = FIELD_BYTES, .flags = (where), .progress = { 1, 1 }, .get = getter, .summary = text }
#define NUMBER(keyword, more, values, getter, text)                                                        \
	{ .name = keyword, .aliases = more, .type = FIELD_UINT, .width = 8, .flags = BOTH | FIELD_MULTI,   \
	  .progress = { 1, 1 }, .names = values, .get = getter, .summary = text }
#define TEST(keyword, parser, tester, text)                                                                \
	{ .name = keyword, .type = FIELD_TEST, .flags = BOTH, .progress = { 1, 1 }, .test_parse = parser,  \
	  .test = tester, .test_free = free, .summary = text }

static const struct field mqtt_fields[] = {
	NUMBER("mqtt.type", NULL, type_words, get_type, "type of a message"),
	NUMBER("mqtt.qos", NULL, NULL, get_qos, "quality of service in a message's header"),
	NUMBER("mqtt.protocol_version", NULL, NULL, get_version, "version that the client announced"),
	NUMBER("mqtt.reason_code", "mqtt.connack.return_code", NULL, get_reason, "reason or return code of an answer"),
	TEST("mqtt.flags", header_flags_parse, header_flags_test, "dup and retain in a message's header"),
	TEST("mqtt.connect.flags", connect_flags_parse, connect_flags_test, "flags of CONNECT"),
	TEST("mqtt.connack.session_present", session_present_parse, session_present_test,
	     "whether CONNACK says that there was a session"),
	TEXT("mqtt.connect.protocol_string", BOTH, get_protocol, "name of the protocol in CONNECT"),
	TEXT("mqtt.connect.clientid", BOTH, get_client_id, "client identifier in CONNECT"),
	TEXT("mqtt.connect.username", BOTH, get_username, "user name in CONNECT"),
	TEXT("mqtt.connect.password", BOTH, get_password, "password in CONNECT"),
	TEXT("mqtt.connect.willtopic", BOTH, get_will_topic, "topic of the will in CONNECT"),
	TEXT("mqtt.connect.willmessage", BOTH, get_will_message, "message of the will in CONNECT"),
	TEXT("mqtt.publish.topic", BOTH, get_publish_topic, "topic that is published to"),
	TEXT("mqtt.publish.message", BOTH, get_publish_message, "message that is published"),
	TEXT("mqtt.subscribe.topic", BOTH | FIELD_MULTI, get_subscribe_topic, "each topic subscribed to"),
	TEXT("mqtt.unsubscribe.topic", BOTH | FIELD_MULTI, get_unsubscribe_topic, "each topic unsubscribed from"),
};

static enum record_way mqtt_record_way(const struct tx *tx, const void *options)
{
	(void)options;
	return ((const struct mqtt_tx *)tx)->to_client ? RECORD_TO_CLIENT : RECORD_TO_SERVER;
}

const struct analyzer analyzer_mqtt = {
	.abi = ANALYZER_ABI,
	.name = "mqtt",
	.summary = "MQTT 3.1, 3.1.1 and 5.0",
	.transports = TRANSPORT_TCP,
	.ports = "1883",
	.probe = mqtt_probe,
	.pending_max = UINT32_MAX / 2 + MQTT_HEADER_MAX,
	.tx_open_max = UINT32_MAX,
	.settings_new = mqtt_settings_new,
	.settings_free = free,
	.open = mqtt_open,
	.close = mqtt_close,
	.feed = mqtt_feed,
	.gap = mqtt_gap,
	.tx_free = mqtt_tx_free,
	.complete = { 1, 1 },
	.fields = mqtt_fields,
	.field_count = ARRAY_LEN(mqtt_fields),
	.events = mqtt_events,
	.frames = mqtt_frames,
	.event_type = "mqtt",
	.record_options = mqtt_record_options,
	.record_options_free = free,
	.record_way = mqtt_record_way,
	.record = mqtt_record,
};
