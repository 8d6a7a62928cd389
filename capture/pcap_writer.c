/* pcap_writer.c - little-endian pcap and pcapng through one buffer and write(2). */
#include "capture/pcap_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_LEN (256 * 1024)
#define SNAP_LEN_MAX 262144
#define LINKS_MAX 16
#define NS_PER_S 1000000000ull

enum { HEADER_MAX = 32, TRAILER_MAX = 3 + 16, VLAN_LEN = 4, MACS_LEN = 12 };

struct pcap_writer {
	int fd;
	int error;              /* the first one; nothing is written after it */
	bool ng, nanoseconds;
	uint16_t link;
	uint32_t snap_len;
	uint64_t size;
	unsigned link_count;    /* pcapng: an interface for each link type */
	uint16_t links[LINKS_MAX];
	size_t used;
	uint8_t buffer[BUFFER_LEN];
};

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, (uint16_t)v), (uint16_t)(v >> 16));
}

int pcap_writer_flush(struct pcap_writer *w)
{
	size_t done = 0;

	while (done < w->used && w->error == 0) {
		ssize_t n = write(w->fd, w->buffer + done, w->used - done);
		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			w->error = -errno;
	}
	w->used = 0;
	return w->error;
}

static void writer_append(struct pcap_writer *w, const void *data, size_t len)
{
	const uint8_t *p = data;

	w->size += len;
	while (len) {
		size_t n = sizeof(w->buffer) - w->used;
		if (n > len)
			n = len;
		if (n)
			memcpy(w->buffer + w->used, p, n);
		w->used += n;
		p += n;
		len -= n;
		if (w->used == sizeof(w->buffer))
			pcap_writer_flush(w);
	}
}

static void pcap_start(struct pcap_writer *w)
{
	uint8_t h[24], *p = h;

	p = put32(p, w->nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
	p = put16(p, 2);
	p = put16(p, 4);
	p = put32(p, 0);
	p = put32(p, 0);
	p = put32(p, w->snap_len);
	put32(p, w->link);
	writer_append(w, h, sizeof(h));
}

static void section_start(struct pcap_writer *w)
{
	uint8_t h[28], *p = h;

	p = put32(p, 0x0a0d0d0a);
	p = put32(p, sizeof(h));
	p = put32(p, 0x1a2b3c4d);
	p = put16(p, 1);
	p = put16(p, 0);
	p = put32(p, UINT32_MAX);       /* length of the section: not known */
	p = put32(p, UINT32_MAX);
	put32(p, sizeof(h));
	writer_append(w, h, sizeof(h));
}

/* The pcapng interface for a link type, described on its first use; -1 where there are too many. */
static int interface_of(struct pcap_writer *w, uint16_t link)
{
	uint8_t h[32], *p = h;
	unsigned i;

	for (i = 0; i < w->link_count; i++)
		if (w->links[i] == link)
			return (int)i;
	if (i == LINKS_MAX)
		return -1;
	w->links[w->link_count++] = link;
	p = put32(p, 1);
	p = put32(p, sizeof(h));
	p = put16(p, link);
	p = put16(p, 0);
	p = put32(p, w->snap_len);
	p = put16(p, 9);                /* if_tsresol: 10^-9 s */
	p = put16(p, 1);
	p = put32(p, 9);
	p = put32(p, 0);                /* end of options */
	put32(p, sizeof(h));
	writer_append(w, h, sizeof(h));
	return (int)i;
}

int pcap_writer_open(struct pcap_writer **out, const struct pcap_writer_opts *opts)
{
	struct pcap_writer *w = malloc(sizeof(*w));
	int err;

	if (w == NULL)
		return -ENOMEM;
	memset(w, 0, offsetof(struct pcap_writer, buffer));
	w->fd = strcmp(opts->path, "-") == 0 ? dup(STDOUT_FILENO) :
		open(opts->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (w->fd < 0) {
		err = -errno;
		free(w);
		return err;
	}
	w->ng = opts->ng;
	w->nanoseconds = opts->nanoseconds;
	w->link = opts->link;
	w->snap_len = opts->snap_len && opts->snap_len < SNAP_LEN_MAX ? opts->snap_len : SNAP_LEN_MAX;
	if (w->ng)
		section_start(w);
	else
		pcap_start(w);
	*out = w;
	return 0;
}

int pcap_writer_frame(struct pcap_writer *w, const struct frame *f)
{
	uint8_t head[HEADER_MAX], tail[TRAILER_MAX] = { 0 }, tag[VLAN_LEN], *p = head;
	bool tagged = (f->flags & FRAME_VLAN_STRIPPED) && f->len >= MACS_LEN;
	uint32_t extra = tagged ? VLAN_LEN : 0;
	uint32_t len = f->len + extra, head_len = tagged ? MACS_LEN : 0, padding = 0;
	int interface;

	if (w->error)
		return w->error;
	if (!w->ng && f->link != w->link)
		return -EPROTOTYPE;
	if (len > w->snap_len)
		len = w->snap_len;
	if (len < head_len + extra)
		tagged = false, head_len = extra = 0;
	if (!w->ng) {
		p = put32(p, (uint32_t)(f->time_ns / NS_PER_S));
		p = put32(p, (uint32_t)(f->time_ns % NS_PER_S / (w->nanoseconds ? 1 : 1000)));
		p = put32(p, len);
		p = put32(p, f->wire_len + extra);
		writer_append(w, head, (size_t)(p - head));
	} else {
		interface = interface_of(w, f->link);
		if (interface < 0)
			return -EPROTOTYPE;
		padding = -len & 3;
		p = put32(p, 6);
		p = put32(p, 28 + len + padding + 12 + 4);
		p = put32(p, (uint32_t)interface);
		p = put32(p, (uint32_t)(f->time_ns >> 32));
		p = put32(p, (uint32_t)f->time_ns);
		p = put32(p, len);
		p = put32(p, f->wire_len + extra);
		writer_append(w, head, (size_t)(p - head));
	}
	if (tagged) {
		put16(tag, 0x0081);     /* 0x8100 in network order */
		tag[2] = (uint8_t)(f->vlan_tci >> 8);
		tag[3] = (uint8_t)f->vlan_tci;
		writer_append(w, f->data, head_len);
		writer_append(w, tag, sizeof(tag));
	}
	writer_append(w, f->data + head_len, len - head_len - extra);
	if (w->ng) {
		p = tail + padding;
		p = put16(p, 2);        /* epb_flags: the direction */
		p = put16(p, 4);
		p = put32(p, f->flags & FRAME_OUTGOING ? 2 : 1);
		p = put32(p, 0);
		p = put32(p, 28 + len + padding + 12 + 4);
		writer_append(w, tail, (size_t)(p - tail));
	}
	return w->error;
}

uint64_t pcap_writer_size(const struct pcap_writer *w)
{
	return w->size;
}

int pcap_writer_close(struct pcap_writer *w)
{
	int err;

	if (w == NULL)
		return 0;
	err = pcap_writer_flush(w);
	if (close(w->fd) < 0 && err == 0)
		err = -errno;
	free(w);
	return err;
}
