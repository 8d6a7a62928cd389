/* mdns.c - multicast DNS (RFC 6762): DNS messages on port 5353, among equals. Whoever speaks is the
 * client of its flow, and the flag in a message says whether it asks or tells. */
#include "analyzers/dns/message.h"
#include "base/must.h"

/* Multicast has no servers: nothing is the wrong way round. */
static enum probe mdns_probe(struct slice data, enum side side, bool is_udp)
{
	const enum probe p = dns_probe(data, side, is_udp);

	return p == PROBE_REVERSED ? PROBE_YES : p;
}

static int mdns_open(struct analysis *a)
{
	const int err = dns_open(a);

	if (err == 0)
		((struct dns_state *)a->state)->by_flag = true;
	return err;
}

static enum record_way mdns_record_way(const struct tx *tx, const void *options)
{
	(void)options;
	return tx->one_sided == 1 + TO_CLIENT ? RECORD_TO_CLIENT : RECORD_TO_SERVER;
}

static bool mdns_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	(void)a;
	(void)req;
	return dns_json_local(j, "mdns", (const struct dns_tx *)tx);
}

#define BOTH (FIELD_TO_SERVER | FIELD_TO_CLIENT)

static const struct field fields[] = {
	DNS_NAMES("mdns.queries.rrname", NULL, BOTH, dns_get_queries, "name of each query"),
	DNS_NAMES("mdns.answers.rrname", NULL, BOTH, dns_get_answers, "name of each answer"),
	DNS_NAMES("mdns.authorities.rrname", NULL, BOTH, dns_get_authorities, "name of each authority record"),
	DNS_NAMES("mdns.additionals.rrname", NULL, BOTH, dns_get_additionals, "name of each additional record"),
	DNS_NAMES("mdns.response.rrname", NULL, BOTH, dns_get_response_names,
		  "every name in a response, those in records' data included"),
};

const struct analyzer analyzer_mdns = {
	.abi = ANALYZER_ABI,
	.name = "mdns",
	.summary = "multicast DNS",
	.transports = TRANSPORT_UDP,
	.ports = "5353",
	.probe = mdns_probe,
	.open = mdns_open,
	.close = dns_close,
	.feed = dns_feed,
	.tx_free = dns_tx_free,
	.complete = { 1, 1 },
	.fields = fields,
	.field_count = ARRAY_LEN(fields),
	.events = dns_events,
	.frames = dns_frames,
	.event_type = "mdns",
	.record_way = mdns_record_way,
	.record = mdns_record,
};
