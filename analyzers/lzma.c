/* lzma.c - the seam to liblzma: the .lzma ("alone") format. Without the library lzma passes undecoded.
 *
 * The header may ask for a dictionary of any size, and small files do ask for large ones: it is cut to the
 * configured limit, and data that looks back farther than that fails. */
#include "analyzers/decode.h"
#include "base/reader.h"

#ifdef TAPIR_HAVE_LZMA
#include <lzma.h>

#define HEAD_LEN 13             /* properties, dictionary size (4), length (8) */

struct lzma {
	lzma_stream z;
	lzma_allocator allocator;
	uint32_t dictionary_max;
	uint8_t head[HEAD_LEN];
	size_t have;            /* bytes of head that came */
	bool began;
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
	l->dictionary_max = 1 << 20;
	if (limits->lzma_memlimit != 0 && limits->lzma_memlimit < 64 << 20)
		l->dictionary_max = (uint32_t)limits->lzma_memlimit;
	if (lzma_alone_decoder(&l->z, UINT64_MAX) != LZMA_OK) {
		budget_put(b, l, sizeof(*l));
		return NULL;
	}
	return l;
}

/* The first bytes, with the dictionary cut to size. */
static enum parse head_give(struct lzma *l, struct slice *in)
{
	size_t n = HEAD_LEN - l->have < in->len ? HEAD_LEN - l->have : in->len;
	uint32_t size;
	uint8_t none[1];
	lzma_ret rc;

	memcpy(l->head + l->have, in->data, n);
	l->have += n;
	*in = slice_of(in->data + n, in->len - n);
	if (l->have < HEAD_LEN)
		return PARSE_MORE;
	size = (uint32_t)l->head[1] | (uint32_t)l->head[2] << 8 | (uint32_t)l->head[3] << 16 |
	       (uint32_t)l->head[4] << 24;
	if (size > l->dictionary_max)
		for (unsigned i = 0; i < 4; i++)
			l->head[1 + i] = (uint8_t)(l->dictionary_max >> (8 * i));
	l->began = true;
	l->z.next_in = l->head;
	l->z.avail_in = HEAD_LEN;
	l->z.next_out = none;
	l->z.avail_out = sizeof(none);    /* nothing comes yet, but it wants room */
	rc = lzma_code(&l->z, LZMA_RUN);
	return rc == LZMA_OK || rc == LZMA_BUF_ERROR ? PARSE_OK : PARSE_BAD;
}

static enum codec_answer lzma_run(void *state, struct slice *in, uint8_t *out, size_t *len)
{
	struct lzma *l = state;
	lzma_ret rc;

	if (!l->began) {
		enum parse got = head_give(l, in);

		if (got != PARSE_OK) {
			*len = 0;
			return got == PARSE_MORE ? CODEC_OK : CODEC_ERROR;
		}
	}
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
