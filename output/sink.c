/* sink.c - what all kinds of sinks share. */
#include "output/sink.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "output/json_view.h"

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

void sink_record_time(const struct sink_record *r, char out[48])
{
	struct slice v = view_find(slice_of(r->text, r->len), "timestamp");
	char text[40];
	size_t n = v.len > 0 ? view_text(v, text, sizeof(text)) : 0;
	time_t t = (time_t)r->time_s;
	struct tm tm;

	if (n > 24 && (text[n - 5] == '+' || text[n - 5] == '-')) {
		snprintf(out, 48, "%.*s:%s", (int)(n - 2), text, text + n - 2);
		return;
	}
	gmtime_r(&t, &tm);
	strftime(out, 48, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

uint64_t sink_record_time_us(const struct sink_record *r)
{
	char text[48];
	unsigned us = 0;
	int hours = 0, minutes = 0, n = 0;
	struct tm tm = { 0 };
	const char *rest;
	int64_t s;

	sink_record_time(r, text);
	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (rest == NULL)
		return r->time_s * 1000000;
	if (*rest == '.' && sscanf(rest, ".%6u%n", &us, &n) == 1)
		rest += n;
	sscanf(rest, "%3d:%2d", &hours, &minutes);
	s = timegm(&tm) - hours * 3600 - (hours < 0 ? -minutes : minutes) * 60;
	return (uint64_t)s * 1000000 + us;
}
