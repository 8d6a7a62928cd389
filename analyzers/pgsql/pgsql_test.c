/* A session by hand: what becomes of requests and answers. */
#include "analyzers/testing.h"

#include "analyzers/pgsql/pgsql.h"
#include "base/must.h"

#define BYTES(text) text, sizeof(text) - 1

static const struct {
	enum side side;
	const char *data;
	size_t len;
} session[] = {
	{ TO_SERVER, BYTES("\0\0\0\x08\x04\xd2\x16\x2f") },
	{ TO_CLIENT, BYTES("N") },
	{ TO_SERVER, BYTES("\0\0\0\x13\0\3\0\0user\0anna\0\0") },
	{ TO_CLIENT, BYTES("R\0\0\0\x08\0\0\0\0Z\0\0\0\5I") },
	{ TO_SERVER, BYTES("Q\0\0\0\x0eSELECT 1;\0") },
	{ TO_CLIENT, BYTES("T\0\0\0\6\0\1D\0\0\0\x0b\0\1\0\0\0\1" "1C\0\0\0\rSELECT 1\0Z\0\0\0\5I") },
	{ TO_SERVER, BYTES("X\0\0\0\4") },
};

static void a_session(void **state)
{
	static const enum pgsql_request kinds[] = { PGSQL_SSL, PGSQL_STARTUP, PGSQL_QUERY, PGSQL_TERMINATE };
	struct conf *conf = conf_new();
	struct testbed b;
	struct tx *tx;
	unsigned count = 0;

	(void)state;
	assert_int_equal(conf_set(conf, "app-layer.protocols.pgsql.enabled", "yes"), 0);
	testbed_init(&b, conf, 6, 5432);
	for (size_t i = 0; i < ARRAY_LEN(session); i++)
		testbed_piece(&b, session[i].side, PIECE_DATA, session[i].data, session[i].len);
	for (tx = analysis_of(&b.flow)->tx_first; tx != NULL; tx = tx->next, count++) {
		const struct pgsql_tx *t = (const struct pgsql_tx *)tx;

		assert_true(count < ARRAY_LEN(kinds));
		assert_int_equal(t->kind, kinds[count]);
		assert_int_equal(tx->progress[TO_CLIENT], 1);
		if (t->kind == PGSQL_QUERY) {
			assert_true(slice_eq(bytes_slice(&t->request), slice_str("SELECT 1;")));
			assert_int_equal(t->rows, 1);
			assert_int_equal(t->rows_size, 1);
			assert_int_equal(t->field_count, 1);
		}
	}
	assert_int_equal(count, ARRAY_LEN(kinds));
	testbed_fini(&b);
	conf_free(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_session) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
