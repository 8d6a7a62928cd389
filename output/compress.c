/* compress.c - streams through a buffer of its own: the size of a file doesn't matter. The result has another
 * name until it is whole. */
#include "output/compress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>
#ifdef TAPIR_HAVE_ZSTD
#include <zstd.h>
#endif

#define CHUNK (128 * 1024)
#define GZIP_WINDOW (15 + 16)           /* 16: with a gzip header */

bool compression_find(const char *name, enum compression *out)
{
	static const char *const names[] = { "none", "gzip", "zstd" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		*out = i;
#ifndef TAPIR_HAVE_ZSTD
		return i != COMPRESS_ZSTD;
#else
		return true;
#endif
	}
	return false;
}

const char *compression_suffix(enum compression c)
{
	return c == COMPRESS_GZIP ? ".gz" : c == COMPRESS_ZSTD ? ".zst" : "";
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static int gzip_fd(int in, int out, char *from, char *to)
{
	z_stream z = { 0 };
	int err = 0, flush = Z_NO_FLUSH;

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	while (err == 0 && flush != Z_FINISH) {
		ssize_t n = read(in, from, CHUNK);

		if (n < 0)
			err = -errno;
		flush = n == 0 ? Z_FINISH : Z_NO_FLUSH;
		z.next_in = (Bytef *)from;
		z.avail_in = n > 0 ? (uInt)n : 0;
		do {
			z.next_out = (Bytef *)to;
			z.avail_out = CHUNK;
			deflate(&z, flush);
			if (err == 0 && !write_all(out, to, CHUNK - z.avail_out))
				err = -errno;
		} while (z.avail_out == 0 && err == 0);
	}
	deflateEnd(&z);
	return err;
}

static int zstd_fd(int in, int out, char *from, char *to)
{
#ifdef TAPIR_HAVE_ZSTD
	ZSTD_CCtx *z = ZSTD_createCCtx();
	int err = z ? 0 : -ENOMEM;
	bool end = false;

	while (err == 0 && !end) {
		ssize_t n = read(in, from, CHUNK);
		ZSTD_inBuffer src = { .src = from, .size = n > 0 ? (size_t)n : 0 };
		size_t left = 1;

		if (n < 0)
			err = -errno;
		end = n == 0;
		while (err == 0 && (src.pos < src.size || (end && left > 0))) {
			ZSTD_outBuffer dst = { .dst = to, .size = CHUNK };

			left = ZSTD_compressStream2(z, &dst, &src, end ? ZSTD_e_end : ZSTD_e_continue);
			if (ZSTD_isError(left))
				err = -EIO;
			else if (!write_all(out, to, dst.pos))
				err = -errno;
		}
	}
	ZSTD_freeCCtx(z);
	return err;
#else
	(void)in, (void)out, (void)from, (void)to;
	return -ENOSYS;
#endif
}

int compress_file(const char *path, enum compression c)
{
	char target[4096], temporary[4104];
	struct stat st;
	char *buffers = malloc(2 * CHUNK);
	int in = open(path, O_RDONLY | O_CLOEXEC), out = -1, err = buffers == NULL ? -ENOMEM : in < 0 ? -errno : 0;

	snprintf(target, sizeof(target), "%s%s", path, compression_suffix(c));
	snprintf(temporary, sizeof(temporary), "%s.tmp", target);
	if (err == 0 && (fstat(in, &st) < 0 || (out = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, st.st_mode & 0777)) < 0))
		err = -errno;
	if (err == 0)
		err = c == COMPRESS_GZIP ? gzip_fd(in, out, buffers, buffers + CHUNK) : zstd_fd(in, out, buffers, buffers + CHUNK);
	if (in >= 0)
		close(in);
	if (out >= 0 && close(out) < 0 && err == 0)
		err = -errno;
	if (err == 0 && rename(temporary, target) < 0)
		err = -errno;
	if (err == 0)
		unlink(path);
	else if (out >= 0)
		unlink(temporary);
	free(buffers);
	return err;
}

bool compress_gzip(struct text *out, const void *data, size_t len)
{
	z_stream z = { 0 };
	char to[16384];
	int state = Z_OK;

	if (deflateInit2(&z, 3, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	z.next_in = (Bytef *)(uintptr_t)data;
	z.avail_in = (uInt)len;
	while (state == Z_OK) {
		z.next_out = (Bytef *)to;
		z.avail_out = sizeof(to);
		state = deflate(&z, Z_FINISH);
		text_add(out, to, sizeof(to) - z.avail_out);
	}
	deflateEnd(&z);
	return state == Z_STREAM_END && !out->failed;
}
