/* memory.c - two queues of frames between two sides. What both share is freed with
 * the last side; one lock covers queues and buffers, so that a frame may be taken
 * by one thread and given back by another. */
#include "capture/memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "capture/bpf_filter.h"
#include "capture/device_counters.h"
#include "capture/frame_pool.h"

#define QUEUE_LEN_DEFAULT 1024
#define MTU_DEFAULT 1500
#define ETHERNET_OVERHEAD 22    /* header and two VLAN tags */

struct queue {
	struct frame *frames;
	uint32_t head;          /* where the next is put; indices run freely */
	uint32_t tail;
};

struct memory_net {
	pthread_mutex_t lock;
	struct frame_pool *pool;
	uint32_t queue_len;     /* power of two */
	struct queue queues[2]; /* to side 0 and to side 1 */
	unsigned sides_open;
	bool lone;              /* the other side is the test */
};

struct memory {
	struct device dev;
	struct memory_net *net;
	unsigned side;
	uint16_t link;
	uint32_t mtu;
	uint8_t mac[6];
	bool promiscuous;
	char name[DEVICE_NAME_MAX];
	struct bpf_filter *filter;
	uint64_t number;
	struct device_counters counters;
};

/* Copies a frame into a queue; the lock is held. */
static int queue_put(struct memory_net *net, unsigned side, const struct frame *frame)
{
	struct queue *q = &net->queues[side];
	struct frame *f;
	void *buffer;

	if (q->head - q->tail == net->queue_len)
		return -ENOBUFS;
	buffer = frame_pool_get(net->pool, frame->len);
	if (buffer == NULL)
		return -ENOBUFS;
	f = &q->frames[q->head++ & (net->queue_len - 1)];
	*f = *frame;
	if (frame->len)
		memcpy(buffer, frame->data, frame->len);
	f->data = buffer;
	f->owner = buffer;
	if (f->wire_len < f->len)
		f->wire_len = f->len;
	f->flags &= (uint16_t)~FRAME_OUTGOING;
	return 0;
}

static unsigned queue_take(struct memory_net *net, unsigned side, struct frame *frames, unsigned max)
{
	struct queue *q = &net->queues[side];
	unsigned n = 0;

	while (n < max && q->head != q->tail)
		frames[n++] = q->frames[q->tail++ & (net->queue_len - 1)];
	return n;
}

static void buffers_return(struct memory_net *net, struct frame *frames, unsigned n)
{
	pthread_mutex_lock(&net->lock);
	for (unsigned i = 0; i < n; i++)
		frame_pool_put(net->pool, frames[i].owner);
	pthread_mutex_unlock(&net->lock);
}

static int memory_recv(struct device *dev, struct frame *frames, unsigned max)
{
	struct memory *d = (struct memory *)dev;
	struct memory_net *net = d->net;
	uint64_t bytes = 0, refused = 0;
	unsigned got, n = 0;

	pthread_mutex_lock(&net->lock);
	got = queue_take(net, d->side, frames, max);
	for (unsigned i = 0; i < got; i++) {
		if (d->filter && !bpf_filter_match(d->filter, &frames[i])) {
			frame_pool_put(net->pool, frames[i].owner);
			refused++;
			continue;
		}
		frames[n] = frames[i];
		frames[n].number = ++d->number;
		bytes += frames[n].len;
		n++;
	}
	pthread_mutex_unlock(&net->lock);
	counter_add(&d->counters.rx_frames, n);
	counter_add(&d->counters.rx_bytes, bytes);
	counter_add(&d->counters.drops[DROP_FILTER], refused);
	if (got == 0)
		counter_add(&d->counters.empty_polls, 1);
	return (int)n;
}

static void memory_release(struct device *dev, struct frame *frames, unsigned n)
{
	buffers_return(((struct memory *)dev)->net, frames, n);
}

static uint32_t frame_len_max(const struct memory *d)
{
	return d->mtu + (d->link == LINK_ETHERNET ? ETHERNET_OVERHEAD : 0);
}

static int memory_send(struct device *dev, const struct frame *frames, unsigned n)
{
	struct memory *d = (struct memory *)dev;
	uint64_t bytes = 0, too_long = 0;
	unsigned taken;

	pthread_mutex_lock(&d->net->lock);
	for (taken = 0; taken < n; taken++) {
		if (frames[taken].len > frame_len_max(d)) {
			too_long++;
			continue;
		}
		if (queue_put(d->net, !d->side, &frames[taken]) < 0) {
			counter_add(&d->counters.drops[DROP_SEND_FULL], n - taken);
			break;
		}
		bytes += frames[taken].len;
	}
	pthread_mutex_unlock(&d->net->lock);
	counter_add(&d->counters.tx_frames, taken - too_long);
	counter_add(&d->counters.tx_bytes, bytes);
	counter_add(&d->counters.drops[DROP_TOO_LONG], too_long);
	return (int)taken;
}

static int memory_set_promiscuous(struct device *dev, bool on)
{
	((struct memory *)dev)->promiscuous = on;
	return 0;
}

static int memory_set_mac(struct device *dev, const uint8_t mac[6])
{
	memcpy(((struct memory *)dev)->mac, mac, 6);
	return 0;
}

static int memory_set_mtu(struct device *dev, uint32_t mtu)
{
	if (mtu == 0 || mtu + ETHERNET_OVERHEAD > FRAME_POOL_LEN_MAX)
		return -EINVAL;
	((struct memory *)dev)->mtu = mtu;
	return 0;
}

static void memory_info(const struct device *dev, struct device_info *out)
{
	const struct memory *d = (const struct memory *)dev;

	snprintf(out->name, sizeof(out->name), "%s", d->name);
	snprintf(out->mode, sizeof(out->mode), "%s", d->net->lone ? "alone" : "one of a pair");
	memcpy(out->mac, d->mac, sizeof(out->mac));
	out->mtu = d->mtu;
	out->link = d->link;
	out->live = true;
	out->up = true;
	out->promiscuous = d->promiscuous;
	out->symmetric = true;
}

static void memory_stats(const struct device *dev, struct device_stats *out)
{
	const struct memory *d = (const struct memory *)dev;

	device_counters_read(&d->counters, out);
	frame_pool_stats(d->net->pool, out->buffers);
}

static void net_free(struct memory_net *net)
{
	if (net == NULL)
		return;
	frame_pool_free(net->pool);
	free(net->queues[0].frames);
	free(net->queues[1].frames);
	pthread_mutex_destroy(&net->lock);
	free(net);
}

static int net_new(struct memory_net **out, uint32_t queue_len, uint32_t mtu)
{
	struct memory_net *net = calloc(1, sizeof(*net));
	uint32_t counts[BUFFER_TIERS] = { 0 };
	int err;

	if (net == NULL)
		return -ENOMEM;
	pthread_mutex_init(&net->lock, NULL);
	net->queue_len = 1;
	while (net->queue_len < queue_len && net->queue_len < 1u << 24)
		net->queue_len <<= 1;
	/* Both queues full, and as much again in the receivers' hands. */
	for (unsigned i = 0; i < BUFFER_TIERS; i++)
		counts[i] = net->queue_len * 4;
	if (mtu + ETHERNET_OVERHEAD <= 2048)
		counts[BUFFER_LARGE] = 0;
	err = frame_pool_new(&net->pool, counts, mtu + ETHERNET_OVERHEAD > 9216 ? net->queue_len * 4 : 0);
	if (err < 0)
		goto fail;
	for (unsigned i = 0; i < 2; i++) {
		net->queues[i].frames = calloc(net->queue_len, sizeof(struct frame));
		err = -ENOMEM;
		if (net->queues[i].frames == NULL)
			goto fail;
	}
	*out = net;
	return 0;
fail:
	net_free(net);
	return err;
}

static void memory_close(struct device *dev)
{
	struct memory *d = (struct memory *)dev;
	bool last;

	pthread_mutex_lock(&d->net->lock);
	last = --d->net->sides_open == 0;
	pthread_mutex_unlock(&d->net->lock);
	if (last)
		net_free(d->net);
	bpf_filter_free(d->filter);
	free(d);
}

static int side_new(struct device **out, struct memory_net *net, unsigned side,
		    const struct memory_opts *opts)
{
	static const uint8_t none[6];
	struct memory *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return -ENOMEM;
	d->dev.ops = device_kind_memory.ops;
	d->dev.kind = &device_kind_memory;
	d->net = net;
	d->side = side;
	d->link = opts->link ? opts->link : LINK_ETHERNET;
	d->mtu = opts->mtu ? opts->mtu : MTU_DEFAULT;
	if (memcmp(opts->mac[side], none, sizeof(none)) == 0)
		memcpy(d->mac, (uint8_t[6]){ 2, 0, 0, 0, 0, (uint8_t)(side + 1) }, sizeof(d->mac));
	else
		memcpy(d->mac, opts->mac[side], sizeof(d->mac));
	snprintf(d->name, sizeof(d->name), "%s", opts->name ? opts->name : "memory");
	net->sides_open++;
	*out = &d->dev;
	return 0;
}

static int memory_new(struct device *out[2], const struct memory_opts *opts, unsigned sides)
{
	struct memory_net *net;
	int err;

	if (opts->mtu + ETHERNET_OVERHEAD > FRAME_POOL_LEN_MAX)
		return -EINVAL;
	err = net_new(&net, opts->queue_len ? opts->queue_len : QUEUE_LEN_DEFAULT,
		      opts->mtu ? opts->mtu : MTU_DEFAULT);
	if (err < 0)
		return err;
	net->lone = sides == 1;
	for (unsigned i = 0; i < sides; i++) {
		err = side_new(&out[i], net, i, opts);
		if (err < 0) {
			if (i == 0)
				net_free(net);
			else
				memory_close(out[0]);
			return err;
		}
	}
	return 0;
}

int memory_pair_new(struct device *out[2], const struct memory_opts *opts)
{
	return memory_new(out, opts, 2);
}

int memory_inject(struct device *dev, const struct frame *frame)
{
	struct memory *d = (struct memory *)dev;
	int err;

	must(dev->kind == &device_kind_memory);
	pthread_mutex_lock(&d->net->lock);
	err = queue_put(d->net, d->side, frame);
	pthread_mutex_unlock(&d->net->lock);
	return err;
}

unsigned memory_drain(struct device *dev, struct frame *frames, unsigned max)
{
	struct memory *d = (struct memory *)dev;
	unsigned n;

	must(dev->kind == &device_kind_memory);
	pthread_mutex_lock(&d->net->lock);
	n = queue_take(d->net, !d->side, frames, max);
	pthread_mutex_unlock(&d->net->lock);
	return n;
}

void memory_drained(struct device *dev, struct frame *frames, unsigned n)
{
	memory_release(dev, frames, n);
}

unsigned memory_waiting(struct device *dev)
{
	struct memory *d = (struct memory *)dev;
	unsigned n;

	pthread_mutex_lock(&d->net->lock);
	n = d->net->queues[d->side].head - d->net->queues[d->side].tail;
	pthread_mutex_unlock(&d->net->lock);
	return n;
}

static int memory_open(struct device **out, const struct device_opts *opts)
{
	const struct memory_opts m = {
		.name = opts->name,
		.link = (uint16_t)opts->link,
		.mtu = opts->mtu,
		.queue_len = opts->frames_max,
	};
	struct device *dev[2];
	struct memory *d;
	int err = memory_new(dev, &m, 1);

	if (err < 0)
		return err;
	d = (struct memory *)dev[0];
	if (opts->filter && opts->filter[0]) {
		err = bpf_filter_new(&d->filter, opts->filter);
		if (err == 0 && bpf_filter_link(d->filter, d->link) < 0) {
			device_error_set("filter \"%s\": %s", opts->filter, bpf_filter_error(d->filter));
			err = -EINVAL;
		}
		if (err < 0) {
			memory_close(dev[0]);
			return err;
		}
	}
	*out = dev[0];
	return 0;
}

static const struct device_ops memory_ops = {
	.open = memory_open,
	.close = memory_close,
	.recv = memory_recv,
	.release = memory_release,
	.send = memory_send,
	.set_promiscuous = memory_set_promiscuous,
	.set_mac = memory_set_mac,
	.set_mtu = memory_set_mtu,
	.info = memory_info,
	.stats = memory_stats,
};

const struct device_kind device_kind_memory = {
	.name = "memory",
	.summary = "frames that never leave the process: for tests, simulations and scripts",
	.ops = &memory_ops,
};
