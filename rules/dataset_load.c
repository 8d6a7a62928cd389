/* dataset_load.c - values of sets as text: strings in base64, digests in hex, addresses as usual, and behind a comma
 * a reputation. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/text.h"
#include "rules/dataset.h"
#include "rules/lines.h"
#include "rules/lists.h"
#include "rules/rules.h"

static bool hex_read(struct slice text, uint8_t *out, size_t len)
{
	if (text.len != len * 2)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = text_hex_digit(text.data[2 * i]), low = text_hex_digit(text.data[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* ::ffff:10.1.2.3 is 10.1.2.3. */
static bool addr_is_mapped(const uint8_t *bytes)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(bytes, prefix, sizeof(prefix)) == 0;
}

bool dataset_value_read(enum dataset_type type, struct slice text, uint8_t *out, size_t cap, size_t *len)
{
	struct ip_addr addr;
	int64_t n;
	int family;

	switch (type) {
	case DATASET_STRING:
		n = base64_decode(out, cap, text.data, text.len, BASE64_STRICT, NULL);
		*len = n >= 0 ? (size_t)n : 0;
		return n >= 0;
	case DATASET_MD5:
		*len = 16;
		return cap >= 16 && hex_read(text, out, 16);
	case DATASET_SHA256:
		*len = 32;
		return cap >= 32 && hex_read(text, out, 32);
	default:
		if (!addr_text_parse(text, &addr, &family) || (type == DATASET_IPV4 && family != 0) || cap < 16)
			return false;
		*len = family ? 16 : 4;
		memcpy(out, addr.bytes, *len);
		if (family && addr_is_mapped(addr.bytes)) {
			memcpy(out, addr.bytes + 12, 4);
			*len = 4;
		}
		return true;
	}
}

size_t dataset_value_write(enum dataset_type type, struct slice value, char *out, size_t cap)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	if (type == DATASET_STRING) {
		n = base64_len(value.len) < cap ? base64_encode(out, value.data, value.len) : 0;
	} else if (type == DATASET_MD5 || type == DATASET_SHA256) {
		for (size_t i = 0; i < value.len && n + 2 < cap; i++) {
			out[n++] = digits[value.data[i] >> 4];
			out[n++] = digits[value.data[i] & 15];
		}
	} else if (inet_ntop(value.len == 4 ? AF_INET : AF_INET6, value.data, out, (socklen_t)cap) != NULL) {
		n = strlen(out);
	}
	out[n] = '\0';
	return n;
}

static int line_load(struct dataset *d, struct slice line, bool reputation, uint8_t *buffer, size_t cap,
		     const char **error)
{
	struct slice rest = line, text;
	struct dataset_value carried = { 0 };
	uint32_t number;
	size_t len;
	int added;

	text_part(&rest, ',', &text);
	if (reputation != (rest.data != NULL)) {
		*error = "values with and without a reputation can't be mixed";
		return -EINVAL;
	}
	if (reputation) {
		if (!text_u32(text_trim(rest), UINT16_MAX, &number)) {
			*error = "a reputation is a number up to 65535";
			return -EINVAL;
		}
		carried.has_reputation = true;
		carried.reputation = (uint16_t)number;
	}
	if (!dataset_value_read(dataset_type_of(d), text, buffer, cap, &len)) {
		*error = dataset_type_of(d) == DATASET_STRING ? "strings are written in base64" : "this isn't a value of the set's type";
		return -EINVAL;
	}
	added = dataset_add(d, slice_of(buffer, len), &carried);
	if (added < 0) {
		*error = "the set is larger than its memcap";
		return added;
	}
	return 0;
}

int dataset_load(struct dataset *d, const char *path, bool reputation, uint32_t *line, const char **error)
{
	struct slice rest, one;
	char *text = NULL;
	uint8_t *buffer;
	size_t len;
	int err = file_read(path, &text, &len);

	*line = 0;
	*error = "it can't be read";
	if (err < 0)
		return err;
	buffer = malloc(len + 64);
	rest = slice_of(text, len);
	err = buffer != NULL ? 0 : -ENOMEM;
	while (err == 0 && line_next(&rest, &one)) {
		(*line)++;
		one = text_trim(one);
		if (one.len > 0 && one.data[0] != '#')
			err = line_load(d, one, reputation, buffer, len + 64, error);
	}
	free(buffer);
	free(text);
	return err;
}

static void configured_one(struct dataset_store *s, const struct rule_load *load, const struct conf *c,
			   struct rule_report *report)
{
	const char *type = conf_str(c, "type", NULL), *state = conf_str(c, "state", NULL);
	const char *path = conf_str(c, "load", state), *error;
	struct dataset *set = NULL;
	char message[200], *full = NULL;
	uint32_t line = 0;
	int err = 0;

	for (int i = 0; i < DATASET_TYPES && type != NULL; i++)
		if (strcmp(type, dataset_types[i]) == 0 && dataset_find(s, c->name) == NULL)
			set = dataset_make(s, c->name, (enum dataset_type)i, conf_size(c, "memcap", 100u << 20),
					   (uint32_t)conf_size(c, "hashsize", 4096));
	if (set == NULL)
		return;
	if (path != NULL && path[0] != '/' && load->data_dir != NULL && asprintf(&full, "%s/%s", load->data_dir, path) < 0)
		full = NULL;
	if (full != NULL)
		path = full;
	if (path != NULL)
		err = dataset_load(set, path, false, &line, &error);
	if (state != NULL && path != NULL)
		dataset_save_to(set, path);
	if (err < 0 && !(state != NULL && err == -ENOENT)) {
		snprintf(message, sizeof(message), "the set %s: %s", c->name, error);
		rule_report_add(report, DIAG_ERROR, path, line, line ? 1 : 0, 0, message, NULL);
	}
	free(full);
}

void datasets_configure(struct dataset_store *s, const struct rule_load *load, struct rule_report *report)
{
	const struct conf *list = load->conf != NULL ? conf_find(load->conf, "datasets") : NULL;

	for (struct conf *c = list != NULL ? list->first : NULL; c != NULL; c = c->next)
		if (c->name != NULL && c->first != NULL && conf_child(c, "type") != NULL)
			configured_one(s, load, c, report);
}
