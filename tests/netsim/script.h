/* script.h - for tests: a host whose peer is a script, line by line, in virtual time.
 *
 *   +0 listen                            3-way handshakes and all else are played by the script
 *   +0 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>       a segment arrives
 *   +0 > S. 0:0(0) ack 1 win 64240 <mss 1460,nop,nop,sackOK,nop,wscale 7>       one leaves, now
 *   +.1 < . 1:1(0) ack 1 win 257
 *   +0 accept
 *   +0 write 1000                        and what it returns, where that isn't the same: write 1000 = -32
 *   +0 > P. 1:1001(1000) ack 1
 *   +.04 none                            until then nothing was sent
 *
 * +T is seconds after the line before; what leaves must do so within a millisecond of its line's time, and nothing may
 * leave that isn't written. Sequence numbers are relative to each side's first. Options of what leaves are compared
 * where they are given ("<...>" anything); TS val of ours isn't, only ecr. Flags: S F P R U E W and "." for ACK.
 * Other lines: connect, read N [= R], shutdown rd|wr, close, abort (linger 0), opt NAME N, set TUNABLE VALUE,
 * state N, info NAME=N..., error N (SO_ERROR), icmp mtu=N seq=N, poll MASK, peek. */
#ifndef TAPIR_TESTS_NETSIM_SCRIPT_H
#define TAPIR_TESTS_NETSIM_SCRIPT_H

/* Stops the test with the line that went wrong. */
void script_run(const char *name, const char *script);

#endif
