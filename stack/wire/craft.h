/* craft.h - whole frames from a short text: for tests, and for sending.
 *
 * A frame is a list of layers, outermost first, separated by " / ". Lengths, checksums and the
 * "next" fields are filled in; what a layer lists overrides. Payload is "text", hex:0a0b, or
 * zeros:100.
 *
 *   eth / ipv4 10.0.0.1 10.0.0.2 / tcp 1000 80 S seq=1 mss=1460 wscale=7 sackok ts=1,0
 *   eth / vlan 5 / ipv6 fe80::1 fe80::2 / udp 5353 53 / "hello"
 *   eth / ipv4 1.1.1.1 2.2.2.2 / gre key=7 / ipv4 10.0.0.1 10.0.0.2 / icmp 8 0 id=1 seq=2
 *
 *   eth [src=MAC] [dst=MAC] [type=N]        arp request|reply IP IP [MAC [MAC]]
 *   vlan ID [prio=N] [type=N]               mpls LABEL [ttl=N] [more]
 *   pppoe SESSION                           ipv4 SRC DST [ttl= tos= id= df mf off=BYTES proto= opt=HEX badsum]
 *   ipv6 SRC DST [ttl= tos= flow= next=]    hop HEX, dst HEX      (options headers)
 *   frag id=N off=BYTES [mf]                tcp SPORT DPORT [FLAGS] [seq= ack= win= urg= mss= wscale= sackok
 *                                               ts=VAL,ECR sack=L-R opt=HEX badsum]
 *   udp SPORT DPORT [badsum]                icmp TYPE CODE [id= seq= rest= badsum], icmpv6 likewise
 *   sctp SPORT DPORT [tag=]                 gre [key=] [seq=] [type=]
 *   vxlan VNI, geneve VNI, gtpu TEID        esp SPI SEQ
 */
#ifndef TAPIR_WIRE_CRAFT_H
#define TAPIR_WIRE_CRAFT_H

#include <stddef.h>
#include <stdint.h>

/* Builds text into out (cap bytes). Returns the frame's length, or -EINVAL (where the text is
 * wrong: *at is the byte), or -ENOSPC. at may be NULL. */
int craft(uint8_t *out, size_t cap, const char *text, size_t *at);

#endif
