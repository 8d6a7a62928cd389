/* A rule file of any content: rules, or diagnostics with a place. Only parsed: what
 * compiling makes of rules is the engine's own business, and slow. */
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "rules/rules.h"
#include "tests/fuzz/fuzz.h"

static struct app_settings *settings;
static struct conf *conf;

static void setup(void)
{
	conf = conf_new();
	must(conf_set(conf, "vars.address-groups.HOME_NET", "[192.168.0.0/16,10.0.0.0/8]") == 0);
	must(conf_set(conf, "vars.address-groups.EXTERNAL_NET", "!$HOME_NET") == 0);
	must(conf_set(conf, "vars.port-groups.HTTP_PORTS", "80") == 0);
	must(app_settings_new(&settings, conf) == 0);
	log_level_set(LOG_LEVEL_ERROR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *files[] = { fuzz_file(data, size) };
	struct rule_load load = { .files = files, .file_count = 1, .parse_only = true };
	struct rule_report report = { 0 };
	struct rule_set *set;

	if (settings == NULL)
		setup();
	load.conf = conf;
	load.app = settings;
	if (rule_set_load(&set, &load, &report) == 0) {
		for (unsigned i = 0; i < rule_set_count(set); i++)
			must(rule_set_at(set, i) != NULL);
		rule_set_put(set);
	}
	for (unsigned i = 0; i < report.count; i++)
		must(report.items[i].message[0] != '\0');
	rule_report_free(&report);
	return 0;
}
