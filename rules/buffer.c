/* buffer.c - what a buffer's matches look at: a field's value, passed through the buffer's transforms. */
#include "analyzers/file.h"
#include "rules/engine.h"

static struct slice transforms_apply(struct rules *r, const struct buffer *b, struct slice in)
{
	for (unsigned i = 0; i < b->transform_count; i++) {
		uint8_t *out = r->transformed + (i % 2) * TRANSFORM_MAX;
		size_t len = b->transforms[i].apply(b->transforms[i].data, in, out, TRANSFORM_MAX);

		in = slice_of(out, len);
	}
	return in;
}

bool buffer_value(struct rules *r, const struct inspect *in, const struct buffer *b, const struct field *field,
		  unsigned index, struct view *out)
{
	struct field_value v = { .complete = true };

	if (!field->get(in->analysis, in->tx, in->side, index, &v))
		return false;
	out->bytes = transforms_apply(r, b, v.bytes);
	out->offset = field->flags & FIELD_GROWS && b->transform_count == 0 ? v.offset : 0;
	out->complete = !(field->flags & FIELD_GROWS) || v.complete;
	return true;
}

struct slice buffer_transformed(struct rules *r, const struct buffer *b, struct slice in)
{
	return transforms_apply(r, b, in);
}
