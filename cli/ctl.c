/* ctl.c - `tapir ctl`: asks a running sensor over its control socket. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/options.h"
#include "sensor/config.h"
#include "sensor/control.h"
#include "sensor/control_own.h"

struct ctl_options {
	const char *config, *socket;
	bool json;
};

#define AT(field) offsetof(struct ctl_options, field)

static const struct option_row rows[] = {
	{ "config", 'c', "FILE", OPTION_TEXT, AT(config), "the sensor's configuration: it says where the socket is" },
	{ "socket", 's', "PATH", OPTION_TEXT, AT(socket), "where the socket is" },
	{ "json", 0, NULL, OPTION_FLAG, AT(json), "the answer as it came" },
};

static int problem(const char *what, const char *path, int err)
{
	fprintf(stderr, "tapir ctl: %s: %s: %s\n", path, what, strerror(err));
	return EXIT_PROBLEM;
}

static int socket_find(const struct ctl_options *o, char *out, size_t size)
{
	struct config *config = NULL;
	int status = 0;

	if (o->socket != NULL)
		return snprintf(out, size, "%s", o->socket) < (int)size ? 0 : EXIT_USAGE;
	if (config_load(&config, o->config, NULL, 0, NULL, 0) < 0) {
		fprintf(stderr, "tapir ctl: %s\n", config ? config->error : "out of memory");
		status = EXIT_PROBLEM;
	} else if (!control_path(config->root, out, size)) {
		fprintf(stderr, "tapir ctl: where is the socket? Give it with -s\n");
		status = EXIT_USAGE;
	}
	config_free(config);
	return status;
}

static int socket_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(addr.sun_path)) {
		close(fd);
		return -ENAMETOOLONG;
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int err = errno;

		close(fd);
		return -err;
	}
	return fd;
}

/* Sends a line and gets one; the caller frees it. */
static int ask(FILE *in, int fd, const char *line, char **answer)
{
	size_t room = 0, len = strlen(line);
	ssize_t n;

	for (size_t at = 0; at < len; at += (size_t)n) {
		n = send(fd, line + at, len - at, MSG_NOSIGNAL);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
	}
	if (send(fd, "\n", 1, MSG_NOSIGNAL) != 1)
		return -errno;
	*answer = NULL;
	errno = 0;
	return getline(answer, &room, in) > 0 ? 0 : errno ? -errno : -EPIPE;
}

static int converse(const char *path, const char *command, bool json)
{
	int fd = socket_connect(path), err, status = EXIT_PROBLEM;
	FILE *in = fd >= 0 ? fdopen(fd, "r") : NULL;
	char *answer = NULL;

	if (in == NULL)
		return problem("no sensor answers here", path, fd < 0 ? -fd : errno);
	err = ask(in, fd, "{\"version\": \"0.2\"}", &answer);
	free(answer);
	answer = NULL;
	if (err == 0)
		err = ask(in, fd, command, &answer);
	if (err < 0)
		problem("no answer", path, -err);
	else if (control_answer_show(answer, strlen(answer), json, stdout))
		status = EXIT_FINE;
	free(answer);
	fclose(in);
	return status;
}

static int unknown(const char *name)
{
	const char *names[64], *like;
	unsigned n = 0;

	for (; n < control_command_count && n < 64; n++)
		names[n] = control_commands[n].name;
	like = closest(name, names, n);
	fprintf(stderr, "tapir ctl: there is no command \"%s\"", name);
	if (like != NULL)
		fprintf(stderr, "; did you mean %s?", like);
	fprintf(stderr, "\nTry: tapir ctl help\n");
	return EXIT_USAGE;
}

static int list(void)
{
	for (unsigned i = 0; i < control_command_count; i++) {
		const struct control_command *c = &control_commands[i];

		printf("  %-28s%s\n", c->name, c->summary);
		if (c->arguments != NULL)
			printf("  %-28s  %s\n", "", c->arguments);
	}
	return EXIT_FINE;
}

static int run(int argc, char **argv)
{
	struct ctl_options o = { 0 };
	struct names words = { 0 };
	bool known = false;
	char path[PATH_MAX], *command;
	int status = options_parse(&command_ctl, argc, argv, &o, &words);

	if (status != 0)
		return status < 0 ? EXIT_FINE : status;
	if (words.count == 0) {
		fprintf(stderr, "tapir ctl: which command?\nTry: tapir ctl help\n");
		return EXIT_USAGE;
	}
	if (strcmp(words.at[0], "help") == 0)
		return list();
	for (unsigned i = 0; i < control_command_count; i++)
		known |= strcmp(control_commands[i].name, words.at[0]) == 0;
	if (!known)
		return unknown(words.at[0]);
	for (unsigned i = 1; i < words.count; i++) {
		if (strchr(words.at[i], '=') == NULL) {
			fprintf(stderr, "tapir ctl: expected NAME=VALUE, found \"%s\"\n", words.at[i]);
			return EXIT_USAGE;
		}
	}
	status = socket_find(&o, path, sizeof(path));
	if (status != 0)
		return status;
	command = control_request_write(words.at[0], words.at + 1, words.count - 1);
	if (command == NULL) {
		fprintf(stderr, "tapir ctl: this can't be sent\n");
		return EXIT_PROBLEM;
	}
	status = converse(path, command, o.json);
	free(command);
	return status;
}

const struct command command_ctl = {
	.name = "ctl",
	.summary = "ask a running sensor: counters, reload, data sets, shutdown",
	.usage = "[options] COMMAND [NAME=VALUE]...",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.more = "\"tapir ctl help\" lists the commands. They, and the protocol, are those of Suricata's command socket.\n\n"
		"Exit status: 0 the sensor said OK; 1 it didn't, or doesn't answer; 2 the command line could not be understood.\n\n"
		"Examples:\n  tapir ctl reload-rules\n  tapir ctl iface-stat iface=eth1\n"
		"  tapir ctl dataset-add setname=bad-ips settype=ipv4 datavalue=192.0.2.7\n",
	.run = run,
};
