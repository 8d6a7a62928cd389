#include "base/conf.h"

#include <errno.h>

#include "base/check.h"

static void sizes(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint64_t bytes;
	} rows[] = {
		{ "0", 0, 0 }, { "123", 0, 123 }, { "100kb", 0, 102400 }, { "32 MiB", 0, 32 << 20 },
		{ "1gb", 0, 1 << 30 }, { " 1.5 kb ", 0, 1536 }, { "4K", 0, 4096 }, { "10b", 0, 10 },
		{ "", -EINVAL, 0 }, { "mb", -EINVAL, 0 }, { "5 apples", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 }, { "1 kb 2", -EINVAL, 0 }, { "99999999999999999999", -EINVAL, 0 },
		{ "9999999tb", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t bytes = 0;

		assert_int_equal(conf_parse_size(rows[i].text, &bytes), rows[i].err);
		assert_int_equal(bytes, rows[i].bytes);
	}
}

static void booleans_and_numbers(void **state)
{
	int64_t v = 0;
	bool b = false;

	(void)state;
	assert_int_equal(conf_parse_bool("Yes", &b), 0);
	assert_true(b);
	assert_int_equal(conf_parse_bool("off", &b), 0);
	assert_false(b);
	assert_int_equal(conf_parse_bool("maybe", &b), -EINVAL);
	assert_int_equal(conf_parse_int("-12", &v), 0);
	assert_int_equal(v, -12);
	assert_int_equal(conf_parse_int("0x10 ", &v), 0);
	assert_int_equal(v, 16);
	assert_int_equal(conf_parse_int("12a", &v), -EINVAL);
	assert_int_equal(conf_parse_int("", &v), -EINVAL);
	assert_int_equal(conf_parse_int("99999999999999999999", &v), -EINVAL);
}

/* outputs: [ {fast: {enabled: no}}, {eve-log: {filename: eve.json, types: [alert]}} ] */
static struct conf *sample(void)
{
	struct conf *root = conf_new();
	struct conf *list = conf_add(root, "outputs", NULL);
	struct conf *fast, *eve, *types;

	list->is_list = true;
	fast = conf_add(conf_add(list, "0", NULL), "fast", NULL);
	conf_add(fast, "enabled", "no");
	eve = conf_add(conf_add(list, "1", NULL), "eve-log", NULL);
	conf_add(eve, "filename", "eve.json");
	conf_add(eve, "limit", "2kb");
	conf_add(eve, "rotate", "7");
	types = conf_add(eve, "types", NULL);
	types->is_list = true;
	conf_add(types, "0", "alert");
	return root;
}

static void finding(void **state)
{
	struct conf *root = sample();

	(void)state;
	assert_string_equal(conf_str(root, "outputs.1.eve-log.filename", ""), "eve.json");
	assert_string_equal(conf_str(root, "outputs.eve-log.filename", ""), "eve.json");
	assert_string_equal(conf_str(root, "outputs.eve-log.types.0", ""), "alert");
	assert_string_equal(conf_str(root, "outputs.eve-log.nothing", "else"), "else");
	assert_string_equal(conf_str(root, "outputs.eve-log", "else"), "else");
	assert_null(conf_find(root, ""));
	assert_null(conf_find(root, "outputs..x"));
	assert_null(conf_find(NULL, "x"));
	assert_false(conf_bool(root, "outputs.fast.enabled", true));
	assert_int_equal(conf_size(root, "outputs.eve-log.limit", 0), 2048);
	assert_int_equal(conf_int(root, "outputs.eve-log.rotate", 0), 7);
	assert_int_equal(conf_int(root, "outputs.eve-log.filename", 5), 5);
	assert_true(conf_find(root, "outputs")->used);
	assert_ptr_equal(conf_child(root, "outputs"), root->first);
	assert_null(conf_child(root, "out"));
	conf_free(root);
}

static void reading_marks_as_used(void **state)
{
	struct conf *root = sample();

	(void)state;
	conf_str(root, "outputs.eve-log.filename", NULL);
	assert_true(root->first->last->first->first->used);
	assert_true(root->first->last->used);
	assert_false(root->first->first->used);
	conf_free(root);
}

static void setting(void **state)
{
	static const struct {
		const char *path, *value;
		int err;
	} rows[] = {
		{ "outputs.1.eve-log.filename", "other.json", 0 },
		{ "outputs.eve-log.types.1", "dns", 0 },
		{ "outputs.eve-log.types.3", "tls", -ERANGE },
		{ "outputs.eve-log.types.name", "tls", -EINVAL },
		{ "vars.address-groups.HOME_NET", "[10.0.0.0/8]", 0 },
		{ "list.0.name", "a", 0 },
		{ "list.1.name", "b", 0 },
		{ "", "x", -EINVAL },
		{ "a..b", "x", -EINVAL },
		{ "outputs.0", "console", 0 },
	};
	struct conf *root = sample();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(conf_set(root, rows[i].path, rows[i].value), rows[i].err);
		if (rows[i].err == 0)
			assert_string_equal(conf_str(root, rows[i].path, ""), rows[i].value);
	}
	assert_true(conf_find(root, "list")->is_list);
	assert_null(conf_find(root, "outputs.fast"));
	conf_remove(conf_find(root, "outputs.1"));
	assert_null(conf_find(root, "outputs.eve-log"));
	assert_string_equal(root->first->last->name, "0");
	conf_free(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(booleans_and_numbers),
		cmocka_unit_test(finding),
		cmocka_unit_test(reading_marks_as_used),
		cmocka_unit_test(setting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
