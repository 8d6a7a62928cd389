/* pcap.c - libpcap: live capture where AF_XDP can't be had, and the compiler of
 * filter expressions. The only file that includes pcap.h. */
#include <errno.h>
#include <pcap/pcap.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/bpf_filter.h"
#include "capture/device.h"
#include "capture/device_counters.h"
#include "capture/frame_pool.h"
#include "capture/net_interface.h"

#define SNAP_LEN_MAX 262144
#define KERNEL_BUFFER_LEN (32 * 1024 * 1024)
/* How long the kernel may gather frames before it shows a block of them. */
#define GATHER_MS 10
#define MERGED_COUNT 64

#define FILTER_LINKS_MAX 16

/* A program per link type; one whose compilation failed has no instructions. */
struct bpf_filter {
	char *expression;
	unsigned count;
	const struct bpf_program *now;
	struct {
		uint16_t link;
		struct bpf_program program;
	} links[FILTER_LINKS_MAX];
	char error[256];
};

int bpf_filter_new(struct bpf_filter **out, const char *expression)
{
	struct bpf_filter *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	f->expression = strdup(expression);
	if (f->expression == NULL) {
		free(f);
		return -ENOMEM;
	}
	*out = f;
	return 0;
}

void bpf_filter_free(struct bpf_filter *f)
{
	if (f == NULL)
		return;
	for (unsigned i = 0; i < f->count; i++)
		pcap_freecode(&f->links[i].program);
	free(f->expression);
	free(f);
}

const char *bpf_filter_error(const struct bpf_filter *f)
{
	return f->error;
}

/* DLT_RAW has another number in files than in programs. */
static int link_to_dlt(uint16_t link)
{
	return link == LINK_RAW ? DLT_RAW : link;
}

int bpf_filter_link(struct bpf_filter *f, uint16_t link)
{
	struct bpf_program *p;
	pcap_t *dead;
	unsigned i;

	f->now = NULL;
	for (i = 0; i < f->count && f->links[i].link != link; i++)
		;
	if (i == FILTER_LINKS_MAX) {
		snprintf(f->error, sizeof(f->error), "more than %u link types", FILTER_LINKS_MAX);
		return -EINVAL;
	}
	p = &f->links[i].program;
	if (i == f->count) {
		dead = pcap_open_dead(link_to_dlt(link), 262144);
		if (dead == NULL)
			return -ENOMEM;
		f->links[f->count++].link = link;
		if (pcap_compile(dead, p, f->expression, 1, PCAP_NETMASK_UNKNOWN) < 0) {
			snprintf(f->error, sizeof(f->error), "%s", pcap_geterr(dead));
			memset(p, 0, sizeof(*p));
		}
		pcap_close(dead);
	}
	if (p->bf_insns == NULL)
		return -EINVAL;
	f->now = p;
	return 0;
}

bool bpf_filter_match(const struct bpf_filter *f, const struct frame *frame)
{
	return f->now && bpf_filter(f->now->bf_insns, frame->data, frame->wire_len, frame->len) != 0;
}

/* Live capture. The kernel's ring block is libpcap's again after each dispatch, so
 * frames are copied into buffers of ours and may be held for as long as needed. */
struct pcap_device {
	struct device dev;
	pcap_t *handle;
	struct frame_pool *pool;
	uint16_t link;
	uint16_t frame_flags;           /* of every frame */
	bool nanoseconds;
	bool promiscuous;
	bool read_only;
	char name[DEVICE_NAME_MAX];
	uint64_t number;
	pthread_mutex_t stats_lock;     /* libpcap's counters: 32 bits, read by whoever asks */
	uint32_t seen_drop, seen_if_drop;
	uint64_t drop, if_drop;
	struct device_counters counters;
};

/* One dispatch call's state. */
struct pcap_burst {
	struct pcap_device *d;
	struct frame *frames;
	unsigned n;
	uint64_t bytes, no_buffer;
};

static void burst_frame(u_char *user, const struct pcap_pkthdr *h, const u_char *bytes)
{
	struct pcap_burst *b = (struct pcap_burst *)user;
	struct pcap_device *d = b->d;
	struct frame *f = &b->frames[b->n];
	uint32_t len = h->caplen < FRAME_POOL_LEN_MAX ? h->caplen : FRAME_POOL_LEN_MAX;
	void *buffer = frame_pool_get(d->pool, len);

	d->number++;
	if (buffer == NULL) {
		b->no_buffer++;
		return;
	}
	memcpy(buffer, bytes, len);
	f->data = buffer;
	f->len = len;
	f->wire_len = h->len;
	f->time_ns = (uint64_t)h->ts.tv_sec * 1000000000 +
		     (uint64_t)h->ts.tv_usec * (d->nanoseconds ? 1 : 1000);
	f->number = d->number;
	f->link = d->link;
	f->flags = d->frame_flags;
	f->vlan_tci = 0;
	f->if_index = 0;
	f->owner = buffer;
	b->bytes += len;
	b->n++;
}

static int pcap_recv(struct device *dev, struct frame *frames, unsigned max)
{
	struct pcap_device *d = (struct pcap_device *)dev;
	struct pcap_burst b = { .d = d, .frames = frames };
	int n = pcap_dispatch(d->handle, (int)max, burst_frame, (u_char *)&b);

	counter_add(&d->counters.rx_frames, b.n);
	counter_add(&d->counters.rx_bytes, b.bytes);
	counter_add(&d->counters.drops[DROP_NO_BUFFER], b.no_buffer);
	if (n == 0)
		counter_add(&d->counters.empty_polls, 1);
	if (n < 0 && b.n == 0) {
		device_warning_set(dev, "%s: %s", d->name, pcap_geterr(d->handle));
		return -EIO;
	}
	return (int)b.n;
}

static void pcap_release(struct device *dev, struct frame *frames, unsigned n)
{
	struct pcap_device *d = (struct pcap_device *)dev;

	for (unsigned i = 0; i < n; i++)
		frame_pool_put(d->pool, frames[i].owner);
}

static int pcap_send(struct device *dev, const struct frame *frames, unsigned n)
{
	struct pcap_device *d = (struct pcap_device *)dev;
	uint64_t bytes = 0;
	unsigned sent;
	int err = 0;

	if (d->read_only)
		return -EPERM;
	for (sent = 0; sent < n; sent++) {
		if (pcap_inject(d->handle, frames[sent].data, frames[sent].len) < 0) {
			err = errno == EAGAIN || errno == ENOBUFS ? 0 : -EIO;
			counter_add(&d->counters.drops[err ? DROP_SEND_ERROR : DROP_SEND_FULL], 1);
			break;
		}
		bytes += frames[sent].len;
	}
	counter_add(&d->counters.tx_frames, sent);
	counter_add(&d->counters.tx_bytes, bytes);
	return sent ? (int)sent : err;
}

static int pcap_poll_fd(const struct device *dev)
{
	return pcap_get_selectable_fd(((const struct pcap_device *)dev)->handle);
}

static void pcap_info(const struct device *dev, struct device_info *out)
{
	const struct pcap_device *d = (const struct pcap_device *)dev;
	struct net_interface i;

	snprintf(out->name, sizeof(out->name), "%s", d->name);
	snprintf(out->mode, sizeof(out->mode), "libpcap, %s", d->nanoseconds ? "nanoseconds" : "microseconds");
	out->link = d->link;
	out->live = true;
	out->promiscuous = d->promiscuous;
	out->symmetric = true;
	if (net_interface_query(&i, d->name) == 0) {
		memcpy(out->mac, i.mac, sizeof(out->mac));
		out->mtu = i.mtu;
		out->up = i.up && i.running;
		out->peer_offload = i.peer_offload;
	}
}

static void pcap_device_stats(const struct device *dev, struct device_stats *out)
{
	struct pcap_device *d = (struct pcap_device *)(uintptr_t)dev;
	struct pcap_stat s;

	device_counters_read(&d->counters, out);
	frame_pool_stats(d->pool, out->buffers);
	pthread_mutex_lock(&d->stats_lock);
	if (pcap_stats(d->handle, &s) == 0) {
		d->drop += (uint32_t)(s.ps_drop - d->seen_drop);
		d->if_drop += (uint32_t)(s.ps_ifdrop - d->seen_if_drop);
		d->seen_drop = s.ps_drop;
		d->seen_if_drop = s.ps_ifdrop;
	}
	out->drops[DROP_KERNEL] = d->drop;
	out->drops[DROP_INTERFACE] = d->if_drop;
	pthread_mutex_unlock(&d->stats_lock);
}

static void pcap_device_close(struct device *dev)
{
	struct pcap_device *d = (struct pcap_device *)dev;

	if (d->handle)
		pcap_close(d->handle);
	frame_pool_free(d->pool);
	pthread_mutex_destroy(&d->stats_lock);
	free(d);
}

/* Says why libpcap refuses, in words that tell what to do. */
static int activate_error(const struct pcap_device *d, int status)
{
	const char *text = pcap_geterr(d->handle);

	switch (status) {
	case PCAP_ERROR_NO_SUCH_DEVICE:
		device_error_set("there is no interface %s", d->name);
		return -ENODEV;
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		device_error_set("%s: capturing needs root or CAP_NET_RAW", d->name);
		return -EPERM;
	case PCAP_ERROR_IFACE_NOT_UP:
		device_error_set("%s is down; \"ip link set %s up\" brings it up", d->name, d->name);
		return -ENETDOWN;
	default:
		device_error_set("%s: %s", d->name, text[0] ? text : pcap_statustostr(status));
		return -EIO;
	}
}

static int handle_open(struct pcap_device *d, const struct device_opts *opts)
{
	char text[PCAP_ERRBUF_SIZE];
	struct bpf_program program;
	int err;

	d->handle = pcap_create(opts->name, text);
	if (d->handle == NULL) {
		device_error_set("%s: %s", opts->name, text);
		return -ENODEV;
	}
	pcap_set_snaplen(d->handle, opts->snap_len ? (int)opts->snap_len : SNAP_LEN_MAX);
	pcap_set_promisc(d->handle, opts->promiscuous);
	pcap_set_timeout(d->handle, GATHER_MS);
	pcap_set_immediate_mode(d->handle, opts->immediate);
	pcap_set_buffer_size(d->handle, opts->buffer_len == 0 ? KERNEL_BUFFER_LEN :
			     opts->buffer_len < INT32_MAX ? (int)opts->buffer_len : INT32_MAX);
	d->nanoseconds = pcap_set_tstamp_precision(d->handle, PCAP_TSTAMP_PRECISION_NANO) == 0;
	err = pcap_activate(d->handle);
	if (err < 0)
		return activate_error(d, err);
	d->nanoseconds = pcap_get_tstamp_precision(d->handle) == PCAP_TSTAMP_PRECISION_NANO;
	d->link = pcap_datalink(d->handle) == DLT_RAW ? LINK_RAW : (uint16_t)pcap_datalink(d->handle);
	if (opts->filter && opts->filter[0]) {
		if (pcap_compile(d->handle, &program, opts->filter, 1, PCAP_NETMASK_UNKNOWN) < 0) {
			device_error_set("filter \"%s\": %s", opts->filter, pcap_geterr(d->handle));
			return -EINVAL;
		}
		err = pcap_setfilter(d->handle, &program);
		pcap_freecode(&program);
		if (err < 0) {
			device_error_set("filter \"%s\": %s", opts->filter, pcap_geterr(d->handle));
			return -EIO;
		}
	}
	if (pcap_setnonblock(d->handle, 1, text) < 0) {
		device_error_set("%s: %s", opts->name, text);
		return -EIO;
	}
	return 0;
}

static int pcap_device_open(struct device **out, const struct device_opts *opts)
{
	static const uint32_t counts[BUFFER_TIERS] = { 4096, 4096, 512 };
	struct net_interface i;
	struct pcap_device *d;
	int err;

	if (opts->name == NULL) {
		device_error_set("a pcap device needs the name of an interface");
		return -EINVAL;
	}
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	pthread_mutex_init(&d->stats_lock, NULL);
	snprintf(d->name, sizeof(d->name), "%s", opts->name);
	d->promiscuous = opts->promiscuous;
	d->read_only = opts->read_only;
	err = frame_pool_new(&d->pool, counts, MERGED_COUNT);
	if (err < 0)
		goto fail;
	err = handle_open(d, opts);
	if (err < 0)
		goto fail;
	/* "any" has the loopback among them. */
	if (strcmp(d->name, "any") == 0 || (net_interface_query(&i, d->name) == 0 && i.peer_offload))
		d->frame_flags = FRAME_CSUM_PARTIAL;
	*out = &d->dev;
	return 0;
fail:
	pcap_device_close(&d->dev);
	return err;
}

static int pcap_set_mac(struct device *dev, const uint8_t mac[6])
{
	return net_interface_set_mac(((struct pcap_device *)dev)->name, mac);
}

static int pcap_set_mtu(struct device *dev, uint32_t mtu)
{
	return net_interface_set_mtu(((struct pcap_device *)dev)->name, mtu);
}

static const struct device_ops pcap_ops = {
	.open = pcap_device_open,
	.close = pcap_device_close,
	.recv = pcap_recv,
	.release = pcap_release,
	.send = pcap_send,
	.poll_fd = pcap_poll_fd,
	.set_mac = pcap_set_mac,
	.set_mtu = pcap_set_mtu,
	.info = pcap_info,
	.stats = pcap_device_stats,
};

const struct device_kind device_kind_pcap = {
	.name = "pcap",
	.summary = "live capture through libpcap",
	.ops = &pcap_ops,
};
