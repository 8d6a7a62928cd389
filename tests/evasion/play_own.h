/* play_own.h - what a play is made of, for its own files. */
#ifndef TAPIR_TESTS_EVASION_PLAY_OWN_H
#define TAPIR_TESTS_EVASION_PLAY_OWN_H

#include <netinet/in.h>
#include <stdint.h>

#include "stack/track/tracker.h"
#include "stack/wire/packet.h"
#include "tests/evasion/play.h"

#define STREAM_MAX 16384
#define FRAME_MAX 4096
#define WORDS_MAX 24
#define CONNS_MAX 4
#define APP_PORT 7000

struct bytes {
	uint8_t data[STREAM_MAX];
	size_t len;
};

enum play_tracker { TRACK_OOB, TRACK_INLINE, TRACK_MIDSTREAM, TRACK_ASYNC, PLAY_TRACKERS };

struct play {
	int tun, ns[2];                 /* namespaces: the sensor's, and one a hop behind it */
	struct mem *mem;
	struct packet_config decode;
	struct tracker *trackers[PLAY_TRACKERS];
	uint64_t now_ns, number;
	uint16_t next_port;
	uint32_t next_isn;

	/* the script's */
	struct tracker *tracker;
	bool v6, ts, wscale, oob_inline, md5, far, small, hold, closed, trace, we_listen;
	int listener, udp, conns[CONNS_MAX];
	unsigned conn_count;
	uint16_t our_port;
	uint32_t isn, snd;              /* ours; snd is where the next segment goes */
	uint32_t peer_isn, peer_next;   /* the kernel's */
	bool heard;
	uint32_t ts_now, ts_echo;
	uint32_t ip_id;
	uint32_t wire_base;             /* the kernel's bytes: its first one's sequence number */
	size_t wire_from;               /* and where in wire they start */
	struct bytes app, wire;         /* what the application read; what the kernel sent */
	struct bytes got[2];            /* the tracker's: [0] from us */
	const char *wrong;              /* in the script */
};

/* A word list: quotes are kept together. */
struct words {
	char *at[WORDS_MAX];
	unsigned count;
};

/* Our packets: to the tracker, and to the kernel; its answers are taken. */
void play_send(struct play *p, const uint8_t *frame, size_t len);
/* What the kernel sends within the time, and what its application reads. */
void play_answers(struct play *p, int wait_ms);

/* Makes and sends a segment or a datagram, whole or in fragments. */
void segment_step(struct play *p, const struct words *w, bool udp);
const char *play_address(const struct play *p, bool ours);

/* The application's side: sockets of the kernel. */
bool app_open(struct play *p);
void app_connect(struct play *p);
void app_read(struct play *p);
void app_write(struct play *p, const char *text, size_t len);
void app_oob(struct play *p);
void app_flush(struct play *p);
void app_close(struct play *p, bool hard);

#endif
