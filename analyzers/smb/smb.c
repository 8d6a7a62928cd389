/* smb.c - SMB 1, 2 and 3 over NetBIOS session service records (RFC 1002 4.3) on TCP 139 and 445.
 *
 * Records are waited for whole up to RECORD_WAIT_MAX bytes. A longer one is a file's bytes (a read's answer, a write):
 * what is there of it is used, and the rest streams into the file as it comes. After a gap, the next record that
 * begins like one is searched for. */
#include "analyzers/smb/smb.h"

#include <errno.h>
#include <stdlib.h>

#include "analyzers/frame.h"

#define RECORD_WAIT_MAX 65536
#define PENDING_MAX (2 * RECORD_WAIT_MAX)
#define STREAM_HEAD 512                 /* of a long record: enough for the headers of a read or a write */
#define CHUNKS_MAX 64
#define CHUNK_BYTES_MAX (1u << 20)

static const char *const smb_events[] = {
	"malformed_data", "record_overflow", "malformed_ntlmssp_request", "malformed_ntlmssp_response", "duplicate_negotiate",
	"negotiate_malformed_dialects", "file_overlap", NULL,
};
static const char *const smb_frames[] = {
	"nbss.pdu", "nbss.hdr", "nbss.data", "smb1.pdu", "smb1.hdr", "smb1.data", "smb2.pdu", "smb2.hdr", "smb2.data",
	"smb3.pdu", "smb3.hdr", "smb3.data", NULL,
};

static int smb_open(struct analysis *a)
{
	a->state = budget_get(a->budget, sizeof(struct smb_state));
	return a->state ? 0 : -ENOMEM;
}

static void pipe_free(struct analysis *a, struct smb_pipe *p)
{
	bytes_fini(&p->name, a->budget);
	bytes_fini(&p->partial[0], a->budget);
	bytes_fini(&p->partial[1], a->budget);
	budget_put(a->budget, p, sizeof(*p));
}

static void tree_free(struct analysis *a, struct smb_tree *t)
{
	bytes_fini(&t->name, a->budget);
	budget_put(a->budget, t, sizeof(*t));
}

static void smb_close(struct analysis *a)
{
	struct smb_state *st = a->state;
	void *next;

	if (st == NULL)
		return;
	for (struct smb_pipe *p = st->pipes; p != NULL; p = next) {
		next = p->next;
		pipe_free(a, p);
	}
	for (struct smb_tree *t = st->trees; t != NULL; t = next) {
		next = t->next;
		tree_free(a, t);
	}
	for (struct smb_read *r = st->reads; r != NULL; r = next) {
		next = r->next;
		budget_put(a->budget, r, sizeof(*r));
	}
	bytes_fini(&st->dialect1, a->budget);
	bytes_fini(&st->dialects1, a->budget);
	bytes_fini(&st->ifaces.list, a->budget);
	budget_put(a->budget, st, sizeof(*st));
	a->state = NULL;
}

static void chunks_free(struct analysis *a, struct smb_tx *t)
{
	struct smb_chunk *c;

	while ((c = t->chunks) != NULL) {
		t->chunks = c->next;
		bytes_fini(&c->data, a->budget);
		budget_put(a->budget, c, sizeof(*c));
	}
	t->chunk_count = 0;
}

static void smb_tx_free(struct analysis *a, struct tx *tx)
{
	struct smb_tx *t = (struct smb_tx *)tx;
	struct smb_state *st = a->state;
	struct bytes *all[] = { &t->name, &t->other, &t->service[0], &t->service[1], &t->native_os[0], &t->native_os[1],
				&t->native_lm[0], &t->native_lm[1], &t->user, &t->domain, &t->host, &t->realm, &t->snames };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		bytes_fini(all[i], a->budget);
	chunks_free(a, t);
	dce_call_fini(&t->call, a->budget);
	for (unsigned s = 0; s < 2 && st != NULL; s++)
		if (st->streaming[s] == t)
			st->streaming[s] = NULL;
	budget_put(a->budget, t, sizeof(*t));
}

struct smb_tx *smb_tx_new(struct analysis *a, uint8_t kind, uint8_t version, uint16_t command)
{
	struct smb_tx *t = tx_new(a, sizeof(*t));

	if (t != NULL) {
		t->kind = kind;
		t->version = version;
		t->command = command;
	}
	return t;
}

void smb_text(struct analysis *a, struct bytes *out, struct slice text)
{
	if (text.len > 2 * SMB_NAME_MAX)
		text.len = 2 * SMB_NAME_MAX;
	out->len = 0;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] != 0)
			bytes_append_u8(out, a->budget, text.data[i]);
}

bool smb_fid_same(const struct smb_fid *x, const struct smb_fid *y)
{
	return x->len == y->len && memcmp(x->bytes, y->bytes, x->len) == 0;
}

/* Lists keep what was used last in front, and lose what was not used for longest. */
#define LIST_GET(list, count, type, same, drop)                                         \
	do {                                                                            \
		struct type **at_ = &(list), *it_;                                      \
		for (unsigned n_ = 0; (it_ = *at_) != NULL; at_ = &it_->next, n_++) {   \
			if (same) {                                                     \
				*at_ = it_->next;                                       \
				it_->next = (list);                                     \
				(list) = it_;                                           \
				return it_;                                             \
			}                                                               \
			if (make && n_ + 1 >= SMB_KEPT_MAX && it_->next == NULL) {      \
				*at_ = NULL;                                            \
				(count)--;                                              \
				drop(a, it_);                                           \
				break;                                                  \
			}                                                               \
		}                                                                       \
		it_ = make ? budget_get(a->budget, sizeof(*it_)) : NULL;                \
		if (it_ == NULL)                                                        \
			return NULL;                                                    \
		(count)++;                                                              \
		it_->next = (list);                                                     \
		(list) = it_;                                                           \
	} while (0)

struct smb_pipe *smb_pipe_get(struct analysis *a, const struct smb_fid *fid, bool make)
{
	struct smb_state *st = a->state;

	LIST_GET(st->pipes, st->pipe_count, smb_pipe, smb_fid_same(&it_->fid, fid), pipe_free);
	st->pipes->fid = *fid;
	return st->pipes;
}

struct smb_tree *smb_tree_get(struct analysis *a, uint64_t session, uint32_t id, bool make)
{
	struct smb_state *st = a->state;

	LIST_GET(st->trees, st->tree_count, smb_tree, it_->session == session && it_->id == id, tree_free);
	st->trees->session = session;
	st->trees->id = id;
	return st->trees;
}

void smb_read_note(struct analysis *a, uint64_t message, const struct smb_fid *fid, uint64_t offset)
{
	struct smb_state *st = a->state;
	struct smb_read *r, **at = &st->reads;

	while (st->read_count >= SMB_KEPT_MAX && *at != NULL) {
		r = *at;
		if (r->next == NULL) {
			*at = NULL;
			st->read_count--;
			budget_put(a->budget, r, sizeof(*r));
			break;
		}
		at = &r->next;
	}
	r = budget_get(a->budget, sizeof(*r));
	if (r == NULL)
		return;
	*r = (struct smb_read){ .next = st->reads, .message = message, .offset = offset, .fid = *fid };
	st->reads = r;
	st->read_count++;
}

bool smb_read_take(struct analysis *a, uint64_t message, struct smb_read *out)
{
	struct smb_state *st = a->state;

	for (struct smb_read **at = &st->reads, *r; (r = *at) != NULL; at = &r->next) {
		if (r->message != message)
			continue;
		*out = *r;
		*at = r->next;
		st->read_count--;
		budget_put(a->budget, r, sizeof(*r));
		return true;
	}
	return false;
}

struct smb_tx *smb_open_tx(struct analysis *a, uint8_t version, uint16_t command, uint64_t message, enum side side)
{
	for (struct tx *tx = a->tx_last; tx != NULL; tx = tx->prev) {
		struct smb_tx *t = (struct smb_tx *)tx;

		if (t->message == message && t->version == version && t->command == command && t->kind != SMB_FILE &&
		    t->kind != SMB_DCERPC && tx->progress[side] == 0)
			return t;
	}
	return NULL;
}

void smb_status(struct smb_tx *t, uint32_t status)
{
	t->status = status;
	t->has_status = true;
}

void smb_event(struct analysis *a, struct smb_tx *t, enum smb_event event)
{
	tx_event(a, t != NULL ? &t->tx : NULL, event);
}

struct smb_tx *smb_file_find(struct analysis *a, const struct smb_fid *fid, enum side side)
{
	for (struct tx *tx = a->tx_last; tx != NULL; tx = tx->prev) {
		struct smb_tx *t = (struct smb_tx *)tx;

		if (t->kind == SMB_FILE && t->side == side && t->open && smb_fid_same(&t->fid, fid))
			return t;
	}
	return NULL;
}

static void file_append(struct analysis *a, struct smb_tx *t, struct slice data)
{
	file_data(a, t->file, data);
	t->next_offset += data.len;
}

/* What had come too early and follows now. */
static void chunks_use(struct analysis *a, struct smb_tx *t)
{
	struct smb_chunk *c;

	while ((c = t->chunks) != NULL && c->offset <= t->next_offset) {
		uint64_t past = t->next_offset - c->offset;

		if (past < c->data.len)
			file_append(a, t, slice_skip(bytes_slice(&c->data), (size_t)past));
		t->chunks = c->next;
		t->chunk_count--;
		bytes_fini(&c->data, a->budget);
		budget_put(a->budget, c, sizeof(*c));
	}
}

/* Nothing will fill the hole before the first early chunk any more. */
static void chunks_force(struct analysis *a, struct smb_tx *t)
{
	while (t->chunks != NULL) {
		file_gap(a, t->file, t->chunks->offset - t->next_offset);
		t->next_offset = t->chunks->offset;
		chunks_use(a, t);
	}
}

static void chunk_keep(struct analysis *a, struct smb_tx *t, uint64_t offset, struct slice data)
{
	struct smb_chunk *c, **at = &t->chunks;

	if (t->chunk_count >= CHUNKS_MAX || data.len > CHUNK_BYTES_MAX) {
		chunks_force(a, t);
		if (offset > t->next_offset) {
			file_gap(a, t->file, offset - t->next_offset);
			t->next_offset = offset;
		}
		file_append(a, t, data);
		return;
	}
	c = budget_get(a->budget, sizeof(*c));
	if (c == NULL)
		return;
	c->offset = offset;
	bytes_append(&c->data, a->budget, data.data, data.len);
	while (*at != NULL && (*at)->offset <= offset)
		at = &(*at)->next;
	c->next = *at;
	*at = c;
	t->chunk_count++;
}

struct smb_tx *smb_file_bytes(struct analysis *a, struct smb_tx *from, enum side side, uint64_t offset, struct slice data)
{
	struct smb_tx *t = smb_file_find(a, &from->fid, side);

	if (t == NULL) {
		t = smb_tx_new(a, SMB_FILE, from->version, from->command);
		if (t == NULL)
			return NULL;
		t->message = from->message;
		t->session = from->session;
		t->tree = from->tree;
		t->fid = from->fid;
		t->side = side;
		t->open = true;
		t->next_offset = offset;
		bytes_append(&t->name, a->budget, from->name.data, from->name.len);
		bytes_append(&t->other, a->budget, from->other.data, from->other.len);
		t->file = file_open(a, &t->tx, side, bytes_slice(&t->name));
		if (t->file == NULL)
			return NULL;
		/* The other side says nothing that would have to be waited for. */
		tx_progress(a, &t->tx, other_side(side), 1);
	}
	if (t->file == NULL)
		return t;
	if (offset < t->next_offset)
		smb_event(a, t, FILE_OVERLAP);
	if (offset == t->next_offset) {
		file_append(a, t, data);
		chunks_use(a, t);
	} else if (offset > t->next_offset) {
		chunk_keep(a, t, offset, data);
	}
	return t;
}

void smb_file_done(struct analysis *a, const struct smb_fid *fid)
{
	for (unsigned side = 0; side < 2; side++) {
		struct smb_tx *t = smb_file_find(a, fid, side);

		if (t == NULL)
			continue;
		t->open = false;
		smb_status(t, STATUS_SUCCESS);
		if (t->file != NULL) {
			chunks_force(a, t);
			file_close(a, t->file, FILE_CLOSED);
		}
		tx_complete(a, &t->tx);
	}
}

bool smb_dce_probe(struct slice data)
{
	return data.len >= DCE_HEADER_LEN && data.data[0] == 5 && data.data[1] == 0 && data.data[2] < DCE_TYPES &&
	       (data.data[4] & 0xee) == 0;
}

static struct smb_tx *dce_tx(struct analysis *a, const struct smb_tx *from, const struct dce_header *h, enum side side)
{
	struct smb_tx *t;

	for (struct tx *tx = a->tx_last; tx != NULL; tx = tx->prev) {
		t = (struct smb_tx *)tx;
		if (t->kind == SMB_DCERPC && t->call.call_id == h->call_id && tx->progress[side] == 0 &&
		    t->session == from->session && (t->tree == from->tree || from->tree == 0))
			return t;
	}
	t = smb_tx_new(a, SMB_DCERPC, from->version, from->command);
	if (t == NULL)
		return NULL;
	t->message = from->message;
	t->session = from->session;
	t->tree = from->tree;
	t->call.call_id = h->call_id;
	if (side == TO_CLIENT)          /* the request was not seen */
		tx_progress(a, &t->tx, TO_SERVER, 1);
	return t;
}

static void dce_pdu(struct analysis *a, const struct smb_tx *from, enum side side, const struct dce_header *h, struct slice body)
{
	struct smb_state *st = a->state;
	struct smb_tx *t;
	bool ok = true;

	if (h->type == DCE_AUTH3)       /* nobody answers it */
		return;
	t = dce_tx(a, from, h, side);
	if (t == NULL)
		return;
	t->tx.little_endian = h->little;
	t->tx.updated[side] = true;
	t->call.type[side] = h->type;
	t->call.has[side] = true;
	switch (h->type) {
	case DCE_BIND:
	case DCE_ALTER:
		ok = dce_bind_read(&st->ifaces, a->budget, h, body);
		break;
	case DCE_BINDACK:
	case DCE_ALTER_RESPONSE:
		ok = dce_bindack_read(&st->ifaces, h, body);
		break;
	case DCE_REQUEST:
		ok = dce_request_read(&t->call, a->budget, h, body);
		break;
	case DCE_RESPONSE:
		ok = dce_response_read(&t->call, a->budget, h, body, 8);
		break;
	default:
		break;
	}
	if (!ok)
		smb_event(a, t, MALFORMED_DATA);
	if (side == TO_CLIENT)
		smb_status(t, STATUS_SUCCESS);
	if ((h->type != DCE_REQUEST && h->type != DCE_RESPONSE) || (h->flags & DCE_LAST_FRAG))
		tx_progress(a, &t->tx, side, 1);
}

/* PDUs may be spread over several reads and writes: what isn't whole waits with the pipe. */
void smb_dce_bytes(struct analysis *a, const struct smb_tx *from, enum side side, struct slice data)
{
	struct smb_pipe *p = smb_pipe_get(a, &from->fid, true);
	struct bytes *partial = p != NULL ? &p->partial[side] : NULL;
	struct dce_header h;

	if (partial != NULL && partial->len > 0) {
		if (partial->len + data.len > PENDING_MAX || !bytes_append(partial, a->budget, data.data, data.len)) {
			bytes_fini(partial, a->budget);
			return;
		}
		data = bytes_slice(partial);
	}
	while (data.len >= DCE_HEADER_LEN && dce_header_read(data, &h) && h.frag_len >= DCE_HEADER_LEN &&
	       h.frag_len <= data.len) {
		dce_pdu(a, from, side, &h, slice_skip(slice_of(data.data, h.frag_len), DCE_HEADER_LEN));
		data = slice_skip(data, h.frag_len);
	}
	if (partial == NULL)
		return;
	if (partial->len > 0) {
		bytes_drop(partial, partial->len - data.len);
		if (partial->len >= DCE_HEADER_LEN && !smb_dce_probe(bytes_slice(partial)))
			partial->len = 0;
	} else if (smb_dce_probe(data)) {
		bytes_append(partial, a->budget, data.data, data.len);
	}
}

static void frames_open(struct analysis *a, enum side side, unsigned first, uint64_t at, size_t header, size_t len)
{
	frame_open(a, side, (uint8_t)first, at, (int64_t)len);
	frame_open(a, side, (uint8_t)(first + 1), at, (int64_t)header);
	if (len > header)
		frame_open(a, side, (uint8_t)(first + 2), at + header, (int64_t)(len - header));
}

/* The messages of one record, of which missing bytes at its end aren't there. */
static void smb_messages(struct analysis *a, enum side side, struct slice record, uint64_t missing, uint64_t at)
{
	struct smb2_header h;

	if (record.len < 4)
		return;
	if (memcmp(record.data, "\xffSMB", 4) == 0) {
		frames_open(a, side, FRAME_SMB1_PDU, at, SMB1_HEADER_LEN, record.len + missing);
		smb1_message(a, side, record, missing);
		return;
	}
	if (memcmp(record.data, "\xfdSMB", 4) == 0) {
		frames_open(a, side, FRAME_SMB3_PDU, at, 52, record.len + missing);
		return;
	}
	while (smb2_header_read(record, &h)) {
		struct slice message = record;

		if (h.next != 0 && h.next < SMB2_HEADER_LEN)
			break;
		if (h.next != 0 && h.next <= record.len)
			message.len = h.next;
		frames_open(a, side, FRAME_SMB2_PDU, at, SMB2_HEADER_LEN, message.len + (h.next ? 0 : missing));
		smb2_message(a, side, &h, message, h.next ? 0 : missing);
		if (h.next == 0 || h.next >= record.len)
			return;
		record = slice_skip(record, h.next);
		at += h.next;
	}
	if (record.len > 0)
		smb_event(a, NULL, MALFORMED_DATA);
}

/* Bytes of a record whose messages were read already. */
static void record_rest(struct analysis *a, enum side side, struct reader *in)
{
	struct smb_state *st = a->state;
	size_t n = reader_left(in) < st->skip[side] ? reader_left(in) : (size_t)st->skip[side];
	struct slice data = read_slice(in, n);
	struct smb_tx *t = st->streaming[side];

	st->skip[side] -= n;
	if (t != NULL && t->file != NULL) {
		if (data.len > st->streaming_left[side])
			data.len = (size_t)st->streaming_left[side];
		st->streaming_left[side] -= data.len;
		file_append(a, t, data);
		if (st->streaming_left[side] == 0 || st->skip[side] == 0)
			st->streaming[side] = NULL;
	}
}

static bool record_plausible(const uint8_t *p)
{
	return p[0] == 0 && (p[4] == 0xff || p[4] == 0xfe || p[4] == 0xfd) && memcmp(p + 5, "SMB", 3) == 0;
}

static enum parse smb_feed(struct analysis *a, enum side side, struct reader *in)
{
	struct smb_state *st = a->state;

	for (;;) {
		const uint8_t *p;
		uint32_t len;
		size_t there;
		uint64_t at;

		if (st->skip[side] > 0)
			record_rest(a, side, in);
		while (st->resync[side] && reader_left(in) >= 8) {
			st->resync[side] = !record_plausible(in->at);
			in->at += st->resync[side];
		}
		if (reader_left(in) < 4 || st->resync[side])
			return reader_left(in) > 0 ? PARSE_MORE : PARSE_OK;
		p = in->at;
		if (p[0] != 0 && (p[0] < 0x81 || p[0] > 0x85))
			return PARSE_BAD;
		len = load_be24(p + 1);
		there = reader_left(in) - 4;
		if (there < len && (len <= RECORD_WAIT_MAX || there < STREAM_HEAD)) {
			analysis_need(a, side, 4 + (len <= RECORD_WAIT_MAX ? len : STREAM_HEAD));
			return PARSE_MORE;
		}
		if (there > len)
			there = len;
		at = a->offset[side] + reader_pos(in);
		reader_skip(in, 4 + there);
		st->skip[side] = len - there;
		frames_open(a, side, FRAME_NBSS_PDU, at, 4, (size_t)len + 4);
		if (p[0] == 0)
			smb_messages(a, side, slice_of(p + 4, there), len - there, at + 4);
	}
}

static bool smb_gap(struct analysis *a, enum side side, uint64_t len)
{
	struct smb_state *st = a->state;

	if (st->skip[side] >= len) {
		uint64_t n = len < st->streaming_left[side] ? len : st->streaming_left[side];

		st->skip[side] -= len;
		if (st->streaming[side] != NULL && st->streaming[side]->file != NULL) {
			file_gap(a, st->streaming[side]->file, n);
			st->streaming[side]->next_offset += n;
			st->streaming_left[side] -= n;
		}
		return true;
	}
	st->skip[side] = 0;
	st->streaming[side] = NULL;
	st->resync[side] = true;
	for (struct tx *tx = a->tx_first; tx != NULL; tx = tx->next)
		if (tx->progress[side] == 0 && ((struct smb_tx *)tx)->kind != SMB_FILE)
			tx_progress(a, tx, side, 1);
	return true;
}

/* Files that nobody closed end with the connection. */
static void smb_end(struct analysis *a, enum side side)
{
	for (struct tx *tx = a->tx_first; tx != NULL; tx = tx->next) {
		struct smb_tx *t = (struct smb_tx *)tx;

		if (t->kind != SMB_FILE || !t->open || t->side != side)
			continue;
		t->open = false;
		if (t->file != NULL)
			file_close(a, t->file, FILE_TRUNCATED);
		tx_complete(a, tx);
	}
}

static enum probe smb_probe(struct slice data, enum side side, bool is_udp)
{
	const uint8_t *p = data.data;

	(void)is_udp;
	if (data.len < 8)
		return data.len > 0 && p[0] != 0 && p[0] != 0x81 && p[0] != 0x82 ? PROBE_NO : PROBE_MORE;
	if (p[0] == 0x81 || p[0] == 0x82)
		return PROBE_YES;       /* a NetBIOS session is asked for: only on its ports */
	if (!record_plausible(p))
		return PROBE_NO;
	if (p[4] == 0xff && data.len >= 14)
		return ((p[13] & 0x80) != 0) == (side == TO_CLIENT) ? PROBE_YES : PROBE_REVERSED;
	if (p[4] == 0xfe && data.len >= 24)
		return ((p[20] & 1) != 0) == (side == TO_CLIENT) ? PROBE_YES : PROBE_REVERSED;
	return PROBE_YES;
}

static bool give(const struct bytes *b, bool there, unsigned index, struct field_value *out)
{
	out->bytes = bytes_slice(b);
	return there && index == 0 && b->len > 0;
}

static bool get_share(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	const struct smb_tx *t = (const struct smb_tx *)tx;

	(void)a;
	(void)side;
	return give(&t->name, t->kind == SMB_TREE && !t->is_pipe, index, out);
}

static bool get_named_pipe(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	const struct smb_tx *t = (const struct smb_tx *)tx;

	(void)a;
	(void)side;
	return give(&t->name, t->kind == SMB_TREE && t->is_pipe, index, out);
}

static bool get_user(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	(void)side;
	return give(&((const struct smb_tx *)tx)->user, true, index, out);
}

static bool get_domain(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	(void)side;
	return give(&((const struct smb_tx *)tx)->domain, true, index, out);
}

static void *version_parse(const char *argument, const char **error)
{
	*error = "smb.version takes 1 or 2";
	while (*argument == ' ')
		argument++;
	if ((*argument != '1' && *argument != '2') || argument[1] != '\0')
		return NULL;
	return (void *)(uintptr_t)(*argument == '1' ? "\1" : "\2");
}

static bool version_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	(void)a;
	(void)side;
	return ((const struct smb_tx *)tx)->version == *(const char *)parsed;
}

static void version_free(void *parsed)
{
	(void)parsed;                   /* a constant */
}

static bool iface_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	const struct smb_tx *t = (const struct smb_tx *)tx;
	const struct smb_state *st = a->state;

	(void)side;
	return st != NULL && t->kind == SMB_DCERPC && dce_iface_test(&st->ifaces, &t->call, parsed);
}

static bool opnum_test(struct analysis *a, struct tx *tx, enum side side, const void *parsed)
{
	(void)a;
	(void)side;
	return dce_opnum_test(&((const struct smb_tx *)tx)->call, parsed);
}

static bool get_stub(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	return give(&((const struct smb_tx *)tx)->call.stub[side], true, index, out);
}

#define BOTH (FIELD_TO_SERVER | FIELD_TO_CLIENT)
#define ROW(keyword, other, kind, directions) .name = keyword, .aliases = other, .type = kind, .flags = directions, .progress = { 1, 1 }
static const struct field smb_fields[] = {
	{ ROW("smb.share", "smb_share", FIELD_BYTES, FIELD_TO_SERVER), .get = get_share, .summary = "share that is connected to" },
	{ ROW("smb.named_pipe", "smb_named_pipe", FIELD_BYTES, FIELD_TO_SERVER), .get = get_named_pipe,
	  .summary = "share of named pipes that is connected to" },
	{ ROW("smb.ntlmssp_user", NULL, FIELD_BYTES, FIELD_TO_SERVER), .get = get_user, .summary = "user that NTLMSSP authenticates" },
	{ ROW("smb.ntlmssp_domain", NULL, FIELD_BYTES, FIELD_TO_SERVER), .get = get_domain, .summary = "that user's domain" },
	{ ROW("smb.version", NULL, FIELD_TEST, BOTH), .test_parse = version_parse, .test = version_test, .test_free = version_free,
	  .summary = "version of the message: 1, or 2 for 2 and 3" },
	{ ROW("dcerpc.iface", "dce_iface", FIELD_TEST, BOTH), .test_parse = dce_iface_parse, .test = iface_test, .test_free = free,
	  .summary = "the interface a call is made to" },
	{ ROW("dcerpc.opnum", "dce_opnum", FIELD_TEST, BOTH), .test_parse = dce_opnum_parse, .test = opnum_test, .test_free = free,
	  .summary = "the operation a call asks for" },
	{ ROW("dcerpc.stub_data", "dce_stub_data", FIELD_BYTES, BOTH), .get = get_stub,
	  .summary = "arguments and results of a call, as they are marshalled" },
};

#define MAGIC(direction, text) { .side = direction, .offset = 4, .depth = 8, .bytes = { (const uint8_t *)text, 4 } }
static const struct probe_pattern smb_patterns[] = {
	MAGIC(TO_SERVER, "\xffSMB"), MAGIC(TO_CLIENT, "\xffSMB"), MAGIC(TO_SERVER, "\xfeSMB"),
	MAGIC(TO_CLIENT, "\xfeSMB"), MAGIC(TO_SERVER, "\xfdSMB"), MAGIC(TO_CLIENT, "\xfdSMB"),
};
static const char *const smb_states[] = { "in_progress", "complete", NULL };

const struct analyzer analyzer_smb = {
	.abi = ANALYZER_ABI,
	.name = "smb",
	.summary = "SMB 1 to 3: sessions, shares, files, named pipes",
	.transports = TRANSPORT_TCP,
	.ports = "139,445",
	.patterns = smb_patterns,
	.pattern_count = sizeof(smb_patterns) / sizeof(smb_patterns[0]),
	.probe = smb_probe,
	.pending_max = PENDING_MAX,
	.open = smb_open,
	.close = smb_close,
	.feed = smb_feed,
	.gap = smb_gap,
	.end = smb_end,
	.tx_free = smb_tx_free,
	.complete = { 1, 1 },
	.states = { smb_states, smb_states },
	.fields = smb_fields,
	.field_count = sizeof(smb_fields) / sizeof(smb_fields[0]),
	.events = smb_events,
	.frames = smb_frames,
	.event_type = "smb",
	.record_options = smb_record_options,
	.record_options_free = smb_record_options_free,
	.record = smb_record,
};
