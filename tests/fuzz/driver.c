/* driver.c - a fuzz target without libFuzzer: every file of the folders named on the
 * command line, whole, cut short, and with some of its bytes changed. The changes
 * follow from the file's content, so that each run is the same. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (1 << 20)
#define DAMAGES_MAX 60
#define SECONDS_MAX 20

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *seed >> 33;
}

/* An exact copy each time: the sanitizer sees a read one byte too far. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	must(copy != NULL);
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void run_damaged(uint8_t *data, size_t size, time_t until)
{
	uint64_t seed = size;

	for (size_t i = 0; i < size; i++)
		seed = seed * 31 + data[i];
	for (unsigned i = 0; i < DAMAGES_MAX && size > 0 && time(NULL) < until; i++) {
		uint8_t kept[4];
		size_t at[4];

		if (i % 3 == 0) {
			run(data, next_random(&seed) % size);
			continue;
		}
		for (unsigned k = 0; k < 4; k++) {
			at[k] = next_random(&seed) % size;
			kept[k] = data[at[k]];
			if (i % 3 == 1)
				data[at[k]] = (uint8_t)next_random(&seed);
			else
				data[at[k]] ^= (uint8_t)(1 << next_random(&seed) % 8);
		}
		run(data, size);
		for (unsigned k = 4; k-- > 0;)
			data[at[k]] = kept[k];
	}
}

static void run_file(const char *path, time_t until)
{
	uint8_t *data = malloc(INPUT_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size;

	must(data != NULL && fd >= 0);
	size = read(fd, data, INPUT_MAX);
	must(size >= 0);
	close(fd);
	run(data, (size_t)size);
	run_damaged(data, (size_t)size, until);
	free(data);
}

static unsigned run_folder(const char *folder, time_t until)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	unsigned count = 0;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		char path[4096];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		run_file(path, until);
		count++;
	}
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	time_t until = time(NULL) + SECONDS_MAX;
	unsigned count = 0;

	run((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		count += run_folder(argv[i], until);
	printf("%u seeds\n", count);
	return 0;
}
