/* message.h - a DNS message taken apart; what dns, mdns and llmnr share.
 *
 * A message keeps its bytes, its records by section, and the text of its names, all charged to the
 * flow's budget. Names are text with dots between labels, whatever bytes the labels have. */
#ifndef TAPIR_ANALYZERS_DNS_MESSAGE_H
#define TAPIR_ANALYZERS_DNS_MESSAGE_H

#include "analyzers/analyzer.h"

#define DNS_HEADER_LEN 12

enum dns_type {
	DNS_A = 1, DNS_NS = 2, DNS_CNAME = 5, DNS_SOA = 6, DNS_NULL = 10, DNS_PTR = 12, DNS_MX = 15,
	DNS_TXT = 16, DNS_AAAA = 28, DNS_SRV = 33, DNS_OPT = 41, DNS_SSHFP = 44,
};

enum dns_flag {
	DNS_RESPONSE = 0x8000, DNS_AA = 0x0400, DNS_TC = 0x0200, DNS_RD = 0x0100, DNS_RA = 0x0080,
	DNS_Z = 0x0040, DNS_AD = 0x0020, DNS_CD = 0x0010,
};

/* What was odd about a message but didn't keep it from being read. */
enum dns_oddity {
	DNS_NAME_LONG = 1 << 0,         /* cut at DNS_NAME_MAX */
	DNS_NAME_LOOP = 1 << 1,
	DNS_NAME_LABELS = 1 << 2,       /* more labels and pointers than are followed */
	DNS_BAD_AUTHORITIES = 1 << 3,   /* that section is broken, those before it are good */
	DNS_BAD_ADDITIONALS = 1 << 4,
};

enum dns_section { DNS_QUERIES, DNS_ANSWERS, DNS_AUTHORITIES, DNS_ADDITIONALS, DNS_SECTIONS };

struct dns_name {
	uint32_t at;            /* in dns_message.text */
	uint16_t len;
	bool cut;               /* there was more */
};

struct dns_record {
	struct dns_name name;
	uint16_t type, class;
	uint32_t ttl;
	uint32_t data_at;       /* in dns_message.raw; of a TXT: one of its strings, without the length */
	uint16_t data_len;
	struct dns_name target;         /* NS, CNAME, PTR, MX, SRV, SOA: the name in its data */
	struct dns_name mailbox;        /* SOA */
};

struct dns_message {
	uint16_t id, flags;
	uint8_t oddities;               /* bits of enum dns_oddity */
	uint32_t first[DNS_SECTIONS + 1];       /* records of section s: [first[s], first[s + 1]) */
	struct dns_record *records;
	uint32_t records_cap;
	struct bytes raw;
	struct bytes text;
};

/* data is exactly one message. PARSE_MORE: it ends too early. PARSE_BAD: it is broken, or there is no memory.
 * Whatever the answer, dns_message_fini is due. */
enum parse dns_message_parse(struct dns_message *m, struct budget *budget, struct slice data);
void dns_message_fini(struct dns_message *m, struct budget *budget);

/* Could these bytes be the beginning of a message of whole_len bytes? *is_query says which kind. */
enum probe dns_header_probe(struct slice data, size_t whole_len, bool *is_query);

static inline uint32_t dns_count(const struct dns_message *m, enum dns_section s)
{
	return m->first[s + 1] - m->first[s];
}

static inline const struct dns_record *dns_record_at(const struct dns_message *m, enum dns_section s, uint32_t i)
{
	return i < dns_count(m, s) ? &m->records[m->first[s] + i] : NULL;
}

static inline struct slice dns_text(const struct dns_message *m, struct dns_name n)
{
	return slice_of(m->text.data + n.at, n.len);
}

static inline struct slice dns_data(const struct dns_message *m, const struct dns_record *r)
{
	return slice_of(m->raw.data + r->data_at, r->data_len);
}

static inline uint8_t dns_opcode(const struct dns_message *m)
{
	return (m->flags >> 11) & 0xf;
}

/* True where the data of this type is a name: dns_record.target. */
bool dns_has_target(uint16_t type);
/* "AAAA"; NULL where Suricata has no name for it either. */
const char *dns_type_name(uint16_t type);
const char *dns_rcode_name(uint16_t flags);
extern const struct field_name dns_type_names[], dns_rcode_names[];

/* One message is one transaction, in one direction. */
struct dns_tx {
	struct tx tx;
	bool response;
	struct dns_message msg;
};

void dns_tx_free(struct analysis *a, struct tx *tx);

/* dns.c: what the three do with a flow. */
struct dns_state {
	bool lost[2];           /* TCP: bytes are missing, the next length isn't known */
	bool by_flag;           /* a message is what its flag says, whoever sent it (multicast) */
};

extern const char *const dns_events[], *const dns_frames[];
enum probe dns_probe(struct slice data, enum side side, bool is_udp);
int dns_open(struct analysis *a);
void dns_close(struct analysis *a);
enum parse dns_feed(struct analysis *a, enum side side, struct reader *in);
bool dns_gap(struct analysis *a, enum side side, uint64_t len);

/* Getters that any of the three protocols' fields use; section and kind are in the names. */
bool dns_get_queries(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out);
bool dns_get_answers(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out);
bool dns_get_authorities(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out);
bool dns_get_additionals(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out);
/* Every name in a response: of its records, and in their data. */
bool dns_get_response_names(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out);

/* JSON of one record's data, under key: names, addresses, text, objects. lower: mdns's form of TXT. */
void dns_json_address(struct json *j, const char *key, struct slice data);
void dns_json_soa(struct json *j, const char *key, const struct dns_message *m, const struct dns_record *r);
void dns_json_srv(struct json *j, const char *key, const struct dns_message *m, const struct dns_record *r);
void dns_json_sshfp(struct json *j, const char *key, const struct dns_message *m, const struct dns_record *r);
void dns_json_opt(struct json *j, const char *key, const struct dns_message *m, const struct dns_record *r);
/* An OPT record without options says nothing worth writing. */
bool dns_is_empty_opt(const struct dns_record *r);

/* mdns and llmnr: the record has members in lower case by type, under the protocol's name; no message waits for
 * another. */
bool dns_local_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j);
enum record_way dns_local_record_way(const struct tx *tx, const void *options);

/* A row for a buffer of names in the three protocols' tables of fields. */
#define DNS_NAMES(keyword, more, where, getter, text)                                                 \
	{                                                                                             \
		.name = keyword, .aliases = more, .type = FIELD_BYTES, .flags = (where) | FIELD_MULTI, \
		.progress = { 1, 1 }, .get = getter, .summary = text                                  \
	}

/* The fields of mdns and llmnr. */
#define DNS_LOCAL_FIELDS(proto)                                                                                \
	DNS_NAMES(proto ".queries.rrname", NULL, DNS_BOTH, dns_get_queries, "name of each query"),             \
	DNS_NAMES(proto ".answers.rrname", NULL, DNS_BOTH, dns_get_answers, "name of each answer"),            \
	DNS_NAMES(proto ".authorities.rrname", NULL, DNS_BOTH, dns_get_authorities,                            \
		  "name of each authority record"),                                                            \
	DNS_NAMES(proto ".additionals.rrname", NULL, DNS_BOTH, dns_get_additionals,                            \
		  "name of each additional record"),                                                           \
	DNS_NAMES(proto ".response.rrname", NULL, DNS_BOTH, dns_get_response_names,                            \
		  "every name in a response, those in records' data included")
#define DNS_BOTH (FIELD_TO_SERVER | FIELD_TO_CLIENT)

#endif
