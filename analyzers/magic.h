/* magic.h - what libmagic says a file is. */
#ifndef TAPIR_ANALYZERS_MAGIC_H
#define TAPIR_ANALYZERS_MAGIC_H

#include "base/slice.h"

struct magic;

/* NULL where the build is without libmagic, or its database can't be read. It takes some milliseconds. */
struct magic *magic_new(void);
void magic_free(struct magic *m);
/* Valid until the next call; NULL where it doesn't know. */
const char *magic_of(struct magic *m, struct slice head);

#endif
