/* pcap_writer.h - frames into a capture file: pcap, or pcapng where directions and several link types count. */
#ifndef TAPIR_CAPTURE_PCAP_WRITER_H
#define TAPIR_CAPTURE_PCAP_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/frame.h"

struct pcap_writer;

struct pcap_writer_opts {
	const char *path;       /* created or emptied; "-" = standard output */
	uint16_t link;          /* pcap: of all frames; pcapng takes it from each frame */
	uint32_t snap_len;      /* frames are cut to this; 0 = 262144 */
	bool nanoseconds;       /* pcap: else microseconds; pcapng always has nanoseconds */
	bool ng;
};

/* Returns 0 or -errno. */
int pcap_writer_open(struct pcap_writer **out, const struct pcap_writer_opts *opts);
/* Appends a frame; a stripped VLAN tag is put back. 0, -EPROTOTYPE where a pcap file has another link
 * type than the frame, or -errno of the write. */
int pcap_writer_frame(struct pcap_writer *w, const struct frame *frame);
/* Bytes so far, those still in the buffer included. */
uint64_t pcap_writer_size(const struct pcap_writer *w);
int pcap_writer_flush(struct pcap_writer *w);
/* Flushes and closes; the first error that occurred. */
int pcap_writer_close(struct pcap_writer *w);

#endif
