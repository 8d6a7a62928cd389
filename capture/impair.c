/* impair.c - frames wait in a heap by the time they are due.
 *
 * They are copied into buffers of ours on the way in, so that the device below gets its
 * memory back at once. Both directions have a generator of their own: what is sent
 * doesn't change what happens to what arrives. One thread uses the wrapper. */
#include "capture/impair.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "capture/device_counters.h"
#include "capture/frame_pool.h"

#define QUEUE_LEN_DEFAULT 1000
#define REORDER_GAP_DEFAULT 3
/* A frame that waits for later ones which never come is let go after this. */
#define REORDER_HOLD_NS 10000000ull
#define NS_PER_S 1000000000ull

struct held {
	uint64_t due_ns;
	uint64_t order;         /* among equals, and how many have to pass first */
	struct frame frame;
};

struct lane {
	struct impair_link link;
	uint64_t random;
	bool bad;               /* Gilbert-Elliott state */
	uint64_t free_ns;       /* when the rate lets the next frame start */
	uint64_t last_due_ns;
	uint64_t order;         /* frames that came in so far */
	struct frame back;      /* the one held back for reordering */
	bool back_held;
	uint32_t back_gap;      /* later frames still to pass */
	uint64_t back_due_ns;
	struct held *heap;
	uint32_t count;
	struct impair_count done;
};

struct impair {
	struct device dev;
	struct device *inner;
	struct frame_pool *pool;
	struct lane rx, tx;
	uint64_t now_ns;
	bool ended;             /* the device below has no more */
	uint64_t number;
	struct device_counters counters;
};

/* splitmix64 */
static uint64_t lane_random(struct lane *l)
{
	uint64_t z = l->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static bool lane_chance(struct lane *l, uint32_t ppm)
{
	return ppm && lane_random(l) % IMPAIR_CERTAIN < ppm;
}

/* In (0, 1). */
static double lane_unit(struct lane *l)
{
	return ((double)(lane_random(l) >> 11) + 0.5) * 0x1p-53;
}

static bool lane_loses(struct lane *l)
{
	const struct impair_link *k = &l->link;

	if (l->bad ? lane_chance(l, k->burst_leave) : lane_chance(l, k->burst_enter))
		l->bad = !l->bad;
	if (l->bad)
		return lane_chance(l, k->burst_loss ? k->burst_loss : IMPAIR_CERTAIN);
	return lane_chance(l, k->loss);
}

static uint64_t lane_delay(struct lane *l)
{
	const double pi = 3.14159265358979323846;
	const struct impair_link *k = &l->link;
	double jitter = 0, delay;

	if (k->jitter_ns) {
		if (k->jitter == IMPAIR_UNIFORM)
			jitter = 2 * lane_unit(l) - 1;
		else if (k->jitter == IMPAIR_NORMAL)
			jitter = sqrt(-2 * log(lane_unit(l))) * cos(2 * pi * lane_unit(l));
		else    /* alpha 3, moved so that the least is 0; a tail, but bounded */
			jitter = fmin(pow(lane_unit(l), -1.0 / 3) - 1, 100);
	}
	delay = (double)k->delay_ns + jitter * (double)k->jitter_ns;
	return delay > 0 ? (uint64_t)delay : 0;
}

static bool held_before(const struct held *a, const struct held *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void heap_put(struct lane *l, const struct held *h)
{
	uint32_t i = l->count++;

	while (i && held_before(h, &l->heap[(i - 1) / 2])) {
		l->heap[i] = l->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	l->heap[i] = *h;
}

static struct held heap_take(struct lane *l)
{
	struct held first = l->heap[0], last = l->heap[--l->count];
	uint32_t i = 0;

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= l->count)
			break;
		if (child + 1 < l->count && held_before(&l->heap[child + 1], &l->heap[child]))
			child++;
		if (!held_before(&l->heap[child], &last))
			break;
		l->heap[i] = l->heap[child];
		i = child;
	}
	l->heap[i] = last;
	return first;
}

static uint32_t lane_queue_max(const struct lane *l)
{
	return l->link.queue_len_max ? l->link.queue_len_max : QUEUE_LEN_DEFAULT;
}

/* A copy of the frame in memory of ours; false where there is none. */
static bool frame_copy(struct impair *d, struct frame *to, const struct frame *from)
{
	void *buffer = frame_pool_get(d->pool, from->len);

	if (buffer == NULL)
		return false;
	*to = *from;
	if (from->len)
		memcpy(buffer, from->data, from->len);
	to->data = buffer;
	to->owner = buffer;
	return true;
}

/* Puts a frame onto the wire: the rate, then the delay. False where the queue is full. */
static bool lane_enqueue(struct impair *d, struct lane *l, const struct frame *from, uint64_t now_ns)
{
	struct held h = { .order = l->order++ };
	uint64_t start = now_ns;

	if (l->count >= lane_queue_max(l) || !frame_copy(d, &h.frame, from))
		return false;
	if (l->link.rate_bps) {
		if (l->free_ns > start)
			start = l->free_ns;
		start += (uint64_t)from->len * 8 * NS_PER_S / l->link.rate_bps;
		l->free_ns = start;
	}
	h.due_ns = start + lane_delay(l);
	if (!l->link.jitter_reorders && h.due_ns < l->last_due_ns)
		h.due_ns = l->last_due_ns;
	l->last_due_ns = h.due_ns;
	heap_put(l, &h);
	return true;
}

static void queue_full(struct impair *d, struct lane *l)
{
	l->done.queue_full++;
	counter_add(&d->counters.drops[DROP_IMPAIRED], 1);
}

/* The frame held back goes on its way behind what has passed it. */
static void back_let_go(struct impair *d, struct lane *l, uint64_t now_ns)
{
	if (!l->back_held)
		return;
	l->back_held = false;
	if (!lane_enqueue(d, l, &l->back, now_ns))
		queue_full(d, l);
	frame_pool_put(d->pool, l->back.owner);
}

/* A frame meets its fate. */
static void lane_put(struct impair *d, struct lane *l, const struct frame *frame)
{
	const struct impair_link *k = &l->link;
	uint64_t now_ns = frame->time_ns > d->now_ns ? frame->time_ns : d->now_ns;
	struct frame f;
	unsigned copies;

	d->now_ns = now_ns;
	l->done.frames++;
	if (lane_loses(l)) {
		l->done.lost++;
		counter_add(&d->counters.drops[DROP_IMPAIRED], 1);
		return;
	}
	if (!frame_copy(d, &f, frame)) {
		queue_full(d, l);
		return;
	}
	if (f.len && lane_chance(l, k->corrupt)) {
		uint64_t bit = lane_random(l) % ((uint64_t)f.len * 8);
		f.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		l->done.corrupted++;
	}
	copies = lane_chance(l, k->duplicate) ? 2 : 1;
	if (!l->back_held && lane_chance(l, k->reorder)) {
		l->back = f;
		l->back_held = true;
		l->back_gap = 1 + (uint32_t)(lane_random(l) % (k->reorder_gap ? k->reorder_gap :
							      REORDER_GAP_DEFAULT));
		l->back_due_ns = now_ns + k->delay_ns + REORDER_HOLD_NS;
		l->done.reordered++;
		return;
	}
	l->done.duplicated += copies - 1;
	while (copies--)
		if (!lane_enqueue(d, l, &f, now_ns))
			queue_full(d, l);
	frame_pool_put(d->pool, f.owner);
	if (l->back_held && --l->back_gap == 0)
		back_let_go(d, l, now_ns);
}

/* Takes the next frame that is due; all are where the lane's source has ended. */
static bool lane_take(struct impair *d, struct lane *l, struct frame *out, bool all)
{
	struct held h;

	if (l->back_held && (all || l->back_due_ns <= d->now_ns) &&
	    (l->count == 0 || l->heap[0].due_ns > d->now_ns))
		back_let_go(d, l, d->now_ns);
	if (l->count == 0 || (!all && l->heap[0].due_ns > d->now_ns))
		return false;
	h = heap_take(l);
	l->done.passed++;
	*out = h.frame;
	if (out->time_ns < h.due_ns)
		out->time_ns = h.due_ns;
	return true;
}

static uint64_t lane_deadline(const struct lane *l)
{
	uint64_t due = l->count ? l->heap[0].due_ns : UINT64_MAX;

	return l->back_held && l->back_due_ns < due ? l->back_due_ns : due;
}

/* Hands what is due to the device below; what it doesn't take is lost, as on a wire. */
static void tx_flush(struct impair *d)
{
	struct frame frames[DEVICE_BURST_MAX];
	unsigned n;

	do {
		int taken;

		for (n = 0; n < DEVICE_BURST_MAX && lane_take(d, &d->tx, &frames[n], false); n++)
			;
		if (n == 0)
			break;
		taken = device_send(d->inner, frames, n);
		if (taken < (int)n)
			counter_add(&d->counters.drops[DROP_SEND_FULL], n - (taken > 0 ? (unsigned)taken : 0));
		for (unsigned i = 0; i < n; i++)
			frame_pool_put(d->pool, frames[i].owner);
	} while (n == DEVICE_BURST_MAX);
}

static int impair_recv(struct device *dev, struct frame *frames, unsigned max)
{
	struct impair *d = (struct impair *)dev;
	struct frame below[DEVICE_BURST_MAX];
	uint64_t bytes = 0;
	unsigned n;
	int got = d->ended ? -ENODATA : device_recv(d->inner, below, DEVICE_BURST_MAX);

	if (dev->warning[0] == '\0')
		device_warning_take(d->inner, dev->warning);
	for (int i = 0; i < got; i++)
		lane_put(d, &d->rx, &below[i]);
	if (got > 0)
		device_release(d->inner, below, (unsigned)got);
	else if (got == -ENODATA)
		d->ended = true;
	for (n = 0; n < max && lane_take(d, &d->rx, &frames[n], d->ended); n++) {
		frames[n].number = ++d->number;
		bytes += frames[n].len;
	}
	tx_flush(d);
	counter_add(&d->counters.rx_frames, n);
	counter_add(&d->counters.rx_bytes, bytes);
	if (n == 0)
		counter_add(&d->counters.empty_polls, 1);
	return n == 0 && got < 0 ? got : (int)n;
}

static void impair_release(struct device *dev, struct frame *frames, unsigned n)
{
	struct impair *d = (struct impair *)dev;

	for (unsigned i = 0; i < n; i++)
		frame_pool_put(d->pool, frames[i].owner);
}

static int impair_send(struct device *dev, const struct frame *frames, unsigned n)
{
	struct impair *d = (struct impair *)dev;
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		lane_put(d, &d->tx, &frames[i]);
		bytes += frames[i].len;
	}
	counter_add(&d->counters.tx_frames, n);
	counter_add(&d->counters.tx_bytes, bytes);
	tx_flush(d);
	return (int)n;
}

static void impair_advance(struct device *dev, uint64_t now_ns)
{
	struct impair *d = (struct impair *)dev;

	device_advance(d->inner, now_ns);
	if (now_ns > d->now_ns)
		d->now_ns = now_ns;
	tx_flush(d);
}

static uint64_t impair_deadline(const struct device *dev)
{
	const struct impair *d = (const struct impair *)dev;
	uint64_t rx = lane_deadline(&d->rx), tx = lane_deadline(&d->tx), inner = device_deadline(d->inner);

	rx = rx < tx ? rx : tx;
	return rx < inner ? rx : inner;
}

static int impair_poll_fd(const struct device *dev)
{
	return device_poll_fd(((const struct impair *)dev)->inner);
}

static int impair_set_promiscuous(struct device *dev, bool on)
{
	return device_set_promiscuous(((struct impair *)dev)->inner, on);
}

static int impair_set_mac(struct device *dev, const uint8_t mac[6])
{
	return device_set_mac(((struct impair *)dev)->inner, mac);
}

static int impair_set_mtu(struct device *dev, uint32_t mtu)
{
	return device_set_mtu(((struct impair *)dev)->inner, mtu);
}

static void impair_info(const struct device *dev, struct device_info *out)
{
	size_t len;

	device_info(((const struct impair *)dev)->inner, out);
	len = strlen(out->mode);
	snprintf(out->mode + len, sizeof(out->mode) - len, ", impaired");
}

/* Frames as they are seen above the wrapper; drops here and below. */
static void impair_stats(const struct device *dev, struct device_stats *out)
{
	const struct impair *d = (const struct impair *)dev;
	struct device_stats below;

	device_stats(d->inner, &below);
	device_counters_read(&d->counters, out);
	frame_pool_stats(d->pool, out->buffers);
	for (unsigned i = 0; i < DEVICE_DROPS; i++)
		out->drops[i] += below.drops[i];
}

void impair_counts(const struct device *dev, struct impair_count *rx, struct impair_count *tx)
{
	const struct impair *d = (const struct impair *)dev;

	*rx = d->rx.done;
	*tx = d->tx.done;
}

static void impair_free(struct impair *d)
{
	free(d->rx.heap);
	free(d->tx.heap);
	frame_pool_free(d->pool);
	free(d);
}

static void impair_close(struct device *dev)
{
	struct impair *d = (struct impair *)dev;

	device_close(d->inner);
	impair_free(d);
}

static const struct device_ops impair_ops = {
	.close = impair_close,
	.recv = impair_recv,
	.release = impair_release,
	.send = impair_send,
	.advance = impair_advance,
	.deadline = impair_deadline,
	.poll_fd = impair_poll_fd,
	.set_promiscuous = impair_set_promiscuous,
	.set_mac = impair_set_mac,
	.set_mtu = impair_set_mtu,
	.info = impair_info,
	.stats = impair_stats,
};

static int lane_init(struct lane *l, const struct impair_link *link, uint64_t seed)
{
	l->link = *link;
	l->random = seed;
	/* One more for the duplicate of the last that fits. */
	l->heap = calloc((size_t)lane_queue_max(l) + 1, sizeof(*l->heap));
	return l->heap ? 0 : -ENOMEM;
}

int impair_new(struct device **out, struct device *inner, const struct impair_opts *opts)
{
	struct impair *d = calloc(1, sizeof(*d));
	uint32_t counts[BUFFER_TIERS];
	int err;

	if (d == NULL)
		return -ENOMEM;
	err = lane_init(&d->rx, &opts->rx, opts->seed);
	if (err == 0)
		err = lane_init(&d->tx, &opts->tx, ~opts->seed);
	if (err == 0) {
		for (unsigned i = 0; i < BUFFER_TIERS; i++)
			counts[i] = lane_queue_max(&d->rx) + lane_queue_max(&d->tx) +
				    8 * DEVICE_BURST_MAX;
		err = frame_pool_new(&d->pool, counts, 256);
	}
	if (err < 0) {
		impair_free(d);
		return err;
	}
	d->dev.ops = &impair_ops;
	d->dev.kind = inner->kind;
	d->inner = inner;
	*out = &d->dev;
	return 0;
}

/* Reading options: how a value is written, and where it goes. */
enum option_type { OPTION_CHANCE, OPTION_TIME, OPTION_RATE, OPTION_COUNT };

static const struct {
	const char *name;
	enum option_type type;
	size_t offset;
	const char *expected;
} options[] = {
	{ "loss", OPTION_CHANCE, offsetof(struct impair_link, loss), "a chance like 2%" },
	{ "burst-enter", OPTION_CHANCE, offsetof(struct impair_link, burst_enter), "a chance like 0.1%" },
	{ "burst-leave", OPTION_CHANCE, offsetof(struct impair_link, burst_leave), "a chance like 30%" },
	{ "burst-loss", OPTION_CHANCE, offsetof(struct impair_link, burst_loss), "a chance like 80%" },
	{ "corrupt", OPTION_CHANCE, offsetof(struct impair_link, corrupt), "a chance like 0.1%" },
	{ "duplicate", OPTION_CHANCE, offsetof(struct impair_link, duplicate), "a chance like 1%" },
	{ "reorder", OPTION_CHANCE, offsetof(struct impair_link, reorder), "a chance like 5%" },
	{ "reorder-gap", OPTION_COUNT, offsetof(struct impair_link, reorder_gap), "a number of frames" },
	{ "delay", OPTION_TIME, offsetof(struct impair_link, delay_ns), "a time like 20ms" },
	{ "jitter", OPTION_TIME, offsetof(struct impair_link, jitter_ns), "a time like 5ms" },
	{ "rate", OPTION_RATE, offsetof(struct impair_link, rate_bps), "a rate like 10mbit" },
	{ "queue", OPTION_COUNT, offsetof(struct impair_link, queue_len_max), "a number of frames" },
};

static const struct {
	enum option_type type;
	const char *unit;
	double factor;
} units[] = {
	{ OPTION_CHANCE, "%", 10000 },     { OPTION_CHANCE, "ppm", 1 },
	{ OPTION_CHANCE, "", 1000000 },    { OPTION_TIME, "ns", 1 },
	{ OPTION_TIME, "us", 1000 },       { OPTION_TIME, "ms", 1000000 },
	{ OPTION_TIME, "s", 1000000000 },  { OPTION_RATE, "bit", 1 },
	{ OPTION_RATE, "kbit", 1000 },     { OPTION_RATE, "mbit", 1000000 },
	{ OPTION_RATE, "gbit", 1000000000 }, { OPTION_COUNT, "", 1 },
};

static bool option_value(enum option_type type, const char *text, double *out)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || !(v >= 0) || v > 1e15)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (units[i].type == type && strcasecmp(units[i].unit, end) == 0) {
			*out = v * units[i].factor + 0.5;
			return type != OPTION_CHANCE || *out <= IMPAIR_CERTAIN + 0.5;
		}
	return false;
}

static void option_store(struct impair_link *link, size_t i, double value)
{
	char *field = (char *)link + options[i].offset;

	if (options[i].type == OPTION_CHANCE || options[i].type == OPTION_COUNT)
		*(uint32_t *)field = value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
	else
		*(uint64_t *)field = (uint64_t)value;
}

static int option_set(struct impair_opts *out, const char *name, const char *value, char *why,
		      size_t why_len)
{
	bool rx = strncmp(name, "tx.", 3) != 0, tx = strncmp(name, "rx.", 3) != 0;
	const char *bare = rx && tx ? name : name + 3;
	double v = 0;
	char *end;

	if (strcmp(name, "seed") == 0) {
		out->seed = strtoull(value, &end, 0);
		if (*end == '\0' && end != value)
			return 0;
		snprintf(why, why_len, "seed=%s: expected a number", value);
		return -EINVAL;
	}
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (strcmp(options[i].name, bare) != 0)
			continue;
		if (!option_value(options[i].type, value, &v)) {
			snprintf(why, why_len, "%s=%s: expected %s", name, value, options[i].expected);
			return -EINVAL;
		}
		if (rx)
			option_store(&out->rx, i, v);
		if (tx)
			option_store(&out->tx, i, v);
		return 0;
	}
	snprintf(why, why_len, "%s: there is no such impairment", name);
	return -EINVAL;
}

int impair_opts_parse(struct impair_opts *out, const char *text, char *why, size_t why_len)
{
	char *copy = strdup(text), *at, *name, *value;
	int err = copy ? 0 : -ENOMEM;

	memset(out, 0, sizeof(*out));
	for (name = copy ? strtok_r(copy, ",", &at) : NULL; name && err == 0; name = strtok_r(NULL, ",", &at)) {
		value = strchr(name, '=');
		if (value)
			*value++ = '\0';
		if (value == NULL) {
			snprintf(why, why_len, "%s: expected name=value", name);
			err = -EINVAL;
		} else {
			err = option_set(out, name, value, why, why_len);
		}
	}
	free(copy);
	return err;
}
