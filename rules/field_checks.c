/* field_checks.c - contents that the normalised value of a field can never hold.
 *
 * Suricata refuses them too: a rule that looks right and never fires is worse than an error. */
#include "rules/field_checks.h"

#include <errno.h>

static bool is_upper(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

static bool has_upper(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (is_upper(s.data[i]))
			return true;
	return false;
}

static void lower(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (is_upper(s.data[i]))
			((uint8_t *)s.data)[i] |= 0x20;
}

static bool is_hex(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!strchr("0123456789abcdefABCDEF", s.data[i]) || s.data[i] == '\0')
			return false;
	return true;
}

static int lower_check(struct rule_parser *p, struct list_builder *l, struct content *c)
{
	if (c->flags & CONTENT_NOCASE) {
		rule_hint(p, "leave nocase out and write the content in lower case");
		return rule_error(p, l->at, "%s is lower case already: nocase is redundant", l->buffer.name);
	}
	if (has_upper(c->bytes)) {
		rule_hint(p, "write it in lower case");
		return rule_error(p, l->at, "%s is lower case: a content with capitals never matches", l->buffer.name);
	}
	return 0;
}

/* A hash in hex: whole, lower case. */
static int hash_check(struct rule_parser *p, struct list_builder *l, struct content *c, size_t len)
{
	if (c->flags & CONTENT_NOCASE)
		rule_warning(p, l->at, "%s is a hash: nocase is not needed", l->buffer.name);
	if (c->bytes.len != len || !is_hex(c->bytes)) {
		rule_hint(p, "write all %zu hex digits", len);
		return rule_error(p, l->at, "%s is a hash of %zu hex digits, this content isn't", l->buffer.name, len);
	}
	lower(c->bytes);
	return 0;
}

static void ends_check(struct rule_parser *p, struct list_builder *l, struct content *c, const char *lead,
		      const char *trail)
{
	struct slice s = c->bytes;

	if (c->flags & CONTENT_NEGATED)
		return;
	if (s.len > 0 && s.data[0] != '\0' && lead != NULL && strchr(lead, s.data[0]) != NULL)
		rule_warning(p, l->at, "%s never begins with a blank or line end: the content can't match",
			     l->buffer.name);
	if (s.len > 0 && s.data[s.len - 1] != '\0' && strchr(trail, s.data[s.len - 1]) != NULL)
		rule_warning(p, l->at, "%s never ends with a blank or line end: the content can't match",
			     l->buffer.name);
}

/* "AB:CD:…": fingerprints in lower case, serials in upper case. */
static int colons_check(struct rule_parser *p, struct list_builder *l, struct content *c, bool fingerprint)
{
	struct slice s = c->bytes;
	bool ok = memchr(s.data, ':', s.len) != NULL || !fingerprint;

	for (size_t i = 0; i < s.len; i++)
		ok = ok && (s.data[i] == ':' || is_hex(slice_of(s.data + i, 1)));
	if (fingerprint) {
		if (!ok || s.len != 59) {
			rule_hint(p, "write 20 bytes in hex, with colons between");
			return rule_error(p, l->at, "a certificate's fingerprint looks like 4a:a3:66:…");
		}
		lower(s);
		return 0;
	}
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] >= 'a' && s.data[i] <= 'f')
			((uint8_t *)s.data)[i] &= (uint8_t)~0x20;
	return 0;
}

static int one_check(struct rule_parser *p, struct list_builder *l, struct content *c)
{
	const struct field *f = l->buffer.field;
	struct slice name = slice_str(f->name);

	if (f->flags & FIELD_LOWER)
		return lower_check(p, l, c);
	if (text_is(name, "ja3.hash") || text_is(name, "ja3s.hash") || text_is(name, "ssh.hassh") ||
	    text_is(name, "ssh.hassh.server"))
		return hash_check(p, l, c, 32);
	if (text_is(name, "tls.cert_fingerprint"))
		return colons_check(p, l, c, true);
	if (text_is(name, "tls.cert_serial"))
		return colons_check(p, l, c, false);
	if (text_is(name, "http.method") && c->bytes.len > 0 &&
	    (strchr(" \t", c->bytes.data[0]) != NULL || strchr(" \t", c->bytes.data[c->bytes.len - 1]) != NULL) &&
	    c->bytes.data[0] != '\0' && c->bytes.data[c->bytes.len - 1] != '\0') {
		rule_hint(p, "write the content without it");
		return rule_error(p, l->at, "http.method never begins or ends with a blank: the content can't match");
	}
	if (text_is(name, "http.protocol") || text_is(name, "http.stat_code"))
		ends_check(p, l, c, NULL, "\r\n");
	if (text_is(name, "http.user_agent"))
		ends_check(p, l, c, NULL, "\r\n");
	return 0;
}

/* compress_whitespace and its like leave some contents without a chance. */
static int transforms_check(struct rule_parser *p, struct list_builder *l, struct content *c)
{
	for (unsigned i = 0; i < l->buffer.transform_count; i++) {
		const struct keyword *kw = l->buffer.transforms[i].keyword;

		if (kw->content_fits != NULL && !kw->content_fits(c->bytes)) {
			rule_hint(p, "write the content as it looks after %s", kw->name);
			return rule_error(p, l->at, "after %s this content can't occur", kw->name);
		}
	}
	return 0;
}

int field_contents_check(struct rule_parser *p, struct list_builder *list)
{
	for (unsigned i = 0; i < list->count; i++) {
		struct match *m = &list->matches[i];
		int err = 0;

		if (m->kind != MATCH_CONTENT)
			continue;
		if (list->buffer.transform_count > 0)
			err = transforms_check(p, list, &m->content);
		else if (list->buffer.kind == BUFFER_FIELD)
			err = one_check(p, list, &m->content);
		if (err < 0)
			return err;
	}
	return 0;
}
