/* decode_events.h - the list behind event.h: X(identifier, Suricata's name without "decoder."). Included
 * several times, so it has no guard. */
X(IPV4_PKT_TOO_SMALL, "ipv4.pkt_too_small")
X(IPV4_HLEN_TOO_SMALL, "ipv4.hlen_too_small")
X(IPV4_IPLEN_SMALLER_THAN_HLEN, "ipv4.iplen_smaller_than_hlen")
X(IPV4_TRUNC_PKT, "ipv4.trunc_pkt")
