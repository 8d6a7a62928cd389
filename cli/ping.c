/* ping.c - `tapir ping HOST`: echo requests from a host of our own, told about as ping(8) does.
 *
 * A ping socket (SOCK_DGRAM, IPPROTO_ICMP) sends; the payload begins with the time of sending, and answers are told
 * apart by sequence number. ICMP errors come through the socket's error queue. */
#include <errno.h>
#include <inttypes.h>
#include <time.h>
#include <linux/errqueue.h>        /* wants struct timespec */
#include <math.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/host_port.h"
#include "cli/port.h"
#include "tapir/socket.h"

#define SIZE_DEFAULT 56
#define SIZE_MAX_BYTES 65507
#define WAIT_STEP_MS 50
#define FLOOD_INTERVAL_NS 10000000ull

struct ping_options {
	struct host_port_options host;
	const char *count, *interval, *size, *ttl, *timeout, *deadline, *tos, *pattern, *pmtu;
	bool quiet, flood, four, six, numeric, times, beep;
};

#define AT(field) offsetof(struct ping_options, field)

static const struct option_row rows[] = {
	HOST_PORT_ROWS(struct ping_options, host),
	{ NULL, 0, NULL, OPTION_HEADING, 0, "What is sent" },
	{ "count", 'c', "N", OPTION_TEXT, AT(count), "end after so many requests" },
	{ "interval", 0, "SECONDS", OPTION_TEXT, AT(interval), "between two requests (1)" },
	{ "flood", 'f', NULL, OPTION_FLAG, AT(flood), "at once after each answer, or a hundred a second; a dot for each that is out" },
	{ "size", 's', "BYTES", OPTION_TEXT, AT(size), "of payload (56)" },
	{ "ttl", 't', "N", OPTION_TEXT, AT(ttl), "time to live, hop limit" },
	{ "tos", 'Q', "N", OPTION_TEXT, AT(tos), "type of service, traffic class" },
	{ "pattern", 'p', "HEX", OPTION_TEXT, AT(pattern), "fill the payload with these bytes, up to 16" },
	{ "pmtudisc", 'M', "do|want|dont", OPTION_TEXT, AT(pmtu), "do: never in fragments; dont: without the don't-fragment flag" },
	{ NULL, '4', NULL, OPTION_FLAG, AT(four), "IPv4 only" },
	{ NULL, '6', NULL, OPTION_FLAG, AT(six), "IPv6 only" },
	{ NULL, 0, NULL, OPTION_HEADING, 0, "How long, and what is told" },
	{ "timeout", 'W', "SECONDS", OPTION_TEXT, AT(timeout), "wait so long for the last answers (10)" },
	{ "deadline", 'w', "SECONDS", OPTION_TEXT, AT(deadline), "end after this, whatever came" },
	{ "quiet", 'q', NULL, OPTION_FLAG, AT(quiet), "only the summary" },
	{ "timestamps", 'D', NULL, OPTION_FLAG, AT(times), "the time before each line" },
	{ NULL, 'a', NULL, OPTION_FLAG, AT(beep), "beep for each answer" },
	{ NULL, 'n', NULL, OPTION_FLAG, AT(numeric), NULL },
};

struct pinger {
	const struct ping_options *o;
	struct tapir_host *h;
	int fd, stop;
	struct sockaddr_storage to;
	char to_text[80];
	bool six;
	uint64_t count, interval_ns, timeout_ns, deadline_ns;
	uint32_t size, ttl, tos;
	uint8_t pattern[16];
	unsigned pattern_len;
	uint8_t seen[8192];             /* bits: sequence numbers that were answered */
	uint64_t sent, received, duplicates, errors;
	double sum_ms, sum2_ms, min_ms, max_ms;
	uint64_t start_ns, last_ns;
	uint8_t packet[SIZE_MAX_BYTES + 8];
};

static uint64_t mono_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int usage(const char *what, const char *value)
{
	fprintf(stderr, "tapir ping: %s%s%s\nTry: tapir ping --help\n", what, value[0] ? ", found " : "", value);
	return EXIT_USAGE;
}

static int pattern_parse(struct pinger *p, const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n % 2 || n > 32)
		return usage("-p: expected up to 16 bytes in hex", text);
	for (size_t i = 0; i < n; i += 2) {
		int a = text_hex_digit((uint8_t)text[i]), b = text_hex_digit((uint8_t)text[i + 1]);

		if (a < 0 || b < 0)
			return usage("-p: expected up to 16 bytes in hex", text);
		p->pattern[p->pattern_len++] = (uint8_t)(a << 4 | b);
	}
	return 0;
}

static int options_read(struct pinger *p)
{
	const struct ping_options *o = p->o;

	p->interval_ns = o->flood ? 0 : 1000000000;
	p->timeout_ns = 10000000000;
	p->deadline_ns = UINT64_MAX;
	p->size = SIZE_DEFAULT;
	if (o->count != NULL && (!text_u64(slice_str(o->count), &p->count) || p->count == 0))
		return usage("-c: expected a number", o->count);
	if (o->size != NULL && !text_u32(slice_str(o->size), SIZE_MAX_BYTES, &p->size))
		return usage("-s: expected a number up to 65507", o->size);
	if (o->ttl != NULL && (!text_u32(slice_str(o->ttl), 255, &p->ttl) || p->ttl == 0))
		return usage("-t: expected a number from 1 to 255", o->ttl);
	if (o->tos != NULL && !text_u32(slice_str(o->tos), 255, &p->tos))
		return usage("-Q: expected a number up to 255", o->tos);
	if (o->interval != NULL && !seconds_parse(o->interval, &p->interval_ns))
		return usage("--interval: expected seconds", o->interval);
	if (o->timeout != NULL && !seconds_parse(o->timeout, &p->timeout_ns))
		return usage("-W: expected seconds", o->timeout);
	if (o->deadline != NULL && !seconds_parse(o->deadline, &p->deadline_ns))
		return usage("-w: expected seconds", o->deadline);
	if (o->pmtu != NULL && strcmp(o->pmtu, "do") != 0 && strcmp(o->pmtu, "want") != 0 && strcmp(o->pmtu, "dont") != 0)
		return usage("-M: expected do, want or dont", o->pmtu);
	if (o->four && o->six)
		return usage("-4 and -6 at once", "");
	return o->pattern != NULL ? pattern_parse(p, o->pattern) : 0;
}

static void option_set(struct pinger *p, int four, int six, int value)
{
	tapir_setsockopt(p->h, p->fd, p->six ? IPPROTO_IPV6 : IPPROTO_IP, p->six ? six : four, &value, sizeof(value));
}

static int socket_make(struct pinger *p)
{
	const struct ping_options *o = p->o;

	p->six = p->to.ss_family == AF_INET6;
	p->fd = tapir_socket(p->h, p->to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, p->six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	if (p->fd < 0) {
		fprintf(stderr, "tapir ping: %s\n", strerror(-p->fd));
		return EXIT_PROBLEM;
	}
	option_set(p, IP_RECVERR, IPV6_RECVERR, 1);
	option_set(p, IP_RECVTTL, IPV6_RECVHOPLIMIT, 1);
	if (p->ttl > 0) {
		option_set(p, IP_TTL, IPV6_UNICAST_HOPS, (int)p->ttl);
		option_set(p, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS, (int)p->ttl);
	}
	if (p->tos > 0)
		option_set(p, IP_TOS, IPV6_TCLASS, (int)p->tos);
	if (o->pmtu != NULL)
		option_set(p, IP_MTU_DISCOVER, IPV6_MTU_DISCOVER,
			   strcmp(o->pmtu, "do") == 0 ? IP_PMTUDISC_DO : o->pmtu[0] == 'w' ? IP_PMTUDISC_WANT : IP_PMTUDISC_DONT);
	return 0;
}

static void time_show(const struct pinger *p)
{
	const uint64_t now = time_now_ns();

	if (p->o->times)
		printf("[%" PRIu64 ".%06" PRIu64 "] ", now / 1000000000, now / 1000 % 1000000);
}

static void request_send(struct pinger *p)
{
	const uint16_t seq = (uint16_t)(p->sent + 1);
	const uint64_t now = mono_ns();
	ssize_t n;

	memset(p->packet, 0, 8);
	p->packet[0] = p->six ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
	p->packet[6] = (uint8_t)(seq >> 8);
	p->packet[7] = (uint8_t)seq;
	for (uint32_t i = 0; i < p->size; i++)
		p->packet[8 + i] = p->pattern_len ? p->pattern[i % p->pattern_len] : (uint8_t)i;
	if (p->size >= sizeof(now))
		memcpy(p->packet + 8, &now, sizeof(now));
	p->seen[seq / 8] &= (uint8_t)~(1u << seq % 8);
	n = tapir_sendto(p->h, p->fd, p->packet, p->size + 8, 0, (const struct sockaddr *)&p->to, host_port_len(&p->to));
	p->sent++;
	p->last_ns = now;
	if (n < 0 && !p->o->quiet)
		fprintf(stderr, "tapir ping: icmp_seq=%u: %s\n", seq, strerror((int)-n));
	if (p->o->flood && !p->o->quiet)
		putchar('.');
}

static void answer_note(struct pinger *p, size_t len, const struct sockaddr_storage *from, int ttl)
{
	const unsigned seq = (unsigned)p->packet[6] << 8 | p->packet[7];
	const bool again = p->seen[seq / 8] >> seq % 8 & 1;
	const bool timed = len >= 8 + sizeof(uint64_t);
	uint64_t then;
	double ms = 0;
	char text[80];

	memcpy(&then, p->packet + 8, sizeof(then));
	if (timed)
		ms = (double)(mono_ns() - then) / 1e6;
	p->seen[seq / 8] |= (uint8_t)(1u << seq % 8);
	if (again)
		p->duplicates++;
	else
		p->received++;
	if (timed && !again) {
		p->min_ms = p->received == 1 || ms < p->min_ms ? ms : p->min_ms;
		p->max_ms = ms > p->max_ms ? ms : p->max_ms;
		p->sum_ms += ms;
		p->sum2_ms += ms * ms;
	}
	if (p->o->flood && !p->o->quiet)
		putchar('\b');
	if (p->o->quiet || p->o->flood)
		return;
	host_port_text(from, text, sizeof(text));
	time_show(p);
	printf("%zu bytes from %s: icmp_seq=%u", len, text, seq);
	if (ttl >= 0)
		printf(" ttl=%d", ttl);
	if (timed)
		printf(" time=%.*f ms", ms < 10 ? 3 : ms < 100 ? 1 : 0, ms);
	printf("%s%s\n", again ? " (DUP!)" : "", p->o->beep ? "\a" : "");
}

static const char *error_text(bool six, uint8_t type, uint8_t code)
{
	static const char *const four_codes[] = { "Destination Net Unreachable", "Destination Host Unreachable",
		"Destination Protocol Unreachable", "Destination Port Unreachable", "Frag needed and DF set", "Source Route Failed" };
	static const char *const six_codes[] = { "Destination unreachable: No route",
		"Destination unreachable: Administratively prohibited", "Destination unreachable: Beyond scope of source address",
		"Destination unreachable: Address unreachable", "Destination unreachable: Port unreachable" };

	if (six)
		return type == 1 && code < 5 ? six_codes[code] : type == 2 ? "Packet too big" :
		       type == 3 ? "Time exceeded: Hop limit" : "Parameter problem";
	if (type == 3)
		return code < 6 ? four_codes[code] : code == 9 || code == 10 || code == 13 ? "Packet filtered" :
		       "Destination Unreachable";
	return type == 11 ? "Time to live exceeded" : type == 12 ? "Parameter problem" : "ICMP error";
}

/* One from the error queue; false where there is none. */
static bool error_take(struct pinger *p)
{
	union {
		struct cmsghdr align;
		char bytes[512];
	} control;
	struct iovec iov = { .iov_base = p->packet, .iov_len = sizeof(p->packet) };
	struct sockaddr_storage from;
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	char text[80] = "?";

	if (tapir_recvmsg(p->h, p->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
		struct sock_extended_err e;
		struct sockaddr_storage who = { 0 };
		size_t left = c->cmsg_len - CMSG_LEN(sizeof(e));

		if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
		    !(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		p->errors++;
		if (p->o->quiet || p->o->flood)
			continue;
		memcpy(&who, CMSG_DATA(c) + sizeof(e), left < sizeof(who) ? left : sizeof(who));
		if (e.ee_origin != SO_EE_ORIGIN_LOCAL && (who.ss_family == AF_INET || who.ss_family == AF_INET6))
			host_port_text(&who, text, sizeof(text));
		time_show(p);
		if (e.ee_origin == SO_EE_ORIGIN_LOCAL)
			printf("local error: %s, mtu=%u\n", strerror((int)e.ee_errno), e.ee_info);
		else
			printf("From %s icmp_seq=%u %s\n", text, (unsigned)p->packet[6] << 8 | p->packet[7],
			       error_text(p->six, e.ee_type, e.ee_code));
	}
	return true;
}

static bool answer_take(struct pinger *p)
{
	union {
		struct cmsghdr align;
		char bytes[256];
	} control;
	struct iovec iov = { .iov_base = p->packet, .iov_len = sizeof(p->packet) };
	struct sockaddr_storage from = { 0 };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = tapir_recvmsg(p->h, p->fd, &m, MSG_DONTWAIT);
	int ttl = -1;

	if (n < 8)
		return n >= 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT))
			memcpy(&ttl, CMSG_DATA(c), sizeof(ttl));
	}
	if (p->packet[0] == (p->six ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY))
		answer_note(p, (size_t)n, &from, ttl);
	return true;
}

/* Until then, or something came. */
static void wait_until(struct pinger *p, uint64_t until_ns)
{
	struct pollfd fd = { .fd = p->fd, .events = POLLIN };
	const uint64_t now = mono_ns();
	const uint64_t left_ms = until_ns > now ? (until_ns - now + 999999) / 1000000 : 0;

	tapir_poll(p->h, &fd, 1, left_ms < WAIT_STEP_MS ? (int)left_ms : WAIT_STEP_MS);
	while (error_take(p) || answer_take(p))
		;
	fflush(stdout);
}

static void ping_run(struct pinger *p)
{
	uint64_t next = mono_ns(), before, end;

	p->start_ns = next;
	end = p->deadline_ns == UINT64_MAX ? UINT64_MAX : next + p->deadline_ns;
	while ((p->count == 0 || p->sent < p->count) && mono_ns() < end && !stop_asked(p->stop)) {
		if (mono_ns() >= next) {
			request_send(p);
			next = p->last_ns + (p->interval_ns ? p->interval_ns : FLOOD_INTERVAL_NS);
		}
		before = p->received;
		wait_until(p, next < end ? next : end);
		if (p->o->flood && p->received > before)
			next = mono_ns();
	}
	/* The last answers: as long as it took so far, at most. */
	next = p->last_ns + p->timeout_ns;
	while (p->count > 0 && p->sent >= p->count && p->received + p->errors < p->sent && mono_ns() < next && mono_ns() < end &&
	       !stop_asked(p->stop))
		wait_until(p, next);
}

static void summary(const struct pinger *p, const char *name)
{
	const double n = (double)p->received;
	const double mean = n > 0 ? p->sum_ms / n : 0, square = n > 0 ? p->sum2_ms / n - mean * mean : 0;

	printf("%s--- %s ping statistics ---\n%" PRIu64 " packets transmitted, %" PRIu64 " received, ", p->o->flood ? "" : "\n", name, p->sent,
	       p->received);
	if (p->duplicates > 0)
		printf("+%" PRIu64 " duplicates, ", p->duplicates);
	if (p->errors > 0)
		printf("+%" PRIu64 " errors, ", p->errors);
	printf("%g%% packet loss, time %" PRIu64 "ms\n",
	       p->sent ? (double)(100 * (p->sent - (p->received < p->sent ? p->received : p->sent)) / p->sent) : 0.0,
	       (p->last_ns - p->start_ns) / 1000000);
	if (p->received > 0 && p->size >= 8)
		printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", p->min_ms, mean, p->max_ms, sqrt(square > 0 ? square : 0));
}

static int run(int argc, char **argv)
{
	struct ping_options o = { 0 };
	struct names words = { 0 };
	struct pinger *p = calloc(1, sizeof(*p));
	int status = p ? options_parse(&command_ping, argc, argv, &o, &words) : EXIT_PROBLEM;

	if (p != NULL)
		p->o = &o;
	if (status == 0)
		status = options_read(p);
	if (status == 0 && words.count != 1)
		status = usage("whom?", "");
	if (status == 0) {
		p->stop = stop_fd();
		status = host_port_open(&p->h, "ping", &o.host);
	}
	if (status != 0) {
		free(p);
		return status < 0 ? EXIT_FINE : status;
	}
	status = host_port_resolve(p->h, "ping", &o.host, words.at[0], o.four ? AF_INET : o.six ? AF_INET6 : AF_UNSPEC, 0, &p->to);
	if (status == 0)
		status = socket_make(p);
	if (status == 0) {
		host_port_text(&p->to, p->to_text, sizeof(p->to_text));
		if (p->six)
			printf("PING %s(%s) %u data bytes\n", words.at[0], p->to_text, p->size);
		else
			printf("PING %s (%s) %u(%u) bytes of data.\n", words.at[0], p->to_text, p->size, p->size + 28);
		ping_run(p);
		summary(p, words.at[0]);
		status = p->received > 0 ? EXIT_FINE : EXIT_PROBLEM;
	}
	tapir_host_free(p->h);
	close(p->stop);
	free(p);
	return status;
}

const struct command command_ping = {
	.name = "ping",
	.summary = "echo requests from a host of our own on an interface",
	.usage = "-i PORT --address IP/PREFIX [options] HOST",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.more = "The kernel has no part in it: our address is only ours, and mustn't be the machine's.\n"
		"\n"
		"Exit status: 0 somebody answered; 1 nobody did, or it could not be tried; 2 the command line could not be\n"
		"understood.\n"
		"\n"
		"Examples:\n"
		"  tapir ping -i eth1 --address 10.0.0.2/24 10.0.0.1\n"
		"  tapir ping -i eth1 --address 10.0.0.2/24 --gateway 10.0.0.1 -c 3 -s 1400 -M do example.org\n"
		"  tapir ping -i eth1 --address fd00::2/64 -f -c 10000 -q fd00::1\n",
	.run = run,
};
