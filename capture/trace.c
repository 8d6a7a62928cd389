/* trace.c - passes everything through and writes it down on the way. A file that
 * can't be written ends the trace, never the traffic; a warning says so once. */
#include "capture/trace.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "capture/pcap_writer.h"

struct trace {
	struct device dev;
	struct device *inner;
	struct pcap_writer *writer;
	pthread_mutex_t lock;           /* receiving and sending may be two threads */
	int error;
	bool told;
};

static void trace_write(struct trace *t, const struct frame *frames, unsigned n, bool outgoing)
{
	pthread_mutex_lock(&t->lock);
	for (unsigned i = 0; i < n && t->error == 0; i++) {
		struct frame f = frames[i];

		if (outgoing)
			f.flags |= FRAME_OUTGOING;
		if (f.wire_len < f.len)
			f.wire_len = f.len;
		t->error = pcap_writer_frame(t->writer, &f);
		/* Another link type than a pcap file's: only this frame is left out. */
		if (t->error == -EPROTOTYPE)
			t->error = 0;
	}
	pthread_mutex_unlock(&t->lock);
}

static int trace_recv(struct device *dev, struct frame *frames, unsigned max)
{
	struct trace *t = (struct trace *)dev;
	int n = device_recv(t->inner, frames, max);

	if (n > 0)
		trace_write(t, frames, (unsigned)n, false);
	if (t->error && !t->told) {
		t->told = true;
		device_warning_set(dev, "the trace ended: %s", strerror(-t->error));
	}
	if (dev->warning[0] == '\0')
		device_warning_take(t->inner, dev->warning);
	return n;
}

static void trace_release(struct device *dev, struct frame *frames, unsigned n)
{
	device_release(((struct trace *)dev)->inner, frames, n);
}

static int trace_send(struct device *dev, const struct frame *frames, unsigned n)
{
	struct trace *t = (struct trace *)dev;
	int taken = device_send(t->inner, frames, n);

	if (taken > 0)
		trace_write(t, frames, (unsigned)taken, true);
	return taken;
}

static void trace_advance(struct device *dev, uint64_t now_ns)
{
	device_advance(((struct trace *)dev)->inner, now_ns);
}

static uint64_t trace_deadline(const struct device *dev)
{
	return device_deadline(((const struct trace *)dev)->inner);
}

static int trace_poll_fd(const struct device *dev)
{
	return device_poll_fd(((const struct trace *)dev)->inner);
}

static int trace_set_promiscuous(struct device *dev, bool on)
{
	return device_set_promiscuous(((struct trace *)dev)->inner, on);
}

static int trace_set_mac(struct device *dev, const uint8_t mac[6])
{
	return device_set_mac(((struct trace *)dev)->inner, mac);
}

static int trace_set_mtu(struct device *dev, uint32_t mtu)
{
	return device_set_mtu(((struct trace *)dev)->inner, mtu);
}

static void trace_info(const struct device *dev, struct device_info *out)
{
	device_info(((const struct trace *)dev)->inner, out);
}

static void trace_stats(const struct device *dev, struct device_stats *out)
{
	device_stats(((const struct trace *)dev)->inner, out);
}

static void trace_close(struct device *dev)
{
	struct trace *t = (struct trace *)dev;

	device_close(t->inner);
	pcap_writer_close(t->writer);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static const struct device_ops trace_ops = {
	.close = trace_close,
	.recv = trace_recv,
	.release = trace_release,
	.send = trace_send,
	.advance = trace_advance,
	.deadline = trace_deadline,
	.poll_fd = trace_poll_fd,
	.set_promiscuous = trace_set_promiscuous,
	.set_mac = trace_set_mac,
	.set_mtu = trace_set_mtu,
	.info = trace_info,
	.stats = trace_stats,
};

int trace_new(struct device **out, struct device *inner, const char *path)
{
	struct pcap_writer_opts opts = { .path = path, .nanoseconds = true, .ng = true };
	struct trace *t = calloc(1, sizeof(*t));
	size_t len = strlen(path);
	struct device_info info;
	int err;

	if (t == NULL)
		return -ENOMEM;
	device_info(inner, &info);
	opts.link = info.link;
	if (len > 5 && strcmp(path + len - 5, ".pcap") == 0)
		opts.ng = false;
	err = pcap_writer_open(&t->writer, &opts);
	if (err < 0) {
		free(t);
		return err;
	}
	pthread_mutex_init(&t->lock, NULL);
	t->dev.ops = &trace_ops;
	t->dev.kind = inner->kind;
	t->inner = inner;
	*out = &t->dev;
	return 0;
}

int trace_flush(struct device *dev)
{
	struct trace *t = (struct trace *)dev;
	int err;

	must(dev->ops == &trace_ops);
	pthread_mutex_lock(&t->lock);
	err = pcap_writer_flush(t->writer);
	pthread_mutex_unlock(&t->lock);
	return err;
}
