/* prefilter.h - many literals in one pass: the seam to Hyperscan or Vectorscan.
 *
 * A prefilter is a database of literals, each with a number. Scanning tells each number that occurs, once.
 * It is read-only and shared; scratch is one a thread. */
#ifndef TAPIR_RULES_PREFILTER_H
#define TAPIR_RULES_PREFILTER_H

#include "base/slice.h"

struct prefilter;
struct prefilter_scratch;

struct prefilter_literal {
	struct slice bytes;
	bool nocase;
};

/* Literal number i is literals[i]. 0, -ENOMEM, or -EINVAL where the library refuses (it never should). */
int prefilter_compile(struct prefilter **out, const struct prefilter_literal *literals, unsigned count);
void prefilter_free(struct prefilter *pf);

/* For the cache: count is that of the literals it was made from. bytes come from malloc. What was written by another library version, or for another processor, is
 * refused with -EINVAL. */
int prefilter_save(const struct prefilter *pf, char **bytes, size_t *len);
int prefilter_load(struct prefilter **out, struct slice bytes, unsigned count);
/* Names library, version and processor: part of the cache's key. */
void prefilter_identity(char *out, size_t size);
size_t prefilter_size(const struct prefilter *pf);

/* Makes scratch fit pf as well; *scratch is NULL at first. */
int prefilter_scratch_fit(struct prefilter_scratch **scratch, const struct prefilter *pf);
void prefilter_scratch_free(struct prefilter_scratch *scratch);

void prefilter_scan(const struct prefilter *pf, struct prefilter_scratch *scratch, struct slice text,
		    void (*hit)(void *ctx, unsigned number), void *ctx);

#endif
