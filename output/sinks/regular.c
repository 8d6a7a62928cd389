/* regular.c - records into a file.
 *
 * Appends whole lines with one write a flush, so that a reader never sees half a record. The file may be
 * renamed at any time; reopen (SIGHUP) makes the name anew. `rotate-interval` and strftime patterns in the
 * name start a new file when the capture's clock, as seen at the writes, passes the boundary. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "output/sink.h"

struct file_sink {
	struct sink sink;
	int fd;
	bool append;
	mode_t mode;
	long rotate_s;                  /* 0 = never */
	time_t next_rotation;
	char *pattern;                  /* as configured, with the log folder in front */
	char *path;                     /* what it is now */
};

static long interval_seconds(const char *text)
{
	static const struct { const char *name; long s; } names[] = {
		{ "minute", 60 }, { "hour", 3600 }, { "day", 86400 },
	};
	char *end;
	long n;

	if (text == NULL)
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i].name) == 0)
			return names[i].s;
	n = strtol(text, &end, 10);
	switch (*end) {
	case 'm': return n * 60;
	case 'h': return n * 3600;
	case 'd': return n * 86400;
	default: return n;
	}
}

static int make_folders(const char *path)
{
	char copy[4096];

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return -ENAMETOOLONG;
	for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

static int file_start(struct file_sink *f)
{
	time_t now = time(NULL);
	char path[4096];
	struct tm tm;
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (f->append ? 0 : O_TRUNC);

	localtime_r(&now, &tm);
	if (strftime(path, sizeof(path), f->pattern, &tm) == 0)
		return -ENAMETOOLONG;
	int err = make_folders(path);
	if (err < 0)
		return err;
	int fd = open(path, flags, f->mode);
	if (fd < 0)
		return -errno;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = fd;
	free(f->path);
	f->path = strdup(path);
	if (f->rotate_s > 0)
		f->next_rotation = (now / f->rotate_s + 1) * f->rotate_s;
	return f->path ? 0 : -ENOMEM;
}

static void file_close(struct sink *s)
{
	struct file_sink *f = (struct file_sink *)s;

	if (f->fd >= 0)
		close(f->fd);
	free(f->pattern);
	free(f->path);
	free(f);
}

static int file_open(struct sink **out, const struct sink_opts *opts, char *error, size_t error_len)
{
	const char *name = conf_str(opts->conf, "filename", opts->default_name);
	const char *mode = conf_str(opts->conf, "filemode", NULL);
	struct file_sink *f = calloc(1, sizeof(*f));
	int err = -ENOMEM;

	if (f == NULL)
		return -ENOMEM;
	f->sink.kind = sink_kind_find("regular");
	f->fd = -1;
	f->append = conf_bool(opts->conf, "append", true);
	f->mode = mode ? (mode_t)strtol(mode, NULL, 8) : 0644;
	f->rotate_s = interval_seconds(conf_str(opts->conf, "rotate-interval", NULL));
	if (name[0] == '/')
		err = (f->pattern = strdup(name)) ? 0 : -ENOMEM;
	else
		err = asprintf(&f->pattern, "%s/%s", opts->log_dir, name) < 0 ? -ENOMEM : 0;
	if (err == 0)
		err = file_start(f);
	if (err < 0) {
		snprintf(error, error_len, "can't write %s: %s", f->pattern ? f->pattern : name, strerror(-err));
		file_close(&f->sink);
		return err;
	}
	*out = &f->sink;
	return 0;
}

static int file_write(struct sink *s, const char *lines, size_t len)
{
	struct file_sink *f = (struct file_sink *)s;

	if (f->rotate_s > 0 && time(NULL) >= f->next_rotation)
		file_start(f);
	while (len > 0) {
		ssize_t n = write(f->fd, lines, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		lines += n;
		len -= (size_t)n;
	}
	return 0;
}

static int file_reopen(struct sink *s)
{
	struct file_sink *f = (struct file_sink *)s;
	bool append = f->append;

	f->append = true;
	int err = file_start(f);
	f->append = append;
	return err;
}

static const char *file_path(const struct sink *s)
{
	return ((const struct file_sink *)s)->path;
}

const struct sink_kind sink_kind_regular = {
	.name = "regular", .open = file_open, .write = file_write, .reopen = file_reopen, .close = file_close, .path = file_path,
};
