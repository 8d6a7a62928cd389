/* devices.c - the public face of capture's devices. */
#include <errno.h>
#include <string.h>

#include "capture/device.h"
#include "capture/impair.h"
#include "capture/manager.h"
#include "capture/memory.h"
#include "capture/trace.h"
#include "tapir/host.h"

static struct device *device_of(struct tapir_device *dev)
{
	return (struct device *)dev;
}

int tapir_device_open(struct tapir_device **out, const char *spec)
{
	struct device_spec parsed;
	struct device *dev;
	int err = device_spec_parse(&parsed, spec);

	if (err < 0)
		return err;
	err = device_spec_open(&dev, &parsed);
	device_spec_fini(&parsed);
	if (err == 0)
		*out = (struct tapir_device *)dev;
	return err;
}

const char *tapir_device_error(void)
{
	return device_error();
}

void tapir_device_close(struct tapir_device *dev)
{
	if (dev != NULL)
		device_close(device_of(dev));
}

int tapir_memory_new(struct tapir_device **out, enum tapir_medium medium, uint32_t mtu, uint32_t queue_len)
{
	const struct device_opts opts = {
		.kind = "memory", .name = "memory", .mtu = mtu, .frames_max = queue_len,
		.link = medium == TAPIR_MEDIUM_IP ? LINK_RAW : LINK_ETHERNET,
	};
	struct device *dev;
	int err = device_open(&dev, &opts);

	if (err == 0)
		*out = (struct tapir_device *)dev;
	return err;
}

int tapir_memory_pair(struct tapir_device *out[2], enum tapir_medium medium, uint32_t mtu, uint32_t queue_len)
{
	const struct memory_opts opts = {
		.mtu = mtu, .queue_len = queue_len, .link = medium == TAPIR_MEDIUM_IP ? LINK_RAW : LINK_ETHERNET,
	};
	struct device *pair[2];
	int err = memory_pair_new(pair, &opts);

	for (unsigned i = 0; i < 2 && err == 0; i++)
		out[i] = (struct tapir_device *)pair[i];
	return err;
}

static bool is_memory(const struct device *dev)
{
	return dev->kind == &device_kind_memory && dev->ops == device_kind_memory.ops;
}

int tapir_device_inject(struct tapir_device *dev, const void *frame, size_t len)
{
	struct device_info info;
	struct frame f = { .data = (uint8_t *)(uintptr_t)frame, .len = (uint32_t)len, .wire_len = (uint32_t)len };

	if (!is_memory(device_of(dev)))
		return -EOPNOTSUPP;
	if (len == 0 || len > UINT16_MAX + 64)
		return -EMSGSIZE;
	device_info(device_of(dev), &info);
	f.link = info.link;
	return memory_inject(device_of(dev), &f);
}

int tapir_device_drain(struct tapir_device *dev, void *buf, size_t cap, uint64_t *sent_ns)
{
	struct frame f;
	int len;

	if (!is_memory(device_of(dev)))
		return -EOPNOTSUPP;
	if (memory_drain(device_of(dev), &f, 1) == 0)
		return 0;
	memcpy(buf, f.data, f.len < cap ? f.len : cap);
	if (sent_ns != NULL)
		*sent_ns = f.time_ns;
	len = (int)f.len;
	memory_drained(device_of(dev), &f, 1);
	return len;
}

int tapir_device_impair(struct tapir_device **dev, const char *impairment)
{
	struct impair_opts opts = { 0 };
	struct device *wrapped;
	char why[256];
	int err = impair_opts_parse(&opts, impairment, why, sizeof(why));

	if (err < 0) {
		device_error_set("%s", why);
		return err;
	}
	err = impair_new(&wrapped, device_of(*dev), &opts);
	if (err == 0)
		*dev = (struct tapir_device *)wrapped;
	return err;
}

int tapir_device_trace(struct tapir_device **dev, const char *path)
{
	struct device *wrapped;
	int err = trace_new(&wrapped, device_of(*dev), path);

	if (err == 0)
		*dev = (struct tapir_device *)wrapped;
	return err;
}
