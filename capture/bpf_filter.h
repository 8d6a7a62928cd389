/* bpf_filter.h - filter expressions as tcpdump knows them, run over frames in user space.
 *
 * An expression means different bytes on different link types, so it is compiled
 * for each one that turns up. One thread uses a filter. */
#ifndef TAPIR_CAPTURE_BPF_FILTER_H
#define TAPIR_CAPTURE_BPF_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/frame.h"

/* Lives in devices/pcap.c, with everything else that needs libpcap. */
struct bpf_filter;

/* The text is copied. Returns 0 or -ENOMEM. */
int bpf_filter_new(struct bpf_filter **out, const char *expression);
void bpf_filter_free(struct bpf_filter *f);
/* Makes this link type the one that bpf_filter_match goes by. Returns 0, or -EINVAL with the compiler's
 * words in bpf_filter_error where the expression can't be had on it; nothing matches then. */
int bpf_filter_link(struct bpf_filter *f, uint16_t link);
const char *bpf_filter_error(const struct bpf_filter *f);
bool bpf_filter_match(const struct bpf_filter *f, const struct frame *frame);

#endif
