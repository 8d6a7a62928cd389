/* respond.h - resets and ICMP errors that rules ask for (reject), sent on a reply interface.
 *
 * One responder serves all workers: its socket sends whole frames and keeps no state between them. */
#ifndef TAPIR_SENSOR_RESPOND_H
#define TAPIR_SENSOR_RESPOND_H

#include <stdbool.h>

#include "stack/wire/packet.h"

struct conf;
struct responder;

/* interface: from the command line, or NULL: then reject.interface of the configuration; without either *out is NULL, and
 * rules that reject are recorded only. Returns 0, or -errno after having said what is wrong. */
int responder_new(struct responder **out, const struct conf *conf, const char *interface);
void responder_free(struct responder *r);

/* Tells the ends that the packet's rejecting rules name; with reject.on-drop, both ends of a TCP packet that is
 * dropped, or would be. Counts into *sent and *failed. */
void responder_packet(const struct responder *r, const struct packet *pkt, bool dropped, uint64_t *sent,
		      uint64_t *failed);

#endif
