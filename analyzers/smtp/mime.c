/* mime.c - see mime.h. */
#include "analyzers/smtp/mime.h"

#include <ctype.h>
#include <strings.h>

#include "analyzers/app.h"
#include "base/base64.h"

static void raise(struct mime *m, enum mime_event event)
{
	m->events |= 1u << event;
}

struct mime *mime_new(struct analysis *a, struct tx *tx, const struct mime_settings *settings)
{
	struct mime *m = budget_get(a->budget, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->settings = settings;
	m->budget = a->budget;
	m->tx = tx;
	m->in_headers = m->top = true;
	if (settings->body_md5) {
		m->md5 = app_digest_get(a->app, DIGEST_MD5);
		if (m->md5 != NULL)
			digest_start(m->md5);
	}
	return m;
}

void mime_free(struct analysis *a, struct mime *m)
{
	if (m == NULL)
		return;
	for (unsigned i = 0; i < m->header_count; i++) {
		bytes_fini(&m->headers[i].name, a->budget);
		bytes_fini(&m->headers[i].value, a->budget);
	}
	budget_put(a->budget, m->headers, m->header_cap * sizeof(*m->headers));
	bytes_fini(&m->line_name, a->budget);
	bytes_fini(&m->line_value, a->budget);
	for (unsigned i = 0; i < MIME_DEPTH_MAX; i++)
		bytes_fini(&m->boundaries[i], a->budget);
	bytes_fini(&m->filename, a->budget);
	bytes_fini(&m->attachments, a->budget);
	bytes_fini(&m->urls, a->budget);
	bytes_fini(&m->text, a->budget);
	if (m->md5 != NULL)
		app_digest_put(a->app, DIGEST_MD5, m->md5);
	budget_put(a->budget, m, sizeof(*m));
}

static struct slice trim(struct slice s)
{
	while (s.len && isspace(s.data[0]))
		s = slice_skip(s, 1);
	while (s.len && isspace(s.data[s.len - 1]))
		s.len--;
	return s;
}

static bool name_is(struct slice s, const char *name)
{
	return s.len == strlen(name) && strncasecmp((const char *)s.data, name, s.len) == 0;
}

static bool starts_with(struct slice s, const char *text)
{
	size_t len = strlen(text);

	return s.len >= len && strncasecmp((const char *)s.data, text, len) == 0;
}

/* The value of "; name=value" or "; name="value"" in a structured header (RFC 2045 5.1). */
static bool parameter(struct slice header, const char *name, struct slice *value)
{
	size_t len = strlen(name);
	bool quoted = false;

	for (size_t i = 0; i < header.len; i++) {
		if (header.data[i] == '"')
			quoted = !quoted;
		if (quoted || header.data[i] != ';')
			continue;
		struct slice rest = trim(slice_skip(header, i + 1));

		if (rest.len <= len || strncasecmp((const char *)rest.data, name, len) != 0)
			continue;
		rest = slice_skip(rest, len);
		while (rest.len && (rest.data[0] == ' ' || rest.data[0] == '\t'))
			rest = slice_skip(rest, 1);
		if (rest.len == 0 || rest.data[0] != '=')
			continue;
		rest = slice_skip(rest, 1);
		while (rest.len && (rest.data[0] == ' ' || rest.data[0] == '\t'))
			rest = slice_skip(rest, 1);
		size_t end = 0;
		bool in_quotes = rest.len && rest.data[0] == '"';
		if (in_quotes)
			rest = slice_skip(rest, 1);
		while (end < rest.len && rest.data[end] != (in_quotes ? '"' : ';'))
			end++;
		*value = in_quotes ? slice_head(rest, end) : trim(slice_head(rest, end));
		return true;
	}
	return false;
}

static void header_filename(struct mime *m, struct slice value, const char *name)
{
	struct slice file;

	if (!parameter(value, name, &file) || m->filename.len || file.len == 0)
		return;
	if (file.len > MIME_FILENAME_MAX) {
		raise(m, MIME_LONG_FILENAME);
		file.len = MIME_FILENAME_MAX;
	}
	bytes_append(&m->filename, m->budget, file.data, file.len);
}

static void header_content_type(struct mime *m, struct slice value)
{
	struct slice boundary, type = trim(value);

	m->is_text = starts_with(type, "text/");
	m->is_message = starts_with(type, "message/rfc822");
	header_filename(m, value, "name");
	if (!starts_with(type, "multipart/") || !parameter(value, "boundary", &boundary) || boundary.len == 0)
		return;
	if (boundary.len > MIME_BOUNDARY_MAX) {
		raise(m, MIME_LONG_BOUNDARY);
		boundary.len = MIME_BOUNDARY_MAX;
	}
	if (m->depth == MIME_DEPTH_MAX) {
		raise(m, MIME_MALFORMED);
		return;
	}
	m->boundaries[m->depth].len = 0;
	if (bytes_append(&m->boundaries[m->depth], m->budget, boundary.data, boundary.len))
		m->depth++;
}

static void header_effect(struct mime *m, struct slice name, struct slice value)
{
	if (name_is(name, "content-type")) {
		header_content_type(m, value);
	} else if (name_is(name, "content-disposition")) {
		m->is_attachment = starts_with(trim(value), "attachment");
		header_filename(m, value, "filename");
	} else if (name_is(name, "content-transfer-encoding")) {
		struct slice v = trim(value);

		m->encoding = starts_with(v, "base64") ? MIME_BASE64 : starts_with(v, "quoted-printable") ? MIME_QP : MIME_PLAIN;
	}
}

static void header_keep(struct mime *m)
{
	struct mime_header *h;

	if (m->header_count == MIME_HEADERS_MAX)
		return;
	if (m->header_count == m->header_cap) {
		unsigned cap = m->header_cap ? m->header_cap * 2 : 8;
		void *grown = budget_resize(m->budget, m->headers, m->header_cap * sizeof(*h), cap * sizeof(*h));

		if (grown == NULL)
			return;
		m->headers = grown;
		m->header_cap = cap;
	}
	h = &m->headers[m->header_count++];
	h->name = m->line_name;
	h->value = m->line_value;
	m->line_name = m->line_value = (struct bytes){ 0 };
}

/* The header that was being read is complete. */
static void header_finish(struct mime *m)
{
	if (!m->has_header)
		return;
	m->has_header = false;
	header_effect(m, bytes_slice(&m->line_name), bytes_slice(&m->line_value));
	if (m->top)
		header_keep(m);
	m->line_name.len = m->line_value.len = 0;
}

static void header_value_add(struct mime *m, struct slice text)
{
	size_t room = m->settings->header_depth > m->line_value.len ? m->settings->header_depth - m->line_value.len : 0;

	if (text.len > room) {
		raise(m, MIME_LONG_HEADER_VALUE);
		text.len = room;
	}
	if (text.len)
		bytes_append(&m->line_value, m->budget, text.data, text.len);
}

static void header_line(struct mime *m, struct slice line)
{
	const uint8_t *colon;
	struct slice name;

	if (line.data[0] == ' ' || line.data[0] == '\t') {
		if (m->has_header) {
			struct slice more = trim(line);

			if (m->line_value.len && more.len)
				bytes_append_u8(&m->line_value, m->budget, ' ');
			header_value_add(m, more);
		}
		return;
	}
	header_finish(m);
	colon = memchr(line.data, ':', line.len);
	if (colon == NULL) {
		raise(m, MIME_MALFORMED);
		return;
	}
	name = trim(slice_head(line, (size_t)(colon - line.data)));
	if (name.len > MIME_HEADER_NAME_MAX) {
		raise(m, MIME_LONG_HEADER_NAME);
		name.len = MIME_HEADER_NAME_MAX;
	}
	for (size_t i = 0; i < name.len; i++)
		bytes_append_u8(&m->line_name, m->budget, (uint8_t)tolower(name.data[i]));
	m->has_header = true;
	header_value_add(m, trim(slice_skip(line, (size_t)(colon - line.data) + 1)));
}

static void list_add(struct mime *m, struct bytes *list, struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] != '\0')
			bytes_append_u8(list, m->budget, text.data[i]);
	bytes_append_u8(list, m->budget, '\0');
}

/* A part's headers are over: what follows is its content. */
static void part_begins(struct analysis *a, struct mime *m)
{
	header_finish(m);
	if (m->is_message) {                    /* a message in the message: headers again, then its content */
		m->is_message = false;
		m->top = false;
		m->encoding = MIME_PLAIN;
		return;
	}
	m->in_headers = false;
	m->top = false;
	m->quantum_len = 0;
	m->quantum = 0;
	m->line_pending = false;
	if (m->filename.len) {
		list_add(m, &m->attachments, bytes_slice(&m->filename));
		m->file = file_open(a, m->tx, TO_SERVER, bytes_slice(&m->filename));
	}
}

static bool url_end(uint8_t c)
{
	return c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == '\\' || c >= 0x7f;
}

static bool url_known(const struct mime *m, struct slice url)
{
	struct slice entry;

	for (unsigned i = 0; mime_entry(&m->urls, i, &entry); i++)
		if (slice_eq(entry, url))
			return true;
	return false;
}

/* "scheme://…" in a line of text; with mailto, "mailto:…". */
static void urls_in(struct mime *m, struct slice line)
{
	for (size_t i = 0; i < line.len && m->url_count < MIME_URLS_MAX; i++) {
		struct slice rest = slice_skip(line, i);

		if (!isalpha(line.data[i]))
			continue;
		for (unsigned s = 0; s < m->settings->scheme_count; s++) {
			const char *scheme = m->settings->schemes[s];
			size_t len = strlen(scheme), mark = strcmp(scheme, "mailto") == 0 ? 1 : 3, end;

			if (!starts_with(rest, scheme) || rest.len <= len + mark || memcmp(rest.data + len, "://", mark) != 0)
				continue;
			for (end = len + mark; end < rest.len && !url_end(rest.data[end]);)
				end++;
			struct slice url = slice_head(rest, end);
			if (!m->settings->log_scheme)
				url = slice_skip(url, len + mark);
			if (url.len && !url_known(m, url)) {
				list_add(m, &m->urls, url);
				m->url_count++;
			}
			i += end - 1;
			break;
		}
	}
}

/* Content as decoded: to the file, or to the search for URLs. */
static void content(struct analysis *a, struct mime *m, struct slice data)
{
	if (m->file != NULL)
		file_data(a, m->file, data);
	if (!m->settings->extract_urls || m->is_attachment || m->file != NULL)
		return;
	for (size_t i = 0; i < data.len; i++) {
		if (data.data[i] == '\n' || m->text.len >= 4096) {
			urls_in(m, bytes_slice(&m->text));
			m->text.len = 0;
		}
		if (data.data[i] != '\n')
			bytes_append_u8(&m->text, m->budget, data.data[i]);
	}
}

/* Four characters as 24 bits; negative where one isn't of the alphabet. */
static int32_t quantum(const uint8_t *c)
{
	int v[4] = { base64_value(c[0]), base64_value(c[1]), base64_value(c[2]), base64_value(c[3]) };

	return (v[0] | v[1] | v[2] | v[3]) < 0 ? -1 : v[0] << 18 | v[1] << 12 | v[2] << 6 | v[3];
}

static void base64_line(struct analysis *a, struct mime *m, struct slice line)
{
	uint8_t out[768];
	size_t n = 0;

	for (size_t i = 0; i < line.len; i++) {
		int v;

		/* Nearly all of it is whole groups. */
		while (m->quantum_len == 0 && n <= sizeof(out) - 4 && line.len - i >= 4) {
			int32_t group = quantum(line.data + i);

			if (group < 0)
				break;
			out[n++] = (uint8_t)(group >> 16);
			out[n++] = (uint8_t)(group >> 8);
			out[n++] = (uint8_t)group;
			i += 4;
		}
		if (i == line.len)
			break;
		v = base64_value(line.data[i]);
		if (line.data[i] == '=') {
			if (m->quantum_len >= 2)
				out[n++] = (uint8_t)(m->quantum >> (m->quantum_len == 2 ? 4 : 10));
			if (m->quantum_len == 3)
				out[n++] = (uint8_t)(m->quantum >> 2);
			m->quantum_len = 0;
			m->quantum = 0;
			while (i + 1 < line.len && line.data[i + 1] == '=')
				i++;
		} else if (v < 0) {
			if (!isspace(line.data[i]))
				raise(m, MIME_INVALID_BASE64);
		} else {
			m->quantum = m->quantum << 6 | (uint32_t)v;
			if (++m->quantum_len == 4) {
				out[n++] = (uint8_t)(m->quantum >> 16);
				out[n++] = (uint8_t)(m->quantum >> 8);
				out[n++] = (uint8_t)m->quantum;
				m->quantum_len = 0;
				m->quantum = 0;
			}
		}
		if (n > sizeof(out) - 4) {
			content(a, m, slice_of(out, n));
			n = 0;
		}
	}
	if (n)
		content(a, m, slice_of(out, n));
}

static int hex_value(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void qp_line(struct analysis *a, struct mime *m, struct slice line, bool whole)
{
	uint8_t out[512];
	size_t n = 0;
	bool soft = false;

	if (m->line_pending)
		content(a, m, slice_str("\r\n"));
	for (size_t i = 0; i < line.len; i++) {
		if (n > sizeof(out) - 4) {
			content(a, m, slice_of(out, n));
			n = 0;
		}
		if (line.data[i] != '=') {
			out[n++] = line.data[i];
			continue;
		}
		if (i + 1 == line.len) {
			soft = true;
			break;
		}
		int high = hex_value(line.data[i + 1]), low = i + 2 < line.len ? hex_value(line.data[i + 2]) : -1;

		if (high < 0 || low < 0) {
			raise(m, MIME_INVALID_QP);
			continue;
		}
		out[n++] = (uint8_t)(high << 4 | low);
		i += 2;
	}
	if (n)
		content(a, m, slice_of(out, n));
	m->line_pending = whole && !soft;
}

static void body_line(struct analysis *a, struct mime *m, struct slice line, bool whole)
{
	if (m->md5 != NULL) {
		digest_add(m->md5, line.data, line.len);
		if (whole)
			digest_add(m->md5, "\r\n", 2);
	}
	if (m->encoding == MIME_BASE64 && m->settings->decode_base64) {
		base64_line(a, m, line);
		return;
	}
	if (m->encoding == MIME_QP && m->settings->decode_qp) {
		qp_line(a, m, line, whole);
		return;
	}
	/* The newline in front of a boundary isn't content, so one is held back. */
	if (m->line_pending)
		content(a, m, slice_str("\r\n"));
	content(a, m, line);
	m->line_pending = whole;
}

static void part_ends(struct analysis *a, struct mime *m, enum file_state state)
{
	if (m->text.len) {
		urls_in(m, bytes_slice(&m->text));
		m->text.len = 0;
	}
	if (m->file != NULL)
		file_close(a, m->file, state);
	m->file = NULL;
	m->filename.len = 0;
	m->encoding = MIME_PLAIN;
	m->is_text = m->is_message = m->is_attachment = false;
	m->line_pending = false;
}

/* "--boundary" opens the next part, "--boundary--" closes the multipart. Outer ones count, too. */
static bool boundary_line(struct analysis *a, struct mime *m, struct slice line)
{
	if (line.len < 3 || line.data[0] != '-' || line.data[1] != '-')
		return false;
	line = slice_skip(line, 2);
	for (unsigned d = m->depth; d-- > 0;) {
		struct slice boundary = bytes_slice(&m->boundaries[d]);

		if (line.len < boundary.len || memcmp(line.data, boundary.data, boundary.len) != 0)
			continue;
		struct slice rest = slice_skip(line, boundary.len);
		bool closes = rest.len >= 2 && rest.data[0] == '-' && rest.data[1] == '-';

		if (m->in_headers)
			header_finish(m);
		part_ends(a, m, FILE_CLOSED);
		m->depth = closes ? d : d + 1;
		m->in_headers = !closes;
		m->top = false;
		return true;
	}
	return false;
}

void mime_line(struct analysis *a, struct mime *m, struct slice line, bool whole)
{
	if (m->done)
		return;
	if (line.len > MIME_LINE_MAX)
		raise(m, MIME_LONG_LINE);
	if (!m->in_headers && m->encoding == MIME_BASE64 && line.len > MIME_ENCODED_LINE_MAX)
		raise(m, MIME_LONG_ENCODED_LINE);
	if (m->depth > 0 && boundary_line(a, m, line))
		return;
	if (!m->in_headers)
		body_line(a, m, line, whole);
	else if (line.len == 0)
		part_begins(a, m);
	else
		header_line(m, line);
}

void mime_end(struct analysis *a, struct mime *m, bool cut)
{
	if (m->done)
		return;
	if (m->in_headers) {
		header_finish(m);
		if (!m->top && m->depth > 0)
			raise(m, MIME_MALFORMED);
	}
	if (m->line_pending && !cut && m->encoding == MIME_PLAIN && m->depth == 0)
		content(a, m, slice_str("\r\n"));
	part_ends(a, m, cut ? FILE_TRUNCATED : FILE_CLOSED);
	m->done = true;
	if (m->md5 != NULL) {
		digest_finish(m->md5, m->body_md5);
		m->has_body_md5 = true;
		app_digest_put(a->app, DIGEST_MD5, m->md5);
		m->md5 = NULL;
	}
}

void mime_gap(struct analysis *a, struct mime *m, uint64_t len)
{
	if (m->file != NULL)
		file_gap(a, m->file, len);
}

bool mime_header(const struct mime *m, const char *name, unsigned index, struct slice *value)
{
	for (unsigned i = 0; m != NULL && i < m->header_count; i++) {
		if (!name_is(bytes_slice(&m->headers[i].name), name) || index-- > 0)
			continue;
		*value = bytes_slice(&m->headers[i].value);
		return true;
	}
	return false;
}

bool mime_entry(const struct bytes *list, unsigned index, struct slice *entry)
{
	struct slice rest = bytes_slice(list);

	while (rest.len) {
		const uint8_t *end = memchr(rest.data, '\0', rest.len);
		size_t len = (size_t)(end - rest.data);

		if (index-- == 0) {
			*entry = slice_of(rest.data, len);
			return true;
		}
		rest = slice_skip(rest, len + 1);
	}
	return false;
}

bool mime_address(struct slice list, size_t *at, struct slice *address)
{
	bool quoted = false, angle = false;
	size_t i = *at;

	if (i >= list.len)
		return false;
	for (; i < list.len; i++) {
		uint8_t c = list.data[i];

		if (c == '"')
			quoted = !quoted;
		else if (!quoted && c == '<')
			angle = true;
		else if (!quoted && c == '>')
			angle = false;
		else if (!quoted && !angle && c == ',')
			break;
	}
	*address = trim(slice_of(list.data + *at, i - *at));
	*at = i + 1;
	return true;
}
