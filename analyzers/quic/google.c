/* google.c - the CHLO of Google's QUIC: tags and values, and the fingerprint of which tags stand there (CYU). */
#include "analyzers/quic/quic.h"

#include "base/must.h"

#define TAG(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* In the order of their letters, which are the name, a zero byte left out. */
static const uint32_t tags[] = {
	TAG('A', 'E', 'A', 'D'), TAG('C', 'C', 'R', 'T'), TAG('C', 'C', 'S', 0), TAG('C', 'E', 'T', 'V'),
	TAG('C', 'F', 'C', 'W'), TAG('C', 'H', 'L', 'O'), TAG('C', 'O', 'P', 'T'), TAG('C', 'S', 'C', 'T'),
	TAG('C', 'T', 'I', 'M'), TAG('I', 'C', 'S', 'L'), TAG('I', 'R', 'T', 'T'), TAG('K', 'E', 'X', 'S'),
	TAG('M', 'I', 'D', 'S'), TAG('M', 'S', 'P', 'C'), TAG('N', 'O', 'N', 'C'), TAG('N', 'O', 'N', 'P'),
	TAG('P', 'A', 'D', 0), TAG('P', 'D', 'M', 'D'), TAG('P', 'U', 'B', 'S'), TAG('S', 'C', 'I', 'D'),
	TAG('S', 'C', 'L', 'S'), TAG('S', 'F', 'C', 'W'), TAG('S', 'M', 'H', 'L'), TAG('S', 'N', 'I', 0),
	TAG('S', 'N', 'O', 0), TAG('S', 'T', 'K', 0), TAG('T', 'C', 'I', 'D'), TAG('U', 'A', 'I', 'D'),
	TAG('V', 'E', 'R', 0), TAG('X', 'L', 'C', 'T'),
};

static bool tag_known(uint32_t tag)
{
	for (size_t i = 0; i < ARRAY_LEN(tags); i++)
		if (tags[i] == tag)
			return true;
	return false;
}

/* The table of tags and where their values end; false where it, or a value, doesn't fit. */
static bool table_read(struct slice data, struct reader *table, struct slice *values)
{
	struct reader in = reader_slice(data), each;
	uint32_t end = 0;
	uint16_t count;

	if (!tag_known(read_be32(&in)))
		return false;
	count = read_le16(&in);
	read_be16(&in);                         /* padding */
	*table = read_sub(&in, (size_t)count * 8);
	*values = read_rest(&in);
	each = *table;
	while (reader_left(&each) > 0) {
		uint32_t tag = read_be32(&each), next = read_le32(&each);

		if (!tag_known(tag) || next < end)
			return false;
		end = next;
	}
	return !table->ran_out && end == values->len;
}

static void cyu_start(struct analysis *a, struct quic_tx *t)
{
	static const char *const names[] = { "43,", "44,", "44,", "46," };

	bytes_append(&t->cyu, a->budget, names[t->version - QUIC_Q043], 3);
}

static void cyu_tag(struct analysis *a, struct quic_tx *t, uint32_t tag, bool first)
{
	const char name[] = { (char)(tag >> 24), (char)(tag >> 16), (char)(tag >> 8), (char)tag };

	if (!first)
		bytes_append_u8(&t->cyu, a->budget, '-');
	bytes_append(&t->cyu, a->budget, name, name[3] ? 4 : 3);
}

void quic_google_tags(struct analysis *a, struct quic_tx *t, struct slice data)
{
	struct reader table;
	struct slice values;
	uint32_t from = 0;

	if (!table_read(data, &table, &values))
		return;
	if (quic_is_google(t->version))
		cyu_start(a, t);
	for (bool first = true; reader_left(&table) > 0; first = false) {
		uint32_t tag = read_be32(&table), end = read_le32(&table);
		struct slice value = slice_head(slice_skip(values, from), end - from);

		if (quic_is_google(t->version))
			cyu_tag(a, t, tag, first);
		if (tag == TAG('S', 'N', 'I', 0) && t->sni.len == 0)
			bytes_append(&t->sni, a->budget, value.data, value.len);
		if (tag == TAG('U', 'A', 'I', 'D') && t->ua.len == 0)
			bytes_append(&t->ua, a->budget, value.data, value.len);
		from = end;
	}
	if (quic_is_google(t->version))
		bytes_append_u8(&t->cyu, a->budget, 0);
}

bool quic_cyu_at(const struct quic_tx *t, unsigned index, struct slice *out)
{
	struct slice rest = bytes_slice(&t->cyu);

	while (rest.len > 0) {
		const uint8_t *end = memchr(rest.data, 0, rest.len);

		if (end == NULL)
			return false;
		*out = slice_head(rest, (size_t)(end - rest.data));
		if (index-- == 0)
			return true;
		rest = slice_skip(rest, out->len + 1);
	}
	return false;
}
