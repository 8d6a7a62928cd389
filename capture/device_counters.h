/* device_counters.h - a device's counters: one thread adds, any thread reads.
 *
 * One writer per counter, so that an addition is a plain load and store and no
 * locked instruction; a burst is added up in locals and posted once. */
#ifndef TAPIR_CAPTURE_DEVICE_COUNTERS_H
#define TAPIR_CAPTURE_DEVICE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "capture/device.h"

struct device_counters {
	_Atomic uint64_t rx_frames, rx_bytes;
	_Atomic uint64_t tx_frames, tx_bytes;
	_Atomic uint64_t drops[DEVICE_DROPS];
	_Atomic uint64_t wakeups, empty_polls;
};

static inline void counter_add(_Atomic uint64_t *c, uint64_t n)
{
	uint64_t v = atomic_load_explicit(c, memory_order_relaxed);

	atomic_store_explicit(c, v + n, memory_order_relaxed);
}

static inline void counter_set(_Atomic uint64_t *c, uint64_t n)
{
	atomic_store_explicit(c, n, memory_order_relaxed);
}

static inline uint64_t counter_get(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

static inline void device_counters_read(const struct device_counters *c, struct device_stats *out)
{
	out->rx_frames = counter_get(&c->rx_frames);
	out->rx_bytes = counter_get(&c->rx_bytes);
	out->tx_frames = counter_get(&c->tx_frames);
	out->tx_bytes = counter_get(&c->tx_bytes);
	for (unsigned i = 0; i < DEVICE_DROPS; i++)
		out->drops[i] = counter_get(&c->drops[i]);
	out->wakeups = counter_get(&c->wakeups);
	out->empty_polls = counter_get(&c->empty_polls);
}

#endif
