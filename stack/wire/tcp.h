/* tcp.h - the TCP header and its options (RFC 9293). */
#ifndef TAPIR_WIRE_TCP_H
#define TAPIR_WIRE_TCP_H

#include "base/writer.h"
#include "stack/wire/ip.h"

#define TCP_HEADER_LEN 20
#define TCP_HEADER_MAX 60

enum tcp_flag {
	TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32, TCP_ECE = 64,
	TCP_CWR = 128,
};

enum tcp_option {
	TCP_OPT_EOL = 0, TCP_OPT_NOP = 1, TCP_OPT_MSS = 2, TCP_OPT_WSCALE = 3, TCP_OPT_SACK_OK = 4,
	TCP_OPT_SACK = 5, TCP_OPT_TS = 8, TCP_OPT_MD5 = 19, TCP_OPT_AO = 29, TCP_OPT_FAST_OPEN = 34,
	TCP_OPT_EXP = 254,
};

struct tcp_header {
	uint16_t src_port, dst_port;
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window, urgent;
	struct tcp_options options;     /* written in the order Linux has, padded with NOP */
	struct slice raw_options;       /* instead of options, as they are; padded with EOL */
};

/* Writes the header, checksum 0: l4_checksum_set when the payload stands behind it. */
void tcp_build(struct writer *w, const struct tcp_header *h);
/* Reads options. What is wrong with them, as events: the last two are bits of the answer. */
enum { TCP_OPTIONS_BAD_LEN = 1, TCP_OPTIONS_DUPLICATE = 2 };
unsigned tcp_options_parse(struct tcp_options *out, const uint8_t *o, size_t left);

#endif
