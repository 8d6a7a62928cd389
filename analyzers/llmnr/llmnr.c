/* llmnr.c - link-local multicast name resolution (RFC 4795): DNS messages on port 5355, asked by
 * multicast and answered by unicast, over TCP where they are long. */
#include "analyzers/dns/message.h"
#include "base/must.h"

static enum record_way llmnr_record_way(const struct tx *tx, const void *options)
{
	(void)options;
	return tx->one_sided == 1 + TO_CLIENT ? RECORD_TO_CLIENT : RECORD_TO_SERVER;
}

static bool llmnr_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j)
{
	(void)a;
	(void)req;
	return dns_json_local(j, "llmnr", (const struct dns_tx *)tx);
}

#define BOTH (FIELD_TO_SERVER | FIELD_TO_CLIENT)

static const struct field fields[] = {
	DNS_NAMES("llmnr.queries.rrname", NULL, BOTH, dns_get_queries, "name of each query"),
	DNS_NAMES("llmnr.answers.rrname", NULL, BOTH, dns_get_answers, "name of each answer"),
	DNS_NAMES("llmnr.authorities.rrname", NULL, BOTH, dns_get_authorities, "name of each authority record"),
	DNS_NAMES("llmnr.additionals.rrname", NULL, BOTH, dns_get_additionals, "name of each additional record"),
	DNS_NAMES("llmnr.response.rrname", NULL, BOTH, dns_get_response_names,
		  "every name in a response, those in records' data included"),
};

const struct analyzer analyzer_llmnr = {
	.abi = ANALYZER_ABI,
	.name = "llmnr",
	.summary = "link-local multicast name resolution",
	.transports = TRANSPORT_TCP | TRANSPORT_UDP,
	.ports = "5355",
	.probe = dns_probe,
	.pending_max = 2 + 65535,
	.open = dns_open,
	.close = dns_close,
	.feed = dns_feed,
	.gap = dns_gap,
	.tx_free = dns_tx_free,
	.complete = { 1, 1 },
	.fields = fields,
	.field_count = ARRAY_LEN(fields),
	.events = dns_events,
	.frames = dns_frames,
	.event_type = "llmnr",
	.record_way = llmnr_record_way,
	.record = llmnr_record,
};
