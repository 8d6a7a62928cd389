/* fuzz_tracker.c - a conversation that an adversary wrote, packet by packet.
 *
 * The first byte chooses the configuration; then each ten bytes are an order: a TCP
 * segment, a fragment, or raw bytes as a packet. Sequence numbers lie near each
 * other, so that segments overlap. What must hold whatever comes: a stream is handed
 * out contiguously, a byte of it is what some segment put at that place, every packet
 * is counted once, and when all flows have been released no memory is out. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/reader.h"
#include "base/writer.h"
#include "stack/track/tracker.h"
#include "tests/fuzz/fuzz.h"

#define PACKETS_MAX 400
#define SEEN_MAX 64

struct order {
	uint8_t kind, flags;
	int16_t seq, ack;
	uint8_t len, odd, step, peer;
};

struct stream_seen {
	const struct flow *flow;
	uint64_t next[2];
	bool ended[2], based[2];
	uint8_t base[2];
};

struct run {
	struct mem *mem;
	struct tracker *tracker;
	struct packet_config cfg;
	uint64_t now, packets;
	bool trace;                     /* FUZZ_TRACE is in the environment: say what happens */
	bool odd;                       /* some segment had bytes of its own */
	struct stream_seen seen[SEEN_MAX];
};

static const char *const settings[][2] = {
	{ "stream.midstream", "yes" }, { "stream.async-oneside", "yes" }, { "stream.inline", "yes" },
	{ "stream.reassembly.memcap", "8kb" }, { "flow.memcap", "20kb" },
	{ "stream.reassembly.depth", "1kb" }, { "defrag.memcap", "10kb" },
	{ "stream.reassembly.max-segments", "4" },
};

static struct stream_seen *seen_of(struct run *r, const struct flow *flow)
{
	struct stream_seen *free = NULL;

	for (unsigned i = 0; i < SEEN_MAX; i++) {
		if (r->seen[i].flow == flow)
			return &r->seen[i];
		if (r->seen[i].flow == NULL && free == NULL)
			free = &r->seen[i];
	}
	if (free != NULL)
		*free = (struct stream_seen){ .flow = flow };
	return free;
}

/* A segment's bytes are the low byte of their sequence number: what a place in the
 * stream holds follows from the first byte that was handed out. */
static void piece_check(struct run *r, struct stream_seen *s, unsigned side, const struct piece *p)
{
	if (r->trace)
		fprintf(stderr, "  flow %" PRIu64 " side %u %s at %" PRIu64 ", %u bytes\n", s->flow->id, side,
			p->kind == PIECE_DATA ? "data" : p->kind == PIECE_GAP ? "gap" : "end", p->offset, p->len);
	must(!s->ended[side]);
	must(p->offset == s->next[side] || p->kind == PIECE_END);
	if (p->kind == PIECE_END) {
		s->ended[side] = true;
		return;
	}
	must(p->len > 0);
	s->next[side] += p->len;
	if (p->kind == PIECE_GAP || r->odd)
		return;
	if (!s->based[side]) {
		s->base[side] = (uint8_t)(p->data[0] - p->offset);
		s->based[side] = true;
	}
	for (uint32_t i = 0; i < p->len; i++)
		must(p->data[i] == (uint8_t)(s->base[side] + p->offset + i));
}

static void pull(struct run *r, struct flow *flow)
{
	struct stream_seen *s = seen_of(r, flow);
	struct piece piece;

	if (s == NULL || flow->tcp == NULL)
		return;
	for (unsigned side = 0; side < 2; side++) {
		while (stream_pull(r->tracker, flow, side, &piece))
			piece_check(r, s, side, &piece);
		must(stream_offset(flow, side) == s->next[side]);
	}
}

static void ended(struct run *r)
{
	struct flow *flow;

	while ((flow = tracker_ended(r->tracker)) != NULL) {
		struct stream_seen *s = seen_of(r, flow);

		pull(r, flow);
		if (s != NULL)
			s->flow = NULL;
		tracker_release(r->tracker, flow);
	}
}

static void give(struct run *r, uint8_t *data, size_t len)
{
	struct frame frame = { .data = data, .len = (uint32_t)len, .wire_len = (uint32_t)len,
			       .link = LINK_RAW, .time_ns = r->now };
	static struct packet_set set, whole;

	packet_decode(&set, &frame, &r->cfg);
	for (unsigned i = 0; i < set.count; i++) {
		enum track_drop why;
		struct flow *flow;

		set.pkts[i].number = ++r->packets;
		flow = tracker_packet(r->tracker, &set.pkts[i], &why);
		must(why < TRACK_DROPS && (flow == NULL || why == TRACK_FOLLOWED));
		if (flow != NULL)
			pull(r, flow);
		if (why != TRACK_FRAGMENT_HELD ||
		    !tracker_datagram(r->tracker, &set.pkts[i], &r->cfg, &whole))
			continue;
		for (unsigned k = 0; k < whole.count; k++) {
			r->packets++;
			flow = tracker_packet(r->tracker, &whole.pkts[k], &why);
			if (flow != NULL)
				pull(r, flow);
		}
	}
}

static void ip_header(struct writer *w, uint8_t proto, uint16_t len, uint16_t fragment, uint8_t id, bool back)
{
	write_be16(w, 0x4500);
	write_be16(w, (uint16_t)(20 + len));
	write_be16(w, id);
	write_be16(w, fragment);
	write_u8(w, 64);
	write_u8(w, proto);
	write_be16(w, 0);
	write_be32(w, back ? 0x0a000002 : 0x0a000001);
	write_be32(w, back ? 0x0a000001 : 0x0a000002);
}

static void give_segment(struct run *r, const struct order *o)
{
	bool back = o->kind & 1;
	uint8_t packet[20 + 20 + 255];
	struct writer w = writer_of(packet, sizeof(packet));
	uint16_t client = (uint16_t)(40000 + o->peer % 3);
	uint32_t seq = (back ? 0xfffff000u : 0x1000u) + (uint32_t)o->seq;

	ip_header(&w, 6, (uint16_t)(20 + o->len), 0, 0, back);
	write_be16(&w, back ? 80 : client);
	write_be16(&w, back ? client : 80);
	write_be32(&w, seq);
	write_be32(&w, (back ? 0x1000u : 0xfffff000u) + (uint32_t)o->ack);
	write_u8(&w, 5 << 4);
	write_u8(&w, o->flags);
	write_be16(&w, (uint16_t)(o->peer << 4));
	write_be32(&w, 0);
	if (o->flags & 2)
		seq++;
	for (unsigned i = 0; i < o->len; i++)
		write_u8(&w, o->odd & 1 ? o->odd : (uint8_t)(seq + i));
	/* An urgent byte is taken out of the stream, as a kernel does. */
	if ((o->odd & 1) || (o->flags & 0x20))
		r->odd = true;
	give(r, packet, writer_len(&w));
}

static void give_fragment(struct run *r, const struct order *o)
{
	uint8_t packet[20 + 256];
	struct writer w = writer_of(packet, sizeof(packet));
	uint16_t len = o->flags & 1 ? (uint16_t)(o->len & ~7) : o->len;

	ip_header(&w, 17, len, (uint16_t)((o->flags & 1) << 13 | (o->seq & 0x3f)), o->peer & 3, o->kind & 1);
	for (unsigned i = 0; i < len; i++)
		write_u8(&w, (uint8_t)(o->odd + i));
	give(r, packet, writer_len(&w));
}

static struct conf *configure(uint8_t choice)
{
	struct conf *conf = conf_new();

	must(conf_set(conf, "flow.hash-size", "64") == 0);
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		if (choice >> i & 1)
			must(conf_set(conf, settings[i][0], settings[i][1]) == 0);
	}
	return conf;
}

static void follow(struct run *r, struct reader *in)
{
	while (reader_left(in) >= 10 && r->packets < PACKETS_MAX) {
		struct order o = { .kind = read_u8(in), .flags = read_u8(in) };

		o.seq = (int16_t)read_be16(in);
		o.ack = (int16_t)read_be16(in);
		o.len = read_u8(in);
		o.odd = read_u8(in);
		o.step = read_u8(in);
		o.peer = read_u8(in);
		r->now += (uint64_t)o.step * o.step * 10000000;
		tracker_advance(r->tracker, r->now);
		if (r->trace)
			fprintf(stderr, "side %u kind %u flags %02x seq %d ack %d len %u odd %u step %u peer %u\n",
				o.kind & 1, o.kind >> 1 & 3, o.flags, o.seq, o.ack, o.len, o.odd, o.step, o.peer);
		if ((o.kind >> 1 & 3) == 2) {
			give_fragment(r, &o);
		} else if ((o.kind >> 1 & 3) == 3) {
			uint8_t raw[256];
			struct slice s = read_slice(in, o.len < reader_left(in) ? o.len : reader_left(in));

			if (s.len > 0)
				memcpy(raw, s.data, s.len);
			r->odd = true;
			give(r, raw, s.len);
		} else {
			give_segment(r, &o);
		}
		ended(r);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run run;
	struct run *r = &run;
	struct reader in = reader_of(data, size);
	struct hash_key key = { 1, 2 };
	struct tracker_stats stats;
	struct conf *conf = configure(read_u8(&in));
	uint64_t sum = 0;

	memset(r, 0, sizeof(*r));
	r->trace = getenv("FUZZ_TRACE") != NULL;
	r->mem = mem_new();
	r->now = UINT64_C(1700000000000000000);
	packet_config_default(&r->cfg);
	r->cfg.verify_checksums = false;
	must(tracker_new(&r->tracker, r->mem, conf, &key) == 0);
	follow(r, &in);
	tracker_finish(r->tracker, FLOW_END_SHUTDOWN);
	ended(r);
	tracker_stats(r->tracker, &stats);
	for (unsigned i = 0; i < TRACK_DROPS; i++)
		sum += stats.packets[i];
	must(sum == r->packets);
	must(stats.flows_active == 0 && stats.stream.used == 0);
	tracker_free(r->tracker);
	conf_free(conf);
	mem_free(r->mem);
	return 0;
}
