/* host_port.h - a host of our own on a port, for commands that talk: its options, its start, names. */
#ifndef TAPIR_CLI_HOST_PORT_H
#define TAPIR_CLI_HOST_PORT_H

#include "cli/options.h"
#include "tapir/host.h"

struct host_port_options {
	const char *port;
	struct names addresses, gateways, tunables;
	const char *mac, *mtu, *trace, *dns;
};

/* The rows for them, in a command whose options have a struct host_port_options as `member`. */
#define HOST_PORT_ROWS(type, member) \
	{ NULL, 0, NULL, OPTION_HEADING, 0, "Who we are" }, \
	{ "interface", 'i', "PORT", OPTION_TEXT, offsetof(type, member.port), \
	  "an interface, or a device as in tap:NAME, pcap:NAME, afxdp:NAME,generic" }, \
	{ "address", 0, "IP/PREFIX", OPTION_LIST, offsetof(type, member.addresses), \
	  "our address there; may be repeated, IPv4 and IPv6" }, \
	{ "gateway", 0, "IP", OPTION_LIST, offsetof(type, member.gateways), "the way to everybody else; one for IPv4, one for IPv6" }, \
	{ "dns", 0, "IP", OPTION_TEXT, offsetof(type, member.dns), "ask this server for names (the first of /etc/resolv.conf)" }, \
	{ "mac", 0, "MAC", OPTION_TEXT, offsetof(type, member.mac), "instead of the interface's" }, \
	{ "mtu", 0, "N", OPTION_TEXT, offsetof(type, member.mtu), "instead of the interface's" }, \
	{ "set", 0, "NAME=VALUE", OPTION_LIST, offsetof(type, member.tunables), \
	  "a tunable of the stack, as tcp.sack=0 (docs/host-stack.md)" }, \
	{ "trace", 0, "FILE", OPTION_TEXT, offsetof(type, member.trace), "write what passes to a capture file (pcapng)" }

/* Opens the port and starts a host with a runner thread on it. Returns 0, or an exit status after having said what is
 * wrong. Signals that stop_fd (port.h) is to get must be blocked before. */
int host_port_open(struct tapir_host **out, const char *command, const struct host_port_options *o);

/* An address in text form or a name; family is AF_INET, AF_INET6, or AF_UNSPEC: whichever there is. port goes into *out.
 * Returns 0 or an exit status after having said what is wrong. */
int host_port_resolve(struct tapir_host *h, const char *command, const struct host_port_options *o, const char *name,
		      int family, uint16_t port, struct sockaddr_storage *out);

/* "10.0.0.1", "fe80::1%2"; out has INET6_ADDRSTRLEN + 12 bytes. */
void host_port_text(const struct sockaddr_storage *a, char *out, size_t len);
static inline socklen_t host_port_len(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET ? 16 : 28;       /* sockaddr_in, sockaddr_in6 */
}

#endif
