/* syslog.c - records to the local syslog, one message a record. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "output/sink.h"

extern const struct sink_kind sink_kind_syslog;

struct syslog_sink {
	struct sink sink;
	char identity[64];              /* openlog keeps the pointer */
	int priority;
};

struct named { const char *name; int value; };

static int value_of(const struct named *rows, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(rows[i].name, name) == 0)
			return rows[i].value;
	return -1;
}

static const struct named facilities[] = {
	{ "auth", LOG_AUTH }, { "authpriv", LOG_AUTHPRIV }, { "cron", LOG_CRON }, { "daemon", LOG_DAEMON }, { "ftp", LOG_FTP },
	{ "kern", LOG_KERN }, { "lpr", LOG_LPR }, { "mail", LOG_MAIL }, { "news", LOG_NEWS }, { "syslog", LOG_SYSLOG },
	{ "user", LOG_USER }, { "uucp", LOG_UUCP }, { "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 },
	{ "local2", LOG_LOCAL2 }, { "local3", LOG_LOCAL3 }, { "local4", LOG_LOCAL4 }, { "local5", LOG_LOCAL5 },
	{ "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 },
};
static const struct named levels[] = {
	{ "Emergency", LOG_EMERG }, { "Alert", LOG_ALERT }, { "Critical", LOG_CRIT }, { "Error", LOG_ERR },
	{ "Warning", LOG_WARNING }, { "Notice", LOG_NOTICE }, { "Info", LOG_INFO }, { "Debug", LOG_DEBUG },
	{ "Emerg", LOG_EMERG }, { "Crit", LOG_CRIT }, { "Err", LOG_ERR },
};

static int syslog_open(struct sink **out, const struct sink_opts *opts, char *error, size_t error_len)
{
	const char *facility = conf_str(opts->conf, "facility", "local0"), *level = conf_str(opts->conf, "level", "Info");
	int f = value_of(facilities, sizeof(facilities) / sizeof(facilities[0]), facility);
	int l = value_of(levels, sizeof(levels) / sizeof(levels[0]), level);
	struct syslog_sink *s;

	if (f < 0 || l < 0) {
		snprintf(error, error_len, "syslog knows no %s \"%s\"", f < 0 ? "facility" : "level", f < 0 ? facility : level);
		return -EINVAL;
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->sink.kind = &sink_kind_syslog;
	s->priority = l;
	snprintf(s->identity, sizeof(s->identity), "%s", conf_str(opts->conf, "identity", "tapir"));
	openlog(s->identity, LOG_PID | LOG_NDELAY, f);
	*out = &s->sink;
	return 0;
}

static int syslog_write(struct sink *sink, const char *lines, size_t len)
{
	const struct syslog_sink *s = (const struct syslog_sink *)sink;

	while (len > 0) {
		const char *end = memchr(lines, '\n', len);
		size_t line = end ? (size_t)(end - lines) : len;

		syslog(s->priority, "%.*s", (int)line, lines);
		lines += line + (end != NULL);
		len -= line + (end != NULL);
	}
	return 0;
}

static void syslog_close(struct sink *sink)
{
	closelog();
	free(sink);
}

const struct sink_kind sink_kind_syslog = {
	.name = "syslog", .open = syslog_open, .write = syslog_write, .close = syslog_close,
};
