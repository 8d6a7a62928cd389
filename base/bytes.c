/* bytes.c - a growable run of bytes; it doubles, so that appending is linear. */
#include "base/bytes.h"

#include <string.h>

#define BYTES_CAP_MIN 64

bool bytes_reserve(struct bytes *b, struct budget *budget, size_t cap)
{
	size_t want;
	uint8_t *data;

	if (cap <= b->cap)
		return true;
	if (cap > UINT32_MAX / 2)
		return false;
	want = b->cap ? b->cap : BYTES_CAP_MIN;
	while (want < cap)
		want *= 2;
	data = budget_resize(budget, b->data, b->cap, want);
	if (data == NULL && want > cap) {       /* doubling is too much: what is needed may still fit */
		want = cap;
		data = budget_resize(budget, b->data, b->cap, want);
	}
	if (data == NULL)
		return false;
	b->data = data;
	b->cap = (uint32_t)want;
	return true;
}

bool bytes_append(struct bytes *b, struct budget *budget, const void *data, size_t len)
{
	if (len == 0)
		return true;
	if (!bytes_reserve(b, budget, (size_t)b->len + len))
		return false;
	memcpy(b->data + b->len, data, len);
	b->len += (uint32_t)len;
	return true;
}

bool bytes_append_u8(struct bytes *b, struct budget *budget, uint8_t v)
{
	if (b->len == b->cap && !bytes_reserve(b, budget, (size_t)b->len + 1))
		return false;
	b->data[b->len++] = v;
	return true;
}

void bytes_drop(struct bytes *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		return;
	}
	memmove(b->data, b->data + n, b->len - n);
	b->len -= (uint32_t)n;
}

void bytes_fini(struct bytes *b, struct budget *budget)
{
	budget_put(budget, b->data, b->cap);
	*b = (struct bytes){ 0 };
}
