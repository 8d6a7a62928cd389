/* cases_end.c - how connections end: RSTs that are obeyed or answered with a challenge, FINs and what comes behind. */
#include "base/must.h"
#include "tests/evasion/cases.h"
#include "tests/evasion/cases_own.h"

#define O "open; PA \"abcd\"; "
#define C "accept; PA \"abcd\"; "
#define BOTH(name, steps) { name, O steps }, { "client: " name, C steps }
#define ALL(name, steps) BOTH(name, steps), { "timestamps: " name, "set ts; " O steps }

static const struct evasion_case resets[] = {
	ALL("exact", "R; PA +5 \"XXXX\""),
	ALL("exact, with ACK", "RA; PA +5 \"XXXX\""),
	ALL("exact, wrong ACK", "RA +5 a+1000; PA +5 \"efgh\""),
	ALL("exact, old ACK", "RA +5 a-100000; PA +5 \"efgh\""),
	ALL("one ahead", "R +6; PA +5 \"efgh\""),
	ALL("one ahead, then exact", "R +6; R +5; PA +5 \"XXXX\""),
	ALL("in the window", "R +1000; PA +5 \"efgh\""),
	ALL("at the window's edge", "R +65000; PA +5 \"efgh\""),
	ALL("beyond the window", "R +5000000; PA +5 \"efgh\""),
	ALL("one before", "R +4; PA +5 \"efgh\""),
	ALL("far before", "R -10000; PA +5 \"efgh\""),
	ALL("with a bad checksum", "R +5 badsum; PA +5 \"efgh\""),
	ALL("with data", "R +5 \"XXXX\"; PA +5 \"efgh\""),
	ALL("with data that ends here", "R +1 \"XXXX\"; PA +5 \"efgh\""),
	ALL("with SYN", "SR +5; PA +5 \"efgh\""),
	ALL("with FIN", "FR +5; PA +5 \"efgh\""),
	ALL("behind a hole", "PA +9 \"ijkl\"; R +13; PA +5 \"efgh\""),
	ALL("in front of a hole", "PA +9 \"ijkl\"; R +5; PA +5 \"efgh\""),
	ALL("in a hole", "PA +9 \"ijkl\"; R +7; PA +5 \"efgh\""),
	ALL("behind the first of two holes", "PA +9 \"ij\"; PA +13 \"mn\"; R +11; PA +5 \"efghijklmn\""),
	ALL("behind the last of two holes", "PA +9 \"ij\"; PA +13 \"mn\"; R +15; PA +5 \"efghijklmn\""),
	ALL("behind the last that came", "PA +13 \"mn\"; PA +9 \"ij\"; R +11; PA +5 \"efghijklmn\""),
	ALL("behind a hole, no SACK", "PA +9 \"ijkl\"; RA +13; PA +5 \"efgh\""),
	ALL("with ACK while its data is unanswered", "app \"hello\"; RA +5 a-5; PA +5 \"XXXX\""),
	ALL("after its FIN", "shut; R +5; PA +5 \"XXXX\""),
	ALL("after our FIN", "FA; R +6; PA +6 \"XXXX\""),
	ALL("after our FIN, at the FIN", "FA; R +5; PA +6 \"XXXX\""),
	ALL("after both", "shut; FA; R +6"),
	ALL("its own, by closing with data unread", "hold; PA \"efgh\"; close; PA +9 \"XXXX\""),
	{ "no SACK: behind a hole", "S mss=1400; A; PA \"abcd\"; PA +9 \"ijkl\"; R +13; PA +5 \"efgh\"" },
	{ "in SYN_SENT", "connect; RA +0; SA +0; PA +1 \"XXXX\"" },
	{ "in SYN_SENT without ACK", "connect; R +0; SA +0 mss=1400; PA +1 \"abcd\"" },
	{ "in SYN_RECV in the window", "S mss=1400; R +100; A +1; PA +1 \"abcd\"" },
	{ "in SYN_RECV exact", "S mss=1400; R +1; A +1; PA +1 \"XXXX\"" },
	{ "in SYN_RECV, wrong checksum", "S mss=1400; R +1 badsum; A +1; PA +1 \"abcd\"" },
	{ "in SYN_RECV with data", "S mss=1400; R +1 \"XX\"; A +1; PA +1 \"abcd\"" },
	{ "in TIME_WAIT", O "close; FA; A; R" },
};

static const struct evasion_case ends[] = {
	ALL("FIN", "FA"),
	ALL("FIN with data", "FA \"efgh\""),
	ALL("FIN, then data behind", "FA; PA \"XXXX\""),
	ALL("FIN, then data at it", "FA; PA +5 \"XXXX\""),
	ALL("FIN with data, then other data", "FA \"efgh\"; PA +5 \"XXXX\"; PA +9 \"YY\""),
	ALL("FIN ahead, then data up to it", "FA +9; PA +5 \"efgh\"; PA +9 \"XX\""),
	ALL("FIN ahead, then data past it", "FA +9; PA +5 \"efghXXXX\""),
	ALL("FIN ahead with data, then filled", "FA +9 \"ijkl\"; PA +5 \"efgh\""),
	ALL("FIN ahead, then data over it", "FA +9; PA +9 \"XXXX\"; PA +5 \"efgh\""),
	ALL("data ahead, then a FIN at it", "PA +9 \"ijkl\"; FA +9; PA +5 \"efgh\""),
	ALL("data ahead, then a FIN behind", "PA +9 \"ijkl\"; FA +13; PA +5 \"efgh\""),
	ALL("data ahead, then a FIN before", "PA +9 \"ijkl\"; FA +5; PA +5 \"XXXX\""),
	ALL("FIN twice", "FA; FA +5; PA +6 \"XX\""),
	ALL("FIN of two lengths, short first", "FA +9; FA +13; PA +5 \"efghijkl\""),
	ALL("FIN of two lengths, long first", "FA +13; FA +9; PA +5 \"efghijkl\""),
	ALL("FIN before what was taken", "FA +3; PA +5 \"efgh\""),
	ALL("FIN at what was taken, old", "FA +4; PA +5 \"efgh\""),
	ALL("FIN with a bad checksum", "FA +5 badsum; PA +5 \"efgh\""),
	ALL("FIN with a wrong ACK", "FA +5 a+1000; PA +5 \"efgh\""),
	ALL("FIN with an old ACK", "FA +5 a-100000; PA +5 \"efgh\""),
	ALL("FIN without ACK", "F +5; PA +5 \"efgh\""),
	ALL("FIN beyond the window", "FA +5000000; PA +5 \"efgh\""),
	ALL("FIN with URG", "FUA +5 urg=1; PA +6 \"XX\""),
	ALL("its half close, data goes on", "shut; A; PA +5 \"efgh\"; PA \"ijkl\""),
	ALL("its half close, not acknowledged", "shut; PA +5 \"efgh\" a-1; PA +9 \"ijkl\""),
	ALL("our half close, it goes on", "FA; app \"hello\"; A; app \"world\"; A; shut; A"),
	ALL("both at once", "shut; FA +5 a-1; A +6; PA +6 \"XX\""),
	ALL("it closes, data comes", "close; A; PA +5 \"XXXX\""),
	ALL("it closes with more to come", "app \"hello\"; close; A; FA; A"),
	ALL("half close, then a hole filled", "PA +9 \"ijkl\"; shut; A +5; PA +5 \"efgh\""),
	ALL("FIN and an old segment", "FA; PA +1 \"XXXX\"; A +6"),
	ALL("its FIN, a keep-alive", "shut; A; A +4; PA +5 \"efgh\""),
	ALL("closing, a SYN in the window", "shut; A; S +7; PA +5 \"efgh\""),
	ALL("closing, a wrong RST", "shut; A; R +7; PA +5 \"efgh\""),
};

const struct evasion_group evasion_end[] = {
	{ "reset", resets, ARRAY_LEN(resets) },
	{ "end", ends, ARRAY_LEN(ends) },
};
const size_t evasion_end_count = ARRAY_LEN(evasion_end);
