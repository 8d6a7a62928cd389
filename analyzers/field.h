/* field.h - a value that an analyzer extracts, declared once.
 *
 * From a row of this table follow the rule keyword (sticky buffer, number test, or a test of its own),
 * the property in scripts, the row of `tapir analyzers list` and the generated reference. A getter is a
 * pure look into a transaction: it gives a view that stays valid until the transaction changes. What has
 * to be put together first (http.header) is built once, lazily, and cached in the transaction. */
#ifndef TAPIR_ANALYZERS_FIELD_H
#define TAPIR_ANALYZERS_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "stack/wire/packet.h"

struct analysis;
struct tx;

enum field_type {
	FIELD_BYTES,            /* a sticky buffer */
	FIELD_UINT,             /* a number: "keyword:>3", ranges, and names where it has any */
	FIELD_FLAG,             /* there or not: the keyword takes no argument */
	FIELD_TEST,             /* the keyword's argument has a form of its own: see test_* */
};

enum field_flag {
	FIELD_TO_SERVER = 1 << 0,       /* which direction's progress makes it readable: one or both */
	FIELD_TO_CLIENT = 1 << 1,
	FIELD_MULTI = 1 << 2,           /* several values: index 0, 1, … until the getter says no */
	FIELD_GROWS = 1 << 3,           /* a body: offset and complete of the value matter */
	FIELD_LOWER = 1 << 4,           /* the value is lower case by definition (http.host): for the rule checker */
	FIELD_NO_FAST = 1 << 5,         /* not used for the prefilter unless asked for */
	FIELD_FILE = 1 << 6,            /* over the files of a transaction (file.data, file.name) */
};

struct field_value {
	struct slice bytes;
	uint64_t number;
	uint64_t offset;        /* FIELD_GROWS: where bytes start in the whole value */
	bool complete;          /* nothing more will follow */
};

struct field_name {
	const char *text;
	uint64_t value;
};

struct field {
	const char *name;               /* "http.uri"; the rule keyword and the script property */
	const char *aliases;            /* further keyword names for the same sticky buffer: "dns_query ja3_hash" */
	const char *modifier;           /* legacy content modifier: "http_uri", or NULL */
	char pcre_letter;               /* 'U', or 0 */
	uint8_t type;                   /* enum field_type */
	uint8_t width;                  /* FIELD_UINT: bits 8, 16, 32, 64 */
	uint16_t flags;                 /* enum field_flag */
	uint8_t progress[2];            /* by side: readable from this progress of the transaction on */
	uint8_t final[2];               /* by side: it won't change any more from here on (0 = as progress) */
	const struct field_name *names; /* FIELD_UINT: names for values, ended by text NULL */
	/* The value number index; false where there is none (now). */
	bool (*get)(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out);
	/* FIELD_TEST: argument to a heap object, or NULL and *error a static text; and the test. */
	void *(*test_parse)(const char *argument, const char **error);
	bool (*test)(struct analysis *a, struct tx *tx, enum side side, const void *parsed);
	void (*test_free)(void *parsed);
	const char *summary;            /* one line for the reference */
};

#endif
