/* frame.h - one frame as a device hands it over, and the pools its memory comes from. */
#ifndef TAPIR_CAPTURE_FRAME_H
#define TAPIR_CAPTURE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* LINKTYPE_ numbers as tcpdump.org and capture files use them. */
enum link_type {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_PPP = 9,
	LINK_RAW_BSD = 12,      /* DLT_RAW on Linux, in some old files */
	LINK_RAW = 101,
	LINK_CHDLC = 104,
	LINK_LOOP = 108,
	LINK_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_SLL2 = 276,
};

enum frame_flag {
	FRAME_CSUM_OK = 1 << 0,         /* the NIC verified the L4 checksum */
	FRAME_CSUM_PARTIAL = 1 << 1,    /* the sender may have left it to a NIC that never was (veth, loopback):
					 * the pseudo-header's sum counts as right, other wrong values don't */
	FRAME_VLAN_STRIPPED = 1 << 2,   /* vlan_tci is the outermost tag, no longer in the bytes */
	FRAME_OUTGOING = 1 << 3,        /* sent by this machine */
	FRAME_TIME_BACK = 1 << 4,       /* capture file: earlier than the frame before */
};

struct frame {
	uint8_t *data;
	uint32_t len;           /* bytes that are there */
	uint32_t wire_len;      /* bytes that were on the wire; more than len where the snap length cut */
	uint64_t time_ns;       /* since 1970, UTC */
	uint64_t number;        /* position in the capture file, from 1; live: count of this device */
	uint16_t link;          /* enum link_type */
	uint16_t flags;         /* enum frame_flag */
	uint16_t vlan_tci;
	uint16_t if_index;      /* interface in a pcapng file, or 0 */
	void *owner;            /* the device's business; goes back with device_release */
};

/* Three tiers of frame memory: 512, 2048 (for an MTU of 1500) and 9216 bytes (9000). */
enum buffer_tier { BUFFER_SMALL, BUFFER_MEDIUM, BUFFER_LARGE, BUFFER_TIERS };

struct buffer_tier_stats {
	uint32_t size;          /* bytes a buffer */
	uint32_t count;         /* buffers there are */
	uint32_t in_use;
	uint32_t high;          /* the most that were ever in use */
	uint64_t failures;      /* requests that found none, here or in a larger tier */
};

struct buffer_pool;

/* counts: buffers per tier, all mapped at once. Not thread-safe: one pool a thread. Returns 0 or -errno. */
int buffer_pool_new(struct buffer_pool **out, const uint32_t counts[BUFFER_TIERS]);
void buffer_pool_free(struct buffer_pool *pool);
/* A buffer of at least size bytes, from the smallest tier that has one; NULL and a counted failure otherwise. */
void *buffer_get(struct buffer_pool *pool, size_t size);
void buffer_put(struct buffer_pool *pool, void *buffer);
void buffer_pool_stats(const struct buffer_pool *pool, struct buffer_tier_stats out[BUFFER_TIERS]);

#endif
