/* budget.h - memory that traffic costs us, charged when it is taken.
 *
 * A `struct mem` is one worker's allocator: size-class free lists over large
 * mappings, no locks, no malloc. A `struct budget` is a class of use (flow,
 * stream, defrag, analyzer, ...) with a cap; every allocation on behalf of
 * traffic names one. When a budget is spent budget_get returns NULL and counts
 * it: the caller sheds the oldest or least valuable state and carries on.
 *
 * One thread uses a mem and its budgets. In sanitizer builds each allocation is
 * a malloc of its own, so that the sanitizer sees every overrun. */
#ifndef TAPIR_BASE_BUDGET_H
#define TAPIR_BASE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mem;

/* NULL where there is no memory at all. */
struct mem *mem_new(void);
/* Every byte given out must have come back, or it is simply lost to its taker. */
void mem_free(struct mem *m);

/* What a worker's memory is for, where the configuration names one total for all of it. */
enum mem_class { MEM_FLOW, MEM_SESSION, MEM_STREAM, MEM_DEFRAG, MEM_ANALYZER, MEM_RULES, MEM_CLASSES };

/* One worker's part of total (0: no total): the mappings never come to more, and each class gets a share of its
 * own that no other can take. What classes have as a cap is divided among workers in either case. */
void mem_plan(struct mem *m, uint64_t total, unsigned workers);
/* A worker's part of what all have. */
uint64_t mem_part(const struct mem *m, uint64_t of_all);
/* Bytes mapped now. */
uint64_t mem_held(const struct mem *m);

struct budget {
	struct mem *mem;
	const char *name;       /* literal: "flow", "stream", ... */
	uint64_t used;          /* bytes out now, as rounded up to the size class */
	uint64_t high;          /* the most that was ever out */
	uint64_t max;           /* cap; 0 = none */
	uint64_t denied;        /* how often budget_get said no */
};

void budget_init(struct budget *b, struct mem *m, const char *name, uint64_t max);

/* A class's budget: cap (0 = none) is for all workers together, and the class's share of the total bounds it. */
void budget_init_class(struct budget *b, struct mem *m, enum mem_class class, uint64_t cap);
/* Nearly spent: the next to come should make room first. */
static inline bool budget_tight(const struct budget *b)
{
	return b->max != 0 && b->used + b->max / 20 >= b->max;
}

/* size bytes, zeroed, aligned to 16; NULL where the budget is spent. size > 0. */
void *budget_get(struct budget *b, size_t size);
/* The same without zeroing. */
void *budget_get_raw(struct budget *b, size_t size);
/* Gives back what budget_get gave for the same size. p may be NULL. */
void budget_put(struct budget *b, void *p, size_t size);
/* Moves to a new size, keeping the first min(old, new) bytes; NULL (and nothing
 * changed) where the budget is spent. p may be NULL with old_size 0. */
void *budget_resize(struct budget *b, void *p, size_t old_size, size_t new_size);
/* What budget_get really charges for size. */
size_t budget_charge(size_t size);

#endif
