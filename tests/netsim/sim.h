/* sim.h - hosts, links between them and conversations over these, in virtual time.
 *
 * One thread, one clock, which jumps from deadline to deadline: what takes an hour on the wire takes what its packets
 * cost. All chance comes from seeds, so that a run can be had again to the byte; sim.trace is a hash of every packet that
 * any host saw, with its time. A tracker may watch one host's wire (judge.h). */
#ifndef TAPIR_TESTS_NETSIM_SIM_H
#define TAPIR_TESTS_NETSIM_SIM_H

#include "base/check.h"
#include "tapir/host.h"
#include "tapir/socket.h"

#define SIM_HOSTS 8
#define SIM_TALKS 64
#define SIM_MS UINT64_C(1000000)
#define SIM_S (1000 * SIM_MS)

struct judge;
struct sim;

struct sim_host {
	struct sim *sim;
	struct tapir_host *host;
	struct judge *judge;            /* watches this host's wire, or NULL */
	unsigned links;
	/* What memory there is beside sockets: fails at this allocation, counted from 1; 0 = never. */
	uint64_t allocations, fail_at;
	uint64_t bytes_out;             /* of memory */
};

/* A client sends and receives so many bytes, then both close. */
struct sim_talk {
	unsigned client, server;        /* hosts */
	uint64_t total[2];              /* [0]: from the client, [1]: from the server */
	uint64_t sent[2], got[2];
	int fd[2];                      /* -1: not there (yet, any more) */
	uint16_t port;                  /* the server's */
	bool shut[2], end[2], failed, done;
	uint64_t done_ns;
};

struct sim {
	struct sim_host hosts[SIM_HOSTS];
	unsigned count;
	uint64_t now, seed;
	uint64_t trace, packets;
	struct sim_talk talks[SIM_TALKS];
	unsigned talk_count;
	bool tolerant;                  /* calls may fail: memory is short */
	int rcvbuf, sndbuf;             /* of sockets made from now on; 0 = as it is */
	bool own_memory;                /* hosts get memory by malloc, one allocation each */
};

void sim_init(struct sim *s, uint64_t seed);
void sim_free(struct sim *s);
/* Returns its number; -errno where tolerant. */
int sim_host_add(struct sim *s);
/* A wire between two hosts, 10.0.N.1/24 and 10.0.N.2/24, fd00:N::1/64 and ::2; impairment: as in capture/impair.h, or
 * NULL. */
int sim_link(struct sim *s, unsigned a, unsigned b, unsigned net, const char *impairment);
/* A listening socket of the host; and a conversation with it. */
struct sim_talk *sim_talk_start(struct sim *s, unsigned client, unsigned server, const char *address, uint16_t port,
				uint64_t up, uint64_t down);
/* Until all talks are done, or this much time has passed. */
void sim_run(struct sim *s, uint64_t for_ns);
/* The byte that stands there. */
uint8_t sim_byte(uint16_t port, unsigned side, uint64_t offset);

#endif
