/* event.h - what can be wrong with a packet, by Suricata's names.
 *
 * An event is a small number. decode_event_name gives what rules match with decode-event and,
 * behind "decoder.", what EVE's `anomaly.event` says. The decoder's events come first; the
 * tracker's (stack/track/tracker.h: event_name) follow from EVENT_STREAM_FIRST. */
#ifndef TAPIR_WIRE_EVENT_H
#define TAPIR_WIRE_EVENT_H

#include <stdint.h>

enum decode_event {
#define X(id, name) EVENT_##id,
#include "stack/wire/decode_events.h"
#undef X
	DECODE_EVENTS,
};

#define EVENT_STREAM_FIRST 512

/* "ipv4.pkt_too_small"; NULL for a number that is none. */
const char *decode_event_name(uint16_t event);
/* The number of a name; -1 where unknown. */
int decode_event_find(const char *name);

#endif
