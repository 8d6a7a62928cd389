/* pcap_reader.h - capture files, from bytes to frames; no I/O.
 *
 * The caller shows a window of the file and is told what stands at its start: a
 * frame, something to skip, or that the window is too short to tell. */
#ifndef TAPIR_CAPTURE_PCAP_READER_H
#define TAPIR_CAPTURE_PCAP_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/frame.h"

/* Longer frames are taken for garbage, as libpcap does. */
#define PCAP_FRAME_MAX 262144
/* What a window must be able to hold: a frame, its block and that block's options. */
#define PCAP_RECORD_MAX (384 * 1024)
#define PCAP_INTERFACES_MAX 65536

enum pcap_next {
	PCAP_FRAME,     /* *frame is filled in; its bytes lie in the window */
	PCAP_SKIP,      /* nothing for the caller; *used may exceed the window */
	PCAP_MORE,      /* *used bytes are needed to say more */
	PCAP_LOST,      /* a record that can't be understood, but the next one can be: see error */
	PCAP_BAD,       /* not a capture file, or not from here on: see error */
};

struct pcap_interface;

struct pcap_reader {
	bool started;           /* the file header is behind us */
	bool ng;
	bool big_endian;
	bool lengths_swapped;   /* pcap before 2.3 wrote the two lengths the other way round */
	bool lengths_doubtful;  /* pcap 2.3 did either */
	uint16_t link;          /* of the file, or of the first interface of a pcapng section */
	uint32_t record_header_len;
	uint32_t ns_per_tick;
	uint32_t snap_len;
	struct pcap_interface *interfaces;
	uint32_t interface_count;
	uint32_t interface_cap;
	uint64_t time_ns;       /* of the frame before */
	char error[160];        /* what was wrong, after PCAP_BAD and PCAP_LOST; no path, no offset */
};

void pcap_reader_init(struct pcap_reader *r);
void pcap_reader_fini(struct pcap_reader *r);

/* What stands at the start of data[0..len). On PCAP_FRAME and PCAP_SKIP *used is how many bytes to
 * step over. Of the frame it sets data, len, wire_len, time_ns, link, flags and if_index. */
enum pcap_next pcap_reader_next(struct pcap_reader *r, uint8_t *data, size_t len,
				struct frame *frame, size_t *used);

#endif
