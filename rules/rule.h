/* rule.h - a rule as the parser leaves it and the engine takes it.
 *
 * Parsing (parser.c and rules/keywords/) turns a line into this; compiling (compile.c) groups rules,
 * chooses fast patterns and builds the databases; inspecting (inspect.c) runs the programs. All of
 * it is read-only once loaded and shared by the workers. */
#ifndef TAPIR_RULES_RULE_H
#define TAPIR_RULES_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzers/analyzer.h"
#include "analyzers/number.h"
#include "base/slice.h"

struct keyword;
struct inspect;         /* rules/inspect.h: what a condition may look at */

enum rule_action { ACTION_ALERT, ACTION_PASS, ACTION_DROP, ACTION_REJECT, ACTION_REJECT_DST, ACTION_REJECT_BOTH, ACTION_CONFIG };

/* An address list with negations: sorted ranges, one list a family; matching is a binary search. */
struct addr_set;
bool addr_set_match(const struct addr_set *set, const struct ip_addr *addr, uint8_t ip_version);
bool addr_set_any(const struct addr_set *set);
/* A port list likewise. */
struct port_set;
bool port_set_match(const struct port_set *set, uint16_t port);
bool port_set_any(const struct port_set *set);
/* Equal sets are one object (interned while loading), so that pointers compare. */

/* What the text of a buffer goes through before it is matched, in order ("dotprefix; to_lowercase; …"). */
struct transform {
	const struct keyword *keyword;
	/* Writes at most cap bytes to out and returns the length; in and out don't overlap. */
	size_t (*apply)(const void *data, struct slice in, uint8_t *out, size_t cap);
	/* For fast patterns: the contents this transform can't change are still exact. */
	void *data;
	char *argument;         /* as written, for identity: equal buffers share a database */
};
#define TRANSFORMS_MAX 8

enum buffer_kind {
	BUFFER_PAYLOAD,         /* packet payload and, for TCP, the reassembled stream */
	BUFFER_FIELD,           /* a transaction's field */
	BUFFER_PACKET,          /* bytes of the packet: ipv4.hdr, tcp.hdr, icmpv6.hdr, … */
	BUFFER_FRAME,           /* frame:TYPE */
	BUFFER_BASE64,          /* what base64_decode made */
};

struct buffer {
	uint8_t kind;                   /* enum buffer_kind */
	const struct field *field;      /* BUFFER_FIELD */
	const struct analyzer *analyzer;        /* BUFFER_FIELD, BUFFER_FRAME; NULL: any (file.data) */
	int frame_type;                 /* BUFFER_FRAME: index in analyzer->frames */
	struct slice (*packet_bytes)(const struct packet *pkt);         /* BUFFER_PACKET */
	const char *name;               /* keyword name, for messages */
	unsigned transform_count;
	struct transform transforms[TRANSFORMS_MAX];
	uint32_t id;                    /* equal buffers (same field and transforms) have one id in a set */
};

enum match_kind {
	MATCH_CONTENT, MATCH_PCRE, MATCH_BYTE_TEST, MATCH_BYTE_JUMP, MATCH_BYTE_EXTRACT, MATCH_BYTE_MATH,
	MATCH_ISDATAAT, MATCH_BSIZE, MATCH_ABSENT, MATCH_BASE64_DECODE, MATCH_DATASET, MATCH_CUSTOM,
};

/* A number, or a variable that byte_extract or byte_math filled. */
struct operand {
	bool is_var;
	uint8_t var;            /* index of the rule's byte variables */
	int64_t value;
};
#define BYTE_VARS_MAX 16

enum content_flag {
	CONTENT_NOCASE = 1 << 0, CONTENT_NEGATED = 1 << 1, CONTENT_RAWBYTES = 1 << 2,
	CONTENT_OFFSET = 1 << 3, CONTENT_DEPTH = 1 << 4, CONTENT_DISTANCE = 1 << 5, CONTENT_WITHIN = 1 << 6,
	CONTENT_STARTSWITH = 1 << 7, CONTENT_ENDSWITH = 1 << 8, CONTENT_FAST = 1 << 9, CONTENT_FAST_ONLY = 1 << 10,
	CONTENT_REPLACE = 1 << 11,
};

struct content {
	struct slice bytes;             /* lower case where NOCASE */
	uint16_t flags;
	uint16_t fast_offset, fast_len; /* fast_pattern:off,len; fast_len 0 = the whole */
	struct operand offset, depth, distance, within;
	const void *searcher;           /* engine: prepared search */
	uint8_t *replace;               /* CONTENT_REPLACE: same length */
};

/* Where a pcre's group goes: 'f' flow, 'p' packet, 'a' alert variable (id: NAME_TEXT), 'b' byte variable (id: its
 * index); 'j' is JSON that a dataset has for the alert. */
struct pcre_capture {
	uint8_t kind;
	const char *name;
	uint32_t id;
};

struct regex;
struct pcre_match {
	struct slice pattern;           /* without delimiters and flags */
	uint32_t options;               /* enum pcre_option */
	bool negated, relative;
	uint8_t capture_count;
	struct pcre_capture *captures;  /* group number i + 1 goes there */
	struct regex *regex;            /* made by the parser; rules/regex.h */
	void *compiled;                 /* engine */
};
enum pcre_option { RE_CASELESS = 1, RE_MULTILINE = 2, RE_DOTALL = 4, RE_EXTENDED = 8, RE_ANCHORED = 16, RE_DOLLAR_ENDONLY = 32, RE_UNGREEDY = 64 };

enum byte_flag { BYTE_RELATIVE = 1, BYTE_LITTLE = 2, BYTE_STRING = 4, BYTE_NEGATED = 8, BYTE_ALIGN = 16, BYTE_FROM_BEGINNING = 32, BYTE_FROM_END = 64, BYTE_DCE = 128 };
struct byte_op {                        /* byte_test, byte_jump, byte_extract, byte_math */
	struct operand count;           /* bytes to read */
	struct operand offset;
	uint8_t op;                     /* byte_test: '=' '<' '>' 'l' (<=) 'g' (>=) '&' '^'; byte_math: + - * / 'L' (<<) 'R' (>>) */
	uint8_t base;                   /* string: 8, 10, 16 */
	uint8_t flags;                  /* enum byte_flag */
	uint8_t result_var;
	uint8_t align;                  /* byte_extract align: 2, 4 */
	struct operand value;           /* byte_test: compared with; byte_math: rvalue */
	uint32_t bitmask;               /* 0 = none */
	uint32_t multiplier;
	int32_t post_offset;
};

struct isdataat { struct operand n; bool negated, relative; };
struct base64_op { uint32_t bytes, offset; bool relative; uint8_t mode; /* 0 rfc4648, 1 rfc2045, 2 strict */ };
struct absent { bool or_else; };

/* How a match hangs together with those behind it in its list: made by the compiler. */
enum match_plan {
	MATCH_RETRY = 1 << 0,   /* what follows looks from where this one ended: another place may do where one failed */
	MATCH_MEMO = 1 << 1,    /* whether the rest holds depends on that place alone: it need not be judged twice */
	MATCH_SUFFIX = 1 << 2,  /* pcre: one that finds nothing from here finds nothing further on either */
	MATCH_ANCHORED = 1 << 3,        /* pcre: has to begin where it looks from */
};
struct match {
	uint8_t kind;           /* enum match_kind */
	uint8_t plan;           /* enum match_plan */
	uint32_t text_at;       /* where in the rule's text it is written */
	union {
		struct content content;
		struct pcre_match pcre;
		struct byte_op byte;
		struct isdataat isdataat;
		struct number_test bsize;
		struct base64_op base64;
		struct absent absent;
		struct {
			const struct keyword *keyword;
			void *data;
			/* MATCH_CUSTOM, MATCH_DATASET: judged on the whole buffer */
			bool (*test)(const struct inspect *in, const void *data, struct slice buffer);
		} custom;
	};
};

/* All matches on one buffer, in the order written. A multi buffer, or one that was named again, starts a new list. */
struct buffer_list {
	const struct buffer *buffer;
	struct match *matches;
	unsigned count;
	uint8_t side;           /* enum side, or SIDE_BOTH */
	uint8_t progress;       /* of the transaction from which it can be judged */
	int fast;               /* index of the fast pattern's content here, or -1 */
};
#define SIDE_BOTH 2

/* A condition that isn't a match on bytes: flags, flow, flowbits:isset, dsize, … */
enum condition_stage {
	STAGE_PACKET,           /* looks at the packet and the flow, before anything else */
	STAGE_TX,               /* looks at the transaction */
	STAGE_STATE,            /* looks at rule state (flowbits, xbits, flowint, iprep) after all matches */
	STAGE_POST,             /* acts once the rule matched: flowbits:set, tag, … */
};
struct condition {
	const struct keyword *keyword;          /* NULL: a field's test (STAGE_TX) */
	const struct field *field;              /* FIELD_UINT, FIELD_FLAG, FIELD_TEST, or NULL */
	void *data;                             /* FIELD_UINT: struct field_number; FIELD_TEST: what test_parse gave */
	uint8_t stage;                          /* enum condition_stage */
	uint8_t progress;                       /* STAGE_TX */
	uint8_t side;                           /* STAGE_TX: enum side, or SIDE_BOTH */
	bool negated;
	uint32_t text_at;                       /* where in the rule's text it is written */
};

/* A number test on a field that may have several values. */
enum pick { PICK_ANY, PICK_ALL, PICK_INDEX /* from the end where negative */, PICK_COUNT /* test how many there are */ };
struct field_number {
	struct number_test test;
	uint8_t pick;
	int32_t index;
};

enum flow_option { FLOW_TO_SERVER = 1, FLOW_TO_CLIENT = 2, FLOW_OPT_ESTABLISHED = 4, FLOW_OPT_NOT_ESTABLISHED = 8, FLOW_STATELESS = 16,
	FLOW_ONLY_STREAM = 32, FLOW_NO_STREAM = 64, FLOW_ONLY_FRAG = 128, FLOW_NO_FRAG = 256 };

enum rule_flag {
	RULE_NOALERT = 1 << 0, RULE_BIDIRECTIONAL = 1 << 1,
	RULE_NEEDS_PACKET = 1 << 2,     /* looks at packet headers: can't be judged on a stream or transaction alone */
	RULE_NEEDS_TX = 1 << 3, RULE_NEEDS_STREAM = 1 << 4, RULE_NEEDS_PAYLOAD = 1 << 5, RULE_FILESTORE = 1 << 6,
	RULE_TARGET_SRC = 1 << 7, RULE_TARGET_DST = 1 << 8, RULE_IP_ONLY = 1 << 9, RULE_NEEDS_FLOW = 1 << 10,
	RULE_PREFILTER = 1 << 11, RULE_HOOK = 1 << 12, RULE_BYPASS = 1 << 13, RULE_PACKET_ONLY = 1 << 14 /* tcp-pkt */,
	RULE_STREAM_ONLY = 1 << 15 /* tcp-stream */, RULE_EVENT_ONLY = 1 << 16 /* decode-event, …: also for packets without a flow */,
	RULE_TX_BOTH = 1 << 17 /* "=>": one transaction, buffers of both directions */,
	RULE_PKTHDR = 1 << 18 /* pkthdr, ether, arp: any packet, broken ones too */,
	RULE_ETHER = 1 << 19 /* ether, arp: needs an Ethernet header, of rule->ether_type unless 0 */,
	RULE_ALERT = 1 << 20 /* "alert" beside pass or config: alert all the same */,
};

struct rule_reference { const char *system; const char *text; const char *url; };
struct rule_meta { const char *key; const char *value; };

enum threshold_type { THRESHOLD_NONE, THRESHOLD_LIMIT, THRESHOLD_THRESHOLD, THRESHOLD_BOTH, THRESHOLD_DETECTION, THRESHOLD_RATE, THRESHOLD_SUPPRESS, THRESHOLD_BACKOFF };
enum threshold_track { TRACK_BY_SRC, TRACK_BY_DST, TRACK_BY_RULE, TRACK_BY_BOTH, TRACK_BY_FLOW, TRACK_BY_EITHER };
struct threshold {
	uint8_t type, track;
	uint8_t new_action;             /* rate_filter: enum rule_action */
	uint8_t unique_on;              /* detection_filter counts distinct ones: 1 source ports, 2 destination ports */
	uint32_t count, seconds, timeout, multiplier;
	const struct addr_set *addrs;   /* suppress */
	struct threshold *next;
};

/* "tcp:all", "tcp:flow_start", … in the header. */
enum packet_hook { PKT_HOOK_NONE, PKT_HOOK_ALL, PKT_HOOK_FLOW_START, PKT_HOOK_PRE_FLOW, PKT_HOOK_PRE_STREAM };

struct rule {
	uint32_t sid, rev, gid;
	uint32_t priority;
	uint8_t action;                 /* enum rule_action */
	uint32_t flags;                 /* enum rule_flag */
	const char *msg;
	const char *classtype;          /* short name */
	const char *category;           /* classtype's description */
	struct rule_reference *references;
	unsigned reference_count;
	struct rule_meta *metadata;
	unsigned metadata_count;
	const char *text;               /* as written */
	const char *file;
	uint32_t line;
	uint32_t index;                 /* in the set, in order of evaluation: pass, drop, reject, alert; then priority… as action-order says */

	/* header */
	uint8_t protos[32];             /* bit set of IP protocols */
	uint8_t ip_versions;            /* 1: IPv4, 2: IPv6, 3: both */
	const struct analyzer *app;     /* "alert http …", or implied by a buffer; NULL = none */
	bool app_any_version;           /* "http" (and not "http1", "http2"), "dns" …: relatives of app count as well */
	const char *app_name;           /* as written in the header where it isn't a transport */
	const struct addr_set *src, *dst;
	const struct port_set *src_ports, *dst_ports;
	uint16_t flow;                  /* enum flow_option */
	uint8_t hook_progress;          /* RULE_HOOK */
	uint8_t hook_side;

	struct buffer_list *buffers;
	unsigned buffer_count;
	struct condition *conditions;   /* ordered by stage */
	unsigned condition_count;
	struct threshold *thresholds;   /* list; NULL = none */
	uint8_t byte_var_count;
	const char *byte_vars[BYTE_VARS_MAX];
	uint8_t pkt_hook;               /* enum packet_hook */
	uint16_t ether_type;            /* RULE_ETHER */

	/* compiled */
	int fast_buffer;                /* index in buffers whose fast pattern gates the rule, or -1 */
	void *program;
};

#endif
