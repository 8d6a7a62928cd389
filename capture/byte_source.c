/* byte_source.c - reads with read(2) in large pieces: for data that is used once
 * and in order that beats a mapping (no page faults, and the bytes are in the
 * cache when they are used), and pipes work the same way. Compression is known by
 * its first bytes, not by the name. */
#include "capture/byte_source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/unpack.h"

#define RAW_LEN (128 * 1024)

struct byte_source {
	int fd;
	bool is_pipe;           /* may have nothing to give right now */
	bool fd_ended;
	uint64_t position;
	struct unpacker *unpacker;
	int unpacked;           /* the unpacker's last answer: 1 = the input may end here */
	size_t raw_start;       /* of what is in raw */
	size_t raw_end;
	uint8_t raw[RAW_LEN];   /* compressed input, or the bytes that were looked at to tell */
};

/* read(2) with the answers of byte_source_read. */
static ssize_t fd_read(struct byte_source *s, void *buf, size_t len, bool wait)
{
	ssize_t n;

	if (s->fd_ended)
		return -ENODATA;
	if (s->is_pipe && !wait) {
		struct pollfd p = { .fd = s->fd, .events = POLLIN };
		int ready = poll(&p, 1, 0);
		if (ready == 0 || (ready < 0 && errno == EINTR))
			return 0;
	}
	n = read(s->fd, buf, len);
	if (n < 0)
		return !wait && (errno == EINTR || errno == EAGAIN) ? 0 : -errno;
	if (n == 0) {
		s->fd_ended = true;
		return -ENODATA;
	}
	s->position += (uint64_t)n;
	return n;
}

/* Reads enough to see whether the bytes are compressed. */
static int source_detect(struct byte_source *s)
{
	static const uint8_t gzip[] = { 0x1f, 0x8b }, zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };

	while (s->raw_end < sizeof(zstd)) {
		ssize_t n = fd_read(s, s->raw + s->raw_end, sizeof(s->raw) - s->raw_end, true);
		if (n == -ENODATA)
			break;
		if (n < 0)
			return (int)n;
		s->raw_end += (size_t)n;
	}
	if (s->raw_end >= sizeof(gzip) && memcmp(s->raw, gzip, sizeof(gzip)) == 0)
		return unpack_gzip_new(&s->unpacker);
	if (s->raw_end >= sizeof(zstd) && memcmp(s->raw, zstd, sizeof(zstd)) == 0)
		return unpack_zstd_new(&s->unpacker);
	return 0;
}

int byte_source_open(struct byte_source **out, const char *path)
{
	struct byte_source *s = malloc(sizeof(*s));
	struct stat st;
	int err;

	if (s == NULL)
		return -ENOMEM;
	memset(s, 0, offsetof(struct byte_source, raw));
	s->fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0) {
		err = -errno;
		free(s);
		return err;
	}
	s->is_pipe = fstat(s->fd, &st) == 0 && !S_ISREG(st.st_mode);
	posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	err = source_detect(s);
	if (err < 0) {
		byte_source_close(s);
		return err;
	}
	*out = s;
	return 0;
}

void byte_source_close(struct byte_source *s)
{
	if (s == NULL)
		return;
	if (s->unpacker)
		s->unpacker->free(s->unpacker);
	close(s->fd);
	free(s);
}

static ssize_t unpacked_read(struct byte_source *s, void *buf, size_t len, bool wait)
{
	struct unpack_io io = { .out = buf, .out_len = len };

	for (;;) {
		io.in = s->raw + s->raw_start;
		io.in_len = s->raw_end - s->raw_start;
		s->unpacked = s->unpacker->run(s->unpacker, &io);
		s->raw_start = s->raw_end - io.in_len;
		if (s->unpacked < 0)
			return s->unpacked;
		if (io.out_len < len)
			return (ssize_t)(len - io.out_len);
		if (io.in_len == 0) {
			ssize_t n = fd_read(s, s->raw, sizeof(s->raw), wait);
			if (n == -ENODATA && s->unpacked == 0)
				return -EPIPE;
			if (n <= 0)
				return n;
			s->raw_start = 0;
			s->raw_end = (size_t)n;
		}
	}
}

ssize_t byte_source_read(struct byte_source *s, void *buf, size_t len, bool wait)
{
	size_t looked_at = s->raw_end - s->raw_start;

	if (s->unpacker)
		return unpacked_read(s, buf, len, wait);
	if (looked_at) {
		if (len > looked_at)
			len = looked_at;
		memcpy(buf, s->raw + s->raw_start, len);
		s->raw_start += len;
		return (ssize_t)len;
	}
	return fd_read(s, buf, len, wait);
}

int byte_source_poll_fd(const struct byte_source *s)
{
	return s->is_pipe ? s->fd : -1;
}

uint64_t byte_source_position(const struct byte_source *s)
{
	return s->position;
}
