/* checksum.c - sums of 32-bit words in a 64-bit accumulator: no carries to look after for 16 GiB,
 * and the byte order doesn't matter until the fold (RFC 1071 section 2 B). */
#include "stack/wire/checksum.h"

#include <string.h>

#include "base/reader.h"
#include "stack/wire/packet.h"

static inline uint64_t word_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

uint64_t checksum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t a = 0, b = 0, c = 0, d = 0;

	for (; len >= 16; len -= 16, p += 16) {
		a += word_at(p);
		b += word_at(p + 4);
		c += word_at(p + 8);
		d += word_at(p + 12);
	}
	sum += a + b + c + d;
	for (; len >= 4; len -= 4, p += 4)
		sum += word_at(p);
	if (len) {
		uint8_t tail[4] = { 0 };

		memcpy(tail, p, len);
		sum += word_at(tail);
	}
	return sum;
}

uint16_t checksum_fold(uint64_t sum)
{
	uint8_t bytes[2];
	uint16_t v;

	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	v = (uint16_t)~sum;
	memcpy(bytes, &v, sizeof(v));
	return load_be16(bytes);
}

uint64_t checksum_pseudo(const struct ip_addr *src, const struct ip_addr *dst, uint8_t ip_version,
			 uint8_t proto, uint32_t l4_len)
{
	const size_t size = ip_version == 4 ? 4 : 16;
	const uint8_t rest[8] = { (uint8_t)(l4_len >> 24), (uint8_t)(l4_len >> 16),
				  (uint8_t)(l4_len >> 8),  (uint8_t)l4_len, 0, 0, 0, proto };
	uint64_t sum = checksum_add(0, src->bytes, size);

	sum = checksum_add(sum, dst->bytes, size);
	return checksum_add(sum, rest, sizeof(rest));
}

uint16_t checksum_update16(uint16_t old, uint16_t from, uint16_t to)
{
	uint32_t sum = (uint16_t)~old + (uint32_t)(uint16_t)~from + to;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint16_t checksum_update32(uint16_t old, uint32_t from, uint32_t to)
{
	old = checksum_update16(old, (uint16_t)(from >> 16), (uint16_t)(to >> 16));
	return checksum_update16(old, (uint16_t)from, (uint16_t)to);
}
