/* suffix.h - where a host name's public suffix begins. */
#ifndef TAPIR_RULES_SUFFIX_H
#define TAPIR_RULES_SUFFIX_H

#include "base/slice.h"

/* "www.example.co.uk" to "co.uk"; empty where the name has none. */
struct slice domain_suffix(struct slice name);
/* "www.example.co.uk" to "example.co.uk"; empty where nothing was registered below the suffix. */
struct slice domain_registered(struct slice name);

#endif
