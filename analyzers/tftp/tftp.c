/* tftp.c - TFTP requests (RFC 1350, options of RFC 2347).
 *
 * A transfer's data comes from another port and is a flow of its own; here is who asks
 * for what. One transaction a request, complete at once. */
#include <strings.h>

#include "analyzers/analyzer.h"

#define OPCODE_READ 1
#define OPCODE_WRITE 2
#define OPCODE_LAST 6                   /* option acknowledgement */

struct tftp_tx {
	struct tx tx;
	uint16_t opcode;
	const char *mode;
	struct bytes file;
};

static const char *const modes[] = { "netascii", "mail", "octet" };

/* Up to its zero byte; empty data where there is none. */
static struct slice read_text(struct reader *in)
{
	size_t left = reader_left(in);
	const uint8_t *zero = left ? memchr(in->at, 0, left) : NULL;
	struct slice s = { 0 };

	if (zero == NULL) {
		in->ran_out = true;
		return s;
	}
	s = slice_of(in->at, (size_t)(zero - in->at));
	in->at = zero + 1;
	return s;
}

static const char *mode_find(struct slice text)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (text.len == strlen(modes[i]) &&
		    strncasecmp((const char *)text.data, modes[i], text.len) == 0)
			return modes[i];
	}
	return NULL;
}

static enum parse tftp_feed(struct analysis *a, enum side side, struct reader *in)
{
	uint16_t opcode = read_be16(in);
	struct slice file, mode_text;
	const char *mode;
	struct tftp_tx *t;

	(void)side;
	if (in->ran_out || opcode == 0 || opcode > OPCODE_LAST)
		return PARSE_BAD;
	if (opcode != OPCODE_READ && opcode != OPCODE_WRITE)
		return PARSE_OK;
	file = read_text(in);
	mode_text = read_text(in);
	mode = in->ran_out ? NULL : mode_find(mode_text);
	if (mode == NULL)
		return PARSE_BAD;
	t = tx_new(a, sizeof(*t));
	if (t == NULL)
		return PARSE_BAD;
	t->opcode = opcode;
	t->mode = mode;
	bytes_append(&t->file, a->budget, file.data, file.len);
	tx_complete(a, &t->tx);
	return PARSE_OK;
}

static void tftp_tx_free(struct analysis *a, struct tx *tx)
{
	struct tftp_tx *t = (struct tftp_tx *)tx;

	bytes_fini(&t->file, a->budget);
	budget_put(a->budget, t, sizeof(*t));
}

static enum probe tftp_probe(struct slice data, enum side side, bool is_udp)
{
	(void)side;
	(void)is_udp;
	if (data.len < 4 || data.data[0] != 0 || data.data[1] == 0 || data.data[1] > OPCODE_LAST)
		return PROBE_NO;
	return PROBE_YES;
}

static bool get_file(struct analysis *a, struct tx *tx, enum side side, unsigned index,
		     struct field_value *out)
{
	(void)a;
	(void)side;
	out->bytes = bytes_slice(&((struct tftp_tx *)tx)->file);
	return index == 0;
}

static bool tftp_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct tftp_tx *t = (const struct tftp_tx *)tx;

	(void)a;
	(void)req;
	json_object(j, "tftp");
	json_str(j, "packet", t->opcode == OPCODE_READ ? "read" : "write");
	json_slice(j, "file", bytes_slice(&t->file));
	json_str(j, "mode", t->mode);
	json_close(j);
	return true;
}

static const struct field tftp_fields[] = {
	{ .name = "tftp.file", .type = FIELD_BYTES, .flags = FIELD_TO_SERVER, .progress = { 1, 1 },
	  .get = get_file, .summary = "name of the file that is read or written" },
};

const struct analyzer analyzer_tftp = {
	.abi = ANALYZER_ABI,
	.name = "tftp",
	.summary = "TFTP read and write requests",
	.transports = TRANSPORT_UDP,
	.ports = "69",
	.probe = tftp_probe,
	.feed = tftp_feed,
	.tx_free = tftp_tx_free,
	.complete = { 1, 1 },
	.fields = tftp_fields,
	.field_count = sizeof(tftp_fields) / sizeof(tftp_fields[0]),
	.event_type = "tftp",
	.record = tftp_record,
};
