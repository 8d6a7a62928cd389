/* analyzer.h - the contract of a protocol parser, built in, plug-in or script.
 *
 * An analyzer is one folder with one `const struct analyzer analyzer_<folder>`. It is given slices of
 * any size, keeps only what it needs, survives gaps, bounds everything, never trusts a length, and
 * produces transactions. It never sees packets, rules or sinks. Its result must not depend on how the
 * stream was cut, and its work is linear in the bytes.
 *
 * Feeding: `feed` reads from `in` as far as it can; what it leaves unread is kept by the framework (at
 * most pending_max bytes; more is an error of the stream) and comes again, with more bytes behind it.
 * A parser that knows how many bytes it waits for says so with analysis_need(), and isn't called before. */
#ifndef TAPIR_ANALYZERS_ANALYZER_H
#define TAPIR_ANALYZERS_ANALYZER_H

#include "analyzers/field.h"
#include "base/budget.h"
#include "base/bytes.h"
#include "base/conf.h"
#include "base/json.h"
#include "base/reader.h"
#include "stack/track/flow.h"

#define ANALYZER_ABI 1

enum transport { TRANSPORT_TCP = 1, TRANSPORT_UDP = 2 };

enum probe { PROBE_NO, PROBE_MORE, PROBE_YES, PROBE_REVERSED /* yes, and these bytes come from the server */ };

/* A literal at a fixed place that makes a protocol likely; when it matches, probe (if any) has the last word. */
struct probe_pattern {
	uint8_t side;           /* enum side */
	bool nocase;
	uint16_t offset, depth; /* look at bytes [offset, depth) for it */
	struct slice bytes;
};

#define TX_EVENTS_MAX 16
#define TX_AHEAD_MAX 4

/* The head of every transaction; analyzers embed it first. */
struct tx {
	struct tx *next, *prev;
	uint64_t id;                    /* 0, 1, … in the flow */
	uint64_t time_ns;               /* of the packet that began it */
	uint8_t progress[2];            /* by side, the analyzer's own scale; only rises: tx_progress() */
	uint8_t seen[2];                /* progress that was acknowledged last: analysis_progress() */
	struct {
		uint64_t off;           /* in the stream: where progress was reached … */
		uint8_t progress;
	} ahead[2][TX_AHEAD_MAX];       /* … but not acknowledged yet: by side, oldest first */
	uint8_t ahead_count[2];
	uint8_t event_count;
	uint8_t events[TX_EVENTS_MAX];  /* indices in analyzer->events */
	uint8_t events_recorded;        /* output: how many became anomaly records */
	uint64_t events_off[2];         /* stream offsets by side that have to be acknowledged before they do */
	bool recorded;                  /* output: its record was written */
	bool little_endian;             /* what byte_test and its like read numbers as when they say dce */
	bool updated[2];                /* something changed since rules looked last */
	uint64_t updated_off[2];        /* rules: they look once this much of the stream is acknowledged */
	uint8_t one_sided;              /* 0, or 1 + the only enum side there is of it: tx_one_sided() */
	uint8_t inspected[2];           /* rules: progress up to which inspection is complete */
	uint8_t guessed;                /* rules: how often a match on bytes was taken to be about it */
	void *rules;                    /* rules: state of half-matched rules */
	struct file *files;             /* of both directions, oldest first */
	uint64_t bits;                  /* for the analyzer: flags of its own */
};

enum record_way {
	RECORD_FLOW,                    /* the flow's: from the client to the server */
	RECORD_PACKET,                  /* those of the packet on which it is written */
	RECORD_TO_SERVER, RECORD_TO_CLIENT,     /* of whoever sent it */
};

struct record_request {
	unsigned part;                  /* 0, or which of record_parts() */
	bool alert;                     /* for embedding in an alert, not as an event of its own */
	const void *options;            /* what record_options made of the configuration; never NULL if that exists */
	uint64_t time_ns;
	struct flow *flow;
};

struct analyzer {
	uint32_t abi;                   /* ANALYZER_ABI */
	const char *name;               /* "http": app_proto in EVE, protocol in rule headers */
	const char *aliases;            /* further names in rule headers and configuration: "http1" */
	const char *conf;               /* below app-layer.protocols; NULL = name. "….enabled: no|yes|detection-only" is the framework's */
	const char *summary;
	uint8_t transports;             /* enum transport */
	bool off_by_default;
	bool tx_uncounted;              /* a flow is one transaction: stats don't count it */
	const char *ports;              /* probing: "53,5353" destination ports whose flows are probed first; NULL = none */
	bool any_port;                  /* probe on every port (by content) */
	const struct probe_pattern *patterns;
	unsigned pattern_count;
	/* The first bytes of one direction: is it ours? May be NULL where patterns decide. */
	enum probe (*probe)(struct slice data, enum side side, bool is_udp);
	uint32_t pending_max;           /* 0 = 64 KiB */
	uint32_t tx_open_max;           /* transactions kept at once; the oldest is completed beyond it. 0 = 1024 */
	uint8_t first_side;             /* 0: either side may speak first; else 1 + enum side that has to */

	/* Reads configuration; *out is shared by all workers and read-only. Optional. 0 or -errno. */
	int (*settings_new)(void **out, const struct conf *conf);
	void (*settings_free)(void *settings);

	/* State of one flow: sets a->state. 0 or -ENOMEM. */
	int (*open)(struct analysis *a);
	void (*close)(struct analysis *a);
	enum parse (*feed)(struct analysis *a, enum side side, struct reader *in);
	/* len bytes are missing; pending bytes are gone. false: can't go on (the flow's analysis ends). NULL = can't. */
	bool (*gap)(struct analysis *a, enum side side, uint64_t len);
	/* Nothing will follow in this direction. Optional. */
	void (*end)(struct analysis *a, enum side side);
	/* Rules have looked at side of tx: what won't be looked at again may go (body windows). Optional. */
	void (*inspected)(struct analysis *a, struct tx *tx, enum side side);
	/* Frees what tx holds and tx itself (budget_put of its own size). */
	void (*tx_free)(struct analysis *a, struct tx *tx);

	uint8_t complete[2];            /* progress at which a side of a transaction is finished */
	const char *const *states[2];   /* names of the progress values by side, for hooks "http1:request_headers"; NULL-ended */
	const struct field *fields;
	unsigned field_count;
	const char *const *events;      /* app-layer-event names without protocol, lower case, NULL-ended */
	bool events_upper;              /* EVE has them in capitals: http, tls, smtp, where Suricata's parsers are old */
	const char *const *frames;      /* frame types without protocol, NULL-ended */

	const char *event_type;         /* of its EVE record; NULL: none */
	const char *record_conf;        /* its name under eve-log.types; NULL = event_type or name */
	uint8_t record_at[2];           /* progress by side at which the record is written; 0,0 = complete */
	void *(*record_options)(const struct conf *type);       /* the node under eve-log.types, or NULL */
	void (*record_options_free)(void *options);
	/* Which way round the record's addresses are; NULL = RECORD_FLOW. */
	enum record_way (*record_way)(const struct tx *tx, const void *options);
	/* How many records one transaction makes. NULL = one. */
	unsigned (*record_parts)(struct analysis *a, struct tx *tx, const void *options);
	/* Writes its members ("dns": {…}) into an open record; false: nothing to write, no record. */
	bool (*record)(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j);
};

/* Made from the folders. */
extern const struct analyzer *const analyzers_builtin[];
extern const unsigned analyzers_builtin_count;

/* What detection noticed on a packet: app-layer-event:applayer_…, and EVE anomalies of type applayer. */
enum app_event {
	APP_MISMATCH_PROTOCOL_BOTH_DIRECTIONS,
	APP_WRONG_DIRECTION_FIRST_DATA,
	APP_DETECT_PROTOCOL_ONLY_ONE_DIRECTION,
	APP_PROTO_DETECTION_SKIPPED,
	APP_NO_TLS_AFTER_STARTTLS,
	APP_UNEXPECTED_PROTOCOL,
	APP_EVENTS,
};
/* "applayer_mismatch_protocol_both_directions"; EVE has it in upper case. NULL beyond the last. */
const char *app_event_name(unsigned event);

/* One flow's analysis: in flow->slot[FLOW_ANALYSIS]. Analyzers touch state, settings, and what the functions below offer. */
struct analysis {
	const struct analyzer *proto;   /* NULL: not recognised (yet) */
	const struct analyzer *side_proto[2];   /* what each direction looked like: app_proto_ts, app_proto_tc */
	const struct analyzer *original;        /* before a switch (STARTTLS, CONNECT, upgrade): app_proto_orig */
	const struct analyzer *expected;        /* what the switch announced: app_proto_expected */
	bool failed[2];                 /* detection gave up in this direction, or the parser did */
	bool decided[2];
	void *state;                    /* the analyzer's */
	const void *settings;
	/* What this flow spoke before it switched protocol, newest first: its transactions are complete and wait to be
	 * inspected and recorded. Whoever walks transactions walks these too; app_prune lets them go. */
	struct analysis *older;
	uint32_t events;                /* bits of enum app_event raised by packet number `events_packet` */
	uint64_t events_packet;
	struct bytes context;           /* what analysis_expect announced this flow with */
	struct budget *budget;          /* charge everything here */
	struct flow *flow;
	struct app *app;
	unsigned row;                   /* framework: of proto in app_stats */
	unsigned memory_row;            /* framework: where memory is accounted for */
	uint64_t memory;                /* framework: what this flow holds, as far as it was counted here */
	struct tx *tx_first, *tx_last;  /* not yet freed, oldest first */
	unsigned tx_open;               /* how many that are */
	uint64_t tx_count;              /* ever made */
	struct bytes pending[2];
	uint32_t need[2];
	uint64_t offset[2];             /* of the next byte feed will see */
	uint64_t time_ns;               /* of the packet being followed */
	uint64_t packet;                /* its number */
	bool skip_payload[2];           /* set by the analyzer: what follows is opaque (TLS application data) */
	bool broken;                    /* the parser gave up */
	bool finished;                  /* set by the analyzer: nobody needs this flow's bytes any more */
	bool bypass;                    /* set by the analyzer: nobody needs to look at this flow at all any more */
	uint64_t bypass_at[2];          /* the worker's: what had been seen when it said so, as stream offsets */
	bool ended[2];                  /* nothing will follow in this direction */
	bool reversed;                  /* detection: the sides are the wrong way round. The worker turns the flow and calls app_turned */
	bool switching;                 /* analysis_switch was called */
	const char *switch_name;        /* and what it asked for */
	uint16_t switch_port;           /* set by the analyzer: probe as on this server port (CONNECT host:port) */
	void *frames;                   /* framework: frames of this flow, see analyzers/frame.h */
	void *detect;                   /* framework: bytes kept while the protocol is unknown */
	struct slice feeding;           /* framework: what feed was given, on which side, and where in the stream that starts */
	uint64_t feeding_offset;
	uint8_t feeding_side;
};

/* For analyzers. */
/* A new transaction of size bytes (zeroed, tx first), appended; NULL where the budget is spent. Freed through tx_free. */
void *tx_new(struct analysis *a, size_t size);
/* Raises progress of one side, never lowers it, and notes where in the stream that was. */
void tx_progress(struct analysis *a, struct tx *tx, enum side side, uint8_t progress);
/* The same for the side that isn't being fed: its bytes so far have brought it there, in the light of what the other
 * side says now. */
void tx_progress_other(struct analysis *a, struct tx *tx, enum side side, uint8_t progress);
/* Both sides complete: for what was cut off, or has no other side. */
void tx_complete(struct analysis *a, struct tx *tx);
/* Only this side of tx exists (a query and its response are two transactions): the other one is complete, and
 * rules need not look at it. */
void tx_one_sided(struct analysis *a, struct tx *tx, enum side side);
/* index into analyzer->events. tx NULL: the newest, or one made for it. */
void tx_event(struct analysis *a, struct tx *tx, unsigned event);
static inline void analysis_need(struct analysis *a, enum side side, uint32_t bytes)
{
	a->need[side] = bytes;
}
/* What follows in both directions is another protocol: with name NULL it is to be recognised afresh, and
 * `expected` (or NULL) is what it ought to be. The bytes that feed leaves unread are the first of it. The
 * transactions so far move to a->older of the new analysis, where its open() may read them. */
void analysis_switch(struct analysis *a, const char *name, const char *expected);
/* A flow from client to server:port is about to come (FTP data): it will be analysed as name, and context
 * (at most EXPECT_CONTEXT_MAX bytes are kept) will be in its a->context. */
#define EXPECT_CONTEXT_MAX 512
void analysis_expect(struct analysis *a, const struct ip_addr *client, const struct ip_addr *server, uint16_t port,
		     const char *name, struct slice context);
/* Whether anybody wants a thing: enum app_want. */
bool analysis_wanted(const struct analysis *a, uint32_t wants);

/* For rules and records. */
static inline struct analysis *analysis_of(const struct flow *flow)
{
	return flow->slot[FLOW_ANALYSIS];
}
/* Progress of one side as far as the receiver has acknowledged it (acked from stream_acked()). */
uint8_t analysis_progress(struct analysis *a, struct tx *tx, enum side side, uint64_t acked);
bool tx_done(const struct analysis *a, const struct tx *tx, enum side side);

/* All analyzers of this process, built in and loaded: by index 0 … count-1. */
const struct analyzer *analyzer_at(unsigned index);
unsigned analyzer_count(void);
/* By name or alias; NULL where unknown. */
const struct analyzer *analyzer_find(const char *name);
/* The field behind a keyword name or alias, of any analyzer (or of the common ones: file.*); NULL where unknown.
 * Several analyzers may have a field of one name (http.uri: http and http2): field_in gives each its own. */
const struct field *field_find(const char *keyword, const struct analyzer **analyzer);
/* The same in one analyzer, its own rows before the common ones; NULL where it has none. */
const struct field *field_in(const struct analyzer *analyzer, const char *keyword);
/* By legacy content modifier ("http_uri") or pcre letter ('U'). */
const struct field *field_find_modifier(const char *modifier, const struct analyzer **analyzer);
const struct field *field_find_letter(char letter, const struct analyzer **analyzer);
/* The rows that every analyzer with files has: file.data, file.name, …; *count is set. */
const struct field *fields_common(unsigned *count);

/* The application layer of one worker. */
struct app;
/* Reads app-layer.* from conf. settings are shared: app_settings_new once, app_new per worker. 0 or -errno. */
struct app_settings;
int app_settings_new(struct app_settings **out, const struct conf *conf);
void app_settings_free(struct app_settings *s);
bool app_enabled(const struct app_settings *s, const struct analyzer *analyzer);
int app_new(struct app **out, struct mem *mem, const struct app_settings *settings);
void app_free(struct app *app);
/* What rules and outputs need. At first all but hashes and storing: RULES | RECORDS | FILES | BODIES | FRAMES. */
enum app_want {
	APP_WANT_RULES = 1 << 0,        /* somebody sets tx->inspected; else transactions don't wait for it */
	APP_WANT_RECORDS = 1 << 1,      /* somebody sets tx->recorded and file->recorded */
	APP_WANT_FILES = 1 << 2,        /* file.data is inspected: keep windows */
	APP_WANT_BODIES = 1 << 3,       /* http bodies are inspected or dumped */
	APP_WANT_FRAMES = 1 << 4,
	APP_WANT_MD5 = 1 << 5, APP_WANT_SHA1 = 1 << 6, APP_WANT_SHA256 = 1 << 7,        /* of every file */
	APP_WANT_MAGIC = 1 << 9,        /* of every file */
	APP_WANT_STORE = 1 << 8,        /* file store: bytes wait for file->stored_to */
};
void app_want(struct app *app, uint32_t wants);
uint32_t app_wanted(const struct app *app);

struct tracker;
struct piece;
/* The payload of a datagram (UDP), or one piece of a TCP direction. */
void app_datagram(struct app *app, struct flow *flow, const struct packet *pkt);
void app_piece(struct app *app, struct flow *flow, enum side side, const struct piece *piece, const struct packet *pkt);
/* Nobody needs more of this direction: the worker then calls stream_ignore. */
bool app_wants(const struct flow *flow, enum side side);
/* Detection found that the flow's sides are the wrong way round (a->reversed): the worker has turned the flow,
 * and now what was kept is analysed. */
void app_turned(struct app *app, struct flow *flow);
/* Rules have looked at this side of the flow's transactions: windows of bodies and files move on. */
void app_inspected(struct app *app, struct flow *flow, enum side side);
/* Both directions end; open transactions become complete, so that they are inspected and recorded. */
void app_flow_end(struct app *app, struct flow *flow);
/* Frees transactions that rules have inspected on both sides and that were recorded. */
void app_prune(struct app *app, struct flow *flow);
/* Frees the slot. */
void app_flow_free(struct app *app, struct flow *flow);

struct app_stats {
	const char *name;
	uint64_t flows[2];      /* TCP, UDP */
	uint64_t transactions[2];
	uint64_t errors_gap, errors_parser, errors_internal, errors_alloc;
	uint64_t memuse;                /* what its flows hold now */
	uint64_t memcap_denied;         /* how often it was more than its memcap allows */
};
/* Row index 0 … analyzer_count()-1; false beyond. The row past the last analyzer is "failed". */
bool app_stats(const struct app *app, unsigned index, struct app_stats *out);
const struct budget *app_budget(const struct app *app);

#endif
