/* explain.h - how far a rule got, and what stopped it: for `tapir rules explain`.
 *
 * The engine notes what it does through these calls; where nobody asked (in->explain is NULL, always so in
 * production) each costs one comparison. */
#ifndef TAPIR_RULES_EXPLAIN_H
#define TAPIR_RULES_EXPLAIN_H

#include "base/must.h"
#include "rules/inspect.h"

struct view;

/* rule is about to be judged on what in points at. */
void explain_note_begin(struct explain *e, const struct inspect *in, const struct rule *rule);
void explain_note_flow(struct explain *e, const struct inspect *in, const struct rule *rule);
void explain_note_condition(struct explain *e, const struct inspect *in, const struct rule *rule, unsigned condition);
void explain_note_view(struct explain *e, const struct buffer_list *list, unsigned index, const struct view *view);
void explain_note_no_value(struct explain *e, const struct buffer_list *list);
void explain_note_reached(struct explain *e, const struct buffer_list *list, unsigned match, size_t at);
void explain_note_found(struct explain *e, unsigned match, size_t place);
void explain_note_number(struct explain *e, unsigned match, size_t place, uint64_t value);
void explain_note_matched(struct explain *e);

static inline void explain_begin(const struct inspect *in, const struct rule *rule)
{
	if (unlikely(in->explain != NULL))
		explain_note_begin(in->explain, in, rule);
}

/* It holds. */
static inline void explain_matched(const struct inspect *in)
{
	if (unlikely(in->explain != NULL))
		explain_note_matched(in->explain);
}

/* Its flow options (established, …) don't fit. */
static inline void explain_flow(const struct inspect *in, const struct rule *rule)
{
	if (unlikely(in->explain != NULL))
		explain_note_flow(in->explain, in, rule);
}

/* This condition doesn't hold. */
static inline void explain_condition(const struct inspect *in, const struct rule *rule, unsigned condition)
{
	if (unlikely(in->explain != NULL))
		explain_note_condition(in->explain, in, rule, condition);
}

/* The list's buffer has this value. */
static inline void explain_view(const struct inspect *in, const struct buffer_list *list, unsigned index,
				const struct view *view)
{
	if (unlikely(in->explain != NULL))
		explain_note_view(in->explain, list, index, view);
}

/* … or none. */
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

#endif
