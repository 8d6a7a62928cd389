/* neighbour.c - see neighbour.h. What arrives while an answer is awaited is of no interest otherwise. */
#include "cli/neighbour.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "cli/port.h"
#include "stack/wire/arp.h"
#include "stack/wire/craft.h"
#include "stack/wire/icmp.h"

#define TRIES 3
#define WAIT_NS 500000000ull

/* Where the address itself says it. */
static bool mac_of_group(uint8_t ip_version, const struct ip_addr *a, uint8_t mac[6])
{
	const bool everybody = ip_version == 4 && a->words[0] == UINT32_MAX;

	if (ip_version == 4 ? !everybody && a->bytes[0] >> 4 != 14 : a->bytes[0] != 0xff)
		return false;
	if (everybody)
		memset(mac, 0xff, 6);
	else if (ip_version == 4)
		memcpy(mac, (const uint8_t[]){ 1, 0, 0x5e, a->bytes[1] & 0x7f, a->bytes[2], a->bytes[3] }, 6);
	else
		memcpy(mac, (const uint8_t[]){ 0x33, 0x33, a->bytes[12], a->bytes[13], a->bytes[14], a->bytes[15] }, 6);
	return true;
}

static void ask(struct neighbours *n, uint8_t ip_version, const struct ip_addr *addr, const struct ip_addr *src)
{
	struct craft_opts opts = craft_opts_default;
	char text[512], a[IP_TEXT_MAX], s[IP_TEXT_MAX];
	struct craft_error error;
	struct frame f = { 0 };
	uint8_t bytes[128];
	const uint8_t *b = addr->bytes, *m = n->mac;
	int len;

	memcpy(opts.eth_src, m, 6);
	ip_addr_text(addr, ip_version, a);
	ip_addr_text(src, ip_version, s);
	if (ip_version == 4)
		snprintf(text, sizeof(text), "eth dst=ff:ff:ff:ff:ff:ff / arp request %s %s", s, a);
	else
		snprintf(text, sizeof(text), "eth dst=33:33:ff:%02x:%02x:%02x / ipv6 %s ff02::1:ff%02x:%02x%02x ttl=255 / "
			 "icmpv6 135 0 / hex:%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x"
			 "0101%02x%02x%02x%02x%02x%02x", b[13], b[14], b[15], s, b[13], b[14], b[15], b[0], b[1], b[2], b[3],
			 b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15], m[0], m[1], m[2], m[3],
			 m[4], m[5]);
	len = craft_with(bytes, sizeof(bytes), text, &opts, &error);
	if (len < 0)
		return;
	f.data = bytes;
	f.len = f.wire_len = (uint32_t)len;
	f.link = LINK_ETHERNET;
	device_send(n->dev, &f, 1);
}

/* This frame tells who has the address. */
static bool answers(const struct frame *f, uint8_t ip_version, const struct ip_addr *addr, uint8_t mac[6])
{
	struct packet_config cfg;
	struct packet_set set;
	const struct packet *p;

	packet_config_default(&cfg);
	packet_decode(&set, f, &cfg);
	p = &set.pkts[0];
	if (ip_version == 4) {
		/* Behind the head of an ARP packet: the sender's MAC and IP address. */
		if (p->arp == NULL || memcmp(p->arp + 14, addr->bytes, 4) != 0)
			return false;
		memcpy(mac, p->arp + 8, 6);
		return true;
	}
	/* The target stands behind four bytes of flags; whoever says so has it. */
	if (p->ip_version != 6 || p->proto != PROTO_ICMPV6 || p->l4 == NULL || p->icmp_type != ICMPV6_NEIGHBOR_ADVERT ||
	    p->eth == NULL || p->payload.len < 16 || memcmp(p->l4 + 8, addr->bytes, 16) != 0)
		return false;
	memcpy(mac, p->eth + 6, 6);
	return true;
}

static bool await(struct neighbours *n, uint8_t ip_version, const struct ip_addr *addr, uint8_t mac[6])
{
	const uint64_t until = time_now_ns() + WAIT_NS;
	struct pollfd fds[2] = {
		{ .fd = device_poll_fd(n->dev), .events = POLLIN }, { .fd = n->stop, .events = POLLIN },
	};
	struct frame frames[DEVICE_BURST_MAX];
	bool found = false;

	while (!found && !(fds[1].revents & POLLIN)) {
		const uint64_t now = time_now_ns();
		int got = device_recv(n->dev, frames, DEVICE_BURST_MAX);

		for (int i = 0; i < got && !found; i++)
			found = answers(&frames[i], ip_version, addr, mac);
		if (got > 0) {
			device_release(n->dev, frames, (unsigned)got);
			continue;
		}
		if (now >= until)
			break;
		device_advance(n->dev, now);
		poll(fds, 2, (int)((until - now) / 1000000) + 1);
	}
	return found;
}

bool neighbours_find(struct neighbours *n, uint8_t ip_version, const struct ip_addr *addr, const struct ip_addr *src,
		     uint8_t mac[6])
{
	struct neighbours_entry *e;

	if (mac_of_group(ip_version, addr, mac))
		return true;
	for (unsigned i = 0; i < n->count; i++) {
		e = &n->entries[i];
		if (e->ip_version == ip_version && ip_addr_eq(&e->addr, addr)) {
			memcpy(mac, e->mac, 6);
			return e->answered;
		}
	}
	e = &n->entries[n->next];
	n->next = (n->next + 1) % NEIGHBOURS_MAX;
	if (n->count < NEIGHBOURS_MAX)
		n->count++;
	*e = (struct neighbours_entry){ .addr = *addr, .ip_version = ip_version };
	for (unsigned i = 0; i < TRIES && !e->answered; i++) {
		ask(n, ip_version, addr, src);
		e->answered = await(n, ip_version, addr, e->mac);
	}
	memcpy(mac, e->mac, 6);
	return e->answered;
}
