/* format_test.c - one record in each format, checked as JSON; and what CEF escapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "output/format.h"

static const char alert[] = "{\"timestamp\":\"2026-11-22T19:40:00.123456+0100\",\"host\":\"s1\",\"event_type\":\"alert\",\"src_ip\":\"10.0.0.1\","
	"\"src_port\":1234,\"dest_ip\":\"10.0.0.2\",\"dest_port\":80,\"proto\":\"TCP\",\"ip_v\":4,\"vlan\":[5],\"community_id\":\"1:x=\","
	"\"alert\":{\"action\":\"blocked\",\"signature_id\":7,\"rev\":2,\"signature\":\"a|b=c\\\\d \\\"q\\\"\",\"category\":\"cat\",\"severity\":1,"
	"\"metadata\":{\"mitre_technique_id\":[\"T1071\"]}},\"app_proto\":\"failed\"}";

static struct text made(const char *format, const char *record)
{
	union { struct record_head head; char room[4096]; } u = { .head = { .len = (uint32_t)strlen(record) } };
	struct format_context ctx = { .event_id = "0123456789abcdef0123456789abcdef" };
	struct text t = { 0 };

	memcpy(u.room + sizeof(u.head), record, strlen(record));
	if (!format_write(format_find(format), &ctx, &u.head, &t))
		t.len = 0;
	text_add(&t, "", 1);
	return t;
}

struct row { const char *format, *path, *answer; };

static const json_t *at(const json_t *j, const char *path)
{
	while (*path != '\0' && j != NULL) {
		char name[64];
		size_t n = strcspn(path, "/");

		memcpy(name, path, n);
		name[n] = '\0';
		j = json_is_array(j) ? json_array_get(j, (size_t)(name[0] - '0')) : json_object_get(j, name);
		path += n + (path[n] == '/');
	}
	return j;
}

static void test_json(void **state)
{
	static const struct row rows[] = {
		{ "eve", "event_id", "\"0123456789abcdef0123456789abcdef\"" }, { "eve", "alert/severity", "1" },
		{ "ecs", "@timestamp", "\"2026-11-22T19:40:00.123456+01:00\"" }, { "ecs", "event/kind", "\"alert\"" },
		{ "ecs", "event/id", "\"0123456789abcdef0123456789abcdef\"" }, { "ecs", "event/action", "\"denied\"" },
		{ "ecs", "source/ip", "\"10.0.0.1\"" }, { "ecs", "network/transport", "\"tcp\"" }, { "ecs", "network/type", "\"ipv4\"" },
		{ "ecs", "network/vlan/id", "\"5\"" }, { "ecs", "network/protocol", NULL }, { "ecs", "rule/id", "\"7\"" },
		{ "ecs", "threat/technique/id/0", "\"T1071\"" }, { "ecs", "suricata/eve/src_port", "1234" },
		{ "ocsf", "class_uid", "2004" }, { "ocsf", "severity_id", "4" }, { "ocsf", "action_id", "2" },
		{ "ocsf", "time", "1795372800123" }, { "ocsf", "evidences/0/src_endpoint/port", "1234" },
		{ "ocsf", "finding_info/analytic/uid", "\"7\"" }, { "ocsf", "finding_info/attacks/0/technique/uid", "\"T1071\"" },
		{ "ocsf", "evidences/0/connection_info/protocol_num", "6" }, { "ocsf", "unmapped/event_type", "\"alert\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text t = made(rows[i].format, alert);
		json_t *j = json_loads(t.data, JSON_REJECT_DUPLICATES, NULL);
		const json_t *v = at(j, rows[i].path);
		char *got = v ? json_dumps(v, JSON_ENCODE_ANY) : NULL;

		if (j == NULL)
			fail_msg("%s: no JSON: %s", rows[i].format, t.data);
		if ((got == NULL) != (rows[i].answer == NULL) || (got != NULL && strcmp(got, rows[i].answer) != 0))
			fail_msg("%s %s: %s", rows[i].format, rows[i].path, got ? got : "nothing");
		free(got);
		json_decref(j);
		text_free(&t);
	}
}

static void test_cef(void **state)
{
	struct text t = made("cef", alert);

	(void)state;
	assert_string_equal(t.data, "CEF:0|tapir|tapir|" TAPIR_VERSION "|7|a\\|b=c\\\\d \"q\"|9|rt=1795372800123 "
		"externalId=0123456789abcdef0123456789abcdef dvchost=s1 src=10.0.0.1 spt=1234 dst=10.0.0.2 dpt=80 proto=TCP act=blocked "
		"cat=cat cs1Label=community id cs1=1:x\\= cs2Label=MITRE technique cs2=T1071");
	text_free(&t);
}

static void test_no_place(void **state)
{
	static const char stats[] = "{\"timestamp\":\"2026-11-22T19:40:00.123456+0000\",\"event_type\":\"stats\",\"stats\":{}}";
	struct text ecs = made("ecs", stats), ocsf = made("ocsf", stats), cef = made("cef", stats);

	(void)state;
	assert_int_equal(ocsf.len, 1);
	assert_int_equal(cef.len, 1);
	assert_true(ecs.len > 1);
	text_free(&ecs);
	text_free(&ocsf);
	text_free(&cef);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_json), cmocka_unit_test(test_cef), cmocka_unit_test(test_no_place) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
