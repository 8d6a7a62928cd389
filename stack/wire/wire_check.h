/* wire_check.h - for tests: a crafted frame, decoded. */
#ifndef TAPIR_WIRE_CHECK_H
#define TAPIR_WIRE_CHECK_H

#include "base/check.h"
#include "stack/wire/craft.h"
#include "stack/wire/packet.h"

struct crafted {
	uint8_t data[4096];
	struct frame frame;
	struct packet_set set;
};

static inline void crafted_decode(struct crafted *c, const char *text, uint16_t link,
				  const struct packet_config *cfg)
{
	struct packet_config dflt;
	size_t at = 0;
	const int len = craft(c->data, sizeof(c->data), text, &at);

	if (len < 0)
		fail_msg("\"%s\": error %d at %zu", text, len, at);
	if (cfg == NULL) {
		packet_config_default(&dflt);
		cfg = &dflt;
	}
	c->frame = (struct frame){
		.data = c->data, .len = (uint32_t)len, .wire_len = (uint32_t)len, .link = link, .number = 1,
	};
	packet_decode(&c->set, &c->frame, cfg);
}

#endif
