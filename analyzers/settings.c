/* settings.c - the application layer as configured (app-layer.protocols), shared by all workers, and a
 * worker's own part of it: its budget, its counters. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyzers/app.h"
#include "base/must.h"
#include "base/text.h"

#define ANALYZER_BUDGET_DEFAULT (1ull << 30)

const struct analyzer *analyzer_at(unsigned index)
{
	return index < analyzers_builtin_count ? analyzers_builtin[index] : NULL;
}

unsigned analyzer_count(void)
{
	return analyzers_builtin_count;
}

const struct analyzer *analyzer_find(const char *name)
{
	for (unsigned i = 0; i < analyzers_builtin_count; i++)
		if (strcmp(analyzers_builtin[i]->name, name) == 0)
			return analyzers_builtin[i];
	for (unsigned i = 0; i < analyzers_builtin_count; i++)
		if (text_listed(analyzers_builtin[i]->aliases, slice_str(name)))
			return analyzers_builtin[i];
	return NULL;
}

/* "53, 5353", "[139,445]", "8000:8010" */
static int ports_parse(const char *text, struct port_ranges *out)
{
	out->count = 0;
	while (*text != '\0') {
		char *end;
		unsigned long from, to;

		text += strspn(text, " ,[]\t");
		if (*text == '\0')
			break;
		from = to = strtoul(text, &end, 10);
		if (end == text)
			return -EINVAL;
		if (*end == ':' || *end == '-') {
			text = end + 1;
			to = strtoul(text, &end, 10);
			if (end == text)
				to = 65535;
		}
		if (from > to || to > 65535 || out->count == PORT_RANGES_MAX)
			return -EINVAL;
		out->at[out->count++] = (struct port_range){ (uint16_t)from, (uint16_t)to };
		text = end;
	}
	return 0;
}

static void ports_read(const struct conf *conf, const char *path, struct port_ranges *out)
{
	const struct conf *node = conf_find(conf, path);
	struct port_ranges got = { 0 };

	if (node == NULL)
		return;
	if (node->value != NULL) {
		if (ports_parse(conf_str(conf, path, ""), &got) == 0)
			*out = got;
		return;
	}
	for (const struct conf *c = node->first; c != NULL; c = c->next) {
		struct port_ranges one = { 0 };

		if (c->value == NULL || ports_parse(c->value, &one) < 0)
			continue;
		for (unsigned i = 0; i < one.count && got.count < PORT_RANGES_MAX; i++)
			got.at[got.count++] = one.at[i];
	}
	*out = got;
}

static void mode_read(const struct conf *conf, const char *path, uint8_t *mode)
{
	const char *text = conf_str(conf, path, NULL);
	bool on;

	if (text == NULL)
		return;
	if (strcmp(text, "detection-only") == 0)
		*mode = PROTO_DETECT_ONLY;
	else if (conf_parse_bool(text, &on) == 0)
		*mode = on ? PROTO_ON : PROTO_OFF;
}

static int proto_read(struct proto_conf *pc, const struct conf *conf)
{
	static const char *const transports[2] = { "tcp", "udp" };
	const struct analyzer *an = pc->analyzer;
	const struct conf *node;
	char path[128];

	must(an->abi == ANALYZER_ABI);
	snprintf(path, sizeof(path), "app-layer.protocols.%s", an->conf != NULL ? an->conf : an->name);
	node = conf != NULL ? conf_find(conf, path) : NULL;
	for (unsigned t = 0; t < 2; t++) {
		char sub[64];

		if ((an->transports & (t == 0 ? TRANSPORT_TCP : TRANSPORT_UDP)) == 0)
			continue;
		pc->mode[t] = an->off_by_default ? PROTO_OFF : PROTO_ON;
		if (an->ports != NULL)
			must(ports_parse(an->ports, &pc->server_ports[t]) == 0);
		if (node == NULL)
			continue;
		mode_read(node, "enabled", &pc->mode[t]);
		snprintf(sub, sizeof(sub), "%s.enabled", transports[t]);
		mode_read(node, sub, &pc->mode[t]);
		/* Ports for all transports come before those for one, as in Suricata. */
		snprintf(sub, sizeof(sub), "%s.detection-ports.dp", transports[t]);
		ports_read(node, sub, &pc->server_ports[t]);
		snprintf(sub, sizeof(sub), "%s.detection-ports.sp", transports[t]);
		ports_read(node, sub, &pc->client_ports[t]);
		ports_read(node, "detection-ports.dp", &pc->server_ports[t]);
		ports_read(node, "detection-ports.sp", &pc->client_ports[t]);
	}
	if (node != NULL)
		pc->memcap = conf_size(node, "memcap", 0);
	if (an->settings_new == NULL)
		return 0;
	return an->settings_new(&pc->settings, node);
}

int app_settings_new(struct app_settings **out, const struct conf *conf)
{
	struct app_settings *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (s == NULL)
		return -ENOMEM;
	s->protos = calloc(analyzer_count() + 1, sizeof(*s->protos));
	if (s->protos == NULL)
		goto fail;
	for (unsigned i = 0; i < analyzer_count(); i++) {
		s->protos[i].analyzer = analyzer_at(i);
		s->count++;
		err = proto_read(&s->protos[i], conf);
		if (err < 0)
			goto fail;
	}
	err = detect_tables_new(s);
	if (err == 0)
		err = expectations_new(&s->expectations);
	if (err < 0)
		goto fail;
	s->wants = APP_WANT_RULES | APP_WANT_RECORDS | APP_WANT_FILES | APP_WANT_BODIES | APP_WANT_FRAMES;
	*out = s;
	return 0;
fail:
	app_settings_free(s);
	return err;
}

void app_settings_free(struct app_settings *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->count; i++)
		if (s->protos[i].analyzer->settings_free != NULL && s->protos[i].settings != NULL)
			s->protos[i].analyzer->settings_free(s->protos[i].settings);
	detect_tables_free(s);
	expectations_free(s->expectations);
	free(s->protos);
	free(s);
}

const struct proto_conf *proto_conf_of(const struct app_settings *s, const struct analyzer *analyzer)
{
	for (unsigned i = 0; i < s->count; i++)
		if (s->protos[i].analyzer == analyzer)
			return &s->protos[i];
	return NULL;
}

bool app_enabled(const struct app_settings *s, const struct analyzer *analyzer)
{
	const struct proto_conf *pc = proto_conf_of(s, analyzer);

	return pc != NULL && (pc->mode[0] != PROTO_OFF || pc->mode[1] != PROTO_OFF);
}

int app_new(struct app **out, struct mem *mem, const struct app_settings *settings)
{
	struct app *app = calloc(1, sizeof(*app));

	if (app == NULL)
		return -ENOMEM;
	app->stats = calloc(settings->count + 1, sizeof(*app->stats));
	if (app->stats == NULL) {
		free(app);
		return -ENOMEM;
	}
	app->settings = settings;
	app->wants = settings->wants;
	for (unsigned i = 0; i < settings->count; i++)
		app->stats[i].name = settings->protos[i].analyzer->name;
	app->stats[settings->count].name = "failed";
	budget_init_class(&app->budget, mem, MEM_ANALYZER, ANALYZER_BUDGET_DEFAULT);
	*out = app;
	return 0;
}

void app_free(struct app *app)
{
	if (app == NULL)
		return;
	for (unsigned k = 0; k < DIGEST_KINDS; k++)
		while (app->digest_count[k] > 0)
			digest_free(app->digests[k][--app->digest_count[k]]);
	cipher_free(app->cipher);
	magic_free(app->magic);
	free(app->stats);
	free(app);
}

void app_want(struct app *app, uint32_t wants)
{
	app->wants = wants;
}

uint32_t app_wanted(const struct app *app)
{
	return app->wants;
}

bool app_stats(const struct app *app, unsigned index, struct app_stats *out)
{
	if (index > app->settings->count)
		return false;
	*out = app->stats[index];
	return true;
}

const struct budget *app_budget(const struct app *app)
{
	return &app->budget;
}
