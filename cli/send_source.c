/* send_source.c - see send_source.h. A person's mistakes are shown with the line and an arrow below. */
#include "cli/send_source.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "capture/device.h"
#include "stack/wire/ip.h"
#include "stack/wire/sweep.h"

#define FRAME_LEN_MAX 65550

struct send_source {
	struct send_source_opts opts;
	struct sweep sweep;
	FILE *hex;
	char *line;
	size_t line_room;
	unsigned line_number;
	struct device *capture;
	struct frame held;              /* of the capture, to be given back */
	bool is_held;
	uint64_t skipped;               /* of the capture: neither Ethernet nor IP */
	uint8_t bytes[FRAME_LEN_MAX];
};

static void show(const char *text, size_t at, size_t len)
{
	/* A long text from shortly before the place on. */
	size_t from = at > 60 ? at - 40 : 0;

	fprintf(stderr, "  %s%.100s\n  %*s", from ? "..." : "", text + from, (int)(at - from + (from ? 3 : 0)), "");
	for (size_t i = 0; i == 0 || (i < len && at + i < strlen(text)); i++)
		fputc('^', stderr);
	fputc('\n', stderr);
}

/* What a text starts with: an Ethernet frame, or an IP packet. */
static uint16_t text_link(const char *text, bool hex_ip)
{
	text += strspn(text, " \t\n");
	if (strncmp(text, "hex:", 4) == 0)
		return hex_ip ? LINK_RAW : LINK_ETHERNET;
	return strncmp(text, "ip", 2) == 0 ? LINK_RAW : LINK_ETHERNET;
}

/* The layers that can stand first on a wire. */
static bool text_starts_well(const char *text)
{
	text += strspn(text, " \t\n");
	return strncmp(text, "ip", 2) == 0 || strncmp(text, "eth", 3) == 0 || strncmp(text, "hex:", 4) == 0;
}

static int open_text(struct send_source *s)
{
	const char *why;
	size_t at;

	if (sweep_init(&s->sweep, s->opts.text, s->opts.seed, &at, &why) < 0) {
		fprintf(stderr, "tapir send: column %zu: %s\n", at + 1, why);
		show(s->opts.text, at, 1);
		return -EINVAL;
	}
	return 0;
}

static int open_hex(struct send_source *s)
{
	s->hex = strcmp(s->opts.hex, "-") == 0 ? stdin : fopen(s->opts.hex, "re");
	if (s->hex == NULL) {
		int err = -errno;

		fprintf(stderr, "tapir send: %s: %s\n", s->opts.hex, strerror(-err));
		return err;
	}
	return 0;
}

static int open_capture(struct send_source *s)
{
	struct device_opts opts = { .kind = "file", .name = s->opts.capture, .read_only = true };
	int err = device_open(&s->capture, &opts);

	if (err < 0)
		fprintf(stderr, "tapir send: %s\n", device_error());
	return err;
}

int send_source_open(struct send_source **out, const struct send_source_opts *opts)
{
	struct send_source *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->opts = *opts;
	err = opts->capture ? open_capture(s) : opts->hex ? open_hex(s) : open_text(s);
	if (err < 0) {
		send_source_close(s);
		return err;
	}
	*out = s;
	return 0;
}

void send_source_close(struct send_source *s)
{
	char warning[DEVICE_WARNING_MAX];

	if (s->is_held)
		device_release(s->capture, &s->held, 1);
	if (s->capture != NULL && device_warning_take(s->capture, warning))
		fprintf(stderr, "tapir send: %s\n", warning);
	if (s->skipped > 0)
		fprintf(stderr, "tapir send: %llu frames are neither Ethernet nor IP, and weren't sent\n",
			(unsigned long long)s->skipped);
	device_close(s->capture);
	if (s->hex != NULL && s->hex != stdin)
		fclose(s->hex);
	free(s->line);
	free(s);
}

static int next_text(struct send_source *s, struct frame *out)
{
	struct craft_error e;
	const char *text = sweep_next(&s->sweep);
	int len;

	if (text == NULL)
		return 0;
	if (!text_starts_well(text)) {
		fprintf(stderr, "tapir send: column 1: expected eth, ip, ipv4, ipv6 or hex: first\n");
		show(s->opts.text, 0, 1);
		return -EINVAL;
	}
	len = craft_with(s->bytes, sizeof(s->bytes), text, &s->opts.craft, &e);
	if (len < 0) {
		size_t at = sweep_origin(&s->sweep, e.at);

		fprintf(stderr, "tapir send: column %zu: %s\n", at + 1, e.text);
		show(s->opts.text, at, e.len);
		return len;
	}
	*out = (struct frame){ .data = s->bytes, .len = (uint32_t)len, .wire_len = (uint32_t)len,
			       .link = text_link(text, s->opts.hex_ip) };
	return 1;
}

/* Digits in twos, blanks and colons between them as one likes; # starts a comment. */
static int hex_line(struct send_source *s, size_t *len)
{
	bool half = false;

	*len = 0;
	for (const char *p = s->line; *p != '\0' && *p != '#'; p++) {
		int d = text_hex_digit((uint8_t)*p);

		if (!half && (isspace((unsigned char)*p) || *p == ':'))
			continue;
		if (d < 0 || *len == sizeof(s->bytes)) {
			fprintf(stderr, "tapir send: %s:%u:%zu: expected %s\n", s->opts.hex, s->line_number,
				(size_t)(p - s->line) + 1, d < 0 ? "hex digits, two a byte" : "a shorter frame");
			return -EINVAL;
		}
		if (half)
			s->bytes[(*len)++] |= (uint8_t)d;
		else
			s->bytes[*len] = (uint8_t)(d << 4);
		half = !half;
	}
	return 0;
}

static int next_hex(struct send_source *s, struct frame *out)
{
	size_t len = 0;

	while (len == 0) {
		if (getline(&s->line, &s->line_room, s->hex) < 0)
			return 0;
		s->line_number++;
		s->line[strcspn(s->line, "\r\n")] = '\0';
		if (hex_line(s, &len) < 0)
			return -EINVAL;
	}
	*out = (struct frame){ .data = s->bytes, .len = (uint32_t)len, .wire_len = (uint32_t)len,
			       .link = s->opts.hex_ip ? LINK_RAW : LINK_ETHERNET };
	return 1;
}

static int next_capture(struct send_source *s, struct frame *out)
{
	for (;;) {
		int n;

		if (s->is_held)
			device_release(s->capture, &s->held, 1);
		s->is_held = false;
		n = device_recv(s->capture, &s->held, 1);
		if (n < 0 && n != -ENODATA)
			fprintf(stderr, "tapir send: %s: %s\n", s->opts.capture, strerror(-n));
		if (n <= 0)
			return n == -ENODATA ? 0 : n;
		s->is_held = true;
		*out = s->held;
		if (out->link == LINK_RAW_BSD || out->link == LINK_IPV4 || out->link == LINK_IPV6)
			out->link = LINK_RAW;
		if (out->link == LINK_ETHERNET || out->link == LINK_RAW)
			return 1;
		s->skipped++;
	}
}

int send_source_next(struct send_source *s, struct frame *out)
{
	return s->capture ? next_capture(s, out) : s->hex ? next_hex(s, out) : next_text(s, out);
}

int send_source_rewind(struct send_source *s)
{
	if (s->capture != NULL) {
		if (s->is_held)
			device_release(s->capture, &s->held, 1);
		s->is_held = false;
		device_close(s->capture);
		s->capture = NULL;
		return open_capture(s);
	}
	if (s->hex != NULL) {
		rewind(s->hex);
		s->line_number = 0;
		return 0;
	}
	sweep_rewind(&s->sweep);
	return 0;
}

bool send_source_repeats(const struct send_source *s)
{
	return s->capture != NULL || s->hex != NULL || !s->sweep.random;
}
