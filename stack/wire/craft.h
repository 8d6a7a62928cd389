/* craft.h - whole frames from a short text: for tests, and for sending.
 *
 * A frame is a list of layers, outermost first, separated by "/". Lengths, checksums and the
 * "next" fields are filled in; what a layer lists overrides. Payload is "text" (with \n, \x0a, ...), hex:0a0b,
 * or zeros:100.
 *
 *   eth / ipv4 10.0.0.1 10.0.0.2 / tcp 1000 80 S seq=1 mss=1460 wscale=7 sackok ts=1,0
 *   ip src=10.0.0.1 dst=10.0.0.2 / tcp flags=S dport=80
 *   eth / vlan 5 / ipv6 fe80::1 fe80::2 / udp 5353 53 / "hello"
 *   eth / ipv4 1.1.1.1 2.2.2.2 / gre key=7 / ipv4 10.0.0.1 10.0.0.2 / icmp 8 0 id=1 seq=2
 *
 * Words in capitals stand in this order or are given by name, in small letters: src=, dport=, id=.
 *
 *   eth [src=MAC] [dst=MAC] [type=N]        arp OP SRC DST [SRC-MAC [DST-MAC]]     (OP: request, reply)
 *   vlan ID [prio=N] [type=N]               mpls LABEL [ttl=N] [more]
 *   pppoe SESSION                           ipv4 SRC DST [ttl= tos= id= df mf off=BYTES proto= opt=HEX badsum]
 *   ipv6 SRC DST [ttl= tos= flow= next=]    ip SRC DST                (one of them, by the addresses)
 *   frag id=N off=BYTES [mf]                hop DATA, dst DATA        (options headers, in hex)
 *   tcp SPORT DPORT [FLAGS] [seq= ack= win= urg= mss= wscale= sackok ts=VAL,ECR sack=L-R opt=HEX badsum]
 *   udp SPORT DPORT [badsum]                icmp TYPE CODE [id= seq= rest= badsum], icmpv6 likewise (echo)
 *   sctp SPORT DPORT [tag=]                 gre [key=] [seq=] [type=]
 *   vxlan VNI, geneve VNI, gtpu TEID        esp SPI SEQ
 */
#ifndef TAPIR_WIRE_CRAFT_H
#define TAPIR_WIRE_CRAFT_H

#include "stack/wire/packet.h"

#define CRAFT_SOURCE_PORT 40000 /* where none is given */

/* What stands for things left out. */
struct craft_opts {
	uint8_t eth_src[6], eth_dst[6];
	bool has_src4, has_src6;        /* else an IP layer has to give its source */
	struct ip_addr src4, src6;
};

extern const struct craft_opts craft_opts_default;

struct craft_error {
	size_t at, len;                 /* the word that is wrong, in the text */
	char text[256];                 /* "expected a number up to 65535" */
};

/* Builds text into out (cap bytes). Returns the frame's length, or -EINVAL or -ENOSPC with the reason in *error. */
int craft_with(uint8_t *out, size_t cap, const char *text, const struct craft_opts *opts, struct craft_error *error);
/* The same with the defaults; at (may be NULL) is where the text is wrong. */
int craft(uint8_t *out, size_t cap, const char *text, size_t *at);

#endif
