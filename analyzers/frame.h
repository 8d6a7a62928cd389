/* frame.h - the units a protocol is made of on the wire: for the `frame:` keyword and EVE frame records.
 *
 * An analyzer says where a unit begins and, then or later, how long it is. Offsets are the stream's (a
 * datagram's start at 0). Frames cost nothing unless rules or outputs ask for them (APP_WANT_FRAMES); then the
 * first FRAME_BYTES_MAX bytes are kept with each frame, and at most FRAMES_MAX frames wait in a flow. */
#ifndef TAPIR_ANALYZERS_FRAME_H
#define TAPIR_ANALYZERS_FRAME_H

#include "analyzers/analyzer.h"

#define FRAMES_MAX 64
#define FRAME_BYTES_MAX 65536
#define FRAME_TYPE_STREAM 0xff  /* the whole direction, under the name "stream" */
#define FRAME_NO_TX UINT64_MAX

struct app_frame {
	struct app_frame *next;
	uint64_t id;                    /* from 1 in the flow */
	uint64_t tx_id;                 /* FRAME_NO_TX = none */
	uint64_t offset;                /* in the stream */
	int64_t len;                    /* -1: not known (yet) */
	uint8_t side;                   /* enum side */
	uint8_t type;                   /* index in analyzer->frames, or FRAME_TYPE_STREAM */
	uint8_t event_count;
	uint8_t events[4];              /* indices in analyzer->events */
	bool closed;                    /* no more bytes will come */
	bool recorded;                  /* output: its record was written */
	uint64_t inspected;             /* rules: bytes inspected so far */
	bool updated;                   /* bytes came since rules looked */
	uint8_t gap_count;
	struct {
		uint32_t at;            /* index in bytes behind which the loss lies */
		uint64_t len;
	} gaps[4];
	struct bytes bytes;             /* from its start, losses left out */
};

/* Opens one; NULL where nobody wants frames, or the budget is spent. len -1: as far as frame_end says. */
struct app_frame *frame_open(struct analysis *a, enum side side, uint8_t type, uint64_t offset, int64_t len);
/* The newest frame of that side and type that is open, or NULL. */
struct app_frame *frame_current(struct analysis *a, enum side side, uint8_t type);
void frame_set_tx(struct app_frame *f, const struct tx *tx);
/* It ends at this stream offset. f may be NULL, as in the next one. */
void frame_end(struct analysis *a, struct app_frame *f, uint64_t offset);
void frame_event(struct app_frame *f, unsigned event);

/* For rules and records: all frames of the flow, oldest first. */
struct app_frame *frames_of(const struct analysis *a);
const char *frame_type_name(const struct analyzer *analyzer, uint8_t type);

/* The framework's. */
void frames_data(struct analysis *a, enum side side, uint64_t offset, struct slice data);
void frames_gap(struct analysis *a, enum side side, uint64_t offset, uint64_t len);
void frames_prune(struct analysis *a);
void frames_free(struct analysis *a);

#endif
