/* port.h - what the commands that send and receive have in common: a port opened by what a person
 * wrote, the end of it all by a signal, and the time. */
#ifndef TAPIR_CLI_PORT_H
#define TAPIR_CLI_PORT_H

#include "capture/device.h"

struct port_opts {
	const char *command;    /* to begin messages with */
	const char *trace;      /* capture file to write what passes to, or NULL */
	bool promiscuous;
	bool exclusive;         /* take the frames away from the kernel, see device.h */
};

/* text is an interface's name, opened by AF_XDP or else by libpcap, or "KIND:NAME,option=value,..." (manager.h).
 * Returns 0, or -errno after having said what was wrong. */
int port_open(struct device **out, const char *text, const struct port_opts *opts);
/* "afxdp ve0 (native, copy, queue 0 of 1)" */
void port_describe(const struct device *dev, char *out, size_t len);

/* SIGINT and SIGTERM as a descriptor: readable once one has come. -errno where it can't be had. */
int stop_fd(void);
/* Reads it: true where a signal has come. Never waits. */
bool stop_asked(int fd);

/* Since 1970, as frames have it. */
uint64_t time_now_ns(void);

/* "10", "2.5", "500ms": seconds. False where it is neither. */
bool seconds_parse(const char *text, uint64_t *out_ns);

#endif
