/* lzma.c - the seam to liblzma: the .lzma ("alone") format, and .xz. Without the library lzma passes undecoded. */
#include "analyzers/decode.h"

#ifdef TAPIR_HAVE_LZMA
#include <lzma.h>

struct lzma {
	lzma_stream z;
	lzma_allocator allocator;
};

static void *lzma_alloc_(void *budget, size_t items, size_t size)
{
	return codec_alloc(budget, items * size);
}

static void *lzma_open(struct budget *b, const struct decode_limits *limits)
{
	struct lzma *l = budget_get(b, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->allocator = (lzma_allocator){ .alloc = lzma_alloc_, .free = codec_release, .opaque = b };
	l->z.allocator = &l->allocator;
	if (lzma_auto_decoder(&l->z, limits->lzma_memlimit != 0 ? limits->lzma_memlimit : 1 << 20, 0) !=
	    LZMA_OK) {
		budget_put(b, l, sizeof(*l));
		return NULL;
	}
	return l;
}

static enum codec_answer lzma_run(void *state, struct slice *in, uint8_t *out, size_t *len)
{
	struct lzma *l = state;
	lzma_ret rc;

	l->z.next_in = in->data;
	l->z.avail_in = in->len;
	l->z.next_out = out;
	l->z.avail_out = *len;
	rc = lzma_code(&l->z, LZMA_RUN);
	*len -= l->z.avail_out;
	*in = slice_of(l->z.next_in, l->z.avail_in);
	switch (rc) {
	case LZMA_STREAM_END:
		return CODEC_END;
	case LZMA_OK:
	case LZMA_BUF_ERROR:
		return CODEC_OK;
	case LZMA_MEMLIMIT_ERROR:
		return CODEC_MEMLIMIT;
	default:
		return CODEC_ERROR;
	}
}

static void lzma_close(void *state, struct budget *b)
{
	struct lzma *l = state;

	lzma_end(&l->z);
	budget_put(b, l, sizeof(*l));
}
#else
static void *lzma_open(struct budget *b, const struct decode_limits *limits)
{
	(void)b;
	(void)limits;
	return NULL;
}

static enum codec_answer lzma_run(void *state, struct slice *in, uint8_t *out, size_t *len)
{
	(void)state;
	(void)in;
	(void)out;
	*len = 0;
	return CODEC_ERROR;
}

static void lzma_close(void *state, struct budget *b)
{
	(void)state;
	(void)b;
}
#endif

const struct codec codec_lzma = { .open = lzma_open, .run = lzma_run, .close = lzma_close };
