/* send_each.h - frames to the kernel one call each, where there is no ring to put them on. */
#ifndef TAPIR_CAPTURE_SEND_EACH_H
#define TAPIR_CAPTURE_SEND_EACH_H

#include <errno.h>
#include <unistd.h>

#include "capture/device_counters.h"
#include "capture/frame.h"

/* Writes frames to fd (a TAP, a packet socket) until it is full. Returns how many are done with, those
 * that the kernel refused included; counts what became of each. */
static inline int send_each(int fd, const struct frame *frames, unsigned n, struct device_counters *counters)
{
	uint64_t bytes = 0, wrong = 0;
	unsigned taken;

	for (taken = 0; taken < n; taken++) {
		if (write(fd, frames[taken].data, frames[taken].len) == (ssize_t)frames[taken].len) {
			bytes += frames[taken].len;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			counter_add(&counters->drops[DROP_SEND_FULL], n - taken);
			break;
		} else {
			wrong++;
		}
	}
	counter_add(&counters->tx_frames, taken - wrong);
	counter_add(&counters->tx_bytes, bytes);
	counter_add(&counters->drops[DROP_SEND_ERROR], wrong);
	return (int)taken;
}

#endif
