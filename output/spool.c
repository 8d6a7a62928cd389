/* spool.c - see spool.h. Segments are named by the first sequence number in them, so that what is where
 * follows from the folder alone. A run never appends to an earlier run's segment: a block that was cut
 * off by the end of a process is the last of its file. One lock serves the collector and the sender;
 * neither reads or writes more than a block under it, but for thinning, which happens when the disk is
 * full and there is nothing better to do. */
#include "output/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

#define MAGIC 0x31425054u               /* "TPB1" */
#define PATH_ROOM 4096
#define REFUSED_MAX (16u << 20)

/* The checksum is against accidents: its key needs no secret. */
static const struct hash_key sum_key = { 0x7461706972207370u, 0x6f6f6c20626c6f63u };

struct segment {
	struct segment *next;
	uint64_t first_seq;
	uint64_t size;
	bool thinned;
};

struct spool {
	pthread_mutex_t lock;
	struct spool_opts opts;
	char *dir;
	int dir_fd, lock_fd, ack_fd;
	struct segment *first, *last;
	int write_fd;                   /* of last; -1: the next block starts a segment */
	uint64_t next_seq, acked;
	uint64_t bytes, damaged;
	uint64_t synced_ns;
	bool dirty;
	int read_fd;                    /* the sender's place */
	uint64_t read_segment, read_off, read_seq;
	uint64_t shed[RECORD_TYPES_MAX];
	uint64_t refused_bytes;
};

static uint64_t block_sum(const struct block_head *b)
{
	struct block_head head = *b;
	uint64_t words[2];

	head.sum = 0;
	words[0] = hash_bytes(&sum_key, &head, sizeof(head));
	words[1] = hash_bytes(&sum_key, b + 1, b->len);
	return hash_words(&sum_key, words, 2);
}

void block_seal(struct block_head *b)
{
	b->magic = MAGIC;
	b->unused = 0;
	b->sum = block_sum(b);
}

void block_thin(struct block_head *b, uint64_t shed[RECORD_TYPES_MAX])
{
	char *in = (char *)(b + 1), *out = in, *end = in + b->len;

	b->count = 0;
	while (in < end) {
		struct record_head head = *(struct record_head *)in;
		size_t room = record_room(head.len);

		if (head.type == RECORD_TYPE_ALERT) {
			memmove(out, in, room);
			out += room;
			b->count++;
		} else {
			shed[head.type < RECORD_TYPES_MAX ? head.type : RECORD_TYPES_MAX - 1]++;
		}
		in += room;
	}
	b->len = (uint32_t)(out - (char *)(b + 1));
}

static void segment_name(uint64_t first_seq, char out[32])
{
	snprintf(out, 32, "%016" PRIx64 ".segment", first_seq);
}

static int segment_open(const struct spool *s, uint64_t first_seq, int flags)
{
	char name[32];

	segment_name(first_seq, name);
	return openat(s->dir_fd, name, flags | O_CLOEXEC, 0600);
}

static bool write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static bool block_plausible(const struct block_head *b)
{
	return b->magic == MAGIC && b->len <= BLOCK_MAX && b->len % 16 == 0;
}

/* Reads the block at *off, if it is whole and undamaged, and moves *off behind it. */
static bool block_load(int fd, uint64_t *off, struct block_head *out)
{
	if (pread(fd, out, sizeof(*out), (off_t)*off) != (ssize_t)sizeof(*out) || !block_plausible(out))
		return false;
	if (pread(fd, out + 1, out->len, (off_t)(*off + sizeof(*out))) != (ssize_t)out->len || block_sum(out) != out->sum)
		return false;
	*off += sizeof(*out) + out->len;
	return true;
}

static void segment_add(struct spool *s, uint64_t first_seq, uint64_t size)
{
	struct segment *g = calloc(1, sizeof(*g)), **at = &s->first;

	if (g == NULL)
		return;
	g->first_seq = first_seq;
	g->size = size;
	while (*at != NULL && (*at)->first_seq < first_seq)
		at = &(*at)->next;
	g->next = *at;
	*at = g;
	for (s->last = s->first; s->last->next != NULL;)
		s->last = s->last->next;
	s->bytes += size;
}

static void segment_drop_first(struct spool *s)
{
	struct segment *g = s->first;
	char name[32];

	segment_name(g->first_seq, name);
	unlinkat(s->dir_fd, name, 0);
	s->bytes -= g->size;
	s->first = g->next;
	if (s->last == g) {
		s->last = NULL;
		if (s->write_fd >= 0)
			close(s->write_fd);
		s->write_fd = -1;
	}
	if (s->read_fd >= 0 && s->read_segment == g->first_seq) {
		close(s->read_fd);
		s->read_fd = -1;
	}
	free(g);
}

/* The number behind the last block that is whole. */
static uint64_t segment_end_seq(const struct spool *s, const struct segment *g)
{
	struct block_head b;
	uint64_t off = 0, seq = g->first_seq + 1;
	int fd = segment_open(s, g->first_seq, O_RDONLY);

	while (fd >= 0 && pread(fd, &b, sizeof(b), (off_t)off) == (ssize_t)sizeof(b) && block_plausible(&b)) {
		seq = b.seq + 1;
		off += sizeof(b) + b.len;
	}
	if (fd >= 0)
		close(fd);
	return seq;
}

static void spool_scan(struct spool *s)
{
	int fd = dup(s->dir_fd);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	struct stat st;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char *end;
		uint64_t seq = strtoull(e->d_name, &end, 16);

		if (end == e->d_name + 16 && strcmp(end, ".segment") == 0 && fstatat(s->dir_fd, e->d_name, &st, 0) == 0)
			segment_add(s, seq, (uint64_t)st.st_size);
		else if (strcmp(e->d_name, "refused.json") == 0 && fstatat(s->dir_fd, e->d_name, &st, 0) == 0)
			s->refused_bytes = (uint64_t)st.st_size;
	}
	if (d != NULL)
		closedir(d);
	if (pread(s->ack_fd, &s->acked, sizeof(s->acked), 0) != (ssize_t)sizeof(s->acked))
		s->acked = 0;
	s->next_seq = s->acked;
	if (s->last != NULL) {
		uint64_t end = segment_end_seq(s, s->last);

		if (end > s->next_seq)
			s->next_seq = end;
		if (s->first->first_seq > s->acked)
			s->acked = s->first->first_seq;
	}
}

static int make_dirs(const char *path)
{
	char copy[PATH_ROOM];

	if ((size_t)snprintf(copy, sizeof(copy), "%s/", path) >= sizeof(copy))
		return -ENAMETOOLONG;
	for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

static int spool_open_dir(struct spool *s, char *error, size_t error_len)
{
	int err = make_dirs(s->dir);

	if (err == 0 && (s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		err = -errno;
	if (err == 0 && (s->lock_fd = openat(s->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
		err = -errno;
	if (err == 0 && flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		snprintf(error, error_len, "the spool %s is used by another process; give each sensor a spool.dir of its own", s->dir);
		return -EBUSY;
	}
	if (err == 0 && (s->ack_fd = openat(s->dir_fd, "acked", O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
		err = -errno;
	if (err < 0)
		snprintf(error, error_len, "the spool %s can't be used: %s", s->dir, strerror(-err));
	return err;
}

int spool_open(struct spool **out, const struct spool_opts *opts, char *error, size_t error_len)
{
	struct spool *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	s->opts = *opts;
	s->dir_fd = s->lock_fd = s->ack_fd = s->write_fd = s->read_fd = -1;
	s->dir = strdup(opts->dir);
	err = s->dir ? spool_open_dir(s, error, error_len) : -ENOMEM;
	if (err < 0) {
		spool_close(s);
		return err;
	}
	spool_scan(s);
	*out = s;
	return 0;
}

void spool_close(struct spool *s)
{
	int *fds[] = { &s->write_fd, &s->read_fd, &s->ack_fd, &s->lock_fd, &s->dir_fd };

	if (s->write_fd >= 0 && s->opts.sync != SPOOL_SYNC_NEVER)
		fdatasync(s->write_fd);
	while (s->first != NULL && s->acked >= s->next_seq && s->dir_fd >= 0)
		segment_drop_first(s);          /* all has arrived */
	while (s->first != NULL) {
		struct segment *g = s->first;

		s->first = g->next;
		free(g);
	}
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (*fds[i] >= 0)
			close(*fds[i]);
	pthread_mutex_destroy(&s->lock);
	free(s->dir);
	free(s);
}

uint64_t spool_acked(const struct spool *s)
{
	return s->acked;
}

uint64_t spool_next_seq(const struct spool *s)
{
	return s->next_seq;
}

/* Rewrites a segment without what isn't an alert. */
static void segment_thin(struct spool *s, struct segment *g, struct block_head *room)
{
	int in = segment_open(s, g->first_seq, O_RDONLY);
	int out = openat(s->dir_fd, "thinned", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint64_t off = 0, size = 0;
	bool ok = in >= 0 && out >= 0;
	char name[32];

	while (ok && block_load(in, &off, room)) {
		block_thin(room, s->shed);
		if (room->count == 0)
			continue;
		block_seal(room);
		ok = write_all(out, room, sizeof(*room) + room->len);
		size += sizeof(*room) + room->len;
	}
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	g->thinned = true;
	segment_name(g->first_seq, name);
	if (!ok || renameat(s->dir_fd, "thinned", s->dir_fd, name) < 0)
		return;
	s->bytes -= g->size - size;
	g->size = size;
}

static void segment_count_shed(struct spool *s, const struct segment *g, struct block_head *room)
{
	int fd = segment_open(s, g->first_seq, O_RDONLY);
	uint64_t off = 0;

	while (fd >= 0 && block_load(fd, &off, room)) {
		for (const char *p = (const char *)(room + 1), *end = p + room->len; p < end;) {
			const struct record_head *h = (const struct record_head *)p;

			s->shed[h->type < RECORD_TYPES_MAX ? h->type : 0]++;
			p += record_room(h->len);
		}
	}
	if (fd >= 0)
		close(fd);
}

/* One step. False: nothing more can go. The segment being read and the one being written stay. */
static bool make_room(struct spool *s, bool alerts, struct block_head *room, uint64_t *lost)
{
	struct segment *g = s->first, *oldest;

	if (g != NULL && s->read_fd >= 0 && s->read_segment == g->first_seq)
		g = g->next;
	oldest = g;
	while (g != NULL && g != s->last && g->thinned)
		g = g->next;
	if (g != NULL && g != s->last) {
		segment_thin(s, g, room);
		*lost = g->next->first_seq;
		return true;
	}
	if (!alerts || oldest == NULL || oldest == s->last)
		return false;
	segment_count_shed(s, oldest, room);
	*lost = oldest->next->first_seq;
	if (oldest != s->first) {               /* behind the one being read: unhook it */
		struct segment *read = s->first;

		s->first = oldest;
		segment_drop_first(s);
		read->next = s->first;
		s->first = read;
	} else {
		segment_drop_first(s);
	}
	return true;
}

static int segment_start(struct spool *s)
{
	if (s->write_fd >= 0) {
		if (s->opts.sync != SPOOL_SYNC_NEVER)
			fdatasync(s->write_fd);
		close(s->write_fd);
	}
	s->write_fd = segment_open(s, s->next_seq, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
	if (s->write_fd < 0)
		return -errno;
	segment_add(s, s->next_seq, 0);
	if (s->opts.sync != SPOOL_SYNC_NEVER)
		fsync(s->dir_fd);
	return 0;
}

static int append_locked(struct spool *s, struct block_head *b)
{
	size_t size = sizeof(*b) + b->len;
	int err;

	if (s->write_fd < 0 || s->last == NULL || s->last->size + size > s->opts.segment_max) {
		err = segment_start(s);
		if (err < 0)
			return err;
	}
	b->seq = s->next_seq;
	block_seal(b);
	if (!write_all(s->write_fd, b, size)) {
		err = errno ? -errno : -EIO;
		/* Not half a block: what follows would be lost with it. */
		if (ftruncate(s->write_fd, (off_t)s->last->size) < 0) {
			close(s->write_fd);
			s->write_fd = -1;
		}
		return err;
	}
	s->last->size += size;
	s->bytes += size;
	s->next_seq++;
	s->dirty = true;
	if (s->opts.sync == SPOOL_SYNC_ALWAYS)
		fdatasync(s->write_fd);
	return 0;
}

int spool_append(struct spool *s, struct block_head *b, bool alerts, uint64_t *lost)
{
	size_t size = sizeof(*b) + b->len;
	struct block_head *room = NULL;
	int err = 0;

	*lost = 0;
	pthread_mutex_lock(&s->lock);
	if (s->bytes + size > s->opts.size_max)
		room = malloc(sizeof(*room) + BLOCK_MAX);
	while (s->bytes + size > s->opts.size_max && err == 0)
		if (room == NULL || !make_room(s, alerts, room, lost))
			err = -ENOBUFS;
	if (err == 0)
		err = append_locked(s, b);
	pthread_mutex_unlock(&s->lock);
	free(room);
	return err;
}

uint64_t spool_skip(struct spool *s)
{
	pthread_mutex_lock(&s->lock);
	uint64_t seq = s->next_seq++;
	pthread_mutex_unlock(&s->lock);
	return seq;
}

static bool read_place(struct spool *s, uint64_t seq)
{
	struct segment *g = s->first;

	if (s->read_fd >= 0 && s->read_seq <= seq)
		return true;
	while (g != NULL && g->next != NULL && g->next->first_seq <= seq)
		g = g->next;
	if (g == NULL)
		return false;
	if (s->read_fd >= 0)
		close(s->read_fd);
	s->read_fd = segment_open(s, g->first_seq, O_RDONLY);
	s->read_segment = g->first_seq;
	s->read_off = 0;
	s->read_seq = g->first_seq;
	return s->read_fd >= 0;
}

/* The segment behind the one being read. */
static bool read_onwards(struct spool *s)
{
	struct segment *g = s->first;

	while (g != NULL && g->first_seq <= s->read_segment)
		g = g->next;
	if (g == NULL)
		return false;
	close(s->read_fd);
	s->read_fd = segment_open(s, g->first_seq, O_RDONLY);
	s->read_segment = g->first_seq;
	s->read_off = 0;
	s->read_seq = g->first_seq;
	return s->read_fd >= 0;
}

/* What lies behind the reader's place in its segment can't be read. */
static void read_damaged(struct spool *s)
{
	struct stat st;

	if (fstat(s->read_fd, &st) == 0 && (uint64_t)st.st_size > s->read_off) {
		s->damaged += (uint64_t)st.st_size - s->read_off;
		s->read_off = (uint64_t)st.st_size;
	}
}

int spool_read(struct spool *s, uint64_t *seq, struct block_head *out)
{
	int err = -ENODATA;

	pthread_mutex_lock(&s->lock);
	while (*seq < s->next_seq && read_place(s, *seq)) {
		if (block_load(s->read_fd, &s->read_off, out)) {
			s->read_seq = out->seq + 1;
			if (out->seq < *seq)
				continue;
			err = 0;
			break;
		}
		/* Its end; where something is left it is damaged, and only the next segment helps. */
		read_damaged(s);
		if (!read_onwards(s))
			break;
	}
	if (err < 0)
		*seq = s->next_seq;
	pthread_mutex_unlock(&s->lock);
	return err;
}

void spool_ack(struct spool *s, uint64_t seq)
{
	pthread_mutex_lock(&s->lock);
	if (seq > s->acked) {
		s->acked = seq;
		if (pwrite(s->ack_fd, &s->acked, sizeof(s->acked), 0) < 0)
			s->dirty = true;        /* then it is sent twice after a crash */
		while (s->first != NULL && s->first->next != NULL && s->first->next->first_seq <= seq)
			segment_drop_first(s);
		if (s->first != NULL && s->first->next == NULL && seq >= s->next_seq && s->first->size > s->opts.segment_max / 2)
			segment_drop_first(s);
	}
	pthread_mutex_unlock(&s->lock);
}

void spool_tick(struct spool *s, uint64_t now_ns)
{
	if (s->opts.sync != SPOOL_SYNC_INTERVAL || now_ns - s->synced_ns < s->opts.sync_ns)
		return;
	/* The collector alone writes and closes write_fd, but for spool_ack when all has arrived. */
	pthread_mutex_lock(&s->lock);
	if (s->dirty && s->write_fd >= 0)
		fdatasync(s->write_fd);
	s->dirty = false;
	s->synced_ns = now_ns;
	pthread_mutex_unlock(&s->lock);
}

void spool_stats(struct spool *s, struct spool_stats *out)
{
	pthread_mutex_lock(&s->lock);
	out->bytes = s->bytes;
	out->damaged = s->damaged;
	out->segments = 0;
	for (const struct segment *g = s->first; g != NULL; g = g->next)
		out->segments++;
	memcpy(out->shed, s->shed, sizeof(out->shed));
	pthread_mutex_unlock(&s->lock);
}

void spool_refused(struct spool *s, const char *text, size_t len)
{
	int fd;

	if (s->refused_bytes + len + 1 > REFUSED_MAX) {
		renameat(s->dir_fd, "refused.json", s->dir_fd, "refused.json.1");
		s->refused_bytes = 0;
	}
	fd = openat(s->dir_fd, "refused.json", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write_all(fd, text, len) && write_all(fd, "\n", 1))
		s->refused_bytes += len + 1;
	close(fd);
}
