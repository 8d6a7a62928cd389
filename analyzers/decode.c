/* decode.c - the chain of content codings.
 *
 * Until a layer has given its first byte its input is kept (at most KEPT_MAX), so that it can be begun
 * anew as another coding; the verdict then doesn't depend on how the body was cut. */
#include "analyzers/decode.h"

#include "base/bytes.h"

#define KEPT_MAX 16384
#define RESTARTS_MAX 3
#define OUT_MAX 4096
#define BOMB_LIMIT (1u << 20)
#define BOMB_RATIO 2048

struct layer {
	uint8_t kind;                   /* enum decode_kind */
	uint8_t restarts;
	bool produced;                  /* gave output, or took too much to begin anew */
	bool over;                      /* ended or failed: what follows is ignored */
	bool passes;                    /* hands its input on */
	void *state;
	struct bytes kept;
};

struct decode {
	struct budget *budget;
	struct decode_limits limits;
	unsigned count;
	struct layer layers[DECODE_LAYERS_MAX];
	uint64_t in, out;
	bool bomb, memlimit;
	decode_out *sink;
	void *ctx;
};

struct alloc_head {
	size_t size;
	size_t pad;
};

void *codec_alloc(void *budget, size_t size)
{
	struct alloc_head *h;

	if (size > UINT32_MAX)
		return NULL;
	h = budget_get_raw(budget, size + sizeof(*h));
	if (h == NULL)
		return NULL;
	h->size = size + sizeof(*h);
	return h + 1;
}

void codec_release(void *budget, void *p)
{
	struct alloc_head *h = p;

	if (h != NULL)
		budget_put(budget, h - 1, (h - 1)->size);
}

size_t codec_size(const void *p)
{
	const struct alloc_head *h = p;

	return (h - 1)->size - sizeof(*h);
}

static const struct codec *codec_of(uint8_t kind)
{
	switch (kind) {
	case DECODE_GZIP:
		return &codec_gzip;
	case DECODE_DEFLATE:
		return &codec_deflate;
	case DECODE_ZLIB:
		return &codec_zlib;
	case DECODE_BROTLI:
		return &codec_brotli;
	case DECODE_LZMA:
		return &codec_lzma;
	default:
		return NULL;
	}
}

struct decode *decode_new(struct budget *b, const struct decode_limits *limits)
{
	struct decode *d = budget_get(b, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->budget = b;
	d->limits = *limits;
	if (d->limits.bomb_limit == 0)
		d->limits.bomb_limit = BOMB_LIMIT;
	if (d->limits.bomb_ratio == 0)
		d->limits.bomb_ratio = BOMB_RATIO;
	return d;
}

static void layer_close(struct decode *d, struct layer *l)
{
	const struct codec *c = codec_of(l->kind);

	if (l->state != NULL)
		c->close(l->state, d->budget);
	l->state = NULL;
}

void decode_free(struct decode *d)
{
	if (d == NULL)
		return;
	for (unsigned i = 0; i < d->count; i++) {
		layer_close(d, &d->layers[i]);
		bytes_fini(&d->layers[i].kept, d->budget);
	}
	budget_put(d->budget, d, sizeof(*d));
}

static bool layer_open(struct decode *d, struct layer *l)
{
	const struct codec *c = codec_of(l->kind);

	l->state = c->open(d->budget, &d->limits);
	return l->state != NULL;
}

bool decode_layer(struct decode *d, enum decode_kind kind)
{
	struct layer *l;

	if (d->count == DECODE_LAYERS_MAX)
		return false;
	l = &d->layers[d->count++];
	l->kind = (uint8_t)kind;
	l->passes = kind == DECODE_LZMA && !d->limits.lzma;
	if (!l->passes && !layer_open(d, l))
		l->passes = true;
	return true;
}

static void layer_add(struct decode *d, unsigned i, struct slice in);

/* What layer i gave, or passes: to the one below, or out. */
static void layer_out(struct decode *d, unsigned i, struct slice data)
{
	if (i > 0) {
		layer_add(d, i - 1, data);
		return;
	}
	if (d->bomb)
		return;
	d->out += data.len;
	d->sink(d->ctx, data);
	if (d->out > d->limits.bomb_limit && d->out / d->limits.bomb_ratio > d->in)
		d->bomb = true;
}

static enum codec_answer layer_run(struct decode *d, unsigned i, struct slice in)
{
	struct layer *l = &d->layers[i];
	const struct codec *c = codec_of(l->kind);
	enum codec_answer answer;
	uint8_t out[OUT_MAX];

	do {
		size_t len = sizeof(out), before = in.len;

		answer = c->run(l->state, &in, out, &len);
		if (len > 0) {
			l->produced = true;
			layer_out(d, i, slice_of(out, len));
		}
		if (answer == CODEC_OK && len == 0 && in.len == before)
			break;
	} while (answer == CODEC_OK && !d->bomb);
	return answer;
}

/* Begins anew as the next form of deflate; false where all were tried. */
static bool layer_restart(struct decode *d, struct layer *l)
{
	layer_close(d, l);
	if (l->restarts++ >= RESTARTS_MAX)
		return false;
	switch (l->kind) {
	case DECODE_DEFLATE:
		l->kind = DECODE_ZLIB;
		break;
	case DECODE_ZLIB:
		l->kind = DECODE_GZIP;
		break;
	default:
		l->kind = DECODE_DEFLATE;
		break;
	}
	return layer_open(d, l);
}

static void layer_give_up(struct decode *d, unsigned i, struct slice in)
{
	struct bytes kept = d->layers[i].kept;

	for (unsigned k = 0; k <= i; k++)
		d->layers[k].passes = true;
	d->layers[i].kept = (struct bytes){ 0 };
	layer_out(d, i, kept.len != 0 ? bytes_slice(&kept) : in);
	bytes_fini(&kept, d->budget);
}

static void layer_add(struct decode *d, unsigned i, struct slice in)
{
	struct layer *l = &d->layers[i];
	enum codec_answer answer;

	if (l->passes) {
		layer_out(d, i, in);
		return;
	}
	if (l->over)
		return;
	if (!l->produced) {
		if (l->kept.len + in.len > KEPT_MAX || !bytes_append(&l->kept, d->budget, in.data, in.len)) {
			l->produced = true;
			bytes_fini(&l->kept, d->budget);
		}
	}
	answer = layer_run(d, i, in);
	while (answer == CODEC_ERROR && !l->produced) {
		if (!layer_restart(d, l)) {
			layer_give_up(d, i, in);
			return;
		}
		answer = layer_run(d, i, bytes_slice(&l->kept));
	}
	if (answer == CODEC_MEMLIMIT)
		d->memlimit = true;
	if (answer != CODEC_OK)
		l->over = true;
	if (l->produced || l->over)
		bytes_fini(&l->kept, d->budget);
}

void decode_add(struct decode *d, struct slice in, decode_out *out, void *ctx)
{
	d->sink = out;
	d->ctx = ctx;
	d->in += in.len;
	if (d->count == 0)
		layer_out(d, 0, in);
	else if (!d->bomb)
		layer_add(d, d->count - 1, in);
}

bool decode_bomb(const struct decode *d)
{
	return d->bomb;
}

bool decode_lzma_memlimit(const struct decode *d)
{
	return d->memlimit;
}
