/* hpack.c - the seam to libnghttp2, of which only the header decompressor is used.
 *
 * The library doesn't tell of changes of the table's size, so those are read here as well: they stand
 * at the beginning of a block. The table may grow to TABLE_MAX whatever was agreed on, since the agreement
 * may have passed before we looked. */
#include "analyzers/http2/hpack.h"

#ifdef TAPIR_HAVE_NGHTTP2
#include <nghttp2/nghttp2.h>

#include "analyzers/decode.h"

#define TABLE_MAX 65536

struct hpack {
	struct budget *budget;
	nghttp2_hd_inflater *inflater;
	nghttp2_mem mem;        /* the library keeps a pointer to it */
	bool broken;
};

static void *mem_alloc(size_t size, void *budget)
{
	return codec_alloc(budget, size != 0 ? size : 1);
}

static void mem_free_(void *p, void *budget)
{
	codec_release(budget, p);
}

static void *mem_calloc(size_t n, size_t size, void *budget)
{
	void *p = size != 0 && n > SIZE_MAX / size ? NULL : mem_alloc(n * size, budget);

	if (p != NULL)
		memset(p, 0, n * size);
	return p;
}

static void *mem_realloc(void *p, size_t size, void *budget)
{
	void *q = mem_alloc(size, budget);

	if (q != NULL && p != NULL) {
		size_t had = codec_size(p);

		memcpy(q, p, had < size ? had : size);
		codec_release(budget, p);
	}
	return q;
}

struct hpack *hpack_new(struct budget *b)
{
	struct hpack *h = budget_get(b, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->budget = b;
	h->mem = (nghttp2_mem){ .mem_user_data = b, .malloc = mem_alloc, .free = mem_free_, .calloc = mem_calloc,
				.realloc = mem_realloc };
	if (nghttp2_hd_inflate_new2(&h->inflater, &h->mem) != 0) {
		budget_put(b, h, sizeof(*h));
		return NULL;
	}
	nghttp2_hd_inflate_change_table_size(h->inflater, TABLE_MAX);
	return h;
}

void hpack_free(struct hpack *h)
{
	if (h == NULL)
		return;
	nghttp2_hd_inflate_del(h->inflater);
	budget_put(h->budget, h, sizeof(*h));
}

static void table_sizes(struct slice s, const struct hpack_sink *sink)
{
	while (s.len > 0 && (s.data[0] & 0xe0) == 0x20) {
		uint64_t v = s.data[0] & 0x1f;
		size_t n = 1;

		for (unsigned shift = 0; v >= 0x1f && n < s.len && shift < 28; shift += 7) {
			v += (uint64_t)(s.data[n] & 0x7f) << shift;
			if ((s.data[n++] & 0x80) == 0)
				break;
		}
		sink->table_size(sink->ctx, (uint32_t)v);
		s = slice_skip(s, n);
	}
}

bool hpack_decode(struct hpack *h, struct slice block, const struct hpack_sink *sink)
{
	if (h->broken)
		return false;
	table_sizes(block, sink);
	for (;;) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t n = nghttp2_hd_inflate_hd2(h->inflater, &nv, &flags, block.data, block.len, 1);

		if (n < 0) {
			h->broken = true;
			return false;
		}
		block = slice_skip(block, (size_t)n);
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			sink->header(sink->ctx, slice_of(nv.name, nv.namelen), slice_of(nv.value, nv.valuelen));
		if (flags & NGHTTP2_HD_INFLATE_FINAL) {
			nghttp2_hd_inflate_end_headers(h->inflater);
			return true;
		}
		if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && block.len == 0)
			return true;
	}
}
#else
struct hpack *hpack_new(struct budget *b)
{
	(void)b;
	return NULL;
}

void hpack_free(struct hpack *h)
{
	(void)h;
}

bool hpack_decode(struct hpack *h, struct slice block, const struct hpack_sink *sink)
{
	(void)h;
	(void)block;
	(void)sink;
	return false;
}
#endif
