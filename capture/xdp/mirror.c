/* mirror.c - makes the veth pair and its namespace, and hangs the copying programs onto
 * the interface. Checksum offload is off on the near end: the kernel then fills in
 * checksums and cuts merged frames before they reach us. */
#include "capture/xdp/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "capture/netlink.h"
#include "capture/xdp/program.h"

#define INNER_NAME "mirror0"
/* veth's limit; a loopback's MTU is one more. */
#define MTU_MAX 65535

struct mirror {
	int home;               /* namespace that mirror_leave goes back to */
	char outer[NET_INTERFACE_NAME_MAX];
	struct tc_mirror *programs;
};

/* No neighbour discovery on it: the frames would be taken for the watched interface's. */
static void ipv6_off(const char *name)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;                 /* no IPv6 at all */
	if (write(fd, "1", 1) < 0)
		errno = 0;              /* then a few such frames are seen */
	close(fd);
}

static void attr_u32(struct netlink *n, uint16_t type, uint32_t v)
{
	netlink_attr(n, type, &v, sizeof(v));
}

/* Makes the pair in the namespace this thread is in, its peer in another one. 0 or -errno. */
static int pair_make(const char *name, const char *peer, int peer_namespace, uint32_t mtu)
{
	struct ifinfomsg *info;
	size_t link, data, other;
	struct netlink n;
	int err = netlink_open(&n, NETLINK_ROUTE);

	if (err < 0)
		return err;
	netlink_start(&n, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
	netlink_room(&n, sizeof(*info));
	netlink_attr(&n, IFLA_IFNAME, name, strlen(name) + 1);
	attr_u32(&n, IFLA_MTU, mtu);
	attr_u32(&n, IFLA_NUM_RX_QUEUES, 1);
	attr_u32(&n, IFLA_NUM_TX_QUEUES, 1);
	link = netlink_nest_begin(&n, IFLA_LINKINFO);
	netlink_attr(&n, IFLA_INFO_KIND, "veth", 5);
	data = netlink_nest_begin(&n, IFLA_INFO_DATA);
	other = netlink_nest_begin(&n, VETH_INFO_PEER);
	netlink_room(&n, sizeof(*info));
	netlink_attr(&n, IFLA_IFNAME, peer, strlen(peer) + 1);
	attr_u32(&n, IFLA_MTU, mtu);
	attr_u32(&n, IFLA_NUM_RX_QUEUES, 1);
	attr_u32(&n, IFLA_NUM_TX_QUEUES, 1);
	attr_u32(&n, IFLA_NET_NS_FD, (uint32_t)peer_namespace);
	netlink_nest_end(&n, other);
	netlink_nest_end(&n, data);
	netlink_nest_end(&n, link);
	err = netlink_ask(&n);
	netlink_close(&n);
	return err;
}

/* A namespace of our own with the far end in it; the thread stays there. */
static int far_end_make(struct mirror *m, uint32_t mtu)
{
	int err;

	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	/* The near end's name: the first free one. */
	for (unsigned i = 0; i < 256; i++) {
		snprintf(m->outer, sizeof(m->outer), "tapir%u", i);
		err = pair_make(INNER_NAME, m->outer, m->home, mtu);
		if (err != -EEXIST)
			break;
	}
	if (err < 0)
		return err;
	ipv6_off(INNER_NAME);
	return net_interface_set_up(INNER_NAME, true);
}

/* The near end, in the namespace of the interface. */
static int near_end_setup(const struct mirror *m)
{
	ipv6_off(m->outer);
	net_interface_offload_set(m->outer, NET_OFFLOAD_TX_CHECKSUM, false);
	net_interface_offload_set(m->outer, NET_OFFLOAD_TX_VLAN, false);
	return net_interface_set_up(m->outer, true);
}

int mirror_open(struct mirror **out, const struct net_interface *of, char *why, size_t why_len)
{
	/* A little more room than the interface has: for tags and for tunnels' headers. */
	uint32_t mtu = of->mtu + 64 < MTU_MAX ? of->mtu + 64 : MTU_MAX;
	struct mirror *m = calloc(1, sizeof(*m));
	int err, inner;

	if (m == NULL)
		return -ENOMEM;
	m->home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (m->home < 0) {
		err = -errno;
		free(m);
		return err;
	}
	err = far_end_make(m, mtu);
	if (err < 0)
		goto fail;
	inner = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (inner < 0) {
		err = -errno;
		goto fail;
	}
	must(setns(m->home, CLONE_NEWNET) == 0);
	err = near_end_setup(m);
	if (err == 0)
		err = tc_mirror_open(&m->programs, of->index, if_nametoindex(m->outer), of->loopback);
	must(setns(inner, CLONE_NEWNET) == 0);
	close(inner);
	if (err < 0)
		goto fail;
	*out = m;
	return 0;
fail:
	snprintf(why, why_len, "%s has an address, and its frames can't be copied: %s%s", of->name,
		 strerror(-err), err == -EPERM ? "; that needs root or CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_BPF" :
		 "");
	must(setns(m->home, CLONE_NEWNET) == 0);
	mirror_close(m);
	return err;
}

void mirror_leave(struct mirror *m)
{
	must(setns(m->home, CLONE_NEWNET) == 0);
}

const char *mirror_inner(const struct mirror *m)
{
	(void)m;
	return INNER_NAME;
}

uint64_t mirror_losses(const struct mirror *m)
{
	struct net_losses l;

	return net_interface_losses(m->outer, &l) < 0 ? 0 : l.tx;
}

/* The pair goes with its namespace, and that with the last socket in it; but only a moment later, so the near
 * end is removed by name. */
void mirror_close(struct mirror *m)
{
	struct ifinfomsg *info;
	struct netlink n;
	uint32_t index = if_nametoindex(m->outer);

	tc_mirror_close(m->programs);
	if (m->outer[0] && index && netlink_open(&n, NETLINK_ROUTE) == 0) {
		netlink_start(&n, RTM_DELLINK, NLM_F_ACK);
		info = netlink_room(&n, sizeof(*info));
		info->ifi_index = (int)index;
		netlink_ask(&n);
		netlink_close(&n);
	}
	close(m->home);
	free(m);
}
