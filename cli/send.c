/* send.c - `tapir send`: crafted frames onto a wire, or into a capture file.
 *
 * Frames come from a source one by one and gather in a pile, which is sent in bursts when their time has
 * come. Where the same frames go out several times, the pile is kept (up to PILE_MAX) and sent again, so that
 * crafting limits the rate only once. */
#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "capture/pcap_writer.h"
#include "cli/neighbour.h"
#include "cli/options.h"
#include "cli/port.h"
#include "cli/send_source.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/ip.h"

#define PILE_MAX (64u << 20)
#define BATCH_MAX (256u << 10)
#define FRAME_LEN_MAX (64u << 10)
#define NS_PER_S 1000000000ull
/* How long to wait for a sending ring that is full. */
#define FULL_WAIT_MS 1

struct send_options {
	const char *port, *write;
	const char *capture, *hex;
	const char *rate, *speed, *count, *loop, *seed;
	const char *src_mac, *dst_mac, *gateway;
	bool ip, print, quiet;
};

#define AT(field) offsetof(struct send_options, field)

static const struct option_row rows[] = {
	{ NULL, 0, NULL, OPTION_HEADING, 0, "Where to" },
	{ "interface", 'i', "PORT", OPTION_TEXT, AT(port), "an interface, or a device as in tap:NAME, pcap:NAME" },
	{ "write", 'w', "FILE", OPTION_TEXT, AT(write), "nothing is sent: the frames go into a capture file (pcapng, or .pcap)" },
	{ "print", 'x', NULL, OPTION_FLAG, AT(print), "print each frame in hex; without -i and -w, that is all" },

	{ NULL, 0, NULL, OPTION_HEADING, 0, "What, instead of a description" },
	{ "capture", 'r', "FILE", OPTION_TEXT, AT(capture), "the frames of a capture file" },
	{ "hex", 0, "FILE", OPTION_TEXT, AT(hex), "hex digits, a frame a line; - is standard input" },
	{ "ip", 0, NULL, OPTION_FLAG, AT(ip), "hex is IP packets rather than Ethernet frames" },

	{ NULL, 0, NULL, OPTION_HEADING, 0, "How often, how fast" },
	{ "loop", 0, "N", OPTION_TEXT, AT(loop), "all of it so often (1); 0: until INT or TERM" },
	{ "count", 'n', "N", OPTION_TEXT, AT(count), "end after so many frames" },
	{ "rate", 0, "N", OPTION_TEXT, AT(rate), "frames a second; without it, as fast as it goes" },
	{ "speed", 0, "FACTOR", OPTION_TEXT, AT(speed), "with -r: in the rhythm of the capture, so many times as fast" },
	{ "seed", 0, "N", OPTION_TEXT, AT(seed), "what {random} draws follows from this (0)" },

	{ NULL, 0, NULL, OPTION_HEADING, 0, "Ethernet" },
	{ "src-mac", 0, "MAC", OPTION_TEXT, AT(src_mac), "instead of the interface's; rewrites those of a capture" },
	{ "dst-mac", 0, "MAC", OPTION_TEXT, AT(dst_mac), "instead of asking who has the address; rewrites those of a capture" },
	{ "gateway", 0, "IP", OPTION_TEXT, AT(gateway), "packets go to this router" },
	{ "quiet", 'q', NULL, OPTION_FLAG, AT(quiet), "say nothing at the end" },
};

/* Frames with their bytes; the first `sent` have gone. */
struct pile {
	uint8_t *bytes;
	size_t used, room;
	struct frame *frames;
	size_t count, frames_room, sent;
	bool keep;
};

struct sender {
	const struct send_options *opts;
	struct send_source *source;
	struct device *dev;
	struct pcap_writer *writer;
	struct neighbours neighbours;
	uint16_t link;                  /* of the device; 0 = none */
	bool has_src_mac, has_dst_mac, has_gateway;
	uint8_t src_mac[6], dst_mac[6];
	struct ip_addr gateway;
	uint8_t gateway_version;
	uint64_t rate, count_max, rounds, seed;
	double speed;
	int stop;
	bool stopped;
	struct pile pile;
	uint64_t start_ns, first_ns;    /* when the round began, and the time of its first frame */
	uint64_t frames, bytes;         /* sent, or written */
	uint64_t no_neighbour, wrong_link;
};

__attribute__((format(printf, 1, 2)))
static int usage(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "tapir send: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nTry: tapir send --help\n");
	return EXIT_USAGE;
}

static int numbers_read(struct sender *s)
{
	const struct {
		const char *name, *text;
		uint64_t *out, least;
	} numbers[] = {
		{ "--loop", s->opts->loop, &s->rounds, 0 }, { "--count", s->opts->count, &s->count_max, 1 },
		{ "--rate", s->opts->rate, &s->rate, 1 }, { "--seed", s->opts->seed, &s->seed, 0 },
	};

	s->rounds = 1;
	s->count_max = UINT64_MAX;
	for (unsigned i = 0; i < 4; i++) {
		if (numbers[i].text != NULL && (!text_u64(slice_str(numbers[i].text), numbers[i].out) ||
						*numbers[i].out < numbers[i].least)) {
			fprintf(stderr, "tapir send: %s: expected a number, found \"%s\"\n", numbers[i].name, numbers[i].text);
			return EXIT_USAGE;
		}
	}
	if (s->opts->speed != NULL) {
		char *end;

		s->speed = strtod(s->opts->speed, &end);
		if (end == s->opts->speed || *end != '\0' || !(s->speed > 0))
			return usage("--speed: expected a factor like 1 or 0.5, found \"%s\"", s->opts->speed);
	}
	return 0;
}

static int options_read(struct sender *s, const struct names *words)
{
	const struct send_options *o = s->opts;
	int err = numbers_read(s);

	if (err != 0)
		return err;
	if ((words->count > 0) + (o->capture != NULL) + (o->hex != NULL) != 1)
		return usage("what? Give a description, or -r FILE, or --hex FILE");
	if (o->port == NULL && o->write == NULL && !o->print)
		return usage("where to? Give -i PORT, or -w FILE or -x to send nothing");
	if (o->port != NULL && o->write != NULL)
		return usage("-i and -w at once: send, or write a file");
	if (s->speed > 0 && (o->capture == NULL || s->rate > 0))
		return usage("--speed is for -r, and not with --rate");
	s->has_src_mac = o->src_mac != NULL;
	s->has_dst_mac = o->dst_mac != NULL;
	s->has_gateway = o->gateway != NULL;
	if (s->has_src_mac && !text_mac(slice_str(o->src_mac), s->src_mac))
		return usage("--src-mac: expected a MAC address, found \"%s\"", o->src_mac);
	if (s->has_dst_mac && !text_mac(slice_str(o->dst_mac), s->dst_mac))
		return usage("--dst-mac: expected a MAC address, found \"%s\"", o->dst_mac);
	if (s->has_gateway && ip_addr_parse(&s->gateway, &s->gateway_version, o->gateway) < 0)
		return usage("--gateway: expected an IP address, found \"%s\"", o->gateway);
	return 0;
}

/* The addresses that the kernel has on the interface stand for those that a description leaves out. */
static void sources_find(const char *interface, struct craft_opts *craft)
{
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *a = all; a != NULL; a = a->ifa_next) {
		if (a->ifa_addr == NULL || strcmp(a->ifa_name, interface) != 0)
			continue;
		if (a->ifa_addr->sa_family == AF_INET && !craft->has_src4) {
			craft->has_src4 = true;
			memcpy(craft->src4.bytes, &((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr, 4);
		} else if (a->ifa_addr->sa_family == AF_INET6) {
			const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr;

			if (!craft->has_src6 || craft->src6.bytes[0] == 0xfe)
				memcpy(craft->src6.bytes, six, 16);
			craft->has_src6 = true;
		}
	}
	freeifaddrs(all);
}

static int port_prepare(struct sender *s, struct craft_opts *craft)
{
	struct device_info info;
	int err = port_open(&s->dev, s->opts->port, &(struct port_opts){ .command = "send" });

	if (err < 0)
		return err;
	device_info(s->dev, &info);
	s->link = info.link;
	if (info.link != LINK_ETHERNET && info.link != LINK_RAW) {
		fprintf(stderr, "tapir send: %s carries neither Ethernet nor IP\n", info.name);
		return -EINVAL;
	}
	if (!s->has_src_mac)
		memcpy(s->src_mac, info.mac, 6);
	memcpy(craft->eth_src, s->src_mac, 6);
	if (s->has_dst_mac)
		memcpy(craft->eth_dst, s->dst_mac, 6);
	sources_find(info.name, craft);
	s->neighbours.dev = s->dev;
	s->neighbours.stop = s->stop;
	memcpy(s->neighbours.mac, s->src_mac, 6);
	return 0;
}

/* ---- the pile ---- */

/* Room for one more frame of this length; false where memory ran out. */
static bool pile_room(struct pile *p, size_t len)
{
	if (p->used + len > p->room) {
		size_t room = p->room ? p->room * 2 : BATCH_MAX;
		uint8_t *grown = realloc(p->bytes, room);

		if (grown == NULL)
			return false;
		for (size_t i = 0; i < p->count; i++)
			p->frames[i].data = grown + (p->frames[i].data - p->bytes);
		p->bytes = grown;
		p->room = room;
	}
	if (p->count == p->frames_room) {
		size_t room = p->frames_room ? p->frames_room * 2 : 1024;
		struct frame *grown = realloc(p->frames, room * sizeof(*grown));

		if (grown == NULL)
			return false;
		p->frames = grown;
		p->frames_room = room;
	}
	return true;
}

/* ---- link headers ---- */

/* Where an IP packet that has none yet goes; false where nobody answers there. */
static bool destination_find(struct sender *s, const struct frame *f, uint8_t mac[6])
{
	struct ip_addr src, dst;
	const uint8_t version = f->len > 0 ? f->data[0] >> 4 : 0;

	if (s->has_dst_mac || s->dev == NULL) {
		memcpy(mac, s->has_dst_mac ? s->dst_mac : craft_opts_default.eth_dst, 6);
		return true;
	}
	if (version == 4 && f->len >= 20) {
		src = ip_addr_v4(f->data + 12);
		dst = ip_addr_v4(f->data + 16);
	} else if (version == 6 && f->len >= 40) {
		src = ip_addr_v6(f->data + 8);
		dst = ip_addr_v6(f->data + 24);
	} else {
		return false;
	}
	if (s->has_gateway && s->gateway_version == version)
		dst = s->gateway;
	return neighbours_find(&s->neighbours, version, &dst, &src, mac);
}

/* Puts a frame onto the pile as it goes out; false where memory ran out. One that can't go out is counted. */
static bool pile_add(struct sender *s, const struct frame *f)
{
	struct pile *p = &s->pile;
	bool add = f->link == LINK_RAW && (s->link == LINK_ETHERNET || (s->link == 0 && s->has_dst_mac));
	bool take = f->link == LINK_ETHERNET && s->link == LINK_RAW;
	struct eth_header h = { .type = f->len > 0 && f->data[0] >> 4 == 6 ? ETHER_IPV6 : ETHER_IPV4 };
	struct frame out = *f;
	struct writer w;

	if (take) {
		s->wrong_link++;
		return true;
	}
	if (add && !destination_find(s, f, h.dst)) {
		s->no_neighbour++;
		return true;
	}
	if (!pile_room(p, f->len + ETH_HEADER_LEN))
		return false;
	out.data = p->bytes + p->used;
	if (add) {
		memcpy(h.src, s->src_mac, 6);
		w = writer_of(out.data, ETH_HEADER_LEN);
		eth_build(&w, &h);
		out.link = LINK_ETHERNET;
	}
	memcpy(out.data + (add ? ETH_HEADER_LEN : 0), f->data, f->len);
	out.len = out.wire_len = f->len + (add ? ETH_HEADER_LEN : 0);
	/* A description's own MAC addresses stay; those of a capture belong to another wire. */
	if (!add && s->opts->capture != NULL && out.link == LINK_ETHERNET && out.len >= 12) {
		if (s->has_dst_mac)
			memcpy(out.data, s->dst_mac, 6);
		if (s->has_src_mac)
			memcpy(out.data + 6, s->src_mac, 6);
	}
	p->used += out.len;
	p->frames[p->count++] = out;
	return true;
}

/* ---- sending ---- */

/* When frame f of this round is due. */
static uint64_t due(const struct sender *s, const struct frame *f)
{
	if (s->speed > 0)
		return s->start_ns + (f->time_ns > s->first_ns ?
				      (uint64_t)((double)(f->time_ns - s->first_ns) / s->speed) : 0);
	/* In two steps: frames * 10^9 doesn't fit for long. */
	if (s->rate > 0)
		return s->start_ns + s->frames / s->rate * NS_PER_S + s->frames % s->rate * NS_PER_S / s->rate;
	return 0;
}

static void sleep_until(struct sender *s, uint64_t due_ns)
{
	uint64_t now = time_now_ns();
	struct pollfd fd = { .fd = s->stop, .events = POLLIN };
	struct timespec t;

	if (now >= due_ns)
		return;
	t.tv_sec = (time_t)((due_ns - now) / NS_PER_S);
	t.tv_nsec = (long)((due_ns - now) % NS_PER_S);
	if (ppoll(&fd, 1, &t, NULL) > 0)
		s->stopped = true;
}

static void print(const struct frame *f)
{
	for (uint32_t i = 0; i < f->len; i++)
		printf("%02x", f->data[i]);
	putchar('\n');
}

static int write_one(struct sender *s, struct frame *f)
{
	int err = 0;

	if (s->opts->print)
		print(f);
	if (f->time_ns == 0)
		f->time_ns = time_now_ns();
	if (s->opts->write != NULL && s->writer == NULL) {
		size_t len = strlen(s->opts->write);
		bool old = len > 5 && strcmp(s->opts->write + len - 5, ".pcap") == 0;

		err = pcap_writer_open(&s->writer, &(struct pcap_writer_opts){ .path = s->opts->write, .link = f->link, .ng = !old });
	}
	if (err == 0 && s->writer != NULL)
		err = pcap_writer_frame(s->writer, f);
	if (err == -EPROTOTYPE)
		fprintf(stderr, "tapir send: %s: Ethernet frames and IP packets in one .pcap file; .pcapng can hold both\n", s->opts->write);
	else if (err < 0)
		fprintf(stderr, "tapir send: %s: %s\n", s->opts->write, strerror(-err));
	return err;
}

/* Up to n frames that are due now; how many have gone, or -errno. */
static int send_some(struct sender *s, struct frame *frames, size_t n)
{
	uint64_t now = time_now_ns(), before = s->frames;
	int sent = 0;
	unsigned k = 0;

	if (s->dev == NULL) {
		int err = write_one(s, frames);

		if (err < 0)
			return err;
		s->frames++;
		s->bytes += frames->len;
		return 1;
	}
	for (; k < n && k < DEVICE_BURST_MAX && due(s, &frames[k]) <= now; k++)
		s->frames++;
	s->frames = before;
	device_advance(s->dev, now);
	if (k > 0)
		sent = device_send(s->dev, frames, k);
	for (int i = 0; i < sent; i++) {
		s->bytes += frames[i].len;
		if (s->opts->print)
			print(&frames[i]);
	}
	if (sent < 0)
		return sent;
	s->frames += (unsigned)sent;
	if (k == 0)
		sleep_until(s, due(s, frames));
	else if (sent < (int)k)
		sleep_until(s, now + FULL_WAIT_MS * 1000000);
	return sent;
}

/* Sends what waits on the pile. */
static int pile_flush(struct sender *s)
{
	struct pile *p = &s->pile;

	while (p->sent < p->count && s->frames < s->count_max && !s->stopped) {
		uint64_t left = s->count_max - s->frames;
		size_t n = p->count - p->sent;
		int sent = send_some(s, p->frames + p->sent, n < left ? n : (size_t)left);

		if (sent < 0) {
			if (s->dev != NULL)
				fprintf(stderr, "tapir send: %s\n", strerror(-sent));
			return sent;
		}
		p->sent += (unsigned)sent;
	}
	if (p->used > PILE_MAX)
		p->keep = false;
	if (!p->keep)
		p->used = p->count = p->sent = 0;
	s->stopped = s->stopped || stop_asked(s->stop);
	return 0;
}

/* One round from the source. Returns 0 or -errno. */
static int round_from_source(struct sender *s)
{
	struct frame f;
	int got, err = 0;

	while (err == 0 && !s->stopped && s->frames + s->pile.count - s->pile.sent < s->count_max) {
		got = send_source_next(s->source, &f);
		if (got <= 0) {
			err = got;
			break;
		}
		if (s->first_ns == 0)
			s->first_ns = f.time_ns;
		if (!pile_add(s, &f)) {
			fprintf(stderr, "tapir send: out of memory\n");
			return -ENOMEM;
		}
		if (s->pile.count - s->pile.sent >= DEVICE_BURST_MAX || s->speed > 0 ||
		    (!s->pile.keep && s->pile.used > BATCH_MAX - FRAME_LEN_MAX))
			err = pile_flush(s);
	}
	return err ? err : pile_flush(s);
}

static int rounds(struct sender *s)
{
	bool kept;
	int err = 0;

	s->pile.keep = s->rounds != 1 && send_source_repeats(s->source);
	s->start_ns = time_now_ns();
	for (uint64_t i = 0; err == 0 && (s->rounds == 0 || i < s->rounds) && !s->stopped && s->frames < s->count_max; i++) {
		kept = i > 0 && s->pile.keep;
		if (s->speed > 0)
			s->start_ns = time_now_ns();
		if (kept) {
			s->pile.sent = 0;
			err = pile_flush(s);
		} else {
			err = i > 0 ? send_source_rewind(s->source) : 0;
			err = err ? err : round_from_source(s);
		}
		/* A source without frames, or without one that can be sent, would go round forever. */
		if (s->frames == 0)
			break;
	}
	return err;
}

static void report(const struct sender *s, uint64_t took_ns, uint64_t errors)
{
	double took = (double)(took_ns ? took_ns : 1) / 1e9;

	if (s->dev != NULL)
		fprintf(stderr, "%" PRIu64 " frames (%" PRIu64 " bytes) sent in %.3f s: %.0f a second, %.1f Mbit/s\n", s->frames, s->bytes,
			took, (double)s->frames / took, (double)s->bytes * 8e-6 / took);
	else if (s->writer != NULL)
		fprintf(stderr, "%" PRIu64 " frames (%" PRIu64 " bytes) written to %s\n", s->frames, s->bytes, s->opts->write);
	if (errors > 0)
		fprintf(stderr, "%" PRIu64 " were refused by the device: longer than its MTU allows?\n", errors);
}

static int send_all(struct sender *s)
{
	struct device_stats before, after;
	uint64_t start = time_now_ns();
	int err;

	if (s->dev != NULL)
		device_stats(s->dev, &before);
	err = rounds(s);
	if (s->writer != NULL) {
		int closed = pcap_writer_flush(s->writer);

		if (closed < 0 && err == 0)
			fprintf(stderr, "tapir send: %s: %s\n", s->opts->write, strerror(-closed));
		err = err ? err : closed;
	}
	if (s->dev != NULL)
		device_stats(s->dev, &after);
	if (!s->opts->quiet)
		report(s, time_now_ns() - start, s->dev ? after.drops[DROP_SEND_ERROR] - before.drops[DROP_SEND_ERROR] : 0);
	if (s->no_neighbour > 0)
		fprintf(stderr, "tapir send: %" PRIu64 " packets weren't sent: nobody answers for their destination; give --gateway or "
			"--dst-mac\n", s->no_neighbour);
	if (s->wrong_link > 0)
		fprintf(stderr, "tapir send: %" PRIu64 " Ethernet frames weren't sent: this device carries bare IP packets\n", s->wrong_link);
	return err == 0 && s->no_neighbour == 0 && s->wrong_link == 0 ? EXIT_FINE : EXIT_PROBLEM;
}

/* The words of a description as one text. */
static char *text_join(const struct names *words)
{
	size_t len = 1, used = 0;
	char *text;

	for (unsigned i = 0; i < words->count; i++)
		len += strlen(words->at[i]) + 1;
	text = malloc(len);
	for (unsigned i = 0; text != NULL && i < words->count; i++)
		used += (size_t)snprintf(text + used, len - used, "%s%s", i ? " " : "", words->at[i]);
	return text;
}

static int sender_run(struct sender *s, const struct names *words)
{
	struct send_source_opts source = {
		.hex = s->opts->hex, .capture = s->opts->capture, .hex_ip = s->opts->ip, .seed = s->seed, .craft = craft_opts_default,
	};
	char *text = words->count > 0 ? text_join(words) : NULL;
	int err = 0;

	source.text = text;
	if (s->has_src_mac)
		memcpy(source.craft.eth_src, s->src_mac, 6);
	else
		memcpy(s->src_mac, source.craft.eth_src, 6);
	if (s->opts->port != NULL)
		err = port_prepare(s, &source.craft);
	if (err == 0)
		err = send_source_open(&s->source, &source);
	if (err == 0) {
		err = send_all(s);
		send_source_close(s->source);
	} else {
		err = EXIT_PROBLEM;
	}
	if (s->writer != NULL)
		pcap_writer_close(s->writer);
	device_close(s->dev);
	free(s->pile.bytes);
	free(s->pile.frames);
	free(text);
	return err;
}

static int run(int argc, char **argv)
{
	struct send_options o = { 0 };
	struct names words = { 0 };
	struct sender s = { .opts = &o };
	int status = options_parse(&command_send, argc, argv, &o, &words);

	if (status == 0)
		status = options_read(&s, &words);
	if (status != 0)
		return status < 0 ? EXIT_FINE : status;
	s.stop = stop_fd();
	status = sender_run(&s, &words);
	close(s.stop);
	return status;
}

const struct command command_send = {
	.name = "send",
	.summary = "send crafted packets, hex, or the frames of a capture",
	.usage = "-i PORT|-w FILE [options] [DESCRIPTION]",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.more = "A description is a list of layers from the outside in, with / between them; lengths and checksums are filled in\n"
		"unless given. It starts with eth, or with ip: then the Ethernet header is made, and who has the address is asked\n"
		"on the wire. docs/tools.md has all layers. Quote it for the shell.\n"
		"  {1-100} {22,80,443} {x0-xff} {random}    stand for many values: every combination is sent\n"
		"\n"
		"Exit status: 0; 1 where something could not be sent; 2 the command line could not be understood.\n"
		"\n"
		"Examples:\n"
		"  tapir send -i eth0 'ip src=10.0.0.1 dst=10.0.0.2 / tcp flags=S dport=80'\n"
		"  tapir send -i eth0 --rate 1000 'ip dst=10.0.0.2 / tcp flags=S sport={random} dport={1-1024}'\n"
		"  tapir send -i eth0 'eth / vlan 5 / ip 10.0.0.1 10.0.0.2 / udp 5000 53 / \"hello\\n\"'\n"
		"  tapir send -i eth0 -r capture.pcap --speed 1\n"
		"  tapir send -w out.pcap 'ip 10.0.0.1 10.0.0.2 / icmp'\n",
	.run = run,
};
