/* chunks.c - chunks of bytes by sequence number, and the ring of segments.
 *
 * A connection that has nothing to send or to be read holds none of them. Bytes are copied
 * once on the way in and once on the way out; chunks that come in order are linked over as they are. */
#include "stack/host/tcp/tcp.h"

#define SEGQ_MIN 8

struct tcp_chunk *chunk_new(struct tapir_host *h, uint32_t seq, uint32_t cap)
{
	struct tcp_chunk *c = host_alloc(h, sizeof(*c) + cap);

	if (c == NULL) {
		tcp_of(h)->count.no_memory++;
		return NULL;
	}
	c->seq = seq;
	c->cap = cap;
	return c;
}

void chunk_free(struct tapir_host *h, struct tcp_chunk *c)
{
	host_free(h, c, sizeof(*c) + c->cap);
}

/* Appends len bytes that stand at seq: those of a message from its byte `at` on, or flat ones. A new chunk gets room
 * for chunk_len at least. All or nothing. */
bool chunks_append(struct tapir_host *h, struct tcp_chunks *b, uint32_t seq, const struct socket_message *m, size_t at,
		  const uint8_t *flat, uint32_t len, uint32_t chunk_len)
{
	struct tcp_chunk *tail = b->tail, *fresh = NULL;
	const uint32_t room = tail ? tail->cap - tail->len : 0;
	const uint32_t first = min_u32(room, len);

	if (len > first) {
		fresh = chunk_new(h, seq + first, max_u32(len - first, chunk_len));
		if (fresh == NULL)
			return false;
	}
	if (first) {
		if (m)
			socket_copy_in(m, at, tail->data + tail->len, first);
		else
			memcpy(tail->data + tail->len, flat, first);
		tail->len += first;
	}
	if (fresh) {
		if (m)
			socket_copy_in(m, at + first, fresh->data, len - first);
		else
			memcpy(fresh->data, flat + first, len - first);
		fresh->len = len - first;
		if (tail)
			tail->next = fresh;
		else
			b->head = fresh;
		b->tail = fresh;
	}
	return true;
}

/* Frees the chunks that lie wholly before seq. */
void chunks_drop_before(struct tapir_host *h, struct tcp_chunks *b, uint32_t seq)
{
	struct tcp_chunk *c;

	while ((c = b->head) != NULL && seq_leq(c->seq + c->len, seq)) {
		b->head = c->next;
		if (b->head == NULL)
			b->tail = NULL;
		chunk_free(h, c);
	}
}

void chunks_clear(struct tapir_host *h, struct tcp_chunks *b)
{
	while (b->head) {
		struct tcp_chunk *c = b->head;

		b->head = c->next;
		chunk_free(h, c);
	}
	b->tail = NULL;
}

/* Copies len bytes from seq on, all of which are there. */
void chunks_read(const struct tcp_chunks *b, uint32_t seq, uint32_t len, uint8_t *out)
{
	const struct tcp_chunk *c = b->tail && seq_geq(seq, b->tail->seq) ? b->tail : b->head;

	while (len) {
		uint32_t at, n;

		must(c != NULL);
		at = seq - c->seq;
		if (at < c->len) {
			n = min_u32(c->len - at, len);
			memcpy(out, c->data + at, n);
			out += n;
			seq += n;
			len -= n;
		}
		c = c->next;
	}
}

static bool segq_grow(struct tapir_host *h, struct tcp_segq *q)
{
	const uint32_t cap = q->cap ? q->cap * 2 : SEGQ_MIN;
	struct tcp_seg *at = host_alloc(h, cap * sizeof(*at));

	if (at == NULL) {
		tcp_of(h)->count.no_memory++;
		return false;
	}
	for (uint32_t i = 0; i < q->count; i++)
		at[i] = *segq_at(q, i);
	host_free(h, q->at, q->cap * sizeof(*q->at));
	q->at = at;
	q->cap = cap;
	q->head = 0;
	return true;
}

/* A fresh one at place i; NULL where there is no memory. Those sent are still the first `sent`: the caller counts. */
struct tcp_seg *segq_insert(struct tapir_host *h, struct tcp_segq *q, uint32_t i)
{
	if (q->count == q->cap && !segq_grow(h, q))
		return NULL;
	q->count++;
	for (uint32_t j = q->count - 1; j > i; j--)
		*segq_at(q, j) = *segq_at(q, j - 1);
	*segq_at(q, i) = (struct tcp_seg){ 0 };
	return segq_at(q, i);
}

/* Takes the first away, which was sent. */
void segq_pop(struct tcp_segq *q)
{
	must(q->count && q->sent);
	q->head = (q->head + 1) & (q->cap - 1);
	q->count--;
	q->sent--;
}

/* The first segment that ends behind seq; count where there is none. */
uint32_t segq_find(const struct tcp_segq *q, uint32_t seq)
{
	uint32_t low = 0, high = q->count;

	while (low < high) {
		const uint32_t mid = low + (high - low) / 2;

		if (seq_gt(segq_at(q, mid)->end, seq))
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

void segq_fini(struct tapir_host *h, struct tcp_segq *q)
{
	host_free(h, q->at, q->cap * sizeof(*q->at));
	*q = (struct tcp_segq){ 0 };
}
