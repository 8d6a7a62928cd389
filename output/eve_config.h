/* eve_config.h - reading an `eve-log` entry. */
#ifndef TAPIR_OUTPUT_EVE_CONFIG_H
#define TAPIR_OUTPUT_EVE_CONFIG_H

#include "output/eve.h"

/* Fills e from the entry's node (NULL: every type, all defaults); root is the whole configuration. 0 or -ENOMEM. */
int eve_read(struct eve *e, const struct conf *c, const struct conf *root);
/* Frees what eve_read took. */
void eve_forget(struct eve *e);

#endif
