/* analyzers.c - `tapir analyzers list`: the reference of protocols and fields, from the tables themselves. */
#include <stdio.h>
#include <string.h>

#include "analyzers/analyzer.h"
#include "base/json.h"
#include "cli/options.h"
#include "cli/print_json.h"

struct list_options {
	bool json, markdown, brief;
};

static const struct option_row rows[] = {
	{ "json", 0, NULL, OPTION_FLAG, offsetof(struct list_options, json), "as JSON" },
	{ "markdown", 0, NULL, OPTION_FLAG, offsetof(struct list_options, markdown), "as Markdown, for a manual" },
	{ "brief", 0, NULL, OPTION_FLAG, offsetof(struct list_options, brief), "without fields" },
};

static const char *transports(const struct analyzer *a)
{
	if ((a->transports & (TRANSPORT_TCP | TRANSPORT_UDP)) == (TRANSPORT_TCP | TRANSPORT_UDP))
		return "TCP, UDP";
	return a->transports & TRANSPORT_UDP ? "UDP" : "TCP";
}

static const char *type_name(const struct field *f)
{
	static const char *const names[] = { "bytes", "number", "flag", "test" };

	return f->type < 4 ? names[f->type] : "?";
}

static const char *direction(const struct field *f)
{
	unsigned both = FIELD_TO_SERVER | FIELD_TO_CLIENT;

	return (f->flags & both) == both ? "both" : f->flags & FIELD_TO_CLIENT ? "to client" : "to server";
}

static void text_fields(const struct field *fields, unsigned count, bool markdown)
{
	if (markdown && count > 0)
		printf("\n| keyword | type | direction | what it is |\n| --- | --- | --- | --- |\n");
	for (unsigned i = 0; i < count; i++) {
		const struct field *f = &fields[i];
		const char *what = f->summary ? f->summary : "";

		if (markdown)
			printf("| `%s` | %s%s | %s | %s |\n", f->name, type_name(f), f->flags & FIELD_MULTI ? ", several" : "",
			       direction(f), what);
		else
			printf("    %-34s %-7s %-10s %s\n", f->name, type_name(f), direction(f), what);
	}
}

static void show_text(const struct analyzer *a, const struct list_options *o)
{
	const char *what = a->summary ? a->summary : "";

	if (o->markdown)
		printf("\n## %s\n\n%s (%s%s%s)\n", a->name, what, transports(a), a->ports ? ", usually port " : "",
		       a->ports ? a->ports : "");
	else
		printf("%s (%s%s%s)  %s\n", a->name, transports(a), a->ports ? " " : "", a->ports ? a->ports : "", what);
	if (!o->brief)
		text_fields(a->fields, a->field_count, o->markdown);
}

static void json_names(struct json *j, const char *key, const char *const *names)
{
	json_array(j, key);
	for (; names != NULL && *names != NULL; names++)
		json_str(j, NULL, *names);
	json_close(j);
}

static void json_fields(struct json *j, const struct field *fields, unsigned count)
{
	json_array(j, "fields");
	for (unsigned i = 0; i < count; i++) {
		const struct field *f = &fields[i];

		json_object(j, NULL);
		json_str(j, "name", f->name);
		json_str(j, "type", type_name(f));
		json_str(j, "direction", direction(f));
		json_bool(j, "several", (f->flags & FIELD_MULTI) != 0);
		json_str(j, "summary", f->summary ? f->summary : "");
		if (f->aliases != NULL)
			json_str(j, "aliases", f->aliases);
		if (f->modifier != NULL)
			json_str(j, "modifier", f->modifier);
		json_close(j);
	}
	json_close(j);
}

static void json_analyzer(struct json *j, const struct analyzer *a, bool brief)
{
	json_object(j, NULL);
	json_str(j, "name", a->name);
	json_str(j, "summary", a->summary ? a->summary : "");
	json_bool(j, "tcp", (a->transports & TRANSPORT_TCP) != 0);
	json_bool(j, "udp", (a->transports & TRANSPORT_UDP) != 0);
	if (a->aliases != NULL)
		json_str(j, "aliases", a->aliases);
	if (a->ports != NULL)
		json_str(j, "ports", a->ports);
	if (a->event_type != NULL)
		json_str(j, "event_type", a->event_type);
	if (!brief) {
		json_fields(j, a->fields, a->field_count);
		json_names(j, "events", a->events);
		json_names(j, "frames", a->frames);
	}
	json_close(j);
}

static int list_json(bool brief)
{
	struct json j;

	if (print_json_begin(&j) < 0)
		return EXIT_PROBLEM;
	json_array(&j, NULL);
	for (unsigned i = 0; i < analyzer_count(); i++)
		json_analyzer(&j, analyzer_at(i), brief);
	json_close(&j);
	return print_json_end(&j);
}

static int run(int argc, char **argv)
{
	struct list_options o = { 0 };
	unsigned common_count = 0;
	const struct field *common = fields_common(&common_count);
	int status = options_parse(&command_analyzers_list, argc, argv, &o, NULL);

	if (status != 0)
		return status < 0 ? EXIT_FINE : status;
	if (o.json)
		return list_json(o.brief);
	if (o.markdown)
		printf("# Protocols and their fields\n");
	for (unsigned i = 0; i < analyzer_count(); i++)
		show_text(analyzer_at(i), &o);
	if (!o.brief && common_count > 0) {
		printf(o.markdown ? "\n## Every protocol that carries files\n" : "Every protocol that carries files\n");
		text_fields(common, common_count, o.markdown);
	}
	return EXIT_FINE;
}

const struct command command_analyzers_list = {
	.name = "analyzers list",
	.summary = "the protocols that are understood, with their fields",
	.usage = "[--json | --markdown] [--brief]",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.more = "Exit status: 0.\n\nExamples:\n  tapir analyzers list --brief\n  tapir analyzers list --markdown > fields.md\n",
	.run = run,
};
