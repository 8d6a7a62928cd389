/* dataset.c - the sets themselves: open hashing with chains, resized when they grow, saved at the end. */
#include "rules/dataset.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/hash.h"

#define BUCKETS_MIN 1024
#define BUCKETS_MAX (1u << 24)
#define VALUE_MAX 65535

/* Suricata's way of counting, because memcap is written for it: a row and so many entries made ahead. */
#define ROW_COST 64
#define ENTRY_COST 104
#define ENTRIES_AHEAD 1000

struct value {
	struct value *next;
	uint64_t hash;
	uint32_t len, json_len;
	uint16_t reputation;
	bool has_reputation;
	uint8_t bytes[];                /* the value, then the JSON */
};

struct dataset {
	struct dataset *next;
	char *name;
	char *save;
	enum dataset_type type;
	uint32_t hashsize;
	uint64_t memcap;
	bool reputation;
	pthread_rwlock_t lock;
	struct mem *mem;
	struct budget budget;
	struct hash_key key;
	struct value **buckets;
	uint32_t bucket_count;
	_Atomic uint32_t count;
	uint64_t strings;               /* bytes of all values */
};

struct dataset_store {
	atomic_uint refs;
	pthread_mutex_t lock;
	struct dataset *sets;
};

const char *const dataset_types[DATASET_TYPES] = { "string", "md5", "sha256", "ipv4", "ip" };

int dataset_store_new(struct dataset_store **out)
{
	struct dataset_store *s = calloc(1, sizeof(*s));

	*out = s;
	if (s == NULL)
		return -ENOMEM;
	atomic_init(&s->refs, 1);
	pthread_mutex_init(&s->lock, NULL);
	return 0;
}

struct dataset_store *dataset_store_get(struct dataset_store *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

static void dataset_free(struct dataset *d)
{
	pthread_rwlock_destroy(&d->lock);
	if (d->mem != NULL)
		mem_free(d->mem);
	free(d->buckets);
	free(d->name);
	free(d->save);
	free(d);
}

#if defined(__SANITIZE_ADDRESS__)
/* Under the sanitizer each piece is a malloc of its own. */
static void dataset_empty(struct dataset *d)
{
	for (uint32_t i = 0; i < d->bucket_count; i++) {
		while (d->buckets[i] != NULL) {
			struct value *v = d->buckets[i];

			d->buckets[i] = v->next;
			budget_put(&d->budget, v, sizeof(*v) + v->len + v->json_len);
		}
	}
}
#else
static void dataset_empty(struct dataset *d)
{
	(void)d;
}
#endif

void dataset_store_put(struct dataset_store *s)
{
	if (s == NULL || atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	while (s->sets != NULL) {
		struct dataset *d = s->sets;

		s->sets = d->next;
		dataset_empty(d);
		dataset_free(d);
	}
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static struct dataset *find_locked(struct dataset_store *s, const char *name)
{
	struct dataset *d = s->sets;

	while (d != NULL && strcmp(d->name, name) != 0)
		d = d->next;
	return d;
}

struct dataset *dataset_find(struct dataset_store *s, const char *name)
{
	struct dataset *d;

	pthread_mutex_lock(&s->lock);
	d = find_locked(s, name);
	pthread_mutex_unlock(&s->lock);
	return d;
}

struct dataset *dataset_make(struct dataset_store *s, const char *name, enum dataset_type type, uint64_t memcap,
			     uint32_t hashsize)
{
	struct dataset *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	pthread_rwlock_init(&d->lock, NULL);
	d->name = strdup(name);
	d->type = type;
	d->memcap = memcap;
	d->hashsize = hashsize;
	d->bucket_count = BUCKETS_MIN;
	d->buckets = calloc(d->bucket_count, sizeof(*d->buckets));
	d->mem = mem_new();
	if (d->name == NULL || d->buckets == NULL || d->mem == NULL || hash_key_random(&d->key) < 0) {
		dataset_free(d);
		return NULL;
	}
	budget_init(&d->budget, d->mem, "dataset", 0);
	pthread_mutex_lock(&s->lock);
	d->next = s->sets;
	s->sets = d;
	pthread_mutex_unlock(&s->lock);
	return d;
}

void dataset_discard(struct dataset_store *s, struct dataset *d)
{
	struct dataset **at = &s->sets;

	pthread_mutex_lock(&s->lock);
	while (*at != NULL && *at != d)
		at = &(*at)->next;
	if (*at == d)
		*at = d->next;
	pthread_mutex_unlock(&s->lock);
	dataset_empty(d);
	dataset_free(d);
}

enum dataset_type dataset_type_of(const struct dataset *d)
{
	return d->type;
}

const char *dataset_name(const struct dataset *d)
{
	return d->name;
}

bool dataset_is_reputation(const struct dataset *d)
{
	return d->reputation;
}

int dataset_save_to(struct dataset *d, const char *path)
{
	char *copy = strdup(path);

	if (copy == NULL)
		return -ENOMEM;
	free(d->save);
	d->save = copy;
	return 0;
}

uint32_t dataset_count(const struct dataset *d)
{
	return atomic_load_explicit(&d->count, memory_order_relaxed);
}

uint64_t dataset_memory(const struct dataset *d)
{
	uint32_t entries = dataset_count(d) > ENTRIES_AHEAD ? dataset_count(d) : ENTRIES_AHEAD;

	return (uint64_t)d->hashsize * ROW_COST + (uint64_t)entries * ENTRY_COST + d->strings;
}

static struct value **value_slot(struct dataset *d, uint64_t hash, struct slice value)
{
	struct value **at = &d->buckets[hash & (d->bucket_count - 1)];

	while (*at != NULL && ((*at)->hash != hash || (*at)->len != value.len ||
			       memcmp((*at)->bytes, value.data, value.len) != 0))
		at = &(*at)->next;
	return at;
}

bool dataset_has(struct dataset *d, struct slice value, struct dataset_value *out)
{
	uint64_t hash = hash_bytes(&d->key, value.data, value.len);
	const struct value *v;

	pthread_rwlock_rdlock(&d->lock);
	v = *value_slot(d, hash, value);
	if (v != NULL && out != NULL) {
		out->has_reputation = v->has_reputation;
		out->reputation = v->reputation;
		out->json = slice_of(v->bytes + v->len, v->json_len);
	}
	pthread_rwlock_unlock(&d->lock);
	return v != NULL;
}

/* Twice the buckets, when there are as many values. The table is made ahead of need while loading; at run time
 * it stays as it is once allocating would be needed in the packet path. */
static void buckets_grow(struct dataset *d)
{
	uint32_t count = d->bucket_count * 4;
	struct value **buckets = calloc(count, sizeof(*buckets));

	if (buckets == NULL)
		return;
	for (uint32_t i = 0; i < d->bucket_count; i++) {
		while (d->buckets[i] != NULL) {
			struct value *v = d->buckets[i];

			d->buckets[i] = v->next;
			v->next = buckets[v->hash & (count - 1)];
			buckets[v->hash & (count - 1)] = v;
		}
	}
	free(d->buckets);
	d->buckets = buckets;
	d->bucket_count = count;
}

int dataset_add(struct dataset *d, struct slice value, const struct dataset_value *carried)
{
	uint32_t json_len = carried != NULL ? (uint32_t)carried->json.len : 0;
	uint64_t hash = hash_bytes(&d->key, value.data, value.len);
	struct value **at, *v;
	int answer = 0;

	if (value.len > VALUE_MAX)
		return -E2BIG;
	pthread_rwlock_wrlock(&d->lock);
	at = value_slot(d, hash, value);
	if (*at == NULL) {
		answer = -ENOMEM;
		if (d->memcap == 0 || dataset_memory(d) + value.len <= d->memcap) {
			v = budget_get_raw(&d->budget, sizeof(*v) + value.len + json_len);
			if (v != NULL) {
				*v = (struct value){ .hash = hash, .len = (uint32_t)value.len, .json_len = json_len };
				memcpy(v->bytes, value.data, value.len);
				if (json_len > 0)
					memcpy(v->bytes + value.len, carried->json.data, json_len);
				if (carried != NULL) {
					v->has_reputation = carried->has_reputation;
					v->reputation = carried->reputation;
					d->reputation = d->reputation || carried->has_reputation;
				}
				*at = v;
				atomic_fetch_add_explicit(&d->count, 1, memory_order_relaxed);
				d->strings += d->type == DATASET_STRING ? value.len : 0;
				answer = 1;
			}
		}
	}
	if (answer == 1 && d->count > d->bucket_count && d->bucket_count < BUCKETS_MAX)
		buckets_grow(d);
	pthread_rwlock_unlock(&d->lock);
	return answer;
}

bool dataset_remove(struct dataset *d, struct slice value)
{
	uint64_t hash = hash_bytes(&d->key, value.data, value.len);
	struct value **at, *v;

	pthread_rwlock_wrlock(&d->lock);
	at = value_slot(d, hash, value);
	v = *at;
	if (v != NULL) {
		*at = v->next;
		d->strings -= d->type == DATASET_STRING ? v->len : 0;
		budget_put(&d->budget, v, sizeof(*v) + v->len + v->json_len);
		atomic_fetch_sub_explicit(&d->count, 1, memory_order_relaxed);
	}
	pthread_rwlock_unlock(&d->lock);
	return v != NULL;
}

static void value_save(const struct dataset *d, const struct value *v, FILE *out)
{
	size_t cap = base64_len(v->len) + 64;
	char *text = malloc(cap);

	if (text == NULL)
		return;
	dataset_value_write(d->type, slice_of(v->bytes, v->len), text, cap);
	if (v->has_reputation)
		fprintf(out, "%s,%u\n", text, v->reputation);
	else
		fprintf(out, "%s\n", text);
	free(text);
}

/* Beside the old file, then in its place: a half-written one never counts. */
static void dataset_save(struct dataset *d)
{
	char *fresh = NULL;
	FILE *out;

	if (d->save == NULL || asprintf(&fresh, "%s.new", d->save) < 0)
		return;
	out = fopen(fresh, "we");
	if (out != NULL) {
		bool written;

		pthread_rwlock_rdlock(&d->lock);
		for (uint32_t i = 0; i < d->bucket_count; i++)
			for (const struct value *v = d->buckets[i]; v != NULL; v = v->next)
				value_save(d, v, out);
		pthread_rwlock_unlock(&d->lock);
		written = !ferror(out);
		if (fclose(out) == 0 && written)
			rename(fresh, d->save);
		else
			remove(fresh);
	}
	free(fresh);
}

void dataset_store_save(struct dataset_store *s)
{
	pthread_mutex_lock(&s->lock);
	for (struct dataset *d = s->sets; d != NULL; d = d->next)
		dataset_save(d);
	pthread_mutex_unlock(&s->lock);
}
