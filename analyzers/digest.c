/* digest.c - see digest.h. */
#include "analyzers/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/guard.h"

struct digest {
	EVP_MD_CTX *ctx;
	const EVP_MD *md;
};

size_t digest_len(enum digest_kind kind)
{
	static const uint8_t len[DIGEST_KINDS] = { 16, 20, 32 };

	return len[kind];
}

static const EVP_MD *digest_md(enum digest_kind kind)
{
	switch (kind) {
	case DIGEST_MD5:
		return EVP_md5();
	case DIGEST_SHA1:
		return EVP_sha1();
	default:
		return EVP_sha256();
	}
}

struct digest *digest_new(enum digest_kind kind)
{
	struct digest *d;

	guard_pause();          /* libcrypto has no other way; contexts are kept and used again */
	d = calloc(1, sizeof(*d));
	if (d != NULL) {
		d->md = digest_md(kind);
		d->ctx = EVP_MD_CTX_new();
		if (d->ctx == NULL || EVP_DigestInit_ex(d->ctx, d->md, NULL) != 1) {
			digest_free(d);
			d = NULL;
		}
	}
	guard_resume();
	return d;
}

void digest_free(struct digest *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

void digest_start(struct digest *d)
{
	guard_pause();          /* libcrypto takes and gives back its state at each start */
	EVP_DigestInit_ex(d->ctx, NULL, NULL);
	guard_resume();
}

void digest_add(struct digest *d, const void *data, size_t len)
{
	if (len)
		EVP_DigestUpdate(d->ctx, data, len);
}

void digest_finish(struct digest *d, uint8_t *out)
{
	EVP_DigestFinal_ex(d->ctx, out, NULL);
}
