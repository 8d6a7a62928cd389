/* connect.c - `tapir connect HOST PORT` and `tapir listen PORT`: netcat on a host of our own. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/host_port.h"
#include "cli/port.h"
#include "cli/talk.h"

#define CONNECT_WAIT_MS 30000

struct talk_options {
	struct host_port_options host;
	const char *wait, *linger, *source_port;
	bool udp, scan, verbose, four, six, keep, no_input, numeric, shut;
};

#define AT(field) offsetof(struct talk_options, field)

#define SHARED_ROWS \
	{ NULL, 0, NULL, OPTION_HEADING, 0, "The conversation" }, \
	{ "udp", 'u', NULL, OPTION_FLAG, AT(udp), "UDP rather than TCP" }, \
	{ "wait", 'w', "SECONDS", OPTION_TEXT, AT(wait), "give up after so long without an answer or anything to say" }, \
	{ NULL, 'q', "SECONDS", OPTION_TEXT, AT(linger), "end so long after the end of standard input; without it, with the other end" }, \
	{ "no-input", 'd', NULL, OPTION_FLAG, AT(no_input), "don't read standard input" }, \
	{ "verbose", 'v', NULL, OPTION_FLAG, AT(verbose), "say who talks" }, \
	{ NULL, '4', NULL, OPTION_FLAG, AT(four), "IPv4 only" }, \
	{ NULL, '6', NULL, OPTION_FLAG, AT(six), "IPv6 only" }, \
	{ NULL, 'N', NULL, OPTION_FLAG, AT(shut), NULL }, \
	{ NULL, 'n', NULL, OPTION_FLAG, AT(numeric), NULL }

static const struct option_row connect_rows[] = {
	HOST_PORT_ROWS(struct talk_options, host),
	SHARED_ROWS,
	{ "scan", 'z', NULL, OPTION_FLAG, AT(scan), "only see whether somebody listens; PORT may be FROM-TO" },
	{ "source-port", 'p', "PORT", OPTION_TEXT, AT(source_port), "from this port of ours" },
};

static const struct option_row listen_rows[] = {
	HOST_PORT_ROWS(struct talk_options, host),
	SHARED_ROWS,
	{ "keep", 'k', NULL, OPTION_FLAG, AT(keep), "one conversation after the other, until INT or TERM" },
};

struct caller {
	const struct talk_options *o;
	const char *command;
	struct tapir_host *h;
	int stop;
	uint32_t first, last, source_port;
	uint64_t wait_ns, linger_ns;
};

static int usage(const struct caller *c, const char *what, const char *value)
{
	fprintf(stderr, "tapir %s: %s%s%s\nTry: tapir %s --help\n", c->command, what, value[0] ? ", found " : "", value, c->command);
	return EXIT_USAGE;
}

/* "80", or "20-25". */
static bool ports_parse(const char *text, uint32_t *first, uint32_t *last)
{
	const struct slice s = slice_str(text);
	const uint8_t *dash = memchr(s.data, '-', s.len);
	const size_t at = dash ? (size_t)(dash - s.data) : s.len;

	if (!text_u32(slice_head(s, at), 65535, first))
		return false;
	*last = *first;
	return (dash == NULL || text_u32(slice_skip(s, at + 1), 65535, last)) && *first > 0 && *first <= *last;
}

static int options_read(struct caller *c, const char *port)
{
	const struct talk_options *o = c->o;

	if (!ports_parse(port, &c->first, &c->last) || (c->first != c->last && !o->scan))
		return usage(c, "expected a port", port);
	if (o->wait != NULL && !seconds_parse(o->wait, &c->wait_ns))
		return usage(c, "-w: expected seconds", o->wait);
	if (o->linger != NULL && !seconds_parse(o->linger, &c->linger_ns))
		return usage(c, "-q: expected seconds", o->linger);
	if (o->linger != NULL && c->linger_ns == 0)
		c->linger_ns = 1;
	if (o->source_port != NULL && !text_u32(slice_str(o->source_port), 65535, &c->source_port))
		return usage(c, "-p: expected a port", o->source_port);
	if (o->four && o->six)
		return usage(c, "-4 and -6 at once", "");
	return 0;
}

static int any_bind(const struct caller *c, int fd, int family, uint16_t port)
{
	struct sockaddr_storage any = { .ss_family = (sa_family_t)family };
	const int one = 1, zero = 0;

	tapir_setsockopt(c->h, fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (family == AF_INET) {
		((struct sockaddr_in *)(void *)&any)->sin_port = htons(port);
	} else {
		((struct sockaddr_in6 *)(void *)&any)->sin6_port = htons(port);
		tapir_setsockopt(c->h, fd, IPPROTO_IPV6, IPV6_V6ONLY, c->o->six ? &one : &zero, sizeof(one));
	}
	return tapir_bind(c->h, fd, (const struct sockaddr *)&any, host_port_len(&any));
}

static void say(const struct caller *c, const char *what, const struct sockaddr_storage *who)
{
	char text[80];

	if (!c->o->verbose)
		return;
	host_port_text(who, text, sizeof(text));
	fprintf(stderr, "tapir %s: %s %s port %u\n", c->command, what, text,
		ntohs(who->ss_family == AF_INET ? ((const struct sockaddr_in *)(const void *)who)->sin_port :
		      ((const struct sockaddr_in6 *)(const void *)who)->sin6_port));
}

static int talk(const struct caller *c, int fd)
{
	const struct talk t = {
		.command = c->command, .host = c->h, .fd = fd, .stop = c->stop, .datagrams = c->o->udp, .idle_ns = c->wait_ns,
		.linger_ns = c->linger_ns, .no_input = c->o->no_input,
	};

	return talk_run(&t);
}

/* A socket connected to the address; 0 or -errno. */
static int connect_one(const struct caller *c, const struct sockaddr_storage *to, int *out)
{
	int fd = tapir_socket(c->h, to->ss_family, (c->o->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	uint64_t until = time_now_ns() + (c->wait_ns ? c->wait_ns : CONNECT_WAIT_MS * 1000000ull);
	socklen_t len = sizeof(int);
	int err = fd < 0 ? fd : 0, got = 0;

	if (err == 0 && c->source_port > 0)
		err = any_bind(c, fd, to->ss_family, (uint16_t)c->source_port);
	if (err == 0)
		err = tapir_connect(c->h, fd, (const struct sockaddr *)to, host_port_len(to));
	if (err == -EINPROGRESS) {
		while (got == 0 && time_now_ns() < until && !stop_asked(c->stop))
			got = tapir_poll(c->h, &p, 1, 50);
		err = got > 0 ? tapir_getsockopt(c->h, fd, SOL_SOCKET, SO_ERROR, &got, &len) : -ETIMEDOUT;
		if (err == 0)
			err = -got;
	}
	if (err < 0 && fd >= 0)
		tapir_close(c->h, fd);
	*out = fd;
	return err;
}

static int connect_all(const struct caller *c, const char *name)
{
	const int family = c->o->four ? AF_INET : c->o->six ? AF_INET6 : AF_UNSPEC;
	struct sockaddr_storage to;
	int status = host_port_resolve(c->h, c->command, &c->o->host, name, family, (uint16_t)c->first, &to);
	bool any = false;

	for (uint32_t port = c->first; status == 0 && port <= c->last; port++) {
		int fd, err;

		if (to.ss_family == AF_INET)
			((struct sockaddr_in *)(void *)&to)->sin_port = htons((uint16_t)port);
		else
			((struct sockaddr_in6 *)(void *)&to)->sin6_port = htons((uint16_t)port);
		err = connect_one(c, &to, &fd);
		if (err < 0) {
			if (!c->o->scan || c->o->verbose)
				fprintf(stderr, "tapir connect: %s port %u: %s\n", name, port, strerror(-err));
			continue;
		}
		any = true;
		say(c, "connected to", &to);
		if (!c->o->scan)
			return talk(c, fd);
		if (!c->o->verbose)
			printf("%u\n", port);
		tapir_close(c->h, fd);
	}
	return status ? status : any ? EXIT_FINE : EXIT_PROBLEM;
}

/* Waits until the socket has something; false where a signal came first. */
static bool listen_wait(const struct caller *c, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (tapir_poll(c->h, &p, 1, 50) <= 0) {
		if (stop_asked(c->stop))
			return false;
	}
	return true;
}

/* The first who sends a datagram is who we talk to. */
static int serve_datagrams(const struct caller *c, int fd)
{
	struct sockaddr_storage from = { 0 };
	socklen_t len = sizeof(from);
	int err = (int)tapir_recvfrom(c->h, fd, NULL, 0, MSG_PEEK | MSG_DONTWAIT, (struct sockaddr *)&from, &len);

	if (err >= 0)
		err = tapir_connect(c->h, fd, (const struct sockaddr *)&from, len);
	if (err < 0) {
		fprintf(stderr, "tapir listen: %s\n", strerror(-err));
		return EXIT_PROBLEM;
	}
	say(c, "datagrams from", &from);
	return talk(c, fd);
}

static int serve_stream(const struct caller *c, int fd)
{
	struct sockaddr_storage from = { 0 };
	socklen_t len = sizeof(from);
	int one = tapir_accept4(c->h, fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK);

	if (one < 0)
		return one == -EAGAIN || one == -ECONNABORTED ? EXIT_FINE : EXIT_PROBLEM;
	say(c, "connection from", &from);
	return talk(c, one);
}

static int listen_open(const struct caller *c)
{
	const int family = c->o->four ? AF_INET : AF_INET6;
	int fd = tapir_socket(c->h, family, (c->o->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0);
	int err = fd < 0 ? fd : any_bind(c, fd, family, (uint16_t)c->first);

	if (err == 0 && !c->o->udp)
		err = tapir_listen(c->h, fd, 8);
	if (err < 0)
		fprintf(stderr, "tapir listen: port %u: %s\n", c->first, strerror(-err));
	else if (c->o->verbose)
		fprintf(stderr, "tapir listen: listening on port %u\n", c->first);
	return err < 0 ? err : fd;
}

static int listen_all(const struct caller *c)
{
	int status = EXIT_FINE, fd = listen_open(c);

	while (fd >= 0 && listen_wait(c, fd)) {
		/* For datagrams the listening socket is the one that talks. */
		status = c->o->udp ? serve_datagrams(c, fd) : serve_stream(c, fd);
		if (!c->o->keep)
			break;
		if (c->o->udp)
			fd = listen_open(c);
	}
	return fd < 0 ? EXIT_PROBLEM : status;
}

static int common(const struct command *cmd, int argc, char **argv, bool listens)
{
	struct talk_options o = { 0 };
	struct names words = { 0 };
	struct caller c = { .o = &o, .command = cmd->name };
	int status = options_parse(cmd, argc, argv, &o, &words);

	if (status != 0)
		return status < 0 ? EXIT_FINE : status;
	if (words.count != (listens ? 1 : 2))
		return usage(&c, listens ? "on which port?" : "to whom? Give HOST and PORT", "");
	status = options_read(&c, words.at[listens ? 0 : 1]);
	if (status != 0)
		return status;
	c.stop = stop_fd();
	status = host_port_open(&c.h, cmd->name, &o.host);
	if (status == 0) {
		status = listens ? listen_all(&c) : connect_all(&c, words.at[0]);
		tapir_host_free(c.h);
	}
	close(c.stop);
	return status;
}

static int run_connect(int argc, char **argv)
{
	return common(&command_connect, argc, argv, false);
}

static int run_listen(int argc, char **argv)
{
	return common(&command_listen, argc, argv, true);
}

const struct command command_connect = {
	.name = "connect",
	.summary = "talk to a TCP or UDP port from a host of our own",
	.usage = "-i PORT --address IP/PREFIX [options] HOST PORT",
	.rows = connect_rows,
	.row_count = sizeof(connect_rows) / sizeof(connect_rows[0]),
	.more = "Standard input goes there, what comes back to standard output. The kernel has no part in it: our address is only\n"
		"ours, and mustn't be the machine's.\n"
		"\n"
		"Exit status: 0; 1 where nobody was reached or the connection broke; 2 the command line could not be understood.\n"
		"\n"
		"Examples:\n"
		"  tapir connect -i eth1 --address 10.0.0.2/24 10.0.0.1 22\n"
		"  printf 'GET / HTTP/1.0\\r\\n\\r\\n' | tapir connect -i eth1 --address 10.0.0.2/24 10.0.0.1 80\n"
		"  tapir connect -i eth1 --address 10.0.0.2/24 -z -w 1 10.0.0.1 1-1024\n",
	.run = run_connect,
};

const struct command command_listen = {
	.name = "listen",
	.summary = "wait for a TCP connection or datagrams on a host of our own",
	.usage = "-i PORT --address IP/PREFIX [options] PORT",
	.rows = listen_rows,
	.row_count = sizeof(listen_rows) / sizeof(listen_rows[0]),
	.more = "Standard input goes to who comes, what is said to standard output.\n"
		"\n"
		"Exit status: 0; 1 where the port can't be had or the connection broke; 2 the command line could not be understood.\n"
		"\n"
		"Examples:\n"
		"  tapir listen -i eth1 --address 10.0.0.2/24 8080 < page\n"
		"  tapir listen -i eth1 --address 10.0.0.2/24 -k -v -u 514\n",
	.run = run_listen,
};
