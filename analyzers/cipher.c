/* cipher.c - see cipher.h. Contexts are taken once; libcrypto may still allocate where a key is set. */
#include "analyzers/cipher.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/guard.h"

struct cipher {
	EVP_CIPHER_CTX *block, *open;
};

struct cipher *cipher_new(void)
{
	struct cipher *c;

	guard_pause();
	c = calloc(1, sizeof(*c));
	if (c != NULL) {
		c->block = EVP_CIPHER_CTX_new();
		c->open = EVP_CIPHER_CTX_new();
		if (c->block == NULL || c->open == NULL ||
		    EVP_EncryptInit_ex(c->block, EVP_aes_128_ecb(), NULL, NULL, NULL) != 1 ||
		    EVP_DecryptInit_ex(c->open, EVP_aes_128_gcm(), NULL, NULL, NULL) != 1) {
			cipher_free(c);
			c = NULL;
		}
	}
	guard_resume();
	return c;
}

void cipher_free(struct cipher *c)
{
	if (c == NULL)
		return;
	EVP_CIPHER_CTX_free(c->block);
	EVP_CIPHER_CTX_free(c->open);
	free(c);
}

bool cipher_block(struct cipher *c, const uint8_t key[CIPHER_KEY_LEN], const uint8_t in[CIPHER_BLOCK_LEN],
		  uint8_t out[CIPHER_BLOCK_LEN])
{
	int len;
	bool done;

	guard_pause();
	done = EVP_EncryptInit_ex(c->block, NULL, NULL, key, NULL) == 1 &&
	       EVP_EncryptUpdate(c->block, out, &len, in, CIPHER_BLOCK_LEN) == 1;
	guard_resume();
	return done;
}

bool cipher_open(struct cipher *c, const uint8_t key[CIPHER_KEY_LEN], const uint8_t nonce[CIPHER_NONCE_LEN],
		 struct slice associated, struct slice sealed, uint8_t *out)
{
	const size_t len = sealed.len - CIPHER_TAG_LEN;
	uint8_t tag[CIPHER_TAG_LEN];
	int n;
	bool done;

	if (sealed.len < CIPHER_TAG_LEN || sealed.len > INT32_MAX)
		return false;
	memcpy(tag, sealed.data + len, sizeof(tag));
	guard_pause();
	done = EVP_DecryptInit_ex(c->open, NULL, NULL, key, nonce) == 1 &&
	       EVP_DecryptUpdate(c->open, NULL, &n, associated.data, (int)associated.len) == 1 &&
	       EVP_DecryptUpdate(c->open, out, &n, sealed.data, (int)len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c->open, EVP_CTRL_GCM_SET_TAG, CIPHER_TAG_LEN, tag) == 1 &&
	       EVP_DecryptFinal_ex(c->open, out + n, &n) == 1;
	guard_resume();
	return done;
}
