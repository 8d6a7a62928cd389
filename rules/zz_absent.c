/* rules_absent.c - until flow variables are there, records have none. */
#include "rules/rules.h"

__attribute__((weak)) void rules_flow_vars(struct rules *r, const struct flow *flow,
		     void (*bit)(void *ctx, const char *name), void (*integer)(void *ctx, const char *name, uint32_t value),
		     void (*text)(void *ctx, const char *name, struct slice value), void *ctx)
{
	(void)r;
	(void)flow;
	(void)bit;
	(void)integer;
	(void)text;
	(void)ctx;
}
