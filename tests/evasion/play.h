/* play.h - a conversation with a real kernel, written as a line of text, and what the tracker makes of it.
 *
 * A script is a list of steps, separated by ";". We are one end and craft every packet; an application on
 * the kernel is the other. Each packet that we send and that the kernel answers is given to the tracker
 * as well, as on a span port.
 *
 *   set WORDS                ahead of all else: v6, ts (timestamps), wscale, inline (SO_OOBINLINE), md5, far
 *                            (the kernel is one hop behind the sensor), small (a small receive buffer),
 *                            isn=N, midstream, async
 *   open                     a handshake to the application's listener
 *   accept                   the application connects to us: its SYN, our SYN/ACK
 *   connect                  its SYN only
 *   FLAGS [+N] [WORDS] "x"   a segment. FLAGS as craft has them, "-" for PSH alone. +N counts from our initial
 *                            sequence number; without it the segment comes where the last such one ended.
 *                            a+N, ts+N: away from the right ACK and timestamp; ts=N, nots; xN: N bytes;
 *                            ipopt=HEX, ipbad, md5 (a made-up signature), and every option craft knows
 *                            of tcp (win= urg= opt= mss= badsum ...), ttl=N;
 *                            frag=LIST: as fragments of the IP payload, in this order: OFF+LEN each, with "!X":
 *                            filled with X, "." the last, "m" not the last, "#N": an id of its own,
 *                            "tN": N ms pass first, "z": of a length that isn't one of eights. Or frag=/N: cut every
 *                            N bytes; r: backwards, d: each twice.
 *   udp "x" [frag= nosum badsum ttl= ...]   a datagram to the application
 *   app "x"                  the application writes. shut, close: it ends its side, or all: what comes then is no
 *                            matter, as nobody reads it
 *   hold, read               it stops reading, goes on
 *   oob                      it fetches the urgent byte
 *   wait MS                  time passes, for the tracker 30 times as much
 *   again                    another connection on the same ports
 *   flush                    the kernel's delayed ACK is due */
#ifndef TAPIR_TESTS_EVASION_PLAY_H
#define TAPIR_TESTS_EVASION_PLAY_H

#include <stdbool.h>
#include <stddef.h>

struct play;

/* NULL where there are no means to play: not root, no TUN device. Enters a network namespace. */
struct play *play_new(void);
void play_free(struct play *p);
/* Plays script. True where both directions are the same to both; else, or where trace is set, it is told on
 * stderr. */
bool play_script(struct play *p, const char *name, const char *script, bool trace, bool quiet);

#endif
