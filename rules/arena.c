/* arena.c - bump allocation in blocks of 256 KiB, and a table of interned strings. */
#include "rules/arena.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_SIZE (256 * 1024)

struct arena_block {
	struct arena_block *next;
	size_t size;
};

int arena_init(struct arena *a)
{
	memset(a, 0, sizeof(*a));
	return hash_key_random(&a->key);
}

void arena_fini(struct arena *a)
{
	while (a->blocks != NULL) {
		struct arena_block *block = a->blocks;

		a->blocks = block->next;
		free(block);
	}
	free(a->names);
	memset(a, 0, sizeof(*a));
}

/* A large object gets a block of its own, behind the newest, which stays open. */
static void *alloc_large(struct arena *a, size_t size)
{
	struct arena_block *block = calloc(1, sizeof(*block) + size);

	if (block == NULL) {
		a->failed = true;
		return NULL;
	}
	block->size = size;
	if (a->blocks == NULL) {
		a->blocks = block;
	} else {
		block->next = a->blocks->next;
		a->blocks->next = block;
	}
	return block + 1;
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *p;

	size = (size + 15) & ~(size_t)15;
	a->used += size;
	if (size > BLOCK_SIZE / 4)
		return alloc_large(a, size);
	if ((size_t)(a->end - a->at) < size) {
		struct arena_block *block = calloc(1, sizeof(*block) + BLOCK_SIZE);

		if (block == NULL) {
			a->failed = true;
			return NULL;
		}
		block->size = BLOCK_SIZE;
		block->next = a->blocks;
		a->blocks = block;
		a->at = (uint8_t *)(block + 1);
		a->end = a->at + BLOCK_SIZE;
	}
	p = a->at;
	a->at += size;
	return p;
}

char *arena_copy(struct arena *a, struct slice s)
{
	char *copy = arena_alloc(a, s.len + 1);

	if (copy != NULL && s.len > 0)
		memcpy(copy, s.data, s.len);
	return copy;
}

static int names_grow(struct arena *a)
{
	uint32_t cap = a->name_cap ? a->name_cap * 2 : 1024;
	const char **names = calloc(cap, sizeof(*names));

	if (names == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < a->name_cap; i++) {
		uint32_t at;

		if (a->names[i] == NULL)
			continue;
		at = (uint32_t)hash_bytes(&a->key, a->names[i], strlen(a->names[i])) & (cap - 1);
		while (names[at] != NULL)
			at = (at + 1) & (cap - 1);
		names[at] = a->names[i];
	}
	free(a->names);
	a->names = names;
	a->name_cap = cap;
	return 0;
}

const char *arena_intern(struct arena *a, struct slice s)
{
	uint32_t at;

	if ((a->name_count + 1) * 2 > a->name_cap && names_grow(a) < 0) {
		a->failed = true;
		return NULL;
	}
	at = (uint32_t)hash_bytes(&a->key, s.data, s.len) & (a->name_cap - 1);
	while (a->names[at] != NULL) {
		if (strncmp(a->names[at], (const char *)s.data, s.len) == 0 && a->names[at][s.len] == '\0')
			return a->names[at];
		at = (at + 1) & (a->name_cap - 1);
	}
	a->names[at] = arena_copy(a, s);
	if (a->names[at] != NULL)
		a->name_count++;
	return a->names[at];
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len < 0)
		len = 0;
	if ((size_t)len >= sizeof(text))
		len = sizeof(text) - 1;
	return arena_copy(a, slice_of(text, (size_t)len));
}
