/* sink.h - where records go: one kind per file in output/sinks/, each with one
 * `const struct sink_kind sink_kind_<file>`; the build makes the table.
 *
 * A sink is handed whole lines, from any worker, one call at a time per sink (the caller
 * serialises). It must not block for long: what can't be taken now is its business to spool. */
#ifndef TAPIR_OUTPUT_SINK_H
#define TAPIR_OUTPUT_SINK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/conf.h"

struct sink;

struct sink_opts {
	const struct conf *conf;        /* the output's node: filename, filemode, append, rotate-interval, … */
	const char *log_dir;
	const char *default_name;       /* "eve.json" */
};

struct sink_kind {
	const char *name;               /* filetype: regular, unix_stream, unix_dgram, syslog, … */
	/* 0 or -errno; then *error (at most error_len bytes) says what a person should do. */
	int (*open)(struct sink **out, const struct sink_opts *opts, char *error, size_t error_len);
	/* 0, or -errno with nothing written: the caller counts the loss. */
	int (*write)(struct sink *s, const char *lines, size_t len);
	int (*reopen)(struct sink *s);
	void (*close)(struct sink *s);
	const char *(*path)(const struct sink *s);
};

struct sink {
	const struct sink_kind *kind;
};

extern const struct sink_kind *const sink_kinds[];
extern const unsigned sink_kind_count;
const struct sink_kind *sink_kind_find(const char *name);

#endif
