/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* mirror.bpf.c - a copy of every frame to another interface; the frame itself goes its way.
 *
 * Attached where an interface's frames arrive and where they leave. The kernel makes
 * of a copy what would have been on the wire: segments of the interface's size, with
 * their checksums and VLAN tags filled in. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 tapir_mirror_to = 0;

SEC("tc")
int tapir_mirror(struct __sk_buff *skb)
{
	bpf_clone_redirect(skb, tapir_mirror_to, 0);
	return TC_ACT_UNSPEC;
}

char tapir_license[] SEC("license") = "Dual BSD/GPL";
