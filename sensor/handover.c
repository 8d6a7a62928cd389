/* handover.c - mailboxes between threads, and the choice of a worker. */
#include "sensor/handover.h"

#include <errno.h>
#include <stdlib.h>

int mailbox_init(struct mailbox *m, unsigned parcels, uint32_t bytes)
{
	*m = (struct mailbox){ .parcel_count = parcels };
	m->parcels = calloc(parcels, sizeof(*m->parcels));
	m->memory = malloc((size_t)parcels * bytes);
	if (m->parcels == NULL || m->memory == NULL || ring_init(&m->full, parcels, sizeof(struct parcel *)) < 0 ||
	    ring_init(&m->empty, parcels, sizeof(struct parcel *)) < 0) {
		mailbox_fini(m);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < parcels; i++) {
		struct parcel *p = &m->parcels[i];

		p->data = m->memory + (size_t)i * bytes;
		p->room = bytes;
		ring_push(&m->empty, &p);
	}
	return 0;
}

void mailbox_fini(struct mailbox *m)
{
	ring_fini(&m->full);
	ring_fini(&m->empty);
	free(m->parcels);
	free(m->memory);
	*m = (struct mailbox){ 0 };
}

static void mailbox_send(struct mailbox *m)
{
	/* As many slots as parcels: a full ring can't be. */
	ring_push(&m->full, &m->open);
	m->open = NULL;
}

bool mailbox_put(struct mailbox *m, const struct frame *frame, uint16_t device)
{
	struct parcel *p = m->open;
	uint32_t len = frame->len;
	struct frame *copy;

	if (p != NULL && (p->count == PARCEL_FRAMES || p->room - p->used < len || p->device != device)) {
		mailbox_send(m);
		p = NULL;
	}
	if (p == NULL) {
		if (!ring_pop(&m->empty, &p))
			return false;
		p->count = 0;
		p->used = 0;
		p->device = device;
		m->open = p;
	}
	if (len > p->room)
		len = p->room;          /* longer than any snap length: its head is what counts */
	copy = &p->frames[p->count++];
	*copy = *frame;
	copy->data = p->data + p->used;
	copy->len = len;
	copy->owner = NULL;
	memcpy(copy->data, frame->data, len);
	p->used += len;
	return true;
}

void mailbox_flush(struct mailbox *m)
{
	if (m->open != NULL && m->open->count > 0)
		mailbox_send(m);
}

void mailbox_close(struct mailbox *m)
{
	mailbox_flush(m);
	atomic_store_explicit(&m->closed, true, memory_order_release);
}

struct parcel *mailbox_take(struct mailbox *m)
{
	if (m->held != NULL) {
		ring_push(&m->empty, &m->held);
		m->held = NULL;
	}
	if (!ring_pop(&m->full, &m->held))
		return NULL;
	return m->held;
}

bool mailbox_done(struct mailbox *m)
{
	/* In this order: what was sent before the closing is seen. */
	return atomic_load_explicit(&m->closed, memory_order_acquire) && ring_used(&m->full) == 0;
}

static uint64_t mix(uint64_t v)
{
	v ^= v >> 32;
	v *= 0x9e3779b97f4a7c15u;
	v ^= v >> 29;
	v *= 0xbf58476d1ce4e5b9u;
	return v ^ v >> 32;
}

/* Whose addresses count for p. */
static const struct packet *steered_by(const struct packet *p)
{
	while (p->outer != NULL && p->tunnel != TUNNEL_TEREDO)
		p = p->outer;
	return p;
}

unsigned steer(const struct packet *pkt, unsigned n)
{
	const struct packet *p = steered_by(pkt);
	const struct ip_addr *a = &p->src, *b = &p->dst;
	uint64_t hash;

	if (n <= 1 || p->ip_version == 0)
		return 0;
	if (p->flags & PACKET_ICMP_ERROR) {
		a = &p->emb_src;        /* it belongs to the flow it complains about */
		b = &p->emb_dst;
	}
	/* A sum doesn't care which of the two sends. */
	hash = mix(mix(a->quads[0]) ^ a->quads[1]) + mix(mix(b->quads[0]) ^ b->quads[1]);
	return (unsigned)((mix(hash) >> 32) * n >> 32);
}
