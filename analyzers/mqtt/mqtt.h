/* mqtt.h - what the files of this folder share: a message, and the transaction it belongs to. */
#ifndef TAPIR_ANALYZERS_MQTT_MQTT_H
#define TAPIR_ANALYZERS_MQTT_MQTT_H

#include "analyzers/analyzer.h"

enum mqtt_type {
	MQTT_UNASSIGNED, MQTT_CONNECT, MQTT_CONNACK, MQTT_PUBLISH, MQTT_PUBACK, MQTT_PUBREC, MQTT_PUBREL,
	MQTT_PUBCOMP, MQTT_SUBSCRIBE, MQTT_SUBACK, MQTT_UNSUBSCRIBE, MQTT_UNSUBACK, MQTT_PINGREQ, MQTT_PINGRESP,
	MQTT_DISCONNECT, MQTT_AUTH,
};
#define MQTT_TYPES 16

/* Of CONNECT, as they are on the wire (MQTT 3.1.1, 3.1.2.3). */
enum mqtt_connect_flag {
	MQTT_CLEAN_SESSION = 0x02, MQTT_WILL = 0x04, MQTT_WILL_RETAIN = 0x20, MQTT_PASSWORD = 0x40, MQTT_USERNAME = 0x80,
};

#define MQTT_HEADER_MAX 5               /* a type and a length of one to four bytes */

struct mqtt_header {
	uint8_t type;                   /* enum mqtt_type */
	uint8_t qos;                    /* 0 to 3, as it stands there */
	bool dup, retain;
	uint8_t header_len;
	uint32_t len;                   /* of the body */
};

/* Slices point into body. */
struct mqtt_message {
	struct mqtt_message *next;
	struct mqtt_header header;
	bool truncated;                 /* longer than max-msg-length: there is only its header */
	struct bytes body;
	uint8_t version;                /* CONNECT */
	uint8_t flags;                  /* CONNECT: enum mqtt_connect_flag */
	bool session_present;           /* CONNACK */
	bool has_id, has_reason, has_reasons;
	uint16_t id;
	uint8_t reason;
	struct slice protocol, client_id, will_topic, will_message, username, password;
	struct slice topic, message;    /* PUBLISH */
	struct slice list;              /* topics of (UN)SUBSCRIBE, reasons of SUBACK and UNSUBACK */
	struct slice properties, will_properties;
};

/* A message and those that answer it. */
struct mqtt_tx {
	struct tx tx;
	struct mqtt_message *first, *last;
	struct mqtt_tx *next_waiting;   /* in its chain in the flow's state */
	uint32_t id;                    /* what its answers will name; MQTT_NO_ID: it waits for none */
	bool to_client;                 /* who began it */
};

/* OK, with *out filled in. MORE: bytes are missing. BAD: a length of five bytes. */
enum parse mqtt_header_read(struct reader *in, struct mqtt_header *out);
/* Reads m->body, whose header is there, as protocol version `version` has it. False: malformed. */
bool mqtt_message_read(struct mqtt_message *m, uint8_t version);

/* The next topic of a list; *qos is set where subscribing. False at its end. */
bool mqtt_topic_next(struct reader *list, bool subscribe, struct slice *topic, uint8_t *qos);

struct mqtt_property {
	const char *name;               /* NULL: a user property, whose name is in key */
	bool is_number;
	uint64_t number;
	struct slice key, text;
};
/* The next one; false at the end, or where it is malformed (in->ran_out). */
bool mqtt_property_next(struct reader *in, struct mqtt_property *out);

/* record.c */
extern const char *const mqtt_type_names[MQTT_TYPES];   /* lower case */
void *mqtt_record_options(const struct conf *type);
bool mqtt_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j);

#endif
