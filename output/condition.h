/* condition.h - a sink's `when`: which records it gets, said over the record's own fields.
 *
 *   event_type == "alert" and alert.severity <= 2 and not (src_ip in 10.0.0.0/8)
 *   http.hostname contains "example" or tls.sni exists
 *
 * Comparisons: == != < <= > >= contains startswith endswith in exists; words: and or not ( ).
 * A path that the record doesn't have makes a comparison false; a list matches where one member does. */
#ifndef TAPIR_OUTPUT_CONDITION_H
#define TAPIR_OUTPUT_CONDITION_H

#include <stdbool.h>
#include <stddef.h>

struct condition;

/* 0; or -EINVAL with the reason and its column in error. */
int condition_parse(struct condition **out, const char *text, char *error, size_t error_len);
void condition_free(struct condition *c);
/* Over one record, as JSON text. */
bool condition_holds(const struct condition *c, const char *record, size_t len);

#endif
