/* cache_test.c - compiled rules on disk: what was written is found again; what was damaged, or could be somebody else's, isn't. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "rules/cache.h"

struct place {
	char dir[64], cache[128];
};

static void place_init(struct place *p)
{
	snprintf(p->dir, sizeof(p->dir), "/tmp/tapir-cache-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	/* Two levels that aren't there yet. */
	snprintf(p->cache, sizeof(p->cache), "%s/a/b", p->dir);
}

static void place_fini(struct place *p)
{
	char command[160];

	snprintf(command, sizeof(command), "rm -rf %s", p->dir);
	assert_int_equal(system(command), 0);
}

static struct cache_key key_of(uint8_t n)
{
	struct cache_key k;

	memset(k.bytes, n, sizeof(k.bytes));
	return k;
}

static void write_some(const struct place *p, uint8_t set, unsigned count)
{
	struct cache_entry entries[16];
	char texts[16][32];
	struct cache_key key = key_of(set);

	for (unsigned i = 0; i < count; i++) {
		snprintf(texts[i], sizeof(texts[i]), "bytes of %u", i);
		/* Not in order: the file is. */
		entries[i] = (struct cache_entry){ key_of((uint8_t)(200 - i)), slice_str(texts[i]) };
	}
	assert_int_equal(cache_write(p->cache, &key, entries, count), 0);
}

static char *only_file(const struct place *p, char *out, size_t size)
{
	DIR *d = opendir(p->cache);

	assert_non_null(d);
	out[0] = '\0';
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.')
			snprintf(out, size, "%s/%.60s", p->cache, e->d_name);
	closedir(d);
	assert_true(out[0] != '\0');
	return out;
}

static unsigned files(const struct place *p)
{
	DIR *d = opendir(p->cache);
	unsigned n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void written_is_found(void **state)
{
	struct cache_key set = key_of(1), other = key_of(2), one;
	char path[300];
	struct cache *c;
	struct place p;
	struct slice s;
	struct stat st;

	(void)state;
	place_init(&p);
	assert_int_equal(cache_open(&c, p.cache, &set), CACHE_OPEN);
	assert_null(c);
	assert_false(cache_is_current(NULL));
	one = key_of(200);
	assert_false(cache_find(NULL, &one, &s));
	write_some(&p, 1, 16);
	assert_int_equal(cache_open(&c, p.cache, &set), CACHE_OPEN);
	assert_true(cache_is_current(c));
	for (unsigned i = 0; i < 16; i++) {
		char text[32];

		one = key_of((uint8_t)(200 - i));
		snprintf(text, sizeof(text), "bytes of %u", i);
		assert_true(cache_find(c, &one, &s));
		assert_true(slice_eq(s, slice_str(text)));
	}
	one = key_of(3);
	assert_false(cache_find(c, &one, &s));
	assert_false(cache_is_damaged(c));
	cache_close(c);
	/* Another set has some of the same. */
	assert_int_equal(cache_open(&c, p.cache, &other), CACHE_OPEN);
	assert_non_null(c);
	assert_false(cache_is_current(c));
	one = key_of(200);
	assert_true(cache_find(c, &one, &s));
	cache_close(c);
	assert_int_equal(stat(p.cache, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(only_file(&p, path, sizeof(path)), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* Few are kept. */
	for (uint8_t i = 10; i < 30; i++)
		write_some(&p, i, 1);
	assert_true(files(&p) <= 5);
	place_fini(&p);
}

/* Each byte of a file changed, and the file cut at each length: nothing wrong is ever given out. */
static void damage_is_noticed(void **state)
{
	struct cache_key set = key_of(1), one = key_of(200);
	uint8_t bytes[4096];
	char path[300];
	struct place p;
	ssize_t len;
	int fd;

	(void)state;
	place_init(&p);
	write_some(&p, 1, 3);
	only_file(&p, path, sizeof(path));
	fd = open(path, O_RDONLY);
	len = read(fd, bytes, sizeof(bytes));
	close(fd);
	assert_true(len > 0 && len < (ssize_t)sizeof(bytes));
	for (ssize_t i = 0; i < 2 * len; i++) {
		enum cache_answer answer;
		bool found = false;
		struct cache *c;
		struct slice s;

		fd = open(path, O_WRONLY | O_TRUNC);
		if (i < len)
			bytes[i] ^= 0x41;
		assert_int_equal(write(fd, bytes, (size_t)(i < len ? len : i - len)), i < len ? len : i - len);
		close(fd);
		if (i < len)
			bytes[i] ^= 0x41;
		answer = cache_open(&c, p.cache, &set);
		for (uint8_t k = 0; k < 3; k++) {
			char text[32];

			one = key_of((uint8_t)(200 - k));
			snprintf(text, sizeof(text), "bytes of %u", k);
			if (!cache_find(c, &one, &s))
				found = true;
			else if (!slice_eq(s, slice_str(text)))
				fail_msg("byte %zd", i);
		}
		/* Something is missing, and that is told. */
		assert_true(found);
		if (answer == CACHE_OPEN && !cache_is_damaged(c) && c != NULL)
			fail_msg("byte %zd: damaged, and nobody says so", i);
		cache_close(c);
	}
	place_fini(&p);
}

static void others_are_not_trusted(void **state)
{
	struct cache_key set = key_of(1);
	char path[300], link[400];
	struct cache *c;
	struct place p;

	(void)state;
	place_init(&p);
	write_some(&p, 1, 3);
	only_file(&p, path, sizeof(path));
	assert_int_equal(chmod(path, 0620), 0);
	assert_int_equal(cache_open(&c, p.cache, &set), CACHE_FOREIGN);
	assert_null(c);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(chmod(p.cache, 0777), 0);
	assert_int_equal(cache_open(&c, p.cache, &set), CACHE_FOREIGN);
	assert_null(c);
	assert_int_equal(chmod(p.cache, 0700), 0);
	assert_int_equal(cache_open(&c, p.cache, &set), CACHE_OPEN);
	assert_non_null(c);
	cache_close(c);
	/* A link isn't followed. */
	snprintf(link, sizeof(link), "%s.away", path);
	assert_int_equal(rename(path, link), 0);
	assert_int_equal(symlink(link, path), 0);
	assert_int_equal(cache_open(&c, p.cache, &set), CACHE_OPEN);
	assert_null(c);
	place_fini(&p);
}

static void what_cannot_be_written(void **state)
{
	struct cache_key set = key_of(1);
	struct place p;
	int fd;

	(void)state;
	place_init(&p);
	fd = open(p.cache, O_RDONLY);
	assert_true(fd < 0);
	snprintf(p.cache, sizeof(p.cache), "%s/file", p.dir);
	fd = open(p.cache, O_WRONLY | O_CREAT, 0600);
	close(fd);
	assert_true(cache_write(p.cache, &set, NULL, 0) < 0);
	place_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_is_found),
		cmocka_unit_test(damage_is_noticed),
		cmocka_unit_test(others_are_not_trusted),
		cmocka_unit_test(what_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
