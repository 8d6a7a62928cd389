/* reject.h - the frame that tells one end of a conversation that its packet was refused.
 *
 * TCP gets a reset that its receiver takes for true (RFC 9293 3.5.2: the sequence number is exactly the next one
 * it expects, as far as the packet tells); anything else an ICMP error to its sender. Never in answer to a reset, an ICMP error, a later
 * fragment, or to and from group addresses (RFC 1122 3.2.2, RFC 4443 2.4). */
#ifndef TAPIR_WIRE_REJECT_H
#define TAPIR_WIRE_REJECT_H

#include "stack/wire/packet.h"

/* Room for the longest: an ICMPv6 error of 1280 bytes with its link header. */
#define REJECT_FRAME_MAX (1280 + 14 + 4 * PACKET_VLANS_MAX)
/* A receiver that hasn't seen the packet expects another sequence number than one that has. */
#define REJECT_FRAMES_MAX 2

struct reject_frame {
	uint32_t len;
	uint8_t data[REJECT_FRAME_MAX];
};

/* Makes what tells one end (to is one of enum reject_to); with Ethernet and VLAN headers where pkt came with
 * them, else bare. Returns how many frames: 0 where there is nothing to be told, or no way to (tunnels). */
unsigned reject_build(struct reject_frame out[REJECT_FRAMES_MAX], const struct packet *pkt, enum reject_to to);

#endif
