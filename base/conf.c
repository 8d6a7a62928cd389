/* conf.c - the configuration tree: built by the loader, read by everybody else. */
#include "base/conf.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PATH_DEPTH_MAX 64

struct conf *conf_new(void)
{
	return calloc(1, sizeof(struct conf));
}

void conf_free(struct conf *root)
{
	struct conf *node = root;

	/* Leaf by leaf, without recursion: a tree may be deep. */
	while (node != NULL) {
		struct conf *next;

		if (node->first != NULL) {
			next = node->first;
			node->first = NULL;     /* its children follow one another by next */
		} else {
			next = node == root ? NULL : node->next ? node->next : node->parent;
			free(node->name);
			free(node->value);
			free(node);
		}
		node = next;
	}
}

struct conf *conf_add(struct conf *parent, const char *name, const char *value)
{
	struct conf *node = calloc(1, sizeof(*node));

	if (node == NULL)
		return NULL;
	node->name = strdup(name);
	node->value = value ? strdup(value) : NULL;
	if (node->name == NULL || (value != NULL && node->value == NULL)) {
		free(node->name);
		free(node->value);
		free(node);
		return NULL;
	}
	node->parent = parent;
	if (parent->last != NULL)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	return node;
}

void conf_remove(struct conf *node)
{
	struct conf *parent = node->parent;

	if (parent != NULL) {
		struct conf **link = &parent->first;
		struct conf *before = NULL;

		while (*link != node) {
			before = *link;
			link = &(*link)->next;
		}
		*link = node->next;
		if (parent->last == node)
			parent->last = before;
	}
	conf_free(node);
}

static struct conf *child_named(const struct conf *node, const char *name, size_t len)
{
	for (struct conf *c = node->first; c != NULL; c = c->next) {
		if (strncmp(c->name, name, len) == 0 && c->name[len] == '\0')
			return c;
	}
	return NULL;
}

/* One step of a path: a child by name, or in a list the value of the member that
 * is a map with that key. */
static struct conf *conf_step(const struct conf *node, const char *name, size_t len)
{
	struct conf *found = child_named(node, name, len);

	if (found != NULL || !node->is_list)
		return found;
	for (struct conf *c = node->first; c != NULL; c = c->next) {
		found = child_named(c, name, len);
		if (found != NULL)
			return found;
	}
	return NULL;
}

static void mark_used(struct conf *node)
{
	for (; node != NULL && !node->used; node = node->parent)
		node->used = true;
}

struct conf *conf_find(const struct conf *node, const char *path)
{
	struct conf *at = NULL;

	while (node != NULL) {
		size_t len = strcspn(path, ".");

		at = conf_step(node, path, len);
		if (at == NULL)
			return NULL;
		if (path[len] == '\0')
			break;
		node = at;
		path += len + 1;
	}
	mark_used(at);
	return at;
}

struct conf *conf_child(const struct conf *node, const char *name)
{
	struct conf *at = node ? child_named(node, name, strlen(name)) : NULL;

	mark_used(at);
	return at;
}

static bool is_index(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)name[i]))
			return false;
	}
	return len > 0 && len < 8;
}

/* The child that conf_set asks for, made where it is missing. */
static int conf_step_make(struct conf **out, struct conf *node, const char *name, size_t len)
{
	char key[256];
	struct conf *at = conf_step(node, name, len);

	if (at == NULL) {
		if (len == 0 || len >= sizeof(key))
			return -EINVAL;
		memcpy(key, name, len);
		key[len] = '\0';
		if (is_index(name, len) && (node->is_list || node->first == NULL)) {
			unsigned long members = 0;

			for (struct conf *c = node->first; c != NULL; c = c->next)
				members++;
			if (strtoul(key, NULL, 10) != members)
				return -ERANGE;
			node->is_list = true;
		} else if (node->is_list) {
			return -EINVAL;
		}
		at = conf_add(node, key, NULL);
		if (at == NULL)
			return -ENOMEM;
	}
	*out = at;
	return 0;
}

int conf_set(struct conf *root, const char *path, const char *value)
{
	struct conf *node = root;
	char *copy;

	for (unsigned depth = 0;; depth++) {
		size_t len = strcspn(path, ".");
		int err = depth < PATH_DEPTH_MAX ? conf_step_make(&node, node, path, len) : -EINVAL;

		if (err < 0)
			return err;
		if (path[len] == '\0')
			break;
		path += len + 1;
	}
	copy = strdup(value);
	if (copy == NULL)
		return -ENOMEM;
	while (node->first != NULL)
		conf_remove(node->first);
	node->is_list = false;
	free(node->value);
	node->value = copy;
	node->file = NULL;
	node->line = 0;
	return 0;
}

const char *conf_str(const struct conf *node, const char *path, const char *otherwise)
{
	struct conf *at = conf_find(node, path);

	return at && at->value ? at->value : otherwise;
}

int conf_parse_bool(const char *text, bool *out)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };

	for (size_t i = 0; i < 4; i++) {
		if (strcasecmp(text, yes[i]) == 0) {
			*out = true;
			return 0;
		}
		if (strcasecmp(text, no[i]) == 0) {
			*out = false;
			return 0;
		}
	}
	return -EINVAL;
}

bool conf_bool(const struct conf *node, const char *path, bool otherwise)
{
	const char *text = conf_str(node, path, NULL);
	bool value;

	return text && conf_parse_bool(text, &value) == 0 ? value : otherwise;
}

int64_t conf_int(const struct conf *node, const char *path, int64_t otherwise)
{
	const char *text = conf_str(node, path, NULL);
	int64_t value;

	return text && conf_parse_int(text, &value) == 0 ? value : otherwise;
}

int conf_parse_int(const char *text, int64_t *out)
{
	bool hex = strncasecmp(text + (*text == '-'), "0x", 2) == 0;
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, hex ? 16 : 10);
	if (end == text || errno != 0)
		return -EINVAL;
	while (isspace((unsigned char)*end))
		end++;
	if (*end != '\0')
		return -EINVAL;
	*out = v;
	return 0;
}

int conf_parse_size(const char *text, uint64_t *out)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} units[] = {
		{ "", 1 }, { "b", 1 },
		{ "k", 1 << 10 }, { "kb", 1 << 10 }, { "kib", 1 << 10 },
		{ "m", 1 << 20 }, { "mb", 1 << 20 }, { "mib", 1 << 20 },
		{ "g", 1 << 30 }, { "gb", 1 << 30 }, { "gib", 1 << 30 },
		{ "t", UINT64_C(1) << 40 }, { "tb", UINT64_C(1) << 40 }, { "tib", UINT64_C(1) << 40 },
	};
	char unit[8];
	size_t len = 0;
	double v = 0, scale = 1;
	const char *p = text;

	while (isspace((unsigned char)*p))
		p++;
	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++)
		v = v * 10 + (*p - '0');
	if (*p == '.') {
		for (p++; isdigit((unsigned char)*p); p++) {
			scale /= 10;
			v += (*p - '0') * scale;
		}
	}
	while (isspace((unsigned char)*p))
		p++;
	for (; isalpha((unsigned char)*p) && len < sizeof(unit) - 1; p++)
		unit[len++] = *p;
	unit[len] = '\0';
	while (isspace((unsigned char)*p))
		p++;
	if (*p != '\0')
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcasecmp(unit, units[i].name) != 0)
			continue;
		v = floor(v * (double)units[i].bytes);
		if (v >= 9e18)
			return -EINVAL;
		*out = (uint64_t)v;
		return 0;
	}
	return -EINVAL;
}

uint64_t conf_size(const struct conf *node, const char *path, uint64_t otherwise)
{
	const char *text = conf_str(node, path, NULL);
	uint64_t value;

	return text && conf_parse_size(text, &value) == 0 ? value : otherwise;
}
