/* generate.c - cases by nesting lists, and random ones. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "tests/evasion/cases_own.h"

const struct evasion_group *evasion_table(unsigned i, size_t *count)
{
	const struct evasion_group *tables[] = { evasion_ip, evasion_begin, evasion_data, evasion_end, evasion_found };
	const size_t counts[] = { evasion_ip_count, evasion_begin_count, evasion_data_count, evasion_end_count,
				  evasion_found_count };

	if (i >= ARRAY_LEN(tables))
		return NULL;
	*count = counts[i];
	return tables[i];
}

/* Two early pieces that overlap, then what fills the hole: every relation of edges. */
static void overlaps(evasion_visit *visit, void *arg)
{
	char name[96], script[256];

	for (int a_len = 2; a_len <= 4; a_len += 2) {
		for (int b_at = 2; b_at <= 9; b_at++) {
			for (int b_len = 1; b_len <= 6; b_len++) {
				int a_at = 5;

				snprintf(name, sizeof(name), "overlap a=%d+%d b=%d+%d", a_at, a_len, b_at, b_len);
				snprintf(script, sizeof(script),
					 "open; A +%d \"%.*s\"; A +%d \"%.*s\"; A +1 \"1234\"; A +5 \"56789abcdefghijk\"",
					 a_at, a_len, "AAAAAAAA", b_at, b_len, "BBBBBBBB");
				visit(arg, name, script);
			}
		}
	}
}

/* Three early pieces. */
static void triples(evasion_visit *visit, void *arg)
{
	static const int places[][2] = { { 3, 4 }, { 5, 2 }, { 5, 4 }, { 7, 2 }, { 7, 4 }, { 9, 2 }, { 4, 8 } };
	char name[96], script[256];

	for (size_t a = 0; a < ARRAY_LEN(places); a++) {
		for (size_t b = 0; b < ARRAY_LEN(places); b++) {
			for (size_t c = 0; c < ARRAY_LEN(places); c++) {
				const int *at[3] = { places[a], places[b], places[c] };

				snprintf(name, sizeof(name), "triple %d+%d %d+%d %d+%d", at[0][0], at[0][1], at[1][0],
					 at[1][1], at[2][0], at[2][1]);
				snprintf(script, sizeof(script),
					 "open; A +%d \"%.*s\"; A +%d \"%.*s\"; A +%d \"%.*s\"; A +1 \"12\"; A +3 \"3456789abcdefgh\"",
					 at[0][0], at[0][1], "AAAAAAAA", at[1][0], at[1][1], "BBBBBBBB", at[2][0],
					 at[2][1], "CCCCCCCC");
				visit(arg, name, script);
			}
		}
	}
}

/* One odd segment between two plain ones. */
static void injections(evasion_visit *visit, void *arg, const char *start, const char *start_name, bool ts)
{
	static const char *const flags[] = { "A", "PA", "UA", "F", "FA", "S", "SA", "R", "RA", "-" };
	static const int32_t seqs[] = { -100000, 0, 1, 4, 5, 6, 9, 1000, 70000, 100000000 };
	static const struct {
		const char *name, *words;
	} odds[] = {
		{ "plain", "" },                { "old ack", "a-1" },
		{ "very old ack", "a-200000" }, { "ack ahead", "a+1" },
		{ "ack far ahead", "a+1000000" }, { "bad checksum", "badsum" },
		{ "old timestamp", "ts-1000" }, { "timestamp back by one", "ts-2" },
		{ "new timestamp", "ts+100000" },
	};
	char name[128], script[256];

	for (size_t f = 0; f < ARRAY_LEN(flags); f++) {
		for (size_t s = 0; s < ARRAY_LEN(seqs); s++) {
			for (size_t o = 0; o < ARRAY_LEN(odds); o++) {
				if (!ts && strstr(odds[o].name, "timestamp") != NULL)
					continue;
				snprintf(name, sizeof(name), "inject %s at %d, %s%s", flags[f], seqs[s], odds[o].name,
					 start_name);
				snprintf(script, sizeof(script), "%s; PA \"abcd\"; %s %s%d \"XXXX\" %s; PA \"efgh\"; PA \"ijkl\"",
					 start, flags[f], seqs[s] < 0 ? "" : "+", seqs[s], odds[o].words);
				visit(arg, name, script);
			}
		}
	}
}

void evasion_generate(evasion_visit *visit, void *arg)
{
	overlaps(visit, arg);
	triples(visit, arg);
	injections(visit, arg, "open", "", false);
	injections(visit, arg, "set ts; open", ", timestamps", true);
	injections(visit, arg, "accept", ", client", false);
	injections(visit, arg, "set ts; accept", ", client, timestamps", true);
}

/* Random scripts */

struct random {
	uint64_t state;
	char *out;
	size_t cap, len;
	bool ts, udp, client;
	unsigned letter;
};

static uint32_t draw(struct random *r, uint32_t n)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return (uint32_t)((r->state * 0x9e3779b97f4a7c15u) >> 33) % n;
}

static bool one_in(struct random *r, uint32_t n)
{
	return draw(r, n) == 0;
}

static void say(struct random *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct random *r, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(r->out + r->len, r->cap - r->len, fmt, args);
	va_end(args);
	r->len += n > 0 && (size_t)n < r->cap - r->len ? (size_t)n : 0;
}

static void say_data(struct random *r, unsigned max)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	unsigned n = draw(r, max + 1);
	char text[64];

	if (n == 0)
		return;
	memset(text, letters[r->letter++ % 26], n);
	text[n] = 0;
	say(r, " \"%s\"", text);
}

static void say_place(struct random *r)
{
	static const int32_t far[] = { -100000, -1, 0, 1000, 32000, 59000, 65530, 70000, 200000, 100000000, 2147483647 };

	if (one_in(r, 4))
		return;
	if (one_in(r, 8)) {
		int32_t at = far[draw(r, ARRAY_LEN(far))];

		say(r, at < 0 ? " %d" : " +%d", at);
		return;
	}
	say(r, " +%u", draw(r, 24));
}

static void say_fragments(struct random *r)
{
	if (one_in(r, 2)) {
		say(r, " frag=/%u%s%s", 8 * (1 + draw(r, 3)), one_in(r, 2) ? "r" : "", one_in(r, 4) ? "d" : "");
		return;
	}
	say(r, " frag=");
	for (unsigned i = 0, n = 2 + draw(r, 4); i < n; i++) {
		say(r, "%s%u+%u", i > 0 ? "," : "", 8 * draw(r, 5), one_in(r, 8) ? draw(r, 40) : 8 * (1 + draw(r, 4)));
		if (one_in(r, 3))
			say(r, "!%c", 'a' + (int)draw(r, 26));
		if (one_in(r, 6))
			say(r, "%s", one_in(r, 2) ? "m" : ".");
		if (one_in(r, 10))
			say(r, "#1");
	}
}

static void say_odd(struct random *r)
{
	static const int32_t acks[] = { -200000, -70000, -5, -2, -1, 1, 2, 5, 1000, 70000, 1000000 };
	static const int32_t stamps[] = { -1000000, -1000, -3, -2, -1, 1, 5, 1000, 1000000, 2147483647 };

	switch (draw(r, 12)) {
	case 0:
	case 1:
		say(r, " a%+d", acks[draw(r, ARRAY_LEN(acks))]);
		break;
	case 2:
	case 3:
		if (r->ts)
			say(r, " ts%+d", stamps[draw(r, ARRAY_LEN(stamps))]);
		break;
	case 4:
		say(r, " badsum");
		break;
	case 5:
		say(r, " ttl=%u", draw(r, 4));
		break;
	case 6:
		say(r, " md5");
		break;
	case 7:
		say(r, " urg=%u", draw(r, 6));
		break;
	case 8:
		say(r, " win=%u", one_in(r, 2) ? 0 : draw(r, 65536));
		break;
	case 9:
		if (r->ts)
			say(r, " nots");
		break;
	case 10:
		say(r, " ipbad");
		break;
	default:
		say_fragments(r);
		break;
	}
}

static void say_segment(struct random *r)
{
	static const char *const rare[] = { "F", "FA", "FA", "FPA", "S", "SA", "SA", "SF", "R", "R", "RA", "RA", "SR",
					    "UA", "PUA", "UA", "-", "FUA", "FSRPAU" };

	say(r, "; %s", one_in(r, 3) ? rare[draw(r, ARRAY_LEN(rare))] : one_in(r, 2) ? "A" : "PA");
	say_place(r);
	say_data(r, 8);
	if (one_in(r, 4))
		say_odd(r);
	if (one_in(r, 16))
		say_odd(r);
}

static void say_step(struct random *r)
{
	switch (draw(r, 24)) {
	case 0:
		say(r, "; app \"hello\"");
		break;
	case 1:
		say(r, "; A");
		break;
	case 2:
		say(r, one_in(r, 2) ? "; shut" : "; close");
		break;
	case 3:
		say(r, "; flush");
		break;
	case 4:
		if (one_in(r, 3))
			say(r, "; again; S mss=1400; A");
		break;
	default:
		say_segment(r);
		break;
	}
}

static void say_start(struct random *r)
{
	static const char *const open[] = { "open", "open", "open", "open", "S mss=1400 sackok; A +1", "S mss=1400",
					    "S \"XX\"; A +1", "S +5000; S +0; A +1" };
	static const char *const accept[] = { "accept", "accept", "accept", "connect; SA", "connect; S; SA +0",
					      "connect; SA \"XX\"", "connect; S; A", "connect" };
	bool far = one_in(r, 10);

	r->ts = one_in(r, 2);
	r->client = one_in(r, 3);
	say(r, "set isn=%u", one_in(r, 6) ? 4294967295u - draw(r, 12) : draw(r, 4000000000u));
	if (r->ts)
		say(r, " ts");
	if (one_in(r, 6))
		say(r, " v6");
	if (one_in(r, 3))
		say(r, " wscale");
	if (one_in(r, 6))
		say(r, " inline");
	if (far)
		say(r, " far");
	if (one_in(r, 12))
		say(r, " small");
	say(r, "; %s", r->client ? accept[draw(r, ARRAY_LEN(accept))] : open[draw(r, ARRAY_LEN(open))]);
}

void evasion_random(uint64_t seed, char *out, size_t cap)
{
	struct random r = { .state = (seed + 1) * 0x9e3779b97f4a7c15u, .out = out, .cap = cap };

	out[0] = 0;
	draw(&r, 2);
	if (one_in(&r, 8)) {
		unsigned n = 1 + draw(&r, 3);

		say(&r, "set isn=1%s", one_in(&r, 2) ? " v6" : "");
		while (n-- > 0) {
			say(&r, "; udp \"AAAAAAAABBBBBBBBCCCCCCCCDDDDDDDD\" nosum");
			say_fragments(&r);
		}
		return;
	}
	say_start(&r);
	for (unsigned n = 2 + draw(&r, 10); n > 0; n--)
		say_step(&r);
	if (one_in(&r, 2))
		say(&r, "; PA +1 x%u", 8 + draw(&r, 24));
}
