/* file.c - files as they pass: names, sizes, digests, the window that rules look at.
 *
 * Bytes are hashed as they come and kept only in the window, which rules and the file store let go of
 * (app_inspected). Digest contexts go back to an idle list, so that a file costs no heap allocation once
 * the worker is warm. */
#include "analyzers/file.h"

#include "analyzers/app.h"
#include "stack/track/tracker.h"

#define FILE_NAME_MAX 8192
/* So many bytes, or all of a smaller file, are enough for libmagic. */
#define MAGIC_MIN 512

/* Suricata's defaults where a protocol doesn't configure its own. */
static const struct window_limits file_limits = { .limit = 100000, .min_size = 32768, .size = 4096 };

void window_add(struct window *w, struct budget *b, const struct window_limits *l, struct slice data)
{
	uint64_t end = w->start + w->bytes.len;

	if (end == w->size && (l->limit == 0 || w->size < l->limit)) {
		struct slice kept = data;

		if (l->limit != 0 && kept.len > l->limit - w->size)
			kept.len = (size_t)(l->limit - w->size);
		bytes_append(&w->bytes, b, kept.data, kept.len);
	}
	w->size += data.len;
}

bool window_view(const struct window *w, const struct window_limits *l, bool complete, struct field_value *out)
{
	uint64_t from = 0, end = w->start + w->bytes.len;
	bool limited = l->limit != 0 && w->size >= l->limit;

	if (w->size == 0)
		return false;
	if (!complete && !limited && !l->early && w->size < l->min_size)
		return false;
	if (w->inspected > l->min_size) {
		uint64_t fresh = w->size - w->inspected, before = l->size / 4;

		if (fresh < l->size)
			before = l->size - fresh;
		from = w->inspected > before ? w->inspected - before : 0;
	}
	if (from < w->start)
		from = w->start;
	if (from > end)
		from = end;
	out->bytes = slice_of(w->bytes.data + (from - w->start), (size_t)(end - from));
	out->offset = from;
	out->complete = complete;
	return true;
}

void window_inspected(struct window *w, const struct window_limits *l, bool complete, uint64_t keep_from)
{
	struct field_value v;
	uint64_t from;

	if (!window_view(w, l, complete, &v))
		return;
	w->inspected = w->size;
	if (!window_view(w, l, complete, &v))
		return;
	from = v.offset < keep_from ? v.offset : keep_from;
	/* Moving bytes down costs: only once half of them are done with. */
	if (from > w->start && from - w->start >= w->bytes.len / 2 + 4096) {
		bytes_drop(&w->bytes, (size_t)(from - w->start));
		w->start = from;
	}
}

void window_fini(struct window *w, struct budget *b)
{
	bytes_fini(&w->bytes, b);
}

struct digest *app_digest_get(struct app *app, enum digest_kind kind)
{
	struct digest *d;

	if (app->digest_count[kind] > 0)
		d = app->digests[kind][--app->digest_count[kind]];
	else
		d = digest_new(kind);
	if (d != NULL)
		digest_start(d);
	return d;
}

void app_digest_put(struct app *app, enum digest_kind kind, struct digest *d)
{
	if (d == NULL)
		return;
	if (app->digest_count[kind] < DIGESTS_IDLE_MAX)
		app->digests[kind][app->digest_count[kind]++] = d;
	else
		digest_free(d);
}

struct cipher *app_cipher(struct app *app)
{
	if (app->cipher == NULL)
		app->cipher = cipher_new();
	return app->cipher;
}

struct file *file_open(struct analysis *a, struct tx *tx, enum side side, struct slice name)
{
	struct file *f = budget_get(a->budget, sizeof(*f));
	uint32_t wants = a->app->wants;
	struct file **at = &tx->files;

	if (f == NULL) {
		a->app->stats[a->row].errors_alloc++;
		return NULL;
	}
	f->tx = tx;
	f->side = side;
	f->id = ++a->app->file_ids;
	f->limits = file_limits;
	f->inspect = (wants & (APP_WANT_FILES | APP_WANT_STORE | APP_WANT_MAGIC)) != 0;
	f->want_magic = (wants & APP_WANT_MAGIC) != 0;
	f->want_md5 = (wants & APP_WANT_MD5) != 0;
	f->want_sha1 = (wants & APP_WANT_SHA1) != 0;
	f->want_sha256 = (wants & APP_WANT_SHA256) != 0;
	if (f->want_md5)
		f->hashers[DIGEST_MD5] = app_digest_get(a->app, DIGEST_MD5);
	if (f->want_sha1)
		f->hashers[DIGEST_SHA1] = app_digest_get(a->app, DIGEST_SHA1);
	if (f->want_sha256)
		f->hashers[DIGEST_SHA256] = app_digest_get(a->app, DIGEST_SHA256);
	file_set_name(a, f, name);
	while (*at != NULL)
		at = &(*at)->next;
	*at = f;
	tx->updated[side] = true;
	return f;
}

void file_set_name(struct analysis *a, struct file *f, struct slice name)
{
	f->name.len = 0;
	bytes_append(&f->name, a->budget, name.data, name.len < FILE_NAME_MAX ? name.len : FILE_NAME_MAX);
}

static void file_magic(struct analysis *a, struct file *f)
{
	struct app *app = a->app;
	const char *text;

	f->want_magic = false;
	if (!app->magic_tried)
		app->magic = magic_new();
	app->magic_tried = true;
	if (app->magic == NULL || f->window.start != 0 || f->window.bytes.len == 0)
		return;
	text = magic_of(app->magic, bytes_slice(&f->window.bytes));
	if (text != NULL && bytes_append(&f->magic_text, a->budget, text, strlen(text) + 1))
		f->magic = (const char *)f->magic_text.data;
}

void file_data(struct analysis *a, struct file *f, struct slice data)
{
	if (f->state != FILE_OPEN || data.len == 0)
		return;
	for (unsigned k = 0; k < DIGEST_KINDS; k++)
		if (f->hashers[k] != NULL && !f->gaps)
			digest_add(f->hashers[k], data.data, data.len);
	if (f->inspect) {
		struct window_limits l = f->limits;

		if ((a->app->wants & APP_WANT_STORE) != 0 && f->stored_to != UINT64_MAX)
			l.limit = 0;
		window_add(&f->window, a->budget, &l, data);
	}
	f->size += data.len;
	if (f->want_magic && f->window.bytes.len >= MAGIC_MIN)
		file_magic(a, f);
	f->tx->updated[f->side] = true;
}

void file_gap(struct analysis *a, struct file *f, uint64_t len)
{
	(void)a;
	if (f->state != FILE_OPEN)
		return;
	f->gaps = true;
	f->size += len;
}

static void file_hash(struct analysis *a, struct file *f, enum digest_kind kind, uint8_t *out, bool *have)
{
	if (f->hashers[kind] == NULL)
		return;
	digest_finish(f->hashers[kind], out);
	app_digest_put(a->app, kind, f->hashers[kind]);
	f->hashers[kind] = NULL;
	/* SHA-256 names what the file store keeps, whole or not. */
	*have = f->state == FILE_CLOSED || (kind == DIGEST_SHA256 && (a->app->wants & APP_WANT_STORE) != 0);
}

void file_close(struct analysis *a, struct file *f, enum file_state state)
{
	if (f->state != FILE_OPEN)
		return;
	f->state = state;
	if (f->side == a->feeding_side)
		f->closed_off = a->feeding_offset + a->feeding.len;
	if (state == FILE_CLOSED && f->gaps)
		f->state = FILE_TRUNCATED;
	if (f->want_magic)
		file_magic(a, f);
	file_hash(a, f, DIGEST_MD5, f->md5, &f->have_md5);
	file_hash(a, f, DIGEST_SHA1, f->sha1, &f->have_sha1);
	file_hash(a, f, DIGEST_SHA256, f->sha256, &f->have_sha256);
	f->tx->updated[f->side] = true;
}

bool file_complete(const struct analysis *a, const struct file *f)
{
	return f->state != FILE_OPEN && stream_acked(a->flow, f->side) >= f->closed_off;
}

struct file *file_at(const struct tx *tx, enum side side, unsigned index)
{
	for (struct file *f = tx->files; f != NULL; f = f->next)
		if (f->side == side && index-- == 0)
			return f;
	return NULL;
}

static void file_free(struct analysis *a, struct file *f)
{
	for (unsigned k = 0; k < DIGEST_KINDS; k++)
		app_digest_put(a->app, k, f->hashers[k]);
	window_fini(&f->window, a->budget);
	bytes_fini(&f->name, a->budget);
	bytes_fini(&f->magic_text, a->budget);
	budget_put(a->budget, f, sizeof(*f));
}

void files_free(struct analysis *a, struct tx *tx)
{
	struct file *f;

	while ((f = tx->files) != NULL) {
		tx->files = f->next;
		file_free(a, f);
	}
}
