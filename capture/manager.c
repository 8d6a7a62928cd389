/* manager.c - a list of open sets under a lock.
 *
 * Opening and closing take their time (a driver may reset its link): they have a
 * lock of their own, so that looking up and visiting wait only for the list. */
#include "capture/manager.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "capture/impair.h"
#include "capture/trace.h"

struct entry {
	struct entry *next;
	char kind[16];
	unsigned refs;
	struct device_set set;  /* flexible: last */
};

struct device_manager {
	pthread_mutex_t life;   /* held while opening and closing */
	pthread_mutex_t list;   /* held inside that, or alone */
	struct entry *first;
};

int device_manager_new(struct device_manager **out)
{
	struct device_manager *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return -ENOMEM;
	pthread_mutex_init(&m->life, NULL);
	pthread_mutex_init(&m->list, NULL);
	*out = m;
	return 0;
}

static void entry_close(struct entry *e)
{
	/* The first queue's device restores what was set for all: it goes last. */
	for (unsigned i = e->set.count; i > 0; i--)
		device_close(e->set.devices[i - 1]);
	free(e);
}

void device_manager_free(struct device_manager *m)
{
	struct entry *e;

	if (m == NULL)
		return;
	while ((e = m->first)) {
		m->first = e->next;
		entry_close(e);
	}
	pthread_mutex_destroy(&m->life);
	pthread_mutex_destroy(&m->list);
	free(m);
}

/* The entry with this name, of this kind or of any. The list's lock is held. */
static struct entry *entry_find(struct device_manager *m, const char *kind, const char *name)
{
	for (struct entry *e = m->first; e; e = e->next)
		if (strcmp(e->set.name, name) == 0 && (kind == NULL || strcmp(e->kind, kind) == 0))
			return e;
	return NULL;
}

/* How many devices make the set. */
static uint32_t devices_of(const struct device_opts *opts)
{
	const struct device_kind *kind = device_kind_find(opts->kind);
	uint32_t n = kind && kind->ops->queues ? kind->ops->queues(opts) : 1;

	return n < 1 ? 1 : n > DEVICE_SET_MAX ? DEVICE_SET_MAX : n;
}

static int entry_open(struct entry **out, const struct device_opts *opts)
{
	struct device_opts one = *opts;
	uint32_t count = devices_of(opts);
	struct entry *e = calloc(1, sizeof(*e) + count * sizeof(e->set.devices[0]));
	int err;

	if (e == NULL)
		return -ENOMEM;
	snprintf(e->kind, sizeof(e->kind), "%s", opts->kind);
	snprintf(e->set.name, sizeof(e->set.name), "%s", opts->name ? opts->name : "");
	e->refs = 1;
	for (one.queue = 0; one.queue < count; one.queue++) {
		one.queues = count;
		one.sibling = one.queue ? e->set.devices[0] : NULL;
		/* Once for the interface is enough. */
		one.promiscuous = opts->promiscuous && one.queue == 0;
		err = device_open(&e->set.devices[one.queue], &one);
		if (err < 0) {
			entry_close(e);
			return err;
		}
		e->set.count++;
	}
	*out = e;
	return 0;
}

/* The kind that was asked for, or the best of those that an interface can have. */
static int entry_open_best(struct entry **out, const struct device_opts *opts)
{
	struct device_opts o = *opts;
	char reason[sizeof((*out)->set.reason)] = "there is no AF_XDP in this build";
	int err;

	if (opts->kind)
		return entry_open(out, opts);
	if (device_kind_find("afxdp")) {
		o.kind = "afxdp";
		err = entry_open(out, &o);
		if (err == 0 || err == -ENODEV || err == -ENETDOWN)
			return err;
		snprintf(reason, sizeof(reason), "%s", device_error());
	}
	o.kind = "pcap";
	err = entry_open(out, &o);
	if (err == 0)
		snprintf((*out)->set.reason, sizeof((*out)->set.reason), "%s", reason);
	return err;
}

int device_manager_open(struct device_manager *m, struct device_set **out, const struct device_opts *opts)
{
	const char *name = opts->name ? opts->name : "";
	struct entry *e;
	int err = 0;

	if (strlen(name) >= DEVICE_NAME_MAX && (opts->kind == NULL || strcmp(opts->kind, "file") != 0)) {
		device_error_set("\"%s\" is too long for a name", name);
		return -ENAMETOOLONG;
	}
	pthread_mutex_lock(&m->life);
	pthread_mutex_lock(&m->list);
	/* A file is read from its start by each who opens it. */
	e = opts->kind && strcmp(opts->kind, "file") == 0 ? NULL : entry_find(m, opts->kind, name);
	if (e)
		e->refs++;
	pthread_mutex_unlock(&m->list);
	if (e == NULL) {
		err = entry_open_best(&e, opts);
		if (err == 0) {
			pthread_mutex_lock(&m->list);
			e->next = m->first;
			m->first = e;
			pthread_mutex_unlock(&m->list);
		}
	}
	pthread_mutex_unlock(&m->life);
	if (err == 0)
		*out = &e->set;
	return err;
}

struct device_set *device_manager_find(struct device_manager *m, const char *name)
{
	struct entry *e;

	pthread_mutex_lock(&m->list);
	e = entry_find(m, NULL, name);
	if (e)
		e->refs++;
	pthread_mutex_unlock(&m->list);
	return e ? &e->set : NULL;
}

void device_manager_put(struct device_manager *m, struct device_set *set)
{
	struct entry *e, **at;

	if (set == NULL)
		return;
	e = (struct entry *)((char *)set - offsetof(struct entry, set));
	pthread_mutex_lock(&m->life);
	pthread_mutex_lock(&m->list);
	must(e->refs > 0);
	if (--e->refs > 0) {
		e = NULL;
	} else {
		for (at = &m->first; *at != e; at = &(*at)->next)
			must(*at);
		*at = e->next;
	}
	pthread_mutex_unlock(&m->list);
	if (e)
		entry_close(e);
	pthread_mutex_unlock(&m->life);
}

void device_manager_each(struct device_manager *m, bool (*visit)(const struct device_set *set, void *arg),
			 void *arg)
{
	pthread_mutex_lock(&m->list);
	for (const struct entry *e = m->first; e; e = e->next)
		if (!visit(&e->set, arg))
			break;
	pthread_mutex_unlock(&m->list);
}

/* Options of a specification: a number, a switch, or the rest of the text. */
static const struct {
	const char *name;
	enum { SPEC_NUMBER, SPEC_SWITCH, SPEC_TEXT, SPEC_REST } type;
	size_t offset;
} spec_options[] = {
	{ "queue", SPEC_NUMBER, offsetof(struct device_spec, opts.queue) },
	{ "queues", SPEC_NUMBER, offsetof(struct device_spec, opts.queues) },
	{ "snaplen", SPEC_NUMBER, offsetof(struct device_spec, opts.snap_len) },
	{ "frame-len", SPEC_NUMBER, offsetof(struct device_spec, opts.frame_len) },
	{ "frames", SPEC_NUMBER, offsetof(struct device_spec, opts.frames_max) },
	{ "link", SPEC_NUMBER, offsetof(struct device_spec, opts.link) },
	{ "mtu", SPEC_NUMBER, offsetof(struct device_spec, opts.mtu) },
	{ "promiscuous", SPEC_SWITCH, offsetof(struct device_spec, opts.promiscuous) },
	{ "immediate", SPEC_SWITCH, offsetof(struct device_spec, opts.immediate) },
	{ "busy-poll", SPEC_SWITCH, offsetof(struct device_spec, opts.busy_poll) },
	{ "huge-pages", SPEC_SWITCH, offsetof(struct device_spec, opts.huge_pages) },
	{ "copy", SPEC_SWITCH, offsetof(struct device_spec, opts.copy) },
	{ "generic", SPEC_SWITCH, offsetof(struct device_spec, opts.generic) },
	{ "read-only", SPEC_SWITCH, offsetof(struct device_spec, opts.read_only) },
	{ "exclusive", SPEC_SWITCH, offsetof(struct device_spec, opts.exclusive) },
	{ "output", SPEC_TEXT, offsetof(struct device_spec, opts.output) },
	{ "trace", SPEC_TEXT, offsetof(struct device_spec, trace) },
	{ "impair", SPEC_TEXT, offsetof(struct device_spec, impair) },
	{ "filter", SPEC_REST, offsetof(struct device_spec, opts.filter) },
};

/* Sets the option that starts at *at, and moves *at behind it. 0 or -EINVAL. */
static int spec_option(struct device_spec *spec, char **at)
{
	char *name = *at, *end = name + strcspn(name, ",="), *value = NULL, *rest;
	size_t i = 0;

	if (*end == '=')
		value = end + 1;
	while (i < ARRAY_LEN(spec_options) &&
	       (strlen(spec_options[i].name) != (size_t)(end - name) ||
		strncmp(spec_options[i].name, name, (size_t)(end - name)) != 0))
		i++;
	if (i == ARRAY_LEN(spec_options)) {
		device_error_set("there is no device option \"%.*s\"", (int)(end - name), name);
		return -EINVAL;
	}
	if ((value == NULL) != (spec_options[i].type == SPEC_SWITCH)) {
		device_error_set("device option %s: expected %s", spec_options[i].name,
				 value ? "no value" : "=VALUE");
		return -EINVAL;
	}
	rest = spec_options[i].type == SPEC_REST ? value + strlen(value) : end + strcspn(end, ",");
	*at = *rest ? rest + 1 : rest;
	*rest = '\0';
	if (spec_options[i].type == SPEC_SWITCH) {
		*(bool *)((char *)spec + spec_options[i].offset) = true;
	} else if (spec_options[i].type == SPEC_NUMBER) {
		unsigned long v = strtoul(value, &end, 10);

		if (*end || end == value || v > UINT32_MAX) {
			device_error_set("device option %s=%s: expected a number", spec_options[i].name, value);
			return -EINVAL;
		}
		*(uint32_t *)((char *)spec + spec_options[i].offset) = (uint32_t)v;
	} else {
		*(const char **)((char *)spec + spec_options[i].offset) = value;
	}
	return 0;
}

int device_spec_parse(struct device_spec *out, const char *text)
{
	char *at, *name;
	int err = 0;

	memset(out, 0, sizeof(*out));
	out->text = strdup(text);
	if (out->text == NULL)
		return -ENOMEM;
	at = out->text + strcspn(out->text, ",");
	if (*at)
		*at++ = '\0';
	name = strchr(out->text, ':');
	if (name == NULL) {
		device_error_set("\"%s\": expected KIND:NAME, as in afxdp:eth0 or file:capture.pcap", text);
		err = -EINVAL;
	} else {
		*name++ = '\0';
		out->opts.kind = out->text;
		out->opts.name = *name ? name : NULL;
	}
	while (err == 0 && *at)
		err = spec_option(out, &at);
	if (err < 0)
		device_spec_fini(out);
	return err;
}

void device_spec_fini(struct device_spec *spec)
{
	free(spec->text);
	memset(spec, 0, sizeof(*spec));
}

/* Puts the device into a bad network; on failure it is closed. */
static int impair_wrap(struct device **dev, const char *text)
{
	struct impair_opts opts;
	char *copy = strdup(text), why[128] = "";
	int err = copy ? 0 : -ENOMEM;

	for (char *at = copy; at && *at; at++)
		if (*at == '+')
			*at = ',';
	if (err == 0)
		err = impair_opts_parse(&opts, copy, why, sizeof(why));
	if (err == 0)
		err = impair_new(dev, *dev, &opts);
	if (err < 0) {
		device_error_set("impair: %s", why[0] ? why : strerror(-err));
		device_close(*dev);
	}
	free(copy);
	return err;
}

int device_spec_open(struct device **out, const struct device_spec *spec)
{
	struct device *dev;
	int err = device_open(&dev, &spec->opts);

	if (err == 0 && spec->trace) {
		err = trace_new(&dev, dev, spec->trace);
		if (err < 0) {
			device_error_set("%s: %s", spec->trace, strerror(-err));
			device_close(dev);
		}
	}
	if (err == 0 && spec->impair)
		err = impair_wrap(&dev, spec->impair);
	if (err == 0)
		*out = dev;
	return err;
}
