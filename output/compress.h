/* compress.h - gzip and zstd, for rotated files and for request bodies. */
#ifndef TAPIR_OUTPUT_COMPRESS_H
#define TAPIR_OUTPUT_COMPRESS_H

#include "output/format.h"

enum compression { COMPRESS_NONE, COMPRESS_GZIP, COMPRESS_ZSTD };

/* "none", "gzip", "zstd"; false: unknown, or not in this build. */
bool compression_find(const char *name, enum compression *out);
/* ".gz", ".zst" */
const char *compression_suffix(enum compression c);
/* Makes path + suffix and removes path. 0 or -errno: then path stays. */
int compress_file(const char *path, enum compression c);
/* Appends data as one gzip member. False where memory ran out. */
bool compress_gzip(struct text *out, const void *data, size_t len);

#endif
