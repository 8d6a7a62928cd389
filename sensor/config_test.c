/* config_test.c - rows: YAML text and --set in, a value at a path or a message out. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sensor/config.h"

struct row {
	const char *text;
	const char *set;
	const char *path;
	const char *value;      /* NULL: not there, or without a value */
};

static const struct row rows[] = {
	{ "a: 1\n", NULL, "a", "1" },
	{ "%YAML 1.1\n---\na:\n  b: x\n", NULL, "a.b", "x" },
	{ "%YAML 1.1\n---\n", "a.b=2", "a.b", "2" },
	{ "", "a=b", "a", "b" },
	{ "a: ~\n", NULL, "a", NULL },
	{ "a: \"~\"\n", NULL, "a", "~" },
	{ "a: 1\na: 2\n", NULL, "a", "2" },
	{ "a: {b: 1}\na: {c: 2}\n", NULL, "a.b", NULL },
	{ "a_b: 1\n", NULL, "a-b", "1" },
	{ "vars:\n  address-groups:\n    HOME_NET: any\n", NULL, "vars.address-groups.HOME_NET", "any" },
	{ "outputs:\n  - fast:\n      enabled: no\n  - eve-log:\n      filename: x\n", NULL, "outputs.1.eve-log.filename", "x" },
	{ "outputs:\n  - fast:\n      enabled: no\n  - eve-log:\n      filename: x\n", "outputs.1.eve-log.filename=y",
	  "outputs.eve-log.filename", "y" },
	{ "l: [a, b]\n", NULL, "l.1", "b" },
	{ "l: [a, b]\n", "l.2=c", "l.2", "c" },
	{ "l: [a, flow]\n", "l.1.enabled=no", "l.1.enabled", "no" },
	{ "a: &x {b: 1, c: [p, q]}\nd: *x\n", NULL, "d.c.1", "q" },
	{ "a: &x 7\nd: *x\n", NULL, "d", "7" },
	{ "a: &x {b: 1}\nd:\n  b: 2\n  <<: *x\n", NULL, "d.b", "2" },
	{ "a: &x {b: 1, e: 3}\nd:\n  b: 2\n  <<: *x\n", NULL, "d.e", "3" },
	{ "a: 1\n", "a = 5", "a", "5" },
};

static void values(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config *config = calloc(1, sizeof(*config));
		const char *got;

		config->root = conf_new();
		if (config_yaml_text(config, "t.yaml", rows[i].text, strlen(rows[i].text)) < 0)
			fail_msg("row %zu: %s", i, config->error);
		if (rows[i].set != NULL && config_set(config, rows[i].set) < 0)
			fail_msg("row %zu: %s", i, config->error);
		got = conf_str(config->root, rows[i].path, NULL);
		if ((got == NULL) != (rows[i].value == NULL) || (got && strcmp(got, rows[i].value) != 0))
			fail_msg("row %zu: %s is %s", i, rows[i].path, got ? got : "not there");
		config_free(config);
	}
}

static const struct {
	const char *text;
	const char *error;      /* how the message begins */
} mistakes[] = {
	{ "a: [1\n", "t.yaml:2:1: not valid YAML: " },
	{ "a: 1\n b: 2\n", "t.yaml:2:3: not valid YAML: " },
	{ "a: \"x\n", "t.yaml:2:1: not valid YAML: " },
	{ "- a\n", "t.yaml:1:1: expected \"key: value\"" },
	{ "just words\n", "t.yaml:1:1: expected \"key: value\"" },
	{ "a: 1\n---\nb: 2\n", "t.yaml:2:1: a second document" },
	{ "a: *nobody\n", "t.yaml:1:4: an alias to an anchor that isn't there" },
	{ "a: &x\n  b: *x\n", "t.yaml:2:6: an alias to what it is part of" },
	{ "include:\n  a: b\n", "t.yaml:2:3: expected the name of a file to include" },
	{ "stream:\n  memcap: lots\n", "t.yaml:2:11: stream.memcap: expected a size such as 64mb, found \"lots\"" },
	{ "stats:\n  interval: often\n", "t.yaml:2:13: stats.interval: expected a number, found \"often\"" },
	{ "outputs:\n- eve-log: {enabled: maybe}\n", "t.yaml:2:22: outputs.0.eve-log.enabled: expected yes or no" },
};

static void messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
		struct config *config = calloc(1, sizeof(*config));
		int err;

		config->root = conf_new();
		err = config_yaml_text(config, "t.yaml", mistakes[i].text, strlen(mistakes[i].text));
		if (err == 0)
			err = config_check(config);
		if (err == 0 || strncmp(config->error, mistakes[i].error, strlen(mistakes[i].error)) != 0)
			fail_msg("row %zu: %d, %s", i, err, config->error);
		config_free(config);
	}
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static void includes(void **state)
{
	static const char *const sets[] = { "set.here=1" };
	static const char *const files[] = { "main.yaml", "base.yaml", "more.yaml", "nested.yaml", "loop.yaml" };
	char dir[] = "/tmp/tapir-config-XXXXXX";
	struct config *config;
	char path[256];

	(void)state;
	assert_non_null(mkdtemp(dir));
	write_file(dir, "main.yaml", "include: [base.yaml, more.yaml]\na: main\nb:\n  include: nested.yaml\n");
	write_file(dir, "base.yaml", "a: base\nc: base\n");
	write_file(dir, "more.yaml", "c: more\n");
	write_file(dir, "nested.yaml", "d: 5\n");
	write_file(dir, "loop.yaml", "include: loop.yaml\n");
	snprintf(path, sizeof(path), "%s/main.yaml", dir);
	assert_int_equal(config_load(&config, path, NULL, 0, sets, 1), 0);
	assert_string_equal(conf_str(config->root, "a", ""), "main");
	assert_string_equal(conf_str(config->root, "c", ""), "more");
	assert_string_equal(conf_str(config->root, "b.d", ""), "5");
	assert_string_equal(conf_str(config->root, "set.here", ""), "1");
	config_free(config);
	snprintf(path, sizeof(path), "%s/loop.yaml", dir);
	assert_int_not_equal(config_load(&config, path, NULL, 0, NULL, 0), 0);
	assert_non_null(strstr(config->error, "includes are nested too deeply"));
	config_free(config);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	rmdir(dir);
}

/* An anchor that doubles itself line by line ends in a message, not in all memory. */
static void doubling(void **state)
{
	char text[2048] = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
	struct config *config = calloc(1, sizeof(*config));

	(void)state;
	for (unsigned i = 1; i < 10; i++) {
		size_t at = strlen(text);

		snprintf(text + at, sizeof(text) - at, "a%u: &a%u [*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u]\n", i, i,
			 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	}
	config->root = conf_new();
	assert_int_not_equal(config_yaml_text(config, "t.yaml", text, strlen(text)), 0);
	assert_non_null(strstr(config->error, "too large"));
	config_free(config);
}

static void builtin_loads(void **state)
{
	struct config *config;

	(void)state;
	assert_int_equal(config_load(&config, NULL, NULL, 0, NULL, 0), 0);
	assert_int_equal(config_check(config), 0);
	assert_true(conf_bool(config->root, "outputs.eve-log.enabled", false));
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values), cmocka_unit_test(messages), cmocka_unit_test(includes),
		cmocka_unit_test(doubling), cmocka_unit_test(builtin_loads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
