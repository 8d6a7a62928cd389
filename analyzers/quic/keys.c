/* keys.c - the protection of Initial packets, whose keys follow from the first connection identifier (RFC 9001). */
#include "analyzers/app.h"
#include "analyzers/quic/quic.h"

#define HASH_LEN 32
#define HMAC_BLOCK 64
#define SALT_LEN 20
#define NUMBER_MAX 4

static void hmac(struct digest *d, struct slice key, struct slice data, uint8_t out[HASH_LEN])
{
	uint8_t pad[HMAC_BLOCK] = { 0 };

	memcpy(pad, key.data, key.len);         /* ours are no longer than a block */
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36;
	digest_start(d);
	digest_add(d, pad, sizeof(pad));
	digest_add(d, data.data, data.len);
	digest_finish(d, out);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	digest_start(d);
	digest_add(d, pad, sizeof(pad));
	digest_add(d, out, HASH_LEN);
	digest_finish(d, out);
}

/* HKDF-Expand-Label (RFC 8446, 7.1) with no context and at most HASH_LEN bytes. */
static void expand(struct digest *d, const uint8_t secret[HASH_LEN], const char *label, uint8_t *out, uint8_t len)
{
	const size_t label_len = strlen(label);
	uint8_t info[64] = { 0, len, (uint8_t)(6 + label_len) }, block[HASH_LEN];

	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, label_len);
	info[9 + label_len] = 0;
	info[10 + label_len] = 1;               /* the first block, and the only one */
	hmac(d, slice_of(secret, HASH_LEN), slice_of(info, 11 + label_len), block);
	memcpy(out, block, len);
}

static const char *salt_of(uint32_t version)
{
	if (version == QUIC_V1)
		return "\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a";
	if (version == QUIC_V2)
		return "\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9";
	if (version >= 0xff00001d && version <= 0xff000020)     /* drafts 29 to 32 */
		return "\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99";
	if (version > 0xff000020 && version <= 0xff000022)      /* 33 and 34 */
		return "\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a";
	if (version >= 0xff000017 && version <= 0xff00001c)     /* 23 to 28 */
		return "\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02";
	return NULL;
}

bool quic_keys_initial(struct app *app, uint32_t version, struct slice dcid, struct quic_keys *out)
{
	static const char *const sides[] = { "client in", "server in" };
	const char *salt = salt_of(version);
	const bool v2 = version == QUIC_V2;
	struct digest *d = salt != NULL ? app_digest_get(app, DIGEST_SHA256) : NULL;
	uint8_t initial[HASH_LEN], secret[HASH_LEN];

	if (d == NULL)
		return false;
	hmac(d, slice_of(salt, SALT_LEN), dcid, initial);
	for (unsigned i = 0; i < 2; i++) {
		expand(d, initial, sides[i], secret, HASH_LEN);
		expand(d, secret, v2 ? "quicv2 key" : "quic key", out->side[i].key, CIPHER_KEY_LEN);
		expand(d, secret, v2 ? "quicv2 iv" : "quic iv", out->side[i].iv, CIPHER_NONCE_LEN);
		expand(d, secret, v2 ? "quicv2 hp" : "quic hp", out->side[i].header, CIPHER_KEY_LEN);
	}
	app_digest_put(app, DIGEST_SHA256, d);
	return true;
}

bool quic_open(struct app *app, const struct quic_secret *secret, struct slice packet, const struct quic_header *h,
	       struct bytes *out, struct budget *budget)
{
	struct cipher *c = app_cipher(app);
	const uint8_t *at = packet.data + h->len;
	uint8_t mask[CIPHER_BLOCK_LEN], nonce[CIPHER_NONCE_LEN], first;
	size_t number_len, head_len = h->len;
	bool opened;

	out->len = 0;
	if (c == NULL || h->payload < NUMBER_MAX + CIPHER_BLOCK_LEN ||
	    !cipher_block(c, secret->header, at + NUMBER_MAX, mask))
		return false;
	first = packet.data[0] ^ (mask[0] & (h->is_long ? 0x0f : 0x1f));
	number_len = 1u + (first & 3);
	head_len += number_len;
	if (h->payload < number_len + CIPHER_TAG_LEN ||
	    !bytes_reserve(out, budget, head_len + h->payload - number_len - CIPHER_TAG_LEN))
		return false;
	/* The header as it was before it was protected goes in front, and is dropped again. */
	memcpy(out->data, packet.data, head_len);
	out->data[0] = first;
	memcpy(nonce, secret->iv, sizeof(nonce));
	for (size_t i = 0; i < number_len; i++) {
		out->data[h->len + i] ^= mask[1 + i];
		nonce[CIPHER_NONCE_LEN - number_len + i] ^= out->data[h->len + i];
	}
	opened = cipher_open(c, secret->key, nonce, slice_of(out->data, head_len),
			     slice_of(at + number_len, h->payload - number_len), out->data + head_len);
	out->len = head_len + h->payload - number_len - CIPHER_TAG_LEN;
	bytes_drop(out, head_len);
	return opened;
}
