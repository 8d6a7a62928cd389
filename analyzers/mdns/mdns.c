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

static const struct field fields[] = { DNS_LOCAL_FIELDS("mdns") };

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
	.record_way = dns_local_record_way,
	.record = dns_local_record,
};
