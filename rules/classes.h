/* classes.h - addresses and ports as rules tell them apart.
 *
 * All addresses between two boundaries of the set's address lists are in the same lists: they make
 * one class, a small number. So does each kind of port. A flow's direction is then four numbers, and what they
 * mean for every rule's header is worked out once for all flows that have the same four (groups.h). */
#ifndef TAPIR_RULES_CLASSES_H
#define TAPIR_RULES_CLASSES_H

#include "rules/set.h"

struct classes {
	uint32_t starts4_count, starts6_count;
	uint32_t *starts4;              /* first address of a run, host order, ascending; starts4[0] == 0 */
	uint32_t *classes4;             /* the run's class */
	struct ip_addr *starts6;
	uint32_t *classes6;
	uint32_t addr_class_count;
	uint32_t addr_words;            /* a class is so many words of bits: bit i for list i */
	uint64_t *addr_members;
	uint16_t *port_class;           /* by port, 65536 of them */
	uint32_t port_class_count;
	uint32_t port_words;
	uint64_t *port_members;
};

int classes_init(struct classes *c, const struct rule_set *set);
void classes_fini(struct classes *c);
uint32_t classes_addr(const struct classes *c, const struct ip_addr *addr, uint8_t ip_version);

static inline bool classes_addr_in(const struct classes *c, uint32_t class, const struct addr_set *set)
{
	return set == NULL || set->any ||
	       (c->addr_members[(size_t)class * c->addr_words + set->id / 64] >> (set->id % 64) & 1);
}

static inline bool classes_port_in(const struct classes *c, uint32_t class, const struct port_set *set)
{
	return set == NULL || set->any ||
	       (c->port_members[(size_t)class * c->port_words + set->id / 64] >> (set->id % 64) & 1);
}

#endif
