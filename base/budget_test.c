/* Sizes and what they cost; caps; a random walk against a shadow. */
#include "base/budget.h"

#include "base/check.h"

static void charges_round_up_to_a_class(void **state)
{
	static const struct {
		size_t size, charge;
	} rows[] = {
		{ 1, 16 }, { 16, 16 }, { 17, 32 }, { 255, 256 }, { 256, 256 },
		{ 257, 320 }, { 320, 320 }, { 321, 384 }, { 512, 512 }, { 513, 640 },
		{ 640, 640 }, { 1024, 1024 }, { 1025, 1280 }, { 40000, 40960 },
		{ 57345, 65536 }, { 65536, 65536 }, { 65537, 69632 }, { 1 << 20, 1 << 20 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(budget_charge(rows[i].size), rows[i].charge);
	for (size_t size = 1; size < 70000; size++) {
		size_t charge = budget_charge(size);

		assert_true(charge >= size && budget_charge(charge) == charge);
		assert_true(size < 4096 || charge - size <= charge / 5);
	}
}

static void a_spent_budget_says_no(void **state)
{
	struct mem *m = mem_new();
	struct budget b;
	void *p, *q;

	(void)state;
	budget_init(&b, m, "flow", 1024);
	p = budget_get(&b, 512);
	assert_non_null(p);
	assert_null(budget_get(&b, 513));
	assert_int_equal(b.denied, 1);
	q = budget_get(&b, 512);
	assert_non_null(q);
	assert_int_equal(b.used, 1024);
	assert_null(budget_resize(&b, q, 512, 600));
	budget_put(&b, p, 512);
	q = budget_resize(&b, q, 512, 1000);
	assert_non_null(q);
	assert_int_equal(b.used, 1024);
	budget_put(&b, q, 1000);
	assert_int_equal(b.used, 0);
	assert_int_equal(b.high, 1024);
	assert_int_equal(b.denied, 2);
	assert_null(budget_get(&b, SIZE_MAX));
	budget_put(&b, NULL, 7);
	mem_free(m);
}

static void resizing_keeps_the_bytes(void **state)
{
	static const size_t sizes[] = { 1, 16, 17, 300, 5000, 65536, 65537, 300000, 1000000, 70000, 64, 1 };
	struct mem *m = mem_new();
	struct budget b;
	uint8_t *p = NULL;
	size_t had = 0;

	(void)state;
	budget_init(&b, m, "stream", 0);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t keep = had < sizes[i] ? had : sizes[i];

		p = budget_resize(&b, p, had, sizes[i]);
		assert_non_null(p);
		for (size_t at = 0; at < keep; at++)
			assert_int_equal(p[at], (uint8_t)(at * 7));
		for (size_t at = 0; at < sizes[i]; at++)
			p[at] = (uint8_t)(at * 7);
		had = sizes[i];
	}
	budget_put(&b, p, had);
	assert_int_equal(b.used, 0);
	mem_free(m);
}

/* Pieces never overlap: each is filled with its own number and read back. */
static void a_random_walk(void **state)
{
	enum { PIECES = 500 };
	struct {
		uint8_t *p;
		size_t size;
	} held[PIECES] = { 0 };
	struct mem *m = mem_new();
	struct budget b;
	uint64_t seed = 42, used = 0;

	(void)state;
	budget_init(&b, m, "walk", 0);
	for (unsigned step = 0; step < 20000; step++) {
		size_t i, size;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		i = (seed >> 33) % PIECES;
		size = 1 + ((seed >> 20) % (step % 50 == 0 ? 200000 : 3000));
		if (held[i].p != NULL) {
			for (size_t at = 0; at < held[i].size; at++)
				assert_int_equal(held[i].p[at], (uint8_t)i);
			budget_put(&b, held[i].p, held[i].size);
			used -= budget_charge(held[i].size);
		}
		held[i].p = budget_get(&b, size);
		held[i].size = size;
		used += budget_charge(size);
		assert_int_equal((uintptr_t)held[i].p % 16, 0);
		for (size_t at = 0; at < size; at++)
			assert_int_equal(held[i].p[at], 0);
		memset(held[i].p, (int)i, size);
		assert_int_equal(b.used, used);
	}
	for (size_t i = 0; i < PIECES; i++)
		budget_put(&b, held[i].p, held[i].size);
	assert_int_equal(b.used, 0);
	mem_free(m);
}

static void a_plan_bounds_classes_and_the_whole(void **state)
{
	static const struct {
		uint64_t total;
		unsigned workers;
		enum mem_class class;
		uint64_t cap, max;
	} rows[] = {
		{ 0, 1, MEM_FLOW, 1000, 1000 },                         /* no total: the cap alone */
		{ 0, 4, MEM_FLOW, 1000, 250 },                          /* divided among workers */
		{ 100 << 20, 1, MEM_FLOW, 0, 20 << 20 },                /* a share of the total */
		{ 100 << 20, 1, MEM_FLOW, 1 << 20, 1 << 20 },           /* a smaller cap stays */
		{ 100 << 20, 1, MEM_DEFRAG, 1 << 30, 5 << 20 },
		{ 200 << 20, 2, MEM_STREAM, 80 << 20, 20 << 20 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct mem *m = mem_new();
		struct budget b;

		mem_plan(m, rows[i].total, rows[i].workers);
		budget_init_class(&b, m, rows[i].class, rows[i].cap);
		assert_int_equal(b.max, rows[i].max);
		mem_free(m);
	}
}

/* Where nothing more may be mapped, large pieces that were given back serve small ones. */
static void the_total_holds_and_large_pieces_are_cut_up(void **state)
{
	enum { LARGE = 60000, SMALL = 100, N = 4 << 20 };
	static void *pieces[N / LARGE];
	struct mem *m = mem_new();
	struct budget b;
	unsigned large = 0, small = 0;
	void *p;

	(void)state;
	mem_plan(m, N, 1);
	budget_init(&b, m, "any", 0);
	while (large < ARRAY_LEN(pieces) && (pieces[large] = budget_get(&b, LARGE)) != NULL)
		large++;
	assert_true(mem_held(m) <= N);
	for (unsigned i = 0; i < large; i++)
		budget_put(&b, pieces[i], LARGE);
	if (mem_held(m) == 0) {                 /* each is a malloc of its own under a sanitizer */
		mem_free(m);
		return;
	}
	assert_true(large > 30);
	while ((p = budget_get(&b, SMALL)) != NULL)
		small++;
	assert_true(small > N / 112 * 9 / 10);
	assert_true(mem_held(m) <= N);
	mem_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_bounds_classes_and_the_whole),
		cmocka_unit_test(the_total_holds_and_large_pieces_are_cut_up),
		cmocka_unit_test(charges_round_up_to_a_class),
		cmocka_unit_test(a_spent_budget_says_no),
		cmocka_unit_test(resizing_keeps_the_bytes),
		cmocka_unit_test(a_random_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
