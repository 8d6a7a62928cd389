/* devices.c - what a run receives from: a capture file or directory, or interfaces, one device per
 * receive queue. */
#include <errno.h>

#include "base/log.h"
#include "sensor/run.h"

static int open_capture(struct run *r)
{
	const struct sensor_options *o = r->opts;
	struct device_opts opts = {
		.kind = "file", .name = o->capture, .filter = o->filter, .read_only = true,
		.recursive = o->recursive,
	};
	int err = device_manager_open(r->devices_open, &r->sets[0], &opts);

	if (err < 0) {
		log_error("%s", device_error());
		return err;
	}
	r->set_count = 1;
	r->devices[0] = r->sets[0]->devices[0];
	r->device_count = 1;
	return 0;
}

/* All receive queues of an interface. */
static int open_interface(struct run *r, const char *interface)
{
	struct device_opts opts = {
		.kind = r->opts->device_kind, .name = interface, .filter = r->opts->filter, .promiscuous = true,
		.read_only = true,
	};
	struct device_set *set;
	struct device_info info;
	int err;

	err = device_manager_open(r->devices_open, &set, &opts);
	if (err < 0) {
		log_error("%s", device_error());
		return err;
	}
	if (set->reason[0] != '\0')
		log_warning("%s", set->reason);
	if (r->device_count + set->count > RUN_DEVICES_MAX) {
		log_error("%s: more than %d receive queues in all", interface, RUN_DEVICES_MAX);
		device_manager_put(r->devices_open, set);
		return -E2BIG;
	}
	r->sets[r->set_count++] = set;
	for (unsigned i = 0; i < set->count; i++) {
		r->device_names[r->device_count] = interface;
		r->devices[r->device_count++] = set->devices[i];
	}
	device_info(set->devices[0], &info);
	log_notice("%s: %s%s%s%s%s", interface, info.kind, info.mode[0] ? ", " : "", info.mode,
		   info.reason[0] ? "; " : "", info.reason);
	if (info.peer_offload)
		log_warning("%s: frames may come without a checksum, left to a NIC that never was; \"ethtool -K "
			    "INTERFACE tx off\" where they are sent completes them", interface);
	return 0;
}

int run_devices_open(struct run *r)
{
	int err = device_manager_new(&r->devices_open);

	if (err < 0) {
		log_error("out of memory");
		return err;
	}
	if (r->opts->capture != NULL)
		return open_capture(r);
	for (unsigned i = 0; i < r->opts->interfaces.count && err == 0; i++)
		err = open_interface(r, r->opts->interfaces.at[i]);
	return err;
}

void run_devices_close(struct run *r)
{
	for (unsigned i = 0; i < r->set_count; i++)
		device_manager_put(r->devices_open, r->sets[i]);
	if (r->devices_open != NULL)
		device_manager_free(r->devices_open);
	r->device_count = r->set_count = 0;
}
