/* outputs.c - `tapir outputs`: where records can go, and what they look like there. */
#include <stddef.h>
#include <stdio.h>

#include "cli/options.h"
#include "output/format_map.h"
#include "output/sink.h"

struct outputs_options {
	bool mapping;
};

static const struct option_row rows[] = {
	{ "mapping", 0, NULL, OPTION_FLAG, offsetof(struct outputs_options, mapping),
	  "what other schemas call EVE's fields, as Markdown" },
};

static int run(int argc, char **argv)
{
	struct outputs_options o = { 0 };
	int status = options_parse(&command_outputs, argc, argv, &o, NULL);

	if (status != 0)
		return status < 0 ? EXIT_FINE : status;
	if (o.mapping) {
		map_describe(stdout);
		return EXIT_FINE;
	}
	printf("Kinds of sink (filetype):\n");
	for (unsigned i = 0; i < sink_kind_count; i++)
		printf("  %s\n", sink_kinds[i]->name);
	printf("Formats:\n  %s\n", format_names);
	return EXIT_FINE;
}

const struct command command_outputs = {
	.name = "outputs",
	.summary = "where records can go, and what they look like there",
	.usage = "[--mapping]",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.more = "Exit status: 0.\n\nExample:\n  tapir outputs --mapping > siem-mapping.md\n",
	.run = run,
};
