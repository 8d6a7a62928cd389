/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* steer_vlan.bpf.c - the XDP program for kernels from 6.8 on and drivers that can
 * tell the VLAN tag they stripped. An object of its own: elsewhere it doesn't load. */
#define TAPIR_VLAN_KFUNC 1
#include "capture/xdp/steer.bpf.c"
