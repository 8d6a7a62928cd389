/* policy_test.c - the table of TCP overlaps, row by row: O = the old bytes win, N = the new ones. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/must.h"
#include "stack/track/policy.h"

/* Columns in the order of enum overlap: same start and shorter, same, same start and longer, starts before
 * and ends inside, at the same end, behind; inside, inside and ends behind. */
static const struct {
	enum overlap_policy policy;
	const char *wins;
} rows[] = {
	{ OVERLAP_FIRST, "OOOOOOOO" },
	{ OVERLAP_VISTA, "OOOOOOOO" },
	{ OVERLAP_BSD, "OOONNNOO" },
	{ OVERLAP_BSD_RIGHT, "OOONNNOO" },
	{ OVERLAP_WINDOWS, "OOONNNOO" },
	{ OVERLAP_WINDOWS2K3, "OOONNNOO" },
	{ OVERLAP_MACOS, "OOONNNOO" },
	{ OVERLAP_RFC8200, "OOONNNOO" },
	{ OVERLAP_HPUX10, "OOONNNOO" },
	{ OVERLAP_IRIX, "OOONNNOO" },
	{ OVERLAP_LINUX, "OONNNNOO" },
	{ OVERLAP_OLD_LINUX, "ONNNNNOO" },
	{ OVERLAP_SOLARIS, "ONNONNON" },
	{ OVERLAP_OLD_SOLARIS, "ONNONNON" },
	{ OVERLAP_HPUX11, "ONNONNON" },
	{ OVERLAP_LAST, "NNNNNNNN" },
};

static void table_is_as_published(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_LEN(rows), OVERLAP_POLICIES);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (int how = 0; how < OVERLAPS; how++) {
			if (overlap_new_wins(rows[i].policy, how) != (rows[i].wins[how] == 'N'))
				fail_msg("%s, case %d", overlap_policy_names[rows[i].policy], how);
		}
	}
}

static void names_are_found(void **state)
{
	(void)state;
	for (int i = 0; i < OVERLAP_POLICIES; i++)
		assert_int_equal(overlap_policy_find(overlap_policy_names[i]), i);
	assert_int_equal(overlap_policy_find("bsd_right"), OVERLAP_BSD_RIGHT);
	assert_int_equal(overlap_policy_find("beos"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_as_published),
		cmocka_unit_test(names_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
