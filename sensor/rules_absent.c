/* rules_absent.c - stands in for the rule engine until it is linked: no rule can be loaded. */
#include <errno.h>
#include <stdlib.h>

#include "rules/rules.h"

#define ABSENT __attribute__((weak))

ABSENT void rule_report_free(struct rule_report *r) { (void)r; }
ABSENT const struct rule *rule_set_at(const struct rule_set *set, unsigned index) { (void)set; (void)index; return NULL; }
ABSENT unsigned rule_set_count(const struct rule_set *set) { (void)set; return 0; }
ABSENT int rule_set_load(struct rule_set **out, const struct rule_load *load, struct rule_report *report)
{ (void)load; (void)report; *out = NULL; return 0; }
ABSENT void rule_set_put(struct rule_set *set) { (void)set; }
ABSENT void rule_state_free(struct rule_state *s) { (void)s; }
ABSENT int rule_state_new(struct rule_state **out, struct rule_set *set, const struct conf *conf)
{ (void)set; (void)conf; *out = NULL; return 0; }
ABSENT void rule_state_save(struct rule_state *s) { (void)s; }
ABSENT void rules_flow_end(struct rules *r, struct flow *flow, struct packet *pkt, struct alert_queue *queue)
{ (void)r; (void)flow; (void)pkt; (void)queue; }
ABSENT void rules_flow_free(struct rules *r, struct flow *flow) { (void)r; (void)flow; }
ABSENT void rules_free(struct rules *r) { (void)r; }
ABSENT void rules_inspect(struct rules *r, struct flow *flow, struct packet *pkt, struct alert_queue *queue)
{ (void)r; (void)flow; (void)pkt; (void)queue; }
ABSENT int rules_new(struct rules **out, struct mem *mem, struct rule_set *set, struct rule_state *state, const struct conf *conf)
{ (void)mem; (void)set; (void)state; (void)conf; *out = NULL; return 0; }
ABSENT void rules_piece(struct rules *r, struct flow *flow, enum side side, const struct piece *piece)
{ (void)r; (void)flow; (void)side; (void)piece; }
ABSENT void rules_stats(const struct rules *r, struct rules_stats *out) { (void)r; (void)out; }
ABSENT int rules_swap(struct rules *r, struct rule_set *set) { (void)r; (void)set; return 0; }
ABSENT bool rules_wants(struct rules *r, struct flow *flow, enum side side) { (void)r; (void)flow; (void)side; return false; }
ABSENT void rules_flow_vars(struct rules *r, const struct flow *flow,
		     void (*bit)(void *ctx, const char *name), void (*integer)(void *ctx, const char *name, uint32_t value),
		     void (*text)(void *ctx, const char *name, struct slice value), void *ctx)
{ (void)r; (void)flow; (void)bit; (void)integer; (void)text; (void)ctx; }
ABSENT struct slice rules_stream(const struct rules *r, const struct flow *flow, enum side side)
{ (void)r; (void)flow; (void)side; return slice_of(NULL, 0); }
