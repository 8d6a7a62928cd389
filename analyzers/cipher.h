/* cipher.h - AES-128, a block at a time and in Galois/counter mode: for what is encrypted with keys that everybody
 * can work out (QUIC's first packets). The seam to libcrypto's ciphers. */
#ifndef TAPIR_ANALYZERS_CIPHER_H
#define TAPIR_ANALYZERS_CIPHER_H

#include "base/slice.h"

#define CIPHER_KEY_LEN 16
#define CIPHER_BLOCK_LEN 16
#define CIPHER_NONCE_LEN 12
#define CIPHER_TAG_LEN 16

/* Reusable for any number of keys; one thread. */
struct cipher;

/* NULL where memory ran out. */
struct cipher *cipher_new(void);
void cipher_free(struct cipher *c);
/* One block, encrypted. */
bool cipher_block(struct cipher *c, const uint8_t key[CIPHER_KEY_LEN], const uint8_t in[CIPHER_BLOCK_LEN],
		  uint8_t out[CIPHER_BLOCK_LEN]);
/* sealed ends with its tag; out takes sealed.len - CIPHER_TAG_LEN bytes. False where the tag is wrong. */
bool cipher_open(struct cipher *c, const uint8_t key[CIPHER_KEY_LEN], const uint8_t nonce[CIPHER_NONCE_LEN],
		 struct slice associated, struct slice sealed, uint8_t *out);

#endif
