/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* meta.h - what the XDP program writes in front of a frame, for the afxdp device. */
#ifndef TAPIR_CAPTURE_XDP_META_H
#define TAPIR_CAPTURE_XDP_META_H

#include <linux/types.h>

#define XDP_META_MAGIC 0x7a701a92

struct xdp_meta {
	__u64 time_ns;          /* CLOCK_MONOTONIC when the driver handed the frame to the program */
	__u16 vlan_proto;       /* network order; 0 where the NIC stripped no tag */
	__u16 vlan_tci;         /* host order */
	__u32 magic;
};

#endif
