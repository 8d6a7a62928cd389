/* segment.c - one step of a script becomes a packet, or fragments of one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/writer.h"
#include "stack/wire/checksum.h"
#include "stack/wire/craft.h"
#include "tests/evasion/play_own.h"

struct segment_text {
	char ip[160], tcp[320], data[STREAM_MAX / 2];
	const char *frag;
	bool nosum, ts_given;
};

static void add(char *to, size_t cap, const char *text)
{
	size_t used = strlen(to);

	snprintf(to + used, cap - used, " %s", text);
}

static void add_number(char *to, size_t cap, const char *key, uint32_t v)
{
	size_t used = strlen(to);

	snprintf(to + used, cap - used, " %s=%u", key, v);
}

/* xN: bytes that tell where they are. */
static void fill(struct play *p, struct segment_text *s, uint32_t seq, unsigned n)
{
	if (n >= sizeof(s->data))
		n = sizeof(s->data) - 1;
	for (unsigned i = 0; i < n; i++)
		s->data[i] = (char)('a' + (seq - p->isn - 1 + i) % 26);
	s->data[n] = 0;
}

static bool starts(const char *word, const char *with)
{
	return strncmp(word, with, strlen(with)) == 0;
}

static bool is_ip_word(const char *w)
{
	return starts(w, "ttl=") || starts(w, "tos=") || starts(w, "id=") || strcmp(w, "df") == 0;
}

static void word_take(struct play *p, struct segment_text *s, char *w, uint32_t seq)
{
	if (w[0] == '"') {
		snprintf(s->data, sizeof(s->data), "%.*s", (int)strlen(w) - 2, w + 1);
	} else if (w[0] == 'x' && w[1] >= '0' && w[1] <= '9') {
		fill(p, s, seq, (unsigned)strtoul(w + 1, NULL, 10));
	} else if (starts(w, "frag=")) {
		s->frag = w + 5;
	} else if (starts(w, "ipopt=")) {
		add(s->ip, sizeof(s->ip), w + 2);
	} else if (strcmp(w, "ipbad") == 0) {
		if (!p->v6)
			add(s->ip, sizeof(s->ip), "badsum");
	} else if (is_ip_word(w)) {
		add(s->ip, sizeof(s->ip), w);
	} else if (strcmp(w, "md5") == 0) {
		add(s->tcp, sizeof(s->tcp), "opt=131200112233445566778899aabbccddeeff0101");
		s->ts_given = true;
	} else if (strcmp(w, "ao") == 0) {
		add(s->tcp, sizeof(s->tcp), "opt=1d1001020011223344556677889900aa");
		s->ts_given = true;
	} else if (strcmp(w, "nosum") == 0) {
		s->nosum = true;
	} else {
		add(s->tcp, sizeof(s->tcp), w);
	}
}

/* a+N, ts+N, ts=N, nots: true where w is one of them. */
static bool word_offset(struct play *p, struct segment_text *s, const char *w, int64_t *ack)
{
	if (w[0] == 'a' && (w[1] == '+' || w[1] == '-')) {
		*ack = strtoll(w + 1, NULL, 10);
		return true;
	}
	if (starts(w, "ts+") || starts(w, "ts-") || starts(w, "ts=")) {
		uint32_t v = (uint32_t)strtoll(w + (w[2] == '=' ? 3 : 2), NULL, 10) + (w[2] == '=' ? 0 : p->ts_now);
		size_t used = strlen(s->tcp);

		snprintf(s->tcp + used, sizeof(s->tcp) - used, " ts=%u,%u", v, p->ts_echo);
		s->ts_given = true;
		return true;
	}
	if (strcmp(w, "nots") == 0) {
		s->ts_given = true;
		return true;
	}
	return false;
}

/* A fragment's list: "OFF+LEN" and what is odd about it. */
struct piece_text {
	unsigned off, len;
	char fill;
	bool last, more, odd;
	uint32_t id;
	unsigned wait_ms;
};

static const char *piece_read(const char *t, struct piece_text *out)
{
	char *end;

	memset(out, 0, sizeof(*out));
	out->off = (unsigned)strtoul(t, &end, 10);
	if (*end == '+')
		out->len = (unsigned)strtoul(end + 1, &end, 10);
	while (*end != 0 && *end != ',') {
		char what = *end++;

		if (what == '!' && *end != 0)
			out->fill = *end++;
		else if (what == '.')
			out->last = true;
		else if (what == 'm')
			out->more = true;
		else if (what == 'z')
			out->odd = true;
		else if (what == '#')
			out->id = (uint32_t)strtoul(end, &end, 10);
		else if (what == 't')
			out->wait_ms = (unsigned)strtoul(end, &end, 10);
	}
	return *end == ',' ? end + 1 : end;
}

static void piece_send(struct play *p, const uint8_t *frame, size_t len, const struct piece_text *f)
{
	uint8_t out[FRAME_MAX];
	size_t header = p->v6 ? 40 : (frame[0] & 15) * 4u, at = header, n = f->len;
	size_t total = len - header;
	bool more = f->more || (!f->last && f->off + f->len < total);
	uint32_t id = p->ip_id + f->id;

	memcpy(out, frame, header);
	if (p->v6) {
		out[at] = out[6];
		out[at + 1] = 0;
		store_be16(out + at + 2, (uint16_t)((f->off & ~7u) | more));
		store_be32(out + at + 4, id);
		out[6] = 44;
		at += 8;
	}
	for (size_t i = 0; i < n && at + i < sizeof(out); i++)
		out[at + i] = f->fill != 0 ? (uint8_t)f->fill : f->off + i < total ? frame[header + f->off + i] : '?';
	if (p->v6) {
		store_be16(out + 4, (uint16_t)(8 + n));
	} else {
		store_be16(out + 2, (uint16_t)(header + n));
		store_be16(out + 4, (uint16_t)id);
		store_be16(out + 6, (uint16_t)(more ? 0x2000 : 0) | (uint16_t)(f->off / 8));
		store_be16(out + 10, 0);
		store_be16(out + 10, checksum(out, header));
	}
	play_send(p, out, at + n);
}

static void pieces_cut(struct play *p, const uint8_t *frame, size_t len, const char *how)
{
	char *end;
	unsigned every = (unsigned)strtoul(how, &end, 10);
	size_t header = p->v6 ? 40 : (frame[0] & 15) * 4u, total = len - header;
	unsigned count = every == 0 ? 0 : (unsigned)((total + every - 1) / every);
	bool backwards = strchr(end, 'r') != NULL, twice = strchr(end, 'd') != NULL;

	for (unsigned i = 0; i < count; i++) {
		struct piece_text f = { .off = every * (backwards ? count - 1 - i : i), .len = every };

		if (f.off + f.len > total)
			f.len = (unsigned)total - f.off;
		for (int k = 0; k <= twice; k++)
			piece_send(p, frame, len, &f);
	}
}

static void frame_send(struct play *p, uint8_t *frame, size_t len, const char *frag)
{
	if (frag == NULL) {
		play_send(p, frame, len);
		return;
	}
	p->ip_id++;
	if (*frag == '/') {
		pieces_cut(p, frame, len, frag + 1);
		return;
	}
	while (*frag != 0) {
		struct piece_text f;

		frag = piece_read(frag, &f);
		if (f.wait_ms > 0) {
			usleep(f.wait_ms * 1000);
			p->now_ns += f.wait_ms * (uint64_t)30000000;
			play_answers(p, 0);
		}
		piece_send(p, frame, len, &f);
	}
	p->ip_id += 8;
}

static void craft_send(struct play *p, const char *text, const struct segment_text *s, bool udp)
{
	uint8_t frame[FRAME_MAX];
	int len = craft(frame, sizeof(frame), text, NULL);
	size_t header = p->v6 ? 40 : (frame[0] & 15) * 4u;

	if (len < 0) {
		fprintf(stderr, "can't craft: %s\n", text);
		p->wrong = "craft";
		return;
	}
	if (p->trace)
		fprintf(stderr, "  %s%s%s\n", text, s->frag != NULL ? " frag=" : "", s->frag != NULL ? s->frag : "");
	if (udp && s->nosum)
		store_be16(frame + header + 6, 0);
	frame_send(p, frame, (size_t)len, s->frag);
}

void segment_step(struct play *p, const struct words *w, bool udp)
{
	struct segment_text s = { .frag = NULL };
	uint32_t seq = p->snd;
	const char *flags = w->at[0];
	char text[STREAM_MAX];
	int64_t ack = 0;
	bool placed = false;

	for (unsigned i = 1; i < w->count; i++) {
		if (w->at[i][0] == '+' || (w->at[i][0] == '-' && w->at[i][1] != 0)) {
			seq = p->isn + (uint32_t)strtoll(w->at[i], NULL, 10);
			placed = true;
		}
	}
	for (unsigned i = 1; i < w->count; i++) {
		if (w->at[i][0] != '+' && w->at[i][0] != '-' && !word_offset(p, &s, w->at[i], &ack))
			word_take(p, &s, w->at[i], seq);
	}
	if (udp) {
		snprintf(text, sizeof(text), "%s %s %s%s / udp %u %u%s", p->v6 ? "ipv6" : "ipv4", play_address(p, true),
			 play_address(p, false), s.ip, p->our_port, APP_PORT, s.tcp);
	} else {
		bool syn = strchr(flags, 'S') != NULL, acks = strchr(flags, 'A') != NULL;

		if (p->ts && !s.ts_given && strchr(flags, 'R') == NULL)
			word_offset(p, &s, "ts+0", &ack);
		if (strstr(s.tcp, "win=") == NULL)
			add(s.tcp, sizeof(s.tcp), "win=60000");
		add_number(s.tcp, sizeof(s.tcp), "seq", seq);
		add_number(s.tcp, sizeof(s.tcp), "ack", acks ? p->peer_next + (uint32_t)ack : (uint32_t)ack);
		snprintf(text, sizeof(text), "%s %s %s%s / tcp %u %u %s%s", p->v6 ? "ipv6" : "ipv4",
			 play_address(p, true), play_address(p, false), s.ip, p->our_port, APP_PORT,
			 strcmp(flags, "-") == 0 ? "P" : flags, s.tcp);
		if (!placed)
			p->snd = seq + (uint32_t)strlen(s.data) + syn + (strchr(flags, 'F') != NULL);
	}
	if (s.data[0] != 0) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, " / \"%s\"", s.data);
	}
	craft_send(p, text, &s, udp);
	p->ts_now++;
}
