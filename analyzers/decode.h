/* decode.h - content codings (gzip, deflate, brotli, lzma), in layers, bounded.
 *
 * Browsers take nearly anything for a compressed body, so this does too: a coding that fails before it
 * gave a byte is tried as the other deflate forms, and what is none of them passes as it is. Output is
 * bounded by ratio once it is beyond the bomb limit. */
#ifndef TAPIR_ANALYZERS_DECODE_H
#define TAPIR_ANALYZERS_DECODE_H

#include "base/budget.h"
#include "base/slice.h"

#define DECODE_LAYERS_MAX 8

enum decode_kind { DECODE_NONE, DECODE_GZIP, DECODE_DEFLATE, DECODE_ZLIB, DECODE_BROTLI, DECODE_LZMA };

struct decode_limits {
	uint64_t bomb_limit;            /* output from which the ratio matters; 0 = 1 MiB */
	uint32_t bomb_ratio;            /* 0 = 2048 */
	bool lzma;                      /* else lzma passes undecoded */
	uint64_t lzma_memlimit;         /* 0 = 1 MiB */
};

struct decode;

typedef void decode_out(void *ctx, struct slice data);

struct decode *decode_new(struct budget *b, const struct decode_limits *limits);
void decode_free(struct decode *d);
/* Another layer, that bytes go through before those that were added earlier. False: no more of them, or no memory. */
bool decode_layer(struct decode *d, enum decode_kind kind);
/* Decodes; out is called for each run of plain bytes. */
void decode_add(struct decode *d, struct slice in, decode_out *out, void *ctx);
/* The output outgrew the limits: nothing more comes out. */
bool decode_bomb(const struct decode *d);
/* lzma wanted more memory than lzma_memlimit. */
bool decode_lzma_memlimit(const struct decode *d);

/* One coding: the seams to the libraries implement this. */
enum codec_answer { CODEC_OK, CODEC_END, CODEC_ERROR, CODEC_MEMLIMIT };
struct codec {
	void *(*open)(struct budget *b, const struct decode_limits *limits);
	/* Takes from *in, writes at most *len bytes to out and sets *len to how many. */
	enum codec_answer (*run)(void *state, struct slice *in, uint8_t *out, size_t *len);
	void (*close)(void *state, struct budget *b);
};
extern const struct codec codec_gzip, codec_deflate, codec_zlib, codec_brotli, codec_lzma;

/* For libraries that free without a size: it is kept in front. */
void *codec_alloc(void *budget, size_t size);
void codec_release(void *budget, void *p);
size_t codec_size(const void *p);

#endif
