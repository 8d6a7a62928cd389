/* host_port.c - see host_port.h. */
#include "cli/host_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/resolve.h"

#define SPEC_MAX 256

static int usage(const char *command, const char *what, const char *value)
{
	fprintf(stderr, "tapir %s: %s%s%s\nTry: tapir %s --help\n", command, what, value[0] ? ": " : "", value, command);
	return EXIT_USAGE;
}

/* By AF_XDP, else by libpcap. Promiscuous, where the MAC address isn't the interface's. */
static int device_open_port(struct tapir_device **out, const struct host_port_options *o)
{
	char spec[SPEC_MAX];
	const char *more = o->mac != NULL ? ",promiscuous" : "";
	int err;

	if (strchr(o->port, ':') != NULL)
		return tapir_device_open(out, o->port);
	snprintf(spec, sizeof(spec), "afxdp:%s%s", o->port, more);
	err = tapir_device_open(out, spec);
	if (err < 0) {
		snprintf(spec, sizeof(spec), "pcap:%s,immediate%s", o->port, more);
		err = tapir_device_open(out, spec);
	}
	return err;
}

static int netif_make(struct tapir_host *h, const char *command, const struct host_port_options *o, int *netif)
{
	struct tapir_netif_config config = { .no_dad = true };
	struct tapir_device *dev;
	uint32_t mtu = 0;
	int err;

	if (o->mac != NULL && !text_mac(slice_str(o->mac), config.mac))
		return usage(command, "--mac: expected a MAC address like 02:00:00:00:00:01, found", o->mac);
	if (o->mtu != NULL && !text_u32(slice_str(o->mtu), 65535, &mtu))
		return usage(command, "--mtu: expected a number, found", o->mtu);
	config.mtu = mtu;
	if (device_open_port(&dev, o) < 0) {
		fprintf(stderr, "tapir %s: %s\n", command, tapir_device_error());
		return EXIT_PROBLEM;
	}
	err = o->trace != NULL ? tapir_device_trace(&dev, o->trace) : 0;
	if (err < 0) {
		fprintf(stderr, "tapir %s: %s: %s\n", command, o->trace, strerror(-err));
		tapir_device_close(dev);
		return EXIT_PROBLEM;
	}
	*netif = tapir_netif_add(h, dev, &config);
	if (*netif < 0) {
		fprintf(stderr, "tapir %s: %s: %s\n", command, o->port, strerror(-*netif));
		tapir_device_close(dev);
		return EXIT_PROBLEM;
	}
	return 0;
}

static int addresses_set(struct tapir_host *h, const char *command, const struct host_port_options *o, int netif)
{
	for (unsigned i = 0; i < o->addresses.count; i++) {
		if (tapir_address_add(h, netif, o->addresses.at[i]) < 0)
			return usage(command, "--address: expected an address as 10.0.0.2/24 or fd00::2/64, found",
				     o->addresses.at[i]);
	}
	for (unsigned i = 0; i < o->gateways.count; i++) {
		const char *gateway = o->gateways.at[i];

		if (tapir_route_add(h, strchr(gateway, ':') ? "default6" : "default", gateway, netif, 0) < 0)
			return usage(command, "--gateway: expected a router's address that ours can reach, found", gateway);
	}
	return 0;
}

static int tunables_set(struct tapir_host *h, const char *command, const struct host_port_options *o)
{
	for (unsigned i = 0; i < o->tunables.count; i++) {
		const char *text = o->tunables.at[i], *equals = strchr(text, '=');
		char name[64];
		int err = -EINVAL;

		if (equals != NULL && (size_t)(equals - text) < sizeof(name)) {
			snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
			err = tapir_set(h, name, equals + 1);
		}
		if (err < 0)
			return usage(command, err == -ENOENT ? "--set: there is no such tunable" : "--set: expected NAME=VALUE, found",
				     text);
	}
	return 0;
}

int host_port_open(struct tapir_host **out, const char *command, const struct host_port_options *o)
{
	struct tapir_host *h;
	int netif = 0, status, err;

	if (o->port == NULL)
		return usage(command, "through which interface? Give -i PORT", "");
	if (o->addresses.count == 0)
		return usage(command, "which address is ours? Give --address IP/PREFIX", "");
	err = tapir_host_new(&h, NULL);
	if (err < 0) {
		fprintf(stderr, "tapir %s: %s\n", command, strerror(-err));
		return EXIT_PROBLEM;
	}
	status = tunables_set(h, command, o);
	/* First, so that it has the time. */
	err = status == 0 ? tapir_host_start(h) : 0;
	if (err < 0) {
		fprintf(stderr, "tapir %s: %s\n", command, strerror(-err));
		status = EXIT_PROBLEM;
	}
	if (status == 0)
		status = netif_make(h, command, o, &netif);
	if (status == 0)
		status = addresses_set(h, command, o, netif);
	if (status != 0) {
		tapir_host_free(h);
		return status;
	}
	*out = h;
	return 0;
}

/* "fe80::1%2": the scope is an interface of the host. */
static bool literal(struct tapir_host *h, const char *name, struct sockaddr_storage *out)
{
	struct sockaddr_in *four = (void *)out;
	struct sockaddr_in6 *six = (void *)out;
	char text[64];
	const char *scope = strchr(name, '%');
	int netif = 2;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, name, &four->sin_addr) == 1) {
		out->ss_family = AF_INET;
		return true;
	}
	snprintf(text, sizeof(text), "%.*s", (int)(scope ? (size_t)(scope - name) : strlen(name)), name);
	if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1)
		return false;
	out->ss_family = AF_INET6;
	if (scope != NULL && tapir_netif_find(h, scope + 1) > 0)
		netif = tapir_netif_find(h, scope + 1);
	if (IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr) || IN6_IS_ADDR_MC_LINKLOCAL(&six->sin6_addr))
		six->sin6_scope_id = (uint32_t)netif;
	return true;
}

int host_port_resolve(struct tapir_host *h, const char *command, const struct host_port_options *o, const char *name,
		      int family, uint16_t port, struct sockaddr_storage *out)
{
	char why[160];

	if (!literal(h, name, out)) {
		struct sockaddr_storage server;
		char text[64];

		if (o->dns == NULL && !resolve_server(text, sizeof(text))) {
			fprintf(stderr, "tapir %s: %s: there is no DNS server to ask; give --dns IP\n", command, name);
			return EXIT_PROBLEM;
		}
		if (!literal(h, o->dns ? o->dns : text, &server))
			return usage(command, "--dns: expected an IP address, found", o->dns ? o->dns : text);
		if (!resolve(h, &server, name, family, out, why, sizeof(why))) {
			fprintf(stderr, "tapir %s: %s: %s\n", command, name, why);
			return EXIT_PROBLEM;
		}
	} else if (family != AF_UNSPEC && out->ss_family != family) {
		fprintf(stderr, "tapir %s: %s is no IPv%c address\n", command, name, family == AF_INET ? '4' : '6');
		return EXIT_PROBLEM;
	}
	if (out->ss_family == AF_INET)
		((struct sockaddr_in *)(void *)out)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)(void *)out)->sin6_port = htons(port);
	return 0;
}

void host_port_text(const struct sockaddr_storage *a, char *out, size_t len)
{
	const struct sockaddr_in6 *six = (const void *)a;
	size_t n;

	if (a->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, out, (socklen_t)len);
	else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		inet_ntop(AF_INET, six->sin6_addr.s6_addr + 12, out, (socklen_t)len);
	else
		inet_ntop(AF_INET6, &six->sin6_addr, out, (socklen_t)len);
	n = strlen(out);
	if (a->ss_family == AF_INET6 && six->sin6_scope_id != 0)
		snprintf(out + n, len - n, "%%%u", six->sin6_scope_id);
}
