/* lines.h - text files as people write them: read whole, taken a line at a time. */
#ifndef TAPIR_RULES_LINES_H
#define TAPIR_RULES_LINES_H

#include "base/slice.h"

/* A whole file, with a zero byte behind it, on the heap. 0 or -errno. */
int file_read(const char *path, char **out, size_t *out_len);
/* The next line, without its end; false where there is none. */
bool line_next(struct slice *rest, struct slice *line);
/* A line that ends with a backslash continues in the next: takes the backslash off *line. */
bool line_continues(struct slice *line);

#endif
