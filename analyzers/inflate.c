/* inflate.c - the seam to zlib: gzip, zlib and raw deflate.
 *
 * The gzip header is read here, not by zlib: browsers don't mind wrong flags, reserved bits or checksums
 * in it, and neither may we. What follows the end of the deflate data is ignored. */
#include <zlib.h>

#include "analyzers/decode.h"

enum gzip_flag { GZIP_HCRC = 2, GZIP_EXTRA = 4, GZIP_NAME = 8, GZIP_COMMENT = 16 };
enum gzip_state { GZIP_FIXED, GZIP_EXTRA_LEN, GZIP_EXTRA_DATA, GZIP_NAME_TEXT, GZIP_COMMENT_TEXT, GZIP_CRC, GZIP_BODY };

struct inflater {
	z_stream z;
	bool is_gzip;
	uint8_t state;          /* enum gzip_state */
	uint8_t flags;
	uint16_t at;            /* bytes read of the present part */
	uint16_t extra_len;
};

static void *zlib_alloc(void *budget, unsigned items, unsigned size)
{
	return codec_alloc(budget, (size_t)items * size);
}

static void zlib_free(void *budget, void *p)
{
	codec_release(budget, p);
}

static void *inflater_open(struct budget *b, int window_bits, bool is_gzip)
{
	struct inflater *f = budget_get(b, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->z.zalloc = zlib_alloc;
	f->z.zfree = zlib_free;
	f->z.opaque = b;
	f->is_gzip = is_gzip;
	if (inflateInit2(&f->z, window_bits) != Z_OK) {
		budget_put(b, f, sizeof(*f));
		return NULL;
	}
	return f;
}

static void *gzip_open(struct budget *b, const struct decode_limits *limits)
{
	(void)limits;
	return inflater_open(b, -MAX_WBITS, true);
}

static void *deflate_open(struct budget *b, const struct decode_limits *limits)
{
	(void)limits;
	return inflater_open(b, -MAX_WBITS, false);
}

static void *zlib_open(struct budget *b, const struct decode_limits *limits)
{
	(void)limits;
	return inflater_open(b, MAX_WBITS, false);
}

static void inflater_close(void *state, struct budget *b)
{
	struct inflater *f = state;

	inflateEnd(&f->z);
	budget_put(b, f, sizeof(*f));
}

static void gzip_next(struct inflater *f, uint8_t state)
{
	f->state = state;
	f->at = 0;
}

/* Passes over parts that the flags say aren't there. */
static void gzip_skip_absent(struct inflater *f)
{
	for (;;) {
		if (f->state == GZIP_EXTRA_LEN && !(f->flags & GZIP_EXTRA))
			gzip_next(f, GZIP_NAME_TEXT);
		else if (f->state == GZIP_EXTRA_DATA && f->extra_len == 0)
			gzip_next(f, GZIP_NAME_TEXT);
		else if (f->state == GZIP_NAME_TEXT && !(f->flags & GZIP_NAME))
			gzip_next(f, GZIP_COMMENT_TEXT);
		else if (f->state == GZIP_COMMENT_TEXT && !(f->flags & GZIP_COMMENT))
			gzip_next(f, GZIP_CRC);
		else if (f->state == GZIP_CRC && !(f->flags & GZIP_HCRC))
			gzip_next(f, GZIP_BODY);
		else
			return;
	}
}

/* One byte of the header; false: this isn't gzip. */
static bool gzip_byte(struct inflater *f, uint8_t c)
{
	static const uint8_t magic[3] = { 0x1f, 0x8b, 8 };

	switch (f->state) {
	case GZIP_FIXED:
		if (f->at < 3 && c != magic[f->at])
			return false;
		if (f->at == 3)
			f->flags = c;
		if (++f->at == 10)
			gzip_next(f, GZIP_EXTRA_LEN);
		break;
	case GZIP_EXTRA_LEN:
		f->extra_len |= (uint16_t)(c << (8 * f->at));
		if (++f->at == 2)
			gzip_next(f, GZIP_EXTRA_DATA);
		break;
	case GZIP_EXTRA_DATA:
		if (++f->at == f->extra_len)
			gzip_next(f, GZIP_NAME_TEXT);
		break;
	case GZIP_NAME_TEXT:
		if (c == 0)
			gzip_next(f, GZIP_COMMENT_TEXT);
		break;
	case GZIP_COMMENT_TEXT:
		if (c == 0)
			gzip_next(f, GZIP_CRC);
		break;
	case GZIP_CRC:
		if (++f->at == 2)
			gzip_next(f, GZIP_BODY);
		break;
	}
	gzip_skip_absent(f);
	return true;
}

static enum codec_answer inflater_run(void *state, struct slice *in, uint8_t *out, size_t *len)
{
	struct inflater *f = state;
	int rc;

	while (f->is_gzip && f->state != GZIP_BODY && in->len > 0) {
		if (!gzip_byte(f, in->data[0])) {
			*len = 0;
			return CODEC_ERROR;
		}
		*in = slice_of(in->data + 1, in->len - 1);
	}
	if (f->is_gzip && f->state != GZIP_BODY) {
		*len = 0;
		return CODEC_OK;
	}
	f->z.next_in = (uint8_t *)(uintptr_t)in->data;
	f->z.avail_in = (unsigned)in->len;
	f->z.next_out = out;
	f->z.avail_out = (unsigned)*len;
	rc = inflate(&f->z, Z_SYNC_FLUSH);
	*len -= f->z.avail_out;
	*in = slice_of(f->z.next_in, f->z.avail_in);
	if (rc == Z_STREAM_END)
		return CODEC_END;
	return rc == Z_OK || rc == Z_BUF_ERROR ? CODEC_OK : CODEC_ERROR;
}

const struct codec codec_gzip = { .open = gzip_open, .run = inflater_run, .close = inflater_close };
const struct codec codec_deflate = { .open = deflate_open, .run = inflater_run, .close = inflater_close };
const struct codec codec_zlib = { .open = zlib_open, .run = inflater_run, .close = inflater_close };
