/* unpack_zlib.c - gzip through zlib, member after member. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

#include "capture/unpack.h"

/* What follows a finished member and isn't another is ignored, as gunzip does with padding. */
struct unpack_gzip {
	struct unpacker u;
	z_stream z;
	bool at_end;            /* between two members */
	bool over;              /* something else than a member follows */
};

static int gzip_run(struct unpacker *u, struct unpack_io *io)
{
	struct unpack_gzip *g = (struct unpack_gzip *)u;

	/* Also without input: output may be waiting inside. */
	while (io->out_len) {
		const uint8_t *in_before = io->in, *out_before = io->out;
		int err;

		if (g->at_end && io->in_len == 0)
			break;
		if (g->at_end && io->in[0] != 0x1f)
			g->over = true;
		if (g->over) {
			io->in += io->in_len;
			io->in_len = 0;
			break;
		}
		if (g->at_end) {
			inflateReset(&g->z);
			g->at_end = false;
		}
		g->z.next_in = (Bytef *)(uintptr_t)io->in;
		g->z.avail_in = io->in_len < UINT32_MAX ? (uInt)io->in_len : UINT32_MAX;
		g->z.next_out = io->out;
		g->z.avail_out = io->out_len < UINT32_MAX ? (uInt)io->out_len : UINT32_MAX;
		err = inflate(&g->z, Z_NO_FLUSH);
		io->in_len -= (size_t)(g->z.next_in - io->in);
		io->in = g->z.next_in;
		io->out_len -= (size_t)(g->z.next_out - io->out);
		io->out = g->z.next_out;
		if (err == Z_STREAM_END)
			g->at_end = true;
		else if (err == Z_MEM_ERROR)
			return -ENOMEM;
		else if (err != Z_OK && err != Z_BUF_ERROR)
			return -EBADMSG;
		if (io->in == in_before && io->out == out_before)
			break;
	}
	return g->at_end;
}

static void gzip_free(struct unpacker *u)
{
	struct unpack_gzip *g = (struct unpack_gzip *)u;

	inflateEnd(&g->z);
	free(g);
}

int unpack_gzip_new(struct unpacker **out)
{
	struct unpack_gzip *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return -ENOMEM;
	if (inflateInit2(&g->z, 15 + 16) != Z_OK) {
		free(g);
		return -ENOMEM;
	}
	g->u.run = gzip_run;
	g->u.free = gzip_free;
	*out = &g->u;
	return 0;
}
