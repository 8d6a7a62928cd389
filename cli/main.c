/* main.c - the `tapir` command: finds the subcommand and runs it. */
#include <stdio.h>
#include <string.h>

#include "cli/options.h"

static void help(void)
{
	printf("tapir " TAPIR_VERSION " - network security sensor\n\nUsage: tapir COMMAND [options]\n\n");
	for (unsigned i = 0; i < command_count; i++)
		printf("  %-18s%s\n", commands[i]->name, commands[i]->summary);
	printf("\nEach command has --help. Start with:\n"
	       "  tapir run -r capture.pcap -S my.rules -l out\n"
	       "  tapir run -i eth1\n");
}

/* How many words of argv name the command; 0 where they don't. */
static int words_match(const struct command *cmd, int argc, char **argv)
{
	const char *name = cmd->name;
	int words = 0;

	for (;;) {
		size_t len = strcspn(name, " ");

		if (words >= argc || strlen(argv[words]) != len || strncmp(argv[words], name, len) != 0)
			return 0;
		words++;
		if (name[len] == '\0')
			return words;
		name += len + 1;
	}
}

static int unknown(int argc, char **argv)
{
	bool two = argc > 1 && argv[1][0] != '-';
	const char *names[32];
	const char *like = NULL;
	char word[128];
	unsigned n = 0, below = 0;

	for (unsigned i = 0; i < command_count && n < 32; i++)
		names[n++] = commands[i]->name;
	snprintf(word, sizeof(word), "%s%s%s", argv[0], two ? " " : "", two ? argv[1] : "");
	/* "rules" alone: say what may follow. */
	for (unsigned i = 0; i < command_count && !two; i++) {
		size_t len = strlen(argv[0]);

		if (strncmp(commands[i]->name, argv[0], len) != 0 || commands[i]->name[len] != ' ')
			continue;
		if (below++ == 0)
			fprintf(stderr, "tapir %s: what of it? There is:\n", argv[0]);
		fprintf(stderr, "  tapir %-18s%s\n", commands[i]->name, commands[i]->summary);
	}
	if (below > 0)
		return EXIT_USAGE;
	like = closest(word, names, n);
	if (like == NULL)
		like = closest(argv[0], names, n);
	fprintf(stderr, "tapir: there is no command \"%s\"", word);
	if (like != NULL)
		fprintf(stderr, "; did you mean \"tapir %s\"?", like);
	fprintf(stderr, "\nTry: tapir --help\n");
	return EXIT_USAGE;
}

/* For shell completion (cli/completion/): the words that may follow these. */
static int complete(int argc, char **argv)
{
	for (unsigned i = 0; i < command_count; i++) {
		const struct command *cmd = commands[i];
		const char *name = cmd->name;
		int words = 0;

		/* Of "rules check": "rules" where nothing was typed, "check" behind that, options behind both. */
		while (words < argc && *name != '\0') {
			size_t len = strcspn(name, " ");

			if (strlen(argv[words]) != len || strncmp(argv[words], name, len) != 0)
				break;
			words++;
			name += len + (name[len] == ' ');
		}
		if (*name != '\0' && words == argc)
			printf("%.*s\n", (int)strcspn(name, " "), name);
		for (unsigned k = 0; *name == '\0' && k < cmd->row_count; k++) {
			if (cmd->rows[k].help != NULL && cmd->rows[k].kind != OPTION_HEADING && cmd->rows[k].name != NULL)
				printf("--%s\n", cmd->rows[k].name);
		}
		if (*name == '\0')
			printf("--help\n");
	}
	if (argc == 0)
		printf("--help\n--version\n");
	return EXIT_FINE;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		help();
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "version") == 0) {
		printf("tapir " TAPIR_VERSION "\n");
		return EXIT_FINE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		help();
		return EXIT_FINE;
	}
	if (strcmp(argv[1], "--complete") == 0)
		return complete(argc - 2, argv + 2);
	for (unsigned i = 0; i < command_count; i++) {
		int words = words_match(commands[i], argc - 1, argv + 1);

		if (words > 0)
			return commands[i]->run(argc - 1 - words, argv + 1 + words);
	}
	return unknown(argc - 1, argv + 1);
}
