/* tapir/host.h - a TCP/IP host as an object: instance, devices, addresses, routes.
 *
 * A host is given devices, addresses and the time, and does the rest: nothing in it
 * sleeps, starts a thread, reads a clock or keeps a global. Same configuration, same
 * random numbers, same frames at the same times: same bytes out. Any number of hosts
 * live in a process. Sockets are in tapir/socket.h.
 *
 * Two ways to drive one:
 *  - by hand: tapir_host_poll(h, now) whenever a frame has come or tapir_host_deadline(h)
 *    is reached. All calls on a host then come from one thread at a time.
 *  - by a runner thread (tapir_host_start): it waits for frames and deadlines; socket
 *    calls may come from any thread, and block where the socket is blocking.
 *
 * Functions return 0 or a positive result, or -errno with Linux' numbers. Times are in
 * nanoseconds of a clock that only goes forward. */
#ifndef TAPIR_HOST_H
#define TAPIR_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TAPIR_API __attribute__((visibility("default")))

struct tapir_host;
struct tapir_device;

/* All zero: the machine's monotonic clock is read by the runner alone, random numbers come from the kernel,
 * memory from the library's own allocator with a budget of 256 MiB. */
struct tapir_host_config {
	void *ctx;                      /* handed to the functions below */
	/* The only source of time. NULL: it is what tapir_host_poll was last told. */
	uint64_t (*now_ns)(void *ctx);
	/* Fills buf with random bytes: for sequence numbers, ports, ids, keys, jitter. NULL: a generator
	 * seeded with seed, or by the kernel where that is 0. */
	void (*random)(void *ctx, void *buf, size_t len);
	uint64_t seed;
	/* size > 0: gives memory (any content), or NULL; size 0: frees p, which was given with old_size. */
	void *(*memory)(void *ctx, void *p, size_t old_size, size_t size);
	uint64_t memory_max;            /* bytes held for sockets, tables and queues; 0 = 256 MiB */
	uint32_t buffers[3];            /* packet buffers of 512, 2048 and 9216 bytes; 0 = 8192, 8192, 512 */
	/* Sees each IP packet (from the IP header on) that comes in or goes out. May be NULL. */
	void (*tap)(void *ctx, struct tapir_host *h, int netif, bool out, const void *ip, size_t len,
		    uint64_t now_ns);
	/* A socket may have become ready: events are POLLIN, POLLOUT, ... Called from within tapir_* calls:
	 * take a note and return. May be NULL. */
	void (*ready)(void *ctx, struct tapir_host *h, int fd, uint32_t events);
};

/* config may be NULL. Returns 0 or -errno. */
TAPIR_API int tapir_host_new(struct tapir_host **out, const struct tapir_host_config *config);
/* Closes everything without a farewell on the wire, stops the runner, closes attached devices. */
TAPIR_API void tapir_host_free(struct tapir_host *h);

/* Receives, runs the timers that are due and sends, until there is nothing more to do, or budget frames were
 * received (0 = no limit). now_ns: the time, or 0 to ask config.now_ns. Returns how many frames were received:
 * budget means that more may be waiting. */
TAPIR_API int tapir_host_poll(struct tapir_host *h, uint64_t now_ns, unsigned budget);
/* Exactly when the earliest timer is due; UINT64_MAX where there is none. */
TAPIR_API uint64_t tapir_host_deadline(struct tapir_host *h);
/* The time the host lives in. */
TAPIR_API uint64_t tapir_host_now(struct tapir_host *h);

/* A thread that polls the host, with CLOCK_MONOTONIC where config.now_ns isn't set. Returns 0 or -errno. */
TAPIR_API int tapir_host_start(struct tapir_host *h);
TAPIR_API void tapir_host_stop(struct tapir_host *h);

/* ---- devices ---- */

enum tapir_medium {
	TAPIR_MEDIUM_ETHERNET,
	TAPIR_MEDIUM_IP,                /* frames are IP packets: no ARP, no neighbour discovery */
};

/* "KIND:NAME,option=value,...": "afxdp:eth0", "tap:tap0", "pcap:eth0", "memory:x"; trace=FILE and impair=...
 * wrap it (docs/devices.md). 0, or -errno with the reason in tapir_device_error(). */
TAPIR_API int tapir_device_open(struct tapir_device **out, const char *spec);
/* One sentence about the last failure in this thread. */
TAPIR_API const char *tapir_device_error(void);
/* Only for a device that isn't attached: a host closes its own. */
TAPIR_API void tapir_device_close(struct tapir_device *dev);

/* A device whose wire is in the caller's hands. queue_len: frames in each direction, 0 = 1024. */
TAPIR_API int tapir_memory_new(struct tapir_device **out, enum tapir_medium medium, uint32_t mtu,
			       uint32_t queue_len);
/* Two that are each other's wire. */
TAPIR_API int tapir_memory_pair(struct tapir_device *out[2], enum tapir_medium medium, uint32_t mtu,
				uint32_t queue_len);
/* A frame (medium IP: a packet) comes in with the next poll. 0, or -ENOBUFS where the queue is full. Memory
 * devices only; another thread than the host's may call it. */
TAPIR_API int tapir_device_inject(struct tapir_device *dev, const void *frame, size_t len);
/* The oldest frame sent: its length, with its bytes in buf (cut to cap) and when it was sent in *sent_ns (may
 * be NULL); 0 where there is none. */
TAPIR_API int tapir_device_drain(struct tapir_device *dev, void *buf, size_t cap, uint64_t *sent_ns);
/* Wraps *dev as a bad network, the same each time: "loss=2%,delay=10ms,reorder=10%,seed=7". 0 or -errno. */
TAPIR_API int tapir_device_impair(struct tapir_device **dev, const char *impairment);
/* Wraps *dev so that each frame is written to a capture file. 0 or -errno. */
TAPIR_API int tapir_device_trace(struct tapir_device **dev, const char *path);

/* ---- interfaces, addresses, routes ---- */

struct tapir_netif_config {
	const char *name;               /* NULL: the device's */
	uint8_t mac[6];                 /* all zero: the device's */
	uint32_t mtu;                   /* 0: the device's */
	bool no_ipv6;                   /* no link-local address, no neighbour discovery */
	bool no_slaac;                  /* router advertisements are ignored */
	bool no_dad;                    /* IPv6 addresses are usable at once */
	bool any_ip;                    /* packets to whatever address are ours, and may be sent from */
	bool no_arp_announce;           /* a new IPv4 address isn't announced */
};

/* The device is the host's from here on. Returns the interface's index (from 2; 1 is the loopback), or
 * -errno, and the device is the caller's then. config may be NULL. */
TAPIR_API int tapir_netif_add(struct tapir_host *h, struct tapir_device *dev,
			      const struct tapir_netif_config *config);
/* Its addresses, routes and neighbours go with it; the device is closed. */
TAPIR_API int tapir_netif_remove(struct tapir_host *h, int netif);
/* The index of a name, or -ENODEV. */
TAPIR_API int tapir_netif_find(struct tapir_host *h, const char *name);

/* Text forms as in "192.0.2.1/24", "2001:db8::1/64". */
TAPIR_API int tapir_address_add(struct tapir_host *h, int netif, const char *address);
TAPIR_API int tapir_address_remove(struct tapir_host *h, int netif, const char *address);
/* The first usable address of a family that isn't link-local, as text; -EADDRNOTAVAIL. */
TAPIR_API int tapir_address_get(struct tapir_host *h, int netif, int family, char *out, size_t out_len);
/* destination "0.0.0.0/0", "default" or "default6", "2001:db8::/32"; gateway NULL = on the link; "blackhole"
 * and "unreachable" refuse. Lower metrics win. */
TAPIR_API int tapir_route_add(struct tapir_host *h, const char *destination, const char *gateway, int netif,
			      uint32_t metric);
TAPIR_API int tapir_route_remove(struct tapir_host *h, const char *destination, const char *gateway, int netif,
				 uint32_t metric);
/* A neighbour that never expires; mac NULL removes it (or forgets what was learnt). */
TAPIR_API int tapir_neighbour_set(struct tapir_host *h, int netif, const char *address, const uint8_t mac[6]);
/* What is known: 0 with the mac, -ENOENT. */
TAPIR_API int tapir_neighbour_get(struct tapir_host *h, int netif, const char *address, uint8_t mac[6]);
/* Gets address, routes and lease times from a DHCP server, and renews them. */
TAPIR_API int tapir_dhcp_start(struct tapir_host *h, int netif);
TAPIR_API int tapir_dhcp_stop(struct tapir_host *h, int netif);
/* 1 where an address is bound, 0 where not yet; -ENOENT where it wasn't started. */
TAPIR_API int tapir_dhcp_bound(struct tapir_host *h, int netif);

/* ---- tunables, counters, connections ---- */

/* By name, as text: "ip.ttl", "ip.forward", "tcp.sack", ... (docs/host-stack.md has the list). -ENOENT where there
 * is no such name, -EINVAL where the value is none. */
TAPIR_API int tapir_set(struct tapir_host *h, const char *name, const char *value);
TAPIR_API int tapir_get(struct tapir_host *h, const char *name, char *out, size_t out_len);
/* Calls visit with each tunable's name and value until it returns non-zero, which is handed back. */
TAPIR_API int tapir_tunables_each(struct tapir_host *h, int (*visit)(void *arg, const char *name,
								      const char *value), void *arg);
/* A counter by name ("ip.received", "arp.throttled", ...); 0 where there is no such name. */
TAPIR_API uint64_t tapir_counter(struct tapir_host *h, const char *name);
TAPIR_API int tapir_counters_each(struct tapir_host *h, int (*visit)(void *arg, const char *name, uint64_t value),
				  void *arg);

/* Packet buffers and memory that are out now. */
struct tapir_memory_use {
	uint64_t bytes, bytes_high, denied;
	uint32_t buffers[4];            /* of 512, 2048, 9216 bytes and up to 64 KiB */
	uint32_t buffers_high[4];
	uint64_t buffer_failures;
};
TAPIR_API void tapir_memory_use(struct tapir_host *h, struct tapir_memory_use *out);

/* One end of a conversation, as its own host or a tracker sees it. */
struct tapir_connection {
	int fd;                         /* -1: none (TIME_WAIT, a monitored flow) */
	int family, protocol;           /* AF_INET, IPPROTO_TCP, ... */
	struct sockaddr_storage local, remote;
	uint8_t state;                  /* TCP: enum of <netinet/tcp.h>: TCP_ESTABLISHED, ... */
	uint32_t snd_una, snd_nxt, snd_wnd, rcv_nxt, rcv_wnd;
	uint32_t queued_out, queued_in; /* bytes: not yet acknowledged, not yet read */
	uint64_t bytes_acked, bytes_received;
};
TAPIR_API int tapir_connections_each(struct tapir_host *h,
				     int (*visit)(void *arg, const struct tapir_connection *c), void *arg);

#ifdef __cplusplus
}
#endif

#endif
