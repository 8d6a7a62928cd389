/* file_store.c - files kept on disk by their SHA-256, as Suricata's file-store version 2 does it.
 *
 * A file that a rule asked for (or every file, with force-filestore) is appended to a temporary file as it
 * passes; when it ends it gets its name: DIR/ab/abcd…. Equal contents are one file. What rules have not
 * asked for by the time that FILE_WAIT_MAX bytes waited is let go. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output/eve.h"

#define FILE_WAIT_MAX (1024 * 1024)

struct file_store {
	char *dir;
	bool force, write_fileinfo;
	uint64_t depth;                 /* 0 = all of it */
};

static void folder(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return;
}

int file_store_new(struct file_store **out, const struct conf *c, const char *log_dir)
{
	const char *dir = conf_str(c, "dir", "filestore");
	struct file_store *s = calloc(1, sizeof(*s));
	char path[4096];

	if (s == NULL)
		return -ENOMEM;
	if (dir[0] == '/')
		snprintf(path, sizeof(path), "%s", dir);
	else
		snprintf(path, sizeof(path), "%s/%s", log_dir, dir);
	s->dir = strdup(path);
	s->force = conf_bool(c, "force-filestore", false);
	s->write_fileinfo = conf_bool(c, "write-fileinfo", false);
	s->depth = conf_size(c, "stream-depth", 0);
	if (s->dir == NULL) {
		free(s);
		return -ENOMEM;
	}
	folder(s->dir);
	for (unsigned i = 0; i < 256; i++) {
		snprintf(path, sizeof(path), "%s/%02x", s->dir, i);
		folder(path);
	}
	snprintf(path, sizeof(path), "%s/tmp", s->dir);
	folder(path);
	*out = s;
	return 0;
}

void file_store_free(struct file_store *s)
{
	if (s == NULL)
		return;
	free(s->dir);
	free(s);
}

/* Unique while the file is open: one flow belongs to one worker. */
static void temporary_path(const struct file_store *s, const struct flow *flow, const struct file *f, char *out, size_t cap)
{
	snprintf(out, cap, "%s/tmp/%llu.%u", s->dir, (unsigned long long)flow->id, f->id);
}

static bool append(const char *path, struct slice data)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fd < 0)
		return false;
	while (data.len) {
		ssize_t n = write(fd, data.data, data.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		data = slice_skip(data, (size_t)n);
	}
	close(fd);
	return data.len == 0;
}

static void file_settle(const struct file_store *s, struct flow *flow, struct file *f, const char *temporary)
{
	char path[4200], hex[65];

	(void)flow;
	for (unsigned i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", f->sha256[i]);
	snprintf(path, sizeof(path), "%s/%.2s/%s", s->dir, hex, hex);
	f->stored = rename(temporary, path) == 0;
	f->stored_to = UINT64_MAX;
}

void file_store_pump(const struct file_store *s, struct flow *flow, struct file *f)
{
	struct slice data = bytes_slice(&f->window.bytes);
	char path[4200];

	if (f->stored_to == UINT64_MAX)
		return;
	if (!f->store && !s->force) {
		if (f->state != FILE_OPEN || data.len > FILE_WAIT_MAX)
			f->stored_to = UINT64_MAX;
		return;
	}
	f->store = true;
	temporary_path(s, flow, f, path, sizeof(path));
	if (f->window.start + data.len > f->stored_to) {
		data = slice_skip(data, (size_t)(f->stored_to - f->window.start));
		if (s->depth && f->stored_to + data.len > s->depth)
			data.len = s->depth > f->stored_to ? (size_t)(s->depth - f->stored_to) : 0;
		if (!append(path, data)) {
			f->stored_to = UINT64_MAX;
			unlink(path);
			return;
		}
		f->stored_to = f->window.start + f->window.bytes.len;
	}
	if (f->state != FILE_OPEN)
		file_settle(s, flow, f, path);
}

bool file_store_writes_info(const struct file_store *s)
{
	return s->write_fileinfo;
}

void file_store_info(const struct file_store *s, const struct file *f, uint64_t time_ns, const char *text, size_t len)
{
	char path[4300], hex[65];

	for (unsigned i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", f->sha256[i]);
	snprintf(path, sizeof(path), "%s/%.2s/%s.%llu.%u.json", s->dir, hex, hex, (unsigned long long)(time_ns / 1000000000), f->id);
	append(path, slice_of(text, len));
}
