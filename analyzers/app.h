/* app.h - inside of the application layer: what app.c, detect.c, expect.c, file.c and frame.c share. */
#ifndef TAPIR_ANALYZERS_APP_H
#define TAPIR_ANALYZERS_APP_H

#include "analyzers/analyzer.h"
#include "analyzers/cipher.h"
#include "analyzers/digest.h"
#include "analyzers/file.h"
#include "analyzers/magic.h"

#define PORT_RANGES_MAX 32
#define DIGESTS_IDLE_MAX 16
/* Both directions silent about what they speak, and one has sent this much: give up (Suricata's bound). */
#define DETECT_BYTES_MAX 100000

enum proto_mode { PROTO_OFF, PROTO_DETECT_ONLY, PROTO_ON };

struct port_range {
	uint16_t from, to;
};

struct port_ranges {
	unsigned count;
	struct port_range at[PORT_RANGES_MAX];
};

/* One analyzer as configured, by transport: [0] TCP, [1] UDP. */
struct proto_conf {
	const struct analyzer *analyzer;
	uint8_t mode[2];                /* enum proto_mode */
	struct port_ranges server_ports[2], client_ports[2];
	void *settings;
	uint64_t memcap;                /* 0: only the analyzers' budget as a whole */
};

struct pattern_ref {
	const struct probe_pattern *pattern;
	uint16_t proto;                 /* index in app_settings.protos */
};

/* The patterns of one transport and side: those that stand at offset 0 by their first byte, then the others. */
struct pattern_table {
	struct pattern_ref *refs;
	unsigned count;
	unsigned loose;                 /* refs[0..loose) may stand anywhere in their window */
	uint16_t first[256], first_count[256];
	unsigned depth_max;             /* bytes after which no pattern can match any more */
};

struct expectations;

struct app_settings {
	struct proto_conf *protos;
	unsigned count;
	struct pattern_table patterns[2][2];    /* by transport, side */
	struct expectations *expectations;
	uint32_t wants;                 /* what configuration asks for by itself */
};

struct app {
	const struct app_settings *settings;
	struct budget budget;
	uint32_t wants;
	struct app_stats *stats;        /* settings->count + 1 rows */
	uint32_t file_ids;
	struct digest *digests[DIGEST_KINDS][DIGESTS_IDLE_MAX];
	unsigned digest_count[DIGEST_KINDS];
	struct cipher *cipher;          /* made when first asked for */
	struct magic *magic;            /* opened when the first file asks */
	bool magic_tried;
};

struct detect_side {
	struct bytes kept;
	uint64_t refused[4];            /* analyzers that said no: bit by index */
	bool seen;                      /* data came */
	bool patterns_done, probes_done;
};

struct detect {
	struct detect_side sides[2];
	uint8_t first_side;             /* which side's data came first */
	uint16_t switch_port;
};

static inline unsigned analysis_transport(const struct analysis *a)
{
	return a->flow->key.proto == 17 ? 1 : 0;
}

/* What a side's bytes look like: NULL: not known. *reversed: they come from the other side than it seemed. */
struct probe_result {
	const struct proto_conf *proto;
	bool reversed;
	bool wait;                      /* more bytes could still tell */
	bool blocked;                   /* and they look like the beginning of something */
};
struct probe_result detect_bytes(struct analysis *a, enum side side, struct slice data, bool more_comes);
int detect_tables_new(struct app_settings *s);
void detect_tables_free(struct app_settings *s);
const struct proto_conf *proto_conf_of(const struct app_settings *s, const struct analyzer *analyzer);

int expectations_new(struct expectations **out);
void expectations_free(struct expectations *e);
/* Takes a flow's expectation: its analyzer's name and context; false where none. */
bool expectation_take(struct expectations *e, const struct flow *flow, uint64_t now_ns, const char **name,
		      uint8_t context[EXPECT_CONTEXT_MAX], size_t *context_len);

/* memory.c: around each call that may take or give back memory for a flow. */
struct memory_mark {
	uint64_t used, max, denied;
};
struct memory_mark memory_begin(struct app *app, const struct flow *flow);
void memory_end(struct app *app, const struct flow *flow, const struct memory_mark *mark);
/* What was counted for one analysis is another's of the same flow from now on; NULL: nobody's. */
void memory_move(struct app *app, struct analysis *from, struct analysis *to);

/* Idle digests are kept for the next file. */
struct digest *app_digest_get(struct app *app, enum digest_kind kind);
void app_digest_put(struct app *app, enum digest_kind kind, struct digest *d);
/* The worker's; NULL where memory ran out. */
struct cipher *app_cipher(struct app *app);

#endif
