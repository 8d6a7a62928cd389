/* community_id.c - the Community ID flow hash, version 1.
 *
 * SHA-1 over seed, addresses and ports with the smaller endpoint first, so that both directions, and
 * every tool, come to the same text. ICMP's ports are type and counter-type, where that pairing exists. */
#include "base/base64.h"
#include "base/sha1.h"
#include "base/writer.h"
#include "output/eve.h"

/* The type that answers an ICMP or ICMPv6 type, or -1: a one-way message. */
static int icmp_counterpart(uint8_t proto, uint8_t type)
{
	static const uint8_t v4[][2] = { { 8, 0 }, { 13, 14 }, { 15, 16 }, { 10, 9 }, { 17, 18 } };
	static const uint8_t v6[][2] = { { 128, 129 }, { 133, 134 }, { 135, 136 }, { 130, 131 }, { 144, 145 }, { 139, 140 } };
	const uint8_t(*rows)[2] = proto == 1 ? v4 : v6;
	size_t count = proto == 1 ? sizeof(v4) / sizeof(v4[0]) : sizeof(v6) / sizeof(v6[0]);

	for (size_t i = 0; i < count; i++) {
		if (rows[i][0] == type)
			return rows[i][1];
		if (rows[i][1] == type)
			return rows[i][0];
	}
	return -1;
}

bool community_id(uint16_t seed, const struct flow *flow, char *out, size_t cap)
{
	const struct flow_key *k = &flow->key;
	size_t addr_len = k->ip_version == 4 ? 4 : 16;
	uint16_t port[2] = { k->port[0], k->port[1] };
	bool ports = k->proto == 6 || k->proto == 17 || k->proto == 132, one_way = false;
	uint8_t buf[64], hash[SHA1_LEN];
	struct writer w = writer_of(buf, sizeof(buf));
	unsigned first = 0;

	if (k->ip_version == 0 || cap < 2 + 28 + 1)
		return false;
	if (k->proto == 1 || k->proto == 58) {
		int counter = icmp_counterpart(k->proto, flow->icmp_type[TO_SERVER]);

		ports = true;
		one_way = counter < 0;
		port[0] = flow->icmp_type[TO_SERVER];
		port[1] = one_way ? flow->icmp_code[TO_SERVER] : (uint16_t)counter;
	}
	int order = memcmp(k->addr[0].bytes, k->addr[1].bytes, addr_len);

	if (!one_way && (order > 0 || (order == 0 && port[0] > port[1])))
		first = 1;
	write_be16(&w, seed);
	write_bytes(&w, k->addr[first].bytes, addr_len);
	write_bytes(&w, k->addr[!first].bytes, addr_len);
	write_u8(&w, k->proto);
	write_u8(&w, 0);
	if (ports) {
		write_be16(&w, port[first]);
		write_be16(&w, port[!first]);
	}
	sha1(hash, buf, writer_len(&w));
	out[0] = '1';
	out[1] = ':';
	out[2 + base64_encode(out + 2, hash, sizeof(hash))] = '\0';
	return true;
}
