/* pgsql.h - a PostgreSQL transaction, as pgsql.c reads it and record.c writes it. */
#ifndef TAPIR_ANALYZERS_PGSQL_PGSQL_H
#define TAPIR_ANALYZERS_PGSQL_PGSQL_H

#include "analyzers/analyzer.h"

#define PGSQL_ITEMS_MAX 48

enum pgsql_request {
	PGSQL_UNKNOWN, PGSQL_SSL, PGSQL_STARTUP, PGSQL_CANCEL, PGSQL_PASSWORD, PGSQL_SASL_INITIAL,
	PGSQL_SASL_RESPONSE, PGSQL_QUERY, PGSQL_COPY, PGSQL_TERMINATE,
};

/* What the server says about authentication: the code of an 'R' message. */
enum pgsql_auth {
	PGSQL_AUTH_OK = 0, PGSQL_AUTH_KERBEROS = 2, PGSQL_AUTH_CLEARTEXT = 3, PGSQL_AUTH_MD5 = 5,
	PGSQL_AUTH_GSS = 7, PGSQL_AUTH_GSS_CONTINUE = 8, PGSQL_AUTH_SSPI = 9, PGSQL_AUTH_SASL = 10,
	PGSQL_AUTH_SASL_CONTINUE = 11, PGSQL_AUTH_SASL_FINAL = 12, PGSQL_AUTH_NONE = 0xffff,
};

/* An answer: its type byte ('s' and 'n': SSL accepted or not) and what is kept of it. */
struct pgsql_item {
	uint8_t type;
	struct bytes body;
};

struct pgsql_tx {
	struct tx tx;
	enum pgsql_request kind;
	uint8_t copy_ended;             /* 'c' done, 'f' failed */
	uint16_t field_count;
	uint32_t version;
	struct bytes request;
	uint64_t copy_in_count, copy_in_size, copy_out_count, copy_out_size;
	uint64_t rows, rows_size;
	unsigned item_count;
	struct pgsql_item items[PGSQL_ITEMS_MAX];
};

void *pgsql_record_options(const struct conf *type);
bool pgsql_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j);

#endif
