/* sha1.h - SHA-1 of something short, on the packet path (community ids).
 *
 * libcrypto allocates at every start of a digest; this doesn't. For files and
 * certificates there is analyzers/digest.h. */
#ifndef TAPIR_BASE_SHA1_H
#define TAPIR_BASE_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define SHA1_LEN 20

void sha1(uint8_t out[SHA1_LEN], const void *data, size_t len);

#endif
