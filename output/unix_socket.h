/* unix_socket.h - a sink at the other end of a unix socket; sinks/unix_stream.c and unix_dgram.c. */
#ifndef TAPIR_OUTPUT_UNIX_SOCKET_H
#define TAPIR_OUTPUT_UNIX_SOCKET_H

#include "output/sink.h"

/* type: SOCK_STREAM or SOCK_DGRAM (then a datagram a line). A peer that isn't there (yet) is no error. */
int unix_socket_open(struct sink **out, const struct sink_kind *kind, int type, const struct sink_opts *opts, char *error,
		     size_t error_len);
int unix_socket_send(struct sink *s, struct sink_record *records, unsigned count);
int unix_socket_reopen(struct sink *s);
void unix_socket_close(struct sink *s);
const char *unix_socket_path(const struct sink *s);

#endif
