/* The formats of capture files without files: every window handed over is memory of its own, cut to
 * different lengths, and what is found doesn't depend on the cuts. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "capture/pcap_reader.h"
#include "tests/fuzz/fuzz.h"

struct found {
	uint64_t frames, bytes, times, lost;
	bool bad;
};

/* Reads all, showing `step` bytes first and then as many as are asked for. */
static struct found read_all(const uint8_t *data, size_t size, size_t step)
{
	struct found all = { 0 };
	struct pcap_reader r;
	size_t at = 0, shown = step;

	pcap_reader_init(&r);
	while (at < size && !all.bad) {
		size_t len = size - at < shown ? size - at : shown, used = 0;
		uint8_t *window = malloc(len);
		struct frame f = { 0 };
		enum pcap_next next;

		must(window);
		memcpy(window, data + at, len);
		next = pcap_reader_next(&r, window, len, &f, &used);
		switch (next) {
		case PCAP_FRAME:
			must(f.data >= window && f.data + f.len <= window + len);
			must(f.len <= f.wire_len && used <= len && used > 0);
			all.frames++;
			all.bytes += f.len;
			all.times ^= f.time_ns;
			break;
		case PCAP_MORE:
			must(used > len);
			if (at + len == size)
				at = size;
			shown = used;
			used = 0;
			break;
		case PCAP_SKIP:
			must(used > 0);
			break;
		case PCAP_LOST:
			must(used > 0);
			all.lost++;
			break;
		case PCAP_BAD:
			must(r.error[0]);
			all.bad = true;
			break;
		}
		if (next != PCAP_MORE) {
			at = used < size - at ? at + used : size;
			shown = step;
		}
		free(window);
	}
	pcap_reader_fini(&r);
	return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct found whole = read_all(data, size, size ? size : 1), cut = read_all(data, size, 1);

	must(whole.frames == cut.frames && whole.bytes == cut.bytes && whole.times == cut.times);
	must(whole.lost == cut.lost && whole.bad == cut.bad);
	return 0;
}
