/* sink.h - where records go: one kind per file in output/sinks/, each with one
 * `const struct sink_kind sink_kind_<file>`; the build makes the table.
 *
 * A sink belongs to the sender thread of one delivery: it may block (for a bounded time) and needs no
 * lock. It is handed a batch of records and says of each whether it has arrived, may be tried again,
 * or will never be accepted. What is to be tried again stays with the delivery. */
#ifndef TAPIR_OUTPUT_SINK_H
#define TAPIR_OUTPUT_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"

#define EVENT_ID_MAX 33         /* 32 hex digits: the run's, then the record's */

struct sink;

struct sink_opts {
	const struct conf *conf;        /* the output's node: filename, filemode, append, rotate-interval, … */
	const char *log_dir;
	const char *default_name;       /* "eve.json" */
	const char *host;               /* this sensor's name */
	bool live;
};

enum sink_verdict { SINK_AGAIN, SINK_SENT, SINK_REFUSED };

struct sink_record {
	const char *text;               /* as the sink's format has it, without a newline */
	uint32_t len;
	uint8_t type;                   /* enum record_type */
	uint8_t severity;               /* of alerts: 1 is the worst; else 0 */
	uint8_t verdict;                /* enum sink_verdict: the sink's answer */
	uint64_t time_s;                /* when it was collected */
	const char *key;                /* its community id, not terminated; NULL where it has none */
	uint32_t key_len;
	char id[EVENT_ID_MAX];          /* stays the same when it is sent again */
};

struct sink_kind {
	const char *name;               /* filetype: regular, unix_stream, unix_dgram, syslog, … */
	/* Another machine's: records wait in a spool on disk and carry an event id, unless configured otherwise. */
	bool remote;
	bool (*is_remote)(const struct conf *c);        /* where it depends on the configuration; else NULL */
	/* 0 or -errno; then *error (at most error_len bytes) says what a person should do. A peer that isn't there is no error. */
	int (*open)(struct sink **out, const struct sink_opts *opts, char *error, size_t error_len);
	/* Gives each record its verdict. 0; or -errno, with s->error, where some have to be tried again. */
	int (*send)(struct sink *s, struct sink_record *records, unsigned count);
	int (*reopen)(struct sink *s);          /* SIGHUP; may be NULL */
	void (*close)(struct sink *s);
	const char *(*path)(const struct sink *s);      /* of a file; may be NULL */
};

struct sink {
	const struct sink_kind *kind;
	char error[256];                /* why the last send failed, for people */
};

extern const struct sink_kind *const sink_kinds[];
extern const unsigned sink_kind_count;
const struct sink_kind *sink_kind_find(const char *name);
/* Notes why, and returns err. */
int sink_failed(struct sink *s, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The record's own time, "2026-11-22T19:40:00.123456+00:00"; where it has none, when it was collected. */
void sink_record_time(const struct sink_record *r, char out[48]);
uint64_t sink_record_time_us(const struct sink_record *r);
/* Sets all verdicts from index `from` on. */
void sink_verdicts(struct sink_record *records, unsigned from, unsigned count, enum sink_verdict verdict);

#endif
