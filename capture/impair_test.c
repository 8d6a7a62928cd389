/* Memory devices, and what the wrappers make of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/must.h"
#include "capture/device.h"
#include "capture/impair.h"
#include "capture/memory.h"
#include "capture/trace.h"

#define MS 1000000ull
#define S 1000000000ull
#define COUNT 20000

static void pair(struct device *dev[2])
{
	assert_int_equal(memory_pair_new(dev, &(struct memory_opts){ .queue_len = 256 }), 0);
}

/* A frame that tells its number in its first four bytes and is 0x55 behind them. */
static struct frame numbered(uint8_t *bytes, uint32_t len, uint32_t number, uint64_t time_ns)
{
	memset(bytes, 0x55, len);
	memcpy(bytes, &number, sizeof(number));
	return (struct frame){ .data = bytes, .len = len, .wire_len = len, .time_ns = time_ns,
			       .link = LINK_ETHERNET };
}

static void memory_moves_frames(void **state)
{
	static const uint32_t lengths[] = { 0, 1, 60, 512, 513, 1500, 1514, 1522 };
	struct device_stats s;
	struct device *dev[2];
	uint8_t bytes[4096];
	struct frame f, got[4];

	(void)state;
	pair(dev);
	for (unsigned round = 0; round < 1000; round++)
		for (unsigned side = 0; side < 2; side++) {
			uint32_t len = lengths[round % ARRAY_LEN(lengths)];

			f = numbered(bytes, len < 4 ? 4 : len, round, round * MS);
			f.len = f.wire_len = len;
			assert_int_equal(device_send(dev[side], &f, 1), 1);
			assert_int_equal(device_recv(dev[side], got, 4), 0);
			assert_int_equal(device_recv(dev[!side], got, 4), 1);
			assert_int_equal(got[0].len, len);
			assert_int_equal(got[0].time_ns, round * MS);
			assert_int_equal(got[0].number, round + 1);
			assert_memory_equal(got[0].data, bytes, len);
			device_release(dev[!side], got, 1);
		}
	f = numbered(bytes, 1523, 0, 0);
	assert_int_equal(device_send(dev[0], &f, 1), 1);
	device_stats(dev[0], &s);
	assert_int_equal(s.tx_frames, 1000);
	assert_int_equal(s.rx_frames, 1000);
	assert_int_equal(s.drops[DROP_TOO_LONG], 1);
	/* A full queue refuses, and what it refused can be offered again. */
	f = numbered(bytes, 60, 0, 0);
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(device_send(dev[0], &f, 1), 1);
	assert_int_equal(device_send(dev[0], &f, 1), 0);
	assert_int_equal(memory_waiting(dev[1]), 256);
	/* Either side may close first. */
	device_close(dev[0]);
	assert_int_equal(device_recv(dev[1], got, 4), 4);
	device_release(dev[1], got, 4);
	device_close(dev[1]);
}

static void memory_meets_the_test(void **state)
{
	struct device_opts opts = { .kind = "memory", .name = "lab", .link = LINK_RAW, .mtu = 9000 };
	uint8_t bytes[9000];
	struct device_info info;
	struct frame f = numbered(bytes, 9000, 7, 5), got[2];
	struct device *dev;

	(void)state;
	f.link = LINK_RAW;
	assert_int_equal(device_open(&dev, &opts), 0);
	device_info(dev, &info);
	assert_string_equal(info.name, "lab");
	assert_string_equal(info.kind, "memory");
	assert_int_equal(info.link, LINK_RAW);
	assert_int_equal(memory_inject(dev, &f), 0);
	assert_int_equal(device_recv(dev, got, 2), 1);
	assert_int_equal(got[0].len, 9000);
	assert_int_equal(device_send(dev, got, 1), 1);
	device_release(dev, got, 1);
	assert_int_equal(memory_drain(dev, got, 2), 1);
	assert_memory_equal(got[0].data, bytes, sizeof(bytes));
	memory_drained(dev, got, 1);
	device_close(dev);
}

/* Sends COUNT frames, one a millisecond, through an impaired link; notes the numbers and times that come
 * out, and how many there are. */
struct outcome {
	uint32_t n;
	uint32_t corrupted;
	uint64_t dropped;
	uint32_t number[2 * COUNT];
	uint64_t time_ns[2 * COUNT];
};

static void collect(struct device *dev, struct outcome *o)
{
	struct frame got[DEVICE_BURST_MAX];
	int n;

	while ((n = device_recv(dev, got, DEVICE_BURST_MAX)) > 0) {
		for (int i = 0; i < n; i++) {
			uint32_t bits = 0;

			assert_true(o->n < ARRAY_LEN(o->number));
			memcpy(&o->number[o->n], got[i].data, 4);
			o->time_ns[o->n++] = got[i].time_ns;
			for (uint32_t k = 4; k < got[i].len; k++)
				bits += (uint32_t)__builtin_popcount(got[i].data[k] ^ 0x55u);
			assert_in_range(bits, 0, 1);
			o->corrupted += bits;
		}
		device_release(dev, got, (unsigned)n);
	}
}

static struct outcome *outcome_of(const char *text, bool sending)
{
	struct outcome *o = calloc(1, sizeof(*o));
	struct impair_opts opts;
	struct impair_count rx, tx, c;
	struct device_stats s;
	struct device *dev[2], *impaired;
	uint8_t bytes[1000];
	char why[128];

	assert_non_null(o);
	if (impair_opts_parse(&opts, text, why, sizeof(why)) < 0)
		fail_msg("%s: %s", text, why);
	pair(dev);
	assert_int_equal(impair_new(&impaired, dev[1], &opts), 0);
	for (uint32_t i = 0; i < COUNT; i++) {
		struct frame f = numbered(bytes, 1000, i, (i + 1) * MS);

		device_advance(impaired, (i + 1) * MS);
		assert_int_equal(device_send(sending ? impaired : dev[0], &f, 1), 1);
		collect(sending ? dev[0] : impaired, o);
	}
	while (device_deadline(impaired) != UINT64_MAX) {
		device_advance(impaired, device_deadline(impaired));
		collect(sending ? dev[0] : impaired, o);
	}
	device_stats(impaired, &s);
	o->dropped = s.drops[DROP_IMPAIRED];
	/* Nothing waits any more: the account of each lane adds up. */
	impair_counts(impaired, &rx, &tx);
	assert_int_equal((sending ? tx : rx).frames, COUNT);
	assert_int_equal((sending ? rx : tx).frames, 0);
	c = sending ? tx : rx;
	assert_int_equal(c.frames + c.duplicated, c.passed + c.lost + c.queue_full);
	assert_int_equal(c.lost + c.queue_full, o->dropped);
	for (unsigned i = 0; i < BUFFER_TIERS; i++)
		assert_int_equal(s.buffers[i].in_use, 0);
	device_close(impaired);
	device_close(dev[0]);
	return o;
}

static void impair_is_repeatable(void **state)
{
	static const char text[] = "loss=5%,burst-enter=1%,burst-leave=20%,corrupt=2%,duplicate=3%,reorder=4%,"
				   "delay=20ms,jitter=30ms,rate=10mbit,seed=";

	(void)state;
	for (unsigned sending = 0; sending < 2; sending++) {
		struct outcome *o[3];
		char with_seed[256];

		for (unsigned i = 0; i < 3; i++) {
			snprintf(with_seed, sizeof(with_seed), "%s%u", text, i == 2 ? 8 : 7);
			o[i] = outcome_of(with_seed, sending);
		}
		assert_memory_equal(o[0], o[1], sizeof(*o[0]));
		assert_memory_not_equal(o[0], o[2], sizeof(*o[0]));
		for (unsigned i = 0; i < 3; i++)
			free(o[i]);
	}
}

static void impair_does_what_it_says(void **state)
{
	static const struct {
		const char *text;
		uint32_t came_min, came_max;    /* frames that came out, of 20000 */
		uint32_t corrupted_min, corrupted_max;
		uint32_t late_min, late_max;    /* that came out behind a later one */
		uint64_t delay_min, delay_max;  /* ms */
	} rows[] = {
		{ "seed=1", 20000, 20000, 0, 0, 0, 0, 0, 0 },
		{ "loss=100%", 0, 0, 0, 0, 0, 0, 0, 0 },
		{ "loss=10%,seed=1", 17700, 18300, 0, 0, 0, 0, 0, 0 },
		/* In the bad state 1/(1+4) of the time. */
		{ "burst-enter=5%,burst-leave=20%", 15500, 16500, 0, 0, 0, 0, 0, 0 },
		{ "corrupt=20000ppm", 20000, 20000, 300, 500, 0, 0, 0, 0 },
		{ "duplicate=5%", 20800, 21200, 0, 0, 0, 0, 0, 0 },
		{ "reorder=10%", 20000, 20000, 0, 0, 1200, 2100, 0, 12 },
		{ "delay=50ms", 20000, 20000, 0, 0, 0, 0, 50, 50 },
		{ "delay=50ms,jitter=20ms", 20000, 20000, 0, 0, 0, 0, 30, 70 },
		{ "rate=9mbit", 20000, 20000, 0, 0, 0, 0, 0, 1 },
		/* Half of what is sent fits, and waits for a queue of 100 frames of 2 ms. */
		{ "rate=4mbit,queue=100", 9900, 10200, 0, 0, 0, 0, 2, 202 },
	};

	(void)state;
	for (unsigned k = 0; k < 2 * ARRAY_LEN(rows); k++) {
		size_t r = k / 2;
		struct outcome *o = outcome_of(rows[r].text, k % 2);
		uint32_t late = 0, highest = 0;

		for (uint32_t i = 0; i < o->n; i++) {
			uint64_t delay = o->time_ns[i] - (o->number[i] + 1) * MS;

			if (strstr(rows[r].text, "corrupt"))    /* that may be the number */
				continue;
			assert_in_range(delay, rows[r].delay_min * MS, rows[r].delay_max * MS);
			if (o->number[i] < highest)
				late++;
			else
				highest = o->number[i];
		}
		if (o->n < rows[r].came_min || o->n > rows[r].came_max)
			fail_msg("%s: %u came", rows[r].text, o->n);
		if (o->corrupted < rows[r].corrupted_min || o->corrupted > rows[r].corrupted_max)
			fail_msg("%s: %u were corrupted", rows[r].text, o->corrupted);
		if (late < rows[r].late_min || late > rows[r].late_max)
			fail_msg("%s: %u were late", rows[r].text, late);
		if (!strstr(rows[r].text, "duplicate"))
			assert_int_equal(o->n + o->dropped, COUNT);
		free(o);
	}
}

static void impair_says_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "loss", "loss: expected name=value" },   { "loss=2", "expected a chance" },
		{ "loss=101%", "expected a chance" },      { "delay=20", "expected a time" },
		{ "delay=20 parsecs", "expected a time" }, { "rate=-1mbit", "expected a rate" },
		{ "rx.nothing=1", "rx.nothing: there is no such impairment" },
		{ "seed=x", "expected a number" },
	};
	struct impair_opts opts;
	char why[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(impair_opts_parse(&opts, rows[i].text, why, sizeof(why)), -EINVAL);
		assert_non_null(strstr(why, rows[i].says));
	}
	assert_int_equal(impair_opts_parse(&opts, "rx.loss=0.5,tx.delay=1.5ms,queue=5", why, sizeof(why)), 0);
	assert_int_equal(opts.rx.loss, 500000);
	assert_int_equal(opts.tx.loss, 0);
	assert_int_equal(opts.tx.delay_ns, 1500000);
	assert_int_equal(opts.rx.queue_len_max + opts.tx.queue_len_max, 10);
}

static void trace_writes_both_directions(void **state)
{
	char path[] = "/tmp/tapir_trace_XXXXXX.pcapng";
	struct device_opts opts = { .kind = "file", .name = path };
	struct device *dev[2], *traced, *file;
	uint8_t bytes[100];
	struct frame f, got[4];
	int fd = mkstemps(path, 7);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	pair(dev);
	assert_int_equal(trace_new(&traced, dev[0], path), 0);
	for (uint32_t i = 0; i < 100; i++) {
		f = numbered(bytes, 100, i, S + i);
		assert_int_equal(device_send(i % 2 ? traced : dev[1], &f, 1), 1);
		assert_int_equal(device_recv(i % 2 ? dev[1] : traced, got, 4), 1);
		device_release(i % 2 ? dev[1] : traced, got, 1);
	}
	assert_int_equal(trace_flush(traced), 0);
	device_close(traced);
	device_close(dev[1]);
	assert_int_equal(device_open(&file, &opts), 0);
	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(device_recv(file, &f, 1), 1);
		assert_int_equal(f.time_ns, S + i);
		assert_int_equal(f.flags, i % 2 ? FRAME_OUTGOING : 0);
		assert_memory_equal(f.data, &i, sizeof(i));
		device_release(file, &f, 1);
	}
	assert_int_equal(device_recv(file, &f, 1), -ENODATA);
	device_close(file);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_moves_frames),
		cmocka_unit_test(memory_meets_the_test),
		cmocka_unit_test(impair_is_repeatable),
		cmocka_unit_test(impair_does_what_it_says),
		cmocka_unit_test(impair_says_what_is_wrong),
		cmocka_unit_test(trace_writes_both_directions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
