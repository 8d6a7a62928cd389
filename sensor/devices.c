/* devices.c - what a run receives from: a capture file or directory, or interfaces, one device per
 * receive queue. */
#include <errno.h>
#include <string.h>

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

/* The entry for an interface in a list like Suricata's "af-xdp:", or the one for "default"; NULL where neither is. */
static const struct conf *interface_entry(const struct conf *conf, const char *section, const char *interface)
{
	const struct conf *list = conf_find(conf, section), *fallback = NULL;

	for (const struct conf *c = list ? list->first : NULL; c != NULL; c = c->next) {
		const char *name = conf_str(c, "interface", "");

		if (strcmp(name, interface) == 0)
			return c;
		if (strcmp(name, "default") == 0)
			fallback = c;
	}
	return fallback;
}

/* One of two words, or neither ("none"). -EINVAL, said, for any other. */
static int setting_word(const struct conf *entry, const char *key, const char *ignored, const char *wanted, bool *out)
{
	const struct conf *node = conf_find(entry, key);
	const char *word = conf_str(entry, key, "none");

	if (strcmp(word, wanted) == 0) {
		*out = true;
	} else if (strcmp(word, ignored) != 0 && strcmp(word, "none") != 0) {
		log_error("%s:%d: %s: \"%s\"; expected none, %s or %s", node->file ? node->file : "--set", node->line,
			  key, word, ignored, wanted);
		return -EINVAL;
	}
	return 0;
}

/* What the configuration says about an interface. The keys are Suricata's where it has them. */
static int interface_settings(const struct run *r, const char *interface, struct device_opts *opts)
{
	const struct conf *xdp = interface_entry(r->conf, "af-xdp", interface);
	const struct conf *pcap = interface_entry(r->conf, "pcap", interface);
	int err = 0;

	if (xdp != NULL) {
		opts->promiscuous = !conf_bool(xdp, "disable-promisc", false);
		opts->busy_poll = conf_bool(xdp, "enable-busy-poll", false);
		opts->huge_pages = conf_bool(xdp, "huge-pages", false);
		opts->exclusive = conf_bool(xdp, "exclusive", false);
		opts->frames_max = (uint32_t)conf_int(xdp, "frames", 0);
		opts->frame_len = (uint32_t)conf_int(xdp, "frame-length", 0);
		err = setting_word(xdp, "force-xdp-mode", "drv", "skb", &opts->generic);
		if (err == 0)
			err = setting_word(xdp, "force-bind-mode", "zero", "copy", &opts->copy);
	}
	if (pcap != NULL) {
		opts->buffer_len = conf_size(pcap, "buffer-size", 0);
		opts->snap_len = (uint32_t)conf_int(pcap, "snaplen", 0);
		if (opts->kind != NULL && strcmp(opts->kind, "pcap") == 0)
			opts->promiscuous = conf_bool(pcap, "promisc", true);
	}
	if (opts->filter == NULL)
		opts->filter = conf_str(opts->kind && strcmp(opts->kind, "pcap") == 0 ? pcap : xdp, "bpf-filter", NULL);
	return err;
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
	int err = interface_settings(r, interface, &opts);

	if (err < 0)
		return err;
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
