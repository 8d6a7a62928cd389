/* message.c - DNS messages (RFC 1035, EDNS RFC 6891).
 *
 * A name follows at most DNS_HOPS_MAX labels and pointers and is cut at DNS_NAME_MAX bytes of text.
 * A message's names are bounded together by NAMES_MAX: pointers let a small message mean a lot of
 * text. Records are read until one is broken; a broken authority or additional section leaves the
 * sections before it standing. */
#include "analyzers/dns/message.h"

#include "base/must.h"

#define DNS_NAME_MAX 1025               /* what common servers take, labels and dots */
#define DNS_HOPS_MAX 255
#define NAMES_MAX (4u << 20)
#define NAME_CACHE 16                   /* the same pointer again and again: most answers' names */

struct cached_name {
	uint16_t pointer;
	struct dns_name name;
};

struct parser {
	struct dns_message *m;
	struct budget *budget;
	struct slice all;               /* m->raw */
	size_t at, end;                 /* what is being read: the message, or one record's data */
	struct cached_name cache[NAME_CACHE];
	bool no_memory;
};

static bool text_append(struct parser *p, struct dns_name *n, const uint8_t *label, size_t len)
{
	const bool dot = n->len != 0;
	size_t room = DNS_NAME_MAX - n->len;

	if (p->m->text.len + DNS_NAME_MAX > NAMES_MAX)
		room = 0;
	if (dot + len > room) {
		n->cut = true;
		p->m->oddities |= DNS_NAME_LONG;
		len = room > dot ? room - dot : 0;
		if (room == 0)
			return true;
	}
	if (dot && !bytes_append_u8(&p->m->text, p->budget, '.'))
		return false;
	if (len && !bytes_append(&p->m->text, p->budget, label, len))
		return false;
	n->len = (uint16_t)(n->len + dot + len);
	return true;
}

/* Reads one name from p->at; behind it lies what was in the bytes, not what pointers led to. */
static enum parse name_walk(struct parser *p, struct dns_name *n)
{
	size_t at = p->at, end = p->end;
	unsigned hops = 0;
	bool jumped = false;

	while (at < end) {
		const uint8_t len = p->all.data[at];

		if (len == 0) {
			at++;
			break;
		}
		if (len < 0x40) {
			if (end - at < 1u + len)
				return PARSE_MORE;
			if (!n->cut && !text_append(p, n, p->all.data + at + 1, len)) {
				p->no_memory = true;
				return PARSE_BAD;
			}
			at += 1u + len;
		} else if (len >= 0xc0) {
			size_t target;

			if (end - at < 2)
				return PARSE_MORE;
			target = load_be16(p->all.data + at) & 0x3fff;
			if (target > p->all.len)
				return PARSE_BAD;
			if (target == at) {
				p->m->oddities |= DNS_NAME_LOOP;
				if (jumped)
					break;
				return PARSE_BAD;
			}
			if (!jumped)
				p->at = at + 2;
			jumped = true;
			at = target;
			end = p->all.len;
		} else {
			return PARSE_BAD;
		}
		if (++hops > DNS_HOPS_MAX) {
			p->m->oddities |= DNS_NAME_LABELS;
			if (!jumped)
				return PARSE_BAD;
			n->cut = true;
			p->m->oddities |= DNS_NAME_LONG;
			break;
		}
		if (n->cut && jumped)
			break;
	}
	if (!jumped)
		p->at = at;
	return PARSE_OK;
}

static enum parse name_parse(struct parser *p, struct dns_name *n)
{
	struct cached_name *c = NULL;
	uint16_t pointer = 0;
	enum parse answer;

	*n = (struct dns_name){ .at = p->m->text.len };
	if (p->end - p->at >= 2 && p->all.data[p->at] >= 0xc0) {
		pointer = load_be16(p->all.data + p->at);
		c = &p->cache[pointer % NAME_CACHE];
		if (c->pointer == pointer) {
			p->at += 2;
			*n = c->name;
			return PARSE_OK;
		}
	}
	answer = name_walk(p, n);
	if (answer == PARSE_OK && c != NULL)
		*c = (struct cached_name){ .pointer = pointer, .name = *n };
	return answer;
}

static bool number_parse(struct parser *p, unsigned width, uint32_t *out)
{
	if (p->end - p->at < width)
		return false;
	*out = width == 2 ? load_be16(p->all.data + p->at) : load_be32(p->all.data + p->at);
	p->at += width;
	return true;
}

static struct dns_record *record_new(struct parser *p)
{
	struct dns_message *m = p->m;
	const uint32_t count = m->first[DNS_SECTIONS];

	if (count == m->records_cap) {
		const uint32_t cap = count ? count * 2 : 4;
		void *more = budget_resize(p->budget, m->records, count * sizeof(*m->records), cap * sizeof(*m->records));

		if (more == NULL) {
			p->no_memory = true;
			return NULL;
		}
		m->records = more;
		m->records_cap = cap;
	}
	m->records[count] = (struct dns_record){ 0 };
	return &m->records[m->first[DNS_SECTIONS]++];
}

static enum parse query_parse(struct parser *p)
{
	struct dns_record *r = record_new(p);
	uint32_t type, class;
	enum parse answer;

	if (r == NULL)
		return PARSE_BAD;
	answer = name_parse(p, &r->name);
	if (answer != PARSE_OK)
		return answer;
	if (!number_parse(p, 2, &type) || !number_parse(p, 2, &class))
		return PARSE_MORE;
	r->type = (uint16_t)type;
	r->class = (uint16_t)class;
	return PARSE_OK;
}

bool dns_has_target(uint16_t type)
{
	return type == DNS_NS || type == DNS_CNAME || type == DNS_PTR || type == DNS_MX;
}

/* A TXT's strings become a record each, as they are matched and written one by one. */
static enum parse txt_parse(struct parser *p, const struct dns_record *first)
{
	const struct dns_record model = *first;
	bool more = false;

	while (p->at < p->end) {
		const uint8_t len = p->all.data[p->at];
		struct dns_record *r;

		if (p->end - p->at < 1u + len)
			return more ? PARSE_OK : PARSE_MORE;
		r = more ? record_new(p) : &p->m->records[p->m->first[DNS_SECTIONS] - 1];
		if (r == NULL)
			return PARSE_BAD;
		*r = model;
		r->data_at = (uint32_t)p->at + 1;
		r->data_len = len;
		p->at += 1u + len;
		more = true;
	}
	return PARSE_OK;
}

static enum parse opt_check(struct parser *p)
{
	uint32_t code, len;

	while (p->at < p->end) {
		if (!number_parse(p, 2, &code) || !number_parse(p, 2, &len) || p->end - p->at < len)
			return PARSE_MORE;
		p->at += len;
	}
	return PARSE_OK;
}

/* p->at..p->end is exactly r's data. */
static enum parse data_parse(struct parser *p, struct dns_record *r)
{
	enum parse answer;
	uint32_t skipped;

	switch (r->type) {
	case DNS_MX:
		if (!number_parse(p, 2, &skipped))
			return PARSE_MORE;
		return name_parse(p, &r->target);
	case DNS_SRV:
		if (!number_parse(p, 2, &skipped) || !number_parse(p, 4, &skipped))
			return PARSE_MORE;
		return name_parse(p, &r->target);
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		return name_parse(p, &r->target);
	case DNS_SOA:
		answer = name_parse(p, &r->target);
		if (answer == PARSE_OK)
			answer = name_parse(p, &r->mailbox);
		if (answer != PARSE_OK)
			return answer;
		r->data_at = (uint32_t)p->at;           /* its five numbers */
		r->data_len = (uint16_t)(p->end - p->at);
		return r->data_len >= 20 ? PARSE_OK : PARSE_MORE;
	case DNS_TXT:
		return txt_parse(p, r);
	case DNS_OPT:
		return opt_check(p);
	case DNS_SSHFP:
		return r->data_len >= 2 ? PARSE_OK : PARSE_MORE;
	default:
		return PARSE_OK;
	}
}

static enum parse record_parse(struct parser *p)
{
	const size_t message_end = p->end;
	struct dns_record *r = record_new(p);
	uint32_t type, class, len;
	enum parse answer;

	if (r == NULL)
		return PARSE_BAD;
	answer = name_parse(p, &r->name);
	if (answer != PARSE_OK)
		return answer;
	if (!number_parse(p, 2, &type) || !number_parse(p, 2, &class) || !number_parse(p, 4, &r->ttl) ||
	    !number_parse(p, 2, &len) || p->end - p->at < len)
		return PARSE_MORE;
	r->type = (uint16_t)type;
	r->class = (uint16_t)class;
	r->data_at = (uint32_t)p->at;
	r->data_len = (uint16_t)len;
	p->end = p->at + len;
	len = (uint32_t)p->end;
	answer = data_parse(p, r);
	p->at = len;
	p->end = message_end;
	return answer;
}

static enum parse section_parse(struct parser *p, enum dns_section section, unsigned count)
{
	struct dns_message *m = p->m;
	const uint32_t before = m->first[DNS_SECTIONS];
	enum parse answer = PARSE_OK;

	for (unsigned i = 0; i < count && answer == PARSE_OK; i++)
		answer = section == DNS_QUERIES ? query_parse(p) : record_parse(p);
	if (answer != PARSE_OK)
		m->first[DNS_SECTIONS] = before;
	for (unsigned s = section + 1u; s < DNS_SECTIONS; s++)
		m->first[s] = m->first[DNS_SECTIONS];
	return answer;
}

enum parse dns_message_parse(struct dns_message *m, struct budget *budget, struct slice data)
{
	struct parser p = { .m = m, .budget = budget };
	struct reader in = reader_slice(data);
	uint16_t counts[DNS_SECTIONS];
	enum parse answer;

	m->id = read_be16(&in);
	m->flags = read_be16(&in);
	for (unsigned s = 0; s < DNS_SECTIONS; s++)
		counts[s] = read_be16(&in);
	if (in.ran_out)
		return PARSE_MORE;
	if (!bytes_append(&m->raw, budget, data.data, data.len))
		return PARSE_BAD;
	p.all = bytes_slice(&m->raw);
	p.at = DNS_HEADER_LEN;
	p.end = p.all.len;
	answer = section_parse(&p, DNS_QUERIES, counts[DNS_QUERIES]);
	if (answer == PARSE_OK)
		answer = section_parse(&p, DNS_ANSWERS, counts[DNS_ANSWERS]);
	if (answer != PARSE_OK)
		return answer;
	if (section_parse(&p, DNS_AUTHORITIES, counts[DNS_AUTHORITIES]) != PARSE_OK)
		m->oddities |= DNS_BAD_AUTHORITIES;
	else if (section_parse(&p, DNS_ADDITIONALS, counts[DNS_ADDITIONALS]) != PARSE_OK)
		m->oddities |= DNS_BAD_ADDITIONALS;
	return p.no_memory ? PARSE_BAD : PARSE_OK;
}

void dns_message_fini(struct dns_message *m, struct budget *budget)
{
	budget_put(budget, m->records, m->records_cap * sizeof(*m->records));
	bytes_fini(&m->raw, budget);
	bytes_fini(&m->text, budget);
}

/* ---- is it DNS? ---- */

/* Whether the queries of a whole message can be read, without keeping anything. */
static bool queries_sound(struct slice data, unsigned count)
{
	size_t at = DNS_HEADER_LEN;

	for (unsigned i = 0; i < count; i++) {
		unsigned labels = 0;

		while (at < data.len && data.data[at] != 0 && data.data[at] < 0x40 && labels++ < DNS_HOPS_MAX)
			at += 1u + data.data[at];
		if (at >= data.len)
			return false;
		if (data.data[at] >= 0xc0)
			at++;
		else if (data.data[at] != 0)
			return false;
		at += 5;
		if (at > data.len)
			return false;
	}
	return true;
}

enum probe dns_header_probe(struct slice data, size_t whole_len, bool *is_query)
{
	struct reader in = reader_slice(slice_head(data, whole_len));
	uint16_t flags, queries;
	size_t records;

	reader_skip(&in, 2);
	flags = read_be16(&in);
	queries = read_be16(&in);
	records = queries;
	records += read_be16(&in);
	records += read_be16(&in);
	records += read_be16(&in);
	if (in.ran_out)
		return PROBE_NO;
	*is_query = !(flags & DNS_RESPONSE);
	/* each takes two bytes at the very least */
	if (DNS_HEADER_LEN + 2 * records > whole_len)
		return PROBE_NO;
	if (data.len >= whole_len && !queries_sound(slice_head(data, whole_len), queries))
		return PROBE_NO;
	return PROBE_YES;
}
