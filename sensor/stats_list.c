/* stats_list.c - dotted names become nested objects: sorted, names that share a beginning stand
 * together, so that one pass opens and closes each object once. */
#include "sensor/stats_list.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 8

void stats_list_reset(struct stats_list *l)
{
	for (unsigned i = 0; i < l->count; i++)
		free(l->items[i].raw);
	l->count = 0;
	l->failed = false;
}

void stats_list_fini(struct stats_list *l)
{
	stats_list_reset(l);
	free(l->items);
	*l = (struct stats_list){ 0 };
}

static struct stat_item *item_new(struct stats_list *l)
{
	if (l->count == l->room) {
		unsigned room = l->room ? l->room * 2 : 512;
		struct stat_item *items = realloc(l->items, room * sizeof(*items));

		if (items == NULL) {
			l->failed = true;
			return NULL;
		}
		l->items = items;
		l->room = room;
	}
	l->items[l->count] = (struct stat_item){ .thread = l->thread != NULL };
	return &l->items[l->count++];
}

/* Where the name begins, behind the thread's. */
static size_t item_place(const struct stats_list *l, struct stat_item *item)
{
	int n = l->thread != NULL ? snprintf(item->name, sizeof(item->name), "threads.%s.", l->thread) : 0;

	return n < 0 || (size_t)n >= sizeof(item->name) ? 0 : (size_t)n;
}

void stats_list_add(struct stats_list *l, uint64_t value, const char *fmt, ...)
{
	struct stat_item *item = item_new(l);
	size_t at;
	va_list ap;

	if (item == NULL)
		return;
	item->value = (int64_t)value;
	at = item_place(l, item);
	va_start(ap, fmt);
	vsnprintf(item->name + at, sizeof(item->name) - at, fmt, ap);
	va_end(ap);
}

void stats_list_add_bool(struct stats_list *l, bool value, const char *name)
{
	struct stat_item *item = item_new(l);

	if (item == NULL)
		return;
	snprintf(item->name, sizeof(item->name), "%s", name);
	item->value = value;
	item->is_bool = true;
}

void stats_list_add_raw(struct stats_list *l, char *text, const char *name)
{
	struct stat_item *item = text ? item_new(l) : NULL;

	if (item == NULL) {
		free(text);
		return;
	}
	snprintf(item->name, sizeof(item->name), "%s", name);
	item->raw = text;
}

/* The dot sorts before everything else, so that an object's members stay together. */
static int name_compare(const void *a, const void *b)
{
	const unsigned char *x = (const unsigned char *)((const struct stat_item *)a)->name;
	const unsigned char *y = (const unsigned char *)((const struct stat_item *)b)->name;

	while (*x != '\0' && *x == *y) {
		x++;
		y++;
	}
	return (*x == '.' ? 1 : *x == '\0' ? 0 : *x + 1) - (*y == '.' ? 1 : *y == '\0' ? 0 : *y + 1);
}

void stats_list_sort(struct stats_list *l)
{
	if (l->count > 1)
		qsort(l->items, l->count, sizeof(*l->items), name_compare);
}

/* How many objects two names share. */
static unsigned shared_depth(const char *a, const char *b)
{
	unsigned depth = 0;

	for (; *a != '\0' && *a == *b; a++, b++)
		depth += *a == '.';
	return depth;
}

static unsigned depth_of(const char *name)
{
	unsigned depth = 0;

	for (; *name != '\0'; name++)
		depth += *name == '.';
	return depth;
}

static void item_json(const struct stat_item *item, unsigned open, struct json *j, bool with_delta)
{
	char part[STAT_NAME_MAX + 8];
	const char *at = item->name;

	for (unsigned depth = 0;; depth++) {
		size_t len = strcspn(at, ".");

		memcpy(part, at, len);
		part[len] = '\0';
		if (at[len] == '\0')
			break;
		if (depth >= open)
			json_object(j, part);
		at += len + 1;
	}
	if (item->raw != NULL)
		json_raw(j, part, slice_str(item->raw));
	else if (item->is_bool)
		json_bool(j, part, item->value != 0);
	else
		json_int(j, part, item->value);
	if (with_delta && item->raw == NULL && !item->is_bool) {
		snprintf(part + strlen(part), 8, "_delta");
		json_int(j, part, item->delta);
	}
}

void stats_list_deltas(struct stats_list *l, struct stats_list *last)
{
	unsigned k = 0;

	for (unsigned i = 0; i < l->count; i++) {
		struct stat_item *item = &l->items[i];

		while (k < last->count && name_compare(&last->items[k], item) < 0)
			k++;
		item->delta = item->value;
		if (k < last->count && name_compare(&last->items[k], item) == 0)
			item->delta -= last->items[k].value;
	}
	stats_list_reset(last);
	for (unsigned i = 0; i < l->count; i++) {
		struct stat_item *copy = item_new(last);

		if (copy == NULL)
			return;
		*copy = l->items[i];
		copy->raw = NULL;
	}
}

void stats_list_json(const struct stats_list *l, struct json *j, unsigned parts)
{
	const char *last = "";
	unsigned open = 0;

	for (unsigned i = 0; i < l->count; i++) {
		const struct stat_item *item = &l->items[i];
		unsigned shared = shared_depth(last, item->name);

		if (!(parts & (item->thread ? STATS_THREADS : STATS_TOTALS)) || depth_of(item->name) > DEPTH_MAX ||
		    (item->value == 0 && !(parts & STATS_ZEROS) && !item->is_bool && item->raw == NULL))
			continue;
		for (; open > shared; open--)
			json_close(j);
		item_json(item, open, j, (parts & STATS_DELTAS) != 0);
		open = depth_of(item->name);
		last = item->name;
	}
	for (; open > 0; open--)
		json_close(j);
}

void stats_list_table(const struct stats_list *l, FILE *out)
{
	fprintf(out, "%-45s | %-25s | %-s\n", "Counter", "TM Name", "Value");
	for (unsigned i = 0; i < 100; i++)
		fputc('-', out);
	fputc('\n', out);
	for (unsigned i = 0; i < l->count; i++) {
		const struct stat_item *item = &l->items[i];

		if (item->value != 0 && !item->is_bool && !item->thread)
			fprintf(out, "%-45s | %-25s | %-" PRId64 "\n", item->name, "Total", item->value);
	}
}
