/* lists.h - "[a,!b,[c,$VAR]]": the lists of addresses and ports in headers and elsewhere. */
#ifndef TAPIR_RULES_LISTS_H
#define TAPIR_RULES_LISTS_H

#include "rules/parser.h"

struct list_walk {
	struct rule_parser *p;
	const char *group;              /* "address-groups", "port-groups": where variables stand in the configuration */
	const char *what;               /* "address", "port", for messages */
	int (*leaf)(struct list_walk *w, struct slice item, bool negated);
	/* "![…]" and "!$VAR": what the inner list means as a whole is excluded. */
	int (*excluded)(struct list_walk *w, struct slice inner);
	const uint8_t *anchor;          /* inside a variable: where the rule names it; else NULL */
	unsigned depth, members;
};

/* Calls leaf for each member, and excluded for each negated list. 0 or -EINVAL. */
int list_walk(struct list_walk *w, struct slice text);
/* Where an error about item is to point. */
static inline const uint8_t *list_place(const struct list_walk *w, struct slice item)
{
	return w->anchor != NULL ? w->anchor : item.data;
}

/* "10.1.2.3" or "fe80::1"; *family is 0 for IPv4, 1 for IPv6. */
bool addr_text_parse(struct slice text, struct ip_addr *out, int *family);

/* By text, what it became before; NULL where new. */
const void *set_cache_get(const struct set_cache *c, const char *text);
int set_cache_put(struct set_cache *c, const char *text, const void *set);

#endif
