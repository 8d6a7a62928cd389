/* peer.h - the other end of a socket: a server by name and port, over UDP, TCP or TLS.
 *
 * Every call is bounded in time. What was written to a TCP peer counts as arrived once its kernel has
 * acknowledged it, which is as much as a protocol without answers can tell. */
#ifndef TAPIR_OUTPUT_PEER_H
#define TAPIR_OUTPUT_PEER_H

#include <sys/uio.h>

#include "output/sink.h"

enum transport { TRANSPORT_IS_UDP, TRANSPORT_IS_TCP, TRANSPORT_IS_TLS };

struct peer;

/* Reads `server` ("host", "host:port", "[v6]:port"), `port`, `timeout` and `tls.*` (ca-file, certificate, key, verify,
 * server-name) of c. */
int peer_new(struct peer **out, enum transport transport, const struct conf *c, unsigned default_port, char *error, size_t error_len);
void peer_free(struct peer *p);
/* Connected, and the peer hasn't closed: connects where that is needed. 0 or -errno; peer_error says why. */
int peer_ready(struct peer *p);
/* All of it, or -errno: then the connection is closed. */
int peer_write(struct peer *p, const void *data, size_t len);
/* One datagram. */
int peer_datagram(struct peer *p, const struct iovec *parts, unsigned count);
/* Until the peer's kernel has all of it. 0 or -errno. */
int peer_flushed(struct peer *p);
void peer_close(struct peer *p);
const char *peer_error(const struct peer *p);

#endif
