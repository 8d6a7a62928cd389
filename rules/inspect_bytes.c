/* inspect_bytes.c - see inspect_bytes.h.
 *
 * judge() is a depth-first walk: match number i, with the place where the one before ended, calls itself
 * for i + 1. `hopeless` cuts the walk short where no other place of an earlier match can help. A content that is
 * asked for again and again gets a map of its places (a bit a byte), from which places that failed are
 * taken out: then neither searching nor judging repeats itself. What fails also says, where it can, from which
 * end of the match before on it may hold (`resume`), so that places which can't help are passed over. */
#include "rules/inspect_bytes.h"

#include <errno.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/must.h"
#include "base/reader.h"
#include "rules/explain.h"
#include "rules/regex.h"
#include "rules/search.h"
#include "rules/state.h"

#define TRIES_BEFORE_MAP 8      /* a map costs a pass over the buffer */
#define BASE64_MAX 65536
#define ANCHORED_REACH 1024     /* an anchored expression seldom looks further */
#define BYTES_A_STEP 256        /* searching so many bytes costs one step of the budget */

struct places {
	uint64_t *words;                /* a bit a byte of the buffer; NULL: no map (yet) */
	size_t word_count;
	uint32_t tries;
	size_t dead_from;               /* every place from here on has failed */
};

struct bytes_scratch {
	struct budget *budget;
	struct regex_scratch *regex;
	struct places *places;          /* one a match of the list in work */
	unsigned place_count;
	unsigned place_used;
	uint8_t *base64;
};

struct walk {
	struct inspect *in;
	struct bytes_scratch *scratch;
	const struct rule *rule;
	const struct buffer_list *list;
	const struct view *view;
	struct places *places;
	struct slice bytes;
	bool hopeless;                  /* no other place of an earlier match can help */
	size_t resume;                  /* what failed last can't hold for an earlier end of the match before it */
};

int bytes_scratch_new(struct bytes_scratch **out, struct budget *budget, uint32_t regex_match_limit,
		      uint32_t regex_depth_limit)
{
	struct bytes_scratch *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->budget = budget;
	err = regex_scratch_new(&s->regex, regex_match_limit, regex_depth_limit);
	if (err < 0) {
		free(s);
		return err;
	}
	*out = s;
	return 0;
}

void bytes_scratch_free(struct bytes_scratch *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->place_count; i++)
		budget_put(s->budget, s->places[i].words, s->places[i].word_count * sizeof(uint64_t));
	budget_put(s->budget, s->places, s->place_count * sizeof(*s->places));
	budget_put(s->budget, s->base64, BASE64_MAX);
	regex_scratch_free(s->regex);
	free(s);
}

static bool spend(struct inspect *in, int64_t steps)
{
	in->steps -= steps;
	if (likely(in->steps > 0))
		return true;
	in->limit_hit = true;
	return false;
}

/* The list's own part of scratch: lists nest where base64 is decoded. */
static struct places *places_take(struct bytes_scratch *s, unsigned count)
{
	unsigned need = s->place_used + count;
	struct places *p;

	if (need > s->place_count) {
		unsigned grown = need < 32 ? 32 : need * 2;

		if (s->place_used)              /* pointers into the array are in use */
			return NULL;
		p = budget_resize(s->budget, s->places, s->place_count * sizeof(*p), grown * sizeof(*p));
		if (p == NULL)
			return NULL;
		memset(p + s->place_count, 0, (grown - s->place_count) * sizeof(*p));
		s->places = p;
		s->place_count = grown;
	}
	p = s->places + s->place_used;
	for (unsigned i = 0; i < count; i++) {
		p[i].tries = 0;
		p[i].dead_from = SIZE_MAX;
	}
	s->place_used = need;
	return p;
}

/* Where a content may lie: places lo … hi - len. False where it can't. */
static bool content_window(const struct walk *w, const struct content *c, size_t at, size_t *lo, size_t *hi)
{
	const uint64_t *vars = w->in->vars;
	int64_t len = (int64_t)w->bytes.len;
	int64_t base = w->view->offset > INT32_MAX ? INT32_MAX : (int64_t)w->view->offset;
	int64_t from = 0, to = len;
	int64_t offset = c->offset.is_var ? (int64_t)vars[c->offset.var] : c->offset.value;
	int64_t depth = c->depth.is_var ? (int64_t)vars[c->depth.var] : c->depth.value;

	if (c->flags & CONTENT_STARTSWITH) {
		offset = 0;
		depth = (int64_t)c->bytes.len;
	}
	if (c->flags & (CONTENT_DISTANCE | CONTENT_WITHIN)) {
		int64_t distance = 0;

		if (c->flags & CONTENT_DISTANCE)
			distance = c->distance.is_var ? (int64_t)(int32_t)vars[c->distance.var] : c->distance.value;
		from = (int64_t)at + distance;
		if (c->flags & CONTENT_WITHIN)
			to = (int64_t)at + distance +
			     (c->within.is_var ? (int64_t)(int32_t)vars[c->within.var] : c->within.value);
		if (c->flags & CONTENT_DEPTH && (int64_t)at + offset + depth < to)
			to = (int64_t)at + offset + depth;
		if (c->flags & CONTENT_OFFSET && offset > from)
			from = offset;
	} else {
		if (c->flags & CONTENT_OFFSET)
			from = offset - base;
		if (c->flags & (CONTENT_DEPTH | CONTENT_STARTSWITH))
			to = (c->flags & CONTENT_OFFSET || c->flags & CONTENT_STARTSWITH ? offset : 0) + depth - base;
	}
	if (from < 0)
		from = 0;
	if (to > len)
		to = len;
	if (from > to || to <= 0)
		return false;
	*lo = (size_t)from;
	*hi = (size_t)to;
	return true;
}

/* All places of a content in the buffer, once. False where there is no memory for that. */
static bool map_make(struct walk *w, struct places *p, const struct search *s)
{
	size_t words = (w->bytes.len + 64) / 64;
	size_t place = 0;

	if (words > p->word_count) {
		uint64_t *grown = budget_resize(w->scratch->budget, p->words,
						p->word_count * sizeof(uint64_t), words * sizeof(uint64_t));
		if (grown == NULL)
			return false;
		p->words = grown;
		p->word_count = words;
	}
	memset(p->words, 0, words * sizeof(uint64_t));
	for (;;) {
		place = search_find(s, w->bytes, place);
		if (place == SIZE_MAX)
			return true;
		p->words[place / 64] |= 1ull << (place % 64);
		place++;
	}
}

static size_t map_next(const struct places *p, size_t from, size_t end)
{
	size_t word = from / 64;
	uint64_t bits;

	if (from >= end)
		return SIZE_MAX;
	bits = p->words[word] & (~0ull << (from % 64));
	while (bits == 0) {
		if (++word * 64 >= end)
			return SIZE_MAX;
		bits = p->words[word];
	}
	from = word * 64 + (unsigned)__builtin_ctzll(bits);
	return from < end ? from : SIZE_MAX;
}

#define MAPPED UINT32_MAX

/* The next place of content in [lo, hi), end included in hi. */
static size_t content_find(struct walk *w, struct places *p, const struct search *s, size_t lo, size_t hi)
{
	size_t place;

	if (lo > hi || hi - lo < s->len)
		return SIZE_MAX;
	if (p->tries == MAPPED)
		return map_next(p, lo, hi - s->len + 1);
	place = search_find(s, slice_of(w->bytes.data, hi), lo);
	spend(w->in, (int64_t)(((place == SIZE_MAX ? hi : place) - lo) / BYTES_A_STEP));
	return place;
}

static bool judge(struct walk *w, unsigned i, size_t at);

static bool failed(struct walk *w, size_t resume)
{
	w->resume = resume;
	return false;
}

static bool judge_negated(struct walk *w, unsigned i, size_t at, const struct content *c)
{
	size_t lo, hi, place;

	if (content_window(w, c, at, &lo, &hi)) {
		if (c->flags & CONTENT_ENDSWITH)
			lo = w->bytes.len >= c->bytes.len && w->bytes.len - c->bytes.len > lo
				     ? w->bytes.len - c->bytes.len : lo;
		place = content_find(w, &w->places[i], c->searcher, lo, hi);
		if (place != SIZE_MAX &&
		    (!(c->flags & CONTENT_ENDSWITH) || place + c->bytes.len == w->bytes.len)) {
			if (!(c->flags & (CONTENT_DISTANCE | CONTENT_WITHIN)))
				w->hopeless = true;
			explain_found(w->in, i, place);
			return false;
		}
	}
	return judge(w, i + 1, at);
}

/* The content isn't in its window, lo … hi. Which end of the match before would have it there? */
static size_t content_resume(struct walk *w, const struct match *m, struct places *p, size_t lo, size_t hi)
{
	const struct content *c = &m->content;
	size_t place = SIZE_MAX;
	int64_t from;

	if (c->distance.is_var || c->within.is_var || c->flags & (CONTENT_DEPTH | CONTENT_OFFSET | CONTENT_ENDSWITH))
		return 0;
	if (hi < w->bytes.len) {
		if (p->tries != MAPPED)
			return 0;
		place = content_find(w, p, c->searcher, lo, w->bytes.len);
	}
	if (place == SIZE_MAX)
		return SIZE_MAX;
	from = (int64_t)(place + c->bytes.len) - c->within.value - (c->flags & CONTENT_DISTANCE ? c->distance.value : 0);
	return from > 0 ? (size_t)from : 0;
}

static bool judge_content(struct walk *w, unsigned i, size_t at)
{
	const struct match *m = &w->list->matches[i];
	const struct content *c = &m->content;
	struct places *p = &w->places[i];
	bool relative = c->flags & (CONTENT_DISTANCE | CONTENT_WITHIN);
	size_t lo, hi, first, resume = 0;

	if (c->flags & CONTENT_NEGATED)
		return judge_negated(w, i, at, c);
	if (!content_window(w, c, at, &lo, &hi))
		return failed(w, 0);
	if (c->flags & CONTENT_ENDSWITH && w->bytes.len > c->bytes.len && lo < w->bytes.len - c->bytes.len)
		lo = w->bytes.len - c->bytes.len;
	if (relative && p->tries != MAPPED && ++p->tries > TRIES_BEFORE_MAP) {
		if (spend(w->in, (int64_t)(w->bytes.len / BYTES_A_STEP)) && map_make(w, p, c->searcher))
			p->tries = MAPPED;
	}
	first = lo;
	while (lo < p->dead_from && spend(w->in, 1)) {
		size_t place = content_find(w, p, c->searcher, lo, hi);

		if (place == SIZE_MAX || place >= p->dead_from) {
			if (relative && lo == first && !w->in->limit_hit)
				resume = place == SIZE_MAX ? content_resume(w, m, p, lo, hi) : SIZE_MAX;
			break;
		}
		lo = place + 1;
		if (c->flags & CONTENT_ENDSWITH && place + c->bytes.len != w->bytes.len)
			continue;
		if (judge(w, i + 1, place + c->bytes.len))
			return true;
		if (w->hopeless || !(m->plan & MATCH_RETRY))
			return failed(w, 0);
		if (m->plan & MATCH_MEMO && p->tries == MAPPED)
			p->words[place / 64] &= ~(1ull << (place % 64));
		if (w->resume > lo + c->bytes.len)
			lo = w->resume == SIZE_MAX ? w->bytes.len + 1 : w->resume - c->bytes.len;
	}
	/* Without `within` and `depth` the window was the rest of the buffer: nothing from here on will do. */
	if (m->plan & MATCH_MEMO && hi == w->bytes.len && first < p->dead_from && !w->in->limit_hit &&
	    !(c->flags & (CONTENT_WITHIN | CONTENT_DEPTH)))
		p->dead_from = first;
	if (relative && p->dead_from <= first && !(c->flags & (CONTENT_WITHIN | CONTENT_DEPTH)) && !c->distance.is_var)
		resume = SIZE_MAX;
	if (!relative)
		w->hopeless = true;
	return failed(w, resume);
}

static void captures_keep(struct walk *w, const struct pcre_match *m, const struct regex_span *spans)
{
	for (unsigned i = 0; i < m->capture_count && i < 8; i++) {
		struct slice value;

		if (spans[i + 1].start == SIZE_MAX)
			continue;
		value = slice_of(w->bytes.data + spans[i + 1].start, spans[i + 1].end - spans[i + 1].start);
		if (m->captures[i].kind == 'b') {
			uint64_t v = 0;

			for (size_t j = 0; j < value.len && value.data[j] >= '0' && value.data[j] <= '9'; j++)
				v = v * 10 + (value.data[j] - '0');
			w->in->vars[m->captures[i].id] = v;
		} else if (w->in->capture_count < ARRAY_LEN(w->in->captures)) {
			w->in->captures[w->in->capture_count].to = &m->captures[i];
			w->in->captures[w->in->capture_count++].value = value;
		}
	}
}

/* How much of a text an expression is taken to look at. */
static size_t regex_reach(const struct match *m, size_t len)
{
	return m->plan & MATCH_ANCHORED && len > ANCHORED_REACH ? ANCHORED_REACH : len;
}

/* A relative expression sees the bytes from the last match on, as if nothing stood before. */
static bool judge_pcre(struct walk *w, unsigned i, size_t at)
{
	const struct match *m = &w->list->matches[i];
	const struct pcre_match *re = &m->pcre;
	struct places *p = &w->places[i];
	size_t base = re->relative ? at : 0;
	size_t from = 0;

	if (re->relative && (base >= w->bytes.len || base >= p->dead_from))
		return failed(w, SIZE_MAX);
	for (;;) {
		struct regex_span spans[9];
		struct slice text = slice_skip(w->bytes, base);
		enum regex_answer answer;

		if (!spend(w->in, 4 + (int64_t)(regex_reach(m, text.len - from) / BYTES_A_STEP)))
			return false;
		answer = regex_match(re->regex, w->scratch->regex, text, from, spans, re->capture_count + 1u);
		if (answer == REGEX_LIMIT) {
			w->in->regex_limit_hit = true;
			return false;
		}
		if (answer == REGEX_NO) {
			if (re->negated)
				return judge(w, i + 1, at);
			if (from == 0 && m->plan & MATCH_SUFFIX && base < p->dead_from)
				p->dead_from = base;
			return failed(w, p->dead_from <= base ? SIZE_MAX : 0);
		}
		if (re->negated)
			return false;
		if (re->capture_count)
			captures_keep(w, re, spans);
		for (unsigned k = 0; k <= re->capture_count; k++)
			if (spans[k].start != SIZE_MAX) {
				spans[k].start += base;
				spans[k].end += base;
			}
		if (judge(w, i + 1, spans[0].end))
			return true;
		if (w->hopeless || !(m->plan & MATCH_RETRY))
			return failed(w, 0);
		from = spans[0].start - base + 1;
		if (from > text.len)
			return failed(w, 0);
	}
}

/* Where a byte keyword reads; false where that isn't in the buffer. */
static bool byte_place(const struct walk *w, const struct byte_op *op, size_t at, size_t count, size_t *place)
{
	int64_t offset = op->offset.is_var ? (int64_t)(int32_t)w->in->vars[op->offset.var] : op->offset.value;
	int64_t from = (op->flags & BYTE_RELATIVE ? (int64_t)at : 0) + offset;

	if (from < 0 || from > (int64_t)w->bytes.len || count > w->bytes.len - (size_t)from)
		return false;
	if (op->flags & BYTE_RELATIVE && count && (size_t)from >= w->bytes.len)
		return false;
	*place = (size_t)from;
	return true;
}

/* Digits as strtoull takes them: leading blanks and a sign, then as far as they go. False where there is none. */
static bool number_text(struct slice text, unsigned base, uint64_t *out)
{
	size_t i = 0, digits = 0;
	uint64_t v = 0;
	bool minus = false;

	while (i < text.len && (text.data[i] == ' ' || (text.data[i] >= 9 && text.data[i] <= 13)))
		i++;
	if (i < text.len && (text.data[i] == '-' || text.data[i] == '+'))
		minus = text.data[i++] == '-';
	if (base == 16 && i + 2 < text.len && text.data[i] == '0' && (text.data[i + 1] | 0x20) == 'x')
		i += 2;
	for (; i < text.len; i++, digits++) {
		uint8_t c = text.data[i] | 0x20;
		unsigned d = 99;

		if (text.data[i] >= '0' && text.data[i] <= '9')
			d = text.data[i] - '0';
		else if (c >= 'a' && c <= 'f')
			d = c - 'a' + 10u;
		if (d >= base)
			break;
		if (__builtin_mul_overflow(v, (uint64_t)base, &v) || __builtin_add_overflow(v, (uint64_t)d, &v))
			return false;
	}
	*out = minus ? -v : v;
	return digits > 0;
}

static bool byte_read(const struct walk *w, const struct byte_op *op, size_t place, size_t count, uint64_t *out)
{
	const uint8_t *b = w->bytes.data + place;
	const struct tx *tx = w->in->tx;
	bool little = (op->flags & BYTE_LITTLE) || ((op->flags & BYTE_DCE) && tx != NULL && tx->little_endian);
	uint64_t v = 0;

	if (op->flags & BYTE_STRING)    /* 0 bytes: as far as there are digits */
		return number_text(slice_of(b, count ? count : w->bytes.len - place), op->base ? op->base : 10, out);
	if (count > 8)
		return false;
	for (size_t i = 0; i < count; i++)
		v = v << 8 | b[little ? count - 1 - i : i];
	*out = v;
	return true;
}

static uint64_t bitmasked(uint64_t v, uint32_t mask)
{
	if (mask == 0)
		return v;
	v &= mask;
	return v >> __builtin_ctz(mask);
}

static uint64_t operand_value(const struct walk *w, const struct operand *o)
{
	return o->is_var ? w->in->vars[o->var] : (uint64_t)o->value;
}

static bool compare(uint8_t op, uint64_t v, uint64_t with)
{
	switch (op) {
	case '=':
		return v == with;
	case '!':
		return v != with;
	case '<':
		return v < with;
	case '>':
		return v > with;
	case 'l':
		return v <= with;
	case 'g':
		return v >= with;
	case '&':
		return (v & with) != 0;
	case '^':
		return (v ^ with) != 0;
	default:
		return false;
	}
}

static bool judge_byte_test(struct walk *w, unsigned i, size_t at)
{
	const struct byte_op *op = &w->list->matches[i].byte;
	size_t count = (size_t)operand_value(w, &op->count), place;
	uint64_t v;

	if (w->bytes.len == 0 || !byte_place(w, op, at, count, &place) || !byte_read(w, op, place, count, &v))
		return false;
	v = bitmasked(v, op->bitmask);
	if (compare(op->op, v, operand_value(w, &op->value)) == !!(op->flags & BYTE_NEGATED)) {
		explain_number(w->in, i, place, v);
		return false;
	}
	return judge(w, i + 1, at);
}

static bool judge_byte_jump(struct walk *w, unsigned i, size_t at)
{
	const struct byte_op *op = &w->list->matches[i].byte;
	size_t count = (size_t)operand_value(w, &op->count), place;
	uint64_t v = 0;
	int64_t to;

	if (!byte_place(w, op, at, count, &place) || (count && !byte_read(w, op, place, count, &v)))
		return false;
	v = bitmasked(v, op->bitmask);
	if (op->multiplier)
		v *= op->multiplier;
	if (op->flags & BYTE_ALIGN && v % 4)
		v += 4 - v % 4;
	to = (int64_t)v + op->post_offset;
	if (op->flags & BYTE_FROM_END)
		to += (int64_t)w->bytes.len;
	else if (!(op->flags & BYTE_FROM_BEGINNING))
		to += (int64_t)(place + count);
	if (to < 0)             /* as Suricata has it: no further back than the beginning */
		to = 0;
	if (to > (int64_t)w->bytes.len) {
		explain_number(w->in, i, place, v);
		return false;
	}
	return judge(w, i + 1, (size_t)to) || failed(w, 0);
}

static bool byte_math(uint8_t op, uint64_t a, uint64_t b, uint64_t *out)
{
	switch (op) {
	case '+':
		*out = a + b;
		return true;
	case '-':
		*out = a - b;
		return true;
	case '*':
		*out = a * b;
		return true;
	case '/':
		if (b == 0)
			return false;
		*out = a / b;
		return true;
	case 'L':
		*out = b < 64 ? a << b : 0;
		return true;
	case 'R':
		*out = b < 64 ? a >> b : 0;
		return true;
	default:
		return false;
	}
}

static bool judge_byte_set(struct walk *w, unsigned i, size_t at)
{
	const struct match *m = &w->list->matches[i];
	const struct byte_op *op = &m->byte;
	size_t count = (size_t)operand_value(w, &op->count), place;
	uint64_t v;

	if (!byte_place(w, op, at, count, &place) || !byte_read(w, op, place, count, &v))
		return false;
	if (m->kind == MATCH_BYTE_MATH) {
		if (!byte_math(op->op, v, operand_value(w, &op->value), &v))
			return false;
		v = bitmasked(v, op->bitmask);
	} else {
		if (op->multiplier)
			v *= op->multiplier;
		if (op->align && v % op->align)
			v += op->align - v % op->align;
	}
	w->in->vars[op->result_var] = v;
	return judge(w, i + 1, place + count) || failed(w, 0);
}

static bool judge_isdataat(struct walk *w, unsigned i, size_t at)
{
	const struct isdataat *d = &w->list->matches[i].isdataat;
	uint64_t n = operand_value(w, &d->n);
	bool there = d->relative ? n <= w->bytes.len && at <= w->bytes.len - n : n < w->bytes.len;

	if (there != d->negated)
		return judge(w, i + 1, at);
	return failed(w, d->relative && !d->negated ? SIZE_MAX : 0);
}

/* Decodes as far as it goes; what isn't of the alphabet ends it, or is passed over (mode 1, RFC 2045). */
static size_t base64_take(struct slice in, uint8_t mode, uint8_t *out, size_t cap)
{
	uint32_t group = 0;
	unsigned have = 0;
	size_t len = 0;

	for (size_t i = 0; i < in.len && len + 3 <= cap; i++) {
		int v = base64_value(in.data[i]);

		if (v < 0) {
			if (in.data[i] == '=' || (mode != 1 && in.data[i] != ' ') || (mode == 2))
				break;
			continue;
		}
		group = group << 6 | (uint32_t)v;
		if (++have == 4) {
			out[len++] = (uint8_t)(group >> 16);
			out[len++] = (uint8_t)(group >> 8);
			out[len++] = (uint8_t)group;
			have = 0;
			group = 0;
		}
	}
	if (have >= 2 && len + 2 <= cap) {
		group <<= 6 * (4 - have);
		out[len++] = (uint8_t)(group >> 16);
		if (have == 3)
			out[len++] = (uint8_t)(group >> 8);
	}
	return len;
}

static bool judge_base64(struct walk *w, unsigned i, size_t at)
{
	const struct base64_op *op = &w->list->matches[i].base64;
	struct bytes_scratch *s = w->scratch;
	size_t from = (op->relative ? at : 0) + op->offset;
	struct slice text = slice_skip(w->bytes, from);
	size_t len;

	if (text.len == 0)
		return false;
	if (op->bytes && op->bytes < text.len)
		text.len = op->bytes;
	if (s->base64 == NULL) {
		s->base64 = budget_get_raw(s->budget, BASE64_MAX);
		if (s->base64 == NULL)
			return false;
	}
	if (!spend(w->in, 1 + (int64_t)(text.len / BYTES_A_STEP)))
		return false;
	len = base64_take(text, op->mode, s->base64, BASE64_MAX);
	if (len == 0)
		return false;
	w->in->base64 = slice_of(s->base64, len);
	for (unsigned k = 0; k < w->rule->buffer_count; k++) {
		const struct buffer_list *list = &w->rule->buffers[k];
		struct view view = { .bytes = w->in->base64, .complete = true };

		if (list->buffer->kind == BUFFER_BASE64 && list != w->list &&
		    !inspect_bytes(w->in, s, w->rule, list, &view))
			return false;
	}
	return judge(w, i + 1, at);
}

static bool judge(struct walk *w, unsigned i, size_t at)
{
	const struct match *m;

	if (i == w->list->count)
		return true;
	explain_reached(w->in, w->list, i, at);
	w->resume = 0;
	if (!spend(w->in, 1)) {
		w->hopeless = true;
		return false;
	}
	m = &w->list->matches[i];
	switch ((enum match_kind)m->kind) {
	case MATCH_CONTENT:
		return judge_content(w, i, at);
	case MATCH_PCRE:
		return judge_pcre(w, i, at);
	case MATCH_BYTE_TEST:
		return judge_byte_test(w, i, at);
	case MATCH_BYTE_JUMP:
		return judge_byte_jump(w, i, at);
	case MATCH_BYTE_EXTRACT:
	case MATCH_BYTE_MATH:
		return judge_byte_set(w, i, at);
	case MATCH_ISDATAAT:
		return judge_isdataat(w, i, at);
	case MATCH_BSIZE:
		return number_test_match(&m->bsize, w->bytes.len) && judge(w, i + 1, at);
	case MATCH_ABSENT:              /* the buffer is there: only "or_else" goes on */
		return m->absent.or_else && judge(w, i + 1, at);
	case MATCH_BASE64_DECODE:
		return judge_base64(w, i, at);
	case MATCH_DATASET:
	case MATCH_CUSTOM:
		w->in->at = at;
		return m->custom.test(w->in, m->custom.data, w->bytes) && judge(w, i + 1, at);
	}
	return false;
}

bool inspect_bytes(struct inspect *in, struct bytes_scratch *scratch, const struct rule *rule,
		   const struct buffer_list *list, const struct view *view)
{
	unsigned used = scratch->place_used;
	struct walk w = {
		.in = in, .scratch = scratch, .rule = rule, .list = list, .view = view, .bytes = view->bytes,
		.places = places_take(scratch, list->count),
	};
	bool yes;

	if (w.places == NULL)
		return false;
	if (w.bytes.data == NULL)
		w.bytes = slice_of("", 0);
	explain_bytes(in, list, w.bytes);
	yes = judge(&w, 0, 0) && !in->limit_hit;
	if (!yes)
		explain_failed(in, list, w.bytes);
	scratch->place_used = used;
	return yes;
}

/* Does this match look from where the one before ended? */
static bool reads_place(const struct match *m)
{
	switch ((enum match_kind)m->kind) {
	case MATCH_CONTENT:
		return m->content.flags & (CONTENT_DISTANCE | CONTENT_WITHIN);
	case MATCH_PCRE:
		return m->pcre.relative;
	case MATCH_BYTE_TEST:
	case MATCH_BYTE_JUMP:
	case MATCH_BYTE_EXTRACT:
	case MATCH_BYTE_MATH:
		return m->byte.flags & BYTE_RELATIVE;
	case MATCH_ISDATAAT:
		return m->isdataat.relative;
	case MATCH_BASE64_DECODE:
		return m->base64.relative;
	case MATCH_CUSTOM:
		return true;            /* asn1 may */
	default:
		return false;
	}
}

/* … and does it say anew where the next one looks from? */
static bool sets_place(const struct match *m)
{
	switch ((enum match_kind)m->kind) {
	case MATCH_CONTENT:
		return !(m->content.flags & CONTENT_NEGATED);
	case MATCH_PCRE:
		return !m->pcre.negated;
	case MATCH_BYTE_JUMP:
	case MATCH_BYTE_EXTRACT:
	case MATCH_BYTE_MATH:
		return true;
	default:
		return false;
	}
}

static uint32_t operand_var(const struct operand *o)
{
	return o->is_var ? 1u << o->var : 0;
}

static uint32_t vars_read(const struct match *m)
{
	const struct content *c = &m->content;

	switch ((enum match_kind)m->kind) {
	case MATCH_CONTENT:
		return operand_var(&c->offset) | operand_var(&c->depth) | operand_var(&c->distance) |
		       operand_var(&c->within);
	case MATCH_BYTE_TEST:
	case MATCH_BYTE_JUMP:
	case MATCH_BYTE_EXTRACT:
	case MATCH_BYTE_MATH:
		return operand_var(&m->byte.count) | operand_var(&m->byte.offset) | operand_var(&m->byte.value);
	case MATCH_ISDATAAT:
		return operand_var(&m->isdataat.n);
	case MATCH_BASE64_DECODE:
	case MATCH_CUSTOM:
		return ~0u;             /* what is behind it may use any */
	default:
		return 0;
	}
}

static uint32_t vars_set(const struct match *m)
{
	uint32_t set = 0;

	if (m->kind == MATCH_BYTE_EXTRACT || m->kind == MATCH_BYTE_MATH)
		return 1u << m->byte.result_var;
	if (m->kind == MATCH_PCRE)
		for (unsigned i = 0; i < m->pcre.capture_count; i++)
			if (m->pcre.captures[i].kind == 'b')
				set |= 1u << m->pcre.captures[i].id;
	return set;
}

/* An expression without anchors and looks to either side: a match in a rest of the text is one in the text. */
static bool is_suffix_closed(struct slice p)
{
	for (size_t i = 0; i < p.len; i++) {
		if (p.data[i] == '^')
			return false;
		if (p.data[i] == '\\' && i + 1 < p.len && strchr("AGbBKzZ", p.data[++i]) != NULL)
			return false;
		if (p.data[i] == '(' && i + 1 < p.len && (p.data[i + 1] == '?' || p.data[i + 1] == '*'))
			return false;
	}
	return true;
}

static bool is_anchored(const struct pcre_match *m)
{
	if (m->options & RE_ANCHORED)
		return true;
	return m->pattern.len > 0 && m->pattern.data[0] == '^' && !(m->options & RE_MULTILINE) &&
	       memchr(m->pattern.data, '|', m->pattern.len) == NULL;
}

unsigned inspect_bytes_plan(struct buffer_list *list, struct search *searches)
{
	uint32_t set_before = 0;
	unsigned contents = 0;

	for (unsigned i = 0; i < list->count; i++) {
		struct match *m = &list->matches[i];
		uint32_t read_after = 0;

		if (m->kind == MATCH_CONTENT) {
			search_init(&searches[contents], m->content.bytes, m->content.flags & CONTENT_NOCASE);
			m->content.searcher = &searches[contents++];
		}
		m->plan = 0;
		for (unsigned j = i + 1; j < list->count; j++) {
			if (reads_place(&list->matches[j]))
				m->plan |= MATCH_RETRY;
			if (reads_place(&list->matches[j]) || sets_place(&list->matches[j]))
				break;
		}
		for (unsigned j = i + 1; j < list->count; j++)
			read_after |= vars_read(&list->matches[j]);
		if (!(read_after & set_before))
			m->plan |= MATCH_MEMO;
		if (m->kind == MATCH_PCRE && m->pcre.relative && !m->pcre.negated && is_suffix_closed(m->pcre.pattern))
			m->plan |= MATCH_SUFFIX;
		if (m->kind == MATCH_PCRE && is_anchored(&m->pcre))
			m->plan |= MATCH_ANCHORED;
		set_before |= vars_set(m);
	}
	return contents;
}
