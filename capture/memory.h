/* memory.h - devices without a wire: a pair whose sides are each other's network, or a
 * single one whose network is the test.
 *
 * Frames are copied into buffers of the pair and keep the time they were sent with;
 * nothing here knows a clock. The two sides may be used by two threads. */
#ifndef TAPIR_CAPTURE_MEMORY_H
#define TAPIR_CAPTURE_MEMORY_H

#include "capture/device.h"

extern const struct device_kind device_kind_memory;

struct memory_opts {
	const char *name;       /* NULL = "memory" */
	uint16_t link;          /* LINK_ETHERNET, LINK_RAW; 0 = Ethernet */
	uint32_t mtu;           /* longer frames are refused (DROP_TOO_LONG); 0 = 1500 */
	uint32_t queue_len;     /* frames in each direction; 0 = 1024 */
	uint8_t mac[2][6];      /* all zero = 02:00:00:00:00:01 and :02 */
};

/* Two devices; what one sends the other receives. Each is closed by itself. Returns 0 or -errno. */
int memory_pair_new(struct device *out[2], const struct memory_opts *opts);

/* The network's side of a device opened by itself ("memory" kind), or of either of a pair: puts a frame
 * where device_recv finds it, as if it had come over the wire. 0, -ENOBUFS where the queue is full. */
int memory_inject(struct device *dev, const struct frame *frame);
/* Takes what the device sent, up to max frames; give them back with memory_drained. */
unsigned memory_drain(struct device *dev, struct frame *frames, unsigned max);
void memory_drained(struct device *dev, struct frame *frames, unsigned n);
/* How many frames wait to be received. */
unsigned memory_waiting(struct device *dev);

#endif
