/* smb1.c - messages of SMB 1 (MS-CIFS, MS-SMB).
 *
 * A message is a header, a count of words, the words, a count of bytes, the bytes; commands ending in ANDX chain
 * another one behind, of which at most ANDX_MAX are followed. */
#include "analyzers/smb/smb.h"

#define ANDX_MAX 4

enum smb1_command {
	SMB1_CLOSE = 0x04, SMB1_TRANS = 0x25, SMB1_READ = 0x2e, SMB1_WRITE = 0x2f, SMB1_TRANS2 = 0x32, SMB1_NEGOTIATE = 0x72,
	SMB1_SETUP = 0x73, SMB1_TREE = 0x75, SMB1_NT_CREATE = 0xa2,
};

struct message {
	struct slice all;               /* from the header on */
	struct slice words, bytes;
	size_t bytes_at;                /* in all */
	enum side side;
	uint64_t missing, id;
	uint32_t status, session, tree;
	uint8_t command;
	bool unicode, nt_status;
};

static struct smb_tx *tx_of(struct analysis *a, const struct message *m, enum smb_kind kind)
{
	struct smb_tx *t = smb_tx_new(a, (uint8_t)kind, 1, m->command);

	if (t == NULL)
		return NULL;
	t->message = m->id;
	t->session = m->session;
	t->tree = m->tree;
	tx_progress(a, &t->tx, TO_SERVER, 1);
	return t;
}

static struct smb_fid fid_of(const uint8_t *p)
{
	return (struct smb_fid){ .bytes = { p[0], p[1] }, .len = 2 };
}

/* A text ended by zero; UTF-16 begins at an even place in the message. */
static struct slice text(const struct message *m, size_t *at, bool unicode)
{
	size_t i = *at, from;

	if (unicode && ((m->bytes_at + i) & 1) != 0)
		i++;
	from = i;
	if (i > m->bytes.len) {
		*at = m->bytes.len;
		return slice_of(NULL, 0);
	}
	if (unicode) {
		while (i + 1 < m->bytes.len && (m->bytes.data[i] != 0 || m->bytes.data[i + 1] != 0))
			i += 2;
		*at = i + 2;
	} else {
		while (i < m->bytes.len && m->bytes.data[i] != 0)
			i++;
		*at = i + 1;
	}
	return slice_of(m->bytes.data + from, (i < m->bytes.len ? i : m->bytes.len) - from);
}

static void bytes_take(struct analysis *a, const struct message *m, const struct smb_fid *fid, uint64_t offset,
		       uint32_t data_offset, uint32_t len)
{
	struct smb_state *st = a->state;
	struct smb_pipe *p = smb_pipe_get(a, fid, false);
	struct smb_tree *tree = smb_tree_get(a, 0, m->tree, false);
	struct smb_tx head = { .version = 1, .command = m->command, .message = m->id, .session = m->session, .tree = m->tree,
			       .fid = *fid }, *t;
	size_t there = data_offset < m->all.len ? m->all.len - data_offset : 0;
	struct slice data = slice_of(m->all.data + (there ? data_offset : 0), there < len ? there : len);

	if (len > there + m->missing) {
		smb_event(a, NULL, MALFORMED_DATA);
		return;
	}
	if (p != NULL)
		head.name = p->name;    /* borrowed, as the share's */
	if (tree != NULL)
		head.other = tree->name;
	if (tree != NULL ? tree->is_pipe : smb_dce_probe(data)) {
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
	struct smb_state *st = a->state;
	struct smb_tx *t = tx_of(a, m, SMB_NEGOTIATED);
	size_t at = 0;

	if (t == NULL)
		return;
	t->message = 0;                 /* SMB 2 may answer */
	while (at < m->bytes.len && m->bytes.data[at] == 2) {
		struct slice dialect;

		at++;
		dialect = text(m, &at, false);
		bytes_append(&t->other, a->budget, dialect.data, dialect.len);
		bytes_append_u8(&t->other, a->budget, 0);
	}
	st->dialects1.len = 0;
	bytes_append(&st->dialects1, a->budget, t->other.data, t->other.len);
}

static void setup_request(struct analysis *a, const struct message *m)
{
	struct smb_tx *t = tx_of(a, m, SMB_SESSION);
	size_t at;

	if (t == NULL)
		return;
	if (m->words.len >= 26) {       /* older clients send passwords instead of a blob */
		uint16_t plain = load_le16(m->words.data + 14), hashed = load_le16(m->words.data + 16);
		size_t skip = (size_t)plain + hashed;

		at = skip;
		smb_text(a, &t->user, text(m, &at, m->unicode));
		smb_text(a, &t->domain, text(m, &at, m->unicode));
	} else if (m->words.len >= 24) {
		uint16_t len = load_le16(m->words.data + 14);

		smb_security_blob(a, t, slice_of(m->bytes.data, len < m->bytes.len ? len : m->bytes.len));
		at = len;
	} else {
		return;
	}
	smb_text(a, &t->native_os[0], text(m, &at, m->unicode));
	smb_text(a, &t->native_lm[0], text(m, &at, m->unicode));
}

static void tree_request(struct analysis *a, const struct message *m)
{
	struct smb_tx *t = tx_of(a, m, SMB_TREE);
	size_t at;

	if (t == NULL || m->words.len < 8)
		return;
	at = load_le16(m->words.data + 6);
	smb_text(a, &t->name, text(m, &at, m->unicode));
	smb_text(a, &t->service[0], text(m, &at, false));
}

static void create_request(struct analysis *a, const struct message *m)
{
	struct smb_tx *t = tx_of(a, m, SMB_CREATED);
	const uint8_t *p = m->words.data;
	size_t at = 0;

	if (t == NULL || m->words.len < 48)
		return;
	t->disposition = load_le32(p + 35);
	t->directory = (load_le32(p + 39) & 1) != 0;
	t->delete_on_close = (load_le32(p + 39) & 0x1000) != 0;
	smb_text(a, &t->name, text(m, &at, m->unicode));
}

/* A named pipe's transaction: what is written, and then read, in one exchange. */
static void trans_request(struct analysis *a, const struct message *m)
{
	const uint8_t *p = m->words.data;
	struct smb_fid fid;

	if (m->words.len < 32 || p[26] != 2 || load_le16(p + 28) != 0x26)
		return;
	fid = fid_of(p + 30);
	smb_read_note(a, m->id, &fid, 0);
	bytes_take(a, m, &fid, 0, load_le16(p + 24), load_le16(p + 22));
}

static void request(struct analysis *a, const struct message *m)
{
	const uint8_t *p = m->words.data;
	size_t len = m->words.len;
	struct smb_fid fid;
	uint64_t high;

	switch (m->command) {
	case SMB1_NEGOTIATE:
		negotiate_request(a, m);
		return;
	case SMB1_SETUP:
		setup_request(a, m);
		return;
	case SMB1_TREE:
		tree_request(a, m);
		return;
	case SMB1_NT_CREATE:
		create_request(a, m);
		return;
	case SMB1_TRANS:
		trans_request(a, m);
		return;
	case SMB1_READ:
		if (len < 20)
			return;
		fid = fid_of(p + 4);
		high = len >= 24 ? load_le32(p + 20) : 0;
		smb_read_note(a, m->id, &fid, high << 32 | load_le32(p + 6));
		return;
	case SMB1_WRITE:
		if (len < 24)
			return;
		fid = fid_of(p + 4);
		high = len >= 28 ? load_le32(p + 24) : 0;
		bytes_take(a, m, &fid, high << 32 | load_le32(p + 6), load_le16(p + 22),
			   (uint32_t)load_le16(p + 18) << 16 | load_le16(p + 20));
		return;
	case SMB1_TRANS2:
		return;
	case SMB1_CLOSE:
		if (len >= 2) {
			fid = fid_of(p);
			smb_file_done(a, &fid);
		}
		break;
	default:
		break;
	}
	tx_of(a, m, SMB_GENERIC);
}

static uint32_t unix_time(const uint8_t *p)
{
	uint64_t seconds = load_le64(p) / 10000000u;

	return seconds > 11644473600u ? (uint32_t)(seconds - 11644473600u) : 0;
}

static void negotiate_response(struct analysis *a, const struct message *m)
{
	struct smb_state *st = a->state;
	struct slice list = bytes_slice(&st->dialects1);
	unsigned index = m->words.len >= 2 ? load_le16(m->words.data) : 0xffff;

	while (list.len > 0) {
		const uint8_t *end = memchr(list.data, 0, list.len);
		size_t len = end != NULL ? (size_t)(end - list.data) : list.len;

		if (index-- == 0) {
			st->dialect1.len = 0;
			bytes_append(&st->dialect1, a->budget, list.data, len);
			return;
		}
		list = slice_skip(list, len < list.len ? len + 1 : len);
	}
}

static void response_details(struct analysis *a, const struct message *m, struct smb_tx *t)
{
	const uint8_t *p = m->words.data;
	struct smb_pipe *file;
	struct smb_tree *tree;
	size_t at = 0;

	if (m->command == SMB1_NEGOTIATE) {
		negotiate_response(a, m);
	} else if (m->command == SMB1_SETUP) {
		at = m->words.len >= 8 ? load_le16(p + 6) : 0;
		smb_text(a, &t->native_os[1], text(m, &at, m->unicode));
		smb_text(a, &t->native_lm[1], text(m, &at, m->unicode));
		t->session = m->session;
	} else if (m->command == SMB1_TREE) {
		smb_text(a, &t->service[1], text(m, &at, false));
		t->is_pipe = t->service[1].len == 3 && memcmp(t->service[1].data, "IPC", 3) == 0;
		t->tree = m->tree;
		tree = smb_tree_get(a, 0, m->tree, true);
		if (tree == NULL)
			return;
		tree->is_pipe = t->is_pipe;
		tree->name.len = 0;
		bytes_append(&tree->name, a->budget, t->name.data, t->name.len);
	} else if (m->command == SMB1_NT_CREATE && m->words.len >= 63) {
		t->fid = fid_of(p + 5);
		for (unsigned i = 0; i < 4; i++)
			t->times[i] = unix_time(p + 11 + 8 * i);
		t->size = load_le64(p + 55);
		file = smb_pipe_get(a, &t->fid, true);
		if (file == NULL)
			return;
		file->name.len = 0;
		bytes_append(&file->name, a->budget, t->name.data, t->name.len);
	}
}

static void response(struct analysis *a, const struct message *m)
{
	const uint8_t *p = m->words.data;
	bool ok = m->status == STATUS_SUCCESS || m->status == STATUS_BUFFER_OVERFLOW;
	struct smb_read read;
	struct smb_tx *t;

	if ((m->command == SMB1_READ || m->command == SMB1_TRANS) && smb_read_take(a, m->id, &read)) {
		if (ok && m->command == SMB1_READ && m->words.len >= 24)
			bytes_take(a, m, &read.fid, read.offset, load_le16(p + 12),
				   (uint32_t)load_le16(p + 14) << 16 | load_le16(p + 10));
		else if (ok && m->command == SMB1_TRANS && m->words.len >= 20)
			bytes_take(a, m, &read.fid, 0, load_le16(p + 14), load_le16(p + 12));
		return;
	}
	t = smb_open_tx(a, 1, m->command, m->command == SMB1_NEGOTIATE ? 0 : m->id, TO_CLIENT);
	if (t == NULL)
		return;
	smb_status(t, m->status);
	t->dos_status = !m->nt_status && m->status != STATUS_SUCCESS;
	if (ok || m->command == SMB1_SETUP)
		response_details(a, m, t);
	tx_progress(a, &t->tx, TO_CLIENT, 1);
}

/* One command of a message at this place; false where it isn't all there, as far as words go. */
static bool command_at(struct message *m, size_t at)
{
	size_t words;

	if (at >= m->all.len)
		return false;
	words = 2 * (size_t)m->all.data[at];
	if (words > m->all.len - at - 1)
		return false;
	m->words = slice_of(m->all.data + at + 1, words);
	m->bytes_at = at + 1 + words + 2;
	m->bytes = slice_skip(m->all, m->bytes_at < m->all.len ? m->bytes_at : m->all.len);
	return true;
}

static bool chains(uint8_t command)
{
	return command == 0x24 || command == 0x2d || command == SMB1_READ || command == SMB1_WRITE || command == SMB1_SETUP ||
	       command == 0x74 || command == SMB1_TREE || command == SMB1_NT_CREATE;
}

void smb1_message(struct analysis *a, enum side side, struct slice message, uint64_t missing)
{
	const uint8_t *p = message.data;
	struct message m = { .all = message, .side = side, .missing = missing };
	size_t at = SMB1_HEADER_LEN;

	if (message.len < SMB1_HEADER_LEN + 1) {
		smb_event(a, NULL, MALFORMED_DATA);
		return;
	}
	m.command = p[4];
	m.status = load_le32(p + 5);
	m.nt_status = (load_le16(p + 10) & 0x4000) != 0;
	m.unicode = (load_le16(p + 10) & 0x8000) != 0;
	m.tree = load_le16(p + 24);
	m.session = load_le16(p + 28);
	m.id = (uint64_t)load_le16(p + 26) << 32 | (uint64_t)load_le16(p + 30);
	for (unsigned i = 0; i < ANDX_MAX && command_at(&m, at); i++) {
		uint8_t command = m.command;
		size_t next;

		if (side == TO_SERVER)
			request(a, &m);
		else
			response(a, &m);
		if (!chains(command) || m.words.len < 4 || m.words.data[0] == 0xff)
			return;
		next = load_le16(m.words.data + 2);
		if (next <= at)
			return;
		m.command = m.words.data[0];
		at = next;
	}
}
