/* lines.c - text files a line at a time. */
#include "rules/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Nobody writes more than this by hand, and a device file never ends. */
#define FILE_SIZE_MAX ((size_t)1 << 30)

/* A whole file, with a zero byte behind it. */
int file_read(const char *path, char **out, size_t *out_len)
{
	FILE *f = fopen(path, "re");
	size_t len = 0, cap = 0, n;
	char *text = NULL;
	struct stat st;
	int err;

	if (f == NULL)
		return -errno;
	if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
		fclose(f);
		return -EISDIR;
	}
	do {
		if (len + 65536 + 1 > cap) {
			char *bigger;

			cap = cap ? cap * 2 : (S_ISREG(st.st_mode) && st.st_size > 0 &&
					       (size_t)st.st_size < FILE_SIZE_MAX ? (size_t)st.st_size : 0) + 65536 * 2;
			bigger = cap <= FILE_SIZE_MAX ? realloc(text, cap) : NULL;
			if (bigger == NULL) {
				free(text);
				fclose(f);
				return -EFBIG;
			}
			text = bigger;
		}
		n = fread(text + len, 1, 65536, f);
		len += n;
	} while (n > 0);
	err = ferror(f) ? -EIO : 0;
	fclose(f);
	if (err < 0) {
		free(text);
		return err;
	}
	text[len] = '\0';
	*out = text;
	*out_len = len;
	return 0;
}

bool line_next(struct slice *rest, struct slice *line)
{
	const uint8_t *end;

	if (rest->len == 0)
		return false;
	end = memchr(rest->data, '\n', rest->len);
	*line = slice_of(rest->data, end != NULL ? (size_t)(end - rest->data) : rest->len);
	*rest = end != NULL ? slice_of(end + 1, rest->len - line->len - 1) : slice_of(NULL, 0);
	return true;
}

/* A line that ends with a backslash continues in the next: without it, *line. */
bool line_continues(struct slice *line)
{
	struct slice s = *line;

	while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t' || s.data[s.len - 1] == '\r'))
		s.len--;
	if (s.len == 0 || s.data[s.len - 1] != '\\')
		return false;
	*line = slice_of(s.data, s.len - 1);
	return true;
}
