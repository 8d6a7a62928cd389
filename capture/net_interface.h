/* net_interface.h - what the kernel says about a network interface, and what it lets us set.
 *
 * Asked through ioctl and generic netlink; what a kernel or driver can't say stays at its
 * "unknown". All calls are thread-safe. */
#ifndef TAPIR_CAPTURE_NET_INTERFACE_H
#define TAPIR_CAPTURE_NET_INTERFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_INTERFACE_NAME_MAX 16

enum net_ability { NET_UNKNOWN, NET_NO, NET_YES };
enum net_xdp { NET_XDP_NONE, NET_XDP_NATIVE, NET_XDP_GENERIC, NET_XDP_OTHER };

struct net_interface {
	char name[NET_INTERFACE_NAME_MAX];
	uint32_t index;
	char driver[32];
	char bus[32];
	uint8_t mac[6];
	uint32_t mtu;
	uint32_t rx_queues, tx_queues;
	uint32_t speed_mbps;            /* 0 = unknown */
	bool up;                        /* set up by the administrator */
	bool running;                   /* and the link is there */
	bool promiscuous;
	bool loopback;
	bool ethernet;                  /* frames start with an Ethernet header (a loopback's do) */
	bool has_address;               /* the kernel's own stack uses it (link-local IPv6 aside) */
	bool gro, lro, gso, tso;        /* offloads that show us frames which never were on the wire */
	bool rx_checksum, tx_checksum;
	bool rx_vlan, tx_vlan;          /* tags travel beside the frame */
	bool peer_offload;              /* frames may arrive with a checksum that no NIC filled in */
	enum net_ability native_xdp, zero_copy, multi_buffer;
	enum net_xdp xdp;               /* what program is attached now */
};

/* Returns 0, or -ENODEV where there is no such interface. */
int net_interface_query(struct net_interface *out, const char *name);
/* All there are, in the kernel's order; *out is the caller's to free. Returns how many, or -errno. */
int net_interface_list(struct net_interface **out);

/* Holds the interface in promiscuous mode until the descriptor is closed, which the kernel also does
 * where the process dies. Returns a descriptor or -errno. */
int net_interface_promiscuous(const char *name);
int net_interface_set_mac(const char *name, const uint8_t mac[6]);
int net_interface_set_mtu(const char *name, uint32_t mtu);
int net_interface_set_up(const char *name, bool up);

/* Frames that the interface lost since it exists: arriving, before any capture could see them, and
 * leaving. 0 or -errno. */
struct net_losses {
	uint64_t rx, tx;
};
int net_interface_losses(const char *name, struct net_losses *out);
/* A descriptor that sends whole frames on the interface and receives none; or -errno. */
int net_interface_packet_socket(const char *name);

/* Offloads that can be switched; each answers 0 or -errno. */
enum net_offload { NET_OFFLOAD_RX_VLAN, NET_OFFLOAD_TX_VLAN, NET_OFFLOAD_TX_CHECKSUM, NET_OFFLOAD_GRO,
		   NET_OFFLOAD_LRO, NET_OFFLOADS };
int net_interface_offload_get(const char *name, enum net_offload what, bool *on);
int net_interface_offload_set(const char *name, enum net_offload what, bool on);

/* Receive-side scaling by a hash that is the same for both directions of a flow: the Toeplitz key
 * 6d5a 6d5a ... What was set before is kept in *saved (the caller's to free through _restore). */
struct net_rss;
int net_rss_make_symmetric(struct net_rss **saved, const char *name);
void net_rss_restore(struct net_rss *saved);

#endif
