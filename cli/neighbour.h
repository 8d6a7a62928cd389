/* neighbour.h - the MAC address behind an IP address, for a command that sends bare IP packets onto Ethernet. */
#ifndef TAPIR_CLI_NEIGHBOUR_H
#define TAPIR_CLI_NEIGHBOUR_H

#include "capture/device.h"
#include "stack/wire/packet.h"

#define NEIGHBOURS_MAX 64

struct neighbours {
	struct device *dev;
	uint8_t mac[6];                 /* ours */
	int stop;                       /* stop_fd: waiting ends with it */
	unsigned count, next;
	struct neighbours_entry {
		struct ip_addr addr;
		uint8_t ip_version;
		bool answered;
		uint8_t mac[6];
	} entries[NEIGHBOURS_MAX];
};

/* Asks by ARP or neighbour solicitation, in the name of src, up to three times within a second and a half; multicast and
 * broadcast addresses need no asking. What was learnt, also that nobody answered, is remembered. */
bool neighbours_find(struct neighbours *n, uint8_t ip_version, const struct ip_addr *addr, const struct ip_addr *src,
		     uint8_t mac[6]);

#endif
