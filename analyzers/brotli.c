/* brotli.c - the seam to libbrotlidec. Without the library brotli passes undecoded. */
#include "analyzers/decode.h"

#ifdef TAPIR_HAVE_BROTLI
#include <brotli/decode.h>

static void *brotli_open(struct budget *b, const struct decode_limits *limits)
{
	(void)limits;
	return BrotliDecoderCreateInstance(codec_alloc, codec_release, b);
}

static enum codec_answer brotli_run(void *state, struct slice *in, uint8_t *out, size_t *len)
{
	const uint8_t *next_in = in->data;
	size_t avail_in = in->len, avail_out = *len;
	BrotliDecoderResult rc = BrotliDecoderDecompressStream(state, &avail_in, &next_in, &avail_out, &out, NULL);

	*len -= avail_out;
	*in = slice_of(next_in, avail_in);
	if (rc == BROTLI_DECODER_RESULT_SUCCESS)
		return CODEC_END;
	return rc == BROTLI_DECODER_RESULT_ERROR ? CODEC_ERROR : CODEC_OK;
}

static void brotli_close(void *state, struct budget *b)
{
	(void)b;
	BrotliDecoderDestroyInstance(state);
}
#else
static void *brotli_open(struct budget *b, const struct decode_limits *limits)
{
	(void)b;
	(void)limits;
	return NULL;
}

static enum codec_answer brotli_run(void *state, struct slice *in, uint8_t *out, size_t *len)
{
	(void)state;
	(void)in;
	(void)out;
	*len = 0;
	return CODEC_ERROR;
}

static void brotli_close(void *state, struct budget *b)
{
	(void)state;
	(void)b;
}
#endif

const struct codec codec_brotli = { .open = brotli_open, .run = brotli_run, .close = brotli_close };
