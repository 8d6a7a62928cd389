/* options.h - command-line options from a table.
 *
 * A row says where the value goes; help text, completion and the suggestion for a misspelt option
 * follow from the same rows. "--name value", "--name=value", "-n value", "-nvalue" and bundled flags
 * ("-vv") all work; "--" ends options. What is left are words. */
#ifndef TAPIR_CLI_OPTIONS_H
#define TAPIR_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "sensor/sensor.h"

enum option_kind {
	OPTION_FLAG,            /* bool */
	OPTION_COUNT,           /* unsigned, how often */
	OPTION_TEXT,            /* const char * */
	OPTION_NUMBER,          /* unsigned */
	OPTION_LIST,            /* struct names */
	OPTION_IGNORED,         /* Suricata has it; here it has no meaning */
	OPTION_HEADING,         /* in the help only */
};

struct option_row {
	const char *name;       /* without "--"; NULL: a letter only */
	char letter;            /* 0: none */
	const char *argument;   /* what the help calls it; NULL: takes none */
	unsigned char kind;     /* enum option_kind */
	size_t offset;          /* into the command's options */
	const char *help;       /* NULL: works, but isn't shown */
};

struct command {
	const char *name;       /* "run", "rules check" */
	const char *summary;
	const char *usage;      /* behind "tapir NAME" */
	const struct option_row *rows;
	unsigned row_count;
	const char *more;       /* paragraphs below the options: exit status, examples */
	int (*run)(int argc, char **argv);
};

/* Fills into (and words). Returns 0; EXIT_USAGE after having said what was wrong; -1 where help was
 * asked for and given. */
int options_parse(const struct command *cmd, int argc, char **argv, void *into, struct names *words);
void command_help(const struct command *cmd);
/* The closest of count names to word, or NULL where none is close. */
const char *closest(const char *word, const char *const *names, unsigned count);

extern const struct command command_run, command_ctl;
extern const struct command command_rules_check, command_rules_list;
extern const struct command command_rules_explain, command_rules_profile, command_rules_test, command_rules_keywords;
extern const struct command command_devices, command_analyzers_list, command_outputs;
extern const struct command command_impair, command_send, command_ping, command_connect, command_listen;
extern const struct command *const commands[];
extern const unsigned command_count;

#endif
