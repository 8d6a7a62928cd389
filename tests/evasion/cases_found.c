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
	{ "its RST, then a SYN with data", "S \"XX\"; close; A +10 \"DDDDDDDD\"; S \"EE\"" },
	{ "its RST, then a SYN amid the old numbers", "set wscale; S \"XX\"; close; PA \"BB\"; S mss=1400; PA +1 x8" },
	{ "a SYN to one that stopped before", "connect; shut; S +11 \"DDDDDDD\"; PA +1 x22" },
	{ "far: RST dies, then a SYN behind a hole", "set far; open; SR \"A\" ttl=1; PA +17 \"BBBBB\"; S +22 \"CC\"; PA +1 x31" },
	{ "signed SYN, then another, to a client", "set ts wscale; connect; SF +70000 \"CCC\" md5; SF \"GGGG\"; PA +1 x21" },
	{ "signed SYN/ACK in SYN_RECV", "set ts wscale; S mss=1400; SA +21 \"AAA\" md5; A +6 \"DDDD\"; PA +1 x18" },
	{ "fast open, both FINs, then a SYN", "set ts; S \"XX\"; S; A +1 \"AAAAAAAA\"; shut; FA \"BBBBB\"; S mss=1400; PA +1 x22" },
	{ "TIME_WAIT, the old SYN's number with a newer timestamp", "set ts; open; shut; FUA \"HHHHHH\" urg=1; S +0 \"IIIIIIII\"" },
	{ "far too old an ACK on the fast path", "set v6; accept; app \"hello\"; A +1 \"BBBBBBB\" a-70000" },
	{ "far too old an ACK on the fast path, to a server", "set ts; open; app \"hello\"; PA \"AAAAAAAA\" a-200000" },
	{ "timestamp back by one on the handshake's ACK", "set ts; S mss=1400; A \"AAAAAA\" ts-2" },
	{ "SYN and FIN after its FIN, then a SYN", "set ts; open; shut; SF +5 \"DDD\"; S +21 \"EEEE\"; PA +1 x31" },
	{ "two FINs amid joined data",
	  "set ts wscale; connect; SA \"XX\"; FUA +17 \"AAAAA\" frag=/16r; PA \"CCCCCC\"; PA +1 \"DDDDDDDD\" win=47114; "
	  "FUA +23 \"EEEEEEEE\"; PA +15 \"FFFFF\" win=0; PA \"GGGGGG\" nots" },
	{ "a FIN amid joined data", "set ts; open; FA +9 \"CC\"; A +12 \"FF\"; PA +1 x9" },
	{ "a FIN alone, joined", "set ts v6 inline far; open; SA \"A\" urg=5; FA; PA +4 \"CC\"; A +1 \"EEE\"" },
	{ "RST behind what wasn't taken", "set ts inline; open; A +11 \"BBBBB\" ts-2; A +22 \"CCCC\" a+1000; R +16 \"G\"; PA +1 x18" },
	{ "RST behind what wasn't taken, window", "open; PA +13 \"AA\"; A +70000 \"DDDDDDD\" urg=4; R +15 \"FF\"; PA \"HHHH\"" },
	{ "RST with an old timestamp in SYN_RECV", "set ts; S mss=1400; R \"AAAAAAA\" ttl=0 ts-3; PA +6 \"BBBB\" a-5 nots; PA +1 x19" },
	{ "its RST against a SYN/ACK means nothing", "S \"XX\"; SA +5 \"AAA\"; A +0 \"BBBBBBBB\"; app \"hello\"" },
	{ "its RST against a SYN means nothing", "set ts; S \"XX\"; SA +18 \"AAAAAAA\" ts-1; S \"BBBBBBBB\" ts+1000 ttl=2; PA +1 x22" },
};

const struct evasion_group evasion_found[] = {
	{ "found", found, ARRAY_LEN(found) },
};
const size_t evasion_found_count = ARRAY_LEN(evasion_found);
