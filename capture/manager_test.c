#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "capture/manager.h"

static bool count_sets(const struct device_set *set, void *arg)
{
	struct device_stats s;

	for (unsigned i = 0; i < set->count; i++)
		device_stats(set->devices[i], &s);
	++*(unsigned *)arg;
	return true;
}

static void shares_what_is_open(void **state)
{
	struct device_opts opts = { .kind = "memory", .name = "a" };
	struct device_set *a, *again, *b;
	struct device_manager *m;
	unsigned n = 0;

	(void)state;
	assert_int_equal(device_manager_new(&m), 0);
	assert_int_equal(device_manager_open(m, &a, &opts), 0);
	assert_int_equal(device_manager_open(m, &again, &opts), 0);
	assert_ptr_equal(a, again);
	assert_int_equal(a->count, 1);
	opts.name = "b";
	assert_int_equal(device_manager_open(m, &b, &opts), 0);
	assert_ptr_not_equal(a, b);
	device_manager_each(m, count_sets, &n);
	assert_int_equal(n, 2);
	device_manager_put(m, a);
	assert_ptr_equal(device_manager_find(m, "a"), a);
	device_manager_put(m, a);
	device_manager_put(m, a);
	assert_null(device_manager_find(m, "a"));
	opts.kind = "nothing";
	assert_true(device_manager_open(m, &a, &opts) < 0);
	assert_non_null(strstr(device_error(), "there is no device kind \"nothing\"; there are "));
	/* b is still open: it goes with the manager. */
	device_manager_free(m);
}

static void *open_and_close(void *arg)
{
	struct device_manager *m = arg;
	unsigned seed = (unsigned)(uintptr_t)&m, n = 0;

	for (unsigned i = 0; i < 300; i++) {
		struct device_opts opts = { .kind = "memory", .name = rand_r(&seed) % 2 ? "x" : "y" };
		struct device_set *set, *found = NULL;

		if (device_manager_open(m, &set, &opts) < 0)
			return (void *)"open";
		if (strcmp(set->name, opts.name) != 0 || set->count != 1)
			return (void *)"wrong set";
		found = device_manager_find(m, opts.name);
		if (found != set)
			return (void *)"not found";
		device_manager_each(m, count_sets, &n);
		device_manager_put(m, found);
		device_manager_put(m, set);
	}
	return NULL;
}

static void is_safe_from_several_threads(void **state)
{
	struct device_manager *m;
	pthread_t threads[4];
	unsigned left = 0;

	(void)state;
	assert_int_equal(device_manager_new(&m), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, m), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		if (wrong)
			fail_msg("%s", (const char *)wrong);
	}
	device_manager_each(m, count_sets, &left);
	assert_int_equal(left, 0);
	device_manager_free(m);
}

static void finds_interfaces(void **state)
{
	struct net_interface *list;
	int n = net_interface_list(&list);
	bool lo = false;

	(void)state;
	assert_true(n >= 1);
	for (int i = 0; i < n; i++)
		if (strcmp(list[i].name, "lo") == 0) {
			assert_true(list[i].loopback && list[i].peer_offload && list[i].mtu > 0);
			assert_string_equal(list[i].driver, "loopback");
			lo = true;
		}
	assert_true(lo);
	free(list);
	assert_int_equal(net_interface_query(&(struct net_interface){ .mtu = 0 }, "nonesuch"), -ENODEV);
}

static void reads_specifications(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "eth0", "expected KIND:NAME" },
		{ "afxdp:eth0,colour=red", "no device option \"colour\"" },
		{ "afxdp:eth0,queue", "queue: expected =VALUE" },
		{ "afxdp:eth0,queue=two", "queue=two: expected a number" },
		{ "afxdp:eth0,copy=yes", "copy: expected no value" },
	};
	uint8_t bytes[60] = { 0 };
	struct frame f = { .data = bytes, .len = sizeof(bytes), .link = LINK_ETHERNET };
	struct device_stats stats;
	struct device_spec s;
	struct device *dev;

	(void)state;
	assert_int_equal(device_spec_parse(&s, "afxdp:eth0,queue=3,copy,mtu=9000,filter=tcp port 80, or udp"), 0);
	assert_string_equal(s.opts.kind, "afxdp");
	assert_string_equal(s.opts.name, "eth0");
	assert_int_equal(s.opts.queue, 3);
	assert_int_equal(s.opts.mtu, 9000);
	assert_true(s.opts.copy && !s.opts.generic);
	assert_string_equal(s.opts.filter, "tcp port 80, or udp");
	device_spec_fini(&s);
	assert_int_equal(device_spec_parse(&s, "file:-"), 0);
	assert_string_equal(s.opts.name, "-");
	device_spec_fini(&s);
	assert_int_equal(device_spec_parse(&s, "file:,output=x.pcap"), 0);
	assert_null(s.opts.name);
	assert_string_equal(s.opts.output, "x.pcap");
	device_spec_fini(&s);
	assert_int_equal(device_spec_parse(&s, "memory:m,impair=loss=100%+seed=1,trace=/dev/null"), 0);
	assert_int_equal(device_spec_open(&dev, &s), 0);
	assert_int_equal(device_send(dev, &f, 1), 1);
	device_stats(dev, &stats);
	assert_int_equal(stats.drops[DROP_IMPAIRED], 1);
	device_close(dev);
	device_spec_fini(&s);
	assert_int_equal(device_spec_parse(&s, "memory:m,impair=loss=much"), 0);
	assert_true(device_spec_open(&dev, &s) < 0);
	assert_string_equal(device_error(), "impair: loss=much: expected a chance like 2%");
	device_spec_fini(&s);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(device_spec_parse(&s, bad[i].text), -EINVAL);
		if (!strstr(device_error(), bad[i].says))
			fail_msg("\"%s\" isn't in \"%s\"", bad[i].says, device_error());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_what_is_open),
		cmocka_unit_test(is_safe_from_several_threads),
		cmocka_unit_test(finds_interfaces),
		cmocka_unit_test(reads_specifications),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
