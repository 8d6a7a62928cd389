/* syslog.c - records to a syslog: the local one, or another machine's by RFC 5424 over UDP, TCP or TLS.
 *
 * Locally, as Suricata does it: facility, identity, level. Remotely a message carries the record's own
 * time and its event id, as structured data; on a stream it is framed by its length (RFC 6587, octet
 * counting), so that what a record contains can't end it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <unistd.h>

#include "output/format.h"
#include "output/peer.h"
#include "output/record_type.h"

extern const struct sink_kind sink_kind_syslog;

/* RFC 5612's number for examples and documentation: none of our own is registered. */
#define DATA_ID "tapir@32473"
#define HEADER_MAX 640
#define DATAGRAM_MAX 65000

struct syslog_sink {
	struct sink sink;
	struct peer *peer;              /* NULL: the local syslog */
	bool datagrams, newline;
	char identity[64];              /* openlog keeps the pointer */
	char host[256];
	int facility, level;
	struct text batch;
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

static void syslog_close(struct sink *sink)
{
	struct syslog_sink *s = (struct syslog_sink *)sink;

	if (s->peer == NULL)
		closelog();
	peer_free(s->peer);
	text_free(&s->batch);
	free(s);
}

static int open_remote(struct syslog_sink *s, const struct conf *c, char *error, size_t error_len)
{
	static const char *const names[] = { "udp", "tcp", "tls" };
	static const unsigned ports[] = { 514, 601, 6514 };
	const char *name = conf_str(c, "transport", conf_find(c, "server") != NULL ? "udp" : "local");
	const char *framing = conf_str(c, "framing", "octet-counting");

	if (strcmp(name, "local") == 0)
		return 0;
	s->newline = strcmp(framing, "newline") == 0;
	if (!s->newline && strcmp(framing, "octet-counting") != 0) {
		snprintf(error, error_len, "syslog: framing \"%s\"; expected octet-counting or newline", framing);
		return -EINVAL;
	}
	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		s->datagrams = i == TRANSPORT_IS_UDP;
		return peer_new(&s->peer, i, c, ports[i], error, error_len);
	}
	snprintf(error, error_len, "syslog: transport \"%s\"; expected local, udp, tcp or tls", name);
	return -EINVAL;
}

static const struct conf *own_conf(const struct conf *c)
{
	return conf_find(c, "syslog") ? conf_find(c, "syslog") : c;
}

static bool syslog_is_remote(const struct conf *c)
{
	return strcmp(conf_str(own_conf(c), "transport", conf_find(own_conf(c), "server") ? "udp" : "local"), "local") != 0;
}

static int syslog_open(struct sink **out, const struct sink_opts *opts, char *error, size_t error_len)
{
	const char *facility = conf_str(opts->conf, "facility", "local0"), *level = conf_str(opts->conf, "level", "Info");
	int f = value_of(facilities, sizeof(facilities) / sizeof(facilities[0]), facility);
	int l = value_of(levels, sizeof(levels) / sizeof(levels[0]), level), err;
	struct syslog_sink *s;

	if (f < 0 || l < 0) {
		snprintf(error, error_len, "syslog knows no %s \"%s\"", f < 0 ? "facility" : "level", f < 0 ? facility : level);
		return -EINVAL;
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->sink.kind = &sink_kind_syslog;
	s->facility = f;
	s->level = l;
	snprintf(s->identity, sizeof(s->identity), "%s", conf_str(opts->conf, "identity", "tapir"));
	snprintf(s->host, sizeof(s->host), "%s", opts->host ? opts->host : "-");
	err = open_remote(s, own_conf(opts->conf), error, error_len);
	if (err < 0) {
		free(s);
		return err;
	}
	if (s->peer == NULL)
		openlog(s->identity, LOG_PID | LOG_NDELAY, f);
	*out = &s->sink;
	return 0;
}

/* An alert's severity shows in the message's: the worst are critical. */
static int header_level(const struct syslog_sink *s, const struct sink_record *r)
{
	static const int by_severity[] = { LOG_INFO, LOG_CRIT, LOG_ERR, LOG_WARNING };

	if (r->type != RECORD_TYPE_ALERT || s->level != LOG_INFO)
		return s->level;
	return r->severity < 4 ? by_severity[r->severity] : LOG_NOTICE;
}

static int header(const struct syslog_sink *s, const struct sink_record *r, char out[HEADER_MAX])
{
	const char *type = record_type_name(r->type);
	char when[48];

	sink_record_time(r, when);
	return snprintf(out, HEADER_MAX, "<%d>1 %s %.255s %.48s %ld %.32s [" DATA_ID " id=\"%s\"] ",
			s->facility | header_level(s, r), when, s->host, s->identity, (long)getpid(), type ? type : "-", r->id);
}

static int send_datagrams(struct syslog_sink *s, struct sink_record *records, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char head[HEADER_MAX];
		int n = header(s, &records[i], head), err;
		struct iovec parts[2] = { { .iov_base = head, .iov_len = (size_t)n },
					  { .iov_base = (void *)(uintptr_t)records[i].text, .iov_len = records[i].len } };

		err = (size_t)n + records[i].len > DATAGRAM_MAX ? -EMSGSIZE : peer_datagram(s->peer, parts, 2);
		if (err == -ECONNREFUSED)       /* that was the answer to the one before: it has to go again as well */
			records[i > 0 ? i - 1 : 0].verdict = SINK_AGAIN;
		if (err < 0 && err != -EMSGSIZE) {
			sink_verdicts(records, i, count, SINK_AGAIN);
			return err;
		}
		records[i].verdict = err == 0 ? SINK_SENT : SINK_REFUSED;
		if (err < 0)
			sink_failed(&s->sink, 0, "a record of %u bytes is too long for a datagram", records[i].len);
	}
	return 0;
}

static int send_stream(struct syslog_sink *s, struct sink_record *records, unsigned count)
{
	int err;

	s->batch.len = 0;
	for (unsigned i = 0; i < count; i++) {
		char head[HEADER_MAX], frame[16];
		int n = header(s, &records[i], head);
		int f = snprintf(frame, sizeof(frame), "%zu ", (size_t)n + records[i].len);

		if (!s->newline)
			text_add(&s->batch, frame, (size_t)f);
		text_add(&s->batch, head, (size_t)n);
		text_add(&s->batch, records[i].text, records[i].len);
		if (s->newline)
			text_add(&s->batch, "\n", 1);
	}
	err = s->batch.failed ? -ENOMEM : peer_write(s->peer, s->batch.data, s->batch.len);
	if (err == 0)
		err = peer_flushed(s->peer);
	sink_verdicts(records, 0, count, err == 0 ? SINK_SENT : SINK_AGAIN);
	return err;
}

static int syslog_send(struct sink *sink, struct sink_record *records, unsigned count)
{
	struct syslog_sink *s = (struct syslog_sink *)sink;
	int err;

	if (s->peer == NULL) {
		for (unsigned i = 0; i < count; i++)
			syslog(s->level, "%.*s", (int)records[i].len, records[i].text);
		sink_verdicts(records, 0, count, SINK_SENT);
		return 0;
	}
	err = peer_ready(s->peer);
	if (err < 0)
		sink_verdicts(records, 0, count, SINK_AGAIN);
	else
		err = s->datagrams ? send_datagrams(s, records, count) : send_stream(s, records, count);
	return err < 0 ? sink_failed(sink, err, "%s", peer_error(s->peer)) : 0;
}

const struct sink_kind sink_kind_syslog = {
	.name = "syslog", .is_remote = syslog_is_remote, .open = syslog_open, .send = syslog_send, .close = syslog_close,
};
