/* options.c - parsing by table, help from the same table. */
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 63
#define HELP_COLUMN 30
#define SUGGESTIONS_MAX 256

struct parse_state {
	const struct command *cmd;
	int argc, at;
	char **argv;
	void *into;
	struct names *words;
};

/* How many letters to change, insert, remove or swap with the next. */
static unsigned edits(const char *a, const char *b)
{
	unsigned rows[3][NAME_MAX_LEN + 1];
	size_t n = strlen(a), m = strlen(b);
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];

	if (n > NAME_MAX_LEN || m > NAME_MAX_LEN)
		return 1000;
	for (size_t j = 0; j <= m; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *spare;

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[m];
}

const char *closest(const char *word, const char *const *names, unsigned count)
{
	unsigned best = (unsigned)strlen(word) / 3 + 1;
	const char *found = NULL;

	for (unsigned i = 0; i < count; i++) {
		unsigned n = edits(word, names[i]);

		if (n <= best && (found == NULL || n < best)) {
			best = n;
			found = names[i];
		}
	}
	return found;
}

static int usage_error(const struct command *cmd)
{
	fprintf(stderr, "Try: tapir %s --help\n", cmd->name);
	return EXIT_USAGE;
}

static int unknown_option(const struct command *cmd, const char *name)
{
	const char *names[SUGGESTIONS_MAX];
	const char *like;
	unsigned n = 0;

	for (unsigned i = 0; i < cmd->row_count && n < SUGGESTIONS_MAX; i++) {
		if (cmd->rows[i].name != NULL && cmd->rows[i].kind != OPTION_HEADING)
			names[n++] = cmd->rows[i].name;
	}
	like = closest(name, names, n);
	fprintf(stderr, "tapir %s: there is no option --%s", cmd->name, name);
	if (like != NULL)
		fprintf(stderr, "; did you mean --%s?", like);
	fputc('\n', stderr);
	return usage_error(cmd);
}

static int option_apply(const struct command *cmd, const struct option_row *row, const char *value, void *into)
{
	void *place = (char *)into + row->offset;
	struct names *list = place;
	unsigned long number;
	char *end;

	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)place = true;
		return 0;
	case OPTION_COUNT:
		(*(unsigned *)place)++;
		return 0;
	case OPTION_TEXT:
		*(const char **)place = value;
		return 0;
	case OPTION_NUMBER:
		errno = 0;
		number = strtoul(value, &end, 10);
		if (*value < '0' || *value > '9' || *end != '\0' || errno != 0 || number > 1000000) {
			fprintf(stderr, "tapir %s: --%s: expected a number, found \"%s\"\n", cmd->name, row->name, value);
			return usage_error(cmd);
		}
		*(unsigned *)place = (unsigned)number;
		return 0;
	case OPTION_LIST:
		if (list->count == SENSOR_NAMES_MAX) {
			fprintf(stderr, "tapir %s: more than %d times --%s\n", cmd->name, SENSOR_NAMES_MAX, row->name);
			return usage_error(cmd);
		}
		list->at[list->count++] = value;
		return 0;
	default:
		return 0;
	}
}

static const struct option_row *row_named(const struct command *cmd, const char *name, size_t len)
{
	for (unsigned i = 0; i < cmd->row_count; i++) {
		const struct option_row *row = &cmd->rows[i];

		if (row->kind != OPTION_HEADING && row->name != NULL && strncmp(row->name, name, len) == 0 &&
		    row->name[len] == '\0')
			return row;
	}
	return NULL;
}

static const struct option_row *row_lettered(const struct command *cmd, char letter)
{
	for (unsigned i = 0; i < cmd->row_count; i++) {
		if (cmd->rows[i].kind != OPTION_HEADING && cmd->rows[i].letter == letter)
			return &cmd->rows[i];
	}
	return NULL;
}

static int parse_long(struct parse_state *s, const char *name)
{
	size_t len = strcspn(name, "=");
	const struct option_row *row = row_named(s->cmd, name, len);
	const char *value = name[len] == '=' ? name + len + 1 : NULL;
	char copy[NAME_MAX_LEN + 1];

	if (row == NULL) {
		snprintf(copy, sizeof(copy), "%.*s", (int)(len > NAME_MAX_LEN ? NAME_MAX_LEN : len), name);
		return unknown_option(s->cmd, copy);
	}
	if (row->argument == NULL && value != NULL && row->kind != OPTION_IGNORED) {
		fprintf(stderr, "tapir %s: --%s takes no value\n", s->cmd->name, row->name);
		return usage_error(s->cmd);
	}
	if (row->argument != NULL && value == NULL) {
		if (s->at + 1 >= s->argc) {
			fprintf(stderr, "tapir %s: --%s needs a value: %s\n", s->cmd->name, row->name, row->argument);
			return usage_error(s->cmd);
		}
		value = s->argv[++s->at];
	}
	return option_apply(s->cmd, row, value, s->into);
}

static int parse_letters(struct parse_state *s, const char *letters)
{
	for (; *letters != '\0'; letters++) {
		const struct option_row *row = row_lettered(s->cmd, *letters);
		const char *value = NULL;
		int err;

		if (row == NULL) {
			fprintf(stderr, "tapir %s: there is no option -%c\n", s->cmd->name, *letters);
			return usage_error(s->cmd);
		}
		if (row->argument != NULL) {
			value = letters[1] != '\0' ? letters + 1 : s->at + 1 < s->argc ? s->argv[++s->at] : NULL;
			if (value == NULL) {
				fprintf(stderr, "tapir %s: -%c needs a value: %s\n", s->cmd->name, *letters, row->argument);
				return usage_error(s->cmd);
			}
		}
		err = option_apply(s->cmd, row, value, s->into);
		if (err != 0 || row->argument != NULL)
			return err;
	}
	return 0;
}

static int add_word(struct parse_state *s, const char *word)
{
	if (s->words == NULL || s->words->count == SENSOR_NAMES_MAX) {
		fprintf(stderr, "tapir %s: what is \"%s\" for?\n", s->cmd->name, word);
		return usage_error(s->cmd);
	}
	s->words->at[s->words->count++] = word;
	return 0;
}

int options_parse(const struct command *cmd, int argc, char **argv, void *into, struct names *words)
{
	struct parse_state s = { .cmd = cmd, .argc = argc, .argv = argv, .into = into, .words = words };
	bool only_words = false;
	int err = 0;

	for (; s.at < argc && err == 0; s.at++) {
		const char *word = argv[s.at];

		if (only_words || word[0] != '-' || word[1] == '\0') {
			err = add_word(&s, word);
		} else if (strcmp(word, "--") == 0) {
			only_words = true;
		} else if (strcmp(word, "--help") == 0 || (strcmp(word, "-h") == 0 && row_lettered(cmd, 'h') == NULL)) {
			command_help(cmd);
			return -1;
		} else if (word[1] == '-') {
			err = parse_long(&s, word + 2);
		} else {
			err = parse_letters(&s, word + 1);
		}
	}
	return err;
}

/* Text in lines of at most 100 columns, from HELP_COLUMN on. */
static void print_wrapped(const char *text, int column)
{
	int width = 100 - column;

	while ((int)strlen(text) > width) {
		int cut = width;

		while (cut > 0 && text[cut] != ' ')
			cut--;
		if (cut == 0)
			break;
		printf("%.*s\n%*s", cut, text, column, "");
		text += cut + 1;
	}
	printf("%s\n", text);
}

static void print_row(const struct option_row *row)
{
	char left[128];
	int n;

	if (row->help == NULL)
		return;
	if (row->kind == OPTION_HEADING) {
		printf("\n%s\n", row->help);
		return;
	}
	n = snprintf(left, sizeof(left), "  %c%c%s%s%s%s%s", row->letter ? '-' : ' ', row->letter ? row->letter : ' ',
		     row->letter && row->name ? ", " : "  ", row->name ? "--" : "", row->name ? row->name : "",
		     row->argument ? " " : "", row->argument ? row->argument : "");
	if (n < HELP_COLUMN)
		printf("%-*s", HELP_COLUMN, left);
	else
		printf("%s\n%*s", left, HELP_COLUMN, "");
	print_wrapped(row->help, HELP_COLUMN);
}

void command_help(const struct command *cmd)
{
	printf("tapir %s - %s\n\nUsage: tapir %s %s\n", cmd->name, cmd->summary, cmd->name, cmd->usage);
	for (unsigned i = 0; i < cmd->row_count; i++)
		print_row(&cmd->rows[i]);
	if (cmd->more != NULL)
		printf("\n%s", cmd->more);
}
