/* config.c - the configuration as a whole: loading, --set, checks of types, keys nobody knows. */
#include "sensor/config.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"

#define PATH_TEXT_MAX 512

int config_error(struct config *config, const char *file, unsigned long line, unsigned long column,
		 const char *fmt, ...)
{
	size_t at = 0;
	va_list ap;

	if (file != NULL && line != 0)
		at = (size_t)snprintf(config->error, CONFIG_ERROR_MAX / 2, "%s:%lu:%lu: ", file, line, column);
	else if (file != NULL)
		at = (size_t)snprintf(config->error, CONFIG_ERROR_MAX / 2, "%s: ", file);
	if (at >= CONFIG_ERROR_MAX / 2)
		at = CONFIG_ERROR_MAX / 2 - 1;
	va_start(ap, fmt);
	vsnprintf(config->error + at, CONFIG_ERROR_MAX - at, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

const char *config_name(struct config *config, const char *name)
{
	char **names = realloc(config->names, (config->name_count + 1) * sizeof(*names));
	char *copy = strdup(name);

	if (names != NULL)
		config->names = names;
	if (names == NULL || copy == NULL) {
		free(copy);
		return NULL;
	}
	names[config->name_count++] = copy;
	return copy;
}

int config_set(struct config *config, const char *assignment)
{
	const char *equals = strchr(assignment, '=');
	char path[PATH_TEXT_MAX];
	const char *value;
	size_t len;
	int err;

	if (equals == NULL || equals == assignment)
		return config_error(config, NULL, 0, 0, "--set %s: expected key=value, such as stream.midstream=true",
				    assignment);
	len = (size_t)(equals - assignment);
	while (len > 0 && assignment[len - 1] == ' ')
		len--;
	if (len >= sizeof(path))
		return config_error(config, NULL, 0, 0, "--set %.40s...: the key is too long", assignment);
	memcpy(path, assignment, len);
	path[len] = '\0';
	value = equals + 1 + strspn(equals + 1, " ");
	err = conf_set(config->root, path, value);
	if (err == -ERANGE)
		return config_error(config, NULL, 0, 0, "--set %s: the list doesn't have that many members", assignment);
	if (err < 0)
		return config_error(config, NULL, 0, 0, "--set %s: there is no such place in the configuration",
				    assignment);
	return 0;
}

int config_load(struct config **out, const char *path, const char *const *includes, unsigned include_count,
		const char *const *sets, unsigned set_count)
{
	struct config *config = calloc(1, sizeof(*config));
	int err;

	*out = config;
	if (config == NULL)
		return -ENOMEM;
	config->root = conf_new();
	if (config->root == NULL)
		return -ENOMEM;
	if (path != NULL)
		err = config_yaml_file(config, path);
	else
		err = config_yaml_text(config, "built-in configuration", config_default_text, config_default_len);
	for (unsigned i = 0; i < include_count && err == 0; i++)
		err = config_yaml_file(config, includes[i]);
	for (unsigned i = 0; i < set_count && err == 0; i++)
		err = config_set(config, sets[i]);
	return err;
}

void config_free(struct config *config)
{
	if (config == NULL)
		return;
	conf_free(config->root);
	for (unsigned i = 0; i < config->name_count; i++)
		free(config->names[i]);
	free(config->names);
	free(config);
}

enum value_type { VALUE_BOOL, VALUE_NUMBER, VALUE_SIZE };

/* What these keys mean is decided where they are read; here stands only what their values look
 * like, so that a slip of the pen is told with its place rather than taken for the default. */
static const struct {
	const char *pattern;
	enum value_type type;
} value_types[] = {
	{ "memory", VALUE_SIZE },
	{ "stream.memcap", VALUE_SIZE },
	{ "stream.midstream", VALUE_BOOL },
	{ "stream.async-oneside", VALUE_BOOL },
	{ "stream.checksum-validation", VALUE_BOOL },
	{ "stream.bypass", VALUE_BOOL },
	{ "stream.reassembly.memcap", VALUE_SIZE },
	{ "stream.reassembly.depth", VALUE_SIZE },
	{ "flow.memcap", VALUE_SIZE },
	{ "flow-timeouts.*.new", VALUE_NUMBER },
	{ "flow-timeouts.*.established", VALUE_NUMBER },
	{ "flow-timeouts.*.closed", VALUE_NUMBER },
	{ "flow-timeouts.*.bypassed", VALUE_NUMBER },
	{ "defrag.memcap", VALUE_SIZE },
	{ "defrag.timeout", VALUE_NUMBER },
	{ "vlan.use-for-tracking", VALUE_BOOL },
	{ "decoder.recursion-level.use-for-tracking", VALUE_BOOL },
	{ "stats.enabled", VALUE_BOOL },
	{ "stats.interval", VALUE_NUMBER },
	{ "outputs.*.eve-log.enabled", VALUE_BOOL },
	{ "outputs.*.eve-log.community-id", VALUE_BOOL },
	{ "outputs.*.eve-log.community-id-seed", VALUE_NUMBER },
	{ "packet-alert-max", VALUE_NUMBER },
	{ "host.memcap", VALUE_SIZE },
	{ "app-layer.protocols.http.libhtp.default-config.request-body-limit", VALUE_SIZE },
	{ "app-layer.protocols.http.libhtp.default-config.response-body-limit", VALUE_SIZE },
};

static const char *const value_expected[] = {
	"yes or no", "a number", "a size such as 64mb",
};

static bool value_fits(const char *value, enum value_type type)
{
	uint64_t size;
	int64_t number;
	bool flag;

	switch (type) {
	case VALUE_BOOL:
		return conf_parse_bool(value, &flag) == 0;
	case VALUE_NUMBER:
		return conf_parse_int(value, &number) == 0;
	case VALUE_SIZE:
		return conf_parse_size(value, &size) == 0;
	}
	return true;
}

/* The dotted path of node; false where it doesn't fit. */
static bool node_path(const struct conf *node, char *text, size_t room)
{
	size_t at;

	if (node->parent == NULL) {
		*text = '\0';
		return true;
	}
	if (!node_path(node->parent, text, room))
		return false;
	at = strlen(text);
	return (size_t)snprintf(text + at, room - at, "%s%s", at ? "." : "", node->name) < room - at;
}

/* The node behind node in a walk of the whole tree; NULL at its end. */
static const struct conf *node_after(const struct conf *node, bool into)
{
	if (into && node->first != NULL)
		return node->first;
	while (node != NULL && node->next == NULL)
		node = node->parent;
	return node ? node->next : NULL;
}

int config_check(struct config *config)
{
	char path[PATH_TEXT_MAX];

	for (const struct conf *node = config->root; node != NULL; node = node_after(node, true)) {
		if (node->value == NULL || !node_path(node, path, sizeof(path)))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(value_types); i++) {
			if (fnmatch(value_types[i].pattern, path, 0) != 0 || value_fits(node->value, value_types[i].type))
				continue;
			return config_error(config, node->file ? node->file : "--set", (unsigned long)node->line,
					    (unsigned long)node->column, "%s: expected %s, found \"%s\"", path,
					    value_expected[value_types[i].type], node->value);
		}
	}
	return 0;
}

/* Read only in some modes of running (a file, an interface, with rules): not reading them in this
 * one doesn't make them strange. */
static const char *const sometimes_read[] = {
	"vars", "af-packet", "af-xdp", "pcap", "pcap-file", "default-rule-path", "rule-files", "classification-file",
	"reference-config-file", "threshold-file", "app-layer", "stats", "outputs", "logging", "default-log-dir", "detect",
	"datasets", "stream", "flow", "flow-timeouts", "defrag", "host-os-policy", "decoder", "vlan", "suricata-version",
	"capture", "engine", "pid-file", "runmode", "run-as", "default-reputation-path", "reputation-categories-file",
	"reputation-files", "exception-policy", "pcre", "packet-alert-max", "max-pending-packets", "default-packet-size",
	"host", "ippair", "legacy", "asn1-max-frames", "mpm-algo", "spm-algo", "engine-analysis", "host-mode",
	"sensor-name", "magic-file", "geoip-database", "threading", "coredump", "profiling", "multi-detect",
	"simulate-ips",
};

static bool switched_off(const struct conf *node)
{
	for (const struct conf *c = node->first; c != NULL; c = c->next) {
		bool on;

		if (strcmp(c->name, "enabled") == 0)
			return c->value != NULL && conf_parse_bool(c->value, &on) == 0 && !on;
	}
	return false;
}

unsigned config_unused(const struct config *config, char *text, size_t room)
{
	unsigned count = 0;
	size_t at = 0;

	*text = '\0';
	for (const struct conf *node = config->root->first; node != NULL; node = node->next) {
		bool known = node->used || switched_off(node);
		int n;

		for (size_t i = 0; i < ARRAY_LEN(sometimes_read) && !known; i++)
			known = strcmp(node->name, sometimes_read[i]) == 0;
		if (known)
			continue;
		count++;
		n = snprintf(text + at, room - at, "%s%s", at ? ", " : "", node->name);
		if (n > 0 && (size_t)n < room - at)
			at += (size_t)n;
		else
			text[at] = '\0';
	}
	return count;
}

bool rules_cache_dir(const struct conf *conf, char *out, size_t size)
{
	const char *path = conf_str(conf, "detect.sgh-mpm-caching-path", NULL);
	const char *home = getenv("HOME"), *cache = getenv("XDG_CACHE_HOME");
	int len;

	if (!conf_bool(conf, "detect.sgh-mpm-caching", true))
		return false;
	if (path != NULL)
		len = snprintf(out, size, "%s", path);
	else if (geteuid() == 0)
		len = snprintf(out, size, "/var/cache/tapir");
	else if (cache != NULL && cache[0] == '/')
		len = snprintf(out, size, "%s/tapir", cache);
	else if (home != NULL && home[0] == '/')
		len = snprintf(out, size, "%s/.cache/tapir", home);
	else
		return false;
	return len > 0 && (size_t)len < size;
}
