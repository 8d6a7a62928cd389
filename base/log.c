/* log.c - a message is formatted on the stack and leaves in one write, so that
 * lines of several threads never mix. Control characters are replaced: a message
 * may quote what came from the network, and a terminal must not obey it. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_LEN 8192

/* The one place in base/ with state of its own: where messages go is the process's. */
static _Atomic int level_max = LOG_LEVEL_NOTICE;
static int file_fd = -1;
static pthread_mutex_t file_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const level_prefix[] = { "error: ", "warning: ", "", "", "debug: " };
static const char *const level_name[] = { "error", "warning", "notice", "info", "debug" };

void log_level_set(enum log_level level)
{
	level_max = (int)level;
}

enum log_level log_level_get(void)
{
	return (enum log_level)level_max;
}

int log_file_set(const char *path)
{
	int fd = -1;

	if (path != NULL) {
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (fd < 0)
			return -errno;
	}
	pthread_mutex_lock(&file_lock);
	if (file_fd >= 0)
		close(file_fd);
	file_fd = fd;
	pthread_mutex_unlock(&file_lock);
	return 0;
}

static void write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return;                 /* nobody is left to be told */
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
}

/* text[..] as one harmless line with its newline; returns the length. */
static size_t line_finish(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			text[i] = '?';
	}
	while (len > 0 && text[len - 1] == '\n')
		len--;
	text[len] = '\n';
	return len + 1;
}

static size_t line_add(char *line, size_t at, size_t room, const char *fmt, va_list ap)
{
	int n = vsnprintf(line + at, room - at, fmt, ap);

	if (n < 0)
		return at;
	return at + (size_t)n < room ? at + (size_t)n : room - 1;
}

static void file_write(enum log_level level, const char *text, size_t len)
{
	char stamp[80];
	struct timespec now;
	struct tm tm;
	size_t at;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	at = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	at += (size_t)snprintf(stamp + at, sizeof(stamp) - at, ".%06ldZ %s: ",
			       now.tv_nsec / 1000, level_name[level]);
	write_all(file_fd, stamp, at);
	write_all(file_fd, text, len);
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX_LEN + 2];
	size_t start, len;
	int saved = errno;
	va_list ap;

	if ((int)level > level_max)
		return;
	start = (size_t)snprintf(line, LINE_MAX_LEN, "tapir: %s", level_prefix[level]);
	va_start(ap, fmt);
	len = line_add(line, start, LINE_MAX_LEN, fmt, ap);
	va_end(ap);
	len = line_finish(line, len);
	pthread_mutex_lock(&file_lock);
	write_all(STDERR_FILENO, line, len);
	if (file_fd >= 0)
		file_write(level, line + start, len - start);
	pthread_mutex_unlock(&file_lock);
	errno = saved;
}
