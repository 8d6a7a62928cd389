/* format_map.c - the tables of ECS, OCSF and CEF, and what a row's conversion makes of a value.
 *
 * The manual's tables (docs/siem-mapping.md) are printed from these. */
#include "output/format_map.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "output/json_view.h"
#include "output/sink.h"

#define ROWS(table) (table), sizeof(table) / sizeof((table)[0])

/* Elastic Common Schema 8. The record itself follows as suricata.eve. */
static const struct map_row ecs_rows[] = {
	{ NULL, "timestamp", "@timestamp", MAP_ISO_TIME },
	{ NULL, "\"8.11.0\"", "ecs.version", MAP_CONST },
	{ "alert", "\"alert\"", "event.kind", MAP_CONST },
	{ "!alert", "\"event\"", "event.kind", MAP_CONST },
	{ NULL, "\"suricata\"", "event.module", MAP_CONST },
	{ NULL, "\"suricata.eve\"", "event.dataset", MAP_CONST },
	{ "alert", "[\"network\",\"intrusion_detection\"]", "event.category", MAP_CONST },
	{ "!alert", "[\"network\"]", "event.category", MAP_CONST },
	{ "alert", "[\"info\"]", "event.type", MAP_CONST },
	{ "flow", "[\"connection\",\"end\"]", "event.type", MAP_CONST },
	{ "dns", "[\"protocol\"]", "event.type", MAP_CONST },
	{ "http", "[\"protocol\"]", "event.type", MAP_CONST },
	{ "tls", "[\"protocol\"]", "event.type", MAP_CONST },
	{ NULL, "event_id", "event.id", MAP_COPY },
	{ NULL, "alert.severity", "event.severity", MAP_COPY },
	{ NULL, "alert.action", "event.action", MAP_OUTCOME },
	{ NULL, "flow.start", "event.start", MAP_ISO_TIME },
	{ NULL, "flow.end", "event.end", MAP_ISO_TIME },
	{ NULL, "host", "observer.name", MAP_COPY },
	{ NULL, "in_iface", "observer.ingress.interface.name", MAP_COPY },
	{ NULL, "\"ids\"", "observer.type", MAP_CONST },
	{ NULL, "\"tapir\"", "observer.product", MAP_CONST },
	{ NULL, "src_ip", "source.ip", MAP_COPY },
	{ NULL, "src_ip", "source.address", MAP_COPY },
	{ NULL, "src_port", "source.port", MAP_COPY },
	{ NULL, "ether.src_mac", "source.mac", MAP_COPY },
	{ NULL, "flow.pkts_toserver", "source.packets", MAP_COPY },
	{ NULL, "flow.bytes_toserver", "source.bytes", MAP_COPY },
	{ NULL, "geoip.src.country_code", "source.geo.country_iso_code", MAP_COPY },
	{ NULL, "geoip.src.city", "source.geo.city_name", MAP_COPY },
	{ NULL, "geoip.src.asn", "source.as.number", MAP_COPY },
	{ NULL, "geoip.src.as_org", "source.as.organization.name", MAP_COPY },
	{ NULL, "asset.src.name", "source.domain", MAP_COPY },
	{ NULL, "dest_ip", "destination.ip", MAP_COPY },
	{ NULL, "dest_ip", "destination.address", MAP_COPY },
	{ NULL, "dest_port", "destination.port", MAP_COPY },
	{ NULL, "ether.dest_mac", "destination.mac", MAP_COPY },
	{ NULL, "flow.pkts_toclient", "destination.packets", MAP_COPY },
	{ NULL, "flow.bytes_toclient", "destination.bytes", MAP_COPY },
	{ NULL, "geoip.dest.country_code", "destination.geo.country_iso_code", MAP_COPY },
	{ NULL, "geoip.dest.city", "destination.geo.city_name", MAP_COPY },
	{ NULL, "geoip.dest.asn", "destination.as.number", MAP_COPY },
	{ NULL, "geoip.dest.as_org", "destination.as.organization.name", MAP_COPY },
	{ NULL, "asset.dest.name", "destination.domain", MAP_COPY },
	{ NULL, "proto", "network.transport", MAP_LOWER },
	{ NULL, "ip_v", "network.type", MAP_IP_TYPE },
	{ NULL, "app_proto", "network.protocol", MAP_KNOWN_APP },
	{ NULL, "community_id", "network.community_id", MAP_COPY },
	{ NULL, "vlan.0", "network.vlan.id", MAP_STRING },
	{ NULL, "vlan.1", "network.inner.vlan.id", MAP_STRING },
	{ NULL, "alert.signature_id", "rule.id", MAP_STRING },
	{ NULL, "alert.rev", "rule.version", MAP_STRING },
	{ NULL, "alert.signature", "rule.name", MAP_COPY },
	{ NULL, "alert.category", "rule.category", MAP_COPY },
	{ NULL, "alert.references.0", "rule.reference", MAP_COPY },
	{ "alert", "alert.signature", "message", MAP_COPY },
	{ NULL, "alert.metadata.mitre_tactic_id", "threat.tactic.id", MAP_LIST },
	{ NULL, "alert.metadata.mitre_tactic_name", "threat.tactic.name", MAP_LIST },
	{ NULL, "alert.metadata.mitre_technique_id", "threat.technique.id", MAP_LIST },
	{ NULL, "alert.metadata.mitre_technique_name", "threat.technique.name", MAP_LIST },
	{ NULL, "alert.metadata.cve", "vulnerability.id", MAP_LIST },
	{ "dns", "dns.id", "dns.id", MAP_STRING },
	{ NULL, "dns.queries.0.rrname", "dns.question.name", MAP_COPY },
	{ NULL, "dns.queries.0.rrtype", "dns.question.type", MAP_COPY },
	{ NULL, "dns.rcode", "dns.response_code", MAP_COPY },
	{ "dns", "dns.type", "dns.type", MAP_COPY },
	{ NULL, "http.http_method", "http.request.method", MAP_COPY },
	{ NULL, "http.http_refer", "http.request.referrer", MAP_COPY },
	{ NULL, "http.status", "http.response.status_code", MAP_COPY },
	{ NULL, "http.http_content_type", "http.response.mime_type", MAP_COPY },
	{ NULL, "http.length", "http.response.body.bytes", MAP_COPY },
	{ NULL, "http.hostname", "url.domain", MAP_COPY },
	{ NULL, "http.url", "url.original", MAP_COPY },
	{ NULL, "http.http_port", "url.port", MAP_COPY },
	{ NULL, "http.http_user_agent", "user_agent.original", MAP_COPY },
	{ NULL, "tls.sni", "tls.client.server_name", MAP_COPY },
	{ NULL, "tls.ja3.hash", "tls.client.ja3", MAP_COPY },
	{ NULL, "tls.ja3s.hash", "tls.server.ja3s", MAP_COPY },
	{ NULL, "tls.subject", "tls.server.subject", MAP_COPY },
	{ NULL, "tls.issuerdn", "tls.server.issuer", MAP_COPY },
	{ NULL, "tls.fingerprint", "tls.server.hash.sha1", MAP_HEX },
	{ NULL, "fileinfo.filename", "file.path", MAP_COPY },
	{ NULL, "fileinfo.size", "file.size", MAP_COPY },
	{ NULL, "fileinfo.md5", "file.hash.md5", MAP_COPY },
	{ NULL, "fileinfo.sha1", "file.hash.sha1", MAP_COPY },
	{ NULL, "fileinfo.sha256", "file.hash.sha256", MAP_COPY },
	{ NULL, "email.from", "email.from.address", MAP_LIST },
	{ NULL, "email.to", "email.to.address", MAP_LIST },
	{ NULL, "email.subject", "email.subject", MAP_COPY },
};
const struct map map_ecs = { "ecs", "Elastic Common Schema 8.11", ROWS(ecs_rows), NULL };

/* Open Cybersecurity Schema Framework 1.3: alerts are detection findings, flows are network activity. */
static const struct map_row ocsf_rows[] = {
	{ "alert", "2004", "class_uid", MAP_CONST },
	{ "alert", "\"Detection Finding\"", "class_name", MAP_CONST },
	{ "alert", "2", "category_uid", MAP_CONST },
	{ "alert", "1", "activity_id", MAP_CONST },
	{ "alert", "200401", "type_uid", MAP_CONST },
	{ "flow", "4001", "class_uid", MAP_CONST },
	{ "flow", "\"Network Activity\"", "class_name", MAP_CONST },
	{ "flow", "4", "category_uid", MAP_CONST },
	{ "flow", "6", "activity_id", MAP_CONST },
	{ "flow", "400106", "type_uid", MAP_CONST },
	{ NULL, "timestamp", "time", MAP_MS },
	{ "alert", "alert.severity", "severity_id", MAP_OCSF_SEVERITY },
	{ "flow", "1", "severity_id", MAP_CONST },
	{ "alert", "1", "status_id", MAP_CONST },
	{ "alert", "alert.action", "action_id", MAP_OCSF_ACTION },
	{ "alert", "alert.signature", "message", MAP_COPY },
	{ "flow", "flow.start", "start_time", MAP_MS },
	{ "flow", "flow.end", "end_time", MAP_MS },
	{ NULL, "\"1.3.0\"", "metadata.version", MAP_CONST },
	{ NULL, "event_id", "metadata.uid", MAP_COPY },
	{ NULL, "timestamp", "metadata.original_time", MAP_COPY },
	{ NULL, "\"tapir\"", "metadata.product.name", MAP_CONST },
	{ NULL, "\"tapir\"", "metadata.product.vendor_name", MAP_CONST },
	{ NULL, "host", "metadata.loggers[].name", MAP_COPY },
	{ "alert", "event_id", "finding_info.uid", MAP_COPY },
	{ "alert", "alert.signature", "finding_info.title", MAP_COPY },
	{ "alert", "alert.category", "finding_info.types", MAP_LIST },
	{ "alert", "alert.signature_id", "finding_info.analytic.uid", MAP_STRING },
	{ "alert", "alert.signature", "finding_info.analytic.name", MAP_COPY },
	{ "alert", "alert.rev", "finding_info.analytic.version", MAP_STRING },
	{ "alert", "1", "finding_info.analytic.type_id", MAP_CONST },
	{ "alert", "alert.metadata.mitre_tactic_id.0", "finding_info.attacks[].tactic.uid", MAP_COPY },
	{ "alert", "alert.metadata.mitre_tactic_name.0", "finding_info.attacks[].tactic.name", MAP_COPY },
	{ "alert", "alert.metadata.mitre_technique_id.0", "finding_info.attacks[].technique.uid", MAP_COPY },
	{ "alert", "alert.metadata.mitre_technique_name.0", "finding_info.attacks[].technique.name", MAP_COPY },
	{ "alert", "src_ip", "evidences[].src_endpoint.ip", MAP_COPY },
	{ "alert", "src_port", "evidences[].src_endpoint.port", MAP_COPY },
	{ "alert", "dest_ip", "evidences[].dst_endpoint.ip", MAP_COPY },
	{ "alert", "dest_port", "evidences[].dst_endpoint.port", MAP_COPY },
	{ "alert", "proto", "evidences[].connection_info.protocol_name", MAP_LOWER },
	{ "alert", "proto", "evidences[].connection_info.protocol_num", MAP_PROTO_NUMBER },
	{ "alert", "0", "evidences[].connection_info.direction_id", MAP_CONST },
	{ "alert", "community_id", "evidences[].connection_info.community_uid", MAP_COPY },
	{ "alert", "http.url", "evidences[].url.path", MAP_COPY },
	{ "alert", "http.hostname", "evidences[].url.hostname", MAP_COPY },
	{ "flow", "src_ip", "src_endpoint.ip", MAP_COPY },
	{ "flow", "src_port", "src_endpoint.port", MAP_COPY },
	{ "flow", "geoip.src.country_code", "src_endpoint.location.country", MAP_COPY },
	{ "flow", "asset.src.name", "src_endpoint.hostname", MAP_COPY },
	{ "flow", "dest_ip", "dst_endpoint.ip", MAP_COPY },
	{ "flow", "dest_port", "dst_endpoint.port", MAP_COPY },
	{ "flow", "geoip.dest.country_code", "dst_endpoint.location.country", MAP_COPY },
	{ "flow", "asset.dest.name", "dst_endpoint.hostname", MAP_COPY },
	{ "flow", "proto", "connection_info.protocol_name", MAP_LOWER },
	{ "flow", "proto", "connection_info.protocol_num", MAP_PROTO_NUMBER },
	{ "flow", "0", "connection_info.direction_id", MAP_CONST },
	{ "flow", "community_id", "connection_info.community_uid", MAP_COPY },
	{ "flow", "flow_id", "connection_info.uid", MAP_STRING },
	{ "flow", "flow.bytes_toserver", "traffic.bytes_out", MAP_COPY },
	{ "flow", "flow.bytes_toclient", "traffic.bytes_in", MAP_COPY },
	{ "flow", "flow.pkts_toserver", "traffic.packets_out", MAP_COPY },
	{ "flow", "flow.pkts_toclient", "traffic.packets_in", MAP_COPY },
	{ "flow", "app_proto", "app_name", MAP_KNOWN_APP },
};
static const char *const ocsf_types[] = { "alert", "flow", NULL };
const struct map map_ocsf = { "ocsf", "OCSF 1.3", ROWS(ocsf_rows), ocsf_types };

/* ArcSight's Common Event Format, for alerts: the extension; its header is made of the signature. */
static const struct map_row cef_rows[] = {
	{ NULL, "timestamp", "rt", MAP_MS },
	{ NULL, "event_id", "externalId", MAP_COPY },
	{ NULL, "host", "dvchost", MAP_COPY },
	{ NULL, "in_iface", "deviceInboundInterface", MAP_COPY },
	{ NULL, "src_ip", "src", MAP_COPY },
	{ NULL, "src_port", "spt", MAP_COPY },
	{ NULL, "dest_ip", "dst", MAP_COPY },
	{ NULL, "dest_port", "dpt", MAP_COPY },
	{ NULL, "proto", "proto", MAP_COPY },
	{ NULL, "app_proto", "app", MAP_KNOWN_APP },
	{ NULL, "alert.action", "act", MAP_COPY },
	{ NULL, "alert.category", "cat", MAP_COPY },
	{ NULL, "http.http_method", "requestMethod", MAP_COPY },
	{ NULL, "http.url", "request", MAP_COPY },
	{ NULL, "http.hostname", "dhost", MAP_COPY },
	{ NULL, "http.http_user_agent", "requestClientApplication", MAP_COPY },
	{ NULL, "files.0.filename", "fname", MAP_COPY },
	{ NULL, "files.0.sha256", "fileHash", MAP_COPY },
	{ NULL, "\"community id\"", "cs1Label", MAP_CONST },
	{ NULL, "community_id", "cs1", MAP_COPY },
	{ NULL, "\"MITRE technique\"", "cs2Label", MAP_CONST },
	{ NULL, "alert.metadata.mitre_technique_id.0", "cs2", MAP_COPY },
	{ NULL, "\"DNS query\"", "cs3Label", MAP_CONST },
	{ NULL, "dns.queries.0.rrname", "cs3", MAP_COPY },
	{ NULL, "\"TLS SNI\"", "cs4Label", MAP_CONST },
	{ NULL, "tls.sni", "cs4", MAP_COPY },
	{ NULL, "\"flow id\"", "cn1Label", MAP_CONST },
	{ NULL, "flow_id", "cn1", MAP_COPY },
};
static const char *const cef_types[] = { "alert", NULL };
const struct map map_cef = { "cef", "CEF (alerts)", ROWS(cef_rows), cef_types };

bool map_applies(const struct map_row *row, struct slice event_type)
{
	if (row->event_type == NULL)
		return true;
	if (row->event_type[0] == '!')
		return !slice_eq(event_type, slice_str(row->event_type + 1));
	return slice_eq(event_type, slice_str(row->event_type));
}

static struct slice printed(char *room, size_t cap, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static struct slice printed(char *room, size_t cap, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(room, cap, fmt, args);
	va_end(args);
	return slice_of(room, n < 0 ? 0 : (size_t)n < cap ? (size_t)n : cap - 1);
}

/* The time as text: a record of its own for what sinks know about times. */
static uint64_t time_us(struct slice v)
{
	char text[96];
	struct slice record = printed(text, sizeof(text), "{\"timestamp\":%.*s}", (int)(v.len < 60 ? v.len : 60), (const char *)v.data);
	struct sink_record r = { .text = (const char *)record.data, .len = (uint32_t)record.len };

	return sink_record_time_us(&r);
}

static struct slice iso_time(struct slice v, char *room, size_t cap)
{
	size_t n = v.len;

	if (n > 7 && (v.data[n - 6] == '+' || v.data[n - 6] == '-'))
		return printed(room, cap, "%.*s:%.3s", (int)(n - 3), (const char *)v.data, (const char *)v.data + n - 3);
	return v;
}

static int proto_number(const char *name)
{
	static const struct { const char *name; int number; } rows[] = {
		{ "TCP", 6 }, { "UDP", 17 }, { "ICMP", 1 }, { "IPv6-ICMP", 58 }, { "SCTP", 132 }, { "GRE", 47 }, { "ESP", 50 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].number;
	return (int)strtol(name, NULL, 10);
}

static struct slice lowered(struct slice v, char *room, size_t cap, bool hex)
{
	size_t n = 0;

	for (size_t i = 0; i < v.len && n < cap; i++)
		if (!hex || v.data[i] != ':')
			room[n++] = (char)tolower(v.data[i]);
	return slice_of(room, n);
}

static int ladder(struct slice v, const int steps[4])
{
	int64_t n = view_int(v, 4);

	return steps[n < 1 ? 3 : n > 4 ? 3 : n - 1];
}

bool map_value(const struct map_row *row, struct slice record, char *room, size_t cap, struct slice *out)
{
	static const int ocsf[] = { 4, 3, 2, 1 }, cef[] = { 9, 6, 3, 1 };
	struct slice v = row->how == MAP_CONST ? slice_str(row->from) : view_find(record, row->from);
	char text[64];

	if (v.len == 0)
		return false;
	*out = v;
	view_text(v, text, sizeof(text));
	switch (row->how) {
	case MAP_COPY: case MAP_CONST: break;
	case MAP_STRING: *out = view_is_string(v) ? v : printed(room, cap, "\"%.40s\"", text); break;
	case MAP_LOWER: *out = lowered(v, room, cap, false); break;
	case MAP_HEX: *out = lowered(v, room, cap, true); break;
	case MAP_ISO_TIME: *out = iso_time(v, room, cap); break;
	case MAP_MS: *out = printed(room, cap, "%llu", (unsigned long long)time_us(v) / 1000); break;
	case MAP_LIST:
		if (!view_is_list(v) && v.len + 2 < cap)
			*out = printed(room, cap, "[%.*s]", (int)v.len, (const char *)v.data);
		break;
	case MAP_OUTCOME: *out = strcmp(text, "blocked") == 0 ? slice_str("\"denied\"") : v; break;
	case MAP_OCSF_SEVERITY: *out = printed(room, cap, "%d", ladder(v, ocsf)); break;
	case MAP_CEF_SEVERITY: *out = printed(room, cap, "%d", ladder(v, cef)); break;
	case MAP_OCSF_ACTION: *out = slice_str(strcmp(text, "blocked") == 0 ? "2" : "1"); break;
	case MAP_PROTO_NUMBER: *out = printed(room, cap, "%d", proto_number(text)); break;
	case MAP_IP_TYPE: *out = printed(room, cap, "\"ipv%.1s\"", text); break;
	case MAP_KNOWN_APP: return strcmp(text, "failed") != 0;
	}
	return true;
}

static void describe(const struct map *m, FILE *out)
{
	static const char *const hows[] = {
		[MAP_COPY] = "", [MAP_STRING] = "as text", [MAP_LOWER] = "lower case", [MAP_CONST] = "always", [MAP_ISO_TIME] = "zone as +00:00",
		[MAP_MS] = "milliseconds since 1970", [MAP_LIST] = "as a list", [MAP_OUTCOME] = "blocked is denied",
		[MAP_OCSF_SEVERITY] = "1 is 4, 2 is 3, 3 is 2, else 1", [MAP_OCSF_ACTION] = "allowed is 1, blocked is 2",
		[MAP_CEF_SEVERITY] = "1 is 9, 2 is 6, 3 is 3, else 1", [MAP_HEX] = "without colons", [MAP_PROTO_NUMBER] = "its number",
		[MAP_IP_TYPE] = "ipv4 or ipv6", [MAP_KNOWN_APP] = "unless failed",
	};

	fprintf(out, "\n## %s (`format: %s`)\n\n", m->title, m->name);
	if (m->event_types != NULL) {
		fprintf(out, "Only these records have a place in it:");
		for (const char *const *t = m->event_types; *t != NULL; t++)
			fprintf(out, " %s", *t);
		fprintf(out, ". A sink with this format leaves the others out.\n\n");
	}
	fprintf(out, "| EVE | %s | of records | how |\n| --- | --- | --- | --- |\n", m->name);
	for (unsigned i = 0; i < m->count; i++) {
		const struct map_row *r = &m->rows[i];

		fprintf(out, "| `%s` | `%s` | %s%s | %s |\n", r->from, r->to, r->event_type && r->event_type[0] == '!' ? "all but " : "",
			r->event_type ? r->event_type + (r->event_type[0] == '!') : "all", hows[r->how]);
	}
}

void map_describe(FILE *out)
{
	fprintf(out, "# How EVE's fields are called elsewhere\n\n"
		     "Made from the tables in output/format_map.c by `tapir outputs --mapping`.\n");
	describe(&map_ecs, out);
	fprintf(out, "\nThe whole record follows as `suricata.eve`.\n");
	describe(&map_ocsf, out);
	fprintf(out, "\nThe whole record follows as `unmapped`.\n");
	describe(&map_cef, out);
	fprintf(out, "\nThe header is `CEF:0|tapir|tapir|version|alert.signature_id|alert.signature|severity|`, with severity 9, 6, 3, 1 for\n"
		     "EVE's 1, 2, 3 and more. A label stands only with its value.\n");
}
