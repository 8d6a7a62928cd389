/* contest.h - bytes of a stream that another kind of receiver would read otherwise.
 *
 * Where early segments overlap with different bytes, systems differ in which they keep. Nobody may have said what the
 * receiver is (host-os-policy): then both contents of the contested run are kept until it is handed out. The stream has
 * what the assumed receiver reads; for the same piece the other reading can be asked for. */
#ifndef TAPIR_TRACK_CONTEST_H
#define TAPIR_TRACK_CONTEST_H

#include "stack/track/internal.h"
#include "stack/track/tcp.h"

#define CONTEST_FLOW_MAX 8192           /* contested bytes of a flow */
#define CONTEST_TOTAL_MAX (1 << 22)     /* of all flows of a tracker */
#define CONTEST_PIECE_MAX 65536         /* a longer piece has no other reading */

/* Ahead of what being kept: notes where it contradicts what waits. True where it does. */
bool contest_note(struct tracker *t, struct flow *flow, enum side side, const struct segment *what, const uint8_t *data);
/* The other reading of len bytes at seq that are being handed out; NULL where it is the same. Valid until the next call.
 * What is noted of them is forgotten. */
const uint8_t *contest_other(struct tracker *t, struct tcp_conn *c, enum side side, uint32_t seq, const uint8_t *data,
			     uint32_t len);
void contest_release(struct tracker *t, struct tcp_conn *c);

#endif
