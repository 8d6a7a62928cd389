/* llmnr.c - link-local multicast name resolution (RFC 4795): DNS messages on port 5355, asked by
 * multicast and answered by unicast, over TCP where they are long. */
#include "analyzers/dns/message.h"
#include "base/must.h"

static const struct field fields[] = { DNS_LOCAL_FIELDS("llmnr") };

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
	.record_way = dns_local_record_way,
	.record = dns_local_record,
};
