/* packet.c - headers of QUIC packets: IETF's (RFC 9000, 17; RFC 9369) and Google's before it. */
#include "analyzers/quic/quic.h"

/* Flags of Google's public header. */
enum { GOOGLE_VERSION = 0x01, GOOGLE_NONCE = 0x04, GOOGLE_CONNECTION = 0x08, GOOGLE_NUMBER = 0x30, GOOGLE_MULTIPATH = 0x40 };
#define LONG_HEADER 0x80
#define GOOGLE_HASH_LEN 12

uint64_t quic_varint_read(struct reader *in)
{
	uint8_t first = read_u8(in);
	uint64_t v = first & 0x3f;

	for (unsigned n = (1u << (first >> 6)) - 1; n > 0; n--)
		v = v << 8 | read_u8(in);
	return v;
}

static bool google_short_read(struct reader *in, uint8_t flags, struct quic_header *out)
{
	if (flags & GOOGLE_CONNECTION)
		out->dcid = read_slice(in, 8);
	else if (flags & GOOGLE_NONCE)
		reader_skip(in, 32);
	if (flags & GOOGLE_VERSION)
		out->version = read_be32(in);
	reader_skip(in, 1u + ((flags & GOOGLE_NUMBER) >> 4));
	if (flags & GOOGLE_CONNECTION)
		reader_skip(in, GOOGLE_HASH_LEN);
	out->type = flags & GOOGLE_VERSION ? QUIC_INITIAL : QUIC_SHORT;
	return !in->ran_out;
}

static bool type_read(uint8_t first, uint32_t version, uint8_t *type)
{
	static const uint8_t ietf[] = { QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE, QUIC_RETRY };
	static const uint8_t google[] = { QUIC_ZERO_RTT, QUIC_HANDSHAKE, QUIC_RETRY, QUIC_INITIAL };
	const unsigned bits = first >> 4 & 3;

	if (version == 0) {
		*type = QUIC_NEGOTIATION;
	} else if (quic_is_google(version) && version != QUIC_Q046) {
		if ((first & 0x7f) < 0x7c)
			return false;
		*type = google[(first & 0x7f) - 0x7c];
	} else {
		*type = ietf[version == QUIC_V2 ? (bits + 3) % 4 : bits];
	}
	return true;
}

/* Both connection identifiers; Google had their lengths in one byte. */
static void connections_read(struct reader *in, struct quic_header *out)
{
	uint8_t lens, len;

	if (!quic_is_google(out->version)) {
		out->dcid = read_slice(in, read_u8(in));
		read_slice(in, read_u8(in));
		return;
	}
	lens = read_u8(in);
	len = lens >> 4;
	out->dcid = read_slice(in, len ? len + 3u : 0);
	len = lens & 15;
	read_slice(in, len ? len + 3u : 0);
}

bool quic_header_read(struct slice packet, struct quic_header *out)
{
	struct reader in = reader_slice(packet);
	uint8_t first = read_u8(&in);
	uint64_t len;

	*out = (struct quic_header){ .type = QUIC_SHORT, .is_long = first & LONG_HEADER };
	if (in.ran_out)
		return false;
	if (!out->is_long && !(first & GOOGLE_MULTIPATH) && !google_short_read(&in, first, out))
		return false;
	if (out->is_long) {
		out->version = read_be32(&in);
		if (in.ran_out || !type_read(first, out->version, &out->type))
			return false;
		connections_read(&in, out);
	}
	len = reader_left(&in);
	if (out->is_long && out->type == QUIC_INITIAL) {
		if (quic_is_google(out->version)) {
			reader_skip(&in, 4 + GOOGLE_HASH_LEN);
			len = reader_left(&in);
		} else {
			len = quic_varint_read(&in);    /* a token */
			if (len > reader_left(&in))
				return false;
			reader_skip(&in, (size_t)len);
			len = quic_varint_read(&in);
		}
	}
	out->len = reader_pos(&in);
	out->payload = (size_t)len;
	return !in.ran_out && len <= reader_left(&in);
}
