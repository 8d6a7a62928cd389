/* device.c - what all devices share: opening by kind, words for what went wrong,
 * and the answer of a device that lacks an ability. */
#include "capture/device.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const device_drop_names[DEVICE_DROPS] = {
	[DROP_KERNEL] = "kernel",
	[DROP_RING_FULL] = "ring_full",
	[DROP_FILL_EMPTY] = "fill_empty",
	[DROP_INVALID] = "invalid",
	[DROP_INTERFACE] = "interface",
	[DROP_TOO_LONG] = "too_long",
	[DROP_NO_BUFFER] = "no_buffer",
	[DROP_FILTER] = "filter",
	[DROP_SEND_FULL] = "send_full",
	[DROP_SEND_ERROR] = "send_error",
	[DROP_IMPAIRED] = "impaired",
};

/* Per thread: the reason belongs to the call that this thread made. */
static _Thread_local char open_error[1024];

const char *device_error(void)
{
	return open_error;
}

void device_error_set(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(open_error, sizeof(open_error), fmt, args);
	va_end(args);
}

const struct device_kind *device_kind_find(const char *name)
{
	for (unsigned i = 0; i < device_kind_count; i++)
		if (strcmp(device_kinds[i]->name, name) == 0)
			return device_kinds[i];
	return NULL;
}

static void kinds_list(char *out, size_t len)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < device_kind_count && used < len; i++)
		used += (size_t)snprintf(out + used, len - used, "%s%s", i ? ", " : "",
					 device_kinds[i]->name);
}

int device_open(struct device **out, const struct device_opts *opts)
{
	const struct device_kind *kind = device_kind_find(opts->kind);
	char names[256];
	int err;

	open_error[0] = '\0';
	if (kind == NULL) {
		kinds_list(names, sizeof(names));
		device_error_set("there is no device kind \"%s\"; there are %s", opts->kind, names);
		return -EINVAL;
	}
	err = kind->ops->open(out, opts);
	if (err < 0) {
		if (open_error[0] == '\0')
			device_error_set("%s %s: %s", kind->name, opts->name ? opts->name : "",
					 strerror(-err));
		return err;
	}
	(*out)->ops = kind->ops;
	(*out)->kind = kind;
	return 0;
}

void device_close(struct device *dev)
{
	if (dev)
		dev->ops->close(dev);
}

bool device_warning_take(struct device *dev, char out[DEVICE_WARNING_MAX])
{
	if (dev->warning[0] == '\0')
		return false;
	snprintf(out, DEVICE_WARNING_MAX, "%s", dev->warning);
	dev->warning[0] = '\0';
	return true;
}

void device_warning_set(struct device *dev, const char *fmt, ...)
{
	va_list args;

	if (dev->warning[0])
		return;
	va_start(args, fmt);
	vsnprintf(dev->warning, sizeof(dev->warning), fmt, args);
	va_end(args);
}

int device_poll_fd(const struct device *dev)
{
	return dev->ops->poll_fd ? dev->ops->poll_fd(dev) : -1;
}

int device_set_promiscuous(struct device *dev, bool on)
{
	return dev->ops->set_promiscuous ? dev->ops->set_promiscuous(dev, on) : -EOPNOTSUPP;
}

int device_set_mac(struct device *dev, const uint8_t mac[6])
{
	return dev->ops->set_mac ? dev->ops->set_mac(dev, mac) : -EOPNOTSUPP;
}

int device_set_mtu(struct device *dev, uint32_t mtu)
{
	return dev->ops->set_mtu ? dev->ops->set_mtu(dev, mtu) : -EOPNOTSUPP;
}

void device_info(const struct device *dev, struct device_info *out)
{
	memset(out, 0, sizeof(*out));
	if (dev->kind)
		snprintf(out->kind, sizeof(out->kind), "%s", dev->kind->name);
	if (dev->ops->info)
		dev->ops->info(dev, out);
}

void device_stats(const struct device *dev, struct device_stats *out)
{
	memset(out, 0, sizeof(*out));
	if (dev->ops->stats)
		dev->ops->stats(dev, out);
}
