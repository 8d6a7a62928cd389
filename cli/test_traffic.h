/* test_traffic.h - traffic for a rule's test: what a test says in a few words becomes a capture of a whole conversation. */
#ifndef TAPIR_CLI_TEST_TRAFFIC_H
#define TAPIR_CLI_TEST_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/conf.h"

/* Writes the conversation that a test describes ("payload", "messages" or "http", with "flow") into a capture file. 0, or
 * -EINVAL with *where (the node that is wrong) and the reason in error; or -errno of writing. */
int test_traffic_write(const struct conf *test, const char *path, const struct conf **where, char *error, size_t size);
/* Whether it describes any. */
bool test_traffic_given(const struct conf *test);

#endif
