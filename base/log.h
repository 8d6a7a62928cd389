/* log.h - messages to a person: stderr and, where configured, a log file.
 *
 * Only the edge logs (cli/, sensor/, capture managers, sink threads); libraries
 * return codes. Thread-safe. */
#ifndef TAPIR_BASE_LOG_H
#define TAPIR_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* What is more detailed than level isn't written. Starts at NOTICE. */
void log_level_set(enum log_level level);
enum log_level log_level_get(void);
/* Also append to this file; NULL stops that. Returns 0 or -errno. */
int log_file_set(const char *path);
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
