/* reassembly.c - fragments for us become datagrams, with the tracker's defragmentation, as a
 * present-day kernel does it: any overlap that isn't a repetition ends the datagram (RFC 5722),
 * and so the tracker reads what we read. Made when the first fragment comes: its memory is its
 * own, bounded by ip.frag_max datagrams and 4 MiB. */
#include <errno.h>

#include "stack/host/icmp.h"
#include "stack/host/internal.h"
#include "stack/host/netif.h"
#include "stack/track/defrag.h"

#define MEMORY_MAX ((uint64_t)4 << 20)
#define FRAGMENTS_MAX 4096

struct reassembly {
	struct track_config cfg;
	struct defrag defrag;
	struct mem *mem;
	struct host_timer timer;
	bool ready;
};

static void expiry(struct tapir_host *h, struct host_timer *t)
{
	struct reassembly *r = h->reassembly;
	const uint64_t before = r->defrag.timeouts[0] + r->defrag.timeouts[1];

	defrag_expire(&r->defrag, h->now_ns);
	host_ip(h)->frag_timeout += r->defrag.timeouts[0] + r->defrag.timeouts[1] - before;
	if (r->defrag.count)
		host_timer_arm(h, t, h->now_ns + NS_PER_S);
}

int reassembly_init(struct tapir_host *h)
{
	h->reassembly = host_alloc(h, sizeof(*h->reassembly));
	return h->reassembly != NULL ? 0 : -ENOMEM;
}

void reassembly_fini(struct tapir_host *h)
{
	struct reassembly *r = h->reassembly;

	if (r == NULL)
		return;
	if (r->ready) {
		host_timer_cancel(h, &r->timer);
		defrag_fini(&r->defrag);
		mem_free(r->mem);
	}
	host_free(h, r, sizeof(*r));
	h->reassembly = NULL;
}

static bool prepare(struct tapir_host *h, struct reassembly *r)
{
	const struct ip_state *ip = host_ip(h);

	if (r->ready)
		return true;
	r->cfg.defrag_memcap = MEMORY_MAX;
	r->cfg.defrag_timeout = (uint32_t)((ip->frag_timeout_ns + NS_PER_S - 1) / NS_PER_S);
	r->cfg.defrag_trackers = ip->frag_max;
	r->cfg.defrag_frags = FRAGMENTS_MAX;
	r->mem = mem_new();
	if (r->mem == NULL)
		return false;
	if (defrag_init(&r->defrag, r->mem, &r->cfg, &h->key) < 0) {
		mem_free(r->mem);
		return false;
	}
	host_timer_init(&r->timer, expiry);
	r->ready = true;
	return true;
}

bool reassembly_add(struct tapir_host *h, const struct ip_input *in, struct packet_set *out)
{
	struct reassembly *r = h->reassembly;
	struct ip_state *ip = host_ip(h);
	struct packet fragment = *in->pkt;

	/* RFC 8200 4.5: a fragment that isn't the last is a multiple of eight bytes. */
	if (fragment.ip_version == 6 && fragment.frag_more && fragment.payload.len % 8 != 0) {
		ip->frag_bad++;
		icmp_parameter_problem(h, in, 0, 4);
		return false;
	}
	if (!prepare(h, r)) {
		ip->frag_shed++;
		return false;
	}
	fragment.time_ns = h->now_ns;
	if (!host_timer_armed(&r->timer))
		host_timer_arm(h, &r->timer, h->now_ns + ip->frag_timeout_ns);
	switch (defrag_add(&r->defrag, &fragment)) {
	case DEFRAG_DONE:
		break;
	case DEFRAG_HELD:
		return false;
	case DEFRAG_IGNORED:
		ip->frag_bad++;
		return false;
	case DEFRAG_SHED:
		ip->frag_shed++;
		return false;
	}
	ip->reassembled++;
	packet_decode_datagram(out, &fragment, r->defrag.out, r->defrag.out_len, &h->decode);
	return out->pkts[0].ip != NULL;
}
