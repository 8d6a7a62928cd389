/* sdp.c - session descriptions (RFC 8866), as SIP carries them. */
#include "analyzers/sip/sip.h"

#include <ctype.h>

#include "base/text.h"

bool sdp_line_next(struct sdp_lines *lines, struct sdp_line *out)
{
	struct reader *in = &lines->in;
	struct slice line;
	const uint8_t *lf;

	if (reader_left(in) == 0)
		return false;
	lf = memchr(in->at, '\n', reader_left(in));
	line = read_slice(in, lf != NULL ? (size_t)(lf + 1 - in->at) : reader_left(in));
	line = slice_head(line, line.len - (lf != NULL));
	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	if (line.len < 2 || line.data[1] != '=' || !isalpha(line.data[0]))
		return false;
	out->type = (char)line.data[0];
	out->value = slice_skip(line, 2);
	lines->media |= out->type == 'm';
	out->media = lines->media;
	return true;
}

static unsigned words_count(struct slice text)
{
	struct slice word;
	unsigned n = 0;

	while (text_word(&text, &word))
		n++;
	return n;
}

bool sdp_valid(struct slice body)
{
	static const char first[] = { 'v', 'o', 's' };
	struct sdp_lines lines = sdp_lines(body);
	struct sdp_line line;
	unsigned n = 0;

	while (sdp_line_next(&lines, &line)) {
		if (n < sizeof(first) && line.type != first[n])
			return false;
		if (line.type == 'v' && !text_is(line.value, "0"))
			return false;
		if (line.type == 'o' && words_count(line.value) != 6)
			return false;
		if (line.type == 't' && n >= sizeof(first))
			return words_count(line.value) == 2;
		n++;
	}
	return false;
}

/* "IN IP4 224.2.1.1/127": how far multicast packets go. With one number of several: /ttl/count. */
static void record_connection(struct slice value, struct json *j)
{
	struct slice rest = value, net, type, address, part;
	uint64_t ttl;

	if (text_word(&rest, &net) && text_word(&rest, &type) && text_word(&rest, &address) && text_is(type, "IP4") &&
	    text_part(&address, '/', &part)) {
		bool multicast = part.len > 3 && part.data[0] == '2' && part.data[3] == '.' &&
				 (part.data[1] == '3' || (part.data[1] == '2' && part.data[2] >= '4'));
		bool more = memchr(address.data, '/', address.len) != NULL;

		if (address.len > 0 && (multicast || more) && text_part(&address, '/', &part) && text_u64(part, &ttl))
			json_uint(j, "ttl", ttl);
	}
	json_slice(j, "c", value);
}

/* All lines of one type in one part: from *lines on, up to the next medium. */
static void record_list(struct sdp_lines lines, char type, struct json *j)
{
	const char key[] = { type, 0 };
	const bool media = lines.media;
	struct sdp_line line;
	bool any = false;

	while (sdp_line_next(&lines, &line) && line.type != 'm' && line.media == media) {
		if (line.type != type)
			continue;
		if (!any)
			json_array(j, key);
		any = true;
		json_slice(j, NULL, line.value);
	}
	if (any)
		json_close(j);
}

/* A part's members: those that stand once, and lists. Ends at a medium, whose line is then in *line. */
static bool record_part(struct sdp_lines *lines, struct sdp_line *line, struct json *j)
{
	const struct sdp_lines start = *lines;
	char had[32] = "";
	size_t count = 0;

	record_list(start, 'b', j);
	record_list(start, 'a', j);
	while (sdp_line_next(lines, line)) {
		const char key[] = { line->type, 0 };

		if (line->type == 'm')
			return true;
		if (strchr("ab", line->type) != NULL || strchr(had, line->type) != NULL || count + 1 >= sizeof(had))
			continue;
		had[count++] = line->type;
		if (line->type == 'v')
			json_uint(j, "v", 0);
		else if (line->type == 'c')
			record_connection(line->value, j);
		else if (strchr("osiueptrzk", line->type) != NULL)
			json_slice(j, key, line->value);
	}
	return false;
}

void sdp_record(struct slice body, struct json *j)
{
	struct sdp_lines lines = sdp_lines(body);
	struct sdp_line line = { 0 };
	bool more;

	json_object(j, "sdp");
	more = record_part(&lines, &line, j);
	if (more)
		json_array(j, "m");
	for (bool medium = more; medium;) {
		json_object(j, NULL);
		json_slice(j, "m", line.value);
		medium = record_part(&lines, &line, j);
		json_close(j);
	}
	if (more)
		json_close(j);
	json_close(j);
}
