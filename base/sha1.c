/* sha1.c - RFC 3174, whole messages only. */
#include "base/sha1.h"

#include <string.h>

#include "base/reader.h"
#include "base/writer.h"

static inline uint32_t rotl(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static void sha1_block(uint32_t h[5], const uint8_t *p)
{
	uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

	for (unsigned i = 0; i < 16; i++)
		w[i] = load_be32(p + 4 * i);
	for (unsigned i = 16; i < 80; i++)
		w[i] = rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (unsigned i = 0; i < 80; i++) {
		uint32_t f, k, next;

		if (i < 20) {
			f = (b & c) | (~b & d);
			k = 0x5a827999;
		} else if (i < 40) {
			f = b ^ c ^ d;
			k = 0x6ed9eba1;
		} else if (i < 60) {
			f = (b & c) | (b & d) | (c & d);
			k = 0x8f1bbcdc;
		} else {
			f = b ^ c ^ d;
			k = 0xca62c1d6;
		}
		next = rotl(a, 5) + f + e + k + w[i];
		e = d;
		d = c;
		c = rotl(b, 30);
		b = a;
		a = next;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

void sha1(uint8_t out[SHA1_LEN], const void *data, size_t len)
{
	uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	const uint8_t *p = data;
	uint8_t tail[128] = { 0 };
	size_t left = len, padded;

	for (; left >= 64; left -= 64, p += 64)
		sha1_block(h, p);
	if (left > 0)
		memcpy(tail, p, left);
	tail[left] = 0x80;
	padded = left < 56 ? 64 : 128;
	store_be64(tail + padded - 8, (uint64_t)len * 8);
	for (size_t at = 0; at < padded; at += 64)
		sha1_block(h, tail + at);
	for (unsigned i = 0; i < 5; i++)
		store_be32(out + 4 * i, h[i]);
}
