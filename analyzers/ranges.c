/* ranges.c - byte ranges put together.
 *
 * A part's bytes are its worker's until it is whole; then it is put, under the lock, into the list of its
 * file, sorted by start. Once the list covers the file it is taken out and handed over. Parts and files
 * live outside of the workers' budgets, since several workers meet here: memcap bounds them, and a file
 * that gets nothing new for the timeout goes. */
#include "analyzers/ranges.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/guard.h"

#define FILES_MAX 1024
#define KEY_MAX 1024

struct range_part {
	struct range_part *next;
	struct range_file *file;
	uint64_t start, len;    /* as announced */
	uint8_t *data;
	uint64_t have;
};

struct range_file {
	struct range_file *next;
	struct range_part *parts;       /* whole ones, by start */
	uint64_t total;
	uint64_t time_ns;               /* of the newest part */
	unsigned open;                  /* parts that aren't whole yet */
	size_t key_len;
	uint8_t key[];
};

struct ranges {
	pthread_mutex_t lock;
	struct range_file *files;
	unsigned count;
	uint64_t memcap, timeout_ns;
	_Atomic uint64_t used;
};

int ranges_new(struct ranges **out, uint64_t memcap, uint32_t timeout_s)
{
	struct ranges *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	pthread_mutex_init(&r->lock, NULL);
	r->memcap = memcap;
	r->timeout_ns = timeout_s * UINT64_C(1000000000);
	*out = r;
	return 0;
}

static void part_free(struct ranges *r, struct range_part *p)
{
	atomic_fetch_sub(&r->used, p->len);
	free(p->data);
	free(p);
}

static void parts_free(struct ranges *r, struct range_part *p)
{
	struct range_part *next;

	for (; p != NULL; p = next) {
		next = p->next;
		part_free(r, p);
	}
}

void ranges_free(struct ranges *r)
{
	struct range_file *f, *next;

	if (r == NULL)
		return;
	for (f = r->files; f != NULL; f = next) {
		next = f->next;
		parts_free(r, f->parts);
		free(f);
	}
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static void file_drop(struct ranges *r, struct range_file **at)
{
	struct range_file *f = *at;

	*at = f->next;
	r->count--;
	parts_free(r, f->parts);
	free(f);
}

/* The file of that key; what is too old goes on the way. */
static struct range_file *file_find(struct ranges *r, struct slice key, uint64_t total, uint64_t now_ns)
{
	struct range_file **at = &r->files, *f, *hit = NULL;

	while ((f = *at) != NULL) {
		if (f->open == 0 && f->time_ns + r->timeout_ns < now_ns) {
			file_drop(r, at);
			continue;
		}
		if (f->total == total && f->key_len == key.len && memcmp(f->key, key.data, key.len) == 0)
			hit = f;
		at = &f->next;
	}
	return hit;
}

static struct range_file *file_new(struct ranges *r, struct slice key, uint64_t total)
{
	struct range_file *f;

	if (r->count >= FILES_MAX)
		return NULL;
	f = calloc(1, sizeof(*f) + key.len);
	if (f == NULL)
		return NULL;
	f->total = total;
	f->key_len = key.len;
	memcpy(f->key, key.data, key.len);
	f->next = r->files;
	r->files = f;
	r->count++;
	return f;
}

struct range_part *range_begin(struct ranges *r, struct slice key, uint64_t start, uint64_t end, uint64_t total,
			       uint64_t now_ns)
{
	struct range_part *p = NULL;
	struct range_file *f;

	if (end < start || end >= total || (start == 0 && end + 1 == total) || key.len == 0 || key.len > KEY_MAX ||
	    total > r->memcap || atomic_load(&r->used) + (end - start + 1) > r->memcap)
		return NULL;
	guard_pause();          /* several workers meet here: no budget of one of them could hold it */
	pthread_mutex_lock(&r->lock);
	f = file_find(r, key, total, now_ns);
	if (f == NULL)
		f = file_new(r, key, total);
	if (f != NULL)
		p = calloc(1, sizeof(*p));
	if (p != NULL) {
		p->file = f;
		p->start = start;
		p->len = end - start + 1;
		f->open++;
		f->time_ns = now_ns;
		atomic_fetch_add(&r->used, p->len);
	}
	pthread_mutex_unlock(&r->lock);
	guard_resume();
	return p;
}

bool range_data(struct ranges *r, struct range_part *p, struct slice data)
{
	(void)r;
	if (p->have + data.len > p->len)
		return false;
	if (p->data == NULL) {
		guard_pause();
		p->data = malloc(p->len);
		guard_resume();
		if (p->data == NULL)
			return false;
	}
	if (data.len != 0)
		memcpy(p->data + p->have, data.data, data.len);
	p->have += data.len;
	return true;
}

void range_abort(struct ranges *r, struct range_part *p)
{
	guard_pause();
	pthread_mutex_lock(&r->lock);
	p->file->open--;
	pthread_mutex_unlock(&r->lock);
	part_free(r, p);
	guard_resume();
}

static bool covered(const struct range_file *f)
{
	uint64_t to = 0;

	for (const struct range_part *p = f->parts; p != NULL && p->start <= to; p = p->next)
		if (p->start + p->have > to)
			to = p->start + p->have;
	return to >= f->total;
}

/* Puts a whole part in; returns all parts, taken out of the file, where they cover it. */
static struct range_part *part_put(struct ranges *r, struct range_part *p)
{
	struct range_file *f = p->file;
	struct range_part **at = &f->parts, *all = NULL;

	f->open--;
	while (*at != NULL && (*at)->start <= p->start)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
	if (!covered(f))
		return NULL;
	all = f->parts;
	f->parts = NULL;
	if (f->open == 0) {
		struct range_file **file = &r->files;

		while (*file != f)
			file = &(*file)->next;
		file_drop(r, file);
	}
	return all;
}

bool range_end(struct ranges *r, struct range_part *p, void (*out)(void *ctx, struct slice data), void *ctx)
{
	struct range_part *all;
	uint64_t to = 0;

	if (p->have < p->len) {
		range_abort(r, p);
		return false;
	}
	guard_pause();
	pthread_mutex_lock(&r->lock);
	all = part_put(r, p);
	pthread_mutex_unlock(&r->lock);
	for (const struct range_part *q = all; q != NULL; q = q->next) {
		if (q->start + q->have <= to)
			continue;
		out(ctx, slice_of(q->data + (to - q->start), (size_t)(q->have - (to - q->start))));
		to = q->start + q->have;
	}
	parts_free(r, all);
	guard_resume();
	return all != NULL;
}
