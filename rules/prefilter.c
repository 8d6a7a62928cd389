/* prefilter.c - Hyperscan, and nothing else that includes its header. Block mode, literals only, each reported once.
 *
 * For a few hundred literals the library builds, besides its hash tables, a deterministic automaton for short
 * texts. Building it takes up to 100 MB and half a second, most of a start, and makes scanning hardly faster (short
 * texts even slower). It gives up on its own where literals have too many different beginnings, so sets that
 * are large enough to hurt get ballast: literals that don't occur, alike in the last bytes, so that the hash tables
 * see them as one. */
#include "rules/prefilter.h"

#include <errno.h>
#include <hs.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct prefilter {
	hs_database_t *db;
	unsigned count;
};

struct prefilter_scratch {
	hs_scratch_t *hs;
};

/* The library gives up at some 8,000 states; a literal counts as far as 70 bytes. */
#define BALLAST_COUNT 120
#define BALLAST_LEN 70
#define BALLAST_FROM 1500       /* bytes of literals: with fewer, the automaton is small */
#define BALLAST_TO 40000        /* with more, it is given up on anyway */

struct relay {
	void (*hit)(void *ctx, unsigned number);
	void *ctx;
	unsigned count;
};

static bool ballast_helps(const struct prefilter_literal *literals, unsigned count)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < count; i++)
		bytes += literals[i].bytes.len;
	return bytes >= BALLAST_FROM && bytes <= BALLAST_TO;
}

/* No two begin alike, all end alike. */
static void ballast_fill(char *text, const char **texts, size_t *lens, unsigned *flags, unsigned *ids, unsigned count)
{
	static const char end[] = "\xf3\x1c\xd9\xee\xe1\xab\x07\x91";

	for (unsigned i = 0; i < BALLAST_COUNT; i++, text += BALLAST_LEN) {
		memset(text, (int)(0x80 + i), BALLAST_LEN - (sizeof(end) - 1));
		memcpy(text + BALLAST_LEN - (sizeof(end) - 1), end, sizeof(end) - 1);
		texts[count + i] = text;
		lens[count + i] = BALLAST_LEN;
		flags[count + i] = HS_FLAG_SINGLEMATCH;
		ids[count + i] = count + i;
	}
}

static int compile_error(hs_error_t err, hs_compile_error_t *why)
{
	hs_free_compile_error(why);
	return err == HS_NOMEM ? -ENOMEM : -EINVAL;
}

int prefilter_compile(struct prefilter **out, const struct prefilter_literal *literals, unsigned count)
{
	struct prefilter *pf = calloc(1, sizeof(*pf));
	unsigned all = count + (ballast_helps(literals, count) ? BALLAST_COUNT : 0);
	const char **texts = calloc(all, sizeof(*texts));
	size_t *lens = calloc(all, sizeof(*lens));
	unsigned *flags = calloc(all, sizeof(*flags)), *ids = calloc(all, sizeof(*ids));
	char ballast[BALLAST_COUNT * BALLAST_LEN];
	hs_compile_error_t *why = NULL;
	hs_error_t got;
	int err = -ENOMEM;

	if (pf == NULL || texts == NULL || lens == NULL || flags == NULL || ids == NULL)
		goto out;
	for (unsigned i = 0; i < count; i++) {
		texts[i] = (const char *)literals[i].bytes.data;
		lens[i] = literals[i].bytes.len;
		flags[i] = HS_FLAG_SINGLEMATCH | (literals[i].nocase ? HS_FLAG_CASELESS : 0);
		ids[i] = i;
	}
	if (all > count)
		ballast_fill(ballast, texts, lens, flags, ids, count);
	pf->count = count;
	got = hs_compile_lit_multi(texts, flags, ids, lens, all, HS_MODE_BLOCK, NULL, &pf->db, &why);
	err = got == HS_SUCCESS ? 0 : compile_error(got, why);
out:
	free(texts);
	free(lens);
	free(flags);
	free(ids);
	if (err < 0)
		free(pf);
	else
		*out = pf;
	return err;
}

void prefilter_free(struct prefilter *pf)
{
	if (pf == NULL)
		return;
	hs_free_database(pf->db);
	free(pf);
}

int prefilter_save(const struct prefilter *pf, char **bytes, size_t *len)
{
	hs_error_t got = hs_serialize_database(pf->db, bytes, len);

	return got == HS_SUCCESS ? 0 : got == HS_NOMEM ? -ENOMEM : -EINVAL;
}

int prefilter_load(struct prefilter **out, struct slice bytes, unsigned count)
{
	struct prefilter *pf = calloc(1, sizeof(*pf));
	hs_error_t got;

	if (pf == NULL)
		return -ENOMEM;
	got = hs_deserialize_database((const char *)bytes.data, bytes.len, &pf->db);
	if (got != HS_SUCCESS) {
		free(pf);
		return got == HS_NOMEM ? -ENOMEM : -EINVAL;
	}
	pf->count = count;
	*out = pf;
	return 0;
}

void prefilter_identity(char *out, size_t size)
{
	hs_platform_info_t info = { 0 };

	if (hs_populate_platform(&info) != HS_SUCCESS)
		info.tune = UINT_MAX;
	snprintf(out, size, "%s tune %u features %llx ballast 1", hs_version(), info.tune, (unsigned long long)info.cpu_features);
}

size_t prefilter_size(const struct prefilter *pf)
{
	size_t size = 0;

	hs_database_size(pf->db, &size);
	return size;
}

int prefilter_scratch_fit(struct prefilter_scratch **scratch, const struct prefilter *pf)
{
	hs_error_t got;

	if (*scratch == NULL) {
		*scratch = calloc(1, sizeof(**scratch));
		if (*scratch == NULL)
			return -ENOMEM;
	}
	got = hs_alloc_scratch(pf->db, &(*scratch)->hs);
	return got == HS_SUCCESS ? 0 : got == HS_NOMEM ? -ENOMEM : -EINVAL;
}

void prefilter_scratch_free(struct prefilter_scratch *scratch)
{
	if (scratch == NULL)
		return;
	hs_free_scratch(scratch->hs);
	free(scratch);
}

static int relay_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
	const struct relay *r = ctx;

	(void)from;
	(void)to;
	(void)flags;
	if (id < r->count)
		r->hit(r->ctx, id);
	return 0;
}

void prefilter_scan(const struct prefilter *pf, struct prefilter_scratch *scratch, struct slice text,
		    void (*hit)(void *ctx, unsigned number), void *ctx)
{
	struct relay relay = { .hit = hit, .ctx = ctx, .count = pf->count };

	if (text.len == 0)
		return;
	hs_scan(pf->db, (const char *)text.data, text.len > UINT_MAX ? UINT_MAX : (unsigned)text.len, 0, scratch->hs,
		relay_hit, &relay);
}
