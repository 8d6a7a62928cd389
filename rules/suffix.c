/* suffix.c - public suffixes by rule of thumb: the last label, and before a country's two letters one of the
 * labels under which that country registers. The full list changes weekly and has ten thousand rows; this needs
 * no file and is right for nearly all names that rules ask for. */
#include "rules/suffix.h"

#include <strings.h>

static const char *const second_level[] = {
	"ac", "co", "com", "edu", "go", "gob", "gov", "gouv", "gv", "id", "info", "ltd", "mil", "ne", "net", "nhs",
	"nom", "or", "org", "plc", "police", "sch", "web", "biz", "asso", "adv", "art", "blog", "eco",
};

/* The label before `end`: where it begins. */
static size_t label_begin(struct slice name, size_t end)
{
	size_t at = end;

	while (at > 0 && name.data[at - 1] != '.')
		at--;
	return at;
}

static bool is_second_level(struct slice label)
{
	for (size_t i = 0; i < sizeof(second_level) / sizeof(second_level[0]); i++)
		if (label.len == strlen(second_level[i]) &&
		    strncasecmp((const char *)label.data, second_level[i], label.len) == 0)
			return true;
	return false;
}

static size_t suffix_begin(struct slice name)
{
	size_t last = label_begin(name, name.len), second;

	if (last == 0 || name.len - last != 2)
		return last;
	second = label_begin(name, last - 1);
	return is_second_level(slice_of(name.data + second, last - 1 - second)) ? second : last;
}

static struct slice name_clean(struct slice name)
{
	if (name.len > 0 && name.data[name.len - 1] == '.')
		name.len--;
	return name;
}

struct slice domain_suffix(struct slice name)
{
	size_t at;

	name = name_clean(name);
	at = suffix_begin(name);
	return slice_of(name.data + at, name.len - at);
}

struct slice domain_registered(struct slice name)
{
	size_t at;

	name = name_clean(name);
	at = suffix_begin(name);
	if (at == 0)
		return slice_of(NULL, 0);
	at = label_begin(name, at - 1);
	return slice_of(name.data + at, name.len - at);
}
