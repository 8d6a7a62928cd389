/* devices.c - what a run receives from: a capture file or directory, or interfaces, one device per
 * receive queue. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "sensor/run.h"

static int open_capture(struct run *r)
{
	const struct sensor_options *o = r->opts;
	struct device_opts opts = {
		.kind = "file", .name = o->capture, .filter = o->filter, .read_only = true,
	};
	int err = device_open(&r->devices[0], &opts);

	if (err < 0) {
		log_error("%s", device_error());
		return err;
	}
	r->device_count = 1;
	return 0;
}

/* One queue, or the whole interface where the kind knows no queues. */
static int open_queue(struct run *r, const char *interface, const char *kind, uint32_t queue, uint32_t queues)
{
	struct device_opts opts = {
		.kind = kind, .name = interface, .filter = r->opts->filter, .queue = queue, .queues = queues,
		.promiscuous = true, .read_only = true,
	};
	struct device_info info;
	int err;

	if (r->device_count == RUN_DEVICES_MAX) {
		log_error("more than %d receive queues", RUN_DEVICES_MAX);
		return -E2BIG;
	}
	err = device_open(&r->devices[r->device_count], &opts);
	if (err < 0)
		return err;
	device_info(r->devices[r->device_count], &info);
	log_notice("%s: %s%s%s", interface, info.kind, info.mode[0] ? ", " : "", info.mode);
	r->device_names[r->device_count++] = interface;
	return 0;
}

static int open_interface(struct run *r, const char *interface)
{
	const char *kind = r->opts->device_kind;
	bool chosen = kind != NULL;
	int err;

	if (kind == NULL)
		kind = device_kind_find("afxdp") ? "afxdp" : "pcap";
	err = open_queue(r, interface, kind, 0, 0);
	if (err < 0 && !chosen && strcmp(kind, "afxdp") == 0) {
		log_warning("%s: no AF_XDP (%s): falling back to libpcap", interface, device_error());
		err = open_queue(r, interface, "pcap", 0, 0);
	}
	if (err < 0)
		log_error("%s", device_error());
	return err;
}

int run_devices_open(struct run *r)
{
	int err = 0;

	if (r->opts->capture != NULL)
		return open_capture(r);
	for (unsigned i = 0; i < r->opts->interfaces.count && err == 0; i++)
		err = open_interface(r, r->opts->interfaces.at[i]);
	return err;
}

void run_devices_close(struct run *r)
{
	for (unsigned i = 0; i < r->device_count; i++)
		device_close(r->devices[i]);
	r->device_count = 0;
}
