/* play.c - a script, step by step; the packets' way to the kernel and to the tracker; the comparison. */
#include "tests/evasion/play.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "base/reader.h"
#include "stack/track/tcp.h"
#include "stack/wire/ip.h"
#include "tests/evasion/play_own.h"

#define HANDSHAKE_WAIT_MS 200
#define TAKEN_MAX 64            /* packets that one of ours may be answered with */
#define PORT_FIRST 1024
#define PORT_LAST 60000
#define ISN_STEP 1000003

const char *play_address(const struct play *p, bool ours)
{
	if (p->v6)
		return ours ? "fd09::2" : p->far ? "fd08::2" : "fd09::1";
	return ours ? "10.9.0.2" : p->far ? "10.8.0.2" : "10.9.0.1";
}

/* Means */

static bool run(const char *command)
{
	return system(command) == 0;
}

static int namespace_open(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int tun_open(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -1;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "ev0");
	if (ioctl(fd, TUNSETIFF, &ifr) == 0)
		return fd;
	close(fd);
	return -1;
}

/* One script for both namespaces' shell commands; the second is entered by its descriptor's path. */
static bool network_up(int far)
{
	static const char *const rules =
		"sysctl -qw net.ipv4.tcp_syncookies=0 net.ipv4.tcp_max_syn_backlog=65536 "
		"net.ipv4.tcp_invalid_ratelimit=0 net.ipv4.tcp_fastopen=0x603 net.ipv4.ipfrag_time=1 "
		"net.ipv6.ip6frag_time=2 net.ipv4.tcp_retries2=3 net.ipv4.tcp_no_metrics_save=1 "
		"net.ipv4.tcp_fastopen_blackhole_timeout_sec=0 && "
		"ip link set lo up && ";
	char text[1600];

	snprintf(text, sizeof(text),
		 "%s ip addr add 10.9.0.1/24 dev ev0 && ip -6 addr add fd09::1/64 dev ev0 nodad && ip link set ev0 up && "
		 "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 && "
		 "ip link add evn type veth peer name evf netns /proc/%d/fd/%d && "
		 "ip addr add 10.8.0.1/24 dev evn && ip -6 addr add fd08::1/64 dev evn nodad && ip link set evn up && "
		 "nsenter --net=/proc/%d/fd/%d sh -c '%s ip addr add 10.8.0.2/24 dev evf && "
		 "ip -6 addr add fd08::2/64 dev evf nodad && ip link set evf up && "
		 "ip route add default via 10.8.0.1 && ip -6 route add default via fd08::1'",
		 rules, (int)getpid(), far, (int)getpid(), far, rules);
	return run(text);
}

static bool trackers_new(struct play *p)
{
	static const char *const settings[PLAY_TRACKERS][2] = {
		[TRACK_OOB] = { "stream.reassembly.urgent.policy", "oob" },
		[TRACK_INLINE] = { "stream.reassembly.urgent.policy", "inline" },
		[TRACK_MIDSTREAM] = { "stream.midstream", "yes" },
		[TRACK_ASYNC] = { "stream.async-oneside", "yes" },
	};
	struct hash_key key = { 1, 2 };

	p->mem = mem_new();
	packet_config_default(&p->decode);
	p->decode.verify_checksums = true;
	for (int i = 0; i < PLAY_TRACKERS; i++) {
		struct conf *conf = conf_new();
		bool ok = conf_set(conf, "pcap-file.checksum-checks", "yes") == 0 &&
			  conf_set(conf, settings[i][0], settings[i][1]) == 0 &&
			  tracker_new(&p->trackers[i], p->mem, conf, &key) == 0;

		conf_free(conf);
		if (!ok)
			return false;
	}
	return true;
}

struct play *play_new(void)
{
	struct play *p = calloc(1, sizeof(*p));

	must(p != NULL);
	p->ns[0] = p->ns[1] = p->tun = -1;
	p->next_port = PORT_FIRST;
	p->next_isn = 1;
	p->now_ns = (uint64_t)time(NULL) * 1000000000;
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0 || (p->ns[1] = namespace_open()) < 0 ||
	    unshare(CLONE_NEWNET) < 0 || (p->ns[0] = namespace_open()) < 0 || (p->tun = tun_open()) < 0 ||
	    !network_up(p->ns[1])) {
		play_free(p);
		return NULL;
	}
	must(trackers_new(p));
	return p;
}

void play_free(struct play *p)
{
	for (int i = 0; i < PLAY_TRACKERS; i++)
		tracker_free(p->trackers[i]);
	if (p->mem != NULL)
		mem_free(p->mem);
	if (p->tun >= 0)
		close(p->tun);
	for (int i = 0; i < 2; i++)
		if (p->ns[i] >= 0)
			close(p->ns[i]);
	free(p);
}

/* Packets */

static void take(struct bytes *b, const void *data, size_t len)
{
	if (len > STREAM_MAX - b->len)
		len = STREAM_MAX - b->len;
	if (data != NULL)
		memcpy(b->data + b->len, data, len);
	else
		memset(b->data + b->len, '?', len);
	b->len += len;
}

static void pull(struct play *p, struct flow *flow)
{
	struct piece piece;

	for (enum side side = TO_SERVER; side <= TO_CLIENT; side++) {
		while (stream_pull(p->tracker, flow, side, &piece)) {
			bool ours = flow->key.port[side] == p->our_port;

			if (piece.kind != PIECE_END && !(ours && p->closed))
				take(&p->got[!ours], piece.data, piece.len);
		}
	}
}

static void track_packet(struct play *p, struct packet *pkt, bool datagram)
{
	struct packet_set again;
	enum track_drop why;
	struct flow *flow = tracker_packet(p->tracker, pkt, &why);

	if (why == TRACK_FRAGMENT_HELD && tracker_datagram(p->tracker, pkt, &p->decode, &again)) {
		if (!datagram)
			track_packet(p, &again.pkts[0], true);
		return;
	}
	if (flow == NULL)
		return;
	if (flow->tcp != NULL)
		pull(p, flow);
	else if (pkt->proto == PROTO_UDP && pkt->src_port == p->our_port && packet_check_ip(pkt) && packet_check_l4(pkt)) {
		take(&p->got[0], pkt->payload.data, pkt->payload.len);
		take(&p->got[0], "|", 1);
	}
}

static void track(struct play *p, const uint8_t *data, size_t len)
{
	struct frame f = { .data = (uint8_t *)(uintptr_t)data, .len = (uint32_t)len, .wire_len = (uint32_t)len, .link = LINK_RAW };
	struct packet_set set;

	f.time_ns = p->now_ns += 1000000;
	f.number = ++p->number;
	tracker_advance(p->tracker, p->now_ns);
	packet_decode(&set, &f, &p->decode);
	track_packet(p, &set.pkts[0], false);
}

/* The application's bytes as they are on the wire; what comes again lands where it was. */
static void wire_take(struct play *p, uint32_t seq, const uint8_t *data, size_t len)
{
	size_t at = p->wire_from + (uint32_t)(seq - p->wire_base);

	if (!p->heard || at > STREAM_MAX || len > STREAM_MAX - at)
		return;
	memcpy(p->wire.data + at, data, len);
	if (at + len > p->wire.len)
		p->wire.len = at + len;
}

static void answer_tcp(struct play *p, const uint8_t *l4, size_t len)
{
	uint8_t flags = l4[13];
	size_t header = (l4[12] >> 4) * 4u;

	if (load_be16(l4 + 2) != p->our_port || header > len)
		return;
	if (p->trace)
		fprintf(stderr, "    kernel: flags %02x seq +%u ack +%u, %zu bytes\n", flags,
			load_be32(l4 + 4) - p->peer_isn, load_be32(l4 + 8) - p->isn, len - header);
	if ((flags & TCP_SYN) && (!p->heard || load_be32(l4 + 4) != p->peer_isn)) {
		p->peer_isn = load_be32(l4 + 4);
		p->peer_next = p->wire_base = p->peer_isn + 1;
		p->wire_from = p->wire.len;
		p->heard = true;
		if (flags & TCP_ACK)
			p->closed = false;
	}
	for (size_t i = 20; (flags & TCP_SYN) && i + 10 <= header && l4[i] != 0; i += l4[i] == 1 ? 1 : l4[i + 1]) {
		if (l4[i] == 8)
			p->ts_echo = load_be32(l4 + i + 2);
		if (l4[i] != 1 && l4[i + 1] < 2)
			break;
	}
	if (len > header)
		wire_take(p, load_be32(l4 + 4), l4 + header, len - header);
	if (!(flags & (TCP_RST | TCP_SYN)) && (int32_t)(load_be32(l4 + 4) + (uint32_t)(len - header) - p->peer_next) > 0)
		p->peer_next = load_be32(l4 + 4) + (uint32_t)(len - header);
	if ((flags & (TCP_RST | TCP_FIN)) == TCP_FIN && p->peer_next == load_be32(l4 + 4) + (uint32_t)(len - header))
		p->peer_next++;
}

void play_answers(struct play *p, int wait_ms)
{
	uint8_t buf[FRAME_MAX];

	for (int i = 0; i < TAKEN_MAX; i++) {
		struct pollfd pfd = { .fd = p->tun, .events = POLLIN };
		size_t header;
		ssize_t n;

		app_read(p);
		if (poll(&pfd, 1, p->far && wait_ms == 0 ? 1 : wait_ms) <= 0 || (n = read(p->tun, buf, sizeof(buf))) <= 0)
			return;
		header = buf[0] >> 4 == 4 ? (buf[0] & 15) * 4u : 40;
		if ((buf[0] >> 4 == 6) != p->v6 || (size_t)n < header + 20 || buf[p->v6 ? 6 : 9] != PROTO_TCP)
			continue;
		if (load_be16(buf + header + 2) != p->our_port)
			continue;
		answer_tcp(p, buf + header, (size_t)n - header);
		track(p, buf, (size_t)n);
		if (wait_ms == HANDSHAKE_WAIT_MS)
			wait_ms = 0;
	}
}

void play_send(struct play *p, const uint8_t *frame, size_t len)
{
	track(p, frame, len);
	if (write(p->tun, frame, len) != (ssize_t)len)
		perror("tun");
	play_answers(p, 0);
}

/* Steps */

static bool words_cut(struct words *w, char *text)
{
	w->count = 0;
	for (;;) {
		text += strspn(text, " \t\n");
		if (*text == 0)
			return true;
		if (w->count == WORDS_MAX)
			return false;
		w->at[w->count++] = text;
		if (*text == '"') {
			text = strchr(text + 1, '"');
			if (text == NULL)
				return false;
			text++;
		} else {
			text += strcspn(text, " \t\n");
		}
		if (*text != 0)
			*text++ = 0;
	}
}

static void step_text(struct play *p, const char *text)
{
	char copy[512];
	struct words w;

	snprintf(copy, sizeof(copy), "%s", text);
	must(words_cut(&w, copy));
	segment_step(p, &w, false);
}

static void handshake_offer(struct play *p, const char *flags)
{
	char text[160];

	snprintf(text, sizeof(text), "%s mss=1400 sackok%s", flags, p->wscale ? " wscale=7" : "");
	step_text(p, text);
}

static void step_open(struct play *p)
{
	handshake_offer(p, "S");
	if (!p->heard)
		play_answers(p, HANDSHAKE_WAIT_MS);
	step_text(p, "A");
}

static void step_connect(struct play *p)
{
	app_connect(p);
	play_answers(p, 0);
	if (!p->heard)
		play_answers(p, HANDSHAKE_WAIT_MS);
}

static void step_wait(struct play *p, const char *ms)
{
	unsigned n = (unsigned)strtoul(ms, NULL, 10);

	usleep(n * 1000);
	p->now_ns += (uint64_t)n * 30000000;
	play_answers(p, 0);
}

static void step_again(struct play *p)
{
	p->isn += 100000;
	p->snd = p->isn;
	p->ts_now += 1000;
}

static const char *inner(char *quoted, size_t *len)
{
	*len = strlen(quoted) - 2;
	return quoted + 1;
}

static void step(struct play *p, struct words *w)
{
	const char *name = w->at[0];
	size_t len;

	if (strcmp(name, "open") == 0) {
		step_open(p);
	} else if (strcmp(name, "connect") == 0) {
		step_connect(p);
	} else if (strcmp(name, "accept") == 0) {
		step_connect(p);
		handshake_offer(p, "SA");
	} else if (strcmp(name, "udp") == 0) {
		segment_step(p, w, true);
	} else if (strcmp(name, "app") == 0 && w->count > 1) {
		const char *text = inner(w->at[1], &len);

		app_write(p, text, len);
		play_answers(p, 0);
	} else if (strcmp(name, "shut") == 0) {
		for (unsigned i = 0; i < p->conn_count; i++)
			shutdown(p->conns[i], SHUT_WR);
		play_answers(p, 0);
	} else if (strcmp(name, "close") == 0) {
		p->hold = false;
		app_read(p);
		p->closed = p->conn_count > 0;
		app_close(p, false);
		play_answers(p, 0);
	} else if (strcmp(name, "hold") == 0 || strcmp(name, "read") == 0) {
		p->hold = name[0] == 'h';
		play_answers(p, 0);
	} else if (strcmp(name, "oob") == 0) {
		app_oob(p);
	} else if (strcmp(name, "wait") == 0 && w->count > 1) {
		step_wait(p, w->at[1]);
	} else if (strcmp(name, "again") == 0) {
		step_again(p);
	} else if (strcmp(name, "flush") == 0) {
		app_flush(p);
		play_answers(p, 0);
	} else if (strspn(name, "FSRPAUEC-") == strlen(name)) {
		segment_step(p, w, false);
	} else {
		p->wrong = "unknown step";
	}
}

static void setting(struct play *p, const char *word)
{
	static const struct {
		const char *name;
		size_t at;
	} flags[] = {
		{ "v6", offsetof(struct play, v6) },         { "ts", offsetof(struct play, ts) },
		{ "wscale", offsetof(struct play, wscale) }, { "inline", offsetof(struct play, oob_inline) },
		{ "md5", offsetof(struct play, md5) },       { "far", offsetof(struct play, far) },
		{ "small", offsetof(struct play, small) },
	};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (strcmp(word, flags[i].name) == 0) {
			*(bool *)((char *)p + flags[i].at) = true;
			return;
		}
	}
	if (strncmp(word, "isn=", 4) == 0)
		p->isn = (uint32_t)strtoul(word + 4, NULL, 10);
	else if (strcmp(word, "midstream") == 0)
		p->tracker = p->trackers[TRACK_MIDSTREAM];
	else if (strcmp(word, "async") == 0)
		p->tracker = p->trackers[TRACK_ASYNC];
	else
		p->wrong = "unknown setting";
}

static void begin(struct play *p)
{
	p->tracker = p->trackers[TRACK_OOB];
	p->v6 = p->ts = p->wscale = p->oob_inline = p->md5 = p->far = p->small = p->hold = p->closed = false;
	p->listener = p->udp = -1;
	p->conn_count = 0;
	p->our_port = p->next_port++;
	if (p->next_port > PORT_LAST)
		p->next_port = PORT_FIRST;
	p->isn = p->next_isn += ISN_STEP;
	p->peer_isn = p->peer_next = 0;
	p->heard = false;
	p->ts_now = 5000;
	p->ts_echo = 0;
	p->ip_id += 64;
	p->wire_base = 0;
	p->wire_from = 0;
	p->app.len = p->wire.len = p->got[0].len = p->got[1].len = 0;
	memset(p->wire.data, '?', sizeof(p->wire.data));
	p->wrong = NULL;
}

static void end(struct play *p)
{
	struct flow *flow;

	app_flush(p);
	play_answers(p, 0);
	p->hold = false;
	play_answers(p, 0);
	app_close(p, true);
	tracker_finish(p->tracker, FLOW_END_FORCED);
	while ((flow = tracker_ended(p->tracker)) != NULL)
		tracker_release(p->tracker, flow);
}

static bool same(const struct bytes *a, const struct bytes *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static bool settings_read(struct play *p, char *first)
{
	struct words w;

	if (strncmp(first, "set ", 4) != 0 || !words_cut(&w, first))
		return false;
	for (unsigned i = 1; i < w.count; i++)
		setting(p, w.at[i]);
	return true;
}

static void steps_play(struct play *p, char *text)
{
	char *rest = text, *one;
	bool first = true;

	p->we_listen = strstr(text, "accept") != NULL || strstr(text, "connect") != NULL;
	while ((one = strsep(&rest, ";")) != NULL && p->wrong == NULL) {
		struct words w;

		one += strspn(one, " \t\n");
		if (first && settings_read(p, one))
			continue;
		if (first) {
			if (p->oob_inline)
				p->tracker = p->trackers[TRACK_INLINE];
			p->snd = p->isn;
			if (!app_open(p)) {
				p->wrong = "no sockets";
				return;
			}
		}
		first = false;
		if (!words_cut(&w, one))
			p->wrong = "bad words";
		else if (w.count > 0)
			step(p, &w);
	}
}

bool play_script(struct play *p, const char *name, const char *script, bool trace, bool quiet)
{
	char text[4096];
	bool ok;

	begin(p);
	p->trace = trace;
	snprintf(text, sizeof(text), "%s", script);
	steps_play(p, text);
	end(p);
	if (p->wrong != NULL) {
		fprintf(stderr, "%s: %s: %s\n", name, p->wrong, script);
		return false;
	}
	ok = same(&p->app, &p->got[0]) && same(&p->wire, &p->got[1]);
	if ((!ok && !quiet) || trace)
		fprintf(stderr,
			"%s: %s\n    the application read \"%.*s\", the tracker \"%.*s\";\n"
			"    the kernel sent \"%.*s\", the tracker has \"%.*s\"\n",
			name, script, (int)p->app.len, p->app.data, (int)p->got[0].len, p->got[0].data,
			(int)p->wire.len, p->wire.data, (int)p->got[1].len, p->got[1].data);
	return ok;
}
