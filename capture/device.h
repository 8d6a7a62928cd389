/* device.h - what receives and sends frames: one operations table per kind.
 *
 * A device is opened by a specification "KIND:NAME,option=value,..." or by a
 * struct device_opts. Kinds are a table made from the files capture/devices/
 * (one file a kind, each with one `const struct device_kind`): afxdp, pcap, file, tap,
 * memory. Wrappers (impair, trace) take another device and look like one.
 *
 * Receiving: device_recv hands out frames whose bytes stay valid until
 * device_release gives them back; a burst is released whole, in order. One
 * thread at a time uses a device's receive side and one its send side;
 * device_stats may be called from any thread. The life cycle (open, close,
 * lookup) goes through the manager and is thread-safe. */
#ifndef TAPIR_CAPTURE_DEVICE_H
#define TAPIR_CAPTURE_DEVICE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/frame.h"

#define DEVICE_BURST_MAX 64
#define DEVICE_NAME_MAX 64

struct device;

struct device_opts {
	const char *kind;       /* "afxdp", "pcap", "file", "tap", "memory" */
	const char *name;       /* interface, path ("-" = stdin), or a label */
	const char *filter;     /* BPF expression as tcpdump knows it, or NULL */
	const char *output;     /* file: frames sent go to this pcap file; name may be NULL then */
	uint32_t queue;         /* afxdp: receive queue */
	uint32_t queues;        /* afxdp: how many there are in this set; 0 = find out */
	uint32_t snap_len;      /* pcap; 0 = 262144 */
	uint64_t buffer_len;    /* pcap: the kernel's buffer in bytes; 0 = 32 MiB */
	uint32_t frame_len;     /* afxdp: UMEM chunk, 2048 or 4096; 0 = fits the MTU */
	uint32_t frames_max;    /* afxdp: UMEM chunks; memory: queue length; 0 = default */
	uint32_t link;          /* memory, tap: enum link_type */
	uint32_t mtu;           /* memory */
	bool promiscuous;
	bool immediate;         /* pcap: each frame at once; else gathered for up to 10 ms, which is cheaper */
	bool busy_poll;         /* afxdp */
	bool huge_pages;        /* afxdp: try */
	bool copy;              /* afxdp: don't try zero-copy */
	bool generic;           /* afxdp: generic (skb) mode only */
	bool read_only;         /* never send */
	bool recursive;         /* file: a directory with the directories below */
	bool exclusive;         /* afxdp: take the frames away from the kernel, also where it has an address
				 * there; else those of such an interface are copied, in both directions */
	struct device *sibling; /* afxdp: another queue's device, open already, whose XDP program to share */
	uint64_t seed;          /* memory with impairment */
};

enum device_drop {
	DROP_KERNEL,            /* afxdp rx_dropped; pcap ps_drop */
	DROP_RING_FULL,         /* afxdp rx_ring_full */
	DROP_FILL_EMPTY,        /* afxdp rx_fill_ring_empty_descs */
	DROP_INVALID,           /* afxdp rx_invalid_descs; malformed records of a file */
	DROP_INTERFACE,         /* pcap ps_ifdrop */
	DROP_TOO_LONG,          /* longer than a chunk, and no multi-buffer */
	DROP_NO_BUFFER,
	DROP_FILTER,            /* a filter that runs here rather than in the kernel: not a loss */
	DROP_SEND_FULL,         /* to send, but the ring was full: not taken; the caller may try again */
	DROP_SEND_ERROR,
	DROP_IMPAIRED,          /* by a wrapper, on purpose */
	DEVICE_DROPS,
};

extern const char *const device_drop_names[DEVICE_DROPS];

struct device_stats {
	uint64_t rx_frames, rx_bytes;
	uint64_t tx_frames, tx_bytes;
	uint64_t drops[DEVICE_DROPS];
	struct buffer_tier_stats buffers[BUFFER_TIERS];         /* zero where a device has no pool */
	uint64_t wakeups, empty_polls;
};

struct device_info {
	char name[DEVICE_NAME_MAX];     /* "eth0", or the file's path cut to fit */
	char kind[16];
	char mode[96];                  /* said aloud: "native, zero-copy, queue 0 of 4" */
	char reason[256];               /* why it isn't a better mode, or empty */
	uint8_t mac[6];
	uint32_t mtu;
	uint16_t link;
	bool live;                      /* time is now; false for files */
	bool up;
	bool promiscuous;
	bool symmetric;                 /* both directions of a flow come through this same device */
	bool peer_offload;              /* frames may come with checksums that no NIC ever filled in */
	uint64_t size_bytes;            /* files: how long, 0 = unknown; */
	uint64_t read_bytes;            /* and how far we are */
};

/* A device's part of the table. What it doesn't set answers as a device without that ability. */
struct device_ops {
	int (*open)(struct device **out, const struct device_opts *opts);
	/* How many devices, one a queue, make the whole of what opts name; without it 1. */
	uint32_t (*queues)(const struct device_opts *opts);
	void (*close)(struct device *dev);
	/* Up to max frames; 0 where none waits; -ENODATA at the end for good; else -errno. Never blocks.
	 * Several bursts may be out at a time; each is released by the receiving thread. */
	int (*recv)(struct device *dev, struct frame *frames, unsigned max);
	void (*release)(struct device *dev, struct frame *frames, unsigned n);
	/* How many were taken (the bytes are copied or sent when it returns), or -errno. */
	int (*send)(struct device *dev, const struct frame *frames, unsigned n);
	/* For devices that hold frames until a time: it is now at least this late; and when that helps next. */
	void (*advance)(struct device *dev, uint64_t now_ns);
	uint64_t (*deadline)(const struct device *dev);
	/* A descriptor for poll(2), or -1 where there is always something or nothing to wait for. */
	int (*poll_fd)(const struct device *dev);
	int (*set_promiscuous)(struct device *dev, bool on);
	int (*set_mac)(struct device *dev, const uint8_t mac[6]);
	int (*set_mtu)(struct device *dev, uint32_t mtu);
	void (*info)(const struct device *dev, struct device_info *out);
	void (*stats)(const struct device *dev, struct device_stats *out);
};

struct device_kind {
	const char *name;
	const char *summary;            /* one line, for `tapir devices` */
	const struct device_ops *ops;
};

#define DEVICE_WARNING_MAX 512

/* The head of every device; kinds embed it first. */
struct device {
	const struct device_ops *ops;
	const struct device_kind *kind;
	char warning[DEVICE_WARNING_MAX];       /* empty, or what device_warning_take gives out next */
};

/* From the generated table; NULL where there is no such kind. */
const struct device_kind *device_kind_find(const char *name);
extern const struct device_kind *const device_kinds[];
extern const unsigned device_kind_count;

/* Opens by opts->kind. Returns 0 or -errno; the reason in words is in device_error(). */
int device_open(struct device **out, const struct device_opts *opts);
/* Why the last device_open of this thread failed: one sentence a person can act on. */
const char *device_error(void);
void device_error_set(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void device_close(struct device *dev);

static inline int device_recv(struct device *dev, struct frame *frames, unsigned max)
{
	return dev->ops->recv(dev, frames, max);
}

static inline void device_release(struct device *dev, struct frame *frames, unsigned n)
{
	dev->ops->release(dev, frames, n);
}

/* How many were taken, or -errno; -EOPNOTSUPP where the device only receives. */
static inline int device_send(struct device *dev, const struct frame *frames, unsigned n)
{
	return dev->ops->send ? dev->ops->send(dev, frames, n) : -EOPNOTSUPP;
}

/* What went wrong since the last call without ending the device (a file that was cut short, a file
 * of a directory that isn't a capture): one sentence, for the edge to log. False where there is
 * nothing. Only the thread that receives may ask. */
bool device_warning_take(struct device *dev, char out[DEVICE_WARNING_MAX]);
/* For devices: keeps the first until it is taken, counting on the edge to ask after each burst. */
void device_warning_set(struct device *dev, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* It is now at least this late. Devices know no clock: whoever drives one that may hold frames back (impair.h)
 * tells it the time, and is told when to do so again: UINT64_MAX = no need. */
static inline void device_advance(struct device *dev, uint64_t now_ns)
{
	if (dev->ops->advance)
		dev->ops->advance(dev, now_ns);
}

static inline uint64_t device_deadline(const struct device *dev)
{
	return dev->ops->deadline ? dev->ops->deadline(dev) : UINT64_MAX;
}

int device_poll_fd(const struct device *dev);
int device_set_promiscuous(struct device *dev, bool on);
int device_set_mac(struct device *dev, const uint8_t mac[6]);
int device_set_mtu(struct device *dev, uint32_t mtu);
void device_info(const struct device *dev, struct device_info *out);
void device_stats(const struct device *dev, struct device_stats *out);

#endif
