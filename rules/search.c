/* search.c - see search.h. The vector loop reads only inside the text: the tail is done byte by byte. */
#include "rules/search.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static inline bool is_letter(uint8_t c)
{
	uint8_t l = c | 0x20;

	return l >= 'a' && l <= 'z';
}

/* Coarse, from what HTTP, TLS, SMB and text traffic is made of. */
uint8_t byte_rarity(uint8_t c)
{
	static const char common[] = " etaonisrhldcmupfgwyb-./:=";

	if (c == 0)
		return 4;
	for (unsigned i = 0; i < sizeof(common) - 1; i++)
		if (c == (uint8_t)common[i])
			return (uint8_t)(8 + i * 4);
	if (c == 0xff || c == 1 || c == '\r' || c == '\n')
		return 100;
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'))
		return 120;
	if (c >= 'A' && c <= 'Z')
		return 140;
	if (c >= 0x20 && c < 0x7f)
		return 180;
	return 200;
}

void search_init(struct search *s, struct slice bytes, bool nocase)
{
	int best = -1;

	*s = (struct search){ .bytes = bytes.data, .len = (uint32_t)bytes.len, .nocase = nocase };
	for (uint32_t i = 0; i < s->len; i++) {
		int rarity = byte_rarity(s->bytes[i]);

		if (rarity > best) {
			best = rarity;
			s->first = i;
		}
	}
	best = -1;
	for (uint32_t i = 0; i < s->len; i++) {
		int rarity = byte_rarity(s->bytes[i]);

		if (i != s->first && s->bytes[i] != s->bytes[s->first] && rarity > best) {
			best = rarity;
			s->second = i;
		}
	}
	if (best < 0)
		s->second = s->len ? s->len - 1 - s->first : 0;
}

static bool equal(const struct search *s, const uint8_t *at)
{
	if (!s->nocase)
		return memcmp(at, s->bytes, s->len) == 0;
	for (uint32_t i = 0; i < s->len; i++)
		if (lower(at[i]) != s->bytes[i])
			return false;
	return true;
}

bool search_at(const struct search *s, struct slice text, size_t place)
{
	return place <= text.len && s->len <= text.len - place && equal(s, text.data + place);
}

#ifdef __SSE2__
/* With nocase both sides get bit 0x20 set where the literal's byte is a letter: a superset, and equal() decides. */
static size_t find_vector(const struct search *s, const uint8_t *text, size_t *at, size_t end)
{
	uint8_t c1 = s->bytes[s->first], c2 = s->bytes[s->second];
	__m128i fold1 = _mm_set1_epi8(s->nocase && is_letter(c1) ? 0x20 : 0);
	__m128i fold2 = _mm_set1_epi8(s->nocase && is_letter(c2) ? 0x20 : 0);
	__m128i want1 = _mm_set1_epi8((char)c1), want2 = _mm_set1_epi8((char)c2);
	size_t i = *at;

	for (; i + 16 <= end; i += 16) {
		__m128i a = _mm_loadu_si128((const __m128i *)(const void *)(text + i + s->first));
		__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(text + i + s->second));
		__m128i hit = _mm_and_si128(_mm_cmpeq_epi8(_mm_or_si128(a, fold1), want1),
					    _mm_cmpeq_epi8(_mm_or_si128(b, fold2), want2));
		unsigned mask = (unsigned)_mm_movemask_epi8(hit);

		for (; mask; mask &= mask - 1) {
			size_t place = i + (unsigned)__builtin_ctz(mask);

			if (equal(s, text + place))
				return place;
		}
	}
	*at = i;
	return SIZE_MAX;
}
#endif

size_t search_find(const struct search *s, struct slice text, size_t from)
{
	size_t end;     /* places from..end-1 are possible */

	if (from > text.len || s->len > text.len - from)
		return SIZE_MAX;
	if (s->len == 0)
		return from;
	end = text.len - s->len + 1;
#ifdef __SSE2__
	size_t place = find_vector(s, text.data, &from, end);

	if (place != SIZE_MAX)
		return place;
#endif
	for (; from < end; from++) {
		uint8_t c = text.data[from + s->first];

		if ((s->nocase ? lower(c) : c) == s->bytes[s->first] && equal(s, text.data + from))
			return from;
	}
	return SIZE_MAX;
}
