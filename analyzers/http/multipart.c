/* multipart.c - forms with files (RFC 7578): each part that names a file is one.
 *
 * Bytes are held back only as long as they could be the beginning of a boundary, or while a part's headers
 * aren't whole. */
#include "analyzers/http/http.h"

#define BOUNDARY_MAX 256
#define HEADERS_MAX 8192

enum multipart_state { MP_PREAMBLE, MP_BOUNDARY_LINE, MP_HEADERS, MP_DATA, MP_DONE };

struct http_multipart {
	uint8_t state;                  /* enum multipart_state */
	struct bytes delim;             /* "\n--boundary" */
	struct bytes rest;
	struct bytes name;
	bool is_file, got_data;
	bool fresh;                     /* rest begins with the line end in front of the data */
	struct file *file;
};

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool http_parameter(struct slice header, const char *name, struct slice *out)
{
	size_t n = strlen(name), i = 0, k;
	bool quoted = false;

	while (i < header.len) {
		size_t from;

		while (i < header.len && (header.data[i] == ';' || http_space(header.data[i])))
			i++;
		for (k = 0; k < n && i + k < header.len && lower(header.data[i + k]) == (uint8_t)name[k]; k++)
			;
		from = i + k;
		while (k == n && from < header.len && http_space(header.data[from]))
			from++;
		if (k == n && from < header.len && header.data[from] == '=') {
			struct slice v = http_trim(slice_skip(header, from + 1));
			const uint8_t *end;

			if (v.len > 0 && v.data[0] == '"') {
				v = slice_of(v.data + 1, v.len - 1);
				end = memchr(v.data, '"', v.len);
			} else {
				end = memchr(v.data, ';', v.len);
			}
			if (end != NULL)
				v.len = (size_t)(end - v.data);
			if (v.len == 0)
				return false;
			*out = v;
			return true;
		}
		for (quoted = false; i < header.len && (quoted || header.data[i] != ';'); i++)
			quoted ^= header.data[i] == '"';
	}
	return false;
}

struct http_multipart *http_multipart_new(struct analysis *a, struct http_tx *t)
{
	struct slice type = http_header_value(t, TO_SERVER, "content-type"), boundary;
	struct http_multipart *m;

	if (!http_eq_nocase(slice_head(type, 19), "multipart/form-data") ||
	    !http_parameter(type, "boundary", &boundary) || boundary.len > BOUNDARY_MAX)
		return NULL;
	m = budget_get(a->budget, sizeof(*m));
	if (m == NULL)
		return NULL;
	bytes_append(&m->delim, a->budget, "\n--", 3);
	bytes_append(&m->delim, a->budget, boundary.data, boundary.len);
	/* The first boundary may stand at the very beginning. */
	bytes_append_u8(&m->rest, a->budget, '\n');
	return m;
}

void http_multipart_free(struct analysis *a, struct http_multipart *m)
{
	bytes_fini(&m->delim, a->budget);
	bytes_fini(&m->rest, a->budget);
	bytes_fini(&m->name, a->budget);
	budget_put(a->budget, m, sizeof(*m));
}

static void part_data(struct analysis *a, struct http_tx *t, struct http_multipart *m, struct slice data)
{
	if (m->fresh && data.len > 0) {
		data = slice_of(data.data + 1, data.len - 1);
		m->fresh = false;
	}
	if (!m->is_file || data.len == 0)
		return;
	if (m->file == NULL && !m->got_data) {
		m->file = file_open(a, &t->tx, TO_SERVER, bytes_slice(&m->name));
		if (m->file != NULL)
			m->file->limits = t->side[TO_SERVER].limits;
	}
	m->got_data = true;
	if (m->file != NULL)
		file_data(a, m->file, data);
}

static void part_end(struct analysis *a, struct http_tx *t, struct http_multipart *m, enum file_state state)
{
	if (m->is_file && !m->got_data)
		http_event(a, t, HTTP_EV_MULTIPART_NO_FILEDATA);
	if (m->file != NULL)
		file_close(a, m->file, state);
	m->file = NULL;
	m->is_file = m->got_data = false;
}

/* One header of a part. */
static void part_header(struct analysis *a, struct http_tx *t, struct http_multipart *m, struct slice line)
{
	const uint8_t *colon = memchr(line.data, ':', line.len);
	struct slice name, value, file;

	if (colon == NULL) {
		http_event(a, t, HTTP_EV_MULTIPART_HEADER);
		return;
	}
	name = http_trim(slice_head(line, (size_t)(colon - line.data)));
	value = slice_skip(line, (size_t)(colon + 1 - line.data));
	if (!http_eq_nocase(name, "content-disposition") || !http_parameter(value, "filename", &file))
		return;
	m->is_file = true;
	m->name.len = 0;
	if (file.len > 4096) {
		http_event(a, t, HTTP_EV_FILE_NAME_TOO_LONG);
		file.len = 4096;
	}
	bytes_append(&m->name, a->budget, file.data, file.len);
}

/* Takes a line from rest at *at; false where it isn't whole. */
static bool line_take(struct slice s, size_t *at, struct slice *line)
{
	const uint8_t *lf;

	if (*at >= s.len)
		return false;
	lf = memchr(s.data + *at, '\n', s.len - *at);
	if (lf == NULL)
		return false;
	*line = http_chomp(slice_of(s.data + *at, (size_t)(lf - s.data) - *at));
	*at = (size_t)(lf - s.data) + 1;
	return true;
}

static bool headers_read(struct analysis *a, struct http_tx *t, struct http_multipart *m, struct slice s, size_t *at)
{
	struct slice line;

	while (line_take(s, at, &line)) {
		if (line.len == 0) {
			m->state = MP_DATA;
			return true;
		}
		part_header(a, t, m, line);
	}
	if (s.len - *at > HEADERS_MAX) {
		http_event(a, t, HTTP_EV_MULTIPART_GENERIC);
		m->state = MP_DONE;
	}
	return false;
}

/* Data up to the next boundary, or up to where one might begin. */
static bool data_read(struct analysis *a, struct http_tx *t, struct http_multipart *m, struct slice s, size_t *at)
{
	const uint8_t *hit = memmem(s.data + *at, s.len - *at, m->delim.data, m->delim.len);
	bool in_data = m->state == MP_DATA;
	size_t n = s.len - *at;

	if (hit != NULL) {
		size_t to = (size_t)(hit - s.data);

		if (to > *at && s.data[to - 1] == '\r')
			to--;
		if (in_data) {
			part_data(a, t, m, slice_of(s.data + *at, to - *at));
			part_end(a, t, m, FILE_CLOSED);
		}
		*at = (size_t)(hit - s.data) + m->delim.len;
		m->state = MP_BOUNDARY_LINE;
		return true;
	}
	if (n <= m->delim.len + 1)
		return false;
	n -= m->delim.len + 1;
	if (in_data)
		part_data(a, t, m, slice_of(s.data + *at, n));
	*at += n;
	return false;
}

void http_multipart_data(struct analysis *a, struct http_tx *t, struct slice data)
{
	struct http_multipart *m = t->multipart;
	struct slice s, line;
	size_t at = 0;
	bool on = true;

	if (m->state == MP_DONE || !bytes_append(&m->rest, a->budget, data.data, data.len))
		return;
	s = bytes_slice(&m->rest);
	while (on) {
		switch (m->state) {
		case MP_PREAMBLE:
		case MP_DATA:
			on = data_read(a, t, m, s, &at);
			break;
		case MP_BOUNDARY_LINE:
			if (s.len - at >= 2 && s.data[at] == '-' && s.data[at + 1] == '-') {
				m->state = MP_DONE;
				on = false;
				break;
			}
			on = line_take(s, &at, &line);
			if (on)
				m->state = MP_HEADERS;
			break;
		case MP_HEADERS:
			on = headers_read(a, t, m, s, &at);
			/* A part without data has its boundary right behind the blank line. */
			if (on) {
				m->fresh = true;
				at--;
			}
			break;
		default:
			on = false;
			break;
		}
	}
	bytes_drop(&m->rest, at);
}

void http_multipart_end(struct analysis *a, struct http_tx *t)
{
	struct http_multipart *m = t->multipart;
	struct slice s = bytes_slice(&m->rest);

	if (m->state == MP_DATA && s.len > 0)
		part_data(a, t, m, s);
	part_end(a, t, m, FILE_TRUNCATED);
	http_multipart_free(a, m);
	t->multipart = NULL;
}
