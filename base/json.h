/* json.h - an append-only JSON writer for records.
 *
 * It writes into a buffer that keeps its memory from record to record. Commas
 * and quotes are its business; nesting is checked with must(). What it writes
 * is always valid UTF-8: text that isn't is written with each byte above 0x7f as
 * \xhh (four characters, the backslash escaped for JSON), as Suricata does. A record that outgrows the limit is cut at the last whole
 * member and stays valid; json_overflowed tells. */
#ifndef TAPIR_BASE_JSON_H
#define TAPIR_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define JSON_DEPTH_MAX 32

struct json {
	char *buf;              /* heap; grows by doubling up to max, then stays */
	size_t len;
	size_t cap;
	size_t max;
	uint8_t depth;
	uint32_t skipped;       /* objects opened since the record was full */
	bool overflowed;
	uint8_t first[JSON_DEPTH_MAX];  /* no comma needed at this depth yet */
	char closer[JSON_DEPTH_MAX];
};

/* A position that json_rewind can go back to. */
struct json_mark {
	size_t len;
	uint32_t skipped;
	uint8_t depth;
	uint8_t first;
};

/* Starts empty; the buffer is taken now. Returns 0 or -ENOMEM. */
int json_init(struct json *j, size_t cap, size_t max);
void json_fini(struct json *j);
/* Forgets what was written, keeps the memory. */
void json_reset(struct json *j);

/* Jansson has functions of these names (and json_null). They are other symbols for the linker, and a file
 * includes one of the two headers; tests that need both use base/check_json.h. */
/* key is NULL inside arrays and for the outermost value. Keys are ours (ASCII, no escaping). */
void json_object(struct json *j, const char *key) __asm__("tapir_json_object");
void json_array(struct json *j, const char *key) __asm__("tapir_json_array");
/* Closes the innermost object or array. */
void json_close(struct json *j);
void json_str(struct json *j, const char *key, const char *value);
/* Bytes from the wire: any content. */
void json_bytes(struct json *j, const char *key, const void *data, size_t len);
void json_slice(struct json *j, const char *key, struct slice s);
/* At most max bytes of them, and a note on how many more there are. */
void json_bytes_max(struct json *j, const char *key, const void *data, size_t len, size_t max);
/* json_slice, under a key that comes from the wire or from a person. */
void json_bytes_keyed(struct json *j, struct slice key, struct slice value);
void json_array_keyed(struct json *j, struct slice key);
void json_object_keyed(struct json *j, struct slice key);
void json_uint(struct json *j, const char *key, uint64_t v);
void json_int(struct json *j, const char *key, int64_t v);
void json_bool(struct json *j, const char *key, bool v);
void json_null(struct json *j, const char *key) __asm__("tapir_json_null");
/* As many digits as give the same number back; what JSON can't say is null. */
void json_double(struct json *j, const char *key, double v);
void json_base64(struct json *j, const char *key, const void *data, size_t len);
/* Lower-case hex, sep between bytes where it isn't 0. */
void json_hex(struct json *j, const char *key, const void *data, size_t len, char sep);
/* Printable ASCII, CR and LF as they are, every other byte as '.'. */
void json_printable(struct json *j, const char *key, const void *data, size_t len);
void json_printf(struct json *j, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A member whose value is JSON already. */
void json_raw(struct json *j, const char *key, struct slice value);

/* Whether it is well-formed UTF-8 (RFC 3629). */
bool json_utf8_valid(const void *data, size_t len);

struct json_mark json_mark(const struct json *j);
/* Takes back all since the mark (for an object that turned out empty). */
void json_rewind(struct json *j, struct json_mark m);
bool json_overflowed(const struct json *j);
/* Ends a record: appends a newline; must stand at depth 0. */
void json_line(struct json *j);

#endif
