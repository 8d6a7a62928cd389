/* pcap_log.c - see pcap_log.h.
 *
 * One file for all workers, "log.pcap.<seconds of its first packet>". When it has reached its limit the next one is
 * begun, and the oldest beyond max-files is removed. A file that can't be written ends the log, not the sensor. */
#include "output/pcap_log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/log.h"
#include "capture/pcap_writer.h"

#define FILES_MAX 65536

enum pcap_when { WHEN_ALWAYS, WHEN_ALERT, WHEN_TAGGED };

struct pcap_log {
	pthread_mutex_t lock;
	struct pcap_writer *writer;
	char *stem;                     /* directory and name, to which times are put */
	uint64_t limit;                 /* bytes of a file; 0 = any */
	uint8_t when;                   /* enum pcap_when */
	bool usec, honor_pass, failed;
	unsigned long long last_seconds;        /* in the name of the newest file */
	char **names;                   /* a ring of those that are there */
	unsigned names_max, next;
};

int pcap_log_new(struct pcap_log **out, const struct conf *conf, const char *log_dir)
{
	const char *name = conf_str(conf, "filename", "log.pcap"), *dir = conf_str(conf, "dir", log_dir);
	const char *when = conf_str(conf, "conditional", "all");
	int64_t files = conf_int(conf, "max-files", 0);
	struct pcap_log *l = calloc(1, sizeof(*l));

	*out = NULL;
	if (l == NULL)
		return -ENOMEM;
	pthread_mutex_init(&l->lock, NULL);
	l->limit = conf_size(conf, "limit", 0);
	l->honor_pass = conf_bool(conf, "honor-pass-rules", false);
	l->usec = strcasecmp(conf_str(conf, "ts-format", "sec"), "usec") == 0;
	l->when = strcasecmp(when, "alerts") == 0 ? WHEN_ALERT : strcasecmp(when, "tag") == 0 ? WHEN_TAGGED : WHEN_ALWAYS;
	l->names_max = files > 0 && files <= FILES_MAX ? (unsigned)files : 0;
	l->names = calloc(l->names_max + 1, sizeof(*l->names));
	if (l->names == NULL || asprintf(&l->stem, "%s/%s", name[0] == '/' ? "" : dir, name) < 0) {
		l->stem = NULL;
		pcap_log_free(l);
		return -ENOMEM;
	}
	if (strcasecmp(conf_str(conf, "compression", "none"), "none") != 0)
		log_warning("pcap-log: files aren't compressed: they are written as they are");
	*out = l;
	return 0;
}

void pcap_log_free(struct pcap_log *l)
{
	if (l == NULL)
		return;
	if (l->writer != NULL)
		pcap_writer_close(l->writer);
	for (unsigned i = 0; l->names != NULL && i < l->names_max; i++)
		free(l->names[i]);
	free(l->names);
	free(l->stem);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* The oldest makes room. */
static void name_keep(struct pcap_log *l, char *path)
{
	if (l->names_max == 0) {
		free(path);
		return;
	}
	if (l->names[l->next] != NULL)
		unlink(l->names[l->next]);
	free(l->names[l->next]);
	l->names[l->next] = path;
	l->next = (l->next + 1) % l->names_max;
}

static int file_begin(struct pcap_log *l, const struct packet *pkt)
{
	unsigned long long seconds = pkt->time_ns / 1000000000, micros = pkt->time_ns / 1000 % 1000000;
	struct pcap_writer_opts opts = { .link = pkt->link };
	char *path;
	int err;

	/* Several in a second need the microseconds as well. */
	if (l->usec || seconds == l->last_seconds)
		err = asprintf(&path, "%s.%llu.%06llu", l->stem, seconds, micros);
	else
		err = asprintf(&path, "%s.%llu", l->stem, seconds);
	l->last_seconds = seconds;
	if (err < 0)
		return -ENOMEM;
	opts.path = path;
	err = pcap_writer_open(&l->writer, &opts);
	if (err < 0) {
		log_error("pcap-log: %s: %s; nothing more is logged", path, strerror(-err));
		l->writer = NULL;
		free(path);
		return err;
	}
	name_keep(l, path);
	return 0;
}

static bool is_wanted(const struct pcap_log *l, const struct flow *flow, const struct packet *pkt,
		      const struct alert_queue *alerts)
{
	if (pkt->depth != 0 || pkt->flags & (PACKET_END_OF_FLOW | PACKET_REASSEMBLED) || (l->honor_pass && pkt->passed))
		return false;
	switch (l->when) {
	case WHEN_ALERT:
		return (alerts != NULL && alerts->count > 0) || (flow != NULL && flow->alerted);
	case WHEN_TAGGED:
		return alerts != NULL && (alerts->count > 0 || alerts->tagged);
	default:
		return true;
	}
}

static int packet_write(struct pcap_log *l, const struct packet *pkt)
{
	struct frame frame = {
		.data = (uint8_t *)pkt->data, .len = pkt->len, .wire_len = pkt->wire_len, .time_ns = pkt->time_ns,
		.number = pkt->number, .link = pkt->link,
	};
	int err = 0;

	if (l->writer != NULL && l->limit != 0 && pcap_writer_size(l->writer) + pkt->len + 16 > l->limit) {
		err = pcap_writer_close(l->writer);
		l->writer = NULL;
	}
	if (err == 0 && l->writer == NULL)
		err = file_begin(l, pkt);
	if (err == 0)
		err = pcap_writer_frame(l->writer, &frame);
	return err == -EPROTOTYPE ? 0 : err;    /* of another link type: it has no place in this file */
}

void pcap_log_packet(struct pcap_log *l, const struct flow *flow, const struct packet *pkt, const struct alert_queue *alerts)
{
	if (!is_wanted(l, flow, pkt, alerts))
		return;
	pthread_mutex_lock(&l->lock);
	if (!l->failed && packet_write(l, pkt) < 0)
		l->failed = true;
	pthread_mutex_unlock(&l->lock);
}
