/* A YAML configuration of any content: a tree or one message. The first line is a --set. */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "sensor/config.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
	size_t first = newline ? (size_t)(newline - data) : 0;
	const char *sets[1];
	struct config *config;
	char set[512], unused[200];

	snprintf(set, sizeof(set), "%.*s", (int)(first < 500 ? first : 500), (const char *)data);
	sets[0] = set;
	if (config_load(&config, fuzz_file(data + first, size - first), NULL, 0, sets, first > 0) < 0) {
		must(config == NULL || config->error[0] != '\0');
	} else {
		config_check(config);
		config_unused(config, unused, sizeof(unused));
	}
	config_free(config);
	return 0;
}
