/* net_interface.c - ioctl, ethtool and generic netlink, spoken directly: a handful
 * of requests, without a library. */
#include "capture/net_interface.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/must.h"
#include "capture/netlink.h"

/* An ioctl on an interface. Returns 0 or -errno. */
static int interface_ioctl(unsigned long request, struct ifreq *r)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, request, r) < 0)
		err = -errno;
	close(fd);
	return err;
}

static struct ifreq request_for(const char *name)
{
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	return r;
}

static int ethtool_ioctl(const char *name, void *command)
{
	struct ifreq r = request_for(name);

	r.ifr_data = command;
	return interface_ioctl(SIOCETHTOOL, &r);
}

static bool ethtool_on(const char *name, uint32_t command, uint32_t mask)
{
	struct ethtool_value v = { .cmd = command };

	return ethtool_ioctl(name, &v) == 0 && (v.data & mask);
}

static const struct {
	uint32_t get, set, mask;
} offloads[NET_OFFLOADS] = {
	[NET_OFFLOAD_RX_VLAN] = { ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_RXVLAN },
	[NET_OFFLOAD_TX_VLAN] = { ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_TXVLAN },
	[NET_OFFLOAD_TX_CHECKSUM] = { ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM, ~0u },
	[NET_OFFLOAD_GRO] = { ETHTOOL_GGRO, ETHTOOL_SGRO, ~0u },
	[NET_OFFLOAD_LRO] = { ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_LRO },
};

int net_interface_offload_get(const char *name, enum net_offload what, bool *on)
{
	struct ethtool_value v = { .cmd = offloads[what].get };
	int err = ethtool_ioctl(name, &v);

	*on = err == 0 && (v.data & offloads[what].mask);
	return err;
}

int net_interface_offload_set(const char *name, enum net_offload what, bool on)
{
	struct ethtool_value v = { .cmd = offloads[what].get };
	int err = ethtool_ioctl(name, &v);

	if (err < 0)
		return err;
	if (offloads[what].mask == ~0u)
		v.data = on;
	else if (on)
		v.data |= offloads[what].mask;
	else
		v.data &= ~offloads[what].mask;
	v.cmd = offloads[what].set;
	return ethtool_ioctl(name, &v);
}

static void query_ethtool(struct net_interface *i)
{
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	/* The settings, and behind them three masks of up to 127 words. */
	uint32_t room[sizeof(struct ethtool_link_settings) / 4 + 3 * 127] = { 0 };
	struct ethtool_link_settings *link = (struct ethtool_link_settings *)room;

	if (ethtool_ioctl(i->name, &driver) == 0) {
		snprintf(i->driver, sizeof(i->driver), "%s", driver.driver);
		snprintf(i->bus, sizeof(i->bus), "%s", driver.bus_info);
	} else if (i->loopback) {
		snprintf(i->driver, sizeof(i->driver), "loopback");
	}
	if (ethtool_ioctl(i->name, &channels) == 0) {
		i->rx_queues = channels.rx_count + channels.combined_count;
		i->tx_queues = channels.tx_count + channels.combined_count;
	}
	/* The first call says how many words its masks need, the second fills them in. */
	link->cmd = ETHTOOL_GLINKSETTINGS;
	if (ethtool_ioctl(i->name, link) == 0 && link->link_mode_masks_nwords < 0) {
		link->cmd = ETHTOOL_GLINKSETTINGS;
		link->link_mode_masks_nwords = (int8_t)-link->link_mode_masks_nwords;
		if (ethtool_ioctl(i->name, link) == 0 && link->speed != (uint32_t)SPEED_UNKNOWN)
			i->speed_mbps = link->speed;
	}
	i->gro = ethtool_on(i->name, ETHTOOL_GGRO, ~0u);
	i->gso = ethtool_on(i->name, ETHTOOL_GGSO, ~0u);
	i->tso = ethtool_on(i->name, ETHTOOL_GTSO, ~0u);
	i->lro = ethtool_on(i->name, ETHTOOL_GFLAGS, ETH_FLAG_LRO);
	i->rx_checksum = ethtool_on(i->name, ETHTOOL_GRXCSUM, ~0u);
	i->tx_checksum = ethtool_on(i->name, ETHTOOL_GTXCSUM, ~0u);
	i->rx_vlan = ethtool_on(i->name, ETHTOOL_GFLAGS, ETH_FLAG_RXVLAN);
	i->tx_vlan = ethtool_on(i->name, ETHTOOL_GFLAGS, ETH_FLAG_TXVLAN);
}

static bool interface_has_address(const char *name)
{
	struct ifaddrs *all;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *a = all; a && !found; a = a->ifa_next) {
		if (a->ifa_addr == NULL || strcmp(a->ifa_name, name) != 0)
			continue;
		if (a->ifa_addr->sa_family == AF_INET)
			found = true;
		else if (a->ifa_addr->sa_family == AF_INET6)
			found = !IN6_IS_ADDR_LINKLOCAL(&((struct sockaddr_in6 *)a->ifa_addr)->sin6_addr);
	}
	freeifaddrs(all);
	return found;
}

/* Asks for an interface's description. 0 or -errno; netlink_close in any case. */
static int link_ask(struct netlink *n, uint32_t index)
{
	struct ifinfomsg *info;
	int err = netlink_open(n, NETLINK_ROUTE);

	if (err < 0)
		return err;
	netlink_start(n, RTM_GETLINK, 0);
	info = netlink_room(n, sizeof(*info));
	info->ifi_index = (int)index;
	return netlink_ask(n);
}

static void query_link(struct net_interface *i)
{
	struct netlink n;
	const uint32_t *queues;
	const uint8_t *mode;
	const struct nlattr *xdp;

	if (link_ask(&n, i->index) == 0) {
		queues = netlink_answer_attr(&n, sizeof(struct ifinfomsg), IFLA_NUM_RX_QUEUES, sizeof(*queues));
		if (queues && i->rx_queues == 0)
			i->rx_queues = *queues;
		queues = netlink_answer_attr(&n, sizeof(struct ifinfomsg), IFLA_NUM_TX_QUEUES, sizeof(*queues));
		if (queues && i->tx_queues == 0)
			i->tx_queues = *queues;
		xdp = netlink_answer_attr(&n, sizeof(struct ifinfomsg), IFLA_XDP, 0);
		if (xdp) {
			const struct nlattr *outer = xdp - 1;
			size_t len = outer->nla_len - sizeof(*outer);

			mode = netlink_attr_find((const uint8_t *)xdp, len, IFLA_XDP_ATTACHED, sizeof(*mode));
			if (mode)
				i->xdp = *mode == XDP_ATTACHED_DRV ? NET_XDP_NATIVE :
					 *mode == XDP_ATTACHED_SKB ? NET_XDP_GENERIC :
					 *mode ? NET_XDP_OTHER : NET_XDP_NONE;
		}
	}
	netlink_close(&n);
}

/* What the driver can do with XDP: the kernel's "netdev" family, since 6.3. Its numbers are written out
 * here because the headers of older systems lack them. */
static void query_xdp_features(struct net_interface *i)
{
	enum { NETDEV_CMD_DEV_GET = 1, NETDEV_A_DEV_IFINDEX = 1, NETDEV_A_DEV_XDP_FEATURES = 3 };
	enum { ACT_BASIC = 1, ACT_REDIRECT = 2, ACT_XSK_ZEROCOPY = 8, ACT_RX_SG = 32 };
	struct netlink n;
	const uint16_t *family;
	const uint64_t *found;
	uint64_t features;

	if (netlink_open(&n, NETLINK_GENERIC) < 0)
		return;
	netlink_start_generic(&n, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	netlink_attr(&n, CTRL_ATTR_FAMILY_NAME, "netdev", sizeof("netdev"));
	if (netlink_ask(&n) == 0 &&
	    (family = netlink_answer_attr(&n, GENL_HDRLEN, CTRL_ATTR_FAMILY_ID, sizeof(*family)))) {
		netlink_start_generic(&n, *family, NETDEV_CMD_DEV_GET);
		netlink_attr(&n, NETDEV_A_DEV_IFINDEX, &i->index, sizeof(i->index));
		if (netlink_ask(&n) == 0 &&
		    (found = netlink_answer_attr(&n, GENL_HDRLEN, NETDEV_A_DEV_XDP_FEATURES, sizeof(features)))) {
			memcpy(&features, found, sizeof(features));
			i->native_xdp = (features & (ACT_BASIC | ACT_REDIRECT)) ==
					(ACT_BASIC | ACT_REDIRECT) ? NET_YES : NET_NO;
			i->zero_copy = features & ACT_XSK_ZEROCOPY ? NET_YES : NET_NO;
			i->multi_buffer = features & ACT_RX_SG ? NET_YES : NET_NO;
		}
	}
	netlink_close(&n);
}

int net_interface_query(struct net_interface *out, const char *name)
{
	struct ifreq r = request_for(name);
	int err;

	memset(out, 0, sizeof(*out));
	if (strlen(name) >= sizeof(out->name))
		return -ENODEV;
	snprintf(out->name, sizeof(out->name), "%s", name);
	err = interface_ioctl(SIOCGIFINDEX, &r);
	if (err < 0)
		return err;
	out->index = (uint32_t)r.ifr_ifindex;
	if (interface_ioctl(SIOCGIFFLAGS, &r) == 0) {
		out->up = r.ifr_flags & IFF_UP;
		out->running = r.ifr_flags & IFF_RUNNING;
		out->promiscuous = r.ifr_flags & IFF_PROMISC;
		out->loopback = r.ifr_flags & IFF_LOOPBACK;
	}
	if (interface_ioctl(SIOCGIFHWADDR, &r) == 0) {
		out->ethernet = r.ifr_hwaddr.sa_family == ARPHRD_ETHER ||
				r.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
		if (r.ifr_hwaddr.sa_family == ARPHRD_ETHER)
			memcpy(out->mac, r.ifr_hwaddr.sa_data, sizeof(out->mac));
	}
	if (interface_ioctl(SIOCGIFMTU, &r) == 0)
		out->mtu = (uint32_t)r.ifr_mtu;
	query_ethtool(out);
	query_link(out);
	if (out->rx_queues == 0)
		out->rx_queues = 1;
	query_xdp_features(out);
	out->has_address = interface_has_address(name);
	/* Whether the other end leaves checksums out can't be asked where it lives in another namespace. */
	out->peer_offload = out->loopback || strcmp(out->driver, "veth") == 0 ||
			    strcmp(out->driver, "tun") == 0 || strcmp(out->driver, "bridge") == 0 ||
			    strcmp(out->driver, "virtio_net") == 0 || (out->has_address && out->tx_checksum);
	return 0;
}

int net_interface_list(struct net_interface **out)
{
	struct if_nameindex *names = if_nameindex();
	struct net_interface *list;
	int n = 0, kept = 0;

	if (names == NULL)
		return -errno;
	while (names[n].if_index)
		n++;
	list = calloc((size_t)n + 1, sizeof(*list));
	if (list == NULL) {
		if_freenameindex(names);
		return -ENOMEM;
	}
	for (int i = 0; i < n; i++)
		if (net_interface_query(&list[kept], names[i].if_name) == 0)
			kept++;
	if_freenameindex(names);
	*out = list;
	return kept;
}

int net_interface_promiscuous(const char *name)
{
	struct packet_mreq m = { .mr_type = PACKET_MR_PROMISC };
	struct ifreq r = request_for(name);
	int fd, err = interface_ioctl(SIOCGIFINDEX, &r);

	if (err < 0)
		return err;
	m.mr_ifindex = r.ifr_ifindex;
	/* Protocol 0: the socket itself receives nothing. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int net_interface_packet_socket(const char *name)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	struct ifreq r = request_for(name);
	int fd, err = interface_ioctl(SIOCGIFINDEX, &r);

	if (err < 0)
		return err;
	to.sll_ifindex = r.ifr_ifindex;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int net_interface_set_mac(const char *name, const uint8_t mac[6])
{
	struct ifreq r = request_for(name);

	r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(r.ifr_hwaddr.sa_data, mac, 6);
	return interface_ioctl(SIOCSIFHWADDR, &r);
}

int net_interface_set_mtu(const char *name, uint32_t mtu)
{
	struct ifreq r = request_for(name);

	r.ifr_mtu = (int)mtu;
	return interface_ioctl(SIOCSIFMTU, &r);
}

int net_interface_set_up(const char *name, bool up)
{
	struct ifreq r = request_for(name);
	int err = interface_ioctl(SIOCGIFFLAGS, &r);

	if (err < 0)
		return err;
	r.ifr_flags = (short)(up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
	return interface_ioctl(SIOCSIFFLAGS, &r);
}

int net_interface_losses(const char *name, struct net_losses *out)
{
	const size_t need = offsetof(struct rtnl_link_stats64, rx_compressed);
	struct ifreq r = request_for(name);
	struct rtnl_link_stats64 stats = { 0 };
	struct netlink n;
	const void *found = NULL;
	int err = interface_ioctl(SIOCGIFINDEX, &r);

	memset(out, 0, sizeof(*out));
	if (err < 0)
		return err;
	err = link_ask(&n, (uint32_t)r.ifr_ifindex);
	if (err == 0)
		found = netlink_answer_attr(&n, sizeof(struct ifinfomsg), IFLA_STATS64, need);
	if (found) {
		memcpy(&stats, found, need);
		out->rx = stats.rx_missed_errors + stats.rx_fifo_errors;
		out->tx = stats.tx_dropped;
	}
	netlink_close(&n);
	return err;
}

/* The hash fields that are set for each kind of flow, and the key. */
static const uint32_t rss_flows[] = { TCP_V4_FLOW, UDP_V4_FLOW, TCP_V6_FLOW, UDP_V6_FLOW };

struct net_rss {
	char name[NET_INTERFACE_NAME_MAX];
	uint64_t fields[ARRAY_LEN(rss_flows)];
	bool fields_set[ARRAY_LEN(rss_flows)];
	struct ethtool_rxfh *before;    /* the key, and the indirection table in front of it */
};

/* The NIC's hash setup: its key and its table. NULL where it can't be asked. */
static struct ethtool_rxfh *rss_get(const char *name)
{
	struct ethtool_rxfh sizes = { .cmd = ETHTOOL_GRSSH }, *r;

	if (ethtool_ioctl(name, &sizes) < 0 || sizes.key_size == 0)
		return NULL;
	r = calloc(1, sizeof(*r) + sizes.indir_size * sizeof(uint32_t) + sizes.key_size);
	if (r == NULL)
		return NULL;
	r->cmd = ETHTOOL_GRSSH;
	r->indir_size = sizes.indir_size;
	r->key_size = sizes.key_size;
	if (ethtool_ioctl(name, r) < 0) {
		free(r);
		return NULL;
	}
	return r;
}

static uint8_t *rss_key(struct ethtool_rxfh *r)
{
	return (uint8_t *)(r->rss_config + r->indir_size);
}

int net_rss_make_symmetric(struct net_rss **saved, const char *name)
{
	struct net_rss *s = calloc(1, sizeof(*s));
	struct ethtool_rxfh *now;
	int err = -EOPNOTSUPP;

	if (s == NULL)
		return -ENOMEM;
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->before = rss_get(name);
	now = rss_get(name);
	if (s->before == NULL || now == NULL)
		goto fail;
	for (uint32_t i = 0; i < now->key_size; i++)
		rss_key(now)[i] = i % 2 ? 0x5a : 0x6d;
	now->cmd = ETHTOOL_SRSSH;
	err = ethtool_ioctl(name, now);
	if (err < 0)
		goto fail;
	for (size_t i = 0; i < ARRAY_LEN(rss_flows); i++) {
		struct ethtool_rxnfc f = { .cmd = ETHTOOL_GRXFH, .flow_type = rss_flows[i] };

		if (ethtool_ioctl(name, &f) < 0)
			continue;
		s->fields[i] = f.data;
		f.cmd = ETHTOOL_SRXFH;
		/* Addresses only: a fragment has no ports, and it has to meet the rest of its flow. */
		f.data = RXH_IP_SRC | RXH_IP_DST;
		if (f.data == s->fields[i])
			continue;
		err = ethtool_ioctl(name, &f);
		s->fields_set[i] = err == 0;
		/* With ports the hash is still the same in both directions. */
		if (err < 0 && (s->fields[i] & ~(uint64_t)(RXH_IP_SRC | RXH_IP_DST | RXH_L4_B_0_1 |
							   RXH_L4_B_2_3)))
			goto restore;
	}
	free(now);
	*saved = s;
	return 0;
restore:
	free(now);
	net_rss_restore(s);
	return err;
fail:
	free(now);
	free(s->before);
	free(s);
	return err;
}

void net_rss_restore(struct net_rss *saved)
{
	if (saved == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(rss_flows); i++) {
		struct ethtool_rxnfc f = { .cmd = ETHTOOL_SRXFH, .flow_type = rss_flows[i],
					   .data = saved->fields[i] };
		if (saved->fields_set[i])
			ethtool_ioctl(saved->name, &f);
	}
	saved->before->cmd = ETHTOOL_SRSSH;
	ethtool_ioctl(saved->name, saved->before);
	free(saved->before);
	free(saved);
}
