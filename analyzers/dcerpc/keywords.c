/* keywords.c - dcerpc.iface and dcerpc.opnum: how their arguments are read and what they ask of a call. */
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "analyzers/dcerpc/dcerpc.h"

#define RANGES_MAX 64

struct version_test {
	char op;                        /* 0: any; '=', '!', '<', '>', 'l' at most, 'g' at least */
	uint16_t value;
};

struct iface_test {
	uint8_t uuid[16];
	struct version_test version;
	bool any_fragment;
};

struct opnum_test {
	unsigned count;
	uint16_t from[RANGES_MAX], to[RANGES_MAX];
};

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *blanks(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* Decimal, at most 65535; *at moves behind it. */
static bool number(const char **at, uint16_t *out)
{
	const char *s = blanks(*at);
	unsigned v = 0;

	if (!isdigit((unsigned char)*s))
		return false;
	for (; isdigit((unsigned char)*s); s++) {
		v = v * 10 + (unsigned)(*s - '0');
		if (v > UINT16_MAX)
			return false;
	}
	*at = blanks(s);
	*out = (uint16_t)v;
	return true;
}

static bool uuid_parse(const char **at, uint8_t *out)
{
	static const uint8_t dashes[] = { 4, 6, 8, 10 };
	const char *s = *at;
	unsigned next = 0;

	for (unsigned i = 0; i < 16; i++) {
		int high, low;

		if (next < 4 && i == dashes[next]) {
			if (*s++ != '-')
				return false;
			next++;
		}
		high = digit(s[0]);
		low = high < 0 ? -1 : digit(s[1]);
		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
		s += 2;
	}
	*at = blanks(s);
	return true;
}

static bool version_parse(const char **at, struct version_test *v)
{
	const char *s = *at;

	v->op = '=';
	if (*s == '<' || *s == '>') {
		v->op = *s++;
		if (*s == '=') {
			v->op = v->op == '<' ? 'l' : 'g';
			s++;
		}
	} else if (*s == '!') {
		v->op = *s++;
		s += *s == '=';
	} else if (*s == '=') {
		s++;
	}
	*at = s;
	return number(at, &v->value);
}

void *dce_iface_parse(const char *argument, const char **error)
{
	struct iface_test t = { 0 }, *out;
	const char *s = blanks(argument);

	*error = "dcerpc.iface takes <uuid>[, <version test>][, any_frag]";
	if (!uuid_parse(&s, t.uuid))
		return NULL;
	if (*s == ',' && strncasecmp(blanks(s + 1), "any_frag", 8) != 0) {
		s = blanks(s + 1);
		if (!version_parse(&s, &t.version))
			return NULL;
	}
	if (*s == ',') {
		s = blanks(s + 1);
		if (strncasecmp(s, "any_frag", 8) != 0)
			return NULL;
		s = blanks(s + 8);
		t.any_fragment = true;
	}
	if (*s != '\0')
		return NULL;
	out = malloc(sizeof(*out));
	if (out != NULL)
		*out = t;
	return out;
}

static bool version_is(const struct version_test *t, uint32_t version)
{
	switch (t->op) {
	case '=':       return version == t->value;
	case '!':       return version != t->value;
	case '<':       return version < t->value;
	case '>':       return version > t->value;
	case 'l':       return version <= t->value;
	case 'g':       return version >= t->value;
	default:        return true;
	}
}

bool dce_iface_is(const void *parsed, const uint8_t *uuid, uint32_t version)
{
	const struct iface_test *t = parsed;

	return memcmp(t->uuid, uuid, sizeof(t->uuid)) == 0 && version_is(&t->version, version);
}

bool dce_iface_test(const struct dce_ifaces *ifaces, const struct dce_call *call, const void *parsed)
{
	const struct iface_test *t = parsed;
	const struct dce_iface *list = (const struct dce_iface *)(const void *)ifaces->list.data;

	if (!call->has_opnum)
		return false;
	for (uint32_t i = 0; i < ifaces->list.len / sizeof(*list); i++)
		if (list[i].context == call->context && list[i].acked && list[i].result == 0 &&
		    (t->any_fragment || list[i].first_frag) && dce_iface_is(t, list[i].uuid, list[i].version))
			return true;
	return false;
}

void *dce_opnum_parse(const char *argument, const char **error)
{
	struct opnum_test *t = calloc(1, sizeof(*t));
	const char *s = argument;

	*error = "dcerpc.opnum takes numbers and ranges up to 65535: 4, 10-20, 1,3,5-7";
	while (t != NULL) {
		uint16_t from, to;

		if (t->count == RANGES_MAX || !number(&s, &from))
			break;
		to = from;
		if (*s == '-') {
			s++;
			if (!number(&s, &to) || to <= from)
				break;
		}
		t->from[t->count] = from;
		t->to[t->count++] = to;
		if (*s == '\0')
			return t;
		if (*s++ != ',')
			break;
	}
	free(t);
	return NULL;
}

bool dce_opnum_test(const struct dce_call *call, const void *parsed)
{
	const struct opnum_test *t = parsed;

	for (unsigned i = 0; i < t->count && call->has_opnum; i++)
		if (call->opnum >= t->from[i] && call->opnum <= t->to[i])
			return true;
	return false;
}
