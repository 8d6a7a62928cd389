/* sink.c - what all kinds of sinks share. */
#include "output/sink.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct sink_kind *sink_kind_find(const char *name)
{
	if (strcmp(name, "file") == 0)
		name = "regular";
	for (unsigned i = 0; i < sink_kind_count; i++)
		if (strcmp(sink_kinds[i]->name, name) == 0)
			return sink_kinds[i];
	return NULL;
}

int sink_failed(struct sink *s, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->error, sizeof(s->error), fmt, args);
	va_end(args);
	return err;
}

void sink_verdicts(struct sink_record *records, unsigned from, unsigned count, enum sink_verdict verdict)
{
	for (unsigned i = from; i < count; i++)
		records[i].verdict = verdict;
}
