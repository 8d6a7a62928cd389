/* vlan.h - tags between Ethernet's addresses and its payload: 802.1Q (nested: QinQ), 802.1ah
 * (MAC in MAC), Cisco's VN-Tag, 802.1BR's E-Tag. */
#ifndef TAPIR_WIRE_VLAN_H
#define TAPIR_WIRE_VLAN_H

#include "base/reader.h"
#include "base/writer.h"

#define VLAN_HEADER_LEN 4
#define IEEE8021AH_HEADER_LEN 18
#define VNTAG_HEADER_LEN 6
#define ETAG_HEADER_LEN 8

struct vlan_header {
	uint8_t priority;
	bool drop_eligible;
	uint16_t id;
	uint16_t type;          /* EtherType of what follows */
};

enum parse vlan_parse(struct vlan_header *h, struct reader *in);
void vlan_build(struct writer *w, const struct vlan_header *h);

#endif
