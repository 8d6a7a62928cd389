/* kernel_test.c - the judge is a real kernel: each case plays raw segments to a listener behind a TUN
 * device, and what the listener's application reads must be what the tracker hands out, byte for byte.
 *
 * The same packets go to both, the kernel's answers go to the tracker as well, as on a span port. A case
 * is a conversation with one thing odd in it. The cases are made from short lists by nesting, each with
 * a name that says what it is. One in four is played, all with TAPIR_EVASION=all; TAPIR_EVASION=NAME plays
 * one and shows it. Needs root and /dev/net/tun. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "stack/track/tracker.h"
#include "stack/wire/craft.h"
#include "stack/wire/packet.h"

#define SKIPPED 77
#define STREAM_MAX 4096
#define SERVER "10.9.0.1"
#define CLIENT "10.9.0.2"
#define PORT 7000

struct play {
	int tun, listener, conn;
	struct mem *mem;
	struct tracker *tracker;
	struct packet_config decode;
	struct flow *flow;
	uint16_t client_port;
	uint32_t isn, server_next;      /* ours; what we acknowledge of the kernel's */
	uint32_t ts, ts_echo;
	bool has_ts;
	uint64_t now_ns, number;
	char app[STREAM_MAX], tracked[STREAM_MAX];
	size_t app_len, tracked_len;
	bool trace;
};

static bool run(const char *command)
{
	return system(command) == 0;
}

static int tun_open(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -1;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "ev0");
	if (ioctl(fd, TUNSETIFF, &ifr) < 0 || !run("ip addr add " SERVER "/24 dev ev0") ||
	    !run("ip link set ev0 up") || !run("sysctl -qw net.ipv4.tcp_syncookies=0")) {
		close(fd);
		return -1;
	}
	return fd;
}

static int listen_open(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	inet_pton(AF_INET, SERVER, &a.sin_addr);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 16) < 0)
		return -1;
	return fd;
}

static void track(struct play *p, uint8_t *data, uint32_t len)
{
	struct frame f = { .data = data, .len = len, .wire_len = len, .link = LINK_RAW };
	struct packet_set set;
	enum track_drop why;
	struct piece piece;

	f.time_ns = p->now_ns += 1000000;
	f.number = ++p->number;
	packet_decode(&set, &f, &p->decode);
	p->flow = tracker_packet(p->tracker, &set.pkts[0], &why);
	while (p->flow != NULL && stream_pull(p->tracker, p->flow, TO_SERVER, &piece)) {
		if (piece.kind == PIECE_DATA && p->tracked_len + piece.len <= STREAM_MAX)
			memcpy(p->tracked + p->tracked_len, piece.data, piece.len);
		if (piece.kind == PIECE_GAP && p->tracked_len + piece.len <= STREAM_MAX)
			memset(p->tracked + p->tracked_len, '?', piece.len);
		if (piece.kind != PIECE_END && p->tracked_len + piece.len <= STREAM_MAX)
			p->tracked_len += piece.len;
	}
	while (p->flow != NULL && stream_pull(p->tracker, p->flow, TO_CLIENT, &piece))
		;
}

static void app_read(struct play *p)
{
	ssize_t n;

	if (p->conn < 0)
		p->conn = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (p->conn >= 0 && p->app_len < STREAM_MAX &&
	       (n = read(p->conn, p->app + p->app_len, STREAM_MAX - p->app_len)) > 0)
		p->app_len += (size_t)n;
}

/* The kernel's answers, as long as they come within the time. */
static void answers(struct play *p, int wait_ms)
{
	uint8_t buf[2048];
	ssize_t n;

	for (;;) {
		struct pollfd pfd = { .fd = p->tun, .events = POLLIN };

		app_read(p);
		if (poll(&pfd, 1, wait_ms) <= 0 || (n = read(p->tun, buf, sizeof(buf))) <= 0)
			return;
		if (n < 40 || buf[0] != 0x45 || buf[9] != 6 || ntohs(*(uint16_t *)(buf + 22)) != p->client_port)
			continue;
		if (p->trace)
			fprintf(stderr, "    kernel: flags %02x ack +%u\n", buf[33],
				ntohl(*(uint32_t *)(buf + 28)) - p->isn);
		if ((buf[33] & 0x12) == 0x12) {
			p->server_next = ntohl(*(uint32_t *)(buf + 24)) + 1;
			for (unsigned i = 40; p->has_ts && i + 10 <= (unsigned)n; i++) {
				if (buf[i] == 8 && buf[i + 1] == 10) {
					p->ts_echo = ntohl(*(uint32_t *)(buf + i + 2));
					break;
				}
			}
		}
		track(p, buf, (uint32_t)n);
	}
}

static void send_text(struct play *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void send_text(struct play *p, const char *fmt, ...)
{
	uint8_t frame[2048];
	char text[1024];
	va_list args;
	int len;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	len = craft(frame, sizeof(frame), text, NULL);
	if (len < 0) {
		fprintf(stderr, "can't craft: %s\n", text);
		exit(1);
	}
	if (p->trace)
		fprintf(stderr, "  %s\n", text);
	track(p, frame, (uint32_t)len);
	if (write(p->tun, frame, (size_t)len) != len)
		perror("tun");
	answers(p, 0);
}

/* What is odd about a segment. */
struct segment_of {
	const char *flags, *data, *extra;
	int32_t seq, ack, ts;           /* seq from the ISN; ack and ts from the right ones */
};

static void send_segment(struct play *p, const struct segment_of *s)
{
	char ts[48] = "", data[80] = "";

	if (p->has_ts)
		snprintf(ts, sizeof(ts), " ts=%u,%u", p->ts + (uint32_t)s->ts, p->ts_echo);
	if (s->data != NULL && s->data[0] != 0)
		snprintf(data, sizeof(data), " / \"%s\"", s->data);
	send_text(p, "ipv4 " CLIENT " " SERVER " / tcp %u %u %s seq=%u ack=%u win=60000%s %s%s", p->client_port,
		  PORT, s->flags, p->isn + (uint32_t)s->seq, p->server_next + (uint32_t)s->ack, ts,
		  s->extra != NULL ? s->extra : "", data);
}

static void begin(struct play *p)
{
	p->conn = -1;
	p->flow = NULL;
	p->app_len = p->tracked_len = 0;
	p->client_port = (uint16_t)(p->client_port >= 60000 ? 1024 : p->client_port + 1);
	p->isn += 1000003;
	p->ts += 100;
	p->ts_echo = 0;
	send_text(p, "ipv4 " CLIENT " " SERVER " / tcp %u %u S seq=%u win=60000 mss=1400 sackok wscale=7%s",
		  p->client_port, PORT, p->isn, p->has_ts ? " ts=5000,0" : "");
	p->ts = 5000;
	answers(p, 5);
	send_segment(p, &(struct segment_of){ "A", NULL, NULL, 1, 0, 1 });
	p->ts += 2;
}

/* Compares, and makes an end that leaves nothing behind in the kernel. */
static bool end(struct play *p, const char *name)
{
	bool same;

	answers(p, 50);                         /* longer than an ACK is delayed */
	same = p->app_len == p->tracked_len && memcmp(p->app, p->tracked, p->app_len) == 0;
	if (!same || p->trace)
		fprintf(stderr, "%s: the application read \"%.*s\", the tracker \"%.*s\"\n", name, (int)p->app_len,
			p->app, (int)p->tracked_len, p->tracked);
	if (p->conn >= 0) {
		struct linger hard = { .l_onoff = 1 };

		setsockopt(p->conn, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		close(p->conn);
	}
	p->conn = -1;
	answers(p, 0);
	return same;
}

static const char *only;
static unsigned named, cases, differences;

#define SHARE 4

static bool wanted(struct play *p, const char *name)
{
	bool all = only != NULL && strcmp(only, "all") == 0;

	p->trace = only != NULL && !all;
	return all || (only == NULL ? named++ % SHARE == 0 : strcmp(only, name) == 0);
}

static void count(bool same)
{
	cases++;
	differences += !same;
}

/* Two early pieces that overlap, then what fills the hole: every relation of edges. */
static void overlaps(struct play *p)
{
	char a[16], b[16], name[96];

	for (int a_len = 2; a_len <= 4; a_len += 2) {
		for (int b_at = 2; b_at <= 9; b_at++) {
			for (int b_len = 1; b_len <= 6; b_len++) {
				int a_at = 5;

				snprintf(name, sizeof(name), "overlap a=%d+%d b=%d+%d", a_at, a_len, b_at, b_len);
				if (!wanted(p, name))
					continue;
				snprintf(a, sizeof(a), "%.*s", a_len, "AAAAAAAA");
				snprintf(b, sizeof(b), "%.*s", b_len, "BBBBBBBB");
				begin(p);
				send_segment(p, &(struct segment_of){ "A", a, NULL, a_at, 0, 0 });
				send_segment(p, &(struct segment_of){ "A", b, NULL, b_at, 0, 0 });
				send_segment(p, &(struct segment_of){ "A", "1234", NULL, 1, 0, 0 });
				send_segment(p, &(struct segment_of){ "A", "56789abcdefghijk", NULL, 5, 0, 0 });
				count(end(p, name));
			}
		}
	}
}

/* One odd segment between two plain ones. */
static void injections(struct play *p)
{
	static const char *const flags[] = { "A", "PA", "UA", "F", "FA", "S", "SA", "R", "RA", "-" };
	static const int32_t seqs[] = { -100000, 0, 1, 4, 5, 6, 9, 1000, 70000, 100000000 };
	static const struct {
		const char *name;
		int32_t ack, ts;
		const char *extra;
	} odds[] = {
		{ "plain", 0, 0, "" },          { "old ack", -1, 0, "" },
		{ "very old ack", -200000, 0, "" }, { "ack ahead", 1, 0, "" },
		{ "ack far ahead", 1000000, 0, "" }, { "bad checksum", 0, 0, "badsum" },
		{ "old timestamp", 0, -1000, "" }, { "timestamp back by one", 0, -2, "" },
		{ "new timestamp", 0, 100000, "" },
	};
	char name[128];

	for (size_t f = 0; f < ARRAY_LEN(flags); f++) {
		for (size_t s = 0; s < ARRAY_LEN(seqs); s++) {
			for (size_t o = 0; o < ARRAY_LEN(odds); o++) {
				struct segment_of odd = { flags[f], "XXXX", odds[o].extra, seqs[s], odds[o].ack,
							  odds[o].ts };

				if (!p->has_ts && odds[o].ts != 0)
					continue;
				if (flags[f][0] == '-')
					odd.flags = "P";
				snprintf(name, sizeof(name), "inject %s at %d, %s%s", flags[f], seqs[s],
					 odds[o].name, p->has_ts ? ", timestamps" : "");
				if (!wanted(p, name))
					continue;
				begin(p);
				send_segment(p, &(struct segment_of){ "PA", "abcd", NULL, 1, 0, 0 });
				send_segment(p, &odd);
				p->ts += 1;
				send_segment(p, &(struct segment_of){ "PA", "efgh", NULL, 5, 0, 0 });
				send_segment(p, &(struct segment_of){ "PA", "ijkl", NULL, 9, 0, 0 });
				count(end(p, name));
			}
		}
	}
}

int main(void)
{
	struct hash_key key = { 1, 2 };
	struct play p = { .client_port = 1024, .isn = 4294000000u };
	struct conf *conf = conf_new();

	only = getenv("TAPIR_EVASION");
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0 || (p.tun = tun_open()) < 0)
		return SKIPPED;
	p.listener = listen_open();
	p.mem = mem_new();
	packet_config_default(&p.decode);
	p.decode.verify_checksums = true;
	if (p.listener < 0 || conf_set(conf, "pcap-file.checksum-checks", "yes") < 0 ||
	    tracker_new(&p.tracker, p.mem, conf, &key) < 0)
		return 1;
	p.now_ns = (uint64_t)time(NULL) * 1000000000;
	overlaps(&p);
	injections(&p);
	p.has_ts = true;
	injections(&p);
	tracker_free(p.tracker);
	mem_free(p.mem);
	conf_free(conf);
	printf("%u cases, %u differences\n", cases, differences);
	return differences != 0;
}
