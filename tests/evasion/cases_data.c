/* cases_data.c - while data flows: sequence and acknowledgement numbers, windows, timestamps, urgent data, overlaps.
 * Most rows are there twice: to a server and to a client. */
#include "base/must.h"
#include "tests/evasion/cases.h"
#include "tests/evasion/cases_own.h"

#define O "open; PA \"abcd\"; "
#define C "accept; PA \"abcd\"; "
/* A row to a server, to a client, and with timestamps. */
#define BOTH(name, steps) { name, O steps }, { "client: " name, C steps }
#define ALL(name, steps) BOTH(name, steps), { "timestamps: " name, "set ts; " O steps }

static const struct evasion_case sequence[] = {
	ALL("retransmission", "PA +1 \"abcd\"; PA +5 \"efgh\""),
	ALL("retransmission, other bytes", "PA +1 \"XXXX\"; PA +5 \"efgh\""),
	ALL("retransmission that goes on", "PA +1 \"XXXXefgh\"; PA +9 \"ij\""),
	ALL("out of order", "PA +9 \"ijkl\"; PA +5 \"efgh\""),
	ALL("out of order, backwards", "PA +13 \"mnop\"; PA +9 \"ijkl\"; PA +5 \"efgh\""),
	ALL("a byte at a time, backwards", "PA +8 \"h\"; PA +7 \"g\"; PA +6 \"f\"; PA +5 \"e\""),
	ALL("a hole that stays", "PA +9 \"ijkl\"; PA +13 \"mnop\""),
	ALL("early, other bytes again", "PA +9 \"ijkl\"; PA +9 \"XXXX\"; PA +5 \"efgh\""),
	ALL("early, longer again", "PA +9 \"ij\"; PA +9 \"XXXX\"; PA +5 \"efgh\""),
	ALL("early, overtaken by one that starts before", "PA +9 \"ijkl\"; PA +7 \"XXXX\"; PA +5 \"efgh\""),
	ALL("early, covered from in order", "PA +7 \"XX\"; PA +5 \"efghij\""),
	ALL("old and far", "PA -100000 \"XXXX\"; PA +5 \"efgh\""),
	ALL("far ahead", "PA +100000000 \"XXXX\"; PA +5 \"efgh\""),
	ALL("starts in, ends behind the window", "PA +64000 x1400; PA +5 \"efgh\""),
	ALL("just behind the window", "PA +70000 \"XXXX\"; PA +5 \"efgh\""),
	ALL("half the space away", "PA +2147483650 \"XXXX\"; PA +5 \"efgh\""),
	ALL("an empty segment ahead", "A +1000; PA +5 \"efgh\""),
	ALL("keep-alive without data", "A +4; PA +5 \"efgh\""),
	ALL("keep-alive with a byte", "A +4 \"X\"; PA +5 \"efgh\""),
	ALL("bad checksum", "PA \"XXXX\" badsum; PA +5 \"efgh\""),
	ALL("bad checksum, early", "PA +9 \"XXXX\" badsum; PA +9 \"ijkl\"; PA +5 \"efgh\""),
	ALL("no ACK flag", "P +5 \"XXXX\"; PA +5 \"efgh\""),
	ALL("FIN without ACK flag", "F +5; PA +5 \"efgh\""),
	ALL("ACK of nothing sent", "PA +5 \"XXXX\" a+100; PA +5 \"efgh\""),
	ALL("ACK far ahead", "PA +5 \"XXXX\" a+100000000; PA +5 \"efgh\""),
	ALL("ACK by one ahead", "PA +5 \"XXXX\" a+1; PA +5 \"efgh\""),
	ALL("ACK before the first", "PA +5 \"XXXX\" a-1; PA +5 \"efgh\""),
	ALL("ACK two before the first", "PA +5 \"XXXX\" a-2; PA +5 \"efgh\""),
	ALL("ACK far before", "PA +5 \"XXXX\" a-100000; PA +5 \"efgh\""),
	ALL("old ACK within what was sent", "app \"hello\"; A; PA +5 \"efgh\" a-5; PA +9 \"ij\""),
	ALL("old ACK before what was sent", "app \"hello\"; A; PA +5 \"XXXX\" a-6; PA +5 \"efgh\""),
	ALL("old ACK, far before what was sent", "app \"hello\"; A; PA +5 \"XXXX\" a-70000; PA +5 \"efgh\""),
	ALL("ACK number without the flag", "app \"hello\"; P +5 \"XXXX\" a+5; PA +5 \"efgh\""),
	ALL("all flags", "FSRPAU +5 \"XXXX\"; PA +5 \"efgh\""),
	ALL("FIN, PSH and URG", "FPU +5 \"XXXX\"; PA +5 \"efgh\""),
	ALL("FIN and RST", "FRA +5 \"XXXX\"; PA +5 \"efgh\""),
	{ "wrap in the handshake", "set isn=4294967295; " O "PA \"efgh\"" },
	{ "wrap in the first segment", "set isn=4294967293; " O "PA \"efgh\"" },
	{ "wrap in a hole", "set isn=4294967290; " O "PA +9 \"ijkl\"; PA +5 \"efgh\"" },
	{ "wrap, retransmission", "set isn=4294967290; " O "PA +9 \"ijkl\"; PA +5 \"efgh\"; PA +1 \"XXXXXXXXXXXXmn\"" },
	{ "wrap, overlap", "set isn=4294967290; " O "PA +6 \"XXXX\"; PA +5 \"efghij\"" },
	{ "wrap, RST in the window", "set isn=4294967290; " O "R +9; PA +5 \"efgh\"" },
	{ "wrap, client", "set isn=4294967290; " C "PA +9 \"ijkl\"; PA +5 \"efgh\"" },
	{ "wrap, SYN at 0", "set isn=0; " O "PA \"efgh\"" },
};

static const struct evasion_case windows[] = {
	{ "filled to the edge", "set small; open; hold; A x500; A x500; A x500; A x500; read; A \"end\"" },
	{ "beyond the edge", "set small; open; hold; A x1400; A x1400; A x1400; A x1400; read; flush; A +5601 \"end\"" },
	{ "zero window probe", "set small; open; hold; A x1400; A x1400; A x1400; flush; A -1; read; flush" },
	{ "a byte into a closed window", "set small; open; hold; A x1152; A x1152; A x1152; flush; A \"X\"; A \"YY\"; read; flush; A +3457 \"end\"" },
	{ "early, beyond the edge", "set small; open; PA +3000 \"XXXX\"; PA +1 \"abcd\"" },
	{ "early, across the edge", "set small; open; PA +1000 x1400; PA +1 x999; PA +2400 \"z\"" },
	{ "FIN beyond the edge", "set small; open; FA +5000; PA +1 \"abcd\"" },
	{ "FIN into a closed window", "set small; open; hold; A x1152; A x1152; flush; FA; read; flush; A +2305 \"end\"" },
	{ "RST beyond the edge", "set small; open; R +5000; PA +1 \"abcd\"" },
	{ "our window is closed", O "app \"hello\"; A win=0; app \"more\"; PA +5 \"efgh\" win=0; A win=60000" },
	{ "our window shrinks", O "A win=100; app \"hello\"; A win=10; PA +5 \"efgh\"" },
	{ "our window scaled", "set wscale; " O "app \"hello\"; A win=1; PA +5 \"efgh\" win=65535" },
	{ "window scale, data far ahead", "set wscale; " O "PA +60000 \"XXXX\"; PA +5 \"efgh\"" },
	{ "giant segment", "open; PA x1400; PA x1400; PA x1400" },
	{ "client: beyond the edge", "set small; accept; hold; A x1400; A x1400; A x1400; read; flush; A +4201 \"end\"" },
	{ "client: early, beyond the edge", "set small; accept; PA +3000 \"XXXX\"; PA +1 \"abcd\"" },
};

#define TS "set ts; open; PA \"abcd\"; "
#define TSC "set ts; accept; PA \"abcd\"; "
#define TSBOTH(name, steps) { name, TS steps }, { "client: " name, TSC steps }

static const struct evasion_case timestamps[] = {
	TSBOTH("old by one", "PA \"XXXX\" ts-1; PA +5 \"efgh\""),
	TSBOTH("old by two", "PA \"XXXX\" ts-2; PA +5 \"efgh\""),
	TSBOTH("old by three", "PA \"XXXX\" ts-3; PA +5 \"efgh\""),
	TSBOTH("old by a thousand", "PA \"XXXX\" ts-1000; PA +5 \"efgh\""),
	TSBOTH("half the space ahead", "PA \"XXXX\" ts+2147483647; PA +5 \"efgh\""),
	TSBOTH("half the space and one ahead", "PA \"XXXX\" ts+2147483648; PA +5 \"efgh\""),
	TSBOTH("half the space and two ahead", "PA \"XXXX\" ts+2147483649; PA +5 \"efgh\""),
	TSBOTH("far ahead, then normal", "PA \"efgh\" ts+1000000; PA \"XXXX\"; PA +9 \"ijkl\" ts+1000010"),
	TSBOTH("far ahead and early, then normal", "PA +9 \"ijkl\" ts+1000000; PA +5 \"efgh\""),
	TSBOTH("far ahead and empty, then normal", "A ts+1000000; PA +5 \"XXXX\"; PA +5 \"efgh\" ts+1000001"),
	TSBOTH("far ahead and old, then normal", "A +1 ts+1000000; PA +5 \"XXXX\"; PA +5 \"efgh\" ts+1000001"),
	TSBOTH("far ahead and old with data, then normal", "A +1 \"abcd\" ts+1000000; PA +5 \"efgh\""),
	TSBOTH("far ahead with a wrong ACK, then normal", "PA +5 \"XXXX\" a+100 ts+1000000; PA +5 \"efgh\""),
	TSBOTH("far ahead with an old ACK, then normal", "PA +5 \"XXXX\" a-100000 ts+1000000; PA +5 \"efgh\""),
	TSBOTH("far ahead beyond the window, then normal", "PA +5000000 \"XXXX\" ts+1000000; PA +5 \"efgh\""),
	TSBOTH("far ahead with a bad checksum, then normal", "PA +5 \"XXXX\" badsum ts+1000000; PA +5 \"efgh\""),
	TSBOTH("far ahead without ACK flag, then normal", "P +5 \"XXXX\" ts+1000000; PA +5 \"efgh\""),
	TSBOTH("far ahead on a SYN, then normal", "S +5 ts+1000000; PA +5 \"efgh\""),
	TSBOTH("far ahead on a RST that isn't obeyed", "R +100 ts+1000000; PA +5 \"efgh\""),
	TSBOTH("far ahead on a keep-alive", "A +4 ts+1000000; PA +5 \"XXXX\"; PA +5 \"efgh\" ts+1000001"),
	TSBOTH("zero", "PA \"XXXX\" ts=0; PA +5 \"efgh\""),
	TSBOTH("missing", "PA \"efgh\" nots; PA \"ijkl\""),
	TSBOTH("missing, early", "PA +9 \"ijkl\" nots; PA +5 \"efgh\""),
	TSBOTH("old on an early segment", "PA +9 \"XXXX\" ts-1000; PA +9 \"ijkl\"; PA +5 \"efgh\""),
	TSBOTH("old on a FIN", "FA +5 ts-1000; PA +5 \"efgh\""),
	TSBOTH("old on a RST", "R +5 ts-1000; PA +5 \"efgh\""),
	TSBOTH("old on a RST with a timestamp out of place", "R +6 ts-1000; PA +5 \"efgh\""),
	TSBOTH("old on a retransmission", "PA +1 \"XXXX\" ts-1000; PA +5 \"efgh\""),
	{ "none agreed, one sent", O "PA \"efgh\" ts=5; PA \"ijkl\" ts=1" },
	{ "client: none agreed, one sent", C "PA \"efgh\" ts=5; PA \"ijkl\" ts=1" },
	{ "zero in the SYN", "S +0 mss=1400 ts=0; A +1 ts=1; PA +1 \"abcd\" ts=2; PA +5 \"efgh\" ts=1" },
	{ "zero in the SYN, stays zero", "S +0 mss=1400 ts=0; A +1 ts=0; PA +1 \"abcd\" ts=0; PA +5 \"efgh\" ts=4000000000" },
	{ "wraps", "S +0 mss=1400 ts=4294967290; A +1 ts=4294967291; PA +1 \"abcd\" ts=4294967295; PA +5 \"efgh\" ts=3" },
	{ "old on the handshake's ACK", "set ts; S mss=1400; A +1 ts-1000; PA +1 \"abcd\"" },
	{ "old on the handshake's ACK with data", "set ts; S mss=1400; PA +1 \"XXXX\" ts-1000; PA +1 \"abcd\"" },
	{ "ahead on the handshake's ACK", "set ts; S mss=1400; A +1 ts+1000000; PA +1 \"abcd\"; PA +1 \"ABCD\" ts+1000001" },
	{ "missing on the handshake's ACK", "set ts; S mss=1400; A +1 nots; PA +1 \"abcd\"" },
};

#define IN "set inline; open; PA \"abcd\"; "
#define URGENT(name, steps) { name, O steps }, { "inline: " name, IN steps }, { "client: " name, C steps }

static const struct evasion_case urgent[] = {
	URGENT("last byte", "PUA \"efgX\" urg=4; PA \"hi\""),
	URGENT("first byte", "PUA \"Xefg\" urg=1; PA \"hi\""),
	URGENT("middle byte", "PUA \"eXfg\" urg=2; PA \"hi\""),
	URGENT("pointer 0", "PUA \"efgh\" urg=0; PA \"ij\""),
	URGENT("pointer behind the segment", "PUA \"efgh\" urg=5; PA \"Xij\""),
	URGENT("pointer far behind the segment", "PUA \"efgh\" urg=12; PA \"ijklmnop\""),
	URGENT("pointer far behind, next plain", "PUA \"efgh\" urg=1000; PA \"ij\""),
	URGENT("pointer without the flag", "PA \"efgh\" urg=2; PA \"ij\""),
	URGENT("two in order", "PUA \"eXfg\" urg=2; PUA \"hYij\" urg=2; PA \"kl\""),
	URGENT("two, the first not passed", "PUA \"ef\" urg=4; PUA \"ghYi\" urg=3; PA \"kl\""),
	URGENT("second pointer before the first", "PUA \"efgh\" urg=8; PUA \"ijkX\" urg=2; PA \"mn\""),
	URGENT("same again", "PUA \"eXfg\" urg=2; PUA +5 \"eXfg\" urg=2; PA +9 \"hi\""),
	URGENT("early", "PUA +9 \"iXjk\" urg=2; PA +5 \"efgh\""),
	URGENT("early, filled with urgent", "PUA +9 \"iXjk\" urg=2; PUA +5 \"eYgh\" urg=2; PA +13 \"l\""),
	URGENT("empty segment", "UA urg=1; PA \"Xefg\""),
	URGENT("empty segment, pointer ahead", "UA urg=3; PA \"efXg\""),
	URGENT("one byte segment", "UA \"X\" urg=1; PA \"efgh\""),
	URGENT("with FIN", "FUA \"efgX\" urg=4"),
	URGENT("on the FIN", "FUA \"efgh\" urg=5"),
	URGENT("bad checksum", "PUA \"eXfg\" urg=2 badsum; PA +5 \"efgh\""),
	URGENT("beyond the window", "PUA +100000 \"eXfg\" urg=2; PA +5 \"efgh\""),
	URGENT("old ACK", "PUA +5 \"XXXX\" urg=2 a-100000; PA +5 \"efgh\""),
	URGENT("retransmitted without", "PUA \"eXfg\" urg=2; PA +5 \"eXfg\"; PA +9 \"hi\""),
	URGENT("announced, then plain", "PUA \"ef\" urg=3; PA \"Xg\"; PA \"hi\""),
	URGENT("pointer back to old data", "PUA +1 \"abcd\" urg=2; PA +5 \"efgh\""),
	URGENT("in every segment", "PUA \"e\" urg=1; PUA \"f\" urg=1; PUA \"g\" urg=1; PA \"h\""),
	URGENT("in every segment of two", "PUA \"ef\" urg=2; PUA \"gh\" urg=2; PUA \"ij\" urg=2; PA \"k\""),
};

const struct evasion_group evasion_data[] = {
	{ "sequence", sequence, ARRAY_LEN(sequence) },
	{ "window", windows, ARRAY_LEN(windows) },
	{ "timestamp", timestamps, ARRAY_LEN(timestamps) },
	{ "urgent", urgent, ARRAY_LEN(urgent) },
};
const size_t evasion_data_count = ARRAY_LEN(evasion_data);
