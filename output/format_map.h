/* format_map.h - EVE's fields and what other schemas call them: tables, for the formats and for the manual. */
#ifndef TAPIR_OUTPUT_FORMAT_MAP_H
#define TAPIR_OUTPUT_FORMAT_MAP_H

#include <stdio.h>

#include "output/format.h"

enum map_how {
	MAP_COPY,               /* the value as it stands */
	MAP_STRING,             /* a number as text */
	MAP_LOWER,              /* in lower case */
	MAP_CONST,              /* `from` is the value, as JSON */
	MAP_ISO_TIME,           /* the zone with a colon */
	MAP_MS,                 /* a time in milliseconds since 1970 */
	MAP_LIST,               /* alone in a list, where it isn't one */
	MAP_OUTCOME,            /* allowed, blocked: allowed, denied */
	MAP_OCSF_SEVERITY,      /* 1 2 3 …: 4 3 2 1 */
	MAP_OCSF_ACTION,        /* allowed, blocked: 1, 2 */
	MAP_CEF_SEVERITY,       /* 1 2 3 …: 9 6 3 1 */
	MAP_HEX,                /* without colons, in lower case */
	MAP_PROTO_NUMBER,       /* TCP, UDP, …: 6, 17, … */
	MAP_IP_TYPE,            /* 4, 6: ipv4, ipv6 */
	MAP_KNOWN_APP,          /* an application protocol, but not "failed" */
};

/* One row. `to` names nested objects with dots; "name[]" is a list of one. Rows with a common beginning stand together. */
struct map_row {
	const char *event_type;         /* for these records only; NULL: for all */
	const char *from;
	const char *to;
	enum map_how how;
};

struct map {
	const char *name, *title;
	const struct map_row *rows;
	unsigned count;
	const char *const *event_types; /* that it has a place for, ending in NULL; NULL: all */
};

extern const struct map map_ecs, map_ocsf, map_cef;

/* The value that a row makes of a record, as JSON text; false: there is none. Uses up to cap bytes of room. */
bool map_value(const struct map_row *row, struct slice record, char *room, size_t cap, struct slice *out);
bool map_applies(const struct map_row *row, struct slice event_type);
/* The tables as Markdown. */
void map_describe(FILE *out);

#endif
