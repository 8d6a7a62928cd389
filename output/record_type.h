/* record_type.h - kinds of records, as small numbers: what sinks filter by and shedding is counted by. */
#ifndef TAPIR_OUTPUT_RECORD_TYPE_H
#define TAPIR_OUTPUT_RECORD_TYPE_H

#include <stdbool.h>
#include <stdint.h>

/* Analyzers' records follow the sensor's own: RECORD_TYPE_APP + the analyzer's index. */
enum record_type {
	RECORD_TYPE_ALERT, RECORD_TYPE_ANOMALY, RECORD_TYPE_DROP, RECORD_TYPE_FLOW, RECORD_TYPE_NETFLOW, RECORD_TYPE_FILEINFO, RECORD_TYPE_STATS, RECORD_TYPE_FRAME,
	RECORD_TYPE_ARP, RECORD_TYPE_PACKET, RECORD_TYPE_STREAM, RECORD_TYPE_APP,
};

#define RECORD_APPS_MAX 128
#define RECORD_TYPES_MAX (RECORD_TYPE_APP + RECORD_APPS_MAX)

/* "event_type" of the records; NULL where there is no such type. */
const char *record_type_name(unsigned type);
/* Whether records of this name exist: every type with it is set in types. "ftp-data" and "ftp_data" are one. */
bool record_types_named(const char *name, bool types[RECORD_TYPES_MAX]);

#endif
