/* afxdp.c - frames straight from a driver's receive queue, through an AF_XDP socket.
 *
 * A device is one queue. Its memory (the UMEM) is a row of equal chunks: the first
 * ones receive, the rest send. Every receive chunk is in exactly one place: in the
 * fill ring (the kernel may write to it), in the receive ring, or out with a frame;
 * the fill ring has room for all of them, so that giving back never fails. A frame
 * that lies in several chunks (multi-buffer) is copied together into a buffer of the
 * pool and its chunks go back at once. The devices of an interface's queues share
 * one XDP program, which goes away with the last of them, or with the process.
 *
 * Where the kernel uses the interface itself, its frames aren't taken but copied
 * (mirror.h), and ours are sent beside AF_XDP, through a packet socket. */
#include <errno.h>
#include <linux/if_link.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <xdp/xsk.h>

#include "base/must.h"
#include "base/writer.h"
#include "capture/bpf_filter.h"
#include "capture/device.h"
#include "capture/device_counters.h"
#include "capture/frame_pool.h"
#include "capture/net_interface.h"
#include "capture/send_each.h"
#include "capture/xdp/meta.h"
#include "capture/xdp/mirror.h"
#include "capture/xdp/program.h"

/* Newer than the headers that tapir may be built with. */
#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)
#define XDP_PKT_CONTD (1 << 0)
#endif
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#define SO_BUSY_POLL_BUDGET 70
#endif

#define RX_CHUNKS_DEFAULT 8192
#define TX_CHUNKS 2048
#define TX_RING_LEN 2048
/* The kernel keeps this much in front of each frame for XDP programs. */
#define HEADROOM 256
/* Ethernet header and two VLAN tags. */
#define LINK_OVERHEAD 22
/* Chunks of one frame: the kernel's MAX_SKB_FRAGS and the linear part. */
#define SEGMENTS_MAX 18
#define MERGED_COUNT 64
#define BIND_TRIES 100
#define BIND_WAIT_NS 10000000
#define NS_PER_S 1000000000ull
#define BUSY_POLL_US 20

struct afxdp {
	struct device dev;
	struct xsk_ring_cons rx;
	struct xsk_ring_prod fill;
	struct xsk_ring_prod tx;
	struct xsk_ring_cons completion;
	uint8_t *umem;
	size_t umem_len;
	struct xsk_umem *umem_object;
	struct xsk_socket *socket;
	int fd;
	uint32_t chunk_len;
	uint32_t rx_chunks;
	uint64_t clock_offset_ns;       /* realtime minus monotonic */
	uint64_t clock_checked_ns;      /* when that was asked for last, monotonic */
	uint64_t number;
	struct frame_pool *pool;        /* frames of several chunks */
	struct bpf_filter *filter;
	struct xdp_program *program;
	bool zero_copy, multi_buffer, huge_pages, read_only, busy_poll, symmetric;
	_Atomic bool no_meta_seen;      /* frames come without a time of their own */
	struct mirror *mirror;          /* NULL where the frames are taken */
	int send_fd;                    /* then that is how ours are sent */
	uint16_t frame_flags;           /* of every frame */
	uint32_t queue, queues;
	uint32_t tx_free_count;
	uint64_t *tx_free;
	int promiscuous_fd;
	struct net_rss *rss;            /* to be put back; the first queue's device has it */
	bool vlan_switched_off;
	char name[NET_INTERFACE_NAME_MAX];      /* as asked for */
	char bound[NET_INTERFACE_NAME_MAX];     /* where the socket is: the same, or the mirror's end */
	char reason[256];
	uint64_t missed_before;
	struct device_counters counters;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Monotonic to realtime. The difference changes only where somebody sets the clock: it is asked for once
 * a second of frame time, not per frame. */
static uint64_t frame_time(struct afxdp *d, uint64_t mono_ns)
{
	if (unlikely(mono_ns - d->clock_checked_ns > NS_PER_S)) {
		d->clock_offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
		d->clock_checked_ns = mono_ns;
	}
	return mono_ns + d->clock_offset_ns;
}

static void fill_put(struct afxdp *d, uint64_t addr)
{
	uint32_t at;

	must(xsk_ring_prod__reserve(&d->fill, 1, &at) == 1);
	*xsk_ring_prod__fill_addr(&d->fill, at) = addr & ~(uint64_t)(d->chunk_len - 1);
}

/* The metadata in front of a frame: its time, and the VLAN tag where the NIC took one out, which is put
 * back. The magic is cleared, so that a later frame in the same chunk can't inherit it. */
static void meta_take(struct afxdp *d, struct frame *f, uint64_t *burst_ns)
{
	struct xdp_meta meta;
	uint8_t *at = f->data - sizeof(meta);

	memcpy(&meta, at, sizeof(meta));
	if (unlikely(meta.magic != XDP_META_MAGIC)) {
		d->no_meta_seen = true;
		if (*burst_ns == 0)
			*burst_ns = clock_ns(CLOCK_REALTIME);
		f->time_ns = *burst_ns;
		return;
	}
	memset(at + offsetof(struct xdp_meta, magic), 0, sizeof(meta.magic));
	f->time_ns = frame_time(d, meta.time_ns);
	if (meta.vlan_proto && f->len >= 12) {
		f->data -= 4;
		memmove(f->data, f->data + 4, 12);
		memcpy(f->data + 12, &meta.vlan_proto, 2);
		store_be16(f->data + 14, meta.vlan_tci);
		f->len += 4;
	}
}

/* Copies a frame of n chunks together; false where no buffer is left. */
static bool segments_join(struct afxdp *d, struct frame *f, uint32_t at, uint32_t n)
{
	uint32_t len = f->len, used = f->len;   /* the first is looked at already, its tag put back */
	uint8_t *buffer;

	for (uint32_t i = 1; i < n; i++)
		len += xsk_ring_cons__rx_desc(&d->rx, at + i)->len;
	buffer = frame_pool_get(d->pool, len);
	if (buffer) {
		memcpy(buffer, f->data, used);
		for (uint32_t i = 1; i < n; i++) {
			const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&d->rx, at + i);
			memcpy(buffer + used, d->umem + desc->addr, desc->len);
			used += desc->len;
		}
		f->data = buffer;
		f->len = len;
		f->owner = buffer;
	}
	for (uint32_t i = 0; i < n; i++)
		fill_put(d, xsk_ring_cons__rx_desc(&d->rx, at + i)->addr);
	return buffer != NULL;
}

/* How many descriptors the frame at `at` has; 0 where its last isn't there yet. */
static uint32_t segments_count(const struct afxdp *d, uint32_t at, uint32_t available)
{
	for (uint32_t n = 1; n <= available; n++)
		if (!(xsk_ring_cons__rx_desc(&d->rx, at + n - 1)->options & XDP_PKT_CONTD))
			return n;
	return 0;
}

/* Makes the frame whose n descriptors start at `at`; false where it ended here, counted. */
static bool frame_make(struct afxdp *d, struct frame *f, uint32_t at, uint32_t n, uint64_t *burst_ns)
{
	const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&d->rx, at);

	f->data = d->umem + desc->addr;
	f->len = desc->len;
	f->link = LINK_ETHERNET;
	f->flags = d->frame_flags;
	f->vlan_tci = 0;
	f->if_index = 0;
	f->owner = NULL;
	meta_take(d, f, burst_ns);
	if (unlikely(n > 1) && !segments_join(d, f, at, n)) {
		counter_add(&d->counters.drops[DROP_NO_BUFFER], 1);
		return false;
	}
	f->wire_len = f->len;
	f->number = ++d->number;
	if (d->filter && !bpf_filter_match(d->filter, f)) {
		if (f->owner)
			frame_pool_put(d->pool, f->owner);
		else
			fill_put(d, desc->addr);
		counter_add(&d->counters.drops[DROP_FILTER], 1);
		return false;
	}
	return true;
}

/* Lets the kernel see what fill_put put, and wakes it where it waits for that. */
static void fill_submit(struct afxdp *d)
{
	uint32_t n = d->fill.cached_prod - *d->fill.producer;

	if (n)
		xsk_ring_prod__submit(&d->fill, n);
}

static void receive_wake(struct afxdp *d)
{
	if (d->busy_poll || xsk_ring_prod__needs_wakeup(&d->fill)) {
		counter_add(&d->counters.wakeups, 1);
		recvfrom(d->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
	}
}

static int afxdp_recv(struct device *dev, struct frame *frames, unsigned max)
{
	struct afxdp *d = (struct afxdp *)dev;
	uint64_t burst_ns = 0, bytes = 0;
	uint32_t at, available, used = 0;
	unsigned n = 0;

	/* A frame may have several descriptors: look further than max. */
	available = xsk_ring_cons__peek(&d->rx, max + (d->multi_buffer ? SEGMENTS_MAX : 0), &at);
	while (n < max && used < available) {
		uint32_t segments = segments_count(d, at + used, available - used);

		if (unlikely(segments == 0))
			break;
		__builtin_prefetch(d->umem + xsk_ring_cons__rx_desc(&d->rx, at + used + 1)->addr);
		if (frame_make(d, &frames[n], at + used, segments, &burst_ns)) {
			bytes += frames[n].len;
			n++;
		}
		used += segments;
	}
	if (available > used)
		xsk_ring_cons__cancel(&d->rx, available - used);
	if (used) {
		xsk_ring_cons__release(&d->rx, used);
		fill_submit(d);
	} else {
		counter_add(&d->counters.empty_polls, 1);
		receive_wake(d);
	}
	counter_add(&d->counters.rx_frames, n);
	counter_add(&d->counters.rx_bytes, bytes);
	return (int)n;
}

static void afxdp_release(struct device *dev, struct frame *frames, unsigned n)
{
	struct afxdp *d = (struct afxdp *)dev;

	for (unsigned i = 0; i < n; i++) {
		if (frames[i].owner)
			frame_pool_put(d->pool, frames[i].owner);
		else
			fill_put(d, (uint64_t)(frames[i].data - d->umem));
	}
	fill_submit(d);
}

/* Chunks whose frames are on the wire become free again. */
static void completions_take(struct afxdp *d)
{
	uint32_t at, n = xsk_ring_cons__peek(&d->completion, TX_CHUNKS, &at);

	for (uint32_t i = 0; i < n; i++)
		d->tx_free[d->tx_free_count++] = *xsk_ring_cons__comp_addr(&d->completion, at + i) &
						 ~(uint64_t)(d->chunk_len - 1);
	if (n)
		xsk_ring_cons__release(&d->completion, n);
}

/* Tells the kernel to send. In copy mode a call sends a limited number of frames and says so. */
static void send_kick(struct afxdp *d, unsigned frames)
{
	if (!xsk_ring_prod__needs_wakeup(&d->tx))
		return;
	for (unsigned i = 0; i <= frames / 16; i++) {
		counter_add(&d->counters.wakeups, 1);
		if (sendto(d->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0)
			return;
		if (errno != EAGAIN && errno != EBUSY && errno != ENOBUFS)
			return;
	}
}

/* Queues one frame, over several chunks where it has to be. False where there isn't room. */
static bool frame_queue(struct afxdp *d, const struct frame *f)
{
	uint32_t room = d->chunk_len, n = (f->len + room - 1) / room, at, done = 0;

	if (d->tx_free_count < n || xsk_ring_prod__reserve(&d->tx, n, &at) != n)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct xdp_desc *desc = xsk_ring_prod__tx_desc(&d->tx, at + i);
		uint32_t len = f->len - done < room ? f->len - done : room;

		desc->addr = d->tx_free[--d->tx_free_count];
		desc->len = len;
		desc->options = i + 1 < n ? XDP_PKT_CONTD : 0;
		memcpy(d->umem + desc->addr, f->data + done, len);
		done += len;
	}
	xsk_ring_prod__submit(&d->tx, n);
	return true;
}

static int afxdp_send(struct device *dev, const struct frame *frames, unsigned n)
{
	struct afxdp *d = (struct afxdp *)dev;
	uint64_t bytes = 0, wrong = 0;
	unsigned taken;

	if (d->read_only)
		return -EPERM;
	if (d->mirror)                  /* what is mirrored sends through the kernel's own path */
		return send_each(d->send_fd, frames, n, &d->counters);
	completions_take(d);
	for (taken = 0; taken < n; taken++) {
		const struct frame *f = &frames[taken];

		if (f->len == 0 || f->len > (d->multi_buffer ? d->chunk_len * SEGMENTS_MAX : d->chunk_len)) {
			wrong++;
			continue;
		}
		if (!frame_queue(d, f)) {
			counter_add(&d->counters.drops[DROP_SEND_FULL], n - taken);
			break;
		}
		bytes += f->len;
	}
	send_kick(d, taken);
	counter_add(&d->counters.tx_frames, taken - wrong);
	counter_add(&d->counters.tx_bytes, bytes);
	counter_add(&d->counters.drops[DROP_SEND_ERROR], wrong);
	return (int)taken;
}

static int afxdp_poll_fd(const struct device *dev)
{
	return ((const struct afxdp *)dev)->fd;
}

static int afxdp_set_promiscuous(struct device *dev, bool on)
{
	struct afxdp *d = (struct afxdp *)dev;

	if (on == (d->promiscuous_fd >= 0))
		return 0;
	if (!on) {
		close(d->promiscuous_fd);
		d->promiscuous_fd = -1;
		return 0;
	}
	d->promiscuous_fd = net_interface_promiscuous(d->name);
	return d->promiscuous_fd < 0 ? d->promiscuous_fd : 0;
}

static int afxdp_set_mac(struct device *dev, const uint8_t mac[6])
{
	return net_interface_set_mac(((struct afxdp *)dev)->name, mac);
}

static int afxdp_set_mtu(struct device *dev, uint32_t mtu)
{
	return net_interface_set_mtu(((struct afxdp *)dev)->name, mtu);
}

static void afxdp_info(const struct device *dev, struct device_info *out)
{
	const struct afxdp *d = (const struct afxdp *)dev;
	struct net_interface i;

	snprintf(out->name, sizeof(out->name), "%s", d->name);
	snprintf(out->mode, sizeof(out->mode), "%s%s, %s%s%s, queue %u of %u%s",
		 d->mirror ? "mirrored, " : "", xdp_program_is_native(d->program) ? "native" : "generic",
		 d->zero_copy ? "zero-copy" : "copy", d->multi_buffer ? ", multi-buffer" : "",
		 d->huge_pages ? ", huge pages" : "", d->queue, d->queues,
		 d->no_meta_seen ? ", one time per burst" : "");
	snprintf(out->reason, sizeof(out->reason), "%s", d->reason);
	out->link = LINK_ETHERNET;
	out->live = true;
	out->symmetric = d->symmetric;
	if (net_interface_query(&i, d->name) == 0) {
		memcpy(out->mac, i.mac, sizeof(out->mac));
		out->mtu = i.mtu;
		out->up = i.up && i.running;
		out->promiscuous = i.promiscuous || d->promiscuous_fd >= 0;
		out->peer_offload = i.peer_offload && !d->mirror;
	}
}

/* Frames lost before the socket could count them, since the device was opened. */
static uint64_t missed(const struct afxdp *d)
{
	struct net_losses l;

	if (d->mirror)
		return mirror_losses(d->mirror);
	return net_interface_losses(d->name, &l) < 0 ? 0 : l.rx;
}

static void afxdp_stats(const struct device *dev, struct device_stats *out)
{
	const struct afxdp *d = (const struct afxdp *)dev;
	struct xdp_statistics s = { 0 };
	socklen_t len = sizeof(s);

	device_counters_read(&d->counters, out);
	frame_pool_stats(d->pool, out->buffers);
	if (d->queue == 0)
		out->drops[DROP_INTERFACE] = missed(d) - d->missed_before;
	if (getsockopt(d->fd, SOL_XDP, XDP_STATISTICS, &s, &len) < 0)
		return;
	out->drops[DROP_RING_FULL] = s.rx_ring_full;
	out->drops[DROP_INVALID] += s.rx_invalid_descs;
	out->drops[DROP_SEND_ERROR] += s.tx_invalid_descs;
	/* In copy mode a frame that finds the fill ring empty is counted under both; in zero-copy mode the
	 * driver's failed refills are, which lose no frame by themselves. */
	if (!d->zero_copy) {
		uint64_t starved = s.rx_fill_ring_empty_descs < s.rx_dropped ? s.rx_fill_ring_empty_descs :
				   s.rx_dropped;
		out->drops[DROP_FILL_EMPTY] = starved;
		out->drops[DROP_KERNEL] = s.rx_dropped - starved;
	} else {
		out->drops[DROP_FILL_EMPTY] = s.rx_fill_ring_empty_descs;
		out->drops[DROP_KERNEL] = s.rx_dropped;
	}
}

static uint32_t power_of_two(uint32_t v)
{
	uint32_t p = 1;

	while (p < v && p < 1u << 30)
		p <<= 1;
	return p;
}

/* The memory, on huge pages where wanted and there. */
static int umem_map(struct afxdp *d, bool huge_pages)
{
	const size_t huge = 2 * 1024 * 1024;
	void *at = MAP_FAILED;

	d->umem_len = (size_t)(d->rx_chunks + (d->read_only ? 0 : TX_CHUNKS)) * d->chunk_len;
	if (huge_pages) {
		d->umem_len = (d->umem_len + huge - 1) & ~(huge - 1);
		at = mmap(NULL, d->umem_len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
		d->huge_pages = at != MAP_FAILED;
	}
	if (at == MAP_FAILED)
		at = mmap(NULL, d->umem_len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (at == MAP_FAILED) {
		device_error_set("%s: no memory for %u frames of %u bytes", d->name, d->rx_chunks,
				 d->chunk_len);
		return -ENOMEM;
	}
	d->umem = at;
	return 0;
}

static void socket_undo(struct afxdp *d)
{
	if (d->socket)
		xsk_socket__delete(d->socket);
	if (d->umem_object)
		xsk_umem__delete(d->umem_object);
	d->socket = NULL;
	d->umem_object = NULL;
}

/* Registers the memory and binds to the queue in one way; 0 or -errno. */
static int socket_bind(struct afxdp *d, uint16_t bind_flags)
{
	const struct xsk_umem_config umem = {
		.fill_size = power_of_two(d->rx_chunks),
		.comp_size = TX_RING_LEN,
		.frame_size = d->chunk_len,
	};
	const struct xsk_socket_config socket = {
		.rx_size = power_of_two(d->rx_chunks),  /* never full before the fill ring is empty */
		.tx_size = TX_RING_LEN,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = bind_flags,
	};
	const struct timespec wait = { .tv_nsec = BIND_WAIT_NS };
	int err = -EBUSY;

	/* Busy: the socket of a process that was killed a moment ago may still be going away. */
	for (unsigned i = 0; i < BIND_TRIES && err == -EBUSY; i++) {
		if (i)
			nanosleep(&wait, NULL);
		err = xsk_umem__create(&d->umem_object, d->umem, d->umem_len, &d->fill, &d->completion,
				       &umem);
		if (err < 0) {
			d->umem_object = NULL;
			return err;
		}
		err = xsk_socket__create(&d->socket, d->bound, d->queue, d->umem_object, &d->rx,
					 d->read_only ? NULL : &d->tx, &socket);
		if (err < 0) {
			d->socket = NULL;
			socket_undo(d);
		}
	}
	return err;
}

/* Binds in the best way that works: zero-copy before copy, with frames of several chunks before without. */
static int socket_open(struct afxdp *d, const struct device_opts *opts)
{
	static const uint16_t ways[] = {
		XDP_ZEROCOPY | XDP_USE_SG, XDP_ZEROCOPY, XDP_COPY | XDP_USE_SG, XDP_COPY,
	};
	bool native = xdp_program_is_native(d->program), frags = xdp_program_has_frags(d->program);
	int err = -EOPNOTSUPP, zero_copy_err = 0;

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		bool zero_copy = ways[i] & XDP_ZEROCOPY, several = ways[i] & XDP_USE_SG;

		if ((zero_copy && (!native || opts->copy || opts->generic)) || (several && !frags))
			continue;
		err = socket_bind(d, ways[i] | XDP_USE_NEED_WAKEUP);
		if (err == 0) {
			d->zero_copy = zero_copy;
			d->multi_buffer = several;
			break;
		}
		if (zero_copy)
			zero_copy_err = err;
		if (err == -EPERM || err == -EBUSY || err == -ENOBUFS || err == -ENODEV)
			break;
	}
	if (err < 0)
		return err;
	if (zero_copy_err && d->reason[0] == '\0')
		snprintf(d->reason, sizeof(d->reason), "the driver has no zero-copy for this setup (%s)",
			 strerror(-zero_copy_err));
	return 0;
}

/* Why a socket couldn't be had. */
static void socket_explain(const struct afxdp *d, int err)
{
	struct rlimit limit = { 0 };

	switch (err) {
	case -EPERM:
		device_error_set("%s: AF_XDP needs root or CAP_NET_RAW", d->name);
		break;
	case -EBUSY:
		device_error_set("%s: queue %u is in use by another AF_XDP socket", d->name, d->queue);
		break;
	case -ENOBUFS:
	case -ENOMEM:
		getrlimit(RLIMIT_MEMLOCK, &limit);
		device_error_set("%s: the kernel won't lock %zu KiB of memory for frames; the limit is %llu KiB: "
				 "raise it (ulimit -l, LimitMEMLOCK=) or use fewer frames", d->name,
				 d->umem_len / 1024, (unsigned long long)limit.rlim_cur / 1024);
		break;
	case -EINVAL:
		device_error_set("%s: the kernel refuses an AF_XDP socket on queue %u (there are %u queues)",
				 d->name, d->queue, d->queues);
		break;
	default:
		device_error_set("%s: AF_XDP socket on queue %u: %s", d->name, d->queue, strerror(-err));
	}
}

static void busy_poll_set(struct afxdp *d)
{
	int on = 1, us = BUSY_POLL_US, budget = DEVICE_BURST_MAX;

	d->busy_poll = setsockopt(d->fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &on, sizeof(on)) == 0 &&
		       setsockopt(d->fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof(us)) == 0 &&
		       setsockopt(d->fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof(budget)) == 0;
}

/* Both directions of a flow on one queue: trivially, or because the NIC's hash can be made so. */
static void directions_join(struct afxdp *d, const struct device_opts *opts)
{
	const struct afxdp *first = (const struct afxdp *)opts->sibling;

	if (d->queues == 1)
		d->symmetric = true;
	else if (first)
		d->symmetric = first->symmetric;
	else
		d->symmetric = net_rss_make_symmetric(&d->rss, d->name) == 0;
}

static void afxdp_close(struct device *dev)
{
	struct afxdp *d = (struct afxdp *)dev;

	/* First no more frames for the socket, then the socket, then the program. */
	if (d->program && d->socket)
		xdp_program_socket_set(d->program, d->queue, -1);
	socket_undo(d);
	xdp_program_put(d->program);
	if (d->promiscuous_fd >= 0)
		close(d->promiscuous_fd);
	net_rss_restore(d->rss);
	if (d->vlan_switched_off)
		net_interface_offload_set(d->name, NET_OFFLOAD_RX_VLAN, true);
	if (d->umem)
		munmap(d->umem, d->umem_len);
	if (d->send_fd >= 0)
		close(d->send_fd);
	if (d->mirror)
		mirror_close(d->mirror);
	bpf_filter_free(d->filter);
	frame_pool_free(d->pool);
	free(d->tx_free);
	free(d);
}

/* What is asked for, fitted to the interface. */
static int afxdp_setup(struct afxdp *d, const struct device_opts *opts, const struct net_interface *i)
{
	static const uint32_t counts[BUFFER_TIERS] = { 0, 0, 256 };
	uint32_t frame_max = i->mtu + LINK_OVERHEAD;
	int err;

	snprintf(d->bound, sizeof(d->bound), "%s", i->name);
	d->queue = opts->queue;
	d->queues = opts->queues && !d->mirror ? opts->queues : i->rx_queues;
	d->read_only = opts->read_only;
	if (d->queue >= d->queues || d->queue >= XDP_QUEUES_MAX) {
		device_error_set("%s: there is no queue %u; there are %u, of which %u can be used", d->name,
				 d->queue, d->queues, XDP_QUEUES_MAX);
		return -EINVAL;
	}
	d->chunk_len = opts->frame_len ? opts->frame_len : frame_max + HEADROOM <= 2048 ? 2048 : 4096;
	if (d->chunk_len != 2048 && d->chunk_len != 4096) {
		device_error_set("%s: a frame length of %u; expected 2048 or 4096", d->name, d->chunk_len);
		return -EINVAL;
	}
	d->rx_chunks = opts->frames_max ? power_of_two(opts->frames_max) : RX_CHUNKS_DEFAULT;
	if (d->rx_chunks < DEVICE_BURST_MAX)
		d->rx_chunks = DEVICE_BURST_MAX;
	err = frame_pool_new(&d->pool, counts, MERGED_COUNT);
	if (err < 0)
		return err;
	d->tx_free = calloc(TX_CHUNKS, sizeof(*d->tx_free));
	if (d->tx_free == NULL)
		return -ENOMEM;
	for (uint32_t k = 0; k < TX_CHUNKS && !d->read_only; k++)
		d->tx_free[d->tx_free_count++] = (uint64_t)(d->rx_chunks + k) * d->chunk_len;
	if (opts->filter && opts->filter[0]) {
		err = bpf_filter_new(&d->filter, opts->filter);
		if (err < 0)
			return err;
		if (bpf_filter_link(d->filter, LINK_ETHERNET) < 0) {
			device_error_set("filter \"%s\": %s", opts->filter, bpf_filter_error(d->filter));
			return -EINVAL;
		}
	}
	return umem_map(d, opts->huge_pages);
}

static int program_open(struct afxdp *d, const struct device_opts *opts, const struct net_interface *i)
{
	char why[256] = "";
	int err;

	if (opts->sibling) {
		d->program = xdp_program_ref(((struct afxdp *)opts->sibling)->program);
		return 0;
	}
	err = xdp_program_open(&d->program, d->bound, i->index, opts->generic, why, sizeof(why));
	if (err < 0)
		device_error_set("%s", why);
	return err;
}

static int afxdp_start(struct afxdp *d, const struct device_opts *opts, const struct net_interface *i)
{
	uint32_t frame_max = i->mtu + LINK_OVERHEAD;
	int err = program_open(d, opts, i);

	if (err < 0)
		return err;
	snprintf(d->reason, sizeof(d->reason), "%s", xdp_program_reason(d->program));
	err = socket_open(d, opts);
	if (err < 0) {
		socket_explain(d, err);
		return err;
	}
	if (!d->multi_buffer && frame_max + HEADROOM > d->chunk_len) {
		device_error_set("%s: frames of up to %u bytes (MTU %u) don't fit in %u, and there is no "
				 "multi-buffer AF_XDP here (Linux 6.6 has it): use the pcap device, or a "
				 "smaller MTU", d->name, frame_max, i->mtu, d->chunk_len - HEADROOM);
		return -EMSGSIZE;
	}
	d->fd = xsk_socket__fd(d->socket);
	if (opts->busy_poll)
		busy_poll_set(d);
	for (uint32_t k = 0; k < d->rx_chunks; k++)
		fill_put(d, (uint64_t)k * d->chunk_len);
	fill_submit(d);
	if (!xdp_program_has_vlan(d->program) && i->rx_vlan && !opts->sibling && !d->mirror)
		d->vlan_switched_off =
			net_interface_offload_set(d->name, NET_OFFLOAD_RX_VLAN, false) == 0;
	directions_join(d, opts);
	err = xdp_program_socket_set(d->program, d->queue, d->fd);
	if (err < 0)
		device_error_set("%s: queue %u: %s", d->name, d->queue, strerror(-err));
	return err;
}

/* What concerns the interface that was asked for, wherever the socket is. */
static int interface_join(struct afxdp *d, const struct device_opts *opts, const struct net_interface *i)
{
	int err = 0;

	if (opts->promiscuous)
		err = afxdp_set_promiscuous(&d->dev, true);
	if (err < 0) {
		device_error_set("%s: promiscuous mode: %s", d->name, strerror(-err));
		return err;
	}
	if (d->mirror && !d->read_only) {
		d->send_fd = net_interface_packet_socket(d->name);
		if (d->send_fd < 0) {
			device_error_set("%s: a socket to send with: %s", d->name, strerror(-d->send_fd));
			return d->send_fd;
		}
	}
	d->missed_before = missed(d);
	/* Copies have their checksums filled in. */
	if (i->peer_offload && !d->mirror)
		d->frame_flags = FRAME_CSUM_PARTIAL;
	return 0;
}

static bool is_mirrored(const struct net_interface *i, const struct device_opts *opts)
{
	return (i->has_address || i->loopback) && !opts->exclusive;
}

/* Opens on the interface, or on the far end of its mirror. */
static int afxdp_begin(struct afxdp *d, const struct device_opts *opts, const struct net_interface *i)
{
	struct device_opts native = *opts;
	struct net_interface inner;
	char why[256] = "";
	int err;

	if (!is_mirrored(i, opts)) {
		err = afxdp_setup(d, opts, i);
		return err < 0 ? err : afxdp_start(d, opts, i);
	}
	err = mirror_open(&d->mirror, i, why, sizeof(why));
	if (err < 0) {
		device_error_set("%s", why);
		return err;
	}
	/* Generic XDP doesn't see what was redirected, and copies are. */
	native.generic = false;
	err = net_interface_query(&inner, mirror_inner(d->mirror));
	if (err == 0)
		err = afxdp_setup(d, &native, &inner);
	if (err == 0)
		err = afxdp_start(d, &native, &inner);
	mirror_leave(d->mirror);
	if (err == 0 && !xdp_program_is_native(d->program)) {
		device_error_set("%s has an address, and copying its frames needs native XDP on veth: %s", d->name,
				 xdp_program_reason(d->program));
		return -EOPNOTSUPP;
	}
	snprintf(d->reason, sizeof(d->reason), "%s has an address: its frames are copied, not taken", d->name);
	return err;
}

static int afxdp_open(struct device **out, const struct device_opts *opts)
{
	struct net_interface i;
	struct afxdp *d;
	int err;

	if (opts->name == NULL || net_interface_query(&i, opts->name) < 0) {
		device_error_set("there is no interface \"%s\"", opts->name ? opts->name : "");
		return -ENODEV;
	}
	if (!i.up) {
		device_error_set("%s is down; \"ip link set %s up\" brings it up", i.name, i.name);
		return -ENETDOWN;
	}
	if (!i.ethernet) {
		device_error_set("%s carries no Ethernet frames, which AF_XDP needs: use the pcap device", i.name);
		return -EPROTONOSUPPORT;
	}
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	d->fd = d->promiscuous_fd = d->send_fd = -1;
	snprintf(d->name, sizeof(d->name), "%s", i.name);
	err = afxdp_begin(d, opts, &i);
	if (err == 0)
		err = interface_join(d, opts, &i);
	if (err < 0) {
		afxdp_close(&d->dev);
		return err;
	}
	*out = &d->dev;
	return 0;
}

static uint32_t afxdp_queues(const struct device_opts *opts)
{
	struct net_interface i;

	if (opts->name == NULL || net_interface_query(&i, opts->name) < 0 || is_mirrored(&i, opts))
		return 1;
	return i.rx_queues < XDP_QUEUES_MAX ? i.rx_queues : XDP_QUEUES_MAX;
}

static const struct device_ops afxdp_ops = {
	.open = afxdp_open,
	.queues = afxdp_queues,
	.close = afxdp_close,
	.recv = afxdp_recv,
	.release = afxdp_release,
	.send = afxdp_send,
	.poll_fd = afxdp_poll_fd,
	.set_promiscuous = afxdp_set_promiscuous,
	.set_mac = afxdp_set_mac,
	.set_mtu = afxdp_set_mtu,
	.info = afxdp_info,
	.stats = afxdp_stats,
};

const struct device_kind device_kind_afxdp = {
	.name = "afxdp",
	.summary = "AF_XDP: one device per receive queue, zero-copy where the driver can",
	.ops = &afxdp_ops,
};
