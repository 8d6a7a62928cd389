/* delivery_send.c - the sender: from blocks to the sink, until the sink has every record.
 *
 * Several blocks make a batch where they are there; a batch is never mixed with the next before it is
 * done, so that records keep their order but for those that the sink asked to have again. */
#include "output/delivery_own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"

#define IDLE_MS 500

struct batch {
	struct block *blocks;           /* newest first; their bytes are what records point to */
	uint64_t next_seq;              /* behind the last */
	struct sink_record *records;
	unsigned count, room;
	size_t bytes;
	struct text text;               /* what formats have made */
	struct block_head *disk;        /* room for one block */
	struct hash_key jitter;
	uint64_t filtered;
};

/* The oldest block that isn't sent, or NULL. The lock is held, and given up while the disk is read. */
static struct block *next_block(struct delivery *d, struct batch *batch, uint64_t seq)
{
	struct block *b = d->first;
	int err = -ENODATA;

	if (d->spool != NULL && seq < d->next_seq && (b == NULL || b->head.seq != seq)) {
		uint64_t at = seq;

		pthread_mutex_unlock(&d->lock);
		err = spool_read(d->spool, &at, batch->disk);
		pthread_mutex_lock(&d->lock);
		b = d->first;
		if (err < 0 && (b == NULL || b->head.seq > at) && at > d->cursor)
			batch->next_seq = at;   /* those between are lost, and counted */
	}
	if (err == 0 && (b == NULL || b->head.seq > batch->disk->seq)) {
		b = malloc(sizeof(*b) + batch->disk->len);
		if (b == NULL)
			return NULL;
		b->only_here = false;
		memcpy(&b->head, batch->disk, sizeof(b->head) + batch->disk->len);
	} else if (b != NULL) {
		d->first = b->next;
		if (d->first == NULL)
			d->last = NULL;
		d->memory -= b->head.len;
	} else {
		return NULL;
	}
	/* Read from disk or not: what is behind it in memory is newer. */
	while (d->first != NULL && d->first->head.seq <= b->head.seq) {
		struct block *same = d->first;

		d->first = same->next;
		d->memory -= same->head.len;
		free(same);
	}
	if (d->first == NULL)
		d->last = NULL;
	return b;
}

static bool batch_grow(struct batch *b)
{
	unsigned room = b->room ? b->room * 2 : 1024;
	struct sink_record *more = realloc(b->records, room * sizeof(*more));

	if (more == NULL)
		return false;
	b->records = more;
	b->room = room;
	return true;
}

static void find_key(struct sink_record *r, const struct record_head *h)
{
	static const char name[] = "\"community_id\":\"";
	const char *p = memmem(record_text(h), h->len, name, sizeof(name) - 1);
	const char *end = record_text(h) + h->len, *quote;

	r->key = NULL;
	r->key_len = 0;
	if (p == NULL)
		return;
	p += sizeof(name) - 1;
	quote = memchr(p, '"', (size_t)(end - p));
	if (quote == NULL)
		return;
	r->key = p;
	r->key_len = (uint32_t)(quote - p);
}

/* One record, as the sink's format has it. While the batch is built, text is an offset where a format made it. */
static void batch_record(struct delivery *d, struct batch *b, const struct block *block, const struct record_head *h)
{
	struct format_context ctx = { .prefix = d->prefix, .sensor = d->opts.sensor_name };
	struct sink_record *r;
	size_t start = b->text.len;

	if ((d->when != NULL && !condition_holds(d->when, record_text(h), h->len)) || (b->count == b->room && !batch_grow(b))) {
		b->filtered++;
		return;
	}
	r = &b->records[b->count];
	r->type = h->type;
	r->severity = h->severity;
	r->verdict = SINK_AGAIN;
	r->time_s = block->head.time_ns / 1000000000;
	snprintf(r->id, sizeof(r->id), "%016llx%016llx", (unsigned long long)block->head.run_id, (unsigned long long)h->id);
	if (d->event_id)
		ctx.event_id = r->id;
	r->text = NULL;
	if (format_is_plain(d->format, &ctx)) {
		r->text = record_text(h);
		r->len = h->len;
	} else {
		if (!format_write(d->format, &ctx, h, &b->text)) {
			b->text.len = start;
			b->filtered++;
			return;
		}
		r->len = (uint32_t)(b->text.len - start);
	}
	if (d->remote)
		find_key(r, h);
	b->bytes += r->len;
	b->count++;
}

static void batch_block(struct delivery *d, struct batch *b, struct block *block)
{
	const char *p = block_data(block), *end = p + block->head.len;

	block->next = b->blocks;
	b->blocks = block;
	if (block->head.seq >= b->next_seq)
		b->next_seq = block->head.seq + 1;
	while (p < end) {
		const struct record_head *h = (const struct record_head *)p;

		if ((size_t)(end - p) < record_room(h->len))
			break;
		batch_record(d, b, block, h);
		p += record_room(h->len);
	}
}

static void batch_clear(struct batch *b)
{
	while (b->blocks != NULL) {
		struct block *block = b->blocks;

		b->blocks = block->next;
		free(block);
	}
	b->count = 0;
	b->bytes = 0;
	b->text.len = 0;
}

/* Blocks while nothing is there. False: the end. */
static bool batch_fill(struct delivery *d, struct batch *b)
{
	size_t at = 0;

	batch_clear(b);
	pthread_mutex_lock(&d->lock);
	b->next_seq = d->cursor;
	d->oldest_ns = 0;
	while (b->count < d->batch_records && b->bytes < d->batch_bytes) {
		struct block *block = next_block(d, b, b->next_seq);

		if (block != NULL) {
			if (d->oldest_ns == 0)
				d->oldest_ns = block->head.time_ns;
			pthread_mutex_unlock(&d->lock);
			batch_block(d, b, block);
			pthread_mutex_lock(&d->lock);
			continue;
		}
		if (b->next_seq > d->cursor || d->collected_all || d->reopen)
			break;
		delivery_wait(d, IDLE_MS);
	}
	d->stats.filtered += b->filtered;
	b->filtered = 0;
	pthread_mutex_unlock(&d->lock);
	/* Now that the text no longer moves. */
	for (unsigned i = 0; i < b->count; i++) {
		if (b->records[i].text != NULL)
			continue;
		b->records[i].text = b->text.data + at;
		at += b->records[i].len;
	}
	return b->next_seq > d->cursor || !d->collected_all || d->reopen;
}

/* Takes out what is settled; how many are left, at the front. */
static unsigned settle(struct delivery *d, struct sink_record *records, unsigned count, unsigned tried)
{
	unsigned left = 0;

	for (unsigned i = 0; i < count; i++) {
		struct sink_record *r = &records[i];

		if (i < tried && r->verdict == SINK_SENT) {
			d->stats.sent++;
		} else if (i < tried && r->verdict == SINK_REFUSED) {
			d->stats.refused++;
			if (d->stats.refused == 1)
				log_warning("%s: a record was refused: %s", d->name, d->sink->error);
			if (d->spool != NULL)
				spool_refused(d->spool, r->text, r->len);
		} else {
			if (i < tried)
				d->stats.retried++;
			r->verdict = SINK_AGAIN;
			records[left++] = *r;
		}
	}
	return left;
}

static void note_down(struct delivery *d, bool down)
{
	if (down == d->down)
		return;
	d->down = down;
	if (down)
		log_warning("%s: %s; records wait%s", d->name, d->sink->error[0] ? d->sink->error : "nothing is accepted",
			    d->spool ? " in the spool" : "");
	else
		log_notice("%s: records are accepted again", d->name);
}

/* Longer each time, never the same for two sensors. False: the run ends, and the sink has had its time. */
static bool back_off(struct delivery *d, struct batch *b, uint64_t *delay_ms)
{
	uint64_t ms = *delay_ms / 2 + hash_words(&b->jitter, &b->jitter.k1, 1) % (*delay_ms / 2 + 1);
	uint64_t until = clock_ms() + ms;
	bool more = true;

	b->jitter.k1++;
	*delay_ms = *delay_ms * 2 > d->retry_max_ms ? d->retry_max_ms : *delay_ms * 2;
	pthread_mutex_lock(&d->lock);
	while (more && clock_ms() < until) {
		bool closing = d->closing;

		if (closing && until > clock_ms() + d->retry_min_ms)
			until = clock_ms() + d->retry_min_ms;
		if (closing && clock_ms() - d->progress_ms > d->patience_ms)
			more = false;
		else
			delivery_wait(d, until > clock_ms() ? until - clock_ms() : 0);
	}
	pthread_mutex_unlock(&d->lock);
	return more;
}

static void reopen_if_asked(struct delivery *d)
{
	if (atomic_exchange(&d->reopen, false) && d->kind->reopen != NULL && d->kind->reopen(d->sink) < 0)
		log_warning("%s: cannot be opened again: %s", d->name, d->sink->error);
}

/* Until all of it is settled. False: given up at the end of the run; the batch keeps what is left. */
static bool batch_send(struct delivery *d, struct batch *b)
{
	uint64_t delay_ms = d->retry_min_ms;

	while (b->count > 0) {
		unsigned tried = b->count < d->batch_records ? b->count : d->batch_records, left;
		int err;

		reopen_if_asked(d);
		d->sink->error[0] = '\0';
		err = d->kind->send(d->sink, b->records, tried);
		pthread_mutex_lock(&d->lock);
		left = settle(d, b->records, b->count, tried);
		if (left < b->count)
			d->progress_ms = clock_ms();
		if (err < 0)
			d->stats.failures++;
		note_down(d, err < 0 && left == b->count);
		pthread_cond_broadcast(&d->news);
		pthread_mutex_unlock(&d->lock);
		if (left < b->count)
			delay_ms = d->retry_min_ms;
		if (b->count - left < tried && left > 0) {
			b->count = left;
			if (!back_off(d, b, &delay_ms))
				return false;
		}
		b->count = left;
	}
	return true;
}

static void batch_done(struct delivery *d, struct batch *b)
{
	pthread_mutex_lock(&d->lock);
	d->cursor = d->acked = b->next_seq;
	d->oldest_ns = 0;
	if (!d->opts.live)
		pthread_cond_broadcast(&d->news);       /* the collector may wait for room */
	pthread_mutex_unlock(&d->lock);
	if (d->spool != NULL)
		spool_ack(d->spool, b->next_seq);
}

/* Given up: without a spool, what is left is lost. */
static void batch_give_up(struct delivery *d, const struct batch *b)
{
	pthread_mutex_lock(&d->lock);
	if (d->spool == NULL) {
		for (unsigned i = 0; i < b->count; i++)
			d->stats.shed_type[b->records[i].type]++;
	}
	pthread_mutex_unlock(&d->lock);
}

void *delivery_send(void *arg)
{
	struct delivery *d = arg;
	struct batch b = { .disk = d->spool ? malloc(sizeof(struct block_head) + BLOCK_MAX) : NULL };

	hash_key_random(&b.jitter);
	while ((d->spool == NULL || b.disk != NULL) && batch_fill(d, &b)) {
		reopen_if_asked(d);
		if (!batch_send(d, &b)) {
			batch_give_up(d, &b);
			break;
		}
		batch_done(d, &b);
	}
	batch_clear(&b);
	text_free(&b.text);
	free(b.records);
	free(b.disk);
	return NULL;
}
