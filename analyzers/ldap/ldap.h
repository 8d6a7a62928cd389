/* ldap.h - what the files of this folder share: a message, and the transaction that a request opens. */
#ifndef TAPIR_ANALYZERS_LDAP_LDAP_H
#define TAPIR_ANALYZERS_LDAP_LDAP_H

#include "analyzers/analyzer.h"
#include "analyzers/ber.h"

/* Application tags (RFC 4511, 4.2 onwards). */
enum ldap_op {
	LDAP_BIND_REQUEST, LDAP_BIND_RESPONSE, LDAP_UNBIND_REQUEST, LDAP_SEARCH_REQUEST, LDAP_SEARCH_ENTRY,
	LDAP_SEARCH_DONE, LDAP_MODIFY_REQUEST, LDAP_MODIFY_RESPONSE, LDAP_ADD_REQUEST, LDAP_ADD_RESPONSE,
	LDAP_DEL_REQUEST, LDAP_DEL_RESPONSE, LDAP_MOD_DN_REQUEST, LDAP_MOD_DN_RESPONSE, LDAP_COMPARE_REQUEST,
	LDAP_COMPARE_RESPONSE, LDAP_ABANDON_REQUEST, LDAP_SEARCH_REFERENCE = 19, LDAP_EXTENDED_REQUEST = 23,
	LDAP_EXTENDED_RESPONSE, LDAP_INTERMEDIATE_RESPONSE,
	LDAP_OPS,
};

#define LDAP_RESPONSES_MAX 1024         /* kept of one transaction */
#define LDAP_STARTTLS "1.3.6.1.4.1.1466.20037"

/* Slices point into raw. */
struct ldap_message {
	struct ldap_message *next;
	struct bytes raw;               /* operation and controls */
	uint32_t id;
	uint8_t op;                     /* enum ldap_op */
	struct slice body;              /* of the operation */
	struct slice controls;
};

struct ldap_tx {
	struct tx tx;
	struct ldap_message *request;   /* NULL: an answer to nothing */
	struct ldap_message *responses, *last;
	uint32_t response_count;        /* kept or not */
};

/* What many operations end with. */
struct ldap_result {
	uint32_t code;
	struct slice matched_dn, message;
};

/* "bind_request"; NULL where there is no such operation. */
extern const char *const ldap_op_names[LDAP_OPS];
extern const struct field_name ldap_op_words[], ldap_result_words[];
bool ldap_is_response(uint8_t op);
/* Of a response; what follows it is left in *in. False where this operation has none, or it is malformed. */
bool ldap_result_read(const struct ldap_message *m, struct ldap_result *out, struct reader *in);
/* The entry that an operation is about. */
bool ldap_dn(const struct ldap_message *m, struct slice *dn);
/* The type of attribute number *index of an operation; where it has fewer, *index goes down by their number. */
bool ldap_attribute(const struct ldap_message *m, unsigned *index, struct slice *type);

bool ldap_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j);

#endif
