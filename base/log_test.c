/* What reaches the log file: level, one line a message, nothing a terminal obeys. */
#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"

static void a_file_gets_the_lines(void **state)
{
	char path[] = "/tmp/tapir-log-XXXXXX", text[1024] = { 0 };
	int fd = mkstemp(path), quiet = open("/dev/null", O_WRONLY), saved = dup(STDERR_FILENO);

	(void)state;
	assert_true(fd >= 0 && quiet >= 0 && saved >= 0);
	dup2(quiet, STDERR_FILENO);
	assert_int_equal(log_file_set(path), 0);
	assert_int_equal(log_level_get(), LOG_LEVEL_NOTICE);
	log_error("one %d", 1);
	log_info("not this");
	log_warning("esc \x1b[31m\n");
	log_level_set(LOG_LEVEL_INFO);
	log_info("this");
	log_level_set(LOG_LEVEL_NOTICE);
	assert_int_equal(log_file_set(NULL), 0);
	log_error("nor this");
	dup2(saved, STDERR_FILENO);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "Z error: one 1\n"));
	assert_non_null(strstr(text, "Z warning: esc ?[31m\n"));
	assert_non_null(strstr(text, "Z info: this\n"));
	assert_null(strstr(text, "not this"));
	assert_null(strstr(text, "nor this"));
	assert_true(log_file_set("/nowhere/at/all") < 0);
	unlink(path);
	close(fd);
	close(quiet);
	close(saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_file_gets_the_lines) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
