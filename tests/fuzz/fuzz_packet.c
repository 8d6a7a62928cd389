/* A frame of any content: what the decoded view points to lies within the frame. The
 * first byte is the link type (an index), the second cuts the capture short. */
#include "base/must.h"
#include "stack/wire/packet.h"
#include "tests/fuzz/fuzz.h"

static const uint16_t links[] = {
	LINK_ETHERNET, LINK_NULL, LINK_PPP, LINK_RAW_BSD, LINK_RAW, LINK_CHDLC, LINK_LOOP, LINK_SLL,
	LINK_IPV4, LINK_IPV6, LINK_SLL2, 999,
};

static void within(const struct frame *frame, const uint8_t *at, size_t len)
{
	const uint8_t *end = frame->data + frame->len;
	volatile uint8_t sum = 0;

	if (at == NULL || len == 0)
		return;
	must(at >= frame->data && at <= end && len <= (size_t)(end - at));
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + at[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct packet_set set;
	struct packet_config cfg;
	struct frame frame = { 0 };
	char text[IP_TEXT_MAX];

	if (size < 2)
		return 0;
	packet_config_default(&cfg);
	frame.link = links[data[0] % ARRAY_LEN(links)];
	frame.data = (uint8_t *)data + 2;
	frame.len = (uint32_t)(size - 2);
	frame.wire_len = frame.len + data[1] % 16;
	packet_decode(&set, &frame, &cfg);
	must(set.count >= 1 && set.count <= PACKET_NEST_MAX);
	for (unsigned i = 0; i < set.count; i++) {
		const struct packet *p = &set.pkts[i];

		must(p->event_count <= PACKET_EVENTS_MAX && p->vlan_count <= PACKET_VLANS_MAX);
		within(&frame, p->data, p->len);
		within(&frame, p->eth, p->eth ? 14 : 0);
		within(&frame, p->ip, p->ip_len);
		within(&frame, p->l4, p->l4_header_len);
		within(&frame, p->payload.data, p->payload.len);
		must(p->outer == NULL || (p->outer >= set.pkts && p->outer < p));
		if (p->ip_version != 0)
			ip_addr_text(&p->src, p->ip_version, text);
	}
	return 0;
}
