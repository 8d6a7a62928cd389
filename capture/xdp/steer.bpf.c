/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* steer.bpf.c - the XDP program, with or without the VLAN tag that the NIC may have stripped.
 *
 * Every frame goes to the AF_XDP socket of the queue it came in on, with its
 * arrival time in front of it; where no socket is bound to that queue it goes to
 * the kernel as ever. */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "capture/xdp/meta.h"

#define TAPIR_QUEUES_MAX 256

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, TAPIR_QUEUES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} tapir_xsks SEC(".maps");

#ifdef TAPIR_VLAN_KFUNC
extern int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *ctx, __be16 *proto, __u16 *tci) __ksym;
#endif

SEC("xdp")
int tapir_xdp(struct xdp_md *ctx)
{
	struct xdp_meta *meta;
	__be16 proto = 0;
	__u16 tci = 0;

#ifdef TAPIR_VLAN_KFUNC
	if (bpf_xdp_metadata_rx_vlan_tag(ctx, &proto, &tci) < 0)
		proto = 0;
#endif
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)) == 0) {
		meta = (void *)(long)ctx->data_meta;
		if ((void *)(meta + 1) <= (void *)(long)ctx->data) {
			meta->time_ns = bpf_ktime_get_ns();
			meta->vlan_proto = proto;
			meta->vlan_tci = tci;
			meta->magic = XDP_META_MAGIC;
		}
	}
	return bpf_redirect_map(&tapir_xsks, ctx->rx_queue_index, XDP_PASS);
}

char tapir_license[] SEC("license") = "Dual BSD/GPL";
