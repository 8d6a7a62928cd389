/* pcap.c - libpcap: live capture where AF_XDP can't be had, and the compiler of
 * filter expressions. The only file that includes pcap.h. */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/bpf_filter.h"
#include "capture/device.h"

#define FILTER_LINKS_MAX 16

/* A program per link type; one whose compilation failed has no instructions. */
struct bpf_filter {
	char *expression;
	unsigned count;
	const struct bpf_program *now;
	struct {
		uint16_t link;
		struct bpf_program program;
	} links[FILTER_LINKS_MAX];
	char error[256];
};

int bpf_filter_new(struct bpf_filter **out, const char *expression)
{
	struct bpf_filter *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	f->expression = strdup(expression);
	if (f->expression == NULL) {
		free(f);
		return -ENOMEM;
	}
	*out = f;
	return 0;
}

void bpf_filter_free(struct bpf_filter *f)
{
	if (f == NULL)
		return;
	for (unsigned i = 0; i < f->count; i++)
		pcap_freecode(&f->links[i].program);
	free(f->expression);
	free(f);
}

const char *bpf_filter_error(const struct bpf_filter *f)
{
	return f->error;
}

/* DLT_RAW has another number in files than in programs. */
static int link_to_dlt(uint16_t link)
{
	return link == LINK_RAW ? DLT_RAW : link;
}

int bpf_filter_link(struct bpf_filter *f, uint16_t link)
{
	struct bpf_program *p;
	pcap_t *dead;
	unsigned i;

	f->now = NULL;
	for (i = 0; i < f->count && f->links[i].link != link; i++)
		;
	if (i == FILTER_LINKS_MAX) {
		snprintf(f->error, sizeof(f->error), "more than %u link types", FILTER_LINKS_MAX);
		return -EINVAL;
	}
	p = &f->links[i].program;
	if (i == f->count) {
		dead = pcap_open_dead(link_to_dlt(link), 262144);
		if (dead == NULL)
			return -ENOMEM;
		f->links[f->count++].link = link;
		if (pcap_compile(dead, p, f->expression, 1, PCAP_NETMASK_UNKNOWN) < 0) {
			snprintf(f->error, sizeof(f->error), "%s", pcap_geterr(dead));
			memset(p, 0, sizeof(*p));
		}
		pcap_close(dead);
	}
	if (p->bf_insns == NULL)
		return -EINVAL;
	f->now = p;
	return 0;
}

bool bpf_filter_match(const struct bpf_filter *f, const struct frame *frame)
{
	return f->now && bpf_filter(f->now->bf_insns, frame->data, frame->wire_len, frame->len) != 0;
}
