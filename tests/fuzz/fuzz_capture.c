/* A capture file of any content: every frame lies within its bytes, and it ends. */
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "capture/device.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct device_opts opts = { .kind = "file", .name = fuzz_file(data, size), .read_only = true };
	struct frame frames[DEVICE_BURST_MAX];
	struct device_stats stats;
	struct device *dev;
	volatile uint8_t sum = 0;
	uint64_t count = 0;
	int n;

	log_level_set(LOG_LEVEL_ERROR);
	if (device_open(&dev, &opts) < 0)
		return 0;
	while ((n = device_recv(dev, frames, DEVICE_BURST_MAX)) >= 0) {
		for (int i = 0; i < n; i++) {
			must(frames[i].len <= frames[i].wire_len);
			for (uint32_t at = 0; at < frames[i].len; at += 64)
				sum = (uint8_t)(sum + frames[i].data[at]);
			if (frames[i].len > 0)
				sum = (uint8_t)(sum + frames[i].data[frames[i].len - 1]);
		}
		count += (uint64_t)n;
		device_release(dev, frames, (unsigned)n);
	}
	device_stats(dev, &stats);
	must(stats.rx_frames == count);
	device_close(dev);
	return 0;
}
