/* byte_source.h - the bytes of a file or of standard input, unpacked where they are compressed. */
#ifndef TAPIR_CAPTURE_BYTE_SOURCE_H
#define TAPIR_CAPTURE_BYTE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct byte_source;

/* path "-" is standard input. Returns 0 or -errno. */
int byte_source_open(struct byte_source **out, const char *path);
void byte_source_close(struct byte_source *s);
/* Up to len bytes. 0 where none is there yet (only without wait, and only on pipes); -ENODATA at the
 * end; -EBADMSG where compressed data is broken, -EPIPE where it ends early; else -errno. */
ssize_t byte_source_read(struct byte_source *s, void *buf, size_t len, bool wait);
/* A descriptor to poll where the bytes come through a pipe; -1 otherwise. */
int byte_source_poll_fd(const struct byte_source *s);
/* How many bytes were read from the file as it lies there (compressed). */
uint64_t byte_source_position(const struct byte_source *s);

#endif
