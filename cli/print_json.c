/* print_json.c - documents for people's scripts; they fit into memory or are refused. */
#include "cli/print_json.h"

#include <stdio.h>

#include "sensor/sensor.h"

#define DOCUMENT_MAX (1024u * 1024 * 1024)

int print_json_begin(struct json *j)
{
	int err = json_init(j, 64 * 1024, DOCUMENT_MAX);

	if (err < 0)
		fprintf(stderr, "tapir: out of memory\n");
	return err;
}

int print_json_end(struct json *j)
{
	bool bad = json_overflowed(j);

	json_line(j);
	bad = fwrite(j->buf, 1, j->len, stdout) != j->len || fflush(stdout) != 0 || bad;
	json_fini(j);
	return bad ? EXIT_PROBLEM : EXIT_FINE;
}
