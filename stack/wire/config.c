/* config.c - decoder.* of the configuration: which tunnels to look for, and where. */
#include <errno.h>
#include <stdlib.h>

#include "base/conf.h"
#include "base/must.h"
#include "stack/wire/packet.h"

#define PORTS_MAX 4
#define TEXT_MAX 128

/* "$NAME" is vars.port-groups.NAME; NULL where there is no such name. */
static const char *resolve(const struct conf *conf, const char *text)
{
	char path[TEXT_MAX] = "vars.port-groups.";
	const size_t prefix = strlen(path);

	if (text[0] != '$')
		return text;
	if (prefix + strlen(text) > sizeof(path))
		return NULL;
	memcpy(path + prefix, text + 1, strlen(text));
	return conf_str(conf, path, NULL);
}

/* Up to four port numbers in whatever brackets, blanks and commas a person puts around them. */
static int ports_parse(uint16_t ports[PORTS_MAX], const char *text)
{
	unsigned n = 0;

	memset(ports, 0, PORTS_MAX * sizeof(ports[0]));
	while (*text) {
		char *end;
		long v;

		if (strchr("[], \t", *text)) {
			text++;
			continue;
		}
		v = strtol(text, &end, 10);
		if (end == text || v < 1 || v > 65535 || n == PORTS_MAX)
			return -EINVAL;
		ports[n++] = (uint16_t)v;
		text = end;
	}
	return n ? 0 : -EINVAL;
}

static int tunnel_load(const struct conf *conf, const char *name, bool *enabled, uint16_t ports[PORTS_MAX],
		       const struct conf **where)
{
	const struct conf *decoder = conf_find(conf, "decoder");
	const struct conf *node = decoder ? conf_child(decoder, name) : NULL;
	const struct conf *list;
	unsigned n = 0;

	if (node == NULL)
		return 0;
	*enabled = conf_bool(node, "enabled", *enabled);
	list = conf_find(node, "ports");
	if (list == NULL)
		return 0;
	*where = list;
	if (!list->is_list) {
		const char *text = list->value ? resolve(conf, list->value) : NULL;

		return text ? ports_parse(ports, text) : -EINVAL;
	}
	memset(ports, 0, PORTS_MAX * sizeof(ports[0]));
	for (const struct conf *c = list->first; c; c = c->next) {
		uint16_t one[PORTS_MAX];

		if (n == PORTS_MAX || c->value == NULL || ports_parse(one, c->value) < 0 || one[1] != 0)
			return -EINVAL;
		ports[n++] = one[0];
	}
	return 0;
}

int packet_config_load(struct packet_config *cfg, const struct conf *conf, const struct conf **where)
{
	const struct conf *none;
	int64_t layers;
	int err;

	if (where == NULL)
		where = &none;
	*where = NULL;
	packet_config_default(cfg);
	layers = conf_int(conf, "decoder.max-layers", cfg->layers_max);
	if (layers < 1 || layers > 255) {
		*where = conf_find(conf, "decoder.max-layers");
		return -EINVAL;
	}
	cfg->layers_max = (unsigned)layers;
	cfg->teredo_any_port = conf_find(conf, "decoder.teredo.ports") == NULL;
	err = tunnel_load(conf, "teredo", &cfg->teredo, cfg->teredo_ports, where);
	if (!err)
		err = tunnel_load(conf, "vxlan", &cfg->vxlan, cfg->vxlan_ports, where);
	if (!err)
		err = tunnel_load(conf, "geneve", &cfg->geneve, cfg->geneve_ports, where);
	if (!err)
		err = tunnel_load(conf, "gtpu", &cfg->gtpu, cfg->gtpu_ports, where);
	if (!err)
		*where = NULL;
	return err;
}
