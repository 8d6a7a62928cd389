/* unix_stream.c - records to a unix stream socket. */
#include <sys/socket.h>

#include "output/unix_socket.h"

extern const struct sink_kind sink_kind_unix_stream;

static int open_stream(struct sink **out, const struct sink_opts *opts, char *error, size_t error_len)
{
	return unix_socket_open(out, &sink_kind_unix_stream, SOCK_STREAM, opts, error, error_len);
}

const struct sink_kind sink_kind_unix_stream = {
	.name = "unix_stream", .open = open_stream, .send = unix_socket_send, .reopen = unix_socket_reopen,
	.close = unix_socket_close, .path = unix_socket_path,
};
