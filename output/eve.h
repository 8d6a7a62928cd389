/* eve.h - inside output/: one EVE output, one worker's writer, and the pieces records are made of. */
#ifndef TAPIR_OUTPUT_EVE_H
#define TAPIR_OUTPUT_EVE_H

#include <pthread.h>

#include "analyzers/digest.h"
#include "analyzers/file.h"
#include "output/delivery.h"
#include "output/output.h"

#define EVE_OUTPUTS_MAX 64
#define EVE_VERSION "8.0.7"             /* the Suricata whose EVE this is */
#define EVE_ANALYZERS_MAX RECORD_APPS_MAX
#define RECORD_MAX (255 * 1024)         /* a longer record is cut at a whole member */

enum alert_option {
	ALERT_PAYLOAD = 1 << 0, ALERT_PAYLOAD_PRINTABLE = 1 << 1, ALERT_PAYLOAD_LENGTH = 1 << 2, ALERT_PACKET = 1 << 3,
	ALERT_APP_LAYER = 1 << 4, ALERT_FLOW = 1 << 5, ALERT_RULE_METADATA = 1 << 6, ALERT_RULE_RAW = 1 << 7,
	ALERT_REFERENCE = 1 << 8, ALERT_VERDICT = 1 << 9, ALERT_HTTP_BODY = 1 << 10, ALERT_HTTP_BODY_PRINTABLE = 1 << 11,
	ALERT_TAGGED = 1 << 12, ALERT_WEBSOCKET_PAYLOAD = 1 << 13,
};

#define STREAM_ALL 0xffff

enum anomaly_option { ANOMALY_DECODE = 1, ANOMALY_STREAM = 2, ANOMALY_APPLAYER = 4, ANOMALY_PACKETHDR = 8 };

enum xff_mode { XFF_OFF, XFF_EXTRA_DATA, XFF_OVERWRITE };
struct xff {
	uint8_t mode;                   /* enum xff_mode */
	bool forward;
	const char *header;
};

/* One `eve-log` entry of the configuration, or one of `sinks`. Read-only after output_new, but for the delivery. */
struct eve {
	struct delivery *delivery;
	unsigned index;                 /* among all */
	uint32_t severity_max;          /* alerts whose severity is a larger number aren't for this one */
	const char *sensor_name;
	bool metadata, community_id, ethernet, pcap_file, suricata_version;
	uint16_t community_seed;
	struct xff xff_alert, xff_file; /* a record type's own, else the output's */
	bool alert, flow, netflow, drop, files, stats, frame, anomaly, arp, packet_vars;
	uint16_t stream;                /* `stream`: bits of enum tcp_note that ask for a record; STREAM_ALL */
	uint32_t alert_options;
	uint32_t alert_payload_max;
	uint8_t anomaly_options;
	bool drop_alerts, drop_all_flows;
	bool flow_exceptions;
	bool files_force_magic, files_force_filestore;
	uint8_t files_force_hash;       /* bits 1 << enum digest_kind */
	bool stats_totals, stats_threads, stats_deltas;
	bool log_app[EVE_ANALYZERS_MAX];        /* by analyzer index */
	void *app_options[EVE_ANALYZERS_MAX];
};

struct file_store;
struct pcap_log;

/* A flow's community id costs a SHA-1, and each of its records shows it. */
#define COMMUNITIES_KEPT 4096
struct community_text {
	uint64_t flow_id;
	uint16_t seed;
	char text[34];
};

struct output {
	struct output_opts opts;
	struct exceptions exceptions;   /* the policies, for flow records */
	struct file_store *store;       /* NULL: off */
	struct pcap_log *pcap;          /* NULL: off */
	bool log_frames, log_stream;
	unsigned eve_count;
	struct eve eves[EVE_OUTPUTS_MAX];
	struct delivery *fast;
	_Atomic unsigned records_count; /* made so far: numbers them */
	pthread_mutex_t top_lock;
	struct signature_count *top;    /* merged when workers free their records, or rules change */
	char *capture_name;
	char host[256];                 /* this machine's name */
};

#define SIGNATURE_SLOTS 8192

/* What a worker writes with. */
struct records {
	struct output *out;
	struct json j;                  /* the record being made */
	struct feed *feeds[EVE_OUTPUTS_MAX];
	struct feed *fast;
	uint64_t number;                /* of this, among all records of the process */
	uint64_t ids[EVE_OUTPUTS_MAX];  /* records written, per output */
	struct rules *rules;            /* of the packet being recorded */
	uint64_t second;                /* whose text is cached */
	char second_text[32];           /* "2026-11-22T19:40:00" */
	char zone_text[8];              /* "+0000" */
	struct records_stats stats;
	struct signature_count *counts; /* SIGNATURE_SLOTS, by sid */
	struct community_text *communities;     /* COMMUNITIES_KEPT, by flow id */
	char *joined;                   /* bytes with losses between them, as a record shows them */
};

/* The client's address as the proxy's header has it; out has IP_TEXT_MAX bytes. tx NULL: any transaction of the flow. */
bool xff_find(const struct xff *xff, struct flow *flow, struct tx *tx, char *out);

/* What a record's addresses are about. */
enum record_dir { DIR_PACKET, DIR_FLOW, DIR_FLOW_TO_SERVER, DIR_FLOW_TO_CLIENT };

/* Text of "timestamp" for a time. */
void eve_timestamp(struct records *r, struct json *j, const char *key, uint64_t ns);
/* "TCP", "IPv6-ICMP", or the number in three digits. */
const char *eve_proto_name(uint8_t proto, char out[4]);
/* Opens the record and writes what all records share, up to and including the options (metadata, community id).
 * client: stands in for the client's address (xff in overwrite mode), or NULL. */
void eve_header(struct records *r, const struct eve *e, struct json *j, const struct flow *flow, const struct packet *pkt,
		enum record_dir dir, const char *event_type, const char *client);
void eve_header_flow(struct records *r, const struct eve *e, struct json *j, const struct flow *flow, uint64_t now_ns,
		     const char *event_type);
/* Blocks one behind the other, with "[4 bytes missing]" for a loss; at most max bytes. Until it is called again. */
#define JOINED_MAX 81920
struct slice eve_join(struct records *r, const struct stream_block *blocks, unsigned count, size_t max);
/* Closes it, counts it, and hands it to the delivery of e. type: enum record_type; severity: an alert's, else 0. */
void eve_done(struct records *r, struct eve *e, struct json *j, unsigned type, unsigned severity);
void eve_app_proto(struct json *j, const struct flow *flow);
void eve_flow_counts(struct records *r, struct json *j, const struct flow *flow);
/* "1:…" into out (at least 32 bytes). False where the protocol has none. */
bool community_id(uint16_t seed, const struct flow *flow, char *out, size_t cap);

void eve_alert(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt,
	       const struct alert *a);
void eve_alert_object(const struct eve *e, struct json *j, const struct packet *pkt, const struct alert *a, const char *xff);
/* The packet itself, its first max bytes, and how to read it. */
void eve_packet(struct json *j, const struct packet *pkt, uint32_t max);
/* A `packet` record: a tag asked for it. */
void eve_tagged(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt);
/* What drops and stream records say of the IP and transport headers. */
void eve_packet_headers(struct json *j, const struct packet *pkt);
/* A `metadata` record, where a rule captured something of this packet. */
void eve_metadata(struct records *r, struct eve *e, struct json *j, const struct flow *flow, const struct packet *pkt);
/* A `stream_tcp` record: what one packet did to its TCP session. */
void eve_stream(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt);
/* What becomes of the packet, by all rules together, and whom a rejection tells. */
void eve_verdict(struct json *j, const struct packet *pkt);
void eve_drop(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt,
	      const struct alert_queue *alerts);
struct app_frame;
void eve_frames(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt);
bool events_acked(const struct flow *flow, const struct tx *tx);
void eve_frame_object(struct records *r, struct json *j, const struct analysis *a, const struct app_frame *f, bool is_tcp);
void eve_ambiguity(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt, enum side side,
		   const struct piece *piece);
void eve_anomalies(struct records *r, struct eve *e, struct json *j, struct flow *flow, const struct packet *pkt);
void eve_arp(struct records *r, struct eve *e, struct json *j, const struct packet *pkt);
void eve_fileinfo(struct records *r, struct eve *e, struct json *j, struct flow *flow, struct analysis *a,
		  const struct packet *pkt, const struct file *f);
void eve_file_object(struct json *j, const struct file *f, bool in_alert);
void eve_flow(struct records *r, struct eve *e, struct json *j, const struct flow *flow, uint64_t now_ns);
void eve_netflow(struct records *r, struct eve *e, struct json *j, const struct flow *flow, uint64_t now_ns);
/* file-store: version 2. */
int file_store_new(struct file_store **out, const struct conf *c, const char *log_dir);
void file_store_free(struct file_store *s);
/* Writes what is new of a file that is to be kept; names it when it has ended. */
void file_store_pump(const struct file_store *s, struct flow *flow, struct file *f);
/* write-fileinfo: the record goes beside the file. */
bool file_store_writes_info(const struct file_store *s);
void file_store_info(const struct file_store *s, const struct file *f, uint64_t time_ns, const char *text, size_t len);
void fast_log(struct records *r, const struct packet *pkt, const struct alert *a);

#endif
