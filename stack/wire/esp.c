/* esp.c - ESP (RFC 4303): two numbers, then nothing that can be read. Its index makes the flow. */
#include "stack/wire/ip.h"
#include "stack/wire/walk.h"

#define ESP_HEADER_LEN 8        /* security parameters index, sequence number */

enum layer esp_decode(struct walk *w)
{
	struct packet *p = w->pkt;

	walk_count(w, WIRE_ESP);
	p->proto = PROTO_ESP;
	if (walk_left(w) < ESP_HEADER_LEN)
		return walk_broken(w, EVENT_ESP_PKT_TOO_SMALL);
	p->l4 = w->at;
	p->l4_header_len = ESP_HEADER_LEN;
	p->tunnel_id = load_be32(w->at);
	p->flags &= ~PACKET_NO_FLOW;
	w->at += ESP_HEADER_LEN;
	p->payload = slice_of(w->at, walk_left(w));
	return LAYER_END;
}
