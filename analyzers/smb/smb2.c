/* smb2.c - messages of SMB 2 and 3 (MS-SMB2).
 *
 * A request becomes a transaction, which its response completes; reads, writes and queries don't, but the file or
 * the DCE/RPC call that they are about does. Buffers are found by offsets from the message's start. */
#include "analyzers/smb/smb.h"

struct message {
	const struct smb2_header *h;
	struct slice all;               /* from the header on */
	struct slice body;
	enum side side;
	uint64_t missing;
};

bool smb2_header_read(struct slice data, struct smb2_header *h)
{
	const uint8_t *p = data.data;

	if (data.len < SMB2_HEADER_LEN || memcmp(p, "\xfeSMB", 4) != 0)
		return false;
	*h = (struct smb2_header){
		.status = load_le32(p + 8), .command = load_le16(p + 12), .flags = load_le32(p + 16), .next = load_le32(p + 20),
		.message = load_le64(p + 24), .session = load_le64(p + 40),
	};
	if ((h->flags & 2) == 0)        /* else there is an asynchronous id in its place */
		h->tree = load_le32(p + 36);
	return true;
}

/* What stands at offset from the message's start; empty where it isn't all there. */
static struct slice buffer(const struct message *m, uint32_t offset, uint32_t len)
{
	if (offset > m->all.len || len > m->all.len - offset)
		return slice_of(NULL, 0);
	return slice_of(m->all.data + offset, len);
}

static struct smb_tx *tx_of(struct analysis *a, const struct message *m, enum smb_kind kind)
{
	struct smb_tx *t = smb_tx_new(a, (uint8_t)kind, 2, m->h->command);

	if (t == NULL)
		return NULL;
	t->message = m->h->message;
	t->session = m->h->session;
	t->tree = m->h->tree;
	tx_progress(a, &t->tx, TO_SERVER, 1);
	return t;
}

static struct smb_fid fid_of(const uint8_t *p)
{
	struct smb_fid fid = { .len = 16 };

	memcpy(fid.bytes, p, 16);
	return fid;
}

/* A transaction's head for those that find or make the real one. */
static struct smb_tx head_of(struct analysis *a, const struct message *m, const struct smb_fid *fid)
{
	struct smb_tx head = { .version = 2, .command = m->h->command, .message = m->h->message, .session = m->h->session,
			       .tree = m->h->tree, .fid = *fid };
	struct smb_pipe *p = smb_pipe_get(a, fid, false);
	struct smb_tree *tree = smb_tree_get(a, m->h->session, m->h->tree, false);

	if (p != NULL)
		head.name = p->name;    /* borrowed */
	if (tree != NULL)
		head.other = tree->name;
	return head;
}

static bool is_pipe(struct analysis *a, const struct message *m, struct slice data)
{
	struct smb_tree *tree = smb_tree_get(a, m->h->session, m->h->tree, false);

	return tree != NULL ? tree->is_pipe : smb_dce_probe(data);
}

/* Bytes of a file or a pipe, the last of which may still be on their way. */
static void bytes_take(struct analysis *a, const struct message *m, const struct smb_fid *fid, uint64_t offset,
		       uint32_t data_offset, uint32_t len)
{
	struct smb_state *st = a->state;
	struct smb_tx head = head_of(a, m, fid), *t;
	size_t there = data_offset < m->all.len ? m->all.len - data_offset : 0;
	struct slice data = slice_of(m->all.data + (there ? data_offset : 0), there < len ? there : len);

	if (len > there + m->missing) {
		smb_event(a, NULL, MALFORMED_DATA);
		return;
	}
	if (is_pipe(a, m, data)) {
		smb_dce_bytes(a, &head, m->side, data);
		return;
	}
	t = smb_file_bytes(a, &head, m->side, offset, data);
	if (t != NULL && data.len < len && t->next_offset == offset + data.len) {
		st->streaming[m->side] = t;
		st->streaming_left[m->side] = len - data.len;
	}
}

static void negotiate_request(struct analysis *a, const struct message *m)
{
	const uint8_t *p = m->body.data;
	struct smb_tx *t = tx_of(a, m, SMB_NEGOTIATED);
	unsigned count;

	if (t == NULL || m->body.len < 36)
		return;
	count = load_le16(p + 2);
	memcpy(t->client_guid, p + 12, 16);
	t->has_client_guid = true;
	if (count * 2 > m->body.len - 36)
		smb_event(a, t, NEGOTIATE_MALFORMED_DIALECTS);
	else
		bytes_append(&t->other, a->budget, p + 36, (size_t)count * 2);
}

static void tree_request(struct analysis *a, const struct message *m)
{
	struct smb_tx *t = tx_of(a, m, SMB_TREE);

	if (t != NULL && m->body.len >= 8)
		smb_text(a, &t->name, buffer(m, load_le16(m->body.data + 4), load_le16(m->body.data + 6)));
}

static void create_request(struct analysis *a, const struct message *m)
{
	const uint8_t *p = m->body.data;
	struct smb_tx *t = tx_of(a, m, SMB_CREATED);
	uint32_t options;

	if (t == NULL || m->body.len < 56)
		return;
	options = load_le32(p + 40);
	t->disposition = load_le32(p + 36);
	t->directory = (options & 1) != 0;
	t->delete_on_close = (options & 0x1000) != 0;
	smb_text(a, &t->name, buffer(m, load_le16(p + 44), load_le16(p + 46)));
}

static void ioctl_request(struct analysis *a, const struct message *m)
{
	const uint8_t *p = m->body.data;
	struct slice data;
	struct smb_fid fid;
	struct smb_tx *t, head;

	if (m->body.len >= 56 && load_le32(p + 4) == 0x0011c017) {
		data = buffer(m, load_le32(p + 24), load_le32(p + 28));
		fid = fid_of(p + 8);
		if (smb_dce_probe(data)) {
			head = head_of(a, m, &fid);
			smb_read_note(a, m->h->message, &fid, 0);
			smb_dce_bytes(a, &head, TO_SERVER, data);
			return;
		}
	}
	t = tx_of(a, m, SMB_IOCTL);
	if (t != NULL && m->body.len >= 8)
		t->function = load_le32(p + 4);
}

/* Renaming, and marking for deletion; the rest isn't told about. */
static void set_info_request(struct analysis *a, const struct message *m)
{
	const uint8_t *p = m->body.data;
	struct slice data;
	struct smb_fid fid;
	struct smb_pipe *file;
	struct smb_tx *t;
	bool rename;

	if (m->body.len < 32 || p[2] != 1)
		return;
	data = buffer(m, load_le16(p + 8), load_le32(p + 4));
	rename = p[3] == 10 && data.len >= 20;
	if (!rename && (p[3] != 13 || data.len < 1))
		return;
	fid = fid_of(p + 16);
	file = smb_pipe_get(a, &fid, false);
	t = tx_of(a, m, rename ? SMB_RENAME : SMB_SET_INFO);
	if (t == NULL)
		return;
	t->fid = fid;
	if (file != NULL)
		bytes_append(&t->name, a->budget, file->name.data, file->name.len);
	t->level = p[3];
	t->subcommand = p[2];
	t->delete_on_close = !rename && data.data[0] != 0;
	if (rename && load_le32(data.data + 16) <= data.len - 20)
		smb_text(a, &t->other, slice_of(data.data + 20, load_le32(data.data + 16)));
}

static void request(struct analysis *a, const struct message *m)
{
	const uint8_t *p = m->body.data;
	size_t len = m->body.len;
	struct smb_fid fid;
	struct smb_tx *t;

	switch (m->h->command) {
	case SMB2_NEGOTIATE:
		negotiate_request(a, m);
		return;
	case SMB2_SESSION_SETUP:
		t = tx_of(a, m, SMB_SESSION);
		if (t != NULL && len >= 24)
			smb_security_blob(a, t, buffer(m, load_le16(p + 12), load_le16(p + 14)));
		return;
	case SMB2_TREE_CONNECT:
		tree_request(a, m);
		return;
	case SMB2_CREATE:
		create_request(a, m);
		return;
	case SMB2_READ:
		if (len < 48)
			break;
		fid = fid_of(p + 16);
		smb_read_note(a, m->h->message, &fid, load_le64(p + 8));
		return;
	case SMB2_WRITE:
		if (len < 48)
			break;
		fid = fid_of(p + 16);
		bytes_take(a, m, &fid, load_le64(p + 8), load_le16(p + 2), load_le32(p + 4));
		return;
	case SMB2_IOCTL:
		ioctl_request(a, m);
		return;
	case SMB2_SET_INFO:
		set_info_request(a, m);
		return;
	case SMB2_GET_INFO:
	case SMB2_CANCEL:               /* nobody answers it */
		return;
	case SMB2_CLOSE:
		if (len >= 24) {
			fid = fid_of(p + 8);
			smb_file_done(a, &fid);
		}
		break;
	default:
		break;
	}
	if (m->h->command != SMB2_READ && m->h->command != SMB2_WRITE)
		tx_of(a, m, SMB_GENERIC);
	else
		smb_event(a, NULL, MALFORMED_DATA);
}

static uint32_t unix_time(const uint8_t *p)
{
	uint64_t seconds = load_le64(p) / 10000000u;

	return seconds > 11644473600u ? (uint32_t)(seconds - 11644473600u) : 0;
}

static void create_response(struct analysis *a, const struct message *m, struct smb_tx *t)
{
	const uint8_t *p = m->body.data;
	struct smb_pipe *file;

	if (m->body.len < 88)
		return;
	for (unsigned i = 0; i < 4; i++)
		t->times[i] = unix_time(p + 8 + 8 * i);
	t->size = load_le64(p + 48);
	t->fid = fid_of(p + 64);
	file = smb_pipe_get(a, &t->fid, true);
	if (file == NULL)
		return;
	file->name.len = 0;
	bytes_append(&file->name, a->budget, t->name.data, t->name.len);
}

static void tree_response(struct analysis *a, const struct message *m, struct smb_tx *t)
{
	struct smb_tree *tree;

	t->tree = m->h->tree;
	if (m->body.len < 3)
		return;
	t->share_type = m->body.data[2];
	t->is_pipe = t->share_type == 2;
	tree = smb_tree_get(a, m->h->session, m->h->tree, true);
	if (tree == NULL)
		return;
	tree->is_pipe = t->is_pipe;
	tree->name.len = 0;
	bytes_append(&tree->name, a->budget, t->name.data, t->name.len);
}

static void negotiate_response(struct analysis *a, const struct message *m, struct smb_tx *t)
{
	struct smb_state *st = a->state;
	const uint8_t *p = m->body.data;

	if (m->body.len < 36)
		return;
	st->dialect = load_le16(p + 4);
	st->read_max = load_le32(p + 32);
	if (m->body.len >= 40)
		st->write_max = load_le32(p + 36);
	memcpy(t->server_guid, p + 8, 16);
}

static void read_response(struct analysis *a, const struct message *m)
{
	const uint8_t *p = m->body.data;
	struct smb_read read;

	if (!smb_read_take(a, m->h->message, &read))
		return;
	if (m->h->status != STATUS_SUCCESS && m->h->status != STATUS_BUFFER_OVERFLOW)
		return;
	if (m->body.len < 16) {
		smb_event(a, NULL, MALFORMED_DATA);
		return;
	}
	bytes_take(a, m, &read.fid, read.offset, p[2], load_le32(p + 4));
}

static void response(struct analysis *a, const struct message *m)
{
	const struct smb2_header *h = m->h;
	bool ok = h->status == STATUS_SUCCESS;
	struct smb_read read;
	struct smb_tx *t;

	if (h->status == STATUS_PENDING)
		return;
	if (h->command == SMB2_READ) {
		read_response(a, m);
		return;
	}
	if (h->command == SMB2_IOCTL && smb_read_take(a, h->message, &read)) {
		struct smb_tx head = head_of(a, m, &read.fid);

		if (m->body.len >= 48 && (ok || h->status == STATUS_BUFFER_OVERFLOW))
			smb_dce_bytes(a, &head, TO_CLIENT,
				      buffer(m, load_le32(m->body.data + 32), load_le32(m->body.data + 36)));
		return;
	}
	t = smb_open_tx(a, 2, h->command, h->message, TO_CLIENT);
	if (t == NULL && h->command == SMB2_NEGOTIATE && ok) {
		/* It answers an SMB 1 negotiation that offered SMB 2, too. */
		t = smb_open_tx(a, 1, 0x72, 0, TO_CLIENT);
	}
	if (t == NULL)
		return;
	smb_status(t, h->status);
	if (h->command == SMB2_SESSION_SETUP)
		t->session = h->session;
	if (ok && h->command == SMB2_CREATE)
		create_response(a, m, t);
	else if (ok && h->command == SMB2_TREE_CONNECT)
		tree_response(a, m, t);
	else if (ok && h->command == SMB2_NEGOTIATE)
		negotiate_response(a, m, t);
	tx_progress(a, &t->tx, TO_CLIENT, 1);
}

void smb2_message(struct analysis *a, enum side side, const struct smb2_header *h, struct slice message, uint64_t missing)
{
	struct message m = { .h = h, .all = message, .body = slice_skip(message, SMB2_HEADER_LEN), .side = side, .missing = missing };

	if (((h->flags & 1) != 0) != (side == TO_CLIENT))
		return;                 /* neither a request nor a response, there */
	if (side == TO_SERVER)
		request(a, &m);
	else
		response(a, &m);
}
