/* tunable.c - tunables and counters by name: each protocol has its rows. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stack/host/host.h"

#define TEXT_MAX 128

static uint64_t unit_of(const struct tunable *t)
{
	return t->kind == TUNABLE_MS ? NS_PER_MS : NS_PER_US;
}

static const struct tunable *tunable_find(const char *name, const struct host_protocol **protocol)
{
	for (unsigned i = 0; i < HOST_PROTOCOLS; i++) {
		const struct tunable *t = host_protocols[i] != NULL ? host_protocols[i]->tunables : NULL;

		for (; t != NULL && t->name != NULL; t++) {
			if (strcmp(t->name, name) == 0) {
				*protocol = host_protocols[i];
				return t;
			}
		}
	}
	return NULL;
}

static int number_set(const struct tunable *t, uint8_t *field, const char *value)
{
	char *end;
	uint64_t v;
	uint32_t v32;
	bool flag;

	if (value[0] < '0' || value[0] > '9')
		return -EINVAL;
	errno = 0;
	v = strtoull(value, &end, 10);
	if (*end != '\0' || errno != 0 || v < t->min || (t->max && v > t->max))
		return -EINVAL;
	switch (t->kind) {
	case TUNABLE_BOOL:
		if (v > 1)
			return -EINVAL;
		flag = v;
		memcpy(field, &flag, sizeof(flag));
		break;
	case TUNABLE_MS:
	case TUNABLE_US:
		if (v > NEVER / unit_of(t))
			return -EINVAL;
		v *= unit_of(t);
		memcpy(field, &v, sizeof(v));
		break;
	default:
		if (v > UINT32_MAX)
			return -EINVAL;
		v32 = (uint32_t)v;
		memcpy(field, &v32, sizeof(v32));
	}
	return 0;
}

static int tunable_set(struct tapir_host *h, const struct tunable *t, uint8_t *state, const char *value)
{
	if (t->kind == TUNABLE_CALL)
		return t->set != NULL ? t->set(h, value) : -EACCES;
	if (t->kind != TUNABLE_NAME)
		return number_set(t, state + t->offset, value);
	for (uint32_t i = 0; t->names[i] != NULL; i++) {
		if (strcmp(t->names[i], value) == 0) {
			memcpy(state + t->offset, &i, sizeof(i));
			return 0;
		}
	}
	return -EINVAL;
}

static int tunable_get(struct tapir_host *h, const struct tunable *t, const uint8_t *state, char *out, size_t out_len)
{
	uint64_t v = 0;
	uint32_t v32;
	bool flag;

	switch (t->kind) {
	case TUNABLE_CALL:
		return t->get != NULL ? t->get(h, out, out_len) : -EACCES;
	case TUNABLE_NAME:
		memcpy(&v32, state + t->offset, sizeof(v32));
		return snprintf(out, out_len, "%s", t->names[v32]) < (int)out_len ? 0 : -ENOSPC;
	case TUNABLE_BOOL:
		memcpy(&flag, state + t->offset, sizeof(flag));
		v = flag;
		break;
	case TUNABLE_MS:
	case TUNABLE_US:
		memcpy(&v, state + t->offset, sizeof(v));
		v /= unit_of(t);
		break;
	case TUNABLE_U32:
		memcpy(&v32, state + t->offset, sizeof(v32));
		v = v32;
		break;
	}
	return snprintf(out, out_len, "%" PRIu64, v) < (int)out_len ? 0 : -ENOSPC;
}

int tapir_set(struct tapir_host *h, const char *name, const char *value)
{
	const struct host_protocol *protocol;
	const struct tunable *t = tunable_find(name, &protocol);
	int err = -ENOENT;

	if (t == NULL)
		return err;
	host_enter(h);
	err = tunable_set(h, t, host_state(h, protocol), value);
	host_leave(h);
	return err;
}

int tapir_get(struct tapir_host *h, const char *name, char *out, size_t out_len)
{
	const struct host_protocol *protocol;
	const struct tunable *t = tunable_find(name, &protocol);
	int err = -ENOENT;

	if (t == NULL)
		return err;
	host_enter(h);
	err = tunable_get(h, t, host_state(h, protocol), out, out_len);
	host_leave(h);
	return err;
}

int tapir_tunables_each(struct tapir_host *h, int (*visit)(void *arg, const char *name, const char *value), void *arg)
{
	int done = 0;

	host_enter(h);
	for (unsigned i = 0; i < HOST_PROTOCOLS && done == 0; i++) {
		const struct host_protocol *p = host_protocols[i];

		for (const struct tunable *t = p != NULL ? p->tunables : NULL;
		     t != NULL && t->name != NULL && done == 0; t++) {
			char text[TEXT_MAX];

			if (tunable_get(h, t, host_state(h, p), text, sizeof(text)) == 0)
				done = visit(arg, t->name, text);
		}
	}
	host_leave(h);
	return done;
}

static uint64_t counter_read(const struct tapir_host *h, const struct host_protocol *p, const struct counter_row *c)
{
	uint64_t v;

	memcpy(&v, (const uint8_t *)host_state(h, p) + c->offset, sizeof(v));
	return v;
}

int tapir_counters_each(struct tapir_host *h, int (*visit)(void *arg, const char *name, uint64_t value), void *arg)
{
	int done = 0;

	host_enter(h);
	for (unsigned i = 0; i < HOST_PROTOCOLS && done == 0; i++) {
		const struct host_protocol *p = host_protocols[i];

		for (const struct counter_row *c = p != NULL ? p->counters : NULL;
		     c != NULL && c->name != NULL && done == 0; c++)
			done = visit(arg, c->name, counter_read(h, p, c));
	}
	host_leave(h);
	return done;
}

uint64_t tapir_counter(struct tapir_host *h, const char *name)
{
	uint64_t value = 0;

	host_enter(h);
	for (unsigned i = 0; i < HOST_PROTOCOLS; i++) {
		const struct host_protocol *p = host_protocols[i];
		const struct counter_row *c = p != NULL ? p->counters : NULL;

		for (; c != NULL && c->name != NULL; c++)
			if (strcmp(c->name, name) == 0)
				value = counter_read(h, p, c);
	}
	host_leave(h);
	return value;
}
