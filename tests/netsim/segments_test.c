/* segments_test.c - segment by segment: what leaves, and when. The behaviour is Linux' where RFCs leave a choice. */
#include <stdlib.h>

#include "base/check.h"
#include "tests/netsim/script.h"

/* A server's handshake with window scale 7 and SACK, and one with timestamps as well. */
#define SERVER                                                                                          \
	"+0 listen\n"                                                                                   \
	"+0 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>\n"                              \
	"+0 > S. 0:0(0) ack 1 win 64240 <mss 1460,nop,nop,sackOK,nop,wscale 7>\n"                       \
	"+.1 < . 1:1(0) ack 1 win 257\n"                                                                \
	"+0 accept\n"

#define CLIENT                                                                                          \
	"+0 connect\n"                                                                                  \
	"+0 > S 0:0(0) win 64240 <mss 1460,sackOK,TS val 0 ecr 0,nop,wscale 7>\n"                       \
	"+.1 < S. 0:0(0) ack 1 win 5792 <mss 1460,nop,wscale 2,nop,nop,sackOK>\n"                       \
	"+0 > . 1:1(0) ack 1 win 502\n"

struct row {
	const char *name, *script;
};

static const struct row rows[] = {
	{ "server handshake with timestamps",
	  "+0 listen\n"
	  "+0 < S 0:0(0) win 32792 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>\n"
	  "+0 > S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 0 ecr 100,nop,wscale 7>\n"
	  "+.05 < . 1:1(0) ack 1 win 257 <nop,nop,TS val 150 ecr 0>\n"
	  "+0 accept\n"
	  "+0 info state=1 snd_mss=1448 advmss=1448 snd_cwnd=10 rtt=50000 options=7\n" },
	{ "server handshake without options",
	  "+0 listen\n"
	  "+0 < S 0:0(0) win 32792 <mss 1460>\n"
	  "+0 > S. 0:0(0) ack 1 win 64240 <mss 1460>\n"
	  "+.1 < . 1:1(0) ack 1 win 257\n"
	  "+0 accept\n"
	  "+0 info state=1 options=0 rto=300000\n" },
	{ "SYN-ACK is repeated after 1, 3, 7 s",
	  "+0 listen\n"
	  "+0 < S 0:0(0) win 32792 <mss 1460>\n"
	  "+0 > S. 0:0(0) ack 1 <mss 1460>\n"
	  "+1 > S. 0:0(0) ack 1 <mss 1460>\n"
	  "+2 > S. 0:0(0) ack 1 <mss 1460>\n"
	  "+4 > S. 0:0(0) ack 1 <mss 1460>\n"
	  "+8 > S. 0:0(0) ack 1 <mss 1460>\n"
	  "+16 > S. 0:0(0) ack 1 <mss 1460>\n"
	  "+100 none\n" },
	{ "client handshake, then data both ways, then close by the client",
	  CLIENT
	  "+0 write 100\n"
	  "+0 > P. 1:101(100) ack 1\n"
	  "+.1 < . 1:1(0) ack 101 win 1448\n"
	  "+0 < P. 1:51(50) ack 101 win 1448\n"
	  "+0 > . 101:101(0) ack 51\n"
	  "+0 read 50\n"
	  "+0 close\n"
	  "+0 > F. 101:101(0) ack 51\n"
	  "+.1 < . 51:51(0) ack 102 win 1448\n"
	  "+0 < F. 51:51(0) ack 102 win 1448\n"
	  "+0 > . 102:102(0) ack 52\n"
	  "+10 < F. 51:51(0) ack 102 win 1448\n"
	  "+0 > . 102:102(0) ack 52\n" },
	{ "SYN is repeated, first each second, then twice as long each time",
	  "+0 set tcp.syn_linear_timeouts 0\n"
	  "+0 connect\n"
	  "+0 > S 0:0(0) <...>\n"
	  "+1 > S 0:0(0) <...>\n"
	  "+2 > S 0:0(0) <...>\n"
	  "+4 > S 0:0(0) <...>\n"
	  "+8 > S 0:0(0) <...>\n"
	  "+16 > S 0:0(0) <...>\n"
	  "+32 > S 0:0(0) <...>\n"
	  "+64 error 110\n" },
	{ "connection refused",
	  "+0 connect\n"
	  "+0 > S 0:0(0) <...>\n"
	  "+.1 < R. 0:0(0) ack 1 win 0\n"
	  "+0 error 111\n" },
	{ "initial window of ten, slow start",
	  SERVER
	  "+0 write 20000\n"
	  "+0 > . 1:1001(1000) ack 1\n"
	  "+0 > . 1001:2001(1000) ack 1\n"
	  "+0 > . 2001:3001(1000) ack 1\n"
	  "+0 > . 3001:4001(1000) ack 1\n"
	  "+0 > . 4001:5001(1000) ack 1\n"
	  "+0 > . 5001:6001(1000) ack 1\n"
	  "+0 > . 6001:7001(1000) ack 1\n"
	  "+0 > . 7001:8001(1000) ack 1\n"
	  "+0 > . 8001:9001(1000) ack 1\n"
	  "+0 > . 9001:10001(1000) ack 1\n"
	  "+0 info snd_cwnd=10 unacked=10\n"
	  "+.1 < . 1:1(0) ack 2001 win 257\n"
	  "+0 > . 10001:11001(1000) ack 1\n"
	  "+0 > . 11001:12001(1000) ack 1\n"
	  "+0 > . 12001:13001(1000) ack 1\n"
	  "+0 > . 13001:14001(1000) ack 1\n"
	  "+0 info snd_cwnd=12 unacked=12\n" },
	{ "retransmission timeout after tail loss probe is off: 300 ms, then doubled",
	  "+0 set tcp.early_retrans 0\n"
	  SERVER
	  "+0 write 1000\n"
	  "+0 > P. 1:1001(1000) ack 1\n"
	  "+.3 > P. 1:1001(1000) ack 1\n"
	  "+0 info ca_state=4 retransmits=1 snd_cwnd=1\n"
	  "+.6 > P. 1:1001(1000) ack 1\n"
	  "+1.2 > P. 1:1001(1000) ack 1\n"
	  "+.1 < . 1:1(0) ack 1001 win 257\n"
	  "+0 info unacked=0 ca_state=0\n" },
	{ "tail loss probe: two round trips, then the timeout",
	  SERVER
	  "+0 write 4000\n"
	  "+0 > . 1:1001(1000) ack 1\n"
	  "+0 > . 1001:2001(1000) ack 1\n"
	  "+0 > . 2001:3001(1000) ack 1\n"
	  "+0 > P. 3001:4001(1000) ack 1\n"
	  "+.202 > P. 3001:4001(1000) ack 1\n"
	  "+.1 < . 1:1(0) ack 1 win 257 <sack 3001:4001,nop,nop>\n"
	  "+0 > . 1:1001(1000) ack 1\n"
	  "+0 info ca_state=3\n" },
	{ "fast retransmit with SACK",
	  SERVER
	  "+0 write 5000\n"
	  "+0 > . 1:1001(1000) ack 1\n"
	  "+0 > . 1001:2001(1000) ack 1\n"
	  "+0 > . 2001:3001(1000) ack 1\n"
	  "+0 > . 3001:4001(1000) ack 1\n"
	  "+0 > P. 4001:5001(1000) ack 1\n"
	  "+.1 < . 1:1(0) ack 1 win 257 <sack 1001:2001,nop,nop>\n"
	  "+0 < . 1:1(0) ack 1 win 257 <sack 1001:3001,nop,nop>\n"
	  "+0 < . 1:1(0) ack 1 win 257 <sack 1001:4001,nop,nop>\n"
	  "+0 > . 1:1001(1000) ack 1\n"
	  "+0 info ca_state=3 lost=1 retrans=1 snd_ssthresh=7\n"
	  "+.1 < . 1:1(0) ack 5001 win 257\n"
	  "+0 info ca_state=0 snd_cwnd=7\n" },
	{ "fast retransmit without SACK",
	  "+0 set tcp.congestion_control reno\n"
	  "+0 listen\n"
	  "+0 < S 0:0(0) win 32792 <mss 1000>\n"
	  "+0 > S. 0:0(0) ack 1 win 64240 <mss 1460>\n"
	  "+.1 < . 1:1(0) ack 1 win 32792\n"
	  "+0 accept\n"
	  "+0 write 5000\n"
	  "+0 > . 1:1001(1000) ack 1\n"
	  "+0 > . 1001:2001(1000) ack 1\n"
	  "+0 > . 2001:3001(1000) ack 1\n"
	  "+0 > . 3001:4001(1000) ack 1\n"
	  "+0 > P. 4001:5001(1000) ack 1\n"
	  "+.1 < . 1:1(0) ack 1 win 32792\n"
	  "+0 < . 1:1(0) ack 1 win 32792\n"
	  "+0 < . 1:1(0) ack 1 win 32792\n"
	  "+0 > . 1:1001(1000) ack 1\n"
	  "+0 info ca_state=3 snd_ssthresh=5\n" },
	{ "delayed acknowledgement: quick at first, every second segment",
	  SERVER
	  "+0 < P. 1:1001(1000) ack 1 win 257\n"
	  "+0 > . 1:1(0) ack 1001\n"
	  "+0 < P. 1001:2001(1000) ack 1 win 257\n"
	  "+0 > . 1:1(0) ack 2001\n"
	  "+0 read 2000\n" },
	{ "out of order: duplicate acknowledgements with SACK, then all at once",
	  SERVER
	  "+0 < . 1001:2001(1000) ack 1 win 257\n"
	  "+0 > . 1:1(0) ack 1 <nop,nop,sack 1001:2001>\n"
	  "+0 < . 3001:4001(1000) ack 1 win 257\n"
	  "+0 > . 1:1(0) ack 1 <nop,nop,sack 3001:4001 1001:2001>\n"
	  "+0 < . 2001:3001(1000) ack 1 win 257\n"
	  "+0 > . 1:1(0) ack 1 <nop,nop,sack 1001:4001>\n"
	  "+0 < . 1:1001(1000) ack 1 win 257\n"
	  "+0 > . 1:1(0) ack 4001\n"
	  "+0 read 4000\n" },
	{ "what came twice is told by DSACK",
	  SERVER
	  "+0 < . 1:1001(1000) ack 1 win 257\n"
	  "+0 > . 1:1(0) ack 1001\n"
	  "+0 < . 1:1001(1000) ack 1 win 257\n"
	  "+0 > . 1:1(0) ack 1001 <nop,nop,sack 1:1001>\n"
	  "+0 read 1000\n" },
	{ "Nagle: a second small segment waits",
	  SERVER
	  "+0 write 100\n"
	  "+0 > P. 1:101(100) ack 1\n"
	  "+0 write 100\n"
	  "+.05 none\n"
	  "+.05 < . 1:1(0) ack 101 win 257\n"
	  "+0 > P. 101:201(100) ack 1\n" },
	{ "no Nagle",
	  SERVER
	  "+0 opt nodelay 1\n"
	  "+0 write 100\n"
	  "+0 > P. 1:101(100) ack 1\n"
	  "+0 write 100\n"
	  "+0 > P. 101:201(100) ack 1\n" },
	{ "cork, MSG_MORE",
	  SERVER
	  "+0 more 100\n"
	  "+.1 none\n"
	  "+0 write 100\n"
	  "+0 > P. 1:201(200) ack 1\n" },
	{ "zero window: probes after 300 ms, 600 ms, ...",
	  SERVER
	  "+0 write 1000\n"
	  "+0 > P. 1:1001(1000) ack 1\n"
	  "+.1 < . 1:1(0) ack 1001 win 0\n"
	  "+0 write 1000\n"
	  "+.3 > . 1000:1000(0) ack 1\n"
	  "+0 < . 1:1(0) ack 1001 win 0\n"
	  "+.6 > . 1000:1000(0) ack 1\n"
	  "+0 < . 1:1(0) ack 1001 win 0\n"
	  "+1.2 > . 1000:1000(0) ack 1\n"
	  "+.1 < . 1:1(0) ack 1001 win 100\n"
	  "+0 > P. 1001:2001(1000) ack 1\n" },
	{ "RST: only an exact one ends the connection, others are challenged",
	  SERVER
	  "+0 < R 1000:1000(0) win 0\n"
	  "+0 > . 1:1(0) ack 1\n"
	  "+0 info state=1\n"
	  "+1 < R 1:1(0) win 0\n"
	  "+0 error 104\n" },
	{ "a SYN in the window is challenged",
	  SERVER
	  "+0 < S 500:500(0) win 1000 <mss 1000>\n"
	  "+0 > . 1:1(0) ack 1\n"
	  "+0 info state=1\n" },
	{ "a segment outside the window is answered, once in half a second",
	  SERVER
	  "+0 < . 200000:200000(0) ack 1 win 257\n"
	  "+0 > . 1:1(0) ack 1\n"
	  "+.1 < . 200000:200000(0) ack 1 win 257\n"
	  "+.3 none\n" },
	{ "simultaneous open",
	  "+0 connect\n"
	  "+0 > S 0:0(0) win 64240 <mss 1460,sackOK,TS val 0 ecr 0,nop,wscale 7>\n"
	  "+.1 < S 0:0(0) win 5792 <mss 1460,sackOK,nop,nop,nop,wscale 7>\n"
	  "+0 > S. 0:0(0) ack 1 win 64240 <mss 1460,nop,nop,sackOK,nop,wscale 7>\n"
	  "+.1 < . 1:1(0) ack 1 win 257\n"
	  "+0 info state=1\n"
	  "+0 write 10\n"
	  "+0 > P. 1:11(10) ack 1\n" },
	{ "simultaneous close",
	  SERVER
	  "+0 close\n"
	  "+0 > F. 1:1(0) ack 1\n"
	  "+.1 < F. 1:1(0) ack 1 win 257\n"
	  "+0 > . 2:2(0) ack 2\n"
	  "+.1 < . 2:2(0) ack 2 win 257\n"
	  "+1 < F. 1:1(0) ack 2 win 257\n"
	  "+0 > . 2:2(0) ack 2\n" },
	{ "the peer closes first",
	  SERVER
	  "+0 < F. 1:1(0) ack 1 win 257\n"
	  "+0 > . 1:1(0) ack 2\n"
	  "+0 read 1 = 0\n"
	  "+0 write 10\n"
	  "+0 > P. 1:11(10) ack 2\n"
	  "+0 close\n"
	  "+0 > F. 11:11(0) ack 2\n"
	  "+.1 < . 2:2(0) ack 12 win 257\n"
	  "+0 < . 2:2(0) ack 12 win 257\n"
	  "+0 > R 12:12(0)\n" },
	{ "half close",
	  SERVER
	  "+0 shutdown w\n"
	  "+0 > F. 1:1(0) ack 1\n"
	  "+.1 < . 1:1(0) ack 2 win 257\n"
	  "+0 info state=5\n"
	  "+0 write 1 = -32\n"
	  "+0 < P. 1:101(100) ack 2 win 257\n"
	  "+0 > . 2:2(0) ack 101\n"
	  "+0 read 100\n"
	  "+0 < F. 101:101(0) ack 2 win 257\n"
	  "+0 > . 2:2(0) ack 102\n"
	  "+0 read 1 = 0\n" },
	{ "closed with unread data: RST",
	  SERVER
	  "+0 < P. 1:101(100) ack 1 win 257\n"
	  "+0 > . 1:1(0) ack 101\n"
	  "+0 close\n"
	  "+0 > R. 1:1(0) ack 101\n" },
	{ "linger 0: RST",
	  SERVER
	  "+0 abort\n"
	  "+0 > R. 1:1(0) ack 1\n" },
	{ "data after close: RST",
	  SERVER
	  "+0 close\n"
	  "+0 > F. 1:1(0) ack 1\n"
	  "+.1 < P. 1:101(100) ack 2 win 257\n"
	  "+0 > R 2:2(0)\n" },
	{ "a new SYN takes over a TIME_WAIT",
	  SERVER
	  "+0 close\n"
	  "+0 > F. 1:1(0) ack 1\n"
	  "+.1 < F. 1:1(0) ack 2 win 257\n"
	  "+0 > . 2:2(0) ack 2\n"
	  "+2 < S 5000:5000(0) win 32792 <mss 1000>\n"
	  "+0 > S. 0:0(0) ack 5001 <mss 1460>\n" },
	{ "keepalive",
	  SERVER
	  "+0 opt keepidle 10\n"
	  "+0 opt keepintvl 2\n"
	  "+0 opt keepcnt 2\n"
	  "+0 opt keepalive 1\n"
	  "+10 > . 0:0(0) ack 1\n"
	  "+0 < . 1:1(0) ack 1 win 257\n"
	  "+10 > . 0:0(0) ack 1\n"
	  "+2 > . 0:0(0) ack 1\n"
	  "+2 > R. 1:1(0) ack 1\n"
	  "+0 error 110\n" },
	{ "user timeout",
	  "+0 set tcp.early_retrans 0\n"
	  SERVER
	  "+0 opt user_timeout 2000\n"
	  "+0 write 10\n"
	  "+0 > P. 1:11(10) ack 1\n"
	  "+.3 > P. 1:11(10) ack 1\n"
	  "+.6 > P. 1:11(10) ack 1\n"
	  "+1.2 > P. 1:11(10) ack 1\n"
	  "+3 error 110\n" },
	{ "urgent data",
	  SERVER
	  "+0 < PU. 1:11(10) ack 1 win 257 urg 10\n"
	  "+0 > . 1:1(0) ack 11\n"
	  "+0 poll iop\n"
	  "+0 readoob 1\n"
	  "+0 read 100 = 9\n"
	  "+0 oob 1\n"
	  "+0 > PU. 1:2(1) ack 11 urg 1\n" },
	{ "path MTU",
	  "+0 listen\n"
	  "+0 < S 0:0(0) win 32792 <mss 1460,sackOK,nop,nop,nop,wscale 7>\n"
	  "+0 > S. 0:0(0) ack 1 <...>\n"
	  "+.1 < . 1:1(0) ack 1 win 257\n"
	  "+0 accept\n"
	  "+0 write 1460\n"
	  "+0 > P. 1:1461(1460) ack 1\n"
	  "+0 icmp mtu=1200 seq=1\n"
	  "+0 > . 1:1161(1160) ack 1\n"
	  "+0 > P. 1161:1461(300) ack 1\n"
	  "+0 info pmtu=1200 snd_mss=1160\n" },
	{ "ECN, as a server",
	  "+0 listen\n"
	  "+0 < SEW 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>\n"
	  "+0 > SE. 0:0(0) ack 1 <...>\n"
	  "+.1 < . 1:1(0) ack 1 win 257\n"
	  "+0 accept\n"
	  "+0 write 1000\n"
	  "+0 > [ect0] P. 1:1001(1000) ack 1\n"
	  "+.1 < E. 1:1(0) ack 1001 win 257\n"
	  "+0 write 1000\n"
	  "+0 > [ect0] PW. 1001:2001(1000) ack 1\n"
	  "+0 < [ce] P. 1:501(500) ack 1001 win 257\n"
	  "+0 > E. 2001:2001(0) ack 501\n" },
};

static void test_rows(void **state)
{
	const char *only = getenv("TAPIR_SCRIPT");

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		if (only == NULL || strtoul(only, NULL, 10) == i)
			script_run(rows[i].name, rows[i].script);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
