/* trace.h - a wrapper around any device that writes what it receives and sends to a capture file. */
#ifndef TAPIR_CAPTURE_TRACE_H
#define TAPIR_CAPTURE_TRACE_H

#include "capture/device.h"

/* Takes inner over: closing the wrapper closes it. The file is pcapng, which knows directions, unless path
 * ends in ".pcap". Returns 0 or -errno, and inner is still the caller's then. */
int trace_new(struct device **out, struct device *inner, const char *path);
/* Writes out what is buffered. 0, or the first error that occurred: from then on nothing is written. */
int trace_flush(struct device *dev);

#endif
