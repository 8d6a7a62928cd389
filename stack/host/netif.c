/* netif.c - interfaces: what comes from their devices and what goes there. */
#include "stack/host/netif.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stack/host/dhcp.h"
#include "stack/host/internal.h"
#include "stack/host/multicast.h"
#include "stack/host/nd.h"
#include "stack/host/neighbour.h"
#include "stack/host/packet_socket.h"
#include "stack/host/route.h"
#include "stack/host/runner.h"
#include "stack/wire/ethernet.h"

#define TX_RETRY_NS (50 * NS_PER_US)
#define LOOPBACK_MTU 65535
#define MTU_MIN 68              /* RFC 791 */



/* ---- receiving ---- */

static bool frame_for_us(const struct netif *nif, const uint8_t *dst)
{
	return dst[0] & 1 || memcmp(dst, nif->mac, 6) == 0;
}

static void frame_input(struct netif *nif, const struct frame *frame)
{
	struct tapir_host *h = nif->host;
	struct ip_state *ip = host_ip(h);
	struct packet *pkt = &h->packets->pkts[0];

	if (frame->flags & FRAME_OUTGOING)
		return;
	nif->rx_frames++;
	nif->rx_bytes += frame->len;
	packet_decode(h->packets, frame, &h->decode);
	packet_socket_input(nif, frame);
	if (nif->ethernet) {
		const uint8_t *eth = frame->data;

		if (frame->len < ETH_HEADER_LEN || pkt->vlan_count) {
			ip->link_unknown++;
			return;
		}
		/* A group address is nobody's source, and we don't talk to ourselves over the wire. */
		if (eth[6] & 1) {
			ip->link_malformed++;
			return;
		}
		if (!frame_for_us(nif, eth)) {
			ip->link_not_ours++;
			return;
		}
	}
	if (pkt->arp != NULL && nif->ethernet)
		arp_input(nif, pkt);
	else if (pkt->ip != NULL)
		ip_input(h, nif, pkt);
	else if (pkt->flags & PACKET_INVALID)
		ip->bad_header++;
	else
		ip->link_unknown++;
}

unsigned netif_receive(struct netif *nif, unsigned max)
{
	struct frame frames[DEVICE_BURST_MAX];
	const int n = device_recv(nif->device, frames, max < DEVICE_BURST_MAX ? max : DEVICE_BURST_MAX);

	if (n <= 0)
		return 0;
	for (int i = 0; i < n; i++)
		frame_input(nif, &frames[i]);
	device_release(nif->device, frames, (unsigned)n);
	return (unsigned)n;
}

/* ---- sending ---- */

static void tx_timer_fire(struct tapir_host *h, struct host_timer *t)
{
	(void)h;
	(void)t;                        /* the poll that runs the timers flushes as well */
}

int netif_send(struct netif *nif, struct pbuf *p)
{
	struct tapir_host *h = nif->host;

	if (nif->tx.count >= host_ip(h)->queue_len) {
		host_ip(h)->queue_full++;
		pbuf_put(h, p);
		return -ENOBUFS;
	}
	pbuf_queue_put(&nif->tx, p);
	if (nif->tx.count == DEVICE_BURST_MAX)
		netif_flush(nif);
	return 0;
}

int netif_send_to(struct netif *nif, struct pbuf *p, const uint8_t dst[6], uint16_t ether_type)
{
	if (nif->ethernet) {
		uint8_t *eth = pbuf_push(p, ETH_HEADER_LEN);

		memcpy(eth, dst, 6);
		memcpy(eth + 6, nif->mac, 6);
		store_be16(eth + 12, ether_type);
	}
	return netif_send(nif, p);
}

static unsigned burst_fill(struct netif *nif, struct frame frames[DEVICE_BURST_MAX])
{
	unsigned n = 0;

	for (struct pbuf *p = nif->tx.first; p != NULL && n < DEVICE_BURST_MAX; p = p->next)
		frames[n++] = (struct frame){
			.data = p->data, .len = p->len, .wire_len = p->len, .time_ns = nif->host->now_ns + nif->clock_ns,
			.link = nif->ethernet ? LINK_ETHERNET : LINK_RAW,
		};
	return n;
}

void netif_flush(struct netif *nif)
{
	struct tapir_host *h = nif->host;
	struct frame frames[DEVICE_BURST_MAX];

	while (nif->tx.count) {
		const unsigned n = burst_fill(nif, frames);
		int taken = device_send(nif->device, frames, n);

		if (taken < 0 && taken != -EAGAIN && taken != -ENOBUFS) {
			host_ip(h)->send_errors += n;
			taken = (int)n;
		}
		for (int i = 0; i < taken; i++) {
			struct pbuf *p = pbuf_queue_take(&nif->tx);

			nif->tx_frames++;
			nif->tx_bytes += p->len;
			packet_socket_sent(nif, p);
			pbuf_put(h, p);
		}
		if (taken < (int)n) {
			host_timer_arm(h, &nif->tx_timer, h->now_ns + TX_RETRY_NS);
			return;
		}
	}
}

/* ---- life ---- */

static int netif_new(struct tapir_host *h, struct netif **out, struct device *dev,
		     const struct tapir_netif_config *config, unsigned index)
{
	struct netif *nif = host_alloc(h, sizeof(*nif));

	if (nif == NULL)
		return -ENOMEM;
	nif->host = h;
	nif->index = (uint16_t)index;
	nif->device = dev;
	if (config != NULL)
		nif->cfg = *config;
	host_timer_init(&nif->tx_timer, tx_timer_fire);
	h->netifs[index] = nif;
	*out = nif;
	return 0;
}

int netif_loopback_new(struct tapir_host *h)
{
	static const struct ip_addr v4 = { .bytes = { 127, 0, 0, 1 } }, v6 = { .bytes = { [15] = 1 } };
	struct netif *nif;
	int err = netif_new(h, &nif, NULL, NULL, NETIF_LOOPBACK);

	if (err < 0)
		return err;
	memcpy(nif->name, "lo", 3);
	nif->mtu = LOOPBACK_MTU;
	err = address_add(nif, 4, &v4, 8, ADDRESS_MANUAL, NEVER, NEVER);
	if (err == 0)
		err = address_add(nif, 6, &v6, 128, ADDRESS_MANUAL, NEVER, NEVER);
	if (err < 0)
		netif_free(nif);
	return err;
}

/* Without the device. */
static void netif_drop(struct netif *nif)
{
	struct tapir_host *h = nif->host;

	h->path_generation++;
	dhcp_netif_gone(nif);
	nd_netif_gone(nif);
	while (nif->addresses != NULL)
		address_remove(nif, nif->addresses);
	multicast_netif_gone(nif);
	packet_socket_netif_gone(nif);
	neighbour_remove_netif(h, nif);
	route_remove_netif(h, nif->index, -1);
	pbuf_queue_clear(h, &nif->tx);
	host_timer_cancel(h, &nif->tx_timer);
	h->netifs[nif->index] = NULL;
	host_free(h, nif, sizeof(*nif));
}

void netif_free(struct netif *nif)
{
	struct device *dev;

	if (nif == NULL)
		return;
	dev = nif->device;
	if (dev != NULL)
		netif_flush(nif);
	netif_drop(nif);
	if (dev != NULL)
		device_close(dev);
}

static bool mac_given(const uint8_t mac[6])
{
	static const uint8_t none[6];

	return memcmp(mac, none, 6) != 0;
}

static int netif_set_up(struct netif *nif)
{
	struct device_info info = { 0 };

	device_info(nif->device, &info);
	nif->ethernet = info.link == LINK_ETHERNET;
	nif->peer_offload = info.peer_offload;
	nif->live = info.live && strcmp(info.kind, "memory") != 0;
	nif->clock_ns = nif->live ? runner_clock_offset(nif->host) : 0;
	nif->mtu = nif->cfg.mtu ? nif->cfg.mtu : info.mtu;
	if (nif->mtu == 0)
		nif->mtu = 1500;
	if (nif->mtu < MTU_MIN || (!nif->ethernet && info.link != LINK_RAW))
		return -EINVAL;
	if (nif->mtu > LOOPBACK_MTU)
		nif->mtu = LOOPBACK_MTU;
	memcpy(nif->mac, mac_given(nif->cfg.mac) ? nif->cfg.mac : info.mac, 6);
	/* The address of a TAP interface is the kernel's, which is the other end of the wire. */
	if (strcmp(info.kind, "tap") == 0 && !mac_given(nif->cfg.mac)) {
		nif->mac[0] = (uint8_t)((nif->mac[0] & ~1) | 2);
		nif->mac[5] ^= 1;
	}
	snprintf(nif->name, sizeof(nif->name), "%.15s", nif->cfg.name != NULL ? nif->cfg.name : info.name);
	nif->cfg.name = NULL;           /* the caller's string */
	return multicast_netif_up(nif);
}

static int device_attach(struct tapir_host *h, struct device *dev, const struct tapir_netif_config *config)
{
	struct netif *nif;
	unsigned index = NETIF_LOOPBACK + 1;
	int err;

	while (index <= HOST_NETIFS_MAX && h->netifs[index] != NULL)
		index++;
	if (index > HOST_NETIFS_MAX)
		return -ENOSPC;
	err = netif_new(h, &nif, dev, config, index);
	if (err < 0)
		return err;
	err = netif_set_up(nif);
	if (err == 0 && !nif->cfg.no_ipv6)
		err = nd_netif_up(nif);
	if (err < 0) {
		netif_drop(nif);
		return err;
	}
	h->path_generation++;
	return (int)index;
}

int tapir_netif_add(struct tapir_host *h, struct tapir_device *dev, const struct tapir_netif_config *config)
{
	int index;

	host_enter(h);
	index = device_attach(h, (struct device *)dev, config);
	host_leave(h);
	return index;
}

int tapir_netif_remove(struct tapir_host *h, int netif)
{
	int err = -ENODEV;

	host_enter(h);
	if (netif > NETIF_LOOPBACK && netif_get(h, (unsigned)netif) != NULL) {
		netif_free(h->netifs[netif]);
		err = 0;
	}
	host_leave(h);
	return err;
}

int tapir_netif_find(struct tapir_host *h, const char *name)
{
	int index = -ENODEV;

	host_enter(h);
	for (int i = 1; i <= HOST_NETIFS_MAX && index < 0; i++)
		if (h->netifs[i] != NULL && strcmp(h->netifs[i]->name, name) == 0)
			index = i;
	host_leave(h);
	return index;
}
