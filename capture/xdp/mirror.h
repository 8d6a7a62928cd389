/* mirror.h - watching an interface that the kernel itself uses.
 *
 * AF_XDP takes frames away. Where the interface has an address, that would cut this machine
 * off. So its frames, both those that arrive and those that leave, are copied onto a veth
 * pair of ours, and AF_XDP takes them from there. The pair's far end lives in a network
 * namespace that only our sockets keep alive: with the process all of it goes. */
#ifndef TAPIR_CAPTURE_XDP_MIRROR_H
#define TAPIR_CAPTURE_XDP_MIRROR_H

#include "capture/net_interface.h"

struct mirror;

/* Starts copying. From then on until mirror_leave the calling thread is in the namespace of the far end.
 * Returns 0, or -errno with the reason in why. */
int mirror_open(struct mirror **out, const struct net_interface *of, char *why, size_t why_len);
/* The calling thread goes back to where it was. */
void mirror_leave(struct mirror *m);
/* The interface to receive from, as seen in its namespace. */
const char *mirror_inner(const struct mirror *m);
/* Copies that were lost on the way. */
uint64_t mirror_losses(const struct mirror *m);
void mirror_close(struct mirror *m);

#endif
