/* handover.h - frames on their way from the thread that received them to the worker that follows
 * their flow.
 *
 * Every pair of threads has a mailbox of its own: parcels (a copy of some frames) travel full in one
 * ring and come back empty in another, so that nobody ever locks or allocates. When no empty parcel
 * is left the receiver is behind: a live sender counts the frame as dropped, a file reader waits. */
#ifndef TAPIR_SENSOR_HANDOVER_H
#define TAPIR_SENSOR_HANDOVER_H

#include "base/ring.h"
#include "capture/device.h"
#include "stack/wire/packet.h"

#define PARCEL_FRAMES 64

struct parcel {
	unsigned count;
	uint16_t device;
	uint32_t used;                  /* bytes of data */
	uint32_t room;
	struct frame frames[PARCEL_FRAMES];
	uint8_t *data;
};

struct mailbox {
	struct ring full, empty;
	struct parcel *parcels;
	unsigned parcel_count;
	uint8_t *memory;
	struct parcel *open;            /* sender's: being filled */
	struct parcel *held;            /* receiver's: being worked on */
	_Atomic bool closed;            /* nothing will follow */
};

/* parcels: how many; bytes: room in each, at least the longest frame. 0 or -ENOMEM. */
int mailbox_init(struct mailbox *m, unsigned parcels, uint32_t bytes);
void mailbox_fini(struct mailbox *m);
/* Sender: adds a copy of frame; false where there is no room now. */
bool mailbox_put(struct mailbox *m, const struct frame *frame, uint16_t device);
/* Sender: what was put so far may be taken. */
void mailbox_flush(struct mailbox *m);
void mailbox_close(struct mailbox *m);
/* Receiver: the next parcel, or NULL; the one before goes back. */
struct parcel *mailbox_take(struct mailbox *m);
/* Receiver: closed, and empty for good. */
bool mailbox_done(struct mailbox *m);

/* Which of n workers follows a packet of a decoded frame. Symmetric, and the same for fragments, for both
 * directions, for all connections between two hosts (so that a data connection meets what announced it) and for
 * everything within a tunnel. But Teredo's tunnel has another far end for each direction: what it carries goes
 * by its own addresses. */
unsigned steer(const struct packet *pkt, unsigned n);
/* A frame is for two workers at most: the outermost packet's, and the innermost's. */
static inline unsigned steer_outer(const struct packet_set *set, unsigned n)
{
	return steer(&set->pkts[0], n);
}
static inline unsigned steer_inner(const struct packet_set *set, unsigned n)
{
	return steer(&set->pkts[set->count - 1], n);
}

#endif
