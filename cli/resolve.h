/* resolve.h - a stub resolver over a host's UDP sockets (RFC 1035): one question, one server. */
#ifndef TAPIR_CLI_RESOLVE_H
#define TAPIR_CLI_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "tapir/host.h"

#define DNS_MESSAGE_MAX 1232

/* The first server of /etc/resolv.conf; false where there is none. */
bool resolve_server(char *out, size_t len);

/* Asks for name's address of a family (AF_UNSPEC: IPv4, then IPv6), three times a second apart. False with the reason in
 * why. The host has a runner. */
bool resolve(struct tapir_host *h, const struct sockaddr_storage *server, const char *name, int family,
	     struct sockaddr_storage *out, char *why, size_t why_len);

/* A question for name in out; its length, or 0 where name is none. */
size_t resolve_question(uint8_t *out, size_t cap, uint16_t id, const char *name, int family);
/* The first address of the family in an answer to question. 1 found; 0 there is none, or the server says why not
 * (*rcode); -1 this isn't the answer. */
int resolve_answer(const uint8_t *answer, size_t len, const uint8_t *question, size_t question_len, int family, uint8_t *out,
		   unsigned *rcode);

#endif
