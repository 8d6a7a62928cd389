/* ip.c - addresses as text, and checksums across IP and L4. */
#include "stack/wire/ip.h"

#include <arpa/inet.h>
#include <errno.h>

#include "base/must.h"
#include "base/reader.h"
#include "base/writer.h"
#include "stack/wire/checksum.h"

struct ip_addr ip_addr_v4(const uint8_t bytes[4])
{
	struct ip_addr a = { 0 };

	memcpy(a.bytes, bytes, 4);
	return a;
}

struct ip_addr ip_addr_v6(const uint8_t bytes[16])
{
	struct ip_addr a;

	memcpy(a.bytes, bytes, 16);
	return a;
}

int ip_addr_parse(struct ip_addr *a, uint8_t *ip_version, const char *text)
{
	*a = (struct ip_addr){ 0 };
	if (inet_pton(AF_INET, text, a->bytes) == 1)
		*ip_version = 4;
	else if (inet_pton(AF_INET6, text, a->bytes) == 1)
		*ip_version = 6;
	else
		return -EINVAL;
	return 0;
}

static char *decimal(char *out, uint8_t v)
{
	if (v >= 100)
		*out++ = (char)('0' + v / 100);
	if (v >= 10)
		*out++ = (char)('0' + v / 10 % 10);
	*out++ = (char)('0' + v % 10);
	return out;
}

void ip_addr_text(const struct ip_addr *a, uint8_t ip_version, char *out)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned n = ip_version == 4 ? 4 : 16;

	for (unsigned i = 0; i < n; i++) {
		if (ip_version == 4) {
			out = decimal(out, a->bytes[i]);
			*out++ = '.';
		} else {
			*out++ = hex[a->bytes[i] >> 4];
			*out++ = hex[a->bytes[i] & 15];
			if (i & 1)
				*out++ = ':';
		}
	}
	out[-1] = '\0';                 /* over the last separator */
}

/* Where the checksum stands in an L4 header, and how long the shortest such header is. */
static bool checksum_place(uint8_t proto, size_t *at, size_t *least)
{
	switch (proto) {
	case PROTO_TCP:
		*at = 16;
		*least = 20;
		return true;
	case PROTO_UDP:
		*at = 6;
		*least = 8;
		return true;
	case PROTO_ICMP:
	case PROTO_ICMPV6:
		*at = 2;
		*least = 4;
		return true;
	default:
		return false;
	}
}

void l4_checksum_set(uint8_t *l4, size_t len, uint8_t proto, uint8_t ip_version,
		     const struct ip_addr *src, const struct ip_addr *dst)
{
	uint64_t sum = 0;
	size_t at, least;
	uint16_t value;

	if (!checksum_place(proto, &at, &least))
		return;
	must(len >= least);
	store_be16(l4 + at, 0);
	if (proto != PROTO_ICMP)
		sum = checksum_pseudo(src, dst, ip_version, proto, (uint32_t)len);
	value = checksum_fold(checksum_add(sum, l4, len));
	if (value == 0 && proto == PROTO_UDP)
		value = 0xffff;         /* 0 says that there is none (RFC 768) */
	store_be16(l4 + at, value);
}

bool packet_check_ip(struct packet *p)
{
	if (!(p->flags & PACKET_IP_CHECKED)) {
		p->flags |= PACKET_IP_CHECKED;
		if (p->ip_version == 4 && !(p->flags & PACKET_REASSEMBLED) &&
		    checksum(p->ip, p->ip_header_len) != 0)
			p->flags |= PACKET_CSUM_BAD_IP;
	}
	return !(p->flags & PACKET_CSUM_BAD_IP);
}

static bool l4_unknown(const struct packet *p)
{
	if (p->l4 == NULL || p->flags & (PACKET_FRAGMENT | PACKET_TRUNCATED | PACKET_CSUM_UNKNOWN))
		return true;
	/* What a NIC has verified is the outermost packet's. */
	if (p->depth == 0 && p->frame_flags & FRAME_CSUM_OK)
		return true;
	/* No checksum at all: allowed in IPv4, and in IPv6 for tunnels (RFC 6935). */
	return p->proto == PROTO_UDP && load_be16(p->l4 + 6) == 0;
}

bool packet_check_l4(struct packet *p)
{
	uint64_t sum = 0;
	size_t at, least, len;

	if (p->flags & PACKET_L4_CHECKED)
		return !(p->flags & PACKET_CSUM_BAD_L4);
	p->flags |= PACKET_L4_CHECKED;
	if (l4_unknown(p) || !checksum_place(p->proto, &at, &least)) {
		p->flags |= PACKET_CSUM_UNKNOWN;
		return true;
	}
	len = p->ip_len - (size_t)(p->l4 - p->ip);
	if (p->proto == PROTO_UDP)      /* what lies behind the UDP length isn't summed */
		len = p->l4_header_len + p->payload.len;
	if (p->proto != PROTO_ICMP)
		sum = checksum_pseudo(&p->src, &p->dst, p->ip_version, p->proto, (uint32_t)len);
	if (checksum_fold(checksum_add(sum, p->l4, len)) == 0)
		return true;
	/* Left to a NIC that never was: the field holds the sum of the pseudo-header, for the NIC to add to. Any
	 * other wrong value is wrong there too. */
	if (p->frame_flags & FRAME_CSUM_PARTIAL && (p->proto == PROTO_TCP || p->proto == PROTO_UDP) &&
	    load_be16(p->l4 + at) + checksum_fold(sum) == 0xffff)
		p->flags |= PACKET_CSUM_UNKNOWN;
	else
		p->flags |= PACKET_CSUM_BAD_L4;
	return !(p->flags & PACKET_CSUM_BAD_L4);
}
