/* explain.h - how far a rule got, and what stopped it: for `tapir rules explain`.
 *
 * The engine notes what it does through these calls; where nobody asked (in->explain is NULL, always so in
 * production) each costs one comparison. */
#ifndef TAPIR_RULES_EXPLAIN_H
#define TAPIR_RULES_EXPLAIN_H

#include "base/must.h"
#include "rules/inspect.h"

struct group;
struct raw_ready;
struct view;
struct analyzer_plan;

/* rule is about to be judged on what in points at. */
void explain_note_begin(struct explain *e, const struct inspect *in, const struct rule *rule);
void explain_note_stop(struct explain *e, uint8_t stop);
void explain_note_fits(struct explain *e);
void explain_note_condition(struct explain *e, unsigned condition);
void explain_note_step(struct explain *e, const struct buffer_list *list, unsigned condition, bool later);
void explain_note_step_holds(struct explain *e);
void explain_note_view(struct explain *e, const struct buffer_list *list, unsigned index);
void explain_note_bytes(struct explain *e, const struct buffer_list *list, struct slice bytes);
void explain_note_failed(struct explain *e, const struct inspect *in, const struct buffer_list *list, struct slice bytes);
void explain_note_no_value(struct explain *e, const struct buffer_list *list);
void explain_note_reached(struct explain *e, const struct buffer_list *list, unsigned match, size_t at);
void explain_note_found(struct explain *e, unsigned match, size_t place);
void explain_note_number(struct explain *e, unsigned match, size_t place, uint64_t value);
void explain_note_outcome(struct explain *e, const struct inspect *in, const struct rule *rule, uint8_t stop);
/* explain_look.c: the engine is through with the packet, or with a side of a transaction; did the rule come up? */
void explain_look_packet(struct rules *r, const struct inspect *in, const struct raw_ready *raw);
void explain_look_tx(struct rules *r, const struct inspect *in, const struct analyzer_plan *plan);
void explain_look_flow_end(struct rules *r, const struct inspect *in);

static inline void explain_begin(const struct inspect *in, const struct rule *rule)
{
	if (unlikely(in->explain != NULL))
		explain_note_begin(in->explain, in, rule);
}

/* enum explain_stop */
static inline void explain_stop(const struct inspect *in, uint8_t stop)
{
	if (unlikely(in->explain != NULL))
		explain_note_stop(in->explain, stop);
}

/* The packet fits, and so do its conditions. */
static inline void explain_fits(const struct inspect *in)
{
	if (unlikely(in->explain != NULL))
		explain_note_fits(in->explain);
}

/* This condition doesn't hold. */
static inline void explain_condition(const struct inspect *in, unsigned condition)
{
	if (unlikely(in->explain != NULL))
		explain_note_condition(in->explain, condition);
}

/* A step of a transaction doesn't hold (yet): a list, or where that is NULL a condition. */
static inline void explain_step(const struct inspect *in, const struct buffer_list *list, unsigned condition, bool later)
{
	if (unlikely(in->explain != NULL))
		explain_note_step(in->explain, list, condition, later);
}

static inline void explain_step_holds(const struct inspect *in)
{
	if (unlikely(in->explain != NULL))
		explain_note_step_holds(in->explain);
}

/* The list is about to be judged on value number index. */
static inline void explain_view(const struct inspect *in, const struct buffer_list *list, unsigned index)
{
	if (unlikely(in->explain != NULL))
		explain_note_view(in->explain, list, index);
}

/* … on these bytes. */
static inline void explain_bytes(const struct inspect *in, const struct buffer_list *list, struct slice bytes)
{
	if (unlikely(in->explain != NULL))
		explain_note_bytes(in->explain, list, bytes);
}

/* … and doesn't hold. */
static inline void explain_failed(const struct inspect *in, const struct buffer_list *list, struct slice bytes)
{
	if (unlikely(in->explain != NULL))
		explain_note_failed(in->explain, in, list, bytes);
}

/* The list's buffer has no value. */
static inline void explain_no_value(const struct inspect *in, const struct buffer_list *list)
{
	if (unlikely(in->explain != NULL))
		explain_note_no_value(in->explain, list);
}

/* Match number `match` of list is about to be tried, the one before ended at `at`. */
static inline void explain_reached(const struct inspect *in, const struct buffer_list *list, unsigned match, size_t at)
{
	if (unlikely(in->explain != NULL))
		explain_note_reached(in->explain, list, match, at);
}

/* A negated content was found there. */
static inline void explain_found(const struct inspect *in, unsigned match, size_t place)
{
	if (unlikely(in->explain != NULL))
		explain_note_found(in->explain, match, place);
}

/* A byte keyword read this value there, and it wouldn't do. */
static inline void explain_number(const struct inspect *in, unsigned match, size_t place, uint64_t value)
{
	if (unlikely(in->explain != NULL))
		explain_note_number(in->explain, match, place, value);
}

/* The engine is through with the packet; raw: what of the stream was looked at, NULL: nothing. */
static inline void explain_packet(const struct inspect *in, const struct raw_ready *raw)
{
	if (unlikely(in->explain != NULL))
		explain_look_packet(in->rules, in, raw);
}

/* … with a side of a transaction that is complete. */
static inline void explain_tx(const struct inspect *in, const struct analyzer_plan *plan)
{
	if (unlikely(in->explain != NULL))
		explain_look_tx(in->rules, in, plan);
}

/* The flow ends. */
static inline void explain_flow_end(const struct inspect *in)
{
	if (unlikely(in->explain != NULL))
		explain_look_flow_end(in->rules, in);
}

/* It matched; what became of that: enum explain_stop. */
static inline void explain_outcome(const struct inspect *in, const struct rule *rule, uint8_t stop)
{
	if (unlikely(in->explain != NULL))
		explain_note_outcome(in->explain, in, rule, stop);
}

#endif
