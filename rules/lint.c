/* lint.c - see lint.h. A warning is likely a mistake; a hint is what an author may know better. */
#include "rules/lint.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/must.h"
#include "base/text.h"
#include "rules/compile.h"

#define DEPTH_MAX 32
#define WEAK_BELOW 3            /* bytes */

/* Column of a place in a rule's text. */
static uint32_t column_of(const struct rule *r, uint32_t text_at)
{
	(void)r;
	return text_at + 1;
}

static const struct rule *rule_by_sid(const struct rule_set *set, uint32_t sid)
{
	for (unsigned i = 0; i < set->count; i++)
		if (set->rules[i]->sid == sid)
			return set->rules[i];
	return NULL;
}

/* Where a rule writes a name, as an argument. */
static const char *name_place(const struct rule *r, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = strstr(r->text, name); at != NULL; at = strstr(at + 1, name))
		if (at > r->text && strchr(",:| ", at[-1]) != NULL && strchr(",;| ", at[len]) != NULL)
			return at;
	return NULL;
}

static const char *name_nearest(const struct name_table *t, const char *name)
{
	const char *found = NULL;
	unsigned best = 3;

	for (uint32_t i = 0; i < t->count; i++) {
		unsigned d;

		if (t->names[i].set_by == 0)
			continue;
		d = text_distance(slice_str(name), slice_str(t->names[i].name), best);
		if (d < best) {
			best = d;
			found = t->names[i].name;
		}
	}
	return found;
}

/* Bits that are asked for, but never set, and the other way round. */
static void names_lint(const struct rule_set *set, enum name_kind kind, const char *what, struct rule_report *report)
{
	const struct name_table *t = &set->names[kind];

	for (uint32_t i = 0; i < t->count; i++) {
		const struct name_use *n = &t->names[i];
		const struct rule *r = (n->set_by == 0) != (n->read_by == 0) ? rule_by_sid(set, n->sid) : NULL;
		char text[256], hint[256] = "";
		const char *at, *nearest;

		if (r == NULL)
			continue;
		at = name_place(r, n->name);
		if (n->set_by == 0) {
			snprintf(text, sizeof(text), "%s %.128s is asked for, but no rule sets it", what, n->name);
			nearest = name_nearest(t, n->name);
			if (nearest != NULL)
				snprintf(hint, sizeof(hint), "did you mean %.128s?", nearest);
		} else {
			snprintf(text, sizeof(text), "%s %.128s is set, but no rule asks for it", what, n->name);
		}
		rule_report_add(report, n->set_by == 0 ? DIAG_WARNING : DIAG_HINT, r->file, r->line,
				at != NULL ? column_of(r, (uint32_t)(at - r->text)) : 1, r->sid, text, hint);
	}
}

/* Regexes */

struct regex_group {
	bool unbounded;                 /* this alternative has something that repeats without end … */
	bool firm;                      /* … and something that has to be there once */
	bool loose;                     /* some alternative had the first only */
};

static void group_close_alternative(struct regex_group *g)
{
	g->loose |= g->unbounded && !g->firm;
	g->unbounded = g->firm = false;
}

/* A quantifier at p: how long it is; whether it is without end, or may be none at all. */
static size_t quantifier(const uint8_t *p, size_t len, bool *unbounded, bool *optional)
{
	size_t n = 1;

	*unbounded = *optional = false;
	if (len == 0)
		return 0;
	if (*p == '*' || *p == '+' || *p == '?') {
		*unbounded = *p != '?';
		*optional = *p != '+';
	} else if (*p == '{') {
		const uint8_t *end = memchr(p, '}', len);
		size_t digits = 1;

		while (end != NULL && digits < (size_t)(end - p) && ((p[digits] >= '0' && p[digits] <= '9') || p[digits] == ','))
			digits++;
		if (end == NULL || digits != (size_t)(end - p) || digits == 1)
			return 0;
		n = digits + 1;
		*unbounded = end[-1] == ',';
		*optional = p[1] == '0' || p[1] == ',';
	} else {
		return 0;
	}
	/* A possessive one gives nothing back: it can't be tried in another way. */
	if (n < len && p[n] == '+')
		*unbounded = false;
	if (n < len && (p[n] == '+' || p[n] == '?'))
		n++;
	return n;
}

static size_t class_end(struct slice p, size_t i)
{
	i++;
	if (i < p.len && p.data[i] == '^')
		i++;
	if (i < p.len && p.data[i] == ']')
		i++;
	while (i < p.len && p.data[i] != ']')
		i += p.data[i] == '\\' ? 2 : 1;
	return i + 1;
}

bool regex_is_slow(struct slice p)
{
	struct regex_group stack[DEPTH_MAX] = { { 0 } };
	unsigned depth = 0;

	for (size_t i = 0; i < p.len;) {
		bool unbounded, optional, loose = false, assertion = false;
		struct regex_group *g = &stack[depth];

		switch (p.data[i]) {
		case '(':
			if (depth + 1 == DEPTH_MAX)
				return false;
			stack[++depth] = (struct regex_group){ 0 };
			i++;
			if (i < p.len && p.data[i] == '?') {
				/* (?:, (?=, (?<name>, (?i): what stands before the group's own text */
				for (i++; i < p.len && memchr(":=!>)", p.data[i], 5) == NULL; i++)
					;
				if (i < p.len && p.data[i] != ')')
					i++;
			}
			continue;
		case '|':
			group_close_alternative(g);
			i++;
			continue;
		case ')':
			group_close_alternative(g);
			loose = g->loose;
			if (depth > 0)
				depth--;
			g = &stack[depth];
			i++;
			break;
		case '[':
			i = class_end(p, i);
			break;
		case '\\':
			assertion = i + 1 < p.len && memchr("bBAzZG", p.data[i + 1], 6) != NULL;
			i += 2;
			break;
		case '^':
		case '$':
			assertion = true;
			i++;
			break;
		default:
			i++;
		}
		if (i > p.len)
			break;
		i += quantifier(p.data + i, p.len - i, &unbounded, &optional);
		if (loose && unbounded)
			return true;
		g->unbounded |= unbounded || loose;
		g->firm |= !unbounded && !optional && !assertion && !loose;
	}
	return false;
}

static void rule_regexes_lint(const struct rule *r, struct rule_report *report)
{
	bool content = false;
	const struct match *first = NULL;

	for (unsigned i = 0; i < r->buffer_count; i++)
		for (unsigned k = 0; k < r->buffers[i].count; k++) {
			const struct match *m = &r->buffers[i].matches[k];

			content |= m->kind == MATCH_CONTENT && !(m->content.flags & CONTENT_NEGATED);
			if (m->kind != MATCH_PCRE)
				continue;
			if (first == NULL)
				first = m;
			if (regex_is_slow(m->pcre.pattern))
				rule_report_add(report, DIAG_WARNING, r->file, r->line, column_of(r, m->text_at), r->sid,
						"this regex repeats what may repeat itself: some text takes it very long, until "
						"pcre.match-limit ends it",
						"make one of the two repetitions possessive (++), or bound it");
		}
	if (first != NULL && !content)
		rule_report_add(report, DIAG_WARNING, r->file, r->line, column_of(r, first->text_at), r->sid,
				"a regex without a content beside it runs on everything that the rule's header fits",
				"add a content that has to be there whenever the regex matches");
}

/* The prefilter */

static void rule_prefilter_lint(const struct rule *r, const struct program *p, struct rule_report *report)
{
	const struct buffer_list *list = p->has_fast ? &r->buffers[r->fast_buffer] : NULL;
	char text[160];

	if (list != NULL) {
		const struct match *m = &list->matches[list->fast];
		size_t len = m->content.fast_len ? m->content.fast_len : m->content.bytes.len;

		if (len >= WEAK_BELOW)
			return;
		snprintf(text, sizeof(text), "the fast pattern has %zu byte%s: it lets nearly everything through", len,
			 len == 1 ? "" : "s");
		rule_report_add(report, DIAG_HINT, r->file, r->line, column_of(r, m->text_at), r->sid, text,
				"a longer content that has to be there would make the rule cheaper");
		return;
	}
	switch (p->kind) {
	case RULE_PACKETS:
	case RULE_PACKETS_STREAM:
	case RULE_STREAM:
	case RULE_TX:
	case RULE_FRAME:
		rule_report_add(report, DIAG_HINT, r->file, r->line, 1, r->sid,
				p->kind == RULE_TX ? "nothing for the prefilter: the rule is judged on every transaction that its "
						     "header fits" :
						     "nothing for the prefilter: the rule is judged on every packet that its header fits",
				NULL);
		break;
	default:
		break;
	}
}

/* Rules that say the same */

struct body {
	uint64_t hash;
	uint32_t index;
};

static const char *body_option_end(const char *p)
{
	bool quoted = false;

	for (; *p != '\0' && (quoted || *p != ';'); p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '"')
			quoted = !quoted;
	}
	return p;
}

/* What a rule matches, as text: header without action, options without those that only describe. Returns the length. */
static size_t body_write(const struct rule *r, char *out, size_t cap)
{
	const char *p = r->text + strcspn(r->text, " \t"), *open = strchr(p, '(');
	size_t n = 0;

	for (; p < open && n < cap; p++)
		if (*p != ' ' && *p != '\t')
			out[n++] = *p;
		else if (n > 0 && out[n - 1] != ' ')
			out[n++] = ' ';
	for (p = open != NULL ? open + 1 : ""; *p != '\0';) {
		const char *begin = p + strspn(p, " \t"), *end = body_option_end(begin);
		struct slice name = slice_of(begin, strcspn(begin, ":; \t)"));

		p = *end == ';' ? end + 1 : end;
		if (*end != ';' || text_listed("msg sid rev gid metadata reference classtype priority target", name))
			continue;
		if ((size_t)(end - begin) >= cap - n)
			return 0;
		memcpy(out + n, begin, (size_t)(end - begin));
		n += (size_t)(end - begin);
		if (n < cap)
			out[n++] = ';';
	}
	return n;
}

static int body_order(const void *a, const void *b)
{
	const struct body *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static bool same_body(const struct rule *a, const struct rule *b)
{
	static const size_t cap = 16 * 1024;
	char *texts = malloc(2 * cap);
	size_t n, m;
	bool same;

	if (texts == NULL)
		return false;
	n = body_write(a, texts, cap);
	m = body_write(b, texts + cap, cap);
	same = n > 0 && n == m && !memcmp(texts, texts + cap, n);
	free(texts);
	return same;
}

static void shadow_tell(const struct rule *first, const struct rule *r, struct rule_report *report)
{
	char text[256];

	if (first->action == ACTION_PASS && r->action != ACTION_PASS)
		snprintf(text, sizeof(text), "never alerts: the pass rule %u (%.128s:%u) matches whatever this one does", first->sid,
			 first->file, first->line);
	else
		snprintf(text, sizeof(text), "says the same as the rule %u (%.128s:%u)", first->sid, first->file, first->line);
	rule_report_add(report, DIAG_WARNING, r->file, r->line, 1, r->sid, text, "take one of them out");
}

/* Indexes are in order of evaluation: of equal rules the first one comes first. */
static void shadows_lint(const struct rule_set *set, struct rule_report *report)
{
	static const struct hash_key key = { 0x6c696e7420626f64ull, 0x6965730000000001ull };
	static const size_t cap = 16 * 1024;
	struct body *bodies = calloc(set->count ? set->count : 1, sizeof(*bodies));
	char *text = malloc(cap);

	for (unsigned i = 0; bodies != NULL && text != NULL && i < set->count; i++)
		bodies[i] = (struct body){ hash_bytes(&key, text, body_write(set->rules[i], text, cap)), i };
	if (bodies != NULL && text != NULL)
		qsort(bodies, set->count, sizeof(*bodies), body_order);
	for (unsigned i = 1, first = 0; bodies != NULL && text != NULL && i < set->count; i++) {
		if (bodies[i].hash != bodies[first].hash)
			first = i;
		else if (same_body(set->rules[bodies[first].index], set->rules[bodies[i].index]))
			shadow_tell(set->rules[bodies[first].index], set->rules[bodies[i].index], report);
	}
	free(bodies);
	free(text);
}

/* What was written for Snort works, but not as meant. */
static void rule_snort_lint(const struct rule *r, struct rule_report *report)
{
	for (unsigned i = 0; i < r->metadata_count && r->app == NULL; i++) {
		const char *at = strstr(r->text, "service ");
		char text[160];

		if (strcmp(r->metadata[i].key, "service") != 0)
			continue;
		snprintf(text, sizeof(text), "metadata:service %.64s is Snort's way to name a protocol: here it has no effect",
			 r->metadata[i].value);
		rule_report_add(report, DIAG_WARNING, r->file, r->line, at != NULL ? column_of(r, (uint32_t)(at - r->text)) : 1,
				r->sid, text, "write the protocol in the header, as alert http");
		return;
	}
}

void rules_lint(const struct rule_set *set, struct rule_report *report)
{
	static const struct { enum name_kind kind; const char *what; } kinds[] = {
		{ NAME_FLOWBIT, "the flowbit" }, { NAME_XBIT, "the xbit" }, { NAME_FLOWINT, "the flowint" },
	};

	for (unsigned i = 0; i < set->count; i++) {
		rule_regexes_lint(set->rules[i], report);
		rule_prefilter_lint(set->rules[i], &set->compiled->programs[i], report);
		rule_snort_lint(set->rules[i], report);
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		names_lint(set, kinds[i].kind, kinds[i].what, report);
	shadows_lint(set, report);
}
