/* tap.c - an interface that this process is the wire of: what the kernel sends on it we
 * receive, what we send the kernel receives. Made by opening, gone with closing or
 * with the process. Checksums are complete: none is offered to be left out. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "capture/bpf_filter.h"
#include "capture/device.h"
#include "capture/frame_pool.h"
#include "capture/net_interface.h"
#include "capture/send_each.h"

#define ETHERNET_OVERHEAD 22

struct tap {
	struct device dev;
	int fd;
	uint16_t link;
	uint32_t frame_len_max;
	bool promiscuous;
	struct frame_pool *pool;
	struct bpf_filter *filter;
	uint64_t number;
	char name[NET_INTERFACE_NAME_MAX];
	struct device_counters counters;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Reads one frame; 1, 0 where none waits, or -errno. */
static int frame_read(struct tap *d, struct frame *f)
{
	void *buffer = frame_pool_get(d->pool, d->frame_len_max);
	ssize_t n;

	if (buffer == NULL)
		return 0;
	n = read(d->fd, buffer, d->frame_len_max);
	if (n <= 0) {
		frame_pool_put(d->pool, buffer);
		return n < 0 && errno != EAGAIN && errno != EINTR ? -errno : 0;
	}
	*f = (struct frame){ .data = buffer, .owner = buffer, .len = (uint32_t)n, .wire_len = (uint32_t)n,
			     .link = d->link, .time_ns = now_ns() };
	return 1;
}

static int tap_recv(struct device *dev, struct frame *frames, unsigned max)
{
	struct tap *d = (struct tap *)dev;
	uint64_t bytes = 0;
	unsigned n = 0;
	int got = 0;

	while (n < max && (got = frame_read(d, &frames[n])) > 0) {
		if (d->filter && !bpf_filter_match(d->filter, &frames[n])) {
			counter_add(&d->counters.drops[DROP_FILTER], 1);
			frame_pool_put(d->pool, frames[n].owner);
			continue;
		}
		frames[n].number = ++d->number;
		bytes += frames[n++].len;
	}
	counter_add(&d->counters.rx_frames, n);
	counter_add(&d->counters.rx_bytes, bytes);
	if (n == 0)
		counter_add(&d->counters.empty_polls, 1);
	return n == 0 && got < 0 ? got : (int)n;
}

static void tap_release(struct device *dev, struct frame *frames, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		frame_pool_put(((struct tap *)dev)->pool, frames[i].owner);
}

static int tap_send(struct device *dev, const struct frame *frames, unsigned n)
{
	struct tap *d = (struct tap *)dev;

	return send_each(d->fd, frames, n, &d->counters);
}

static int tap_poll_fd(const struct device *dev)
{
	return ((const struct tap *)dev)->fd;
}

/* All that the kernel sends here comes to us anyway. */
static int tap_set_promiscuous(struct device *dev, bool on)
{
	((struct tap *)dev)->promiscuous = on;
	return 0;
}

static int tap_set_mac(struct device *dev, const uint8_t mac[6])
{
	return net_interface_set_mac(((struct tap *)dev)->name, mac);
}

static int tap_set_mtu(struct device *dev, uint32_t mtu)
{
	struct tap *d = (struct tap *)dev;

	if (mtu + ETHERNET_OVERHEAD > d->frame_len_max)
		return -EINVAL;
	return net_interface_set_mtu(d->name, mtu);
}

static void tap_info(const struct device *dev, struct device_info *out)
{
	const struct tap *d = (const struct tap *)dev;
	struct net_interface i;

	snprintf(out->name, sizeof(out->name), "%s", d->name);
	snprintf(out->mode, sizeof(out->mode), "%s", d->link == LINK_ETHERNET ? "tap" : "tun");
	out->link = d->link;
	out->live = true;
	out->symmetric = true;
	out->promiscuous = d->promiscuous;
	if (net_interface_query(&i, d->name) == 0) {
		memcpy(out->mac, i.mac, sizeof(out->mac));
		out->mtu = i.mtu;
		out->up = i.up;
	}
}

static void tap_stats(const struct device *dev, struct device_stats *out)
{
	const struct tap *d = (const struct tap *)dev;

	device_counters_read(&d->counters, out);
	frame_pool_stats(d->pool, out->buffers);
}

static void tap_close(struct device *dev)
{
	struct tap *d = (struct tap *)dev;

	if (d->fd >= 0)
		close(d->fd);
	bpf_filter_free(d->filter);
	frame_pool_free(d->pool);
	free(d);
}

/* Makes the interface, or takes over one that was made persistent. */
static int interface_make(struct tap *d, const char *name)
{
	struct ifreq r = { 0 };
	int err;

	d->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (d->fd < 0) {
		err = -errno;
		device_error_set("/dev/net/tun: %s", strerror(-err));
		return err;
	}
	r.ifr_flags = (short)((d->link == LINK_ETHERNET ? IFF_TAP : IFF_TUN) | IFF_NO_PI);
	if (name)
		snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (ioctl(d->fd, TUNSETIFF, &r) < 0) {
		err = -errno;
		device_error_set("%s: %s%s", name ? name : "tap", strerror(-err),
				 err == -EPERM ? "; making an interface needs root or CAP_NET_ADMIN" :
				 err == -EBUSY ? "; another process has it open" :
				 err == -EINVAL ? "; an interface of another kind has that name" : "");
		return err;
	}
	snprintf(d->name, sizeof(d->name), "%s", r.ifr_name);
	return 0;
}

static int tap_setup(struct tap *d, const struct device_opts *opts)
{
	static const uint32_t counts[BUFFER_TIERS] = { 0, 1024, 0 }, counts_large[BUFFER_TIERS] = { 0, 0, 1024 };
	uint32_t mtu = opts->mtu ? opts->mtu : 1500;
	int err;

	d->link = opts->link ? (uint16_t)opts->link : LINK_ETHERNET;
	d->frame_len_max = mtu + ETHERNET_OVERHEAD;
	if (d->link != LINK_ETHERNET && d->link != LINK_RAW) {
		device_error_set("a tap device carries Ethernet (1) or bare IP (101), not link type %u", d->link);
		return -EINVAL;
	}
	if (mtu < 68 || d->frame_len_max > FRAME_POOL_LEN_MAX) {
		device_error_set("an MTU of %u; expected 68 to %u", mtu, FRAME_POOL_LEN_MAX - ETHERNET_OVERHEAD);
		return -EINVAL;
	}
	err = frame_pool_new(&d->pool, d->frame_len_max <= 2048 ? counts : counts_large,
			     d->frame_len_max > 9216 ? 256 : 0);
	if (err < 0)
		return err;
	if (opts->filter && opts->filter[0]) {
		err = bpf_filter_new(&d->filter, opts->filter);
		if (err < 0)
			return err;
		if (bpf_filter_link(d->filter, d->link) < 0) {
			device_error_set("filter \"%s\": %s", opts->filter, bpf_filter_error(d->filter));
			return -EINVAL;
		}
	}
	err = interface_make(d, opts->name);
	if (err < 0)
		return err;
	err = net_interface_set_mtu(d->name, mtu);
	if (err == 0)
		err = net_interface_set_up(d->name, true);
	if (err < 0)
		device_error_set("%s: %s", d->name, strerror(-err));
	return err;
}

static int tap_open(struct device **out, const struct device_opts *opts)
{
	struct tap *d = calloc(1, sizeof(*d));
	int err;

	if (d == NULL)
		return -ENOMEM;
	d->fd = -1;
	err = tap_setup(d, opts);
	if (err < 0) {
		tap_close(&d->dev);
		return err;
	}
	*out = &d->dev;
	return 0;
}

static const struct device_ops tap_ops = {
	.open = tap_open,
	.close = tap_close,
	.recv = tap_recv,
	.release = tap_release,
	.send = tap_send,
	.poll_fd = tap_poll_fd,
	.set_promiscuous = tap_set_promiscuous,
	.set_mac = tap_set_mac,
	.set_mtu = tap_set_mtu,
	.info = tap_info,
	.stats = tap_stats,
};

const struct device_kind device_kind_tap = {
	.name = "tap",
	.summary = "an interface of this process's own, on the other side of the kernel's stack",
	.ops = &tap_ops,
};
