/* cases_found.c - every difference that a random script has found, cut down to the steps that it takes. */
#include "base/must.h"
#include "tests/evasion/cases.h"
#include "tests/evasion/cases_own.h"

static const struct evasion_case found[] = {
	{ "SYN/ACK in SYN_RECV with data", "set ts; S mss=1400 sackok; SA +16 \"CC\" ttl=0; PA +1 x16" },
	{ "data before the first byte", "S mss=1400; PA -1 \"AAAAAAAA\"" },
	{ "urgent flag without data", "accept; UA +2; PA \"CCCC\"" },
	{ "urgent flag with the handshake's ACK", "S mss=1400 sackok; UA +8; PA +1 x20" },
	{ "SYN and FIN to a client", "connect; SF; PA +1 x19" },
	{ "SYN/ACK with data, going on", "connect; SA \"XX\"; PA +1 x30" },
	{ "fast open, signed", "set ts; S \"EEEE\" md5; A; PA +1 x17" },
	{ "fast open, wrong ACK behind it", "S \"XX\"; PA \"G\" a+1000" },
	{ "fast open, old ACK behind it", "set ts; S \"XX\"; PA \"AAAAAAAA\" a-1" },
	{ "fast open, in fragments", "S \"XX\"; A \"CCCCCC\" frag=/16" },
	{ "fast open, a SYN in the window", "set v6 wscale small; S \"XX\"; S \"AAAAAAA\"; A +11 \"EEEEEEE\"; PA +1 x15" },
	{ "fast open, a RST behind a hole without SACK",
	  "set v6 wscale small; S \"XX\"; S \"AAAAAAA\"; PA \"CCCCC\"; SR \"DDDDDDDD\"; PA +1 x15" },
	{ "fast open, an old timestamp after the ACK", "set ts inline; S \"XX\"; A +1; A +0 \"AAAA\" ts-3" },
	{ "FIN again over its own place", "set ts; accept; FA \"BBBBBBB\" urg=0; FA +7 \"CC\"" },
	{ "signed FIN with data", "set ts; accept; PA \"AAAAAAAA\"; FA +8 \"CCCCCC\" md5; A \"DDDDDDDD\" ttl=0" },
	{ "SYN and FIN with data, then a SYN", "set ts v6; open; SF +1 \"AAAAA\"; S \"CC\"; PA +1 x26" },
	{ "FIN ahead, then a SYN", "open; FA +2 \"BBBBBBBB\"; S +20 \"CCCCCCCC\"; PA +1 x24" },
	{ "FIN without ACK, then a SYN", "set ts v6; open; F +17 \"B\"; S \"CCC\"; PA +1 x18" },
	{ "its FIN, then a SYN", "set ts; accept; shut; S \"DD\" win=32448; PA +1 x21" },
	{ "RST, then a SYN to a client", "set ts wscale; accept; RA win=0; S; PA +1 x11" },
	{ "all flags as a RST, then a SYN", "set isn=4294967293 wscale; S mss=1400 wscale=7 sackok; PA +3 \"A\"; FSRPAU \"CCCCCC\"; S mss=1400; UA +21 \"GGG\"" },
	{ "wrong ACK, then its FIN", "set wscale; open; PA \"GGGGGGG\" a+1000; shut; PA +1 x17" },
	{ "wrong ACK, then its data", "set ts wscale; open; A +18 \"CCCCCCCC\" a+1000; app \"hello\"" },
	{ "wrong ACK to a client, then its FIN", "connect; SA +0; PA +22 \"AA\" a+5; shut; A \"EEE\"" },
	{ "FIN amid a hole, no TTL left", "set ts wscale; accept; A +19 \"FFFFF\"; FA +10 \"HHHHHHHH\" ttl=0; PA +1 x17" },
	{ "behind the end, no TTL left", "set ts wscale; S mss=1400 sackok; PA +19 \"GGGGGGG\" ttl=0; PA +1 x21" },
};

const struct evasion_group evasion_found[] = {
	{ "found", found, ARRAY_LEN(found) },
};
const size_t evasion_found_count = ARRAY_LEN(evasion_found);
