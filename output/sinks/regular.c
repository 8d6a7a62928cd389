/* regular.c - records into a file.
 *
 * Appends whole lines with few writes, and never leaves half of one: where the disk is full, the file is
 * cut back to the last whole line. A file that is rotated away is renamed and a new one is created under
 * the name, so that who follows it by inode misses nothing; it is never copied or truncated. What starts
 * a new file: the clock (`rotate-interval`, or a strftime pattern in the name), the size (`rotate.size`),
 * SIGHUP. Old files are compressed and counted by a thread of their own. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "output/compress.h"
#include "output/sink.h"

#define PATH_ROOM 4096
#define LINES_AT_ONCE 512
#define OLD_MAX 4096

extern const struct sink_kind sink_kind_regular;

/* What becomes of the files that were rotated away. */
struct sweep {
	pthread_t thread;
	bool running;
	char path[PATH_ROOM];           /* to compress; empty: none */
	char name[PATH_ROOM];           /* whose old ones are counted */
	unsigned keep;                  /* 0: all */
	enum compression compression;
};

struct file_sink {
	struct sink sink;
	int fd;
	bool append;
	mode_t mode;
	uint64_t size, size_max;        /* size_max 0: any */
	long rotate_s;                  /* 0 = never */
	time_t next_rotation;
	unsigned keep;
	enum compression compression;
	char *pattern;                  /* as configured, with the log folder in front */
	char *path;                     /* what it is now */
	struct sweep sweep;
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
	char copy[PATH_ROOM];

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

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Removes the oldest of NAME.* but for `keep`; their names begin with when they were rotated, so they sort. */
static void sweep_old(const char *name, unsigned keep)
{
	const char *base = strrchr(name, '/') + 1;
	char dir[PATH_ROOM], path[2 * PATH_ROOM], *old[OLD_MAX];
	size_t len = strlen(base), count = 0;
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "%.*s", (int)(base - name), name);
	d = opendir(dir);
	while (d != NULL && (e = readdir(d)) != NULL && count < OLD_MAX) {
		if (strncmp(e->d_name, base, len) != 0 || e->d_name[len] != '.' || e->d_name[len + 1] != '2' ||
		    strstr(e->d_name, ".tmp") != NULL)
			continue;
		if ((old[count] = strdup(e->d_name)) != NULL)
			count++;
	}
	if (d != NULL)
		closedir(d);
	qsort(old, count, sizeof(*old), by_name);
	for (size_t i = 0; i < count; i++) {
		if (i + keep < count && snprintf(path, sizeof(path), "%s%s", dir, old[i]) < (int)sizeof(path))
			unlink(path);
		free(old[i]);
	}
}

static void *sweeper(void *arg)
{
	struct sweep *s = arg;

	if (s->path[0] != '\0' && s->compression != COMPRESS_NONE)
		compress_file(s->path, s->compression);
	if (s->keep > 0)
		sweep_old(s->name, s->keep);
	return NULL;
}

static void sweep_join(struct file_sink *f)
{
	if (f->sweep.running)
		pthread_join(f->sweep.thread, NULL);
	f->sweep.running = false;
}

/* One at a time: who rotates faster than old files can be compressed waits for that. */
static void sweep_start(struct file_sink *f, const char *rotated)
{
	struct sweep *s = &f->sweep;

	sweep_join(f);
	if ((f->compression == COMPRESS_NONE || rotated[0] == '\0') && f->keep == 0)
		return;
	snprintf(s->path, sizeof(s->path), "%s", rotated);
	snprintf(s->name, sizeof(s->name), "%s", f->path);
	s->keep = f->keep;
	s->compression = f->compression;
	s->running = pthread_create(&s->thread, NULL, sweeper, s) == 0;
}

static int file_start(struct file_sink *f)
{
	time_t now = time(NULL);
	char path[PATH_ROOM];
	struct stat st;
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
	f->size = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	free(f->path);
	f->path = strdup(path);
	if (f->rotate_s > 0)
		f->next_rotation = (now / f->rotate_s + 1) * f->rotate_s;
	return f->path ? 0 : -ENOMEM;
}

/* Renames what is there to NAME.when-number, a name that nobody has. rotated is empty where that fails. */
static void move_away(const struct file_sink *f, const struct tm *tm, char rotated[PATH_ROOM])
{
	char stamp[32], packed[PATH_ROOM + 8];

	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", tm);
	for (unsigned i = 0; i < 10000; i++) {
		if (snprintf(rotated, PATH_ROOM, "%s.%s-%04u", f->path, stamp, i) >= PATH_ROOM)
			break;
		snprintf(packed, sizeof(packed), "%s%s", rotated, compression_suffix(f->compression));
		if (access(rotated, F_OK) == 0 || access(packed, F_OK) == 0)
			continue;
		if (rename(f->path, rotated) == 0)
			return;
		break;
	}
	rotated[0] = '\0';
}

/* A name with a pattern changes by itself; any other file is renamed. */
static int rotate(struct file_sink *f)
{
	time_t now = time(NULL);
	char rotated[PATH_ROOM], fresh[PATH_ROOM];
	struct tm tm;
	int err;

	localtime_r(&now, &tm);
	if (strftime(fresh, sizeof(fresh), f->pattern, &tm) > 0 && strcmp(fresh, f->path) == 0)
		move_away(f, &tm, rotated);
	else
		snprintf(rotated, sizeof(rotated), "%s", f->path);
	err = file_start(f);
	if (err == 0)
		sweep_start(f, rotated);
	return err;
}

static int read_rotation(struct file_sink *f, const struct conf *c, char *error, size_t error_len)
{
	const char *compress = conf_str(c, "rotate.compress", "none");

	f->rotate_s = interval_seconds(conf_str(c, "rotate-interval", NULL));
	if (f->rotate_s == 0)
		f->rotate_s = interval_seconds(conf_str(c, "rotate.interval", NULL));
	f->size_max = conf_size(c, "rotate.size", 0);
	f->keep = (unsigned)conf_int(c, "rotate.count", 0);
	if (compression_find(compress, &f->compression))
		return 0;
	snprintf(error, error_len, "rotate.compress: \"%s\" can't be had; expected none, gzip or zstd", compress);
	return -EINVAL;
}

static void file_close(struct sink *s)
{
	struct file_sink *f = (struct file_sink *)s;

	sweep_join(f);
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
	int err;

	if (f == NULL)
		return -ENOMEM;
	f->sink.kind = &sink_kind_regular;
	f->fd = -1;
	f->append = conf_bool(opts->conf, "append", true);
	f->mode = mode ? (mode_t)strtol(mode, NULL, 8) : 0644;
	err = read_rotation(f, opts->conf, error, error_len);
	if (err < 0) {
		file_close(&f->sink);
		return err;
	}
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
	if (mode != NULL)
		fchmod(f->fd, f->mode);         /* whatever the umask says */
	*out = &f->sink;
	return 0;
}

/* Lines of the first records; how many are in the file as a whole. Negative: -errno. */
static int write_lines(struct file_sink *f, const struct sink_record *records, unsigned count)
{
	struct iovec iov[2 * LINES_AT_ONCE];
	unsigned n = 0, done = 0;
	uint64_t whole = f->size, left;
	ssize_t written;

	for (; n < count && n < LINES_AT_ONCE; n++) {
		iov[2 * n] = (struct iovec){ .iov_base = (void *)(uintptr_t)records[n].text, .iov_len = records[n].len };
		iov[2 * n + 1] = (struct iovec){ .iov_base = (void *)(uintptr_t)"\n", .iov_len = 1 };
	}
	do {
		written = writev(f->fd, iov, (int)(2 * n));
	} while (written < 0 && errno == EINTR);
	if (written < 0)
		return -errno;
	for (left = (uint64_t)written; done < n && left > records[done].len; done++) {
		left -= records[done].len + 1;
		whole += records[done].len + 1;
	}
	if (left > 0 && ftruncate(f->fd, (off_t)whole) < 0)
		return -errno;
	f->size = whole;
	return done > 0 ? (int)done : -ENOSPC;
}

static int file_send(struct sink *s, struct sink_record *records, unsigned count)
{
	struct file_sink *f = (struct file_sink *)s;
	unsigned done = 0;

	while (done < count) {
		int n = 0;

		if ((f->rotate_s > 0 && time(NULL) >= f->next_rotation) || (f->size_max > 0 && f->size >= f->size_max))
			n = rotate(f);
		if (n == 0)
			n = write_lines(f, records + done, count - done);
		if (n < 0) {
			sink_verdicts(records, done, count, SINK_AGAIN);
			return sink_failed(s, n, "can't write %s: %s", f->path ? f->path : f->pattern, strerror(-n));
		}
		sink_verdicts(records, done, done + (unsigned)n, SINK_SENT);
		done += (unsigned)n;
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
	return err < 0 ? sink_failed(s, err, "%s", strerror(-err)) : 0;
}

static const char *file_path(const struct sink *s)
{
	return ((const struct file_sink *)s)->path;
}

const struct sink_kind sink_kind_regular = {
	.name = "regular", .open = file_open, .send = file_send, .reopen = file_reopen, .close = file_close, .path = file_path,
};
