/* contest.c - see contest.h. A flow has few contests: they are a list. */
#include "stack/track/contest.h"

#include <string.h>

struct contest {
	struct contest *next;
	uint32_t seq, len;
	uint8_t side;
	uint8_t data[];                 /* what was there, then what came */
};

static size_t contest_size(uint32_t len)
{
	return sizeof(struct contest) + 2 * (size_t)len;
}

static void contest_free(struct tracker *t, struct contest *k)
{
	t->contested -= k->len;
	budget_put(&t->stream, k, contest_size(k->len));
}

static uint32_t contested(const struct tcp_conn *c)
{
	uint32_t sum = 0;

	for (const struct contest *k = c->contests; k != NULL; k = k->next)
		sum += k->len;
	return sum;
}

static bool contest_add(struct tracker *t, struct tcp_conn *c, enum side side, uint32_t seq, const uint8_t *old,
			const uint8_t *new, uint32_t len)
{
	struct contest *k;

	if (contested(c) + len > CONTEST_FLOW_MAX || t->contested + len > CONTEST_TOTAL_MAX ||
	    (k = budget_get_raw(&t->stream, contest_size(len))) == NULL) {
		t->stats.contests_shed++;
		return false;
	}
	*k = (struct contest){ .next = c->contests, .seq = seq, .len = len, .side = (uint8_t)side };
	memcpy(k->data, old, len);
	memcpy(k->data + len, new, len);
	c->contests = k;
	t->contested += len;
	t->stats.contests++;
	return true;
}

/* From the first to the last byte that differs. */
static bool contest_run(struct tracker *t, struct tcp_conn *c, enum side side, const struct segment *old,
			const struct segment *what, const uint8_t *data)
{
	uint32_t from = seq_lt(old->seq, what->seq) ? what->seq : old->seq;
	uint32_t old_end = old->seq + old->len, new_end = what->seq + what->len;
	uint32_t to = seq_lt(old_end, new_end) ? old_end : new_end;

	while (seq_lt(from, to) && old->data[from - old->seq] == data[from - what->seq])
		from++;
	while (seq_lt(from, to) && old->data[to - 1 - old->seq] == data[to - 1 - what->seq])
		to--;
	return seq_lt(from, to) &&
	       contest_add(t, c, side, from, old->data + (from - old->seq), data + (from - what->seq), to - from);
}

bool contest_note(struct tracker *t, struct flow *flow, enum side side, const struct segment *what, const uint8_t *data)
{
	struct tcp_conn *c = flow->tcp;
	const struct segments *q = c->dir[side].queue;
	bool any = false;

	if (host_policy_known(&t->cfg, &flow->key.addr[other_side(side)], flow->key.ip_version))
		return false;
	for (uint32_t i = 0; q != NULL && i < q->count && seq_lt(q->at[i]->seq, what->end); i++) {
		if (!q->at[i]->doubt)
			any |= contest_run(t, c, side, q->at[i], what, data);
	}
	return any;
}

/* Wherever the stream has one of the two contents, the other reading has the other. */
static void other_bytes(const struct contest *k, uint32_t seq, const uint8_t *data, uint32_t len, uint8_t *out)
{
	for (uint32_t i = 0; i < k->len; i++) {
		uint32_t at = k->seq + i - seq;

		if (seq_lt(k->seq + i, seq) || at >= len)
			continue;
		out[at] = data[at] == k->data[i] ? k->data[k->len + i] : k->data[i];
	}
}

const uint8_t *contest_other(struct tracker *t, struct tcp_conn *c, enum side side, uint32_t seq, const uint8_t *data,
			     uint32_t len)
{
	struct contest **at = &c->contests;
	bool any = false;

	while (*at != NULL) {
		struct contest *k = *at;

		if (k->side != side || !seq_lt(k->seq, seq + len)) {
			at = &k->next;
			continue;
		}
		if (seq_lt(seq, k->seq + k->len) && len <= CONTEST_PIECE_MAX) {
			if (!any)
				memcpy(t->other, data, len);
			other_bytes(k, seq, data, len, t->other);
			any = true;
		}
		if (seq_lt(seq + len, k->seq + k->len)) {
			at = &k->next;          /* the rest of it is in a piece to come */
			continue;
		}
		*at = k->next;
		contest_free(t, k);
	}
	return any && memcmp(t->other, data, len) != 0 ? t->other : NULL;
}

void contest_release(struct tracker *t, struct tcp_conn *c)
{
	while (c->contests != NULL) {
		struct contest *k = c->contests;

		c->contests = k->next;
		contest_free(t, k);
	}
}
