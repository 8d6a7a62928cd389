/* prefilter.c - Hyperscan, and nothing else that includes its header. Block mode, literals only, each reported once. */
#include "rules/prefilter.h"

#include <errno.h>
#include <hs.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct prefilter {
	hs_database_t *db;
};

struct prefilter_scratch {
	hs_scratch_t *hs;
};

struct relay {
	void (*hit)(void *ctx, unsigned number);
	void *ctx;
};

static int compile_error(hs_error_t err, hs_compile_error_t *why)
{
	hs_free_compile_error(why);
	return err == HS_NOMEM ? -ENOMEM : -EINVAL;
}

int prefilter_compile(struct prefilter **out, const struct prefilter_literal *literals, unsigned count)
{
	struct prefilter *pf = calloc(1, sizeof(*pf));
	const char **texts = calloc(count, sizeof(*texts));
	size_t *lens = calloc(count, sizeof(*lens));
	unsigned *flags = calloc(count, sizeof(*flags)), *ids = calloc(count, sizeof(*ids));
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
	got = hs_compile_lit_multi(texts, flags, ids, lens, count, HS_MODE_BLOCK, NULL, &pf->db, &why);
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

int prefilter_load(struct prefilter **out, struct slice bytes)
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
	*out = pf;
	return 0;
}

void prefilter_identity(char *out, size_t size)
{
	hs_platform_info_t info = { 0 };

	if (hs_populate_platform(&info) != HS_SUCCESS)
		info.tune = UINT_MAX;
	snprintf(out, size, "%s tune %u features %llx", hs_version(), info.tune, (unsigned long long)info.cpu_features);
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
	r->hit(r->ctx, id);
	return 0;
}

void prefilter_scan(const struct prefilter *pf, struct prefilter_scratch *scratch, struct slice text,
		    void (*hit)(void *ctx, unsigned number), void *ctx)
{
	struct relay relay = { .hit = hit, .ctx = ctx };

	if (text.len == 0)
		return;
	hs_scan(pf->db, (const char *)text.data, text.len > UINT_MAX ? UINT_MAX : (unsigned)text.len, 0, scratch->hs,
		relay_hit, &relay);
}
