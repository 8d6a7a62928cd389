/* checksum.h - the Internet checksum (RFC 1071), and its incremental update (RFC 1624). */
#ifndef TAPIR_WIRE_CHECKSUM_H
#define TAPIR_WIRE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

struct ip_addr;

/* A running sum. Pieces but the last must have an even length. */
uint64_t checksum_add(uint64_t sum, const void *data, size_t len);

/* The checksum as it stands in a header, as a number (store it with store_be16). Over bytes that
 * contain a right checksum it is 0. */
uint16_t checksum_fold(uint64_t sum);

static inline uint16_t checksum(const void *data, size_t len)
{
	return checksum_fold(checksum_add(0, data, len));
}

/* The pseudo header of RFC 9293 3.1 and RFC 8200 8.1. */
uint64_t checksum_pseudo(const struct ip_addr *src, const struct ip_addr *dst, uint8_t ip_version,
			 uint8_t proto, uint32_t l4_len);

/* Checksum old, after a 16 or 32 bit field has changed from `from` to `to`. */
uint16_t checksum_update16(uint16_t old, uint16_t from, uint16_t to);
uint16_t checksum_update32(uint16_t old, uint32_t from, uint32_t to);

#endif
