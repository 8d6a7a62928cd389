/* lists.c - walks nested lists, with variables from the configuration. Nesting is bounded, so that a
 * variable that names itself is found. */
#include "rules/lists.h"

#include <errno.h>
#include <stdlib.h>

#define DEPTH_MAX 32

/* Where the configuration says nothing at all about a group: as in a freshly installed suricata.yaml. */
static const struct { const char *group, *name, *value; } defaults[] = {
	{ "address-groups", "HOME_NET", "[192.168.0.0/16,10.0.0.0/8,172.16.0.0/12]" },
	{ "address-groups", "EXTERNAL_NET", "!$HOME_NET" },
	{ "address-groups", "HTTP_SERVERS", "$HOME_NET" },
	{ "address-groups", "SMTP_SERVERS", "$HOME_NET" },
	{ "address-groups", "SQL_SERVERS", "$HOME_NET" },
	{ "address-groups", "DNS_SERVERS", "$HOME_NET" },
	{ "address-groups", "TELNET_SERVERS", "$HOME_NET" },
	{ "address-groups", "AIM_SERVERS", "$EXTERNAL_NET" },
	{ "address-groups", "DC_SERVERS", "$HOME_NET" },
	{ "address-groups", "DNP3_SERVER", "$HOME_NET" },
	{ "address-groups", "DNP3_CLIENT", "$HOME_NET" },
	{ "address-groups", "MODBUS_CLIENT", "$HOME_NET" },
	{ "address-groups", "MODBUS_SERVER", "$HOME_NET" },
	{ "address-groups", "ENIP_CLIENT", "$HOME_NET" },
	{ "address-groups", "ENIP_SERVER", "$HOME_NET" },
	{ "port-groups", "HTTP_PORTS", "80" },
	{ "port-groups", "SHELLCODE_PORTS", "!80" },
	{ "port-groups", "ORACLE_PORTS", "1521" },
	{ "port-groups", "SSH_PORTS", "22" },
	{ "port-groups", "DNP3_PORTS", "20000" },
	{ "port-groups", "MODBUS_PORTS", "502" },
	{ "port-groups", "FILE_DATA_PORTS", "[$HTTP_PORTS,110,143]" },
	{ "port-groups", "FTP_PORTS", "21" },
	{ "port-groups", "GENEVE_PORTS", "6081" },
	{ "port-groups", "VXLAN_PORTS", "4789" },
	{ "port-groups", "TEREDO_PORTS", "3544" },
	{ "port-groups", "SIP_PORTS", "[5060, 5061]" },
};

static const char *variable_default(const char *group, struct slice name)
{
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		if (strcmp(defaults[i].group, group) == 0 && text_is(name, defaults[i].name))
			return defaults[i].value;
	return NULL;
}

static const char *variable_find(const struct list_walk *w, struct slice name)
{
	const struct conf *vars = w->p->load->conf ? conf_find(w->p->load->conf, "vars") : NULL;
	const struct conf *group = vars != NULL ? conf_child(vars, w->group) : NULL;

	if (group == NULL)
		return variable_default(w->group, name);
	for (struct conf *c = group->first; c != NULL; c = c->next) {
		if (c->name != NULL && c->value != NULL && text_is(name, c->name)) {
			c->used = true;
			return c->value;
		}
	}
	return NULL;
}

static void variable_suggest(const struct list_walk *w, struct slice name)
{
	const struct conf *vars = w->p->load->conf ? conf_find(w->p->load->conf, "vars") : NULL;
	const struct conf *group = vars != NULL ? conf_child(vars, w->group) : NULL;
	const char *nearest = NULL;
	unsigned best = 4;

	for (const struct conf *c = group != NULL ? group->first : NULL; c != NULL; c = c->next) {
		unsigned d = c->name != NULL ? text_distance(name, slice_str(c->name), best) : best;

		if (d < best) {
			best = d;
			nearest = c->name;
		}
	}
	if (nearest != NULL)
		rule_hint(w->p, "did you mean $%s?", nearest);
	else
		rule_hint(w->p, "define it below vars.%s", w->group);
}

static int variable_walk(struct list_walk *w, struct slice item, bool negated)
{
	const uint8_t *place = list_place(w, item), *outer = w->anchor;
	struct slice name = slice_of(item.data + 1, item.len - 1);
	const char *value = variable_find(w, name);
	int err;

	if (value == NULL) {
		variable_suggest(w, name);
		return rule_error(w->p, place, "the variable $%.*s isn't defined", SLICE_ARG(name));
	}
	if (text_trim(slice_str(value)).len == 0)
		return rule_error(w->p, place, "the variable $%.*s is empty", SLICE_ARG(name));
	w->anchor = place;
	err = negated ? w->excluded(w, slice_str(value)) : list_walk(w, slice_str(value));
	w->anchor = outer;
	return err;
}

static int item_walk(struct list_walk *w, struct slice item)
{
	bool negated = false;

	item = text_trim(item);
	while (item.len > 0 && item.data[0] == '!') {
		negated = !negated;
		item = text_trim(slice_of(item.data + 1, item.len - 1));
	}
	if (item.len == 0 && w->members > 0) {
		rule_warning(w->p, list_place(w, item), "an empty %s in the list", w->what);
		return 0;
	}
	if (item.len == 0)
		return rule_error(w->p, list_place(w, item), "an empty %s in the list", w->what);
	if (item.data[0] == '$')
		return variable_walk(w, item, negated);
	if (item.data[0] == '[') {
		if (item.data[item.len - 1] != ']')
			return rule_error(w->p, list_place(w, item), "\"]\" is missing");
		item = slice_of(item.data + 1, item.len - 2);
		return negated ? w->excluded(w, item) : list_walk(w, item);
	}
	w->members++;
	return w->leaf(w, item, negated);
}

int list_walk(struct list_walk *w, struct slice text)
{
	size_t begin = 0;
	int depth = 0, err = 0;

	if (++w->depth > DEPTH_MAX) {
		w->depth--;
		rule_hint(w->p, "does a variable name itself?");
		return rule_error(w->p, list_place(w, text), "lists are nested too deeply");
	}
	for (size_t i = 0; i <= text.len && err == 0; i++) {
		uint8_t c = i < text.len ? text.data[i] : ',';

		if (c == '[')
			depth++;
		else if (c == ']')
			depth--;
		if (depth < 0 || (i == text.len && depth > 0))
			err = rule_error(w->p, list_place(w, slice_of(text.data + i, 0)), "brackets don't pair up");
		else if (c == ',' && depth == 0) {
			err = item_walk(w, slice_of(text.data + begin, i - begin));
			begin = i + 1;
		}
	}
	w->depth--;
	return err;
}

static uint32_t cache_hash(const char *text)
{
	uint32_t h = 2166136261u;

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 16777619u;
	return h;
}

const void *set_cache_get(const struct set_cache *c, const char *text)
{
	uint32_t at;

	if (c->cap == 0)
		return NULL;
	for (at = cache_hash(text) & (c->cap - 1); c->slots[at].text != NULL; at = (at + 1) & (c->cap - 1))
		if (c->slots[at].text == text)
			return c->slots[at].set;
	return NULL;
}

int set_cache_put(struct set_cache *c, const char *text, const void *set)
{
	uint32_t at;

	if ((c->count + 1) * 2 > c->cap) {
		struct set_cache bigger = { .cap = c->cap ? c->cap * 2 : 256 };

		bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
		if (bigger.slots == NULL)
			return -ENOMEM;
		for (uint32_t i = 0; i < c->cap; i++)
			if (c->slots[i].text != NULL)
				set_cache_put(&bigger, c->slots[i].text, c->slots[i].set);
		free(c->slots);
		*c = bigger;
	}
	for (at = cache_hash(text) & (c->cap - 1); c->slots[at].text != NULL; at = (at + 1) & (c->cap - 1))
		;
	c->slots[at].text = text;
	c->slots[at].set = set;
	c->count++;
	return 0;
}
