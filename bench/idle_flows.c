/* idle_flows.c - what a million established flows cost while they are idle: three packets of a handshake each,
 * then what the tracker's classes hold, the table with its chains included, and what the process grew by. */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stack/track/tcp.h"
#include "stack/track/tracker.h"

#define FLOWS_DEFAULT 1000000

static uint64_t resident(void)
{
	unsigned long long total = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL || fscanf(f, "%llu %llu", &total, &pages) != 2)
		pages = 0;
	if (f != NULL)
		fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void packet(struct tracker *t, uint32_t n, uint64_t at_ns, uint8_t flags, bool client)
{
	struct packet p = { .ip_version = 4, .proto = IPPROTO_TCP, .ttl = 64, .window = 60000, .len = 54, .wire_len = 54,
			    .time_ns = at_ns, .number = n + 1, .tcp_flags = flags };
	enum track_drop why;
	struct flow *ended;

	p.src.bytes[0] = p.dst.bytes[0] = 10;
	memcpy(&(client ? &p.src : &p.dst)->bytes[1], &(uint32_t){ n >> 14 }, 3);
	(client ? &p.dst : &p.src)->bytes[3] = 250;
	p.src_port = client ? (uint16_t)(10000 + (n & 0x3fff)) : 443;
	p.dst_port = client ? 443 : (uint16_t)(10000 + (n & 0x3fff));
	p.seq = client ? n + (flags != TCP_SYN) : ~n;
	p.ack = flags & TCP_ACK ? (client ? ~n + 1 : n + 1) : 0;
	tracker_packet(t, &p, &why);
	tracker_advance(t, at_ns);
	while ((ended = tracker_ended(t)) != NULL)
		tracker_release(t, ended);
}

int main(int argc, char **argv)
{
	uint32_t flows = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : FLOWS_DEFAULT;
	const struct hash_key key = { 1, 2 };
	struct mem *mem = mem_new();
	struct conf *conf = conf_new();
	struct tracker_stats s;
	struct tracker *t;
	uint64_t before, used;

	conf_set(conf, "flow.memcap", "2gb");
	conf_set(conf, "stream.memcap", "2gb");
	conf_set(conf, "stream.checksum-validation", "no");
	if (flows == 0 || tracker_new(&t, mem, conf, &key) < 0)
		return 1;
	before = resident();
	for (uint32_t n = 0; n < flows; n++) {
		uint64_t now = 1000000000000u + n * (uint64_t)20000;

		packet(t, n, now, TCP_SYN, true);
		packet(t, n, now + 100, TCP_SYN | TCP_ACK, false);
		packet(t, n, now + 200, TCP_ACK, true);
	}
	tracker_stats(t, &s);
	used = s.flow.used + s.session.used + s.stream.used;
	printf("%" PRIu64 " flows established and idle\n", s.flows_active);
	printf("%" PRIu64 " bytes a flow: %" PRIu64 " flow and table, %" PRIu64 " connection\n", used / s.flows_active,
	       s.flow.used / s.flows_active, s.session.used / s.flows_active);
	printf("%" PRIu64 " bytes a flow that the process grew by\n", (resident() - before) / s.flows_active);
	tracker_free(t);
	conf_free(conf);
	mem_free(mem);
	return 0;
}
