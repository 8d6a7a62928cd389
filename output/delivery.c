/* delivery.c - a delivery's beginning, its end, and what others see of it. */
#include "output/delivery_own.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"

uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t clock_wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

bool delivery_wait(struct delivery *d, uint64_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += (time_t)(ms / 1000);
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return pthread_cond_timedwait(&d->news, &d->lock, &t) == 0;
}

void delivery_shed_block(struct delivery *d, const struct block_head *b)
{
	for (const char *p = (const char *)(b + 1), *end = p + b->len; p < end;) {
		const struct record_head *h = (const struct record_head *)p;

		d->stats.shed_type[h->type < RECORD_TYPES_MAX ? h->type : 0]++;
		p += record_room(h->len);
	}
}

/* "500ms", "2s", "5m", or seconds. */
static uint64_t conf_ms(const struct conf *c, const char *key, uint64_t otherwise)
{
	const char *text = conf_str(c, key, NULL);
	char *end;
	double v;

	if (text == NULL)
		return otherwise;
	v = strtod(text, &end);
	if (end == text || v < 0)
		return otherwise;
	while (*end == ' ')
		end++;
	return (uint64_t)(v * (strcmp(end, "ms") == 0 ? 1 : *end == 'm' ? 60000 : *end == 'h' ? 3600000 : 1000));
}

static int read_spool(struct delivery *d, const struct conf *c, char *error, size_t error_len)
{
	static const char *const policies[] = { "never", "interval", "always" };
	const char *dir = conf_str(c, "spool.dir", NULL), *sync = conf_str(c, "spool.sync", "interval");
	struct spool_opts opts = { .size_max = conf_size(c, "spool.size", 1u << 30), .sync = SPOOL_SYNC_ALWAYS + 1,
				   .sync_ns = conf_ms(c, "spool.sync-interval", 1000) * 1000000 };
	char path[4096];

	if (!conf_bool(c, "spool.enabled", d->remote))
		return 0;
	for (unsigned i = 0; i <= SPOOL_SYNC_ALWAYS; i++)
		if (strcmp(sync, policies[i]) == 0)
			opts.sync = i;
	if (opts.sync > SPOOL_SYNC_ALWAYS) {
		snprintf(error, error_len, "outputs: %s: spool.sync \"%s\"; expected always, interval or never", d->name, sync);
		return -EINVAL;
	}
	opts.segment_max = conf_size(c, "spool.segment-size", 16u << 20);
	if (opts.segment_max > opts.size_max / 8)
		opts.segment_max = opts.size_max / 8;
	if (dir == NULL)
		snprintf(path, sizeof(path), "%s/spool/%s", d->opts.log_dir, d->name);
	else
		snprintf(path, sizeof(path), "%s%s%s", *dir == '/' ? "" : d->opts.log_dir, *dir == '/' ? "" : "/", dir);
	opts.dir = path;
	return spool_open(&d->spool, &opts, error, error_len);
}

static uint64_t at_least(int64_t value, int64_t least)
{
	return (uint64_t)(value < least ? least : value);
}

static int read_conf(struct delivery *d, const struct conf *c, char *error, size_t error_len)
{
	const char *format = conf_str(c, "format", "eve"), *when = conf_str(c, "filter.when", NULL);
	const char *prefix = conf_str(c, "prefix", NULL);
	char why[160];

	d->memory_max = conf_size(c, "queue.memory", 32u << 20);
	d->feed_size = conf_size(c, "queue.worker-memory", 4u << 20);
	d->batch_records = (unsigned)at_least(conf_int(c, "batch.records", 2000), 1);
	d->batch_bytes = conf_size(c, "batch.bytes", 1u << 20);
	d->retry_min_ms = at_least((int64_t)conf_ms(c, "retry.min", 200), 1);
	d->retry_max_ms = at_least((int64_t)conf_ms(c, "retry.max", 30000), (int64_t)d->retry_min_ms);
	d->patience_ms = conf_ms(c, "shutdown-timeout", d->remote ? 5000 : 1500);
	d->event_id = !d->opts.plain && conf_bool(c, "event-id", d->remote);
	if (prefix != NULL && *prefix != '\0' && !d->opts.plain && (d->prefix = strdup(prefix)) == NULL)
		return -ENOMEM;
	d->format = format_find(d->opts.plain ? "eve" : format);
	if (d->format == NULL) {
		snprintf(error, error_len, "outputs: %s: there is no format \"%s\"; expected %s", d->name, format, format_names);
		return -EINVAL;
	}
	if (when != NULL && !d->opts.plain && condition_parse(&d->when, when, why, sizeof(why)) < 0) {
		snprintf(error, error_len, "outputs: %s: filter.when: %s", d->name, why);
		return -EINVAL;
	}
	return read_spool(d, c, error, error_len);
}

/* The sink's name becomes a folder's: letters, digits and a few signs. */
static void name_set(struct delivery *d, const char *name)
{
	snprintf(d->name, sizeof(d->name), "%s", name);
	for (char *p = d->name; *p != '\0'; p++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *p) == NULL)
			*p = '_';
}

int delivery_new(struct delivery **out, const struct delivery_opts *opts, char *error, size_t error_len)
{
	const char *kind = conf_str(opts->conf, "filetype", "regular");
	struct sink_opts sink = { .conf = opts->conf, .log_dir = opts->log_dir, .default_name = opts->default_name,
				  .host = opts->host, .live = opts->live };
	struct delivery *d = calloc(1, sizeof(*d));
	pthread_condattr_t attr;
	struct hash_key key;
	int err;

	if (d == NULL)
		return -ENOMEM;
	d->opts = *opts;
	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&d->news, &attr);
	pthread_condattr_destroy(&attr);
	d->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	d->kind = sink_kind_find(kind);
	err = d->wake_fd < 0 ? -errno : hash_key_random(&key);
	if (err == 0 && d->kind == NULL) {
		snprintf(error, error_len, "outputs: there is no filetype \"%s\" in this build", kind);
		err = -EINVAL;
	}
	if (err == 0) {
		d->run_id = key.k0;
		d->remote = d->kind->is_remote ? d->kind->is_remote(opts->conf) : d->kind->remote;
		name_set(d, opts->name ? opts->name : d->kind->name);
		err = read_conf(d, opts->conf, error, error_len);
	}
	if (err == 0)
		err = d->kind->open(&d->sink, &sink, error, error_len);
	if (err < 0) {
		delivery_free(d);
		return err;
	}
	d->next_seq = d->spool ? spool_next_seq(d->spool) : 0;
	d->cursor = d->acked = d->spool ? spool_acked(d->spool) : 0;
	*out = d;
	return 0;
}

int delivery_start(struct delivery *d)
{
	sigset_t all, before;
	int err;

	d->progress_ms = clock_ms();
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&d->collector, NULL, delivery_collect, d);
	d->collector_runs = err == 0;
	if (err == 0) {
		err = pthread_create(&d->sender, NULL, delivery_send, d);
		d->sender_runs = err == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

static void wake(struct delivery *d)
{
	uint64_t one = 1;
	ssize_t n;

	do {
		n = write(d->wake_fd, &one, sizeof(one));
	} while (n < 0 && errno == EINTR);
}

static void stop_threads(struct delivery *d)
{
	d->closing = true;
	if (d->collector_runs) {
		wake(d);
		pthread_mutex_lock(&d->lock);
		d->progress_ms = clock_ms();
		pthread_cond_broadcast(&d->news);
		pthread_mutex_unlock(&d->lock);
		pthread_join(d->collector, NULL);
	}
	pthread_mutex_lock(&d->lock);
	d->collected_all = true;
	pthread_cond_broadcast(&d->news);
	pthread_mutex_unlock(&d->lock);
	if (d->sender_runs)
		pthread_join(d->sender, NULL);
}

/* What neither the sink nor a spool has. */
static void tell_left(struct delivery *d)
{
	struct delivery_stats s;

	if (d->sink == NULL)
		return;
	for (struct block *b = d->first; b != NULL && d->spool == NULL; b = b->next)
		delivery_shed_block(d, &b->head);
	delivery_stats(d, &s);
	if (s.shed > 0)
		log_warning("%s: %llu records could not be delivered", d->name, (unsigned long long)s.shed);
	if (d->spool != NULL && d->acked < d->next_seq)
		log_warning("%s: not everything has arrived; the rest waits in the spool for the next start", d->name);
}

void delivery_free(struct delivery *d)
{
	if (d == NULL)
		return;
	stop_threads(d);
	tell_left(d);
	while (d->first != NULL) {
		struct block *b = d->first;

		d->first = b->next;
		free(b);
	}
	if (d->sink != NULL)
		d->kind->close(d->sink);
	if (d->spool != NULL)
		spool_close(d->spool);
	for (unsigned i = 0; i < d->feed_count; i++)
		feed_free(d->feeds[i]);
	condition_free(d->when);
	free(d->prefix);
	if (d->wake_fd >= 0)
		close(d->wake_fd);
	pthread_cond_destroy(&d->news);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

void delivery_reopen(struct delivery *d)
{
	d->reopen = true;
	pthread_mutex_lock(&d->lock);
	pthread_cond_broadcast(&d->news);
	pthread_mutex_unlock(&d->lock);
}

const char *delivery_path(const struct delivery *d)
{
	return d->kind->path != NULL ? d->kind->path(d->sink) : NULL;
}

int delivery_feed(struct delivery *d, struct feed **out)
{
	unsigned n = d->feed_count;
	int err;

	if (n == FEEDS_MAX)
		return -E2BIG;
	err = feed_new(&d->feeds[n], d->feed_size);
	if (err < 0)
		return err;
	*out = d->feeds[n];
	d->feed_count = n + 1;
	return 0;
}

bool delivery_put(struct delivery *d, struct feed *f, const struct record_head *head, const char *text)
{
	static const struct timespec moment = { .tv_nsec = 100000 };

	while (!feed_put(f, head, text)) {
		if (d->opts.live || !d->collector_runs || !feed_could_fit(f, head->len)) {
			feed_shed(f, head->type);
			return false;
		}
		delivery_kick(d);
		nanosleep(&moment, NULL);       /* a capture file is in no hurry */
	}
	return true;
}

void delivery_kick(struct delivery *d)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&d->sleeping, memory_order_relaxed) && atomic_exchange(&d->sleeping, false))
		wake(d);
}

void delivery_stats(struct delivery *d, struct delivery_stats *out)
{
	struct spool_stats spool = { 0 };
	uint64_t oldest;

	if (d->spool != NULL)
		spool_stats(d->spool, &spool);
	pthread_mutex_lock(&d->lock);
	*out = d->stats;
	out->name = d->name;
	out->kind = d->kind->name;
	out->waiting = d->next_seq - d->acked;
	out->memory_bytes = d->memory;
	out->down = d->down;
	oldest = d->oldest_ns ? d->oldest_ns : d->first ? d->first->head.time_ns : 0;
	pthread_mutex_unlock(&d->lock);
	out->lag_ms = oldest ? (clock_wall_ns() - oldest) / 1000000 : 0;
	out->spool_bytes = spool.bytes;
	out->spool_damaged = spool.damaged;
	out->shed = 0;
	for (unsigned t = 0; t < RECORD_TYPES_MAX; t++) {
		out->shed_type[t] += spool.shed[t];
		for (unsigned i = 0; i < d->feed_count; i++)
			out->shed_type[t] += feed_shed_count(d->feeds[i], t);
		out->shed += out->shed_type[t];
	}
}
