/* icmp.h - ICMP and ICMPv6: answers to echoes, errors out within limits, errors in to whom they concern. */
#ifndef TAPIR_HOST_ICMP_H
#define TAPIR_HOST_ICMP_H

#include "stack/host/ip.h"

extern const struct host_protocol icmp_protocol;

struct icmp_state {
	uint64_t tokens_at, tokens;             /* errors that may go out now, in millionths */
	struct {
		uint64_t at;
		uint32_t tokens;
	} peers[256];                           /* the same by hash of the destination */
	bool echo_ignore_all, echo_ignore_broadcasts;
	uint32_t rate, burst, peer_rate, peer_burst;
	uint64_t echo_in, echo_replies_out, echo_replies_in, errors_in, errors_out, errors_limited, errors_unknown,
		 unknown, too_big_in, timestamps_in;
};

/* Errors about a packet that came in. Each checks that it may be sent at all (RFC 1122 3.2.2, RFC 4443 2.4) and the
 * rate limits. */
void icmp_port_unreachable(struct tapir_host *h, const struct ip_input *in);
void icmp_protocol_unreachable(struct tapir_host *h, const struct ip_input *in);
/* IPv6: code, and where in the packet the trouble is. IPv4: code 0. */
void icmp_parameter_problem(struct tapir_host *h, const struct ip_input *in, uint8_t code, uint32_t at);
void icmp_time_exceeded(struct tapir_host *h, struct netif *nif, const struct packet *pkt, bool reassembly);
void icmp_too_big(struct tapir_host *h, struct netif *nif, const struct packet *pkt, uint32_t mtu);
/* code: that of IPv4's "destination unreachable"; IPv6's is found from it. */
void icmp_unreachable(struct tapir_host *h, struct netif *nif, const struct packet *pkt, uint8_t code);
/* A packet (from the IP header on) could not be sent since its neighbour doesn't answer: our own sockets are told,
 * or whom it was forwarded for. */
void icmp_host_unreachable(struct tapir_host *h, const struct pbuf *p);

/* errno value and hardness of an error that came in; false where it is none to report. */
bool icmp_error_of(uint8_t version, uint8_t type, uint8_t code, int *error, bool *hard);

#endif
