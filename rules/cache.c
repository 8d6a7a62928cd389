/* cache.c - see cache.h. A file: magic, count, a table of (key, offset, length, hash of the bytes), a hash of all this,
 * then the bytes. Numbers are this machine's: a file never travels. */
#include "rules/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

#define FILES_KEPT 4
#define ENTRIES_MAX 100000u

static const char magic[16] = "tapir rules db 1";
/* Against damage, not against an enemy: who can write here can write the rules. */
static const struct hash_key checksum_key = { 0x7461706972206462ull, 0x636163686520763full };

struct file_head {
	char magic[16];
	struct cache_key set;
	uint64_t count;
	uint64_t checksum;              /* of the table and of this head with checksum 0 */
};

struct file_entry {
	struct cache_key key;
	uint64_t offset, len, checksum;
};

struct cache {
	uint8_t *map;
	size_t len;
	const struct file_entry *entries;
	uint64_t count;
	bool current, damaged;
};

static void path_of(char *out, size_t size, const char *dir, const struct cache_key *set, const char *suffix)
{
	char name[33];

	for (unsigned i = 0; i < 16; i++)
		snprintf(name + 2 * i, 3, "%02x", set->bytes[i]);
	snprintf(out, size, "%s/rules-%s.db%s", dir, name, suffix);
}

static uint64_t head_checksum(const struct file_head *head, const struct file_entry *entries)
{
	struct file_head bare = *head;

	bare.checksum = 0;
	return hash_bytes(&checksum_key, &bare, sizeof(bare)) ^
	       hash_bytes(&checksum_key, entries, head->count * sizeof(*entries));
}

static bool map_is_sound(const struct cache *c)
{
	const struct file_head *head = (const struct file_head *)(const void *)c->map;

	if (c->len < sizeof(*head) || memcmp(head->magic, magic, sizeof(magic)) != 0 || head->count > ENTRIES_MAX ||
	    head->count * sizeof(struct file_entry) > c->len - sizeof(*head))
		return false;
	return head->checksum == head_checksum(head, (const struct file_entry *)(const void *)(head + 1));
}

/* Written by nobody but us or the superuser. */
static bool is_private(const struct stat *st)
{
	return (st->st_uid == geteuid() || st->st_uid == 0) && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

static enum cache_answer file_map(struct cache *c, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(struct file_head))
		return CACHE_DAMAGED;
	if (!is_private(&st))
		return CACHE_FOREIGN;
	c->len = (size_t)st.st_size;
	c->map = mmap(NULL, c->len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (c->map == MAP_FAILED)
		return CACHE_DAMAGED;
	if (!map_is_sound(c)) {
		munmap(c->map, c->len);
		return CACHE_DAMAGED;
	}
	c->entries = (const struct file_entry *)(const void *)(c->map + sizeof(struct file_head));
	c->count = ((const struct file_head *)(const void *)c->map)->count;
	return CACHE_OPEN;
}

/* *out NULL where there is no such file, too. */
static enum cache_answer file_open(struct cache **out, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	enum cache_answer answer = CACHE_OPEN;
	struct cache *c;

	*out = NULL;
	if (fd < 0)
		return CACHE_OPEN;
	c = calloc(1, sizeof(*c));
	if (c != NULL)
		answer = file_map(c, fd);
	close(fd);
	if (answer != CACHE_OPEN)
		free(c);
	else
		*out = c;
	return answer;
}

static bool is_ours(const char *name)
{
	size_t len = strlen(name);

	return len == 41 && !strncmp(name, "rules-", 6) && !strcmp(name + len - 3, ".db");
}

/* Calls back with each file of ours; returns the newest's name in *newest (free it). */
static void newest_find(const char *dir, char *newest, size_t size)
{
	DIR *d = opendir(dir);
	struct timespec best = { 0 };

	newest[0] = '\0';
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		struct stat st;

		if (!is_ours(e->d_name) || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (st.st_mtim.tv_sec > best.tv_sec ||
		    (st.st_mtim.tv_sec == best.tv_sec && st.st_mtim.tv_nsec > best.tv_nsec)) {
			best = st.st_mtim;
			snprintf(newest, size, "%s/%s", dir, e->d_name);
		}
	}
	if (d != NULL)
		closedir(d);
}

enum cache_answer cache_open(struct cache **out, const char *dir, const struct cache_key *set)
{
	enum cache_answer answer;
	char path[4096], newest[4096];
	struct stat st;

	*out = NULL;
	if (stat(dir, &st) < 0)
		return CACHE_OPEN;
	if (!is_private(&st))
		return CACHE_FOREIGN;
	path_of(path, sizeof(path), dir, set, "");
	answer = file_open(out, path);
	if (*out != NULL) {
		(*out)->current = !memcmp(&((const struct file_head *)(const void *)(*out)->map)->set, set, sizeof(*set));
		return answer;
	}
	newest_find(dir, newest, sizeof(newest));
	if (newest[0] && strcmp(newest, path) != 0 && file_open(out, newest) != CACHE_OPEN && answer == CACHE_OPEN)
		answer = CACHE_DAMAGED;
	return answer;
}

bool cache_is_current(const struct cache *c)
{
	return c != NULL && c->current;
}

bool cache_is_damaged(const struct cache *c)
{
	return c != NULL && c->damaged;
}

bool cache_find(struct cache *c, const struct cache_key *key, struct slice *out)
{
	uint64_t lo = 0, hi = c ? c->count : 0;

	while (lo < hi) {
		uint64_t mid = (lo + hi) / 2;
		const struct file_entry *e = &c->entries[mid];
		int order = memcmp(key, &e->key, sizeof(*key));

		if (order == 0) {
			bool sound = e->offset <= c->len && e->len <= c->len - e->offset;

			*out = sound ? slice_of(c->map + e->offset, e->len) : slice_of(NULL, 0);
			sound = sound && hash_bytes(&checksum_key, out->data, out->len) == e->checksum;
			c->damaged |= !sound;
			return sound;
		}
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}

void cache_close(struct cache *c)
{
	if (c == NULL)
		return;
	munmap(c->map, c->len);
	free(c);
}

static int entry_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct cache_key));
}

/* All but the newest few go. */
static void old_remove(const char *dir)
{
	for (unsigned rounds = 0; rounds < 64; rounds++) {
		DIR *d = opendir(dir);
		char oldest[256] = "";
		struct timespec best = { 0 };
		unsigned count = 0;

		if (d == NULL)
			return;
		for (struct dirent *e; (e = readdir(d)) != NULL;) {
			struct stat st;

			if (!is_ours(e->d_name) || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
				continue;
			if (count++ == 0 || st.st_mtim.tv_sec < best.tv_sec ||
			    (st.st_mtim.tv_sec == best.tv_sec && st.st_mtim.tv_nsec < best.tv_nsec)) {
				best = st.st_mtim;
				snprintf(oldest, sizeof(oldest), "%s", e->d_name);
			}
		}
		if (count > FILES_KEPT)
			unlinkat(dirfd(d), oldest, 0);
		closedir(d);
		if (count <= FILES_KEPT + 1)
			return;
	}
}

static int put(int fd, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int file_write(int fd, const struct cache_key *set, const struct cache_entry *entries, unsigned count)
{
	struct file_head head = { .set = *set, .count = count };
	struct file_entry *table = calloc(count ? count : 1, sizeof(*table));
	uint64_t offset = sizeof(head) + count * sizeof(*table);
	int err;

	if (table == NULL)
		return -ENOMEM;
	memcpy(head.magic, magic, sizeof(magic));
	for (unsigned i = 0; i < count; i++) {
		table[i].key = entries[i].key;
		table[i].offset = offset;
		table[i].len = entries[i].bytes.len;
		table[i].checksum = hash_bytes(&checksum_key, entries[i].bytes.data, entries[i].bytes.len);
		offset += entries[i].bytes.len;
	}
	qsort(table, count, sizeof(*table), entry_order);
	head.checksum = head_checksum(&head, table);
	err = put(fd, &head, sizeof(head));
	if (err == 0)
		err = put(fd, table, count * sizeof(*table));
	for (unsigned i = 0; err == 0 && i < count; i++)
		err = put(fd, entries[i].bytes.data, entries[i].bytes.len);
	free(table);
	return err;
}

static int directory_make(const char *dir)
{
	char path[4096];
	size_t len = strlen(dir);

	if (len >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, dir, len + 1);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		path[i] = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
		path[i] = dir[i];
	}
	return 0;
}

int cache_write(const char *dir, const struct cache_key *set, const struct cache_entry *entries, unsigned count)
{
	char path[4096], draft[4096], suffix[32];
	int fd, err = directory_make(dir);

	if (err < 0)
		return err;
	snprintf(suffix, sizeof(suffix), ".%ld", (long)getpid());
	path_of(path, sizeof(path), dir, set, "");
	path_of(draft, sizeof(draft), dir, set, suffix);
	unlink(draft);
	fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	err = file_write(fd, set, entries, count);
	if (close(fd) < 0 && err == 0)
		err = -errno;
	if (err == 0 && rename(draft, path) < 0)
		err = -errno;
	if (err < 0)
		unlink(draft);
	else
		old_remove(dir);
	return err;
}
