/* event.c - names of decoder events, both ways. The list is short and looked up while rules load. */
#include "stack/wire/event.h"

#include <stddef.h>
#include <string.h>

static const char *const names[DECODE_EVENTS] = {
#define X(id, name) [EVENT_##id] = name,
#include "stack/wire/decode_events.h"
#undef X
};

const char *decode_event_name(uint16_t event)
{
	return event < DECODE_EVENTS ? names[event] : NULL;
}

int decode_event_find(const char *name)
{
	for (int i = 0; i < DECODE_EVENTS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}
