/* port.c - see port.h. */
#include "cli/port.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "capture/manager.h"
#include "capture/trace.h"

/* Whoever sends and receives one frame at a time wants each at once, and all queues of an interface. */
static int open_by_name(struct device **out, const char *name, const struct port_opts *o)
{
	struct device_opts opts = {
		.kind = "afxdp", .name = name, .promiscuous = o->promiscuous, .exclusive = o->exclusive, .immediate = true,
	};
	const struct device_kind *kind = device_kind_find("afxdp");

	if (kind != NULL && (kind->ops->queues == NULL || kind->ops->queues(&opts) == 1)) {
		opts.queues = 1;
		if (device_open(out, &opts) == 0)
			return 0;
	}
	opts.kind = "pcap";
	return device_open(out, &opts);
}

static int open_by_spec(struct device **out, const char *text, const struct port_opts *o)
{
	struct device_spec spec;
	int err = device_spec_parse(&spec, text);

	if (err < 0)
		return err;
	spec.opts.promiscuous |= o->promiscuous;
	spec.opts.exclusive |= o->exclusive;
	spec.opts.immediate = true;
	err = device_spec_open(out, &spec);
	device_spec_fini(&spec);
	return err;
}

int port_open(struct device **out, const char *text, const struct port_opts *o)
{
	struct device *dev = NULL;
	int err = strchr(text, ':') ? open_by_spec(&dev, text, o) : open_by_name(&dev, text, o);

	if (err < 0) {
		fprintf(stderr, "tapir %s: %s\n", o->command, device_error());
		return err;
	}
	if (o->promiscuous)
		device_set_promiscuous(dev, true);
	if (o->trace != NULL) {
		err = trace_new(&dev, dev, o->trace);
		if (err < 0) {
			fprintf(stderr, "tapir %s: %s: %s\n", o->command, o->trace, strerror(-err));
			device_close(dev);
			return err;
		}
	}
	*out = dev;
	return 0;
}

void port_describe(const struct device *dev, char *out, size_t len)
{
	struct device_info info;

	device_info(dev, &info);
	snprintf(out, len, "%s %s (%s)", info.kind, info.name, info.mode);
}

int stop_fd(void)
{
	sigset_t mask;
	int fd;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

bool stop_asked(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof(info)) == sizeof(info);
}

uint64_t time_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

bool seconds_parse(const char *text, uint64_t *out_ns)
{
	static const struct {
		const char *unit;
		double factor;
	} units[] = { { "", 1e9 }, { "s", 1e9 }, { "ms", 1e6 }, { "us", 1e3 }, { "min", 60e9 }, { "h", 3600e9 } };
	char *end;
	double v = strtod(text, &end);

	if (end == text || !(v >= 0) || v > 1e8)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (strcmp(units[i].unit, end) == 0) {
			*out_ns = (uint64_t)(v * units[i].factor);
			return true;
		}
	}
	return false;
}
