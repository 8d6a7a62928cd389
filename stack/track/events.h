/* events.h - what TCP can do wrong, by Suricata's names: numbers behind the decoder's. */
#ifndef TAPIR_TRACK_EVENTS_H
#define TAPIR_TRACK_EVENTS_H

#include "stack/wire/event.h"

enum stream_event {
	STREAM_EVENT_BEFORE_FIRST = EVENT_STREAM_FIRST - 1,
#define X(id, name) STREAM_##id,
#include "stack/track/stream_events.h"
#undef X
	STREAM_EVENTS_END,
};

#endif
