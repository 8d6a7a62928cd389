#include "base/bytes.h"

#include "base/check.h"

static void appending_and_dropping(void **state)
{
	struct mem *m = mem_new();
	struct budget b;
	struct bytes run = { 0 };

	(void)state;
	budget_init(&b, m, "analyzer", 0);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(bytes_append_u8(&run, &b, (uint8_t)i));
	assert_true(bytes_append(&run, &b, "end", 3));
	assert_true(bytes_append(&run, &b, NULL, 0));
	assert_int_equal(run.len, 1003);
	assert_memory_equal(run.data + 1000, "end", 3);
	bytes_drop(&run, 999);
	assert_int_equal(run.len, 4);
	assert_memory_equal(run.data, "\xe7""end", 4);
	bytes_drop(&run, 5);
	assert_int_equal(run.len, 0);
	bytes_fini(&run, &b);
	assert_int_equal(b.used, 0);
	mem_free(m);
}

static void a_spent_budget_changes_nothing(void **state)
{
	struct mem *m = mem_new();
	struct budget b;
	struct bytes run = { 0 };

	(void)state;
	budget_init(&b, m, "analyzer", 160);
	assert_true(bytes_append(&run, &b, "0123456789", 10));
	assert_true(bytes_reserve(&run, &b, 150));     /* doubling to 256 is too much, 150 is not */
	assert_false(bytes_reserve(&run, &b, 170));
	assert_int_equal(run.len, 10);
	assert_memory_equal(run.data, "0123456789", 10);
	assert_false(bytes_reserve(&run, &b, (size_t)1 << 33));
	bytes_fini(&run, &b);
	mem_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appending_and_dropping),
		cmocka_unit_test(a_spent_budget_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
