/* script.c - see script.h. The host has a device without a link layer; its peer is 10.0.0.2. */
#include "tests/netsim/script.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/reader.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/packet.h"
#include "stack/wire/tcp.h"
#include "tapir/host.h"
#include "tapir/socket.h"

#define HOST "10.0.0.1"
#define PORT_HOST 8080
#define PORT_PEER 40000
#define PEER_ISN 1000000u
#define TOLERANCE_NS UINT64_C(1000000)

struct script {
	const char *name;
	char line[256];
	unsigned number;
	struct tapir_host *host;
	struct tapir_device *dev;
	uint64_t now;
	uint32_t isn;                   /* the host's */
	bool isn_known;
	uint16_t port;                  /* the host's */
	int listener, fd;
	uint8_t frame[2048];            /* what was sent and not asked for yet */
	int frame_len;
	uint64_t frame_ns;
};

struct segment {
	uint8_t flags, tos;
	uint32_t seq, end, len, ack;
	bool has_ack, has_win, has_options, any_options, has_urg;
	uint16_t win, urg;
	struct tcp_options options;
	uint8_t raw[40];
	size_t raw_len;
	uint8_t kinds[20];              /* in their order */
	unsigned kind_count;
};

static void __attribute__((noreturn, format(printf, 2, 3))) wrong(const struct script *s, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fprintf(stderr, "%s, line %u: %s\n\t%s\n", s->name, s->number, s->line, text);
	abort();
}

/* ---- segments as text ---- */

static uint8_t flags_read(const char *word, size_t len)
{
	static const char letters[] = "FSRP.UEW";
	uint8_t flags = 0;

	for (size_t i = 0; i < len; i++) {
		const char *at = strchr(letters, word[i]);

		if (at)
			flags |= (uint8_t)(1u << (at - letters));
	}
	return flags;
}

static void option_read(struct script *s, struct segment *g, const char *word)
{
	struct writer w = writer_of(g->raw, sizeof(g->raw));
	unsigned a, b;

	w.at += g->raw_len;
	if (strcmp(word, "nop") == 0) {
		write_u8(&w, TCP_OPT_NOP);
	} else if (strcmp(word, "eol") == 0) {
		write_u8(&w, TCP_OPT_EOL);
	} else if (strcmp(word, "sackOK") == 0) {
		write_be16(&w, TCP_OPT_SACK_OK << 8 | 2);
	} else if (sscanf(word, "mss %u", &a) == 1) {
		write_be16(&w, TCP_OPT_MSS << 8 | 4);
		write_be16(&w, (uint16_t)a);
	} else if (sscanf(word, "wscale %u", &a) == 1) {
		write_be16(&w, TCP_OPT_WSCALE << 8 | 3);
		write_u8(&w, (uint8_t)a);
	} else if (sscanf(word, "TS val %u ecr %u", &a, &b) == 2) {
		write_be16(&w, TCP_OPT_TS << 8 | 10);
		write_be32(&w, a);
		write_be32(&w, b);
	} else if (strncmp(word, "FO", 2) == 0) {
		const size_t digits = strlen(word + 2) / 2;

		write_be16(&w, (uint16_t)(TCP_OPT_FAST_OPEN << 8 | (2 + digits)));
		for (size_t i = 0; i < digits && sscanf(word + 2 + 2 * i, "%2x", &a) == 1; i++)
			write_u8(&w, (uint8_t)a);
	} else if (strncmp(word, "sack ", 5) == 0) {
		uint8_t *len;
		int used;

		write_u8(&w, TCP_OPT_SACK);
		len = write_room(&w, 1);
		*len = 2;
		for (word += 5; sscanf(word, "%u:%u%n", &a, &b, &used) == 2; word += used + (word[used] == ' ')) {
			write_be32(&w, a);
			write_be32(&w, b);
			*len += 8;
		}
	} else {
		wrong(s, "unknown option '%s'", word);
	}
	g->raw_len = (size_t)(w.at - w.start);
}

static void options_read(struct script *s, struct segment *g, const char *at)
{
	char text[200], *word, *rest = text;

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(at, ">"), at);
	g->has_options = true;
	if (strcmp(text, "...") == 0) {
		g->any_options = true;
		return;
	}
	while ((word = strsep(&rest, ",")) != NULL)
		if (*word)
			option_read(s, g, word);
	tcp_options_parse(&g->options, g->raw, g->raw_len);
}

static void segment_read(struct script *s, struct segment *g, const char *at)
{
	size_t word;
	unsigned a, b, c;
	const char *found;

	*g = (struct segment){ 0 };
	if (strncmp(at, "[ce] ", 5) == 0) {
		g->tos = 3;
		at += 5;
	} else if (strncmp(at, "[ect0] ", 7) == 0) {
		g->tos = 2;
		at += 7;
	}
	word = strcspn(at, " ");
	g->flags = flags_read(at, word);
	at += word;
	if (sscanf(at, " %u:%u(%u)", &a, &b, &c) != 3)
		wrong(s, "expected FROM:TO(LEN)");
	g->seq = a;
	g->end = b;
	g->len = c;
	found = strstr(at, " ack ");
	g->has_ack = found && sscanf(found, " ack %u", &g->ack) == 1;
	found = strstr(at, " win ");
	if (found && sscanf(found, " win %u", &a) == 1) {
		g->has_win = true;
		g->win = (uint16_t)a;
	}
	found = strstr(at, " urg ");
	if (found && sscanf(found, " urg %u", &a) == 1) {
		g->has_urg = true;
		g->urg = (uint16_t)a;
	}
	found = strchr(at, '<');
	if (found)
		options_read(s, g, found + 1);
}

/* ---- the wire ---- */

static void inject(struct script *s, const uint8_t *l4, size_t len, uint8_t proto, uint8_t tos)
{
	uint8_t packet[2048];
	struct writer w = writer_of(packet, sizeof(packet));
	const struct ipv4_header ip = {
		.tos = tos, .ttl = 64, .proto = proto, .payload_len = (uint16_t)len,
		.src = ip_addr_v4((const uint8_t[4]){ 10, 0, 0, 2 }), .dst = ip_addr_v4((const uint8_t[4]){ 10, 0, 0, 1 }),
	};
	uint8_t *at;

	ipv4_build(&w, &ip);
	at = write_room(&w, len);
	memcpy(at, l4, len);
	l4_checksum_set(at, len, proto, 4, &ip.src, &ip.dst);
	must(tapir_device_inject(s->dev, packet, writer_len(&w)) == 0);
	tapir_host_poll(s->host, s->now, 0);
}

static void segment_in(struct script *s, const char *at)
{
	uint8_t l4[2048];
	struct writer w = writer_of(l4, sizeof(l4));
	struct tcp_header h = { .src_port = PORT_PEER, .dst_port = s->port };
	struct segment g;

	segment_read(s, &g, at);
	h.seq = PEER_ISN + g.seq;
	h.ack = g.has_ack ? s->isn + g.ack : 0;
	h.flags = g.flags;
	h.window = g.win;
	h.urgent = g.urg;
	/* SACK edges and echoes are relative as well. */
	for (unsigned i = 0; i < g.options.sack_blocks; i++) {
		uint8_t *sack = memchr(g.raw, TCP_OPT_SACK, g.raw_len);

		store_be32(sack + 2 + 8 * i, s->isn + g.options.sack[i][0]);
		store_be32(sack + 6 + 8 * i, s->isn + g.options.sack[i][1]);
	}
	h.raw_options = slice_of(g.raw, g.raw_len);
	tcp_build(&w, &h);
	for (uint32_t i = 0; i < g.len; i++)
		write_u8(&w, (uint8_t)(g.seq + i));
	inject(s, l4, writer_len(&w), PROTO_TCP, g.tos);
}

static void icmp_in(struct script *s, const char *at)
{
	uint8_t l4[64], quoted[8];
	struct writer w = writer_of(l4, sizeof(l4));
	unsigned mtu = 0, seq = 0, code = 4;
	struct icmp_header h = { .type = ICMP_UNREACHABLE };
	const struct ipv4_header ip = {
		.ttl = 60, .proto = PROTO_TCP, .payload_len = 1000, .frag_dont = true,
		.dst = ip_addr_v4((const uint8_t[4]){ 10, 0, 0, 2 }), .src = ip_addr_v4((const uint8_t[4]){ 10, 0, 0, 1 }),
	};

	if (sscanf(at, "mtu=%u seq=%u", &mtu, &seq) != 2 && sscanf(at, "code=%u seq=%u", &code, &seq) != 2)
		wrong(s, "expected mtu=N seq=N, or code=N seq=N");
	h.code = (uint8_t)code;
	h.rest = mtu;
	icmp_build(&w, &h);
	ipv4_build(&w, &ip);
	store_be16(quoted, s->port);
	store_be16(quoted + 2, PORT_PEER);
	store_be32(quoted + 4, s->isn + seq);
	write_bytes(&w, quoted, sizeof(quoted));
	inject(s, l4, writer_len(&w), PROTO_ICMP, 0);
}

static bool frame_next(struct script *s)
{
	if (s->frame_len == 0)
		s->frame_len = tapir_device_drain(s->dev, s->frame, sizeof(s->frame), &s->frame_ns);
	return s->frame_len > 0;
}

/* Moves to a time, at which timers have fired. */
static void advance(struct script *s, uint64_t to)
{
	for (;;) {
		const uint64_t due = tapir_host_deadline(s->host);

		if (due > to)
			break;
		if (due > s->now)
			s->now = due;
		tapir_host_poll(s->host, s->now, 0);
	}
	s->now = to;
	tapir_host_poll(s->host, s->now, 0);
}

static void text_of(const struct script *s, const struct packet *p, char *out, size_t len)
{
	static const char letters[] = "FSRP.UEW";
	const uint32_t seq = p->seq - s->isn;
	char flags[9] = "";
	size_t n = 0;
	int used;

	for (unsigned i = 0; i < 8; i++)
		if (p->tcp_flags & 1u << i)
			flags[n++] = letters[i];
	flags[n] = '\0';
	used = snprintf(out, len, "at %.6f: %s %u:%u(%u) ack %u win %u", (double)s->frame_ns / 1e9, flags, seq,
			seq + (uint32_t)p->payload.len, (uint32_t)p->payload.len, p->ack - PEER_ISN, p->window);
	if (p->tcp.has_timestamp)
		used += snprintf(out + used, len - (size_t)used, " TS ecr %u", p->tcp.ts_ecr);
	for (unsigned i = 0; i < p->tcp.sack_blocks; i++)
		used += snprintf(out + used, len - (size_t)used, " sack %u:%u", p->tcp.sack[i][0] - PEER_ISN,
				 p->tcp.sack[i][1] - PEER_ISN);
}

static bool options_same(const struct script *s, const struct segment *g, const struct packet *p)
{
	const uint8_t *o = p->l4 + TCP_HEADER_LEN;
	const size_t len = p->l4_header_len - (size_t)TCP_HEADER_LEN;
	uint8_t want[40];

	memcpy(want, g->raw, g->raw_len);
	if (g->options.has_timestamp && p->tcp.has_timestamp && len >= 12) {
		/* Ours starts anywhere. */
		for (size_t i = 0; i + 10 <= g->raw_len; i++)
			if (want[i] == TCP_OPT_TS && want[i + 1] == 10 && o[i] == TCP_OPT_TS) {
				memcpy(want + i + 2, o + i + 2, 4);
				break;
			}
	}
	for (size_t i = 0; i + 2 <= g->raw_len && g->options.sack_blocks; i++)
		if (want[i] == TCP_OPT_SACK && want[i + 1] == 2 + 8 * g->options.sack_blocks) {
			for (unsigned k = 0; k < 2u * g->options.sack_blocks; k++)
				store_be32(want + i + 2 + 4 * k, PEER_ISN + load_be32(want + i + 2 + 4 * k));
			break;
		}
	(void)s;
	return len == g->raw_len && memcmp(want, o, len) == 0;
}

static void segment_out(struct script *s, const char *at)
{
	struct packet_config cfg;
	struct packet_set set;
	struct segment g;
	struct frame frame;
	struct packet *p = &set.pkts[0];
	char text[300];

	segment_read(s, &g, at);
	if (!frame_next(s))
		wrong(s, "nothing was sent (next deadline in %.6f s)",
		      (double)(int64_t)(tapir_host_deadline(s->host) - s->now) / 1e9);
	frame = (struct frame){ .data = s->frame, .len = (uint32_t)s->frame_len, .wire_len = (uint32_t)s->frame_len,
				.link = LINK_RAW };
	packet_config_default(&cfg);
	packet_decode(&set, &frame, &cfg);
	if (p->proto != PROTO_TCP || p->l4 == NULL)
		wrong(s, "what was sent isn't TCP");
	if (!s->isn_known || (p->tcp_flags & TCP_SYN && p->seq != s->isn)) {
		s->isn = p->seq;
		s->isn_known = true;
		s->port = p->src_port;
	}
	text_of(s, p, text, sizeof(text));
	if (!packet_check_ip(p) || !packet_check_l4(p))
		wrong(s, "bad checksum: %s", text);
	if (p->tcp_flags != g.flags || p->seq - s->isn != g.seq || p->payload.len != g.len ||
	    (g.has_ack && p->ack - PEER_ISN != g.ack) || (g.has_win && p->window != g.win) ||
	    (g.has_urg && p->urgent != g.urg) || (g.tos && (p->tos & 3) != g.tos) ||
	    (g.has_options && !g.any_options && !options_same(s, &g, p)))
		wrong(s, "was sent: %s", text);
	if (s->frame_ns > s->now + TOLERANCE_NS || s->frame_ns + TOLERANCE_NS < s->now)
		wrong(s, "was sent at another time than %.6f: %s", (double)s->now / 1e9, text);
	s->frame_len = 0;
}

/* ---- calls ---- */

static void expect(struct script *s, const char *at, long got, long want)
{
	const char *eq = strstr(at, "= ");

	if (eq)
		want = strtol(eq + 2, NULL, 10);
	if (got != want)
		wrong(s, "returned %ld, not %ld", got, want);
}

static void info_check(struct script *s, const char *at)
{
	static const struct { const char *name; size_t offset, size; } fields[] = {
#define F(n) { #n, offsetof(struct tcp_info, tcpi_##n), sizeof(((struct tcp_info *)0)->tcpi_##n) }
		F(state), F(ca_state), F(retransmits), F(backoff), F(unacked), F(sacked), F(lost), F(retrans), F(snd_cwnd),
		F(snd_ssthresh), F(snd_mss), F(rcv_mss), F(rto), F(reordering), F(total_retrans), F(options),
		F(bytes_acked), F(bytes_received), F(probes), F(delivered), F(pmtu), F(advmss), F(snd_wnd), F(rtt),
#undef F
	};
	struct tcp_info info;
	socklen_t len = sizeof(info);
	char name[32];
	unsigned want;
	int used;

	must(tapir_getsockopt(s->host, s->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
	for (; sscanf(at, " %31[a-z_]=%u%n", name, &want, &used) == 2; at += used) {
		uint64_t got = 0;
		unsigned i = 0;

		while (i < ARRAY_LEN(fields) && strcmp(fields[i].name, name) != 0)
			i++;
		if (i == ARRAY_LEN(fields))
			wrong(s, "no such field: %s", name);
		memcpy(&got, (const char *)&info + fields[i].offset, fields[i].size);
		if (got != want)
			wrong(s, "%s is %llu", name, (unsigned long long)got);
	}
}

static void option_set(struct script *s, const char *at)
{
	static const struct { const char *name; int level, number; } options[] = {
		{ "nodelay", IPPROTO_TCP, TCP_NODELAY }, { "cork", IPPROTO_TCP, TCP_CORK },
		{ "maxseg", IPPROTO_TCP, TCP_MAXSEG }, { "user_timeout", IPPROTO_TCP, TCP_USER_TIMEOUT },
		{ "keepidle", IPPROTO_TCP, TCP_KEEPIDLE }, { "keepintvl", IPPROTO_TCP, TCP_KEEPINTVL },
		{ "keepcnt", IPPROTO_TCP, TCP_KEEPCNT }, { "keepalive", SOL_SOCKET, SO_KEEPALIVE },
		{ "quickack", IPPROTO_TCP, TCP_QUICKACK }, { "fastopen", IPPROTO_TCP, TCP_FASTOPEN },
		{ "linger2", IPPROTO_TCP, TCP_LINGER2 }, { "defer_accept", IPPROTO_TCP, TCP_DEFER_ACCEPT },
		{ "rcvbuf", SOL_SOCKET, SO_RCVBUF }, { "sndbuf", SOL_SOCKET, SO_SNDBUF },
		{ "oobinline", SOL_SOCKET, SO_OOBINLINE }, { "syncnt", IPPROTO_TCP, TCP_SYNCNT },
	};
	char name[32];
	int value;

	if (sscanf(at, "%31s %d", name, &value) != 2)
		wrong(s, "expected NAME VALUE");
	for (unsigned i = 0; i < ARRAY_LEN(options); i++)
		if (strcmp(options[i].name, name) == 0) {
			expect(s, at, tapir_setsockopt(s->host, s->fd >= 0 ? s->fd : s->listener, options[i].level,
						       options[i].number, &value, sizeof(value)), 0);
			return;
		}
	wrong(s, "no such option");
}

static void make_listener(struct script *s, const char *at)
{
	const struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(PORT_HOST) };
	const int on = 1, backlog = *at ? (int)strtol(at, NULL, 10) : 8;

	if (s->listener < 0)
		s->listener = tapir_socket(s->host, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	must(s->listener >= 0);
	must(tapir_setsockopt(s->host, s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
	must(tapir_bind(s->host, s->listener, (const struct sockaddr *)&name, sizeof(name)) == 0);
	must(tapir_listen(s->host, s->listener, backlog) == 0);
	s->port = PORT_HOST;
}

static void do_connect(struct script *s, const char *at)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(PORT_PEER) };

	must(inet_pton(AF_INET, "10.0.0.2", &name.sin_addr) == 1);
	if (s->fd < 0)
		s->fd = tapir_socket(s->host, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	expect(s, at, tapir_connect(s->host, s->fd, (const struct sockaddr *)&name, sizeof(name)), -EINPROGRESS);
}

static void do_read(struct script *s, const char *at, int flags)
{
	static uint8_t buf[1 << 20];
	const long n = strtol(at, NULL, 10);

	expect(s, at, tapir_recv(s->host, s->fd, buf, (size_t)n, flags), n);
}

static void do_write(struct script *s, const char *at, int flags)
{
	static const uint8_t buf[1 << 20];
	const long n = strtol(at, NULL, 10);

	expect(s, at, tapir_send(s->host, s->fd, buf, (size_t)n, flags), n);
}

static void do_close(struct script *s, bool hard)
{
	const struct linger l = { .l_onoff = 1 };

	if (hard)
		must(tapir_setsockopt(s->host, s->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == 0);
	must(tapir_close(s->host, s->fd) == 0);
	s->fd = -1;
}

static void set(struct script *s, const char *at)
{
	char name[64], value[64];

	if (sscanf(at, "%63s %63[^\n]", name, value) != 2 || tapir_set(s->host, name, value) != 0)
		wrong(s, "can't be set");
}

static bool starts(const char *text, const char *word, const char **rest)
{
	const size_t n = strlen(word);

	if (strncmp(text, word, n) != 0 || (text[n] != ' ' && text[n] != '\0'))
		return false;
	*rest = text + n + strspn(text + n, " ");
	return true;
}

static void fetch_error(struct script *s, const char *at)
{
	int error;
	socklen_t len = sizeof(error);

	must(tapir_getsockopt(s->host, s->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0);
	if (error != strtol(at, NULL, 10))
		wrong(s, "the error is %d", error);
}

static void poll_check(struct script *s, const char *at)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP };
	char got[32] = "";

	tapir_poll(s->host, &p, 1, 0);
	snprintf(got, sizeof(got), "%s%s%s%s%s%s", p.revents & POLLIN ? "i" : "", p.revents & POLLOUT ? "o" : "",
		 p.revents & POLLPRI ? "p" : "", p.revents & POLLRDHUP ? "r" : "", p.revents & POLLERR ? "e" : "",
		 p.revents & POLLHUP ? "h" : "");
	if (strcmp(got, at) != 0)
		wrong(s, "poll says %s", got);
}

static void call(struct script *s, const char *text)
{
	const char *at;

	if (starts(text, "listen", &at))
		make_listener(s, at);
	else if (starts(text, "accept", &at)) {
		const int fd = tapir_accept4(s->host, s->listener, NULL, NULL, SOCK_NONBLOCK);

		if (strstr(at, "= "))
			expect(s, at, fd, 0);
		else if (fd < 0)
			wrong(s, "returned %d", fd);
		else
			s->fd = fd;
	} else if (starts(text, "connect", &at))
		do_connect(s, at);
	else if (starts(text, "socket", &at))
		s->fd = tapir_socket(s->host, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	else if (starts(text, "write", &at))
		do_write(s, at, 0);
	else if (starts(text, "more", &at))
		do_write(s, at, MSG_MORE);
	else if (starts(text, "oob", &at))
		do_write(s, at, MSG_OOB);
	else if (starts(text, "read", &at))
		do_read(s, at, 0);
	else if (starts(text, "peek", &at))
		do_read(s, at, MSG_PEEK);
	else if (starts(text, "readoob", &at))
		do_read(s, at, MSG_OOB);
	else if (starts(text, "close", &at))
		do_close(s, false);
	else if (starts(text, "abort", &at))
		do_close(s, true);
	else if (starts(text, "shutdown", &at))
		expect(s, at, tapir_shutdown(s->host, s->fd, *at == 'r' ? SHUT_RD : *at == 'w' ? SHUT_WR : SHUT_RDWR), 0);
	else if (starts(text, "set", &at))
		set(s, at);
	else if (starts(text, "opt", &at))
		option_set(s, at);
	else if (starts(text, "info", &at))
		info_check(s, at);
	else if (starts(text, "error", &at))
		fetch_error(s, at);
	else if (starts(text, "poll", &at))
		poll_check(s, at);
	else if (starts(text, "icmp", &at))
		icmp_in(s, at);
	else if (strcmp(text, "none") != 0)
		wrong(s, "unknown line");
	tapir_host_poll(s->host, s->now, 0);
}

static void line_run(struct script *s)
{
	char *at = s->line + strspn(s->line, " \t");
	double after;

	if (*at == '\0' || *at == '#')
		return;
	if (*at != '+')
		wrong(s, "expected +SECONDS");
	after = strtod(at + 1, &at);
	at += strspn(at, " ");
	advance(s, s->now + (uint64_t)(after * 1e9 + 0.5));
	if (*at == '>') {
		segment_out(s, at + 1 + strspn(at + 1, " "));
		return;
	}
	if (frame_next(s) && (s->frame_ns < s->now || *at == '<' || strcmp(at, "none") == 0)) {
		struct packet_config cfg;
		struct packet_set set;
		const struct frame frame = { .data = s->frame, .len = (uint32_t)s->frame_len,
					     .wire_len = (uint32_t)s->frame_len, .link = LINK_RAW };
		char text[300];

		packet_config_default(&cfg);
		packet_decode(&set, &frame, &cfg);
		text_of(s, &set.pkts[0], text, sizeof(text));
		wrong(s, "before that was sent: %s", text);
	}
	if (*at == '<')
		segment_in(s, at + 1 + strspn(at + 1, " "));
	else
		call(s, at);
}

void script_run(const char *name, const char *script)
{
	const struct tapir_host_config cfg = { .seed = 1 };
	const struct tapir_netif_config netif = { .name = "tun0", .no_ipv6 = true };
	struct script s = { .name = name, .listener = -1, .fd = -1, .now = UINT64_C(1000000000) };

	must(tapir_host_new(&s.host, &cfg) == 0);
	must(tapir_memory_new(&s.dev, TAPIR_MEDIUM_IP, 1500, 0) == 0);
	tapir_host_poll(s.host, s.now, 0);
	must(tapir_netif_add(s.host, s.dev, &netif) > 0);
	must(tapir_address_add(s.host, 2, HOST "/24") == 0);
	while (*script) {
		const size_t n = strcspn(script, "\n");

		snprintf(s.line, sizeof(s.line), "%.*s", (int)n, script);
		s.number++;
		line_run(&s);
		script += n + (script[n] == '\n');
	}
	snprintf(s.line, sizeof(s.line), "(end)");
	if (frame_next(&s))
		wrong(&s, "something was sent");
	tapir_host_free(s.host);
}
