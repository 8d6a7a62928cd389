/* sweep.c - see sweep.h. The holes are read once; each step writes the text with the holes' present
 * values, and then moves them on like the wheels of a counter. */
#include "stack/wire/sweep.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cut {
	const char *at;
	const char *why;
};

/* splitmix64 */
static uint32_t draw(struct sweep *s, uint32_t from, uint32_t to)
{
	uint64_t z = s->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	z ^= z >> 31;
	return from + (uint32_t)(z % ((uint64_t)to - from + 1));
}

/* "80", "x50": false where it is none. */
static bool number(const char **p, uint32_t *out, bool *hex)
{
	char *end;
	unsigned long v;

	*hex = **p == 'x';
	if (!(*hex ? isxdigit((unsigned char)(*p)[1]) : isdigit((unsigned char)**p)))
		return false;
	v = strtoul(*p + *hex, &end, *hex ? 16 : 10);
	if (v > UINT32_MAX)
		return false;
	*p = end;
	*out = (uint32_t)v;
	return true;
}

/* FROM-TO[/STEP] that fills [p, end). */
static bool range(struct sweep_item *item, const char *p, const char *end)
{
	bool hex;

	item->step = 1;
	if (!number(&p, &item->from, &item->hex) || *p++ != '-' || !number(&p, &item->to, &hex) || hex != item->hex)
		return false;
	if (*p == '/') {
		p++;
		if (!number(&p, &item->step, &hex) || item->step == 0)
			return false;
	}
	return p == end && item->from <= item->to;
}

static bool item_read(struct sweep_item *item, const char *p, const char *end, struct cut *wrong)
{
	const size_t len = (size_t)(end - p);

	memset(item, 0, sizeof(*item));
	wrong->at = p;
	if (len == 6 && memcmp(p, "random", 6) == 0) {
		item->random = true;
		item->from = 1;
		item->to = UINT16_MAX;
		return true;
	}
	if (len > 7 && memcmp(p, "random:", 7) == 0) {
		item->random = true;
		wrong->why = "expected {random:FROM-TO}, FROM not above TO";
		return range(item, p + 7, end) && item->step == 1;
	}
	if (range(item, p, end))
		return true;
	wrong->why = "expected {FROM-TO}, {FROM-TO/STEP}, {A,B,C}, {random} or {random:FROM-TO}";
	/* A word may be anything but a range gone wrong, as 9-1. */
	if (len == 0 || (memchr(p, '-', len) != NULL && memchr(p, ':', len) == NULL))
		return false;
	item->word = p;
	item->word_len = (uint32_t)len;
	return true;
}

static void hole_start(struct sweep *s, struct sweep_hole *h, unsigned item)
{
	const struct sweep_item *i = &h->items[item];

	h->item = item;
	h->value = i->random ? draw(s, i->from, i->to) : i->from;
}

/* The hole that starts at text[at]; false where it is wrong. */
static bool hole_read(struct sweep *s, size_t at, struct cut *wrong)
{
	struct sweep_hole *h = &s->holes[s->count];
	const char *p = s->text + at + 1, *close = strchr(p, '}');

	wrong->at = s->text + at;
	wrong->why = close == NULL ? "the closing } is missing" : "expected at most 16 {}";
	if (close == NULL || s->count == SWEEP_HOLES_MAX)
		return false;
	h->open = (uint32_t)at;
	h->close = (uint32_t)(close + 1 - s->text);
	for (;;) {
		const char *end = p + strcspn(p, ",}");

		if (h->count == SWEEP_ITEMS_MAX) {
			wrong->why = "expected at most 64 words in a {}";
			return false;
		}
		if (!item_read(&h->items[h->count], p, end, wrong))
			return false;
		s->random |= h->items[h->count++].random;
		if (end == close)
			break;
		p = end + 1;
	}
	s->count++;
	return true;
}

int sweep_init(struct sweep *s, const char *text, uint64_t seed, size_t *at, const char **why)
{
	struct cut wrong = { .at = text, .why = "too long" };
	bool quoted = false, fits = strlen(text) < SWEEP_TEXT_MAX / 2;

	memset(s, 0, sizeof(*s));
	s->text = text;
	s->state = seed;
	for (size_t i = 0; fits && text[i] != '\0'; i++) {
		if (quoted && text[i] == '\\' && text[i + 1] != '\0')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (text[i] == '{' && !quoted) {
			fits = hole_read(s, i, &wrong);
			if (fits)
				i = s->holes[s->count - 1].close - 1;
		}
	}
	*at = (size_t)(wrong.at - text);
	*why = wrong.why;
	if (!fits)
		return -EINVAL;
	sweep_rewind(s);
	return 0;
}

void sweep_rewind(struct sweep *s)
{
	s->ended = false;
	for (unsigned i = 0; i < s->count; i++)
		hole_start(s, &s->holes[i], 0);
}

static uint64_t item_count(const struct sweep_item *i)
{
	return i->word_len > 0 || i->random ? 1 : ((uint64_t)i->to - i->from) / i->step + 1;
}

uint64_t sweep_count(const struct sweep *s)
{
	uint64_t n = 1;

	for (unsigned i = 0; i < s->count; i++) {
		uint64_t here = 0;

		for (unsigned k = 0; k < s->holes[i].count; k++)
			here += item_count(&s->holes[i].items[k]);
		if (n > UINT64_MAX / here)
			return UINT64_MAX;
		n *= here;
	}
	return n;
}

/* False where the hole has been through all and is at its first again. */
static bool hole_step(struct sweep *s, struct sweep_hole *h)
{
	const struct sweep_item *i = &h->items[h->item];

	if (i->word_len == 0 && !i->random && i->to - h->value >= i->step) {
		h->value += i->step;
		return true;
	}
	hole_start(s, h, h->item + 1 < h->count ? h->item + 1 : 0);
	return h->item != 0;
}

static size_t put(struct sweep *s, size_t used, const char *from, size_t len, size_t origin, bool moves)
{
	for (size_t i = 0; i < len && used < SWEEP_TEXT_MAX - 1; i++) {
		s->origin[used] = (uint16_t)(origin + (moves ? i : 0));
		s->out[used++] = from[i];
	}
	return used;
}

const char *sweep_next(struct sweep *s)
{
	size_t used = 0, at = 0;
	unsigned last = s->count;
	char digits[16];

	if (s->ended)
		return NULL;
	for (unsigned k = 0; k < s->count; k++) {
		const struct sweep_hole *h = &s->holes[k];
		const struct sweep_item *i = &h->items[h->item];

		used = put(s, used, s->text + at, h->open - at, at, true);
		if (i->word_len > 0) {
			used = put(s, used, i->word, i->word_len, h->open, false);
		} else {
			const int n = snprintf(digits, sizeof(digits), i->hex ? "%" PRIx32 : "%" PRIu32, h->value);

			used = put(s, used, digits, (size_t)n, h->open, false);
		}
		at = h->close;
	}
	used = put(s, used, s->text + at, strlen(s->text + at), at, true);
	s->out[used] = '\0';
	s->origin[used] = (uint16_t)strlen(s->text);
	while (last > 0 && !hole_step(s, &s->holes[last - 1]))
		last--;
	s->ended = last == 0;
	return s->out;
}

size_t sweep_origin(const struct sweep *s, size_t at)
{
	return s->origin[at < SWEEP_TEXT_MAX ? at : SWEEP_TEXT_MAX - 1];
}
