/* unix_dgram.c - records to a unix datagram socket, a datagram a record. */
#include <sys/socket.h>

#include "output/unix_socket.h"

extern const struct sink_kind sink_kind_unix_dgram;

static int open_dgram(struct sink **out, const struct sink_opts *opts, char *error, size_t error_len)
{
	return unix_socket_open(out, &sink_kind_unix_dgram, SOCK_DGRAM, opts, error, error_len);
}

const struct sink_kind sink_kind_unix_dgram = {
	.name = "unix_dgram", .open = open_dgram, .send = unix_socket_send, .reopen = unix_socket_reopen,
	.close = unix_socket_close, .path = unix_socket_path,
};
