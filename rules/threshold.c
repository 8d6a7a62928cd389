/* threshold.c - reads limits on how often a rule alerts.
 *
 *	type limit|threshold|both|backoff, track by_src|…, count N, seconds S [, multiplier M]
 *	suppress gen_id G, sig_id S [, track by_src|by_dst|by_either, ip LIST]
 *	threshold|event_filter gen_id G, sig_id S, type …
 *	rate_filter gen_id G, sig_id S, track …, count N, seconds S, new_action A, timeout T
 */
#include "rules/threshold.h"

#include <errno.h>

struct name_value {
	const char *name;
	uint8_t value;
};

static const struct name_value types[] = {
	{ "limit", THRESHOLD_LIMIT }, { "threshold", THRESHOLD_THRESHOLD }, { "both", THRESHOLD_BOTH },
	{ "backoff", THRESHOLD_BACKOFF }, { NULL, 0 },
};
static const struct name_value tracks[] = {
	{ "by_src", TRACK_BY_SRC }, { "by_dst", TRACK_BY_DST }, { "by_rule", TRACK_BY_RULE },
	{ "by_both", TRACK_BY_BOTH }, { "by_flow", TRACK_BY_FLOW }, { "by_either", TRACK_BY_EITHER }, { NULL, 0 },
};
static const struct name_value actions[] = {
	{ "alert", ACTION_ALERT }, { "pass", ACTION_PASS }, { "drop", ACTION_DROP }, { "reject", ACTION_REJECT },
	{ "log", ACTION_ALERT }, { "sdrop", ACTION_DROP }, { NULL, 0 },
};
static const struct name_value uniques[] = { { "src_port", 1 }, { "dst_port", 2 }, { NULL, 0 } };

enum { SEEN_TYPE = 1, SEEN_TRACK = 2, SEEN_COUNT = 4, SEEN_SECONDS = 8, SEEN_MULTIPLIER = 16, SEEN_UNIQUE = 32,
       SEEN_NEW_ACTION = 64, SEEN_TIMEOUT = 128, SEEN_GID = 256, SEEN_SID = 512, SEEN_IP = 1024 };

static int name_read(struct rule_parser *p, const struct name_value *names, const char *what, struct slice value,
		     uint8_t *out)
{
	char known[120];
	size_t len = 0;

	for (size_t i = 0; names[i].name != NULL; i++) {
		if (text_is(value, names[i].name)) {
			*out = names[i].value;
			return 0;
		}
		len += (size_t)snprintf(known + len, len < sizeof(known) ? sizeof(known) - len : 0, "%s%s",
					len ? ", " : "", names[i].name);
	}
	rule_hint(p, "%s can be %s", what, known);
	return rule_error(p, value.data, "\"%.*s\" is no %s", SLICE_ARG(value), what);
}

static int count_read(struct rule_parser *p, const char *what, struct slice value, uint32_t *out)
{
	if (text_u32(value, UINT32_MAX, out))
		return 0;
	return rule_error(p, value.data, "%s takes a number, not \"%.*s\"", what, SLICE_ARG(value));
}

static int pair_read(struct rule_parser *p, struct slice name, struct slice value, struct threshold *t,
		     struct threshold_line *line, uint32_t *bit)
{
	if (text_is(name, "type"))
		return *bit = SEEN_TYPE, name_read(p, types, "type", value, &t->type);
	if (text_is(name, "track"))
		return *bit = SEEN_TRACK, name_read(p, tracks, "track", value, &t->track);
	if (text_is(name, "count"))
		return *bit = SEEN_COUNT, count_read(p, "count", value, &t->count);
	if (text_is(name, "seconds"))
		return *bit = SEEN_SECONDS, count_read(p, "seconds", value, &t->seconds);
	if (text_is(name, "multiplier"))
		return *bit = SEEN_MULTIPLIER, count_read(p, "multiplier", value, &t->multiplier);
	if (text_is(name, "unique_on") && line == NULL)
		return *bit = SEEN_UNIQUE, name_read(p, uniques, "unique_on", value, &t->unique_on);
	if (text_is(name, "new_action") && line != NULL)
		return *bit = SEEN_NEW_ACTION, name_read(p, actions, "new_action", value, &t->new_action);
	if (text_is(name, "timeout") && line != NULL)
		return *bit = SEEN_TIMEOUT, count_read(p, "timeout", value, &t->timeout);
	if ((text_is(name, "gen_id") || text_is(name, "gid")) && line != NULL)
		return *bit = SEEN_GID, count_read(p, "gen_id", value, &line->gid);
	if ((text_is(name, "sig_id") || text_is(name, "sid")) && line != NULL)
		return *bit = SEEN_SID, count_read(p, "sig_id", value, &line->sid);
	rule_hint(p, line ? "known are gen_id, sig_id, type, track, count, seconds, new_action, timeout, ip" :
			    "known are type, track, count, seconds, multiplier");
	return rule_error(p, name.data, "unknown option \"%.*s\"", SLICE_ARG(name));
}

/* All "name value" pairs; an "ip" takes the rest of the line. */
static int pairs_read(struct rule_parser *p, struct slice text, struct threshold *t, struct threshold_line *line,
		      uint32_t *seen)
{
	struct slice rest = text, part, name;

	while (text_part(&rest, ',', &part)) {
		uint32_t bit = 0;

		if (!text_word(&part, &name))
			return rule_error(p, part.data, "nothing stands between two commas");
		part = text_trim(part);
		if (line != NULL && text_is(name, "ip")) {
			struct slice list = slice_of(part.data, (size_t)(text.data + text.len - part.data));

			*seen |= SEEN_IP;
			t->addrs = addr_set_parse(p, text_trim(list));
			return t->addrs != NULL ? 0 : -EINVAL;
		}
		if (part.len == 0)
			return rule_error(p, name.data, "\"%.*s\" has no value", SLICE_ARG(name));
		if (pair_read(p, name, part, t, line, &bit) < 0)
			return -EINVAL;
		if (*seen & bit)
			return rule_error(p, name.data, "\"%.*s\" stands here twice", SLICE_ARG(name));
		*seen |= bit;
	}
	return 0;
}

static int missing(struct rule_parser *p, uint32_t seen, uint32_t wanted)
{
	static const struct { uint32_t bit; const char *name; } names[] = {
		{ SEEN_GID, "gen_id" }, { SEEN_SID, "sig_id" }, { SEEN_TYPE, "type" }, { SEEN_TRACK, "track" },
		{ SEEN_COUNT, "count" }, { SEEN_SECONDS, "seconds" }, { SEEN_MULTIPLIER, "multiplier" },
		{ SEEN_NEW_ACTION, "new_action" }, { SEEN_TIMEOUT, "timeout" }, { SEEN_IP, "ip" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((wanted & names[i].bit) && !(seen & names[i].bit))
			return rule_error(p, NULL, "\"%s\" is missing", names[i].name);
	return 0;
}

static int limits_check(struct rule_parser *p, const struct threshold *t, uint32_t seen)
{
	if (t->type == THRESHOLD_BACKOFF) {
		if (missing(p, seen, SEEN_TRACK | SEEN_COUNT | SEEN_MULTIPLIER) < 0)
			return -EINVAL;
		if (t->track != TRACK_BY_FLOW) {
			rule_hint(p, "write track by_flow");
			return rule_error(p, NULL, "backoff counts by flow only");
		}
		if (t->count == 0 || t->multiplier <= 1)
			return rule_error(p, NULL, "backoff needs a count above 0 and a multiplier above 1");
		if (seen & SEEN_SECONDS)
			return rule_error(p, NULL, "backoff takes no seconds");
		return 0;
	}
	if (missing(p, seen, SEEN_TRACK | SEEN_COUNT | SEEN_SECONDS) < 0)
		return -EINVAL;
	if (seen & SEEN_MULTIPLIER)
		return rule_error(p, NULL, "multiplier belongs to type backoff");
	if (t->track == TRACK_BY_EITHER)
		return rule_error(p, NULL, "track by_either is for suppress only");
	if (t->type == THRESHOLD_DETECTION && (t->count == 0 || t->seconds == 0))
		return rule_error(p, NULL, "count and seconds must be above 0");
	if (t->count == 0 || t->seconds == 0)
		rule_warning(p, NULL, "%s is 0: is that meant?", t->count == 0 ? "count" : "seconds");
	return 0;
}

int threshold_parse(struct rule_parser *p, struct slice text, uint32_t allowed, struct threshold *out)
{
	uint32_t seen = 0;

	memset(out, 0, sizeof(*out));
	if (pairs_read(p, text, out, NULL, &seen) < 0)
		return -EINVAL;
	if (allowed == 0) {
		out->type = THRESHOLD_DETECTION;
		if (seen & SEEN_TYPE)
			return rule_error(p, text.data, "detection_filter has no type");
	} else if (missing(p, seen, SEEN_TYPE) < 0) {
		return -EINVAL;
	}
	if ((seen & SEEN_UNIQUE) && allowed != 0)
		return rule_error(p, text.data, "unique_on belongs to detection_filter");
	return limits_check(p, out, seen);
}

int threshold_line_parse(struct rule_parser *p, struct slice text, struct threshold_line *out)
{
	struct threshold *t = &out->threshold;
	struct slice kind;
	uint32_t seen = 0;

	memset(out, 0, sizeof(*out));
	text_word(&text, &kind);
	p->keyword = kind;
	if (!text_is(kind, "suppress") && !text_is(kind, "rate_filter") && !text_is(kind, "threshold") &&
	    !text_is(kind, "event_filter")) {
		rule_hint(p, "suppress, threshold, event_filter or rate_filter");
		return rule_error(p, kind.data, "unknown command \"%.*s\"", SLICE_ARG(kind));
	}
	if (pairs_read(p, text_trim(text), t, out, &seen) < 0 || missing(p, seen, SEEN_GID | SEEN_SID) < 0)
		return -EINVAL;
	if (out->gid == 0 && out->sid != 0)
		return rule_error(p, NULL, "gen_id 0 means every rule: sig_id has to be 0 too");
	if (text_is(kind, "suppress")) {
		t->type = THRESHOLD_SUPPRESS;
		if (!(seen & SEEN_TRACK) != !(seen & SEEN_IP))
			return missing(p, seen, SEEN_TRACK | SEEN_IP);
		if (t->addrs != NULL && t->track != TRACK_BY_SRC && t->track != TRACK_BY_DST &&
		    t->track != TRACK_BY_EITHER)
			return rule_error(p, NULL, "suppress tracks by_src, by_dst or by_either");
		return 0;
	}
	if (text_is(kind, "rate_filter")) {
		t->type = THRESHOLD_RATE;
		if (missing(p, seen, SEEN_NEW_ACTION | SEEN_TIMEOUT) < 0)
			return -EINVAL;
		return limits_check(p, t, seen);
	}
	if (missing(p, seen, SEEN_TYPE) < 0)
		return -EINVAL;
	return limits_check(p, t, seen);
}
