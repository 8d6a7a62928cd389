/* budget.c - size classes over large mappings, one free list each.
 *
 * Up to 256 bytes a class is a multiple of 16, above that there are four to each
 * doubling, up to 64 KiB: at most a fifth of a piece is lost to rounding. Anything
 * larger is a mapping of its own and goes back to the kernel at once. Pieces are
 * cut from 2 MiB chunks (one huge page, where the kernel has any) on first use;
 * a freed piece waits in its class. So a chunk is never given back before
 * mem_free: what bounds the memory held is the budgets' caps, and the plan's
 * total: where that is reached, larger pieces that wait are cut up. */
#include "base/budget.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/guard.h"
#include "base/must.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define EACH_A_MALLOC 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define EACH_A_MALLOC 1
#endif
#ifndef EACH_A_MALLOC
#define EACH_A_MALLOC 0
#endif

#define CHUNK_LEN ((size_t)2 << 20)
#define PAGE_LEN ((size_t)4096)
#define SMALL_MAX ((size_t)256)
#define PIECE_MAX ((size_t)64 << 10)
#define SMALL_CLASSES 16
#define CLASSES (SMALL_CLASSES + 8 * 4)
#define SIZE_SANE_MAX ((size_t)1 << 40)

struct piece {
	struct piece *next;
};

struct chunk {
	struct chunk *next;
	uint64_t pad;                   /* keeps what follows aligned to 16 */
};

struct mem {
	struct piece *free[CLASSES];
	struct chunk *chunks;
	uint8_t *carve;                 /* the rest of the newest chunk */
	uint8_t *carve_end;
	uint64_t held, held_max;        /* bytes mapped; 0 = no bound */
	unsigned workers;
};

/* Percent of the total, by enum mem_class. */
static const struct {
	const char *name;
	unsigned percent;
} classes[MEM_CLASSES] = {
	[MEM_FLOW] = { "flow", 20 }, [MEM_SESSION] = { "session", 15 }, [MEM_STREAM] = { "stream", 20 },
	[MEM_DEFRAG] = { "defrag", 5 }, [MEM_ANALYZER] = { "analyzer", 25 }, [MEM_RULES] = { "rules", 15 },
};

static inline unsigned class_of(size_t size)
{
	unsigned log, step;

	if (size <= SMALL_MAX)
		return (unsigned)((size - 1) / 16);
	/* size - 1 is in [2^log, 2^(log+1)); the two bits below the highest choose the step. */
	log = 63 - (unsigned)__builtin_clzll(size - 1);
	step = (unsigned)((size - 1) >> (log - 2)) & 3;
	return SMALL_CLASSES + (log - 8) * 4 + step;
}

static inline size_t class_size(unsigned class)
{
	unsigned log, step;

	if (class < SMALL_CLASSES)
		return ((size_t)class + 1) * 16;
	log = 8 + (class - SMALL_CLASSES) / 4;
	step = (class - SMALL_CLASSES) % 4;
	return ((size_t)1 << log) + ((size_t)(step + 1) << (log - 2));
}

size_t budget_charge(size_t size)
{
	if (size > PIECE_MAX)
		return (size + PAGE_LEN - 1) & ~(PAGE_LEN - 1);
	return class_size(class_of(size));
}

struct mem *mem_new(void)
{
	return calloc(1, sizeof(struct mem));
}

void mem_free(struct mem *m)
{
	if (m == NULL)
		return;
	while (m->chunks != NULL) {
		struct chunk *c = m->chunks;

		m->chunks = c->next;
		munmap(c, CHUNK_LEN);
	}
	free(m);
}

void mem_plan(struct mem *m, uint64_t total, unsigned workers)
{
	m->workers = workers > 0 ? workers : 1;
	m->held_max = total / m->workers;
	if (total != 0 && m->held_max < CHUNK_LEN)
		m->held_max = CHUNK_LEN;
}

uint64_t mem_part(const struct mem *m, uint64_t of_all)
{
	return m->workers > 1 ? of_all / m->workers : of_all;
}

uint64_t mem_held(const struct mem *m)
{
	return m->held;
}

static bool mem_may_hold(const struct mem *m, size_t more)
{
	return m->held_max == 0 || m->held + more <= m->held_max;
}

static void *map_pages(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* The unused end of the current chunk, in pieces as large as they come. */
static void mem_carve_rest(struct mem *m)
{
	size_t left;

	while ((left = (size_t)(m->carve_end - m->carve)) >= 16) {
		unsigned class = left >= PIECE_MAX ? CLASSES - 1 : class_of(left);
		struct piece *p = (struct piece *)m->carve;

		if (class_size(class) > left)
			class--;
		p->next = m->free[class];
		m->free[class] = p;
		m->carve += class_size(class);
	}
}

static bool mem_grow(struct mem *m)
{
	uint8_t *p = mem_may_hold(m, CHUNK_LEN) ? map_pages(CHUNK_LEN * 2) : NULL;
	uint8_t *start;
	struct chunk *c;

	if (p == NULL)
		return false;
	mem_carve_rest(m);
	start = (uint8_t *)(((uintptr_t)p + CHUNK_LEN - 1) & ~(uintptr_t)(CHUNK_LEN - 1));
	if (start > p)
		munmap(p, (size_t)(start - p));
	munmap(start + CHUNK_LEN, CHUNK_LEN - (size_t)(start - p));
	madvise(start, CHUNK_LEN, MADV_HUGEPAGE);
	c = (struct chunk *)start;
	c->next = m->chunks;
	m->chunks = c;
	m->held += CHUNK_LEN;
	m->carve = start + sizeof(*c);
	m->carve_end = start + CHUNK_LEN;
	return true;
}

/* A larger piece that waits is cut up. */
static bool mem_split(struct mem *m, unsigned class)
{
	for (unsigned larger = class + 1; larger < CLASSES; larger++) {
		struct piece *p = m->free[larger];

		if (p == NULL)
			continue;
		m->free[larger] = p->next;
		mem_carve_rest(m);
		m->carve = (uint8_t *)p;
		m->carve_end = m->carve + class_size(larger);
		return true;
	}
	return false;
}

static void *mem_get_pages(struct mem *m, size_t charge)
{
	void *p = mem_may_hold(m, charge) ? map_pages(charge) : NULL;

	if (p != NULL)
		m->held += charge;
	return p;
}

static void *mem_get(struct mem *m, size_t charge)
{
	unsigned class;
	struct piece *p;

	if (EACH_A_MALLOC)
		return NULL;
	if (charge > PIECE_MAX)
		return mem_get_pages(m, charge);
	class = class_of(charge);
	p = m->free[class];
	if (likely(p != NULL)) {
		m->free[class] = p->next;
		return p;
	}
	if ((size_t)(m->carve_end - m->carve) < charge && !mem_grow(m) && !mem_split(m, class))
		return NULL;
	p = (struct piece *)m->carve;
	m->carve += charge;
	return p;
}

static void mem_put(struct mem *m, void *data, size_t charge)
{
	struct piece *p = data;
	unsigned class;

	if (charge > PIECE_MAX) {
		munmap(data, charge);
		m->held -= charge;
		return;
	}
	class = class_of(charge);
	p->next = m->free[class];
	m->free[class] = p;
}

void budget_init(struct budget *b, struct mem *m, const char *name, uint64_t max)
{
	*b = (struct budget){ .mem = m, .name = name, .max = max };
}

void budget_init_class(struct budget *b, struct mem *m, enum mem_class class, uint64_t cap)
{
	uint64_t share = m->held_max * classes[class].percent / 100;

	cap = mem_part(m, cap);
	if (share != 0 && (cap == 0 || cap > share))
		cap = share;
	budget_init(b, m, classes[class].name, cap);
}

/* Whether the change from one charge to another stays within the cap. */
static inline bool budget_allows(struct budget *b, size_t size, size_t charge_old, size_t charge)
{
	if (likely(size <= SIZE_SANE_MAX && (b->max == 0 || b->used - charge_old + charge <= b->max)))
		return true;
	b->denied++;
	return false;
}

static inline void budget_take(struct budget *b, size_t charge)
{
	b->used += charge;
	if (b->used > b->high)
		b->high = b->used;
}

static void *budget_get_some(struct budget *b, size_t size, bool zero)
{
	size_t charge;
	void *p;

	must(size > 0);
	charge = budget_charge(size);
	if (!budget_allows(b, size, 0, charge))
		return NULL;
	if (EACH_A_MALLOC) {
		guard_pause();
		p = zero ? calloc(1, size) : malloc(size);
		guard_resume();
	} else {
		p = mem_get(b->mem, charge);
	}
	if (unlikely(p == NULL)) {
		b->denied++;
		return NULL;
	}
	if (zero && !EACH_A_MALLOC && charge <= PIECE_MAX)
		memset(p, 0, size);
	budget_take(b, charge);
	return p;
}

void *budget_get(struct budget *b, size_t size)
{
	return budget_get_some(b, size, true);
}

void *budget_get_raw(struct budget *b, size_t size)
{
	return budget_get_some(b, size, false);
}

void budget_put(struct budget *b, void *p, size_t size)
{
	size_t charge;

	if (p == NULL)
		return;
	charge = budget_charge(size);
	must(b->used >= charge);
	b->used -= charge;
	if (EACH_A_MALLOC)
		free(p);
	else
		mem_put(b->mem, p, charge);
}

/* Two sizes that are both mappings: the kernel moves the pages. */
static void *mem_remap(struct mem *m, void *p, size_t charge_old, size_t charge)
{
	if (charge > charge_old && !mem_may_hold(m, charge - charge_old))
		return NULL;
	p = mremap(p, charge_old, charge, MREMAP_MAYMOVE);
	if (p == MAP_FAILED)
		return NULL;
	m->held = m->held - charge_old + charge;
	return p;
}

void *budget_resize(struct budget *b, void *p, size_t old_size, size_t new_size)
{
	size_t charge_old, charge;
	void *q;

	if (p == NULL)
		return budget_get_raw(b, new_size);
	must(new_size > 0);
	charge_old = budget_charge(old_size);
	charge = budget_charge(new_size);
	if (charge == charge_old && !EACH_A_MALLOC)
		return p;
	if (!budget_allows(b, new_size, charge_old, charge))
		return NULL;
	if (EACH_A_MALLOC) {
		guard_pause();
		q = realloc(p, new_size);
		guard_resume();
	} else if (charge_old > PIECE_MAX && charge > PIECE_MAX) {
		q = mem_remap(b->mem, p, charge_old, charge);
	} else {
		q = mem_get(b->mem, charge);
	}
	if (q == NULL) {
		b->denied++;
		return NULL;
	}
	if (!EACH_A_MALLOC && (charge_old <= PIECE_MAX || charge <= PIECE_MAX)) {
		memcpy(q, p, old_size < new_size ? old_size : new_size);
		mem_put(b->mem, p, charge_old);
	}
	b->used -= charge_old;
	budget_take(b, charge);
	return q;
}
