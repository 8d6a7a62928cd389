/* unpack.h - decompression as a stream: what file readers need of zlib and zstd.
 *
 * Input and output are the caller's, of any size; memory is the library's fixed
 * window whatever the input claims. Members or frames that follow one another
 * are unpacked as one. */
#ifndef TAPIR_CAPTURE_UNPACK_H
#define TAPIR_CAPTURE_UNPACK_H

#include <stddef.h>
#include <stdint.h>

struct unpack_io {
	const uint8_t *in;      /* moves on as input is consumed */
	size_t in_len;
	uint8_t *out;           /* moves on as output is written */
	size_t out_len;
};

struct unpacker {
	/* Works until input or output is used up. 0; 1 where the input may end here; -EBADMSG for garbage. */
	int (*run)(struct unpacker *u, struct unpack_io *io);
	void (*free)(struct unpacker *u);
};

/* Return 0 or -ENOMEM; -EOPNOTSUPP where tapir was built without the library. */
int unpack_gzip_new(struct unpacker **out);
int unpack_zstd_new(struct unpacker **out);

#endif
