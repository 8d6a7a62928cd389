/* events.c - names of events, the decoder's and the tracker's. */
#include "stack/track/events.h"

#include <string.h>

#include "base/must.h"
#include "stack/track/tracker.h"

static const char *const names[] = {
#define X(id, name) "stream." name,
#include "stack/track/stream_events.h"
#undef X
};

/* The decoder's with their prefix: a literal each, so that nothing is put together at run time. */
static const char *const decode_names[] = {
#define X(id, name) "decoder." name,
#include "stack/wire/decode_events.h"
#undef X
};

const char *event_name(uint16_t event)
{
	if (event < DECODE_EVENTS)
		return decode_names[event];
	if (event >= EVENT_STREAM_FIRST && event < STREAM_EVENTS_END)
		return names[event - EVENT_STREAM_FIRST];
	return NULL;
}

int stream_event_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i] + strlen("stream."), name) == 0)
			return EVENT_STREAM_FIRST + (int)i;
	}
	return -1;
}
