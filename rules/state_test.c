/* state_test.c - limits on alerts as time passes, bits that expire, sets, transforms. Time is an input. */
#include <stdlib.h>

#include "base/check.h"
#include "rules/dataset.h"
#include "rules/keyword.h"
#include "rules/parsed.h"
#include "rules/state.h"

#define SECOND UINT64_C(1000000000)

/* A rule's threshold; when it matched; what came of each: a alert, s silent, - nothing, d changed to drop. */
static const struct {
	const char *options, *times, *answers;
} threshold_rows[] = {
	{ "threshold:type limit,track by_src,count 2,seconds 10;", "0 1 2 9 10 11 12 13", "aasssaas" },
	{ "threshold:type threshold,track by_src,count 3,seconds 10;", "0 1 2 3 4 5", "--a--a" },
	{ "threshold:type threshold,track by_src,count 3,seconds 10;", "0 1 20 21 22", "----a" },
	{ "threshold:type both,track by_src,count 2,seconds 10;", "0 1 2 3 11 12 13", "-ass-as" },
	{ "detection_filter:track by_src,count 2,seconds 10;", "0 1 2 3 20 21 22", "--aa--a" },
	{ "threshold:type limit,track by_rule,count 1,seconds 60;", "0 59 61", "asa" },
};

static void thresholds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threshold_rows); i++) {
		struct rule_load load = { 0 };
		struct rule_report report = { 0 };
		struct rule_set set = { 0 };
		struct rule_state *rs;
		char text[256], got[64] = "", *at;
		size_t n = 0;

		snprintf(text, sizeof(text), "alert tcp any any -> any any (%s sid:1;)", threshold_rows[i].options);
		assert_int_equal(rules_parse_text(&set, &load, "t", text, strlen(text), &report), 0);
		assert_int_equal(set.count, 1);
		assert_int_equal(rule_state_new(&rs, &set, NULL), 0);
		for (at = (char *)threshold_rows[i].times; *at != '\0';) {
			struct packet pkt = { .ip_version = 4 };
			struct inspect in = { .state = rs, .pkt = &pkt };
			uint8_t action = ACTION_ALERT;

			in.now_ns = 1000 * SECOND + strtoull(at, &at, 10) * SECOND;
			switch (rule_threshold(&in, set.rules[0], &action)) {
			case THRESHOLD_ALERT_IT:
				got[n++] = action == ACTION_DROP ? 'd' : 'a';
				break;
			case THRESHOLD_SILENT:
				got[n++] = 's';
				break;
			default:
				got[n++] = '-';
			}
		}
		assert_string_equal(got, threshold_rows[i].answers);
		rule_state_free(rs);
		rules_parse_free(&set);
		rule_report_free(&report);
	}
}

/* More keys than there is room for: the table stays in bounds and forgets the oldest. */
static void table_is_bounded(void **state)
{
	static struct table t;
	unsigned found = 0, room = 0;

	(void)state;
	assert_int_equal(table_init(&t, 1 << 20), 0);
	for (uint32_t i = 0; i < 100000; i++) {
		struct table_key key = { .id = i };
		struct table_stripe *s;
		uint64_t hash;

		s = table_lock(&t, &key, &hash);
		if (table_find(s, hash, &key, 0) == NULL)
			table_make(s, hash, &key)->expires_ns = 10 * SECOND;
		table_unlock(s);
	}
	for (int i = 0; i < TABLE_STRIPES; i++) {
		assert_true(t.stripes[i].count <= t.stripes[i].cap);
		room += t.stripes[i].cap;
	}
	for (uint32_t i = 0; i < 100000; i++) {
		struct table_key key = { .id = i };
		struct table_stripe *s;
		uint64_t hash;

		s = table_lock(&t, &key, &hash);
		found += table_find(s, hash, &key, SECOND) != NULL;
		assert_null(table_find(s, hash, &key, 11 * SECOND));
		table_unlock(s);
	}
	assert_true(found > room / 2 && found <= room);
	table_fini(&t);
}

static const struct {
	const char *keyword, *in, *out;
} transform_rows[] = {
	{ "dotprefix", "example.com", ".example.com" },
	{ "to_lowercase", "AbC1", "abc1" },
	{ "to_uppercase", "AbC1", "ABC1" },
	{ "strip_whitespace", " a \t\r\nb ", "ab" },
	{ "compress_whitespace", "a  b\t\tc ", "a b\tc " },
	{ "header_lowercase", "User-Agent: Foo\r\nHost: X", "user-agent: Foo\r\nhost: X" },
	{ "strip_pseudo_headers", ":method: GET\r\nhost: a\r\n:path: /\r\n", "host: a\r\n" },
	{ "url_decode", "a%20b+c%zz%4", "a b c%zz%4" },
	{ "domain", "www.example.co.uk", "example.co.uk" },
	{ "domain", "suricata.io", "suricata.io" },
	{ "domain", "localhost", "" },
	{ "tld", "www.example.co.uk", "co.uk" },
	{ "tld", "a.b.com", "com" },
	{ "xor:\"01ff\"", "\x60\x9e\x61", "aa`" },
	{ "from_base64", "Zm9vYmFy", "foobar" },
	{ "from_base64:offset 2", "xxZm9v", "foo" },
	{ "from_base64:mode rfc2045", "Zm 9v", "foo" },
	{ "from_base64:mode strict", "Zm 9v", "Zm 9v" },
	{ "pcrexform:\"x(.*)z\"", "xyz", "y" },
	{ "pcrexform:\"q(.*)z\"", "xyz", "xyz" },
	{ "to_md5", "abc", "\x90\x01\x50\x98\x3c\xd2\x4f\xb0\xd6\x96\x3f\x7d\x28\xe1\x7f\x72" },
};

static void transforms(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(transform_rows); i++) {
		struct rule_load load = { 0 };
		struct rule_report report = { 0 };
		struct rule_set set = { 0 };
		const struct transform *t;
		char text[256];
		uint8_t out[256];
		size_t n;

		snprintf(text, sizeof(text), "alert ip any any -> any any (ipv4.hdr; %s; bsize:>0; sid:1;)",
			 transform_rows[i].keyword);
		assert_int_equal(rules_parse_text(&set, &load, "t", text, strlen(text), &report), 0);
		if (set.count != 1)
			fail_msg("%s: %s", text, report.items[0].message);
		t = &set.rules[0]->buffers[0].buffer->transforms[0];
		n = t->apply(t->data, slice_str(transform_rows[i].in), out, sizeof(out) - 1);
		out[n] = '\0';
		assert_string_equal(out, transform_rows[i].out);
		/* Never more than there is room for. */
		assert_true(t->apply(t->data, slice_str(transform_rows[i].in), out, 3) <= 3);
		rules_parse_free(&set);
		rule_report_free(&report);
	}
}

static void sets(void **state)
{
	struct dataset_store *store;
	struct dataset *d;

	(void)state;
	assert_int_equal(dataset_store_new(&store), 0);
	d = dataset_make(store, "seen", DATASET_STRING, 0, 4096);
	assert_ptr_equal(dataset_find(store, "seen"), d);
	assert_null(dataset_find(store, "other"));
	for (uint32_t i = 0; i < 5000; i++) {
		assert_int_equal(dataset_add(d, slice_of(&i, sizeof(i)), NULL), 1);
		assert_int_equal(dataset_add(d, slice_of(&i, sizeof(i)), NULL), 0);
	}
	assert_int_equal(dataset_count(d), 5000);
	for (uint32_t i = 0; i < 5000; i += 2)
		assert_true(dataset_remove(d, slice_of(&i, sizeof(i))));
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(dataset_has(d, slice_of(&i, sizeof(i)), NULL), i % 2);
	dataset_store_put(store);

	assert_int_equal(dataset_store_new(&store), 0);
	d = dataset_make(store, "small", DATASET_STRING, 104064 + 10, 1);
	assert_int_equal(dataset_add(d, slice_str("0123456789"), NULL), 1);
	assert_true(dataset_add(d, slice_str("x"), NULL) < 0);
	dataset_store_put(store);
}

static void set_values(void **state)
{
	static const struct {
		enum dataset_type type;
		const char *text;
		bool valid;
		const char *again;
	} rows[] = {
		{ DATASET_STRING, "Zm9v", true, "Zm9v" },
		{ DATASET_STRING, "Zm;9v", false, NULL },
		{ DATASET_MD5, "900150983CD24FB0D6963F7D28E17F72", true, "900150983cd24fb0d6963f7d28e17f72" },
		{ DATASET_MD5, "900150983CD24FB0D6963F7D28E17F7", false, NULL },
		{ DATASET_IPV4, "10.1.2.3", true, "10.1.2.3" },
		{ DATASET_IPV4, "::1", false, NULL },
		{ DATASET_IP, "::ffff:10.1.2.3", true, "10.1.2.3" },
		{ DATASET_IP, "fe80::1", true, "fe80::1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t bytes[64];
		char text[128];
		size_t len;
		bool valid = dataset_value_read(rows[i].type, slice_str(rows[i].text), bytes, sizeof(bytes), &len);

		assert_int_equal(valid, rows[i].valid);
		if (!valid)
			continue;
		dataset_value_write(rows[i].type, slice_of(bytes, len), text, sizeof(text));
		assert_string_equal(text, rows[i].again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thresholds), cmocka_unit_test(table_is_bounded), cmocka_unit_test(transforms),
		cmocka_unit_test(sets), cmocka_unit_test(set_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
