/* unpack_zstd.c - Zstandard through libzstd, frame after frame. Windows above
 * libzstd's default limit (128 MiB) are refused by it. */
#include "capture/unpack.h"

#include <errno.h>

#ifdef TAPIR_HAVE_ZSTD
#include <stdlib.h>
#include <zstd.h>

struct unpack_zstd {
	struct unpacker u;
	ZSTD_DStream *z;
	int at_end;
};

static int zstd_run(struct unpacker *u, struct unpack_io *io)
{
	struct unpack_zstd *s = (struct unpack_zstd *)u;
	ZSTD_inBuffer in = { io->in, io->in_len, 0 };
	ZSTD_outBuffer out = { io->out, io->out_len, 0 };
	size_t left = 0;

	/* Once more after the input is used up: output may be waiting inside. */
	while (out.pos < out.size) {
		size_t in_before = in.pos, out_before = out.pos;

		if (in.pos == in.size && s->at_end)
			break;
		left = ZSTD_decompressStream(s->z, &out, &in);
		if (ZSTD_isError(left))
			return -EBADMSG;
		s->at_end = left == 0;
		if (in.pos == in_before && out.pos == out_before)
			break;
	}
	io->in += in.pos;
	io->in_len -= in.pos;
	io->out += out.pos;
	io->out_len -= out.pos;
	return s->at_end;
}

static void zstd_free(struct unpacker *u)
{
	struct unpack_zstd *s = (struct unpack_zstd *)u;

	ZSTD_freeDStream(s->z);
	free(s);
}

int unpack_zstd_new(struct unpacker **out)
{
	struct unpack_zstd *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->z = ZSTD_createDStream();
	if (s->z == NULL) {
		free(s);
		return -ENOMEM;
	}
	s->u.run = zstd_run;
	s->u.free = zstd_free;
	*out = &s->u;
	return 0;
}
#else
int unpack_zstd_new(struct unpacker **out)
{
	*out = NULL;
	return -EOPNOTSUPP;
}
#endif
