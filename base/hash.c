/* hash.c - SipHash with one compression and three finalization rounds
 * (Aumasson and Bernstein, 2012; the 1-3 variant is what hash tables of several
 * languages use). */
#include "base/hash.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

struct sip {
	uint64_t a, b, c, d;
};

static inline uint64_t rotl(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static inline void sip_round(struct sip *s)
{
	s->a += s->b;
	s->b = rotl(s->b, 13) ^ s->a;
	s->a = rotl(s->a, 32);
	s->c += s->d;
	s->d = rotl(s->d, 16) ^ s->c;
	s->a += s->d;
	s->d = rotl(s->d, 21) ^ s->a;
	s->c += s->b;
	s->b = rotl(s->b, 17) ^ s->c;
	s->c = rotl(s->c, 32);
}

static inline struct sip sip_start(const struct hash_key *key)
{
	/* "somepseudorandomlygeneratedbytes", as the paper has it. */
	return (struct sip){
		.a = key->k0 ^ 0x736f6d6570736575ULL,
		.b = key->k1 ^ 0x646f72616e646f6dULL,
		.c = key->k0 ^ 0x6c7967656e657261ULL,
		.d = key->k1 ^ 0x7465646279746573ULL,
	};
}

static inline void sip_word(struct sip *s, uint64_t w)
{
	s->d ^= w;
	sip_round(s);
	s->a ^= w;
}

static inline uint64_t sip_end(struct sip *s, uint64_t tail)
{
	sip_word(s, tail);
	s->c ^= 0xff;
	sip_round(s);
	sip_round(s);
	sip_round(s);
	return s->a ^ s->b ^ s->c ^ s->d;
}

static inline uint64_t word_le(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	w = __builtin_bswap64(w);
#endif
	return w;
}

int hash_key_random(struct hash_key *key)
{
	size_t have = 0;

	while (have < sizeof(*key)) {
		ssize_t n = getrandom((uint8_t *)key + have, sizeof(*key) - have, 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			have += (size_t)n;
	}
	return 0;
}

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t len)
{
	const uint8_t *p = data;
	struct sip s = sip_start(key);
	uint64_t tail = (uint64_t)len << 56;
	size_t i;

	for (i = 0; i + 8 <= len; i += 8)
		sip_word(&s, word_le(p + i));
	for (size_t at = i; at < len; at++)
		tail |= (uint64_t)p[at] << (8 * (at - i));
	return sip_end(&s, tail);
}

uint64_t hash_words(const struct hash_key *key, const uint64_t *words, size_t n)
{
	struct sip s = sip_start(key);

	for (size_t i = 0; i < n; i++)
		sip_word(&s, words[i]);
	return sip_end(&s, (uint64_t)n << 56);
}
