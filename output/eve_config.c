/* eve_config.c - an `eve-log` entry of the configuration, read into struct eve.
 *
 * Suricata's keys and defaults. A configuration without any `outputs` gets one EVE file with every type. */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "output/eve_config.h"

/* "ftp-data" and "ftp_data" are one. */
static bool type_name_eq(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		char x = *a == '-' ? '_' : *a, y = *b == '-' ? '_' : *b;

		if (x != y)
			return false;
	}
	return *a == *b;
}

static struct xff read_xff(const struct conf *c, struct xff otherwise)
{
	if (c == NULL || conf_find(c, "xff") == NULL)
		return otherwise;
	if (!conf_bool(c, "xff.enabled", false))
		return (struct xff){ 0 };
	return (struct xff){
		.mode = strcmp(conf_str(c, "xff.mode", "extra-data"), "overwrite") == 0 ? XFF_OVERWRITE : XFF_EXTRA_DATA,
		.forward = strcmp(conf_str(c, "xff.deployment", "reverse"), "forward") == 0,
		.header = conf_str(c, "xff.header", "X-Forwarded-For"),
	};
}

static void read_alert(struct eve *e, const struct conf *c)
{
	static const struct { const char *key; uint32_t bit; bool otherwise; } rows[] = {
		{ "payload", ALERT_PAYLOAD, false }, { "payload-printable", ALERT_PAYLOAD_PRINTABLE, false },
		{ "payload-length", ALERT_PAYLOAD_LENGTH, false }, { "packet", ALERT_PACKET, false },
		{ "http-body", ALERT_HTTP_BODY, false }, { "http-body-printable", ALERT_HTTP_BODY_PRINTABLE, false },
		{ "tagged-packets", ALERT_TAGGED, true }, { "verdict", ALERT_VERDICT, false },
		{ "metadata.app-layer", ALERT_APP_LAYER, true }, { "metadata.flow", ALERT_FLOW, true },
		{ "metadata.rule.metadata", ALERT_RULE_METADATA, true }, { "metadata.rule.raw", ALERT_RULE_RAW, false },
		{ "metadata.rule.reference", ALERT_REFERENCE, false },
		{ "websocket-payload", ALERT_WEBSOCKET_PAYLOAD, false },
	};
	const char *metadata = conf_str(c, "metadata", NULL);
	bool none = false, value;

	if (metadata != NULL && conf_parse_bool(metadata, &value) == 0)
		none = !value;
	e->alert = true;
	e->alert_options = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool is_metadata = strncmp(rows[i].key, "metadata.", 9) == 0;

		if (conf_bool(c, rows[i].key, rows[i].otherwise && !(none && is_metadata)))
			e->alert_options |= rows[i].bit;
	}
	e->xff_alert = read_xff(c, e->xff_alert);
	e->alert_payload_max = (uint32_t)conf_size(c, "payload-buffer-size", 4096);
}

static void read_anomaly(struct eve *e, const struct conf *c)
{
	e->anomaly = true;
	e->anomaly_options = 0;
	if (conf_bool(c, "types.decode", false))
		e->anomaly_options |= ANOMALY_DECODE;
	if (conf_bool(c, "types.stream", false))
		e->anomaly_options |= ANOMALY_STREAM;
	if (conf_bool(c, "types.applayer", true))
		e->anomaly_options |= ANOMALY_APPLAYER;
	if (conf_bool(c, "packethdr", false))
		e->anomaly_options |= ANOMALY_PACKETHDR;
}

static void read_stream(struct eve *e, const struct conf *c)
{
	static const struct { const char *key; uint16_t bits; } rows[] = {
		{ "all", STREAM_ALL }, { "event-set", TCP_NOTE_EVENT }, { "state-update", TCP_NOTE_STATE },
		{ "spurious-retransmission", TCP_NOTE_SPURIOUS }, { "tcp-session-reuse", TCP_NOTE_REUSE },
		{ "retransmission", TCP_NOTE_RETRANSMISSION },
	};

	e->stream = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (conf_bool(c, rows[i].key, false))
			e->stream |= rows[i].bits;
}

static void read_files(struct eve *e, const struct conf *c)
{
	static const char *const kinds[DIGEST_KINDS] = { "md5", "sha1", "sha256" };
	const struct conf *hashes = conf_find(c, "force-hash");

	e->files = true;
	e->xff_file = read_xff(c, e->xff_file);
	e->files_force_magic = conf_bool(c, "force-magic", false);
	for (const struct conf *h = hashes ? hashes->first : NULL; h != NULL; h = h->next)
		for (unsigned k = 0; k < DIGEST_KINDS; k++)
			if (h->value != NULL && strcasecmp(h->value, kinds[k]) == 0)
				e->files_force_hash |= (uint8_t)(1u << k);
}

static void read_drop(struct eve *e, const struct conf *c)
{
	const char *flows = conf_str(c, "flows", "start");

	e->drop = true;
	e->drop_alerts = conf_bool(c, "alerts", true);
	e->drop_all_flows = strcmp(flows, "all") == 0;
	if (conf_bool(c, "verdict", false))
		e->alert_options |= ALERT_VERDICT;
}

static void read_analyzer(struct eve *e, const char *name, const struct conf *c)
{
	for (unsigned i = 0; i < analyzer_count() && i < EVE_ANALYZERS_MAX; i++) {
		const struct analyzer *a = analyzer_at(i);

		if (a->event_type == NULL)
			continue;
		if (!type_name_eq(a->name, name) && !type_name_eq(a->event_type, name) &&
		    !(a->record_conf != NULL && type_name_eq(a->record_conf, name)))
			continue;
		e->log_app[i] = true;
		if (a->record_options != NULL && e->app_options[i] != NULL && a->record_options_free != NULL)
			a->record_options_free(e->app_options[i]);
		if (a->record_options != NULL)
			e->app_options[i] = a->record_options(c);
	}
}

static void read_type(struct eve *e, const char *name, const struct conf *c)
{
	if (c != NULL && !conf_bool(c, "enabled", true))
		return;
	if (strcmp(name, "alert") == 0)
		read_alert(e, c);
	else if (strcmp(name, "anomaly") == 0)
		read_anomaly(e, c);
	else if (strcmp(name, "files") == 0)
		read_files(e, c);
	else if (strcmp(name, "drop") == 0)
		read_drop(e, c);
	else if (strcmp(name, "flow") == 0) {
		e->flow = true;
		e->flow_exceptions = conf_bool(c, "exception-policy", true);
	}
	else if (strcmp(name, "netflow") == 0)
		e->netflow = true;
	else if (strcmp(name, "frame") == 0)
		e->frame = conf_bool(c, "enabled", true);
	else if (strcmp(name, "stream") == 0)
		read_stream(e, c);
	else if (strcmp(name, "arp") == 0)
		e->arp = conf_bool(c, "enabled", false);
	else if (strcmp(name, "metadata") == 0)
		e->packet_vars = true;
	else if (strcmp(name, "stats") == 0) {
		e->stats = true;
		e->stats_totals = conf_bool(c, "totals", true);
		e->stats_threads = conf_bool(c, "threads", false);
		e->stats_deltas = conf_bool(c, "deltas", false);
	}
	read_analyzer(e, name, c);
}

/* Options that every analyzer's record_options can be asked for without a configuration: alerts embed records
 * of types that aren't logged themselves. */
static void default_options(struct eve *e)
{
	for (unsigned i = 0; i < analyzer_count() && i < EVE_ANALYZERS_MAX; i++)
		if (analyzer_at(i)->record_options != NULL && e->app_options[i] == NULL)
			e->app_options[i] = analyzer_at(i)->record_options(NULL);
}

static void read_types(struct eve *e, const struct conf *types)
{
	static const char *const all[] = { "alert", "anomaly", "files", "drop", "flow", "stats" };

	if (types == NULL) {
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			read_type(e, all[i], NULL);
		for (unsigned i = 0; i < analyzer_count(); i++)
			if (!analyzer_at(i)->off_by_default)
				read_type(e, analyzer_at(i)->name, NULL);
		return;
	}
	for (const struct conf *t = types->first; t != NULL; t = t->next) {
		if (t->value != NULL && t->first == NULL)
			read_type(e, t->value, NULL);
		for (const struct conf *named = t->first; named != NULL; named = named->next)
			read_type(e, named->name, named);
	}
}

int eve_read(struct eve *e, const struct conf *c, const struct conf *root)
{
	e->sensor_name = conf_str(root, "sensor-name", NULL);
	e->metadata = conf_bool(c, "metadata", true);
	e->community_id = conf_bool(c, "community-id", false);
	e->community_seed = (uint16_t)conf_int(c, "community-id-seed", 0);
	e->ethernet = conf_bool(c, "ethernet", false);
	e->pcap_file = conf_bool(c, "pcap-file", false);
	e->suricata_version = conf_bool(c, "suricata-version", false);
	e->alert_options = ALERT_APP_LAYER | ALERT_FLOW | ALERT_RULE_METADATA;
	e->xff_alert = e->xff_file = read_xff(c, (struct xff){ 0 });
	read_types(e, conf_find(c, "types"));
	default_options(e);
	return 0;
}

void eve_forget(struct eve *e)
{
	for (unsigned i = 0; i < analyzer_count() && i < EVE_ANALYZERS_MAX; i++)
		if (analyzer_at(i)->record_options_free != NULL && e->app_options[i] != NULL)
			analyzer_at(i)->record_options_free(e->app_options[i]);
}
