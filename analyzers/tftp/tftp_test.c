/* Datagrams, and what they are taken for. */
#include "analyzers/testing.h"

#include "base/must.h"

struct row {
	const char *data;
	size_t len;
	const char *file;               /* NULL: no transaction */
};

static void requests(void **state)
{
	static const struct row rows[] = {
		{ "\0\1rfc1350.txt\0octet\0", 20, "rfc1350.txt" },
		{ "\0\2x\0NetASCII\0blksize\0" "512\0", 26, "x" },
		{ "\0\1\0mail\0", 8, "" },
		{ "\0\1file\0octet", 12, NULL },
		{ "\0\1file\0other\0", 13, NULL },
		{ "\0\3\0\1data", 8, NULL },
		{ "\0\7ab", 4, NULL },
		{ "\0", 1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct packet pkt = { .number = 1, .side = TO_SERVER,
				      .payload = slice_of(rows[i].data, rows[i].len) };
		struct field_value v = { 0 };
		struct analysis *an;
		struct testbed b;

		testbed_init(&b, NULL, 17, 69);
		app_datagram(b.app, &b.flow, &pkt);
		an = analysis_of(&b.flow);
		if (rows[i].file == NULL) {
			assert_null(an->tx_first);
		} else {
			assert_non_null(an->tx_first);
			assert_true(an->proto->fields[0].get(an, an->tx_first, TO_SERVER, 0, &v));
			assert_true(slice_eq(v.bytes, slice_str(rows[i].file)));
		}
		testbed_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(requests) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
