/* hash.h - keyed hashing for every table that an attacker can fill.
 *
 * SipHash-1-3 with a 128-bit key drawn once per process: short inputs, no known
 * way to make keys collide without the key. */
#ifndef TAPIR_BASE_HASH_H
#define TAPIR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0, k1;
};

/* Fresh from the kernel (getrandom). Returns 0 or -errno. */
int hash_key_random(struct hash_key *key);
uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t len);
/* For fixed keys of whole 64-bit words: faster than hash_bytes, other values. */
uint64_t hash_words(const struct hash_key *key, const uint64_t *words, size_t n);

#endif
