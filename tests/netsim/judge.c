/* judge.c - see judge.h. */
#include "tests/netsim/judge.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "stack/track/tracker.h"
#include "stack/track/tcp.h"
#include "stack/wire/packet.h"
#include "tapir/host.h"
#include "tests/netsim/sim.h"

#define FLOWS 256

struct seen {
	struct flow *flow;
	uint16_t client_port, server_port;
	uint64_t next[2];
};

struct judge {
	struct mem *mem;
	struct tracker *tracker;
	struct packet_config cfg;
	struct seen flows[FLOWS];
	unsigned count;
	uint64_t compared, bytes;
	struct packet_set set;
};

struct judge *judge_new(void)
{
	const struct hash_key key = { 1, 2 };
	struct judge *j = calloc(1, sizeof(*j));

	must(j != NULL);
	j->mem = mem_new();
	must(j->mem != NULL && tracker_new(&j->tracker, j->mem, NULL, &key) == 0);
	packet_config_default(&j->cfg);
	return j;
}

void judge_free(struct judge *j)
{
	struct flow *f;

	tracker_finish(j->tracker, FLOW_END_SHUTDOWN);
	while ((f = tracker_ended(j->tracker)) != NULL)
		tracker_release(j->tracker, f);
	tracker_free(j->tracker);
	mem_free(j->mem);
	free(j);
}

static struct seen *seen_of(struct judge *j, struct flow *f)
{
	for (unsigned i = 0; i < j->count; i++)
		if (j->flows[i].flow == f)
			return &j->flows[i];
	must(j->count < FLOWS);
	j->flows[j->count] = (struct seen){ .flow = f, .client_port = f->key.port[0], .server_port = f->key.port[1] };
	return &j->flows[j->count++];
}

static void ended(struct judge *j)
{
	struct flow *f;

	while ((f = tracker_ended(j->tracker)) != NULL) {
		for (unsigned i = 0; i < j->count; i++)
			if (j->flows[i].flow == f)
				j->flows[i] = j->flows[--j->count];
		tracker_release(j->tracker, f);
	}
}

static void pull(struct judge *j, struct seen *s)
{
	struct piece p;

	for (unsigned side = 0; side < 2; side++) {
		while (stream_pull(j->tracker, s->flow, side, &p)) {
			if (p.kind == PIECE_END)
				continue;
			must(p.kind == PIECE_DATA && p.offset == s->next[side]);
			for (uint32_t i = 0; i < p.len; i++)
				must(p.data[i] == sim_byte(s->server_port, side, p.offset + i));
			s->next[side] += p.len;
			j->bytes += p.len;
		}
	}
}

void judge_packet(struct judge *j, const void *ip, size_t len, uint64_t now_ns)
{
	const struct frame frame = { .data = (uint8_t *)(uintptr_t)ip, .len = (uint32_t)len, .wire_len = (uint32_t)len,
				     .time_ns = now_ns, .link = LINK_RAW };
	enum track_drop why;
	struct flow *f;

	packet_decode(&j->set, &frame, &j->cfg);
	f = tracker_packet(j->tracker, &j->set.pkts[0], &why);
	if (f != NULL && f->tcp != NULL)
		pull(j, seen_of(j, f));
	tracker_advance(j->tracker, now_ns);
	ended(j);
}

static uint16_t port_of(const struct sockaddr_storage *a)
{
	return ntohs(a->ss_family == AF_INET ? ((const struct sockaddr_in *)a)->sin_port
					     : ((const struct sockaddr_in6 *)a)->sin6_port);
}

/* The host's own view of a connection beside the tracker's. */
static int compare(void *arg, const struct tapir_connection *c)
{
	struct judge *j = arg;
	const uint16_t local = port_of(&c->local), remote = port_of(&c->remote);

	if (c->protocol != IPPROTO_TCP || c->state < 1 || c->state > 11 || remote == 0)
		return 0;
	for (unsigned i = 0; i < j->count; i++) {
		const struct seen *s = &j->flows[i];
		const bool server = s->server_port == local && s->client_port == remote;
		const struct tcp_dir *in, *out;

		if (!server && !(s->server_port == remote && s->client_port == local))
			continue;
		/* SYN_SENT and SYN_RECV: one side isn't known yet. */
		if (c->state == 2 || c->state == 3 || s->flow->tcp == NULL)
			return 0;
		in = &s->flow->tcp->dir[server ? TO_SERVER : TO_CLIENT];
		out = &s->flow->tcp->dir[server ? TO_CLIENT : TO_SERVER];
		must(in->rcv_nxt == c->rcv_nxt);
		must(out->snd_nxt == c->snd_nxt);
		must(out->snd_una == c->snd_una);
		j->compared++;
	}
	return 0;
}

void judge_compare(struct judge *j, struct tapir_host *host)
{
	tapir_connections_each(host, compare, j);
}

uint64_t judge_compared(const struct judge *j)
{
	return j->compared;
}

uint64_t judge_bytes(const struct judge *j)
{
	return j->bytes;
}
