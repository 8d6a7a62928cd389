/* rules_keywords.c - `tapir rules keywords`: what a rule may say, from the tables that the parser reads. The fields of
 * protocols are keywords, too: `tapir analyzers list`. */
#include <stdio.h>

#include "cli/options.h"
#include "cli/print_json.h"
#include "rules/keyword.h"

struct keywords_options {
	bool json, markdown;
};

#define AT(field) offsetof(struct keywords_options, field)

static const struct option_row rows[] = {
	{ "json", 0, NULL, OPTION_FLAG, AT(json), "as JSON" },
	{ "markdown", 0, NULL, OPTION_FLAG, AT(markdown), "as Markdown, for a manual" },
};

static const char *kind_of(const struct keyword *k)
{
	if (k->flags & KEYWORD_META)
		return "about the rule";
	if (k->flags & KEYWORD_TRANSFORM)
		return "transform";
	if (k->flags & KEYWORD_STICKY)
		return "buffer";
	if (k->flags & KEYWORD_MODIFIER)
		return "modifier";
	return k->flags & KEYWORD_STATE ? "state" : "condition";
}

static void show_text(const struct keyword *k, bool markdown)
{
	const char *aliases = k->aliases ? k->aliases : "", *summary = k->summary ? k->summary : "";

	if (markdown)
		printf("| `%s` | %s | %s | %s |\n", k->name, kind_of(k), summary, aliases);
	else
		printf("%-28s %-14s %s%s%s%s\n", k->name, kind_of(k), summary, *aliases ? " (also: " : "", aliases, *aliases ? ")" : "");
}

static void show_json(struct json *j, const struct keyword *k)
{
	json_object(j, NULL);
	json_str(j, "name", k->name);
	json_str(j, "kind", kind_of(k));
	json_str(j, "summary", k->summary ? k->summary : "");
	if (k->aliases != NULL)
		json_str(j, "aliases", k->aliases);
	json_close(j);
}

static int run(int argc, char **argv)
{
	struct keywords_options o = { 0 };
	struct names words = { 0 };
	struct json j;
	int status = options_parse(&command_rules_keywords, argc, argv, &o, &words);

	if (status != 0)
		return status < 0 ? EXIT_FINE : status;
	if (o.json && print_json_begin(&j) < 0)
		return EXIT_PROBLEM;
	if (o.json)
		json_array(&j, NULL);
	else if (o.markdown)
		printf("| keyword | kind | what it means | other names |\n| --- | --- | --- | --- |\n");
	for (unsigned t = 0; t < keyword_table_count; t++)
		for (unsigned i = 0; i < keyword_tables[t]->count; i++) {
			const struct keyword *k = &keyword_tables[t]->keywords[i];

			if (o.json)
				show_json(&j, k);
			else
				show_text(k, o.markdown);
		}
	if (!o.json)
		return EXIT_FINE;
	json_close(&j);
	return print_json_end(&j);
}

const struct command command_rules_keywords = {
	.name = "rules keywords",
	.summary = "the words of the rule language",
	.usage = "[--json | --markdown]",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.more = "The fields of protocols (http.uri, dns.query, ...) are keywords as well: tapir analyzers list.\n\nExit status: 0.\n\n"
		"Example:\n  tapir rules keywords --markdown > keywords.md\n",
	.run = run,
};
