/* explain_own.h - between explain.c and explain_look.c. */
#ifndef TAPIR_RULES_EXPLAIN_OWN_H
#define TAPIR_RULES_EXPLAIN_OWN_H

#include "rules/explain_notes.h"

/* A new note about what in points at, of the rule in question. */
struct explain_note *explain_note_new(struct explain *e, const struct inspect *in);
/* The note about this side of the transaction; NULL: the rule hasn't come up for it. */
struct explain_note *explain_note_of_tx(struct explain *e, const struct inspect *in);
/* A content wasn't found where it had to be: is it somewhere else? */
void explain_look_around(struct explain_note *n, const struct inspect *in, const struct content *c,
			 const struct buffer *where, struct slice bytes);

#endif
