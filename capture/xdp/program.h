/* program.h - BPF programs on an interface: the XDP program, shared by the sockets of its queues, and the pair
 * that copies what the kernel receives and sends. */
#ifndef TAPIR_CAPTURE_XDP_PROGRAM_H
#define TAPIR_CAPTURE_XDP_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XDP_QUEUES_MAX 256

struct xdp_program;

/* Loads and attaches it: natively where the driver can, unless generic is set. Returns 0, or -errno with
 * the reason in why. It is detached with the last reference, or by the kernel where the process dies. */
int xdp_program_open(struct xdp_program **out, const char *interface, uint32_t if_index, bool generic,
		     char *why, size_t why_len);
/* Another reference. Any thread. */
struct xdp_program *xdp_program_ref(struct xdp_program *p);
void xdp_program_put(struct xdp_program *p);

/* From now on the queue's frames go to this AF_XDP socket; -1 = to the kernel again. 0 or -errno. */
int xdp_program_socket_set(struct xdp_program *p, uint32_t queue, int fd);

bool xdp_program_is_native(const struct xdp_program *p);
/* It can be given frames of more than one buffer. */
bool xdp_program_has_frags(const struct xdp_program *p);
/* It tells the VLAN tag that a NIC stripped. */
bool xdp_program_has_vlan(const struct xdp_program *p);
/* Why it isn't native; empty where it is or wasn't to be. */
const char *xdp_program_reason(const struct xdp_program *p);

struct tc_mirror;

/* Copies each frame that arrives on an interface, and each that leaves it (a loopback's arrive in any case),
 * to another one. Returns 0 or -errno. */
int tc_mirror_open(struct tc_mirror **out, uint32_t if_index, uint32_t to_index, bool only_arriving);
void tc_mirror_close(struct tc_mirror *m);

#endif
