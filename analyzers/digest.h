/* digest.h - MD5, SHA-1 and SHA-256 over bytes that come in pieces; the seam to libcrypto's digests.
 *
 * A digest context is taken once (it allocates) and used for any number of messages. */
#ifndef TAPIR_ANALYZERS_DIGEST_H
#define TAPIR_ANALYZERS_DIGEST_H

#include "base/slice.h"

enum digest_kind { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256, DIGEST_KINDS };

#define DIGEST_MAX 32

struct digest;

/* Bytes a digest of this kind has: 16, 20, 32. */
size_t digest_len(enum digest_kind kind);
/* NULL where memory ran out, or libcrypto's policy forbids the kind (FIPS). */
struct digest *digest_new(enum digest_kind kind);
void digest_free(struct digest *d);
/* Starts a message. */
void digest_start(struct digest *d);
void digest_add(struct digest *d, const void *data, size_t len);
/* Ends it; out has digest_len bytes. */
void digest_finish(struct digest *d, uint8_t *out);

#endif
