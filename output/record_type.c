/* record_type.c - the sensor's own kinds of records, then one for each analyzer. */
#include "output/record_type.h"

#include <stddef.h>

#include "analyzers/analyzer.h"

static const char *const own_names[RECORD_TYPE_APP] = {
	[RECORD_TYPE_ALERT] = "alert", [RECORD_TYPE_ANOMALY] = "anomaly", [RECORD_TYPE_DROP] = "drop", [RECORD_TYPE_FLOW] = "flow",
	[RECORD_TYPE_NETFLOW] = "netflow", [RECORD_TYPE_FILEINFO] = "fileinfo", [RECORD_TYPE_STATS] = "stats", [RECORD_TYPE_FRAME] = "frame",
	[RECORD_TYPE_ARP] = "arp", [RECORD_TYPE_PACKET] = "packet", [RECORD_TYPE_STREAM] = "stream_tcp",
};

const char *record_type_name(unsigned type)
{
	if (type < RECORD_TYPE_APP)
		return own_names[type];
	return type - RECORD_TYPE_APP < analyzer_count() ? analyzer_at(type - RECORD_TYPE_APP)->event_type : NULL;
}

static bool name_eq(const char *a, const char *b)
{
	while (*a != '\0' && (*a == '-' ? '_' : *a) == (*b == '-' ? '_' : *b)) {
		a++;
		b++;
	}
	return *a == *b;
}

bool record_types_named(const char *name, bool types[RECORD_TYPES_MAX])
{
	bool found = false;

	for (unsigned i = 0; i < RECORD_TYPES_MAX; i++) {
		const char *own = record_type_name(i);

		if (own == NULL || !(name_eq(own, name) || (i == RECORD_TYPE_FILEINFO && name_eq("files", name))))
			continue;
		types[i] = true;
		found = true;
	}
	return found;
}
