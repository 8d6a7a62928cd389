/* stream.c - reassembly of one direction.
 *
 * The array of waiting segments is searched by halving and holds at most segments_max of them: an
 * insertion costs a short memmove, whatever order an attacker chooses.
 *
 * Where the budget is spent, the queue that has waited longest is given up: most holes are filled within a
 * round trip, so the oldest are those that nobody means to fill. Its stream sees a loss there.
 *
 * Linux's queue is kept as the kernel keeps it: whole segments that may overlap at their ends, read
 * in the order of their starts, neighbours joined into one. Other policies cut a new segment at the
 * old ones' edges and decide each contested run by the table in policy.c. */
#include "stack/track/stream.h"

#include <string.h>

#include "base/must.h"

#define QUEUE_MIN 4
#define PARTS_MAX 18            /* a kernel buffer's head and its 17 fragments */

static void segment_put(struct stream_pool *pool, struct segment *s)
{
	budget_put(pool->budget, s, sizeof(*s) + s->cap);
}

static size_t queue_size(uint32_t cap)
{
	return sizeof(struct segments) + cap * sizeof(struct segment *);
}

static void queue_free(struct stream_pool *pool, struct tcp_dir *dir)
{
	struct segments *q = dir->queue;

	if (q == NULL)
		return;
	*(q->older != NULL ? &q->older->newer : &pool->oldest) = q->newer;
	*(q->newer != NULL ? &q->newer->older : &pool->newest) = q->older;
	budget_put(pool->budget, q, queue_size(q->cap));
	dir->queue = NULL;
}

/* Gives up what another direction than dir has waiting. False where there is none. */
static bool shed_oldest(struct stream_pool *pool, const struct tcp_dir *dir)
{
	struct segments *q = pool->oldest;

	if (q != NULL && q->dir == dir)
		q = q->newer;
	if (q == NULL)
		return false;
	pool->queues_shed++;
	for (uint32_t i = 0; i < q->count; i++)
		segment_put(pool, q->at[i]);
	queue_free(pool, q->dir);
	return true;
}

static struct segment *segment_get(struct stream_pool *pool, const struct tcp_dir *dir, const struct segment *what,
				   const uint8_t *data)
{
	struct segment *s;

	while ((s = budget_get_raw(pool->budget, sizeof(*s) + what->len)) == NULL) {
		if (!shed_oldest(pool, dir))
			return NULL;
	}
	*s = *what;
	s->cap = what->len;
	s->parts = 1;
	if (what->len > 0)
		memcpy(s->data, data, what->len);
	return s;
}

/* Index of the first segment that starts behind seq. */
static uint32_t queue_upper(const struct segments *q, uint32_t seq)
{
	uint32_t lo = 0, hi = q->count;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (seq_le(q->at[mid]->seq, seq))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool queue_put_at(struct stream_pool *pool, struct tcp_dir *dir, uint32_t i,
			 struct segment *s)
{
	struct segments *q = dir->queue;

	if (q == NULL || q->count == q->cap) {
		uint32_t cap = q == NULL ? QUEUE_MIN : q->cap * 2;
		struct segments *wider;

		if (q != NULL && q->count >= pool->segments_max)
			return false;
		while ((wider = budget_resize(pool->budget, q, q == NULL ? 0 : queue_size(q->cap),
					      queue_size(cap))) == NULL) {
			if (!shed_oldest(pool, dir))
				return false;
		}
		if (q == NULL) {
			wider->count = 0;
			wider->tree.root = NULL;
			wider->dir = dir;
			wider->older = pool->newest;
			wider->newer = NULL;
		}
		*(wider->older != NULL ? &wider->older->newer : &pool->oldest) = wider;
		*(wider->newer != NULL ? &wider->newer->older : &pool->newest) = wider;
		wider->cap = cap;
		dir->queue = q = wider;
	}
	memmove(&q->at[i + 1], &q->at[i], (q->count - i) * sizeof(q->at[0]));
	q->at[i] = s;
	q->count++;
	return true;
}

/* No longer early. */
static void unlink_segment(struct segments *q, struct segment *s)
{
	if (s->node.linked)
		tree_remove(&q->tree, &s->node);
}

static void queue_remove(struct segments *q, uint32_t i, uint32_t n)
{
	for (uint32_t k = i; k < i + n; k++)
		unlink_segment(q, q->at[k]);
	memmove(&q->at[i], &q->at[i + n], (q->count - i - n) * sizeof(q->at[0]));
	q->count -= n;
}

static void queue_take(struct stream_pool *pool, struct segments *q, uint32_t i)
{
	struct segment *s = q->at[i];

	queue_remove(q, i, 1);
	segment_put(pool, s);
}

static uint32_t queue_index(const struct segments *q, const struct segment *s)
{
	uint32_t i = queue_upper(q, s->seq);

	while (i > 0 && q->at[i - 1] != s)
		i--;
	return i - 1;
}

/* Compares where both have bytes. */
static unsigned compare(const struct segment *old, const struct segment *what, const uint8_t *data)
{
	uint32_t from = seq_lt(old->seq, what->seq) ? what->seq : old->seq;
	uint32_t old_end = old->seq + old->len, new_end = what->seq + what->len;
	uint32_t to = seq_lt(old_end, new_end) ? old_end : new_end;

	if (!seq_lt(from, to))
		return 0;
	if (memcmp(old->data + (from - old->seq), data + (from - what->seq), to - from) != 0)
		return INSERT_OVERLAP | INSERT_DIFFERS;
	return INSERT_OVERLAP;
}

static unsigned count_overlap(struct stream_pool *pool, unsigned result)
{
	if (result & INSERT_OVERLAP)
		pool->overlaps++;
	if (result & INSERT_DIFFERS)
		pool->overlaps_differing++;
	if (result & INSERT_SHED)
		pool->shed++;
	return result;
}

/* Joins what to the segment that ends where it starts, as the kernel does. */
static bool join(struct stream_pool *pool, struct segments *q, struct segment *s, const struct segment *what,
		 const uint8_t *data)
{
	if (s->end != what->seq || s->parts >= PARTS_MAX || s->doubt != what->doubt)
		return false;
	if (s->len + what->len > s->cap) {
		uint32_t cap = (s->len + what->len) * 2, i = queue_index(q, s);
		struct segment *wider = budget_resize(pool->budget, s, sizeof(*s) + s->cap,
						      sizeof(*s) + cap);

		if (wider == NULL)
			return false;
		tree_moved(&q->tree, &s->node, &wider->node);
		s = wider;
		s->cap = cap;
		q->at[i] = s;
	}
	memcpy(s->data + s->len, data, what->len);
	s->len += what->len;
	s->end = what->end - (s->fin && what->fin);     /* one FIN counts */
	s->fin |= what->fin;
	s->parts++;
	return true;
}

/* Where a segment belongs in the tree. */
struct place {
	struct segment *parent;         /* NULL: the tree is empty */
	struct segment *same;           /* starts at the same byte: the new one takes its place */
	bool right;
};

/* The way down, as the kernel goes it. False where the segment ends on the way: all of it is there, or it was joined to
 * another. */
static bool find_place(struct stream_pool *pool, struct segments *q, const struct segment *what, const uint8_t *data,
		       struct place *out)
{
	struct segment *s = (struct segment *)q->tree.root, *last = s;

	*out = (struct place){ NULL, NULL, true };
	if (s == NULL)
		return true;
	while (last->node.right != NULL)
		last = (struct segment *)last->node.right;
	if (join(pool, q, last, what, data))
		return false;
	if (!seq_lt(what->seq, last->end)) {
		out->parent = last;
		return true;
	}
	while (s != NULL) {
		out->parent = s;
		out->right = !seq_lt(what->seq, s->seq);
		if (out->right && seq_lt(what->seq, s->end)) {
			if (seq_le(what->end, s->end))
				return false;
			if (what->seq == s->seq) {
				out->same = s;
				return true;
			}
		} else if (out->right && join(pool, q, s, what, data)) {
			return false;
		}
		s = (struct segment *)(out->right ? s->node.right : s->node.left);
	}
	return true;
}

static unsigned compare_all(const struct segments *q, const struct segment *what, const uint8_t *data)
{
	unsigned result = 0;

	for (uint32_t i = 0; q != NULL && i < q->count && seq_lt(q->at[i]->seq, what->end); i++)
		result |= q->at[i]->doubt ? 0 : compare(q->at[i], what, data);
	return result;
}

static unsigned insert_linux(struct stream_pool *pool, struct tcp_dir *dir, const struct segment *what, const uint8_t *data)
{
	unsigned result = compare_all(dir->queue, what, data);
	struct place place = { NULL, NULL, true };
	struct segments *q;
	struct segment *s;
	uint32_t i;

	/* Room first: giving up somebody's queue for it must not pull the tree from under us. */
	s = segment_get(pool, dir, what, data);
	if (s == NULL)
		return result | INSERT_SHED;
	if (dir->queue != NULL && !find_place(pool, dir->queue, what, data, &place)) {
		segment_put(pool, s);
		return result;
	}
	if (place.same != NULL) {
		q = dir->queue;
		i = queue_index(q, place.same);
		tree_replace(&q->tree, &place.same->node, &s->node);
		q->at[i] = s;
		segment_put(pool, place.same);
	} else {
		i = dir->queue == NULL ? 0 : queue_upper(dir->queue, what->seq);
		if (!queue_put_at(pool, dir, i, s)) {
			segment_put(pool, s);
			return result | INSERT_SHED;
		}
		q = dir->queue;
		tree_insert(&q->tree, &s->node, place.parent != NULL ? &place.parent->node : NULL, place.right);
	}
	/* What the new one covers goes; what reaches further stays, read from where the new one ends. */
	for (i++; i < q->count && seq_lt(q->at[i]->seq, s->end);) {
		if (!q->at[i]->node.linked) {
			i++;
			continue;
		}
		if (seq_lt(s->end, q->at[i]->end))
			return result;
		queue_take(pool, q, i);
	}
	return result;
}

static enum overlap relation(const struct segment *old, const struct segment *what)
{
	if (what->seq == old->seq) {
		if (what->end == old->end)
			return OVERLAP_SAME;
		return seq_lt(what->end, old->end) ? OVERLAP_SAME_SHORTER : OVERLAP_SAME_LONGER;
	}
	if (seq_lt(what->seq, old->seq)) {
		if (what->end == old->end)
			return OVERLAP_BEFORE_SAME_END;
		return seq_lt(what->end, old->end) ? OVERLAP_BEFORE_INSIDE : OVERLAP_COVERS;
	}
	return seq_le(what->end, old->end) ? OVERLAP_INSIDE : OVERLAP_INSIDE_AFTER;
}

/* One run of the new segment that no old one contests. */
static bool insert_run(struct stream_pool *pool, struct tcp_dir *dir, const struct segment *what,
		       const uint8_t *data, uint32_t from, uint32_t to, uint32_t i)
{
	uint32_t data_end = what->seq + what->len;
	struct segment part = *what, *s;

	part.seq = from;
	part.end = to;
	part.len = seq_lt(from, data_end) ? (seq_lt(to, data_end) ? to : data_end) - from : 0;
	part.fin = what->fin && to == what->end;
	s = segment_get(pool, dir, &part, data + (from - what->seq));
	if (s == NULL)
		return false;
	if (queue_put_at(pool, dir, i, s))
		return true;
	segment_put(pool, s);
	return false;
}

static unsigned insert_table(struct stream_pool *pool, struct tcp_dir *dir,
			     const struct segment *what, const uint8_t *data)
{
	uint32_t i = dir->queue == NULL ? 0 : queue_upper(dir->queue, what->seq);
	uint32_t at = what->seq;
	unsigned result = 0;

	if (i > 0 && seq_lt(what->seq, dir->queue->at[i - 1]->end))
		i--;
	while (seq_lt(at, what->end)) {
		struct segment *old = NULL;
		uint32_t from, to;

		if (dir->queue != NULL && i < dir->queue->count &&
		    seq_lt(dir->queue->at[i]->seq, what->end))
			old = dir->queue->at[i];
		if (old == NULL || seq_lt(at, old->seq)) {
			to = old == NULL ? what->end : old->seq;
			if (!insert_run(pool, dir, what, data, at, to, i))
				return result | INSERT_SHED;
			at = to;
			i++;
			continue;
		}
		result |= compare(old, what, data);
		from = at;
		to = seq_lt(old->seq + old->len, what->seq + what->len) ? old->seq + old->len
									: what->seq + what->len;
		if (seq_lt(from, to) && !what->doubt &&
		    (old->doubt || overlap_new_wins(dir->policy, relation(old, what))))
			memcpy(old->data + (from - old->seq), data + (from - what->seq), to - from);
		if (!what->doubt)
			old->doubt = false;
		at = old->end;
		i++;
	}
	return result;
}

/* Doubtful segments give way to certain ones wherever both have bytes. */
static void yield_doubts(struct stream_pool *pool, struct tcp_dir *dir, const struct segment *what)
{
	struct segments *q = dir->queue;

	for (uint32_t i = 0; q != NULL && i < q->count;) {
		struct segment *s = q->at[i];

		if (!seq_lt(s->seq, what->end))
			break;
		if (s->doubt && seq_lt(what->seq, s->end)) {
			queue_take(pool, q, i);
			continue;
		}
		i++;
	}
}

unsigned stream_insert(struct stream_pool *pool, struct tcp_dir *dir, const struct segment *what,
		       const uint8_t *data)
{
	unsigned result;

	if (!what->doubt)
		yield_doubts(pool, dir, what);
	if (dir->policy == OVERLAP_LINUX && !what->doubt)
		result = insert_linux(pool, dir, what, data);
	else
		result = insert_table(pool, dir, what, data);
	return count_overlap(pool, result);
}

/* Moves rcv_nxt over what waits and is contiguous now. */
static void catch_up(struct tcp_dir *dir)
{
	struct segments *q = dir->queue;

	if (dir->flags & DIR_FIN)               /* nothing is taken behind it */
		return;
	for (uint32_t i = 0; q != NULL && i < q->count; i++) {
		const struct segment *s = q->at[i];

		if (seq_lt(dir->rcv_nxt, s->seq))
			return;
		unlink_segment(q, q->at[i]);
		if (s->doubt || !seq_lt(dir->rcv_nxt, s->end))
			continue;
		dir->rcv_nxt = s->end;
		if (s->fin) {
			dir->flags |= DIR_FIN;
			return;
		}
	}
}

unsigned stream_in_order(struct stream_pool *pool, struct tcp_dir *dir, const struct segment *what,
			 const uint8_t *data)
{
	struct segments *q = dir->queue;
	uint32_t skip = dir->rcv_nxt - what->seq;
	unsigned result = 0;
	struct direct *direct = &pool->direct;

	yield_doubts(pool, dir, what);
	if (q != NULL && q->count > 0 && dir->policy != OVERLAP_LINUX && !q->at[0]->doubt &&
	    seq_lt(q->at[0]->seq, what->end)) {
		struct segment part = { .seq = dir->rcv_nxt, .end = what->end, .fin = what->fin };

		part.len = what->len > skip ? what->len - skip : 0;
		result = stream_insert(pool, dir, &part, data + skip);
		catch_up(dir);
		return result;
	}
	for (uint32_t i = 0; q != NULL && i < q->count && seq_lt(q->at[i]->seq, what->end); i++)
		result |= compare(q->at[i], what, data);
	if (what->len > skip) {
		*direct = (struct direct){ .dir = dir, .data = data + skip, .seq = dir->rcv_nxt,
					   .len = what->len - skip };
	}
	dir->rcv_nxt = what->end;
	if (what->fin)
		dir->flags |= DIR_FIN;
	else
		catch_up(dir);
	return count_overlap(pool, result);
}

/* The receiver acknowledges more than the FIN that we saw: it never got that, but what came in its place. */
static void take_fin_back(struct tcp_dir *dir)
{
	const struct segments *q = dir->queue;

	for (uint32_t i = 0; q != NULL && i < q->count; i++) {
		if (seq_lt(q->at[i]->seq, dir->rcv_nxt) && seq_lt(dir->rcv_nxt, q->at[i]->seq + q->at[i]->len)) {
			dir->flags &= (uint16_t)~DIR_FIN;
			dir->rcv_nxt--;
			return;
		}
	}
}

bool stream_acknowledged(struct tcp_dir *dir, uint32_t ack)
{
	struct segments *q = dir->queue;
	bool gap = false;

	for (uint32_t i = 0; q != NULL && i < q->count && seq_le(q->at[i]->end, ack); i++)
		q->at[i]->doubt = false;
	if ((dir->flags & (DIR_FIN | DIR_ENDED)) == DIR_FIN && seq_lt(dir->rcv_nxt, ack))
		take_fin_back(dir);
	catch_up(dir);
	while (q != NULL && !(dir->flags & DIR_FIN) && seq_lt(dir->rcv_nxt, ack)) {
		uint32_t i = 0;

		while (i < q->count && (q->at[i]->doubt || q->at[i]->len == 0 ||
					!seq_lt(dir->rcv_nxt, q->at[i]->end)))
			i++;
		if (i == q->count)
			break;
		/* The hole up to here was taken by the receiver and missed by us. */
		dir->rcv_nxt = seq_lt(q->at[i]->seq, ack) ? q->at[i]->seq : ack;
		gap = true;
		catch_up(dir);
	}
	return gap;
}

void stream_flush(struct stream_pool *pool, struct tcp_dir *dir)
{
	struct segments *q = dir->queue;

	for (uint32_t i = 0; q != NULL && i < q->count;) {
		if (!q->at[i]->doubt) {
			i++;
			continue;
		}
		queue_take(pool, q, i);
	}
	if (q != NULL && q->count > 0) {
		struct segment *last = q->at[q->count - 1];

		stream_acknowledged(dir, last->end);
		if (last->fin && seq_lt(dir->rcv_nxt, last->end)) {
			dir->rcv_nxt = last->end;
			dir->flags |= DIR_FIN;
		}
	}
	dir->flags |= DIR_ENDED;
}

void stream_settle(struct stream_pool *pool)
{
	struct direct *direct = &pool->direct;

	if (pool->lent != NULL) {
		segment_put(pool, pool->lent);
		pool->lent = NULL;
	}
	if (direct->dir == NULL)
		return;
	if (direct->len > 0 && !(direct->dir->flags & DIR_IGNORED)) {
		struct segment what = { .seq = direct->seq, .end = direct->seq + direct->len,
					.len = direct->len };
		struct segment *s = segment_get(pool, direct->dir, &what, direct->data);
		uint32_t i = direct->dir->queue == NULL ? 0 : queue_upper(direct->dir->queue, what.seq);

		if (s != NULL && !queue_put_at(pool, direct->dir, i, s)) {
			segment_put(pool, s);
			pool->shed++;
		}
	}
	direct->dir = NULL;
}

/* Hands out n bytes at pos. */
static void hand_out(struct tcp_dir *dir, uint32_t n)
{
	dir->pos += n;
	dir->offset += n;
}

/* The first segment that is beyond doubt and has data from pos on; those that are done with are freed. */
static struct segment *queue_head(struct stream_pool *pool, struct tcp_dir *dir)
{
	struct segments *q = dir->queue;
	uint32_t i = 0;

	while (q != NULL && i < q->count) {
		struct segment *s = q->at[i];

		if (seq_le(s->end, dir->pos) || (seq_le(s->seq + s->len, dir->pos) &&
						 seq_le(s->end, dir->rcv_nxt))) {
			queue_take(pool, q, i);
			continue;
		}
		if (!s->doubt)
			return s;
		i++;
	}
	if (q != NULL && q->count == 0)
		queue_free(pool, dir);
	return NULL;
}

/* Data of a waiting segment, up to to. */
static bool next_waiting(struct stream_pool *pool, struct tcp_dir *dir, struct segment *s, uint32_t to,
			 const uint8_t **data, uint32_t *len)
{
	uint32_t end = s->seq + s->len;
	bool all = seq_le(end, to);

	if (!all)
		end = to;
	*data = s->data + (dir->pos - s->seq);
	*len = end - dir->pos;
	hand_out(dir, *len);
	if (all && s->end == end && dir->queue->at[0] == s) {
		queue_remove(dir->queue, 0, 1);
		pool->lent = s;
	}
	return true;
}

/* How much of len bytes at pos comes before the urgent byte. */
static uint32_t before_urgent(const struct tcp_dir *dir, uint32_t len)
{
	if (!(dir->flags & DIR_URGENT) || !seq_lt(dir->pos, dir->urgent_seq) ||
	    !seq_lt(dir->urgent_seq, dir->pos + len))
		return len;
	return dir->urgent_seq - dir->pos;
}

/* The urgent byte is at pos: it isn't part of the stream. */
static void take_urgent(struct stream_pool *pool, struct tcp_dir *dir)
{
	struct direct *direct = &pool->direct;

	dir->flags &= (uint16_t)~DIR_URGENT;
	dir->urgent_bytes++;
	if (direct->dir == dir && direct->len > 0 && direct->seq == dir->pos) {
		direct->data++;
		direct->seq++;
		direct->len--;
	}
}

bool stream_next(struct stream_pool *pool, struct tcp_dir *dir, const uint8_t **data, uint32_t *len,
		 bool *is_gap)
{
	struct direct *direct = &pool->direct;
	struct segment *s;
	uint32_t to = dir->rcv_nxt;

	if (pool->lent != NULL) {
		segment_put(pool, pool->lent);
		pool->lent = NULL;
	}
	*is_gap = false;
	if ((dir->flags & DIR_URGENT) && dir->pos == dir->urgent_seq && seq_lt(dir->pos, dir->rcv_nxt)) {
		take_urgent(pool, dir);
		if (pool->urgent_gap) {
			*data = NULL;
			*len = 1;
			*is_gap = true;
			hand_out(dir, 1);
			return true;
		}
		dir->pos++;
	}
	if (direct->dir == dir && direct->seq == dir->pos && direct->len > 0) {
		*data = direct->data;
		*len = before_urgent(dir, direct->len);
		direct->data += *len;
		direct->seq += *len;
		direct->len -= *len;
		hand_out(dir, *len);
		return true;
	}
	if (direct->dir == dir && direct->len > 0)
		to = direct->seq;
	else if ((dir->flags & DIR_FIN) && seq_lt(dir->pos, to))
		to--;                           /* the FIN itself */
	if (!seq_lt(dir->pos, to))
		return false;
	to = dir->pos + before_urgent(dir, to - dir->pos);
	s = queue_head(pool, dir);
	if (s != NULL && seq_le(s->seq, dir->pos))
		return next_waiting(pool, dir, s, to, data, len);
	if (s != NULL && seq_lt(s->seq, to))
		to = s->seq;
	*data = NULL;
	*len = to - dir->pos;
	*is_gap = true;
	pool->lost_bytes += *len;
	hand_out(dir, *len);
	return true;
}

void stream_moved(struct tcp_dir *dir)
{
	if (dir->queue != NULL)
		dir->queue->dir = dir;
}

void stream_drop(struct stream_pool *pool, struct tcp_dir *dir)
{
	struct segments *q = dir->queue;

	if (pool->direct.dir == dir)
		pool->direct.dir = NULL;
	for (uint32_t i = 0; q != NULL && i < q->count; i++)
		segment_put(pool, q->at[i]);
	queue_free(pool, dir);
}

uint32_t stream_highest(const struct tcp_dir *dir, bool doubts)
{
	const struct segments *q = dir->queue;
	uint32_t i = q == NULL ? 0 : q->count;

	while (i > 0 && q->at[i - 1]->doubt && !doubts)
		i--;
	return i > 0 && seq_lt(dir->rcv_nxt, q->at[i - 1]->end) ? q->at[i - 1]->end : dir->rcv_nxt;
}
