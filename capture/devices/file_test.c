/* Writes capture files byte by byte, in every variant, and reads them back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/must.h"
#include "capture/device.h"
#include "capture/pcap_writer.h"

#define S 1000000000ull
#define PATH_LEN 256

static char dir[] = "/tmp/tapir_file_XXXXXX";

/* A file under construction. */
struct build {
	uint8_t *data;
	size_t len, cap;
	bool big;
};

static void put(struct build *b, const void *data, size_t len)
{
	if (b->len + len > b->cap) {
		b->cap = (b->len + len) * 2;
		b->data = realloc(b->data, b->cap);
		assert_non_null(b->data);
	}
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void put8(struct build *b, uint8_t v)
{
	put(b, &v, 1);
}

static void put16(struct build *b, uint16_t v)
{
	put8(b, (uint8_t)(b->big ? v >> 8 : v));
	put8(b, (uint8_t)(b->big ? v : v >> 8));
}

static void put32(struct build *b, uint32_t v)
{
	put16(b, (uint16_t)(b->big ? v >> 16 : v));
	put16(b, (uint16_t)(b->big ? v : v >> 16));
}

static void put_zeros(struct build *b, size_t n)
{
	while (n--)
		put8(b, 0);
}

static void pcap_header(struct build *b, uint32_t magic, uint16_t minor, uint32_t snap_len, uint32_t link)
{
	put32(b, magic);
	put16(b, 2);
	put16(b, minor);
	put32(b, 0);
	put32(b, 0);
	put32(b, snap_len);
	put32(b, link);
}

/* A frame whose bytes are all `fill`. */
static void pcap_record(struct build *b, uint32_t s, uint32_t frac, uint32_t cap_len, uint32_t wire_len,
			uint8_t fill)
{
	put32(b, s);
	put32(b, frac);
	put32(b, cap_len);
	put32(b, wire_len);
	while (cap_len--)
		put8(b, fill);
}

static void block(struct build *b, uint32_t type, const struct build *body)
{
	uint32_t padding = (uint32_t)(-body->len & 3), total = (uint32_t)body->len + padding + 12;

	put32(b, type);
	put32(b, total);
	put(b, body->data, body->len);
	put_zeros(b, padding);
	put32(b, total);
}

static void section(struct build *b)
{
	struct build body = { .big = b->big };

	put32(&body, 0x1a2b3c4d);
	put16(&body, 1);
	put16(&body, 0);
	put32(&body, UINT32_MAX);
	put32(&body, UINT32_MAX);
	block(b, 0x0a0d0d0a, &body);
	free(body.data);
}

static void interface(struct build *b, uint16_t link, uint32_t snap_len, int tsresol, uint64_t tsoffset)
{
	struct build body = { .big = b->big };

	put16(&body, link);
	put16(&body, 0);
	put32(&body, snap_len);
	put16(&body, 2);                /* if_name, to be stepped over */
	put16(&body, 3);
	put(&body, "em1\0", 4);
	if (tsresol >= 0) {
		put16(&body, 9);
		put16(&body, 1);
		put8(&body, (uint8_t)tsresol);
		put_zeros(&body, 3);
	}
	if (tsoffset) {
		put16(&body, 14);
		put16(&body, 8);
		put32(&body, (uint32_t)(b->big ? tsoffset >> 32 : tsoffset));
		put32(&body, (uint32_t)(b->big ? tsoffset : tsoffset >> 32));
	}
	put32(&body, 0);
	block(b, 1, &body);
	free(body.data);
}

static void packet(struct build *b, uint32_t id, uint64_t ticks, uint32_t cap_len, uint32_t wire_len,
		   uint8_t fill, int flags)
{
	struct build body = { .big = b->big };

	put32(&body, id);
	put32(&body, (uint32_t)(ticks >> 32));
	put32(&body, (uint32_t)ticks);
	put32(&body, cap_len);
	put32(&body, wire_len);
	for (uint32_t i = 0; i < cap_len; i++)
		put8(&body, fill);
	if (flags >= 0) {
		put_zeros(&body, -body.len & 3);
		put16(&body, 1);        /* a comment first */
		put16(&body, 2);
		put(&body, "hi\0\0", 4);
		put16(&body, 2);
		put16(&body, 4);
		put32(&body, (uint32_t)flags);
		put32(&body, 0);
	}
	block(b, 6, &body);
	free(body.data);
}

static const char *save(const struct build *b, const char *name)
{
	static char path[PATH_LEN];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(b->len ? fwrite(b->data, 1, b->len, f) : 0, b->len);
	fclose(f);
	return path;
}

static struct device *open_path(const char *path, const char *filter)
{
	struct device_opts opts = { .kind = "file", .name = path, .filter = filter };
	struct device *dev = NULL;

	if (device_open(&dev, &opts) < 0)
		fail_msg("%s", device_error());
	return dev;
}

/* One frame, or none at the end; asks through empty answers. */
static bool next_frame(struct device *dev, struct frame *f)
{
	int n;

	for (unsigned i = 0; i < 1000; i++) {
		n = device_recv(dev, f, 1);
		if (n == -ENODATA)
			return false;
		assert_in_range(n, 0, 1);
		if (n == 1)
			return true;
	}
	fail_msg("neither frames nor an end");
	return false;
}

static void frame_is(struct device *dev, uint64_t number, uint64_t time_ns, uint32_t len, uint32_t wire_len,
		     uint8_t fill, uint16_t link)
{
	struct frame f = { 0 };

	assert_true(next_frame(dev, &f));
	assert_int_equal(f.number, number);
	assert_int_equal(f.time_ns, time_ns);
	assert_int_equal(f.len, len);
	assert_int_equal(f.wire_len, wire_len);
	assert_int_equal(f.link, link);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(f.data[i], fill);
	device_release(dev, &f, 1);
}

/* Closes after making sure that nothing follows and as many records were lost. */
static void ends(struct device *dev, uint64_t invalid, const char *warning)
{
	char text[DEVICE_WARNING_MAX] = "";
	struct device_stats s;
	struct frame f;

	assert_false(next_frame(dev, &f));
	device_stats(dev, &s);
	assert_int_equal(s.drops[DROP_INVALID], invalid);
	device_warning_take(dev, text);
	if (warning == NULL)
		assert_string_equal(text, "");
	else if (strstr(text, warning) == NULL)
		fail_msg("\"%s\" isn't in \"%s\"", warning, text);
	device_close(dev);
}

static void reads_pcap_variants(void **state)
{
	static const struct {
		uint32_t magic;
		bool big;
		uint32_t ns_per_tick;
	} rows[] = {
		{ 0xa1b2c3d4, false, 1000 }, { 0xa1b2c3d4, true, 1000 }, { 0xa1b23c4d, false, 1 },
		{ 0xa1b23c4d, true, 1 },     { 0xa1b234cd, false, 1000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct build b = { .big = rows[i].big };
		struct device *dev;

		pcap_header(&b, rows[i].magic, 4, 65535, 0x10000000 | LINK_RAW);
		pcap_record(&b, 10, 5, 3, 3, 7);
		pcap_record(&b, 4000000000u, 999999, 0, 9, 0);
		pcap_record(&b, 11, 0, 60, 1514, 8);
		dev = open_path(save(&b, "variant.pcap"), NULL);
		frame_is(dev, 1, 10 * S + 5 * rows[i].ns_per_tick, 3, 3, 7, LINK_RAW);
		frame_is(dev, 2, 4000000000u * S + 999999ull * rows[i].ns_per_tick, 0, 9, 0, LINK_RAW);
		frame_is(dev, 3, 11 * S, 60, 1514, 8, LINK_RAW);
		ends(dev, 0, NULL);
		free(b.data);
	}
}

static void reads_odd_pcap(void **state)
{
	struct build b = { 0 };
	struct device *dev;
	struct frame f;

	(void)state;
	/* The old patched kernel's record header, with the direction. */
	pcap_header(&b, 0xa1b2cd34, 4, 65535, LINK_ETHERNET);
	for (uint8_t type = 0; type <= 4; type += 4) {
		put32(&b, 1);
		put32(&b, 2);
		put32(&b, 20);
		put32(&b, 20);
		put32(&b, 3);
		put16(&b, 0x0800);
		put8(&b, type);
		put8(&b, 0);
		for (unsigned i = 0; i < 20; i++)
			put8(&b, 9);
	}
	dev = open_path(save(&b, "odd.pcap"), NULL);
	frame_is(dev, 1, S + 2000, 20, 20, 9, LINK_ETHERNET);
	assert_true(next_frame(dev, &f));
	assert_int_equal(f.flags, FRAME_OUTGOING);
	device_release(dev, &f, 1);
	ends(dev, 0, NULL);
	/* Version 2.2: lengths the other way round; and longer than the snap length says: cut. */
	b.len = 0;
	pcap_header(&b, 0xa1b2c3d4, 2, 50, LINK_ETHERNET);
	put32(&b, 1);
	put32(&b, 0);
	put32(&b, 100);
	put32(&b, 60);
	for (unsigned i = 0; i < 60; i++)
		put8(&b, 1);
	dev = open_path(save(&b, "odd.pcap"), NULL);
	frame_is(dev, 1, S, 50, 100, 1, LINK_ETHERNET);
	ends(dev, 0, NULL);
	/* Time runs backwards. */
	b.len = 0;
	pcap_header(&b, 0xa1b2c3d4, 4, 0, LINK_ETHERNET);
	pcap_record(&b, 5, 0, 14, 14, 0);
	pcap_record(&b, 4, 0, 14, 14, 0);
	dev = open_path(save(&b, "odd.pcap"), NULL);
	frame_is(dev, 1, 5 * S, 14, 14, 0, LINK_ETHERNET);
	assert_true(next_frame(dev, &f));
	assert_int_equal(f.flags, FRAME_TIME_BACK);
	device_release(dev, &f, 1);
	ends(dev, 0, NULL);
	free(b.data);
}

static void reads_pcapng(void **state)
{
	(void)state;
	for (unsigned big = 0; big < 2; big++) {
		struct build b = { .big = big }, body = { .big = big };
		struct device *dev;
		struct frame f;

		section(&b);
		put(&body, "whatever", 8);
		block(&b, 0x0bad, &body);
		interface(&b, LINK_ETHERNET, 0, -1, 0);
		interface(&b, LINK_RAW, 32, 9, 0);
		interface(&b, LINK_SLL, 0, 0x8a, 1000);         /* 2^-10 s, and an offset */
		packet(&b, 0, 1000001, 5, 5, 1, -1);
		packet(&b, 1, 2 * S + 1, 6, 60, 2, 2);
		packet(&b, 2, 3 * 1024 + 512, 7, 7, 3, 1);
		packet(&b, 7, 0, 8, 8, 4, -1);                   /* an interface that isn't there */
		/* The obsolete packet block: 16 bits of interface, 16 bits of drops. */
		body.len = 0;
		put16(&body, 1);
		put16(&body, 44);
		put32(&body, 0);
		put32(&body, 5);
		put32(&body, 3);
		put32(&body, 3);
		put(&body, "\6\6\6", 3);
		block(&b, 2, &body);
		/* Simple packet blocks have neither time nor captured length. */
		body.len = 0;
		put32(&body, 100);
		put(&body, "\7\7\7\7", 4);
		block(&b, 3, &body);
		/* Another section, in the other byte order, starts its interfaces over. */
		b.big = !big;
		section(&b);
		interface(&b, LINK_IPV4, 0, 3, 0);
		packet(&b, 0, 4001, 1, 1, 8, -1);
		dev = open_path(save(&b, "variant.pcapng"), NULL);
		frame_is(dev, 1, 1000001000, 5, 5, 1, LINK_ETHERNET);
		assert_true(next_frame(dev, &f));
		assert_int_equal(f.time_ns, 2 * S + 1);
		assert_int_equal(f.if_index, 1);
		assert_int_equal(f.flags & FRAME_OUTGOING, FRAME_OUTGOING);
		device_release(dev, &f, 1);
		frame_is(dev, 3, 1003500000000, 7, 7, 3, LINK_SLL);
		frame_is(dev, 4, 5, 3, 3, 6, LINK_RAW);
		frame_is(dev, 5, 5, 4, 100, 7, LINK_ETHERNET);
		frame_is(dev, 6, 4001000000, 1, 1, 8, LINK_IPV4);
		ends(dev, 1, "interface 7, but only 3");
		free(b.data);
		free(body.data);
	}
}

static void refuses_garbage(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *says;
	} rows[] = {
		{ "", 0, "empty" },
		{ "\xd4\xc3", 2, "after 2 bytes, within the header" },
		{ "\xd4\xc3\xb2\xa1\2\0\4\0\0\0", 10, "after 10 bytes, within the header" },
		{ "\xd4\xc3\xb2\xa1\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0", 24, "expected pcap version" },
		{ "GET / HTTP/1.1\r\n\r\n", 18, "offset 0: expected a pcap or pcapng file" },
		{ "\0\0\0\0\0\0\0\0", 8, "found 00000000" },
		{ "\n\r\r\n\x1c\0\0\0\1\2\3\4\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 28, "byte order magic" },
		{ "\n\r\r\n\x1c\0\0\0\x4d\x3c\x2b\x1a\2\0\0\0\0\0\0\0\0\0\0\0\x1c\0\0\0", 28, "version 1" },
		{ "\x1f\x8b\x08\0\0\0\0\0\0\0\xff\xff\xff\xff", 14, "damaged" },
		{ "\x28\xb5\x2f\xfd\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 20, "damaged" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct build b = { 0 };
		struct device_opts opts = { .kind = "file" };
		struct device *dev = NULL;

		put(&b, rows[i].bytes, rows[i].len);
		opts.name = save(&b, "garbage");
		assert_true(device_open(&dev, &opts) < 0);
		if (!strstr(device_error(), rows[i].says) || !strstr(device_error(), "/garbage"))
			fail_msg("\"%s\" isn't in \"%s\"", rows[i].says, device_error());
		free(b.data);
	}
}

static void ends_where_a_file_is_cut(void **state)
{
	struct build b = { 0 }, whole;
	struct device *dev;

	(void)state;
	pcap_header(&b, 0xa1b2c3d4, 4, 65535, LINK_ETHERNET);
	pcap_record(&b, 1, 0, 20, 20, 1);
	pcap_record(&b, 2, 0, 20, 20, 2);
	whole = b;
	for (size_t cut = 24 + 36 + 1; cut < whole.len; cut++) {
		b.len = cut;
		dev = open_path(save(&b, "cut.pcap"), NULL);
		frame_is(dev, 1, S, 20, 20, 1, LINK_ETHERNET);
		ends(dev, 1, "cut.pcap: cut short: ends within the record at offset 60");
	}
	b.len = whole.len;
	pcap_record(&b, 3, 0, 0, 0, 0);
	put32(&b, 3);
	put32(&b, 0);
	put32(&b, 0x10000000);
	put32(&b, 0);
	dev = open_path(save(&b, "cut.pcap"), NULL);
	frame_is(dev, 1, S, 20, 20, 1, LINK_ETHERNET);
	frame_is(dev, 2, 2 * S, 20, 20, 2, LINK_ETHERNET);
	frame_is(dev, 3, 3 * S, 0, 0, 0, LINK_ETHERNET);
	ends(dev, 1, "offset 112: expected a frame of at most 262144 bytes");
	free(b.data);
}

/* More than a chunk, with long frames, holding bursts back for a while. */
static void keeps_frames_until_released(void **state)
{
	enum { FRAMES = 3000, HELD = 200 };
	struct build b = { 0 };
	struct device *dev;
	struct frame held[HELD];
	uint64_t seen = 0;
	int n;

	(void)state;
	pcap_header(&b, 0xa1b2c3d4, 4, 0, LINK_ETHERNET);
	for (uint32_t i = 0; i < FRAMES; i++)
		pcap_record(&b, i, 0, i % 100 == 99 ? 200000 : i % 1500, i, (uint8_t)i);
	dev = open_path(save(&b, "large.pcap"), NULL);
	do {
		unsigned count = 0;

		while (count < HELD) {
			unsigned want = HELD - count < 7 ? HELD - count : 7;
			n = device_recv(dev, held + count, want);
			if (n < 0)
				break;
			count += (unsigned)n;
		}
		for (unsigned i = 0; i < count; i++) {
			uint32_t len = seen % 100 == 99 ? 200000 : seen % 1500;
			assert_int_equal(held[i].len, len);
			assert_int_equal(held[i].number, seen + 1);
			assert_int_equal(held[i].time_ns, seen * S);
			for (uint32_t k = 0; k < len; k++)
				if (held[i].data[k] != (uint8_t)seen)
					fail_msg("frame %u was overwritten", (unsigned)seen);
			seen++;
		}
		device_release(dev, held, count);
	} while (n >= 0);
	assert_int_equal(n, -ENODATA);
	assert_int_equal(seen, FRAMES);
	device_close(dev);
	free(b.data);
}

static void run(const char *fmt, const char *a, const char *b)
{
	char command[PATH_LEN * 3];

	snprintf(command, sizeof(command), fmt, a, b);
	assert_int_equal(system(command), 0);
}

static void unpacks(void **state)
{
	static const char *const packers[] = {
		"gzip -c %s > %s",
		"(head -c 30 %1$s | gzip; tail -c +31 %1$s | gzip; head -c 9 /dev/zero) > %2$s",
#ifdef TAPIR_HAVE_ZSTD
		"command -v zstd >/dev/null || { cp %1$s %2$s; exit 0; }; zstd -q -c %1$s > %2$s",
#endif
	};
	char plain[PATH_LEN], packed[PATH_LEN];
	struct build b = { 0 };
	struct device *dev;
	struct stat st;

	(void)state;
	pcap_header(&b, 0xa1b2c3d4, 4, 0, LINK_ETHERNET);
	for (uint32_t i = 0; i < 2000; i++)
		pcap_record(&b, i, 0, 1000, 1000, (uint8_t)(i * 7));
	snprintf(plain, sizeof(plain), "%s", save(&b, "plain.pcap"));
	snprintf(packed, sizeof(packed), "%s/packed", dir);
	for (size_t p = 0; p < ARRAY_LEN(packers); p++) {
		run(packers[p], plain, packed);
		dev = open_path(packed, NULL);
		for (uint32_t i = 0; i < 2000; i++)
			frame_is(dev, i + 1, i * S, 1000, 1000, (uint8_t)(i * 7), LINK_ETHERNET);
		ends(dev, 0, NULL);
	}
	run(packers[0], plain, packed);
	assert_int_equal(stat(packed, &st), 0);
	assert_int_equal(truncate(packed, st.st_size - 100), 0);
	dev = open_path(packed, NULL);
	for (uint32_t i = 0; i < 10; i++)
		frame_is(dev, i + 1, i * S, 1000, 1000, (uint8_t)(i * 7), LINK_ETHERNET);
	for (struct frame f; next_frame(dev, &f);)
		device_release(dev, &f, 1);
	ends(dev, 1, "compressed data is cut short");
	free(b.data);
}

static void reads_directories(void **state)
{
	struct build a = { 0 }, b = { .big = true }, bad = { 0 };
	char path[PATH_LEN], text[DEVICE_WARNING_MAX];
	struct device *dev;

	(void)state;
	snprintf(path, sizeof(path), "%s/many", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	pcap_header(&a, 0xa1b2c3d4, 4, 0, LINK_ETHERNET);
	pcap_record(&a, 1, 0, 10, 10, 1);
	section(&b);
	interface(&b, LINK_RAW, 0, -1, 0);
	packet(&b, 0, 2000000, 11, 11, 2, -1);
	put(&bad, "garbage", 7);
	save(&b, "many/b.pcapng");
	save(&a, "many/a.pcap");
	save(&bad, "many/ab.txt");
	save(&a, "many/c.pcap");
	save(&bad, "many/.hidden");
	dev = open_path(path, NULL);
	frame_is(dev, 1, S, 10, 10, 1, LINK_ETHERNET);
	frame_is(dev, 2, 2 * S, 11, 11, 2, LINK_RAW);
	device_close(dev);
	dev = open_path(path, NULL);
	frame_is(dev, 1, S, 10, 10, 1, LINK_ETHERNET);
	/* The bad one is skipped, and said so, before the next gives its frames. */
	for (struct frame f; !device_warning_take(dev, text);)
		assert_int_equal(device_recv(dev, &f, 1), 0);
	assert_non_null(strstr(text, "many/ab.txt: offset 0: expected a pcap"));
	frame_is(dev, 2, 2 * S, 11, 11, 2, LINK_RAW);
	frame_is(dev, 3, S, 10, 10, 1, LINK_ETHERNET);
	ends(dev, 1, NULL);
	free(a.data);
	free(b.data);
	free(bad.data);
}

static void filters(void **state)
{
	static const uint8_t udp[] = {
		0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 0, 54, 0, 8, 0, 0,
	};
	struct device_opts opts = { .kind = "file" };
	struct build b = { 0 };
	struct device *dev;
	struct device_stats s;
	struct frame f;

	(void)state;
	section(&b);
	interface(&b, LINK_RAW, 0, -1, 0);
	interface(&b, LINK_IPV4, 0, -1, 0);
	for (uint32_t i = 0; i < 6; i++) {
		packet(&b, i & 1, i, sizeof(udp), sizeof(udp), 0, -1);
		memcpy(b.data + b.len - 4 - sizeof(udp), udp, sizeof(udp));
		b.data[b.len - 4 - 5] = (uint8_t)(50 + i / 2);          /* destination port */
	}
	dev = open_path(save(&b, "filter.pcapng"), "udp dst port 51");
	assert_true(next_frame(dev, &f));
	assert_int_equal(f.number, 1);          /* counted as libpcap hands them out: those that match */
	assert_int_equal(f.time_ns, 2000);
	device_release(dev, &f, 1);
	assert_true(next_frame(dev, &f));
	assert_int_equal(f.link, LINK_IPV4);
	device_release(dev, &f, 1);
	assert_false(next_frame(dev, &f));
	device_stats(dev, &s);
	assert_int_equal(s.rx_frames, 2);
	assert_int_equal(s.drops[DROP_FILTER], 4);
	device_close(dev);
	opts.name = save(&b, "filter.pcapng");
	opts.filter = "udp and and";
	assert_true(device_open(&dev, &opts) < 0);
	assert_non_null(strstr(device_error(), "filter \"udp and and\": "));
	free(b.data);
}

static void reads_pipes_without_blocking(void **state)
{
	struct build b = { 0 };
	struct device *dev;
	struct frame f;
	int fds[2], saved = dup(STDIN_FILENO);

	(void)state;
	assert_int_equal(pipe(fds), 0);
	dup2(fds[0], STDIN_FILENO);
	close(fds[0]);
	pcap_header(&b, 0xa1b2c3d4, 4, 0, LINK_ETHERNET);
	pcap_record(&b, 1, 0, 10, 10, 1);
	pcap_record(&b, 2, 0, 10, 10, 2);
	assert_int_equal(write(fds[1], b.data, 24), 24);
	dev = open_path("-", NULL);
	assert_int_equal(device_recv(dev, &f, 1), 0);
	assert_true(device_poll_fd(dev) >= 0);
	for (size_t i = 24; i < b.len; i++) {
		assert_int_equal(write(fds[1], b.data + i, 1), 1);
		if (i + 1 < b.len)
			assert_int_equal(device_recv(dev, &f, 1), i == 24 + 25);
	}
	close(fds[1]);
	frame_is(dev, 2, 2 * S, 10, 10, 2, LINK_ETHERNET);
	ends(dev, 0, NULL);
	dup2(saved, STDIN_FILENO);
	close(saved);
	free(b.data);
}

/* What the writer writes the reader reads. */
static void writes_what_it_reads(void **state)
{
	static const char *const names[] = { "out.pcap", "out.pcapng" };
	uint8_t bytes[300];

	(void)state;
	memset(bytes, 5, sizeof(bytes));
	for (unsigned ng = 0; ng < 2; ng++) {
		char path[PATH_LEN];
		struct device_opts opts = { .kind = "file", .output = path };
		struct frame f = { .data = bytes, .len = 99, .wire_len = 120, .time_ns = 7 * S + 3,
				   .link = LINK_ETHERNET, .flags = FRAME_OUTGOING };
		struct frame tagged = { .data = bytes, .len = 60, .wire_len = 60, .time_ns = 8 * S,
					.link = LINK_ETHERNET, .vlan_tci = 0x0123,
					.flags = FRAME_VLAN_STRIPPED };
		struct device *dev;

		snprintf(path, sizeof(path), "%s/%s", dir, names[ng]);
		assert_int_equal(device_open(&dev, &opts), 0);
		assert_int_equal(device_send(dev, &f, 1), 1);
		assert_int_equal(device_send(dev, &tagged, 1), 1);
		device_close(dev);
		dev = open_path(path, NULL);
		assert_true(next_frame(dev, &f));
		assert_int_equal(f.time_ns, 7 * S + 3);
		assert_int_equal(f.len, 99);
		assert_int_equal(f.wire_len, 120);
		assert_int_equal(f.flags, ng ? FRAME_OUTGOING : 0);
		assert_memory_equal(f.data, bytes, f.len);
		device_release(dev, &f, 1);
		assert_true(next_frame(dev, &f));
		assert_int_equal(f.len, 64);
		assert_memory_equal(f.data + 12, "\x81\0\1\x23", 4);
		assert_memory_equal(f.data + 16, bytes, 48);
		device_release(dev, &f, 1);
		ends(dev, 0, NULL);
	}
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	run("rm -r %s%s", dir, "");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_pcap_variants),
		cmocka_unit_test(reads_odd_pcap),
		cmocka_unit_test(reads_pcapng),
		cmocka_unit_test(refuses_garbage),
		cmocka_unit_test(ends_where_a_file_is_cut),
		cmocka_unit_test(keeps_frames_until_released),
		cmocka_unit_test(unpacks),
		cmocka_unit_test(reads_directories),
		cmocka_unit_test(filters),
		cmocka_unit_test(reads_pipes_without_blocking),
		cmocka_unit_test(writes_what_it_reads),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
