/* ftp_data.c - an FTP data connection that the control connection announced.
 *
 * One transaction a connection: the bytes of a transfer are a file, those of a listing just pass by. It ends when either side closes. */
#include <stdlib.h>
#include <strings.h>

#include "analyzers/file.h"
#include "analyzers/ftp/ftp.h"

struct ftp_data_tx {
	struct tx tx;
	struct ftp_announcement head;
	struct file *file;
};

static int ftp_data_open(struct analysis *a)
{
	struct ftp_data_tx *t = tx_new(a, sizeof(*t));

	if (t == NULL)
		return -12;
	if (a->context.len >= sizeof(t->head))
		memcpy(&t->head, a->context.data, sizeof(t->head));
	t->head.command[4] = '\0';
	a->state = t;
	return 0;
}

static void ftp_data_close(struct analysis *a)
{
	a->state = NULL;
}

static struct slice file_name(const struct analysis *a)
{
	return slice_skip(bytes_slice(&a->context), sizeof(struct ftp_announcement));
}

static enum parse ftp_data_feed(struct analysis *a, enum side side, struct reader *in)
{
	struct ftp_data_tx *t = (struct ftp_data_tx *)a->tx_first;
	struct slice data = read_rest(in);

	if (t == NULL || data.len == 0)
		return PARSE_OK;
	if (t->file == NULL && t->head.has_file && t->tx.progress[side] == 0)
		t->file = file_open(a, &t->tx, side, file_name(a));
	tx_progress(a, &t->tx, side, 1);
	if (t->file != NULL && t->file->side == side)
		file_data(a, t->file, data);
	return PARSE_OK;
}

static bool ftp_data_gap(struct analysis *a, enum side side, uint64_t len)
{
	struct ftp_data_tx *t = (struct ftp_data_tx *)a->tx_first;

	if (t != NULL && t->file != NULL && t->file->side == side)
		file_gap(a, t->file, len);
	return true;
}

static void ftp_data_end(struct analysis *a, enum side side)
{
	struct ftp_data_tx *t = (struct ftp_data_tx *)a->tx_first;

	if (t == NULL)
		return;
	if (t->file != NULL) {
		if (t->file->side != side)
			return;
		file_close(a, t->file, FILE_CLOSED);
	}
	tx_complete(a, &t->tx);
}

static void ftp_data_tx_free(struct analysis *a, struct tx *tx)
{
	if (a->state == tx)
		a->state = NULL;
	budget_put(a->budget, tx, sizeof(struct ftp_data_tx));
}

static void *command_parse(const char *argument, const char **error)
{
	static const char *const known[] = { "RETR", "STOR" };

	*error = "ftpdata_command takes \"retr\" or \"stor\"";
	for (unsigned i = 0; i < 2; i++)
		if (strcasecmp(argument, known[i]) == 0)
			return strdup(known[i]);
	return NULL;
}

static bool command_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	(void)a;
	(void)side;
	return strcmp(((const struct ftp_data_tx *)tx)->head.command, parsed) == 0;
}

static const struct field ftp_data_fields[] = {
	{ .name = "ftpdata_command", .type = FIELD_TEST, .flags = FIELD_TO_SERVER | FIELD_TO_CLIENT, .test_parse = command_parse,
	  .test = command_test, .test_free = free, .summary = "the command that asked for the transfer: retr or stor" },
};

static bool ftp_data_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	const struct ftp_data_tx *t = (const struct ftp_data_tx *)tx;
	struct slice name = file_name(a);

	(void)req;
	json_object(j, "ftp_data");
	if (name.len)
		json_slice(j, "filename", name);
	if (t->head.command[0])
		json_str(j, "command", t->head.command);
	json_close(j);
	return true;
}

const struct analyzer analyzer_ftp_data = {
	.abi = ANALYZER_ABI,
	.name = "ftp-data",
	.aliases = "ftp_data",
	.summary = "FTP data connections, as the control connection announced them",
	.transports = TRANSPORT_TCP,
	.open = ftp_data_open,
	.close = ftp_data_close,
	.feed = ftp_data_feed,
	.gap = ftp_data_gap,
	.end = ftp_data_end,
	.tx_free = ftp_data_tx_free,
	.complete = { 2, 2 },
	.fields = ftp_data_fields,
	.field_count = sizeof(ftp_data_fields) / sizeof(ftp_data_fields[0]),
	.event_type = "ftp_data",
	.record_conf = "ftp",
	.record = ftp_data_record,
};
