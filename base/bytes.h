/* bytes.h - a growable run of bytes charged to a budget. */
#ifndef TAPIR_BASE_BYTES_H
#define TAPIR_BASE_BYTES_H

#include "base/budget.h"
#include "base/slice.h"

/* All zero is the empty value. */
struct bytes {
	uint8_t *data;
	uint32_t len;
	uint32_t cap;
};

static inline struct slice bytes_slice(const struct bytes *b)
{
	return slice_of(b->data, b->len);
}

/* Room for at least cap bytes; false where the budget is spent. */
bool bytes_reserve(struct bytes *b, struct budget *budget, size_t cap);
/* Appends; false (nothing changed) where the budget is spent. */
bool bytes_append(struct bytes *b, struct budget *budget, const void *data, size_t len);
bool bytes_append_u8(struct bytes *b, struct budget *budget, uint8_t v);
/* Drops the first n bytes, moving the rest down. */
void bytes_drop(struct bytes *b, size_t n);
/* Gives the memory back; b is empty afterwards. */
void bytes_fini(struct bytes *b, struct budget *budget);

#endif
