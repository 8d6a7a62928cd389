/* frame.c - frames of a flow: a short list, oldest first. Bytes are copied only while somebody wants
 * frames: from what feed was given when a frame is opened, and from what follows while it is open. */
#include "analyzers/frame.h"

struct frames {
	struct app_frame *first, *last;
	unsigned count;
	uint64_t ids;
	uint8_t streams;        /* bit by side: its stream frame was opened */
};

static bool frame_full(const struct app_frame *f)
{
	return f->bytes.len >= FRAME_BYTES_MAX;
}

static uint64_t frame_held(const struct app_frame *f)
{
	uint64_t n = f->bytes.len;

	for (unsigned i = 0; i < f->gap_count; i++)
		n += f->gaps[i].len;
	return n;
}

/* Takes what of data (at stream offset) lies in the frame and isn't there yet. */
static void frame_take(struct analysis *a, struct app_frame *f, uint64_t offset, struct slice data)
{
	uint64_t at = f->offset + frame_held(f);
	size_t n;

	if (f->closed || offset + data.len <= at)
		return;
	if (offset < at)
		data = slice_skip(data, (size_t)(at - offset));
	n = data.len;
	if (f->len >= 0) {
		uint64_t left = (uint64_t)f->len - (at - f->offset);

		if (at - f->offset >= (uint64_t)f->len)
			left = 0;
		if (n >= left) {
			n = (size_t)left;
			f->closed = true;
		}
	}
	if (n != 0 && !frame_full(f)) {
		if (n > FRAME_BYTES_MAX - f->bytes.len)
			n = FRAME_BYTES_MAX - f->bytes.len;
		bytes_append(&f->bytes, a->budget, data.data, n);
	}
	f->updated = true;
}

static struct frames *frames_get(struct analysis *a)
{
	if (a->frames == NULL)
		a->frames = budget_get(a->budget, sizeof(struct frames));
	return a->frames;
}

static void frame_free(struct analysis *a, struct app_frame *f)
{
	bytes_fini(&f->bytes, a->budget);
	budget_put(a->budget, f, sizeof(*f));
}

static struct app_frame *frame_new(struct analysis *a, enum side side, uint8_t type, uint64_t offset,
				   int64_t len)
{
	struct frames *fs = frames_get(a);
	struct app_frame *f;

	if (fs == NULL)
		return NULL;
	if (fs->count >= FRAMES_MAX)
		return NULL;
	f = budget_get(a->budget, sizeof(*f));
	if (f == NULL)
		return NULL;
	f->id = ++fs->ids;
	f->tx_id = FRAME_NO_TX;
	f->offset = offset;
	f->len = len;
	f->side = side;
	f->type = type;
	if (fs->last != NULL)
		fs->last->next = f;
	else
		fs->first = f;
	fs->last = f;
	fs->count++;
	if (a->feeding.len != 0)
		frame_take(a, f, a->feeding_offset, a->feeding);
	return f;
}

struct app_frame *frame_open(struct analysis *a, enum side side, uint8_t type, uint64_t offset, int64_t len)
{
	if (!analysis_wanted(a, APP_WANT_FRAMES))
		return NULL;
	return frame_new(a, side, type, offset, len);
}

struct app_frame *frame_current(struct analysis *a, enum side side, uint8_t type)
{
	struct app_frame *hit = NULL;

	for (struct app_frame *f = frames_of(a); f != NULL; f = f->next)
		if (f->side == side && f->type == type && !f->closed)
			hit = f;
	return hit;
}

void frame_set_tx(struct app_frame *f, const struct tx *tx)
{
	if (f != NULL && tx != NULL)
		f->tx_id = tx->id;
}

void frame_end(struct analysis *a, struct app_frame *f, uint64_t offset)
{
	(void)a;
	if (f == NULL || offset < f->offset)
		return;
	f->len = (int64_t)(offset - f->offset);
	if (frame_held(f) >= (uint64_t)f->len) {
		uint64_t extra = frame_held(f) - (uint64_t)f->len;

		f->bytes.len -= extra < f->bytes.len ? (uint32_t)extra : f->bytes.len;
		f->closed = true;
	}
	f->updated = true;
}

void frame_event(struct app_frame *f, unsigned event)
{
	if (f != NULL && f->event_count < sizeof(f->events))
		f->events[f->event_count++] = (uint8_t)event;
}

struct app_frame *frames_of(const struct analysis *a)
{
	return a->frames != NULL ? ((struct frames *)a->frames)->first : NULL;
}

const char *frame_type_name(const struct analyzer *analyzer, uint8_t type)
{
	if (type == FRAME_TYPE_STREAM)
		return "stream";
	for (unsigned i = 0; analyzer->frames != NULL && analyzer->frames[i] != NULL; i++)
		if (i == type)
			return analyzer->frames[i];
	return NULL;
}

void frames_data(struct analysis *a, enum side side, uint64_t offset, struct slice data)
{
	struct frames *fs = frames_get(a);

	if (fs == NULL)
		return;
	if ((fs->streams >> side & 1) == 0) {
		fs->streams |= (uint8_t)(1 << side);
		frame_new(a, side, FRAME_TYPE_STREAM, offset, -1);
	}
	for (struct app_frame *f = fs->first; f != NULL; f = f->next)
		if (f->side == side)
			frame_take(a, f, offset, data);
}

void frames_gap(struct analysis *a, enum side side, uint64_t offset, uint64_t len)
{
	for (struct app_frame *f = frames_of(a); f != NULL; f = f->next) {
		uint64_t at = f->offset + frame_held(f);

		if (f->side != side || f->closed || at != offset)
			continue;
		if (f->gap_count == sizeof(f->gaps) / sizeof(f->gaps[0])) {
			f->closed = true;
			continue;
		}
		f->gaps[f->gap_count].at = f->bytes.len;
		f->gaps[f->gap_count++].len = len;
		f->updated = true;
		if (f->len >= 0 && frame_held(f) >= (uint64_t)f->len)
			f->closed = true;
	}
}

void frames_prune(struct analysis *a)
{
	struct frames *fs = a->frames;
	struct app_frame **at, *f;

	if (fs == NULL)
		return;
	at = &fs->first;
	fs->last = NULL;
	while ((f = *at) != NULL) {
		if (f->closed && !f->updated && f->type != FRAME_TYPE_STREAM) {
			*at = f->next;
			frame_free(a, f);
			fs->count--;
			continue;
		}
		fs->last = f;
		at = &f->next;
	}
}

void frames_free(struct analysis *a)
{
	struct frames *fs = a->frames;
	struct app_frame *f;

	if (fs == NULL)
		return;
	while ((f = fs->first) != NULL) {
		fs->first = f->next;
		frame_free(a, f);
	}
	budget_put(a->budget, fs, sizeof(*fs));
	a->frames = NULL;
}
