/* judge.h - a tracker that watches the wire of a host, and has to see what the host itself sees. */
#ifndef TAPIR_TESTS_NETSIM_JUDGE_H
#define TAPIR_TESTS_NETSIM_JUDGE_H

#include <stdint.h>
#include <stddef.h>

struct judge;
struct tapir_host;

struct judge *judge_new(void);
void judge_free(struct judge *j);
/* An IP packet that came to the host, or left it. */
void judge_packet(struct judge *j, const void *ip, size_t len, uint64_t now_ns);
/* Sequence numbers of both directions, and how many bytes arrived, are the same for both. */
void judge_compare(struct judge *j, struct tapir_host *host);
/* How many comparisons there were so far, and bytes that the tracker handed out. */
uint64_t judge_compared(const struct judge *j);
uint64_t judge_bytes(const struct judge *j);

#endif
