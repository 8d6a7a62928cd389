/* manager.h - which devices are open: one set per interface, shared by whoever wants it.
 *
 * A set is all of a name's devices: the queues of an AF_XDP interface, or one device of
 * any other kind. All calls are safe from any thread; what a set's devices may be used
 * for by whom is device.h's business. */
#ifndef TAPIR_CAPTURE_MANAGER_H
#define TAPIR_CAPTURE_MANAGER_H

#include "capture/device.h"
#include "capture/net_interface.h"

#define DEVICE_SET_MAX 256

struct device_manager;

struct device_set {
	char name[DEVICE_NAME_MAX];
	char reason[512];       /* why it isn't of the kind that was tried first; empty where it is */
	unsigned count;
	struct device *devices[];
};

/* Returns 0 or -ENOMEM. */
int device_manager_new(struct device_manager **out);
/* Closes what is still open. */
void device_manager_free(struct device_manager *m);

/* Opens a set, or hands out the one that is open under that kind and name, with a reference more. Without
 * opts->kind it tries afxdp, then pcap. Every queue is opened (opts->queue and queues are ignored).
 * Returns 0, or -errno with the reason in device_error(). */
int device_manager_open(struct device_manager *m, struct device_set **out, const struct device_opts *opts);
/* The open set with this name, with a reference more; NULL where there is none. */
struct device_set *device_manager_find(struct device_manager *m, const char *name);
/* Gives a reference back; the last one closes the set. */
void device_manager_put(struct device_manager *m, struct device_set *set);
/* Calls visit for each open set, none of which is closed meanwhile; stops where it returns false. It must not
 * open or close. */
void device_manager_each(struct device_manager *m, bool (*visit)(const struct device_set *set, void *arg),
			 void *arg);

/* "KIND:NAME,option=value,...": options are device_opts' by name (queue=1, promiscuous, frames=4096, mtu=9000,
 * filter=..., which takes the rest); trace=FILE writes down what passes, impair=loss=2%+delay=20ms makes a bad
 * network of it (impair.h, with + for the commas). The text is kept in *out, to be freed with device_spec_fini.
 * Returns 0, or -EINVAL with what is wrong in device_error(). */
struct device_spec {
	struct device_opts opts;
	const char *trace;
	const char *impair;
	char *text;
};
int device_spec_parse(struct device_spec *out, const char *text);
void device_spec_fini(struct device_spec *spec);
/* Opens one device as specified, in its wrappers: what passes is traced as it is on the bad network's far side.
 * 0, or -errno with the reason in device_error(). */
int device_spec_open(struct device **out, const struct device_spec *spec);

#endif
