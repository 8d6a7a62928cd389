/* pcap_reader.c - the two formats of capture files.
 *
 * pcap: a header of 24 bytes, then records; byte order, time unit and length of
 * the record header follow from the magic number. pcapng: blocks, each with its
 * length; a section header sets the byte order, and interfaces with their own link
 * type and clock follow. What a block we don't know holds is skipped unseen.
 * Every length is checked before it is used, and a frame costs the same however
 * the file is made. */
#include "capture/pcap_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/reader.h"

#define NS_PER_S 1000000000ull

enum {
	PCAP_HEADER_LEN = 24,
	PCAP_RECORD_LEN = 16,
	PCAP_RECORD_LEN_KUZNETZOV = 24,

	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET_OLD = 2,
	BLOCK_PACKET_SIMPLE = 3,
	BLOCK_PACKET = 6,
	BLOCK_FRAMING = 12,     /* type and length in front, the length again behind */
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,

	OPTION_END = 0,
	OPTION_PACKET_FLAGS = 2,
	OPTION_TSRESOL = 9,
	OPTION_TSOFFSET = 14,
};

struct pcap_interface {
	uint64_t ticks_per_s;
	uint64_t ns_per_tick;   /* 0 where a tick isn't a whole number of nanoseconds */
	int64_t offset_s;
	uint32_t snap_len;
	uint16_t link;
};

static const struct {
	uint32_t magic;
	uint32_t record_header_len;
	uint32_t ns_per_tick;
} pcap_variants[] = {
	{ 0xa1b2c3d4, PCAP_RECORD_LEN, 1000 },
	{ 0xa1b23c4d, PCAP_RECORD_LEN, 1 },
	{ 0xa1b2cd34, PCAP_RECORD_LEN_KUZNETZOV, 1000 },        /* old patched Linux libpcap */
	{ 0xa1b234cd, PCAP_RECORD_LEN, 1000 },                  /* Navtel */
};

void pcap_reader_init(struct pcap_reader *r)
{
	memset(r, 0, sizeof(*r));
}

void pcap_reader_fini(struct pcap_reader *r)
{
	free(r->interfaces);
	memset(r, 0, sizeof(*r));
}

#define bad(r, ...) (snprintf((r)->error, sizeof((r)->error), __VA_ARGS__), PCAP_BAD)
#define lost(r, ...) (snprintf((r)->error, sizeof((r)->error), __VA_ARGS__), PCAP_LOST)

static inline uint16_t get16(const struct pcap_reader *r, const uint8_t *p)
{
	return r->big_endian ? load_be16(p) : load_le16(p);
}

static inline uint32_t get32(const struct pcap_reader *r, const uint8_t *p)
{
	return r->big_endian ? load_be32(p) : load_le32(p);
}

static enum pcap_next pcap_header(struct pcap_reader *r, const uint8_t *p, size_t len, size_t *used)
{
	uint32_t magic_le = load_le32(p), magic_be = load_be32(p);
	uint32_t major, minor, link;
	unsigned i;

	for (i = 0; i < ARRAY_LEN(pcap_variants); i++)
		if (pcap_variants[i].magic == magic_le || pcap_variants[i].magic == magic_be)
			break;
	if (i == ARRAY_LEN(pcap_variants))
		return bad(r, "expected a pcap or pcapng file (magic a1b2c3d4, a1b23c4d or 0a0d0d0a "
			   "in either byte order), found %08x", magic_be);
	*used = PCAP_HEADER_LEN;
	if (len < PCAP_HEADER_LEN)
		return PCAP_MORE;
	r->big_endian = pcap_variants[i].magic == magic_be;
	r->record_header_len = pcap_variants[i].record_header_len;
	r->ns_per_tick = pcap_variants[i].ns_per_tick;
	major = get16(r, p + 4);
	minor = get16(r, p + 6);
	/* 543.0 is what one old commercial tool wrote; libpcap reads it, with swapped lengths. */
	if (!(major == 2 && minor <= 4) && !(major == 543 && minor == 0))
		return bad(r, "expected pcap version 2.0 to 2.4, found %u.%u", major, minor);
	r->lengths_swapped = major == 543 || minor < 3;
	r->lengths_doubtful = major == 2 && minor == 3;
	r->snap_len = get32(r, p + 16);
	if (r->snap_len == 0 || r->snap_len > PCAP_FRAME_MAX)
		r->snap_len = PCAP_FRAME_MAX;
	/* The top bits say whether frames end in a checksum, and how long that is. */
	link = get32(r, p + 20) & 0x03ffffff;
	if (link > UINT16_MAX)
		return bad(r, "expected a link type below 65536, found %u", link);
	r->link = (uint16_t)link;
	r->started = true;
	return PCAP_SKIP;
}

static enum pcap_next pcap_record(struct pcap_reader *r, uint8_t *p, size_t len,
				  struct frame *f, size_t *used)
{
	uint32_t cap_len, wire_len;

	*used = r->record_header_len;
	if (unlikely(len < r->record_header_len))
		return PCAP_MORE;
	cap_len = get32(r, p + 8);
	wire_len = get32(r, p + 12);
	if (unlikely(r->lengths_swapped || (r->lengths_doubtful && cap_len > wire_len))) {
		uint32_t tmp = cap_len;
		cap_len = wire_len;
		wire_len = tmp;
	}
	if (unlikely(cap_len > PCAP_FRAME_MAX))
		return bad(r, "expected a frame of at most %u bytes, the record says %u",
			   PCAP_FRAME_MAX, cap_len);
	*used = r->record_header_len + cap_len;
	if (unlikely(len < *used))
		return PCAP_MORE;
	f->data = p + r->record_header_len;
	f->len = cap_len < r->snap_len ? cap_len : r->snap_len;
	f->wire_len = wire_len > f->len ? wire_len : f->len;
	f->time_ns = get32(r, p) * NS_PER_S + (uint64_t)get32(r, p + 4) * r->ns_per_tick;
	f->link = r->link;
	f->flags = 0;
	f->if_index = 0;
	if (r->record_header_len == PCAP_RECORD_LEN_KUZNETZOV && p[22] == 4)
		f->flags = FRAME_OUTGOING;
	return PCAP_FRAME;
}

static enum pcap_next section_header(struct pcap_reader *r, const uint8_t *p, size_t len,
				     size_t *used)
{
	uint32_t total, major;

	*used = 28;
	if (len < 28)
		return PCAP_MORE;
	if (load_le32(p + 8) == BYTE_ORDER_MAGIC)
		r->big_endian = false;
	else if (load_be32(p + 8) == BYTE_ORDER_MAGIC)
		r->big_endian = true;
	else
		return bad(r, "expected pcapng byte order magic 1a2b3c4d, found %08x", load_be32(p + 8));
	total = get32(r, p + 4);
	major = get16(r, p + 12);
	if (major != 1)
		return bad(r, "expected pcapng version 1, found %u.%u", major, get16(r, p + 14));
	if (total < 28 || total % 4 != 0)
		return bad(r, "pcapng section header of %u bytes", total);
	r->ng = r->started = true;
	r->interface_count = 0;
	*used = total;
	return PCAP_SKIP;
}

/* The value of if_tsresol: a power of ten, or with the top bit set of two. False where it
 * leaves 64 bits. */
static bool ticks_per_second(uint8_t resolution, uint64_t *out)
{
	unsigned exponent = resolution & 0x7f;
	uint64_t v = 1;

	if (resolution & 0x80) {
		*out = exponent < 64 ? 1ull << exponent : 0;
		return exponent < 64;
	}
	if (exponent > 19)
		return false;
	while (exponent--)
		v *= 10;
	*out = v;
	return true;
}

/* Steps through options; false at their end or where they stop making sense. */
static bool option_next(const struct pcap_reader *r, const uint8_t **at, const uint8_t *end,
			uint16_t *code, const uint8_t **value, uint16_t *value_len)
{
	const uint8_t *p = *at;
	size_t left = (size_t)(end - p), padded;

	if (left < 4)
		return false;
	*code = get16(r, p);
	*value_len = get16(r, p + 2);
	padded = ((size_t)*value_len + 3) & ~(size_t)3;
	if (*code == OPTION_END || padded > left - 4)
		return false;
	*value = p + 4;
	*at = p + 4 + padded;
	return true;
}

static enum pcap_next interface_block(struct pcap_reader *r, const uint8_t *p, uint32_t total)
{
	struct pcap_interface i = { .ticks_per_s = 1000000 };
	const uint8_t *at = p + 16, *end = p + total - 4, *value;
	uint16_t code, value_len;

	if (total < 20)
		return bad(r, "pcapng interface block of %u bytes, at least 20 are needed", total);
	if (r->interface_count == PCAP_INTERFACES_MAX)
		return bad(r, "more than %u interfaces", PCAP_INTERFACES_MAX);
	i.link = get16(r, p + 8);
	i.snap_len = get32(r, p + 12);
	if (i.snap_len == 0)
		i.snap_len = PCAP_FRAME_MAX;
	while (option_next(r, &at, end, &code, &value, &value_len)) {
		if (code == OPTION_TSRESOL && value_len == 1) {
			if (!ticks_per_second(value[0], &i.ticks_per_s))
				return bad(r, "pcapng time resolution 0x%02x doesn't fit 64 bits",
					   value[0]);
		} else if (code == OPTION_TSOFFSET && value_len == 8) {
			i.offset_s = (int64_t)(r->big_endian ? load_be64(value) : load_le64(value));
		}
	}
	if (NS_PER_S % i.ticks_per_s == 0)
		i.ns_per_tick = NS_PER_S / i.ticks_per_s;
	if (r->interface_count == r->interface_cap) {
		uint32_t cap = r->interface_cap ? r->interface_cap * 2 : 4;
		struct pcap_interface *more = realloc(r->interfaces, cap * sizeof(*more));
		if (more == NULL)
			return bad(r, "no memory for %u interfaces", cap);
		r->interfaces = more;
		r->interface_cap = cap;
	}
	if (r->interface_count == 0)
		r->link = i.link;
	r->interfaces[r->interface_count++] = i;
	return PCAP_SKIP;
}

static uint64_t interface_time(const struct pcap_interface *i, uint64_t ticks)
{
	uint64_t ns;

	if (likely(i->ns_per_tick))
		ns = ticks * i->ns_per_tick;
	else
		ns = ticks / i->ticks_per_s * NS_PER_S +
		     (uint64_t)((unsigned __int128)(ticks % i->ticks_per_s) * NS_PER_S / i->ticks_per_s);
	return ns + (uint64_t)i->offset_s * NS_PER_S;
}

static uint16_t packet_flags(const struct pcap_reader *r, const uint8_t *at, const uint8_t *end)
{
	const uint8_t *value;
	uint16_t code, len;

	while (option_next(r, &at, end, &code, &value, &len))
		if (code == OPTION_PACKET_FLAGS && len == 4)
			return (get32(r, value) & 3) == 2 ? FRAME_OUTGOING : 0;
	return 0;
}

/* A packet block of any of the three kinds; all its bytes are there. */
static enum pcap_next packet_block(struct pcap_reader *r, uint8_t *p, uint32_t type, uint32_t total,
				   struct frame *f)
{
	uint32_t header = type == BLOCK_PACKET_SIMPLE ? 12 : 28;
	uint32_t interface = 0, cap_len, wire_len, room, padded;
	const struct pcap_interface *i;
	uint64_t ticks = 0;

	if (total < header + 4)
		return bad(r, "pcapng packet block of %u bytes, at least %u are needed", total, header + 4);
	room = total - header - 4;
	if (type == BLOCK_PACKET_SIMPLE) {
		wire_len = cap_len = get32(r, p + 8);
	} else {
		interface = type == BLOCK_PACKET ? get32(r, p + 8) : get16(r, p + 8);
		ticks = (uint64_t)get32(r, p + 12) << 32 | get32(r, p + 16);
		cap_len = get32(r, p + 20);
		wire_len = get32(r, p + 24);
	}
	if (interface >= r->interface_count)
		return lost(r, "a frame from interface %u, but only %u are described", interface,
			    r->interface_count);
	i = &r->interfaces[interface];
	if (type == BLOCK_PACKET_SIMPLE) {
		/* It says how long the frame was, not how much of it is here. */
		cap_len = cap_len < i->snap_len ? cap_len : i->snap_len;
		cap_len = cap_len < room ? cap_len : room;
	}
	if (cap_len > room || cap_len > PCAP_FRAME_MAX)
		return lost(r, "a frame of %u bytes in a block with room for %u", cap_len, room);
	padded = (cap_len + 3) & ~3u;
	f->data = p + header;
	f->len = cap_len;
	f->wire_len = wire_len > cap_len ? wire_len : cap_len;
	f->time_ns = type == BLOCK_PACKET_SIMPLE ? r->time_ns : interface_time(i, ticks);
	f->link = i->link;
	f->if_index = (uint16_t)interface;
	f->flags = padded + 4 <= room && type != BLOCK_PACKET_SIMPLE ?
		   packet_flags(r, p + header + padded, p + total - 4) : 0;
	return PCAP_FRAME;
}

static enum pcap_next block(struct pcap_reader *r, uint8_t *p, size_t len, struct frame *f,
			    size_t *used)
{
	uint32_t type, total;

	*used = BLOCK_FRAMING;
	if (len < BLOCK_FRAMING)
		return PCAP_MORE;
	type = get32(r, p);
	if (type == BLOCK_SECTION)
		return section_header(r, p, len, used);
	total = get32(r, p + 4);
	if (total < BLOCK_FRAMING || total % 4 != 0)
		return bad(r, "expected a pcapng block, found type 0x%08x with a length of %u", type, total);
	*used = total;
	if (type != BLOCK_INTERFACE && type != BLOCK_PACKET && type != BLOCK_PACKET_OLD &&
	    type != BLOCK_PACKET_SIMPLE)
		return PCAP_SKIP;
	if (total > PCAP_RECORD_MAX)
		return lost(r, "a pcapng block of type %u with %u bytes; at most %u are read", type, total,
			    PCAP_RECORD_MAX);
	if (len < total)
		return PCAP_MORE;
	if (type == BLOCK_INTERFACE)
		return interface_block(r, p, total);
	return packet_block(r, p, type, total, f);
}

enum pcap_next pcap_reader_next(struct pcap_reader *r, uint8_t *data, size_t len,
				struct frame *frame, size_t *used)
{
	enum pcap_next next;

	if (unlikely(!r->started)) {
		*used = 4;
		if (len < 4)
			return PCAP_MORE;
		if (load_le32(data) == BLOCK_SECTION)
			return section_header(r, data, len, used);
		return pcap_header(r, data, len, used);
	}
	next = r->ng ? block(r, data, len, frame, used) : pcap_record(r, data, len, frame, used);
	if (likely(next == PCAP_FRAME)) {
		if (frame->time_ns < r->time_ns)
			frame->flags |= FRAME_TIME_BACK;
		r->time_ns = frame->time_ns;
	}
	return next;
}
