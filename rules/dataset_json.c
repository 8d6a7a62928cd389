/* dataset_json.c - sets whose values carry what is known about them; the seam to jansson in this layer. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/text.h"
#include "rules/dataset.h"
#include "rules/lines.h"

/* "a.b.c" below node. */
static json_t *path_find(json_t *node, const char *path, json_t **parent, char *last, size_t size)
{
	struct slice rest = slice_str(path), part;

	*parent = NULL;
	while (node != NULL && text_part(&rest, '.', &part)) {
		if (part.len >= size)
			return NULL;
		memcpy(last, part.data, part.len);
		last[part.len] = '\0';
		*parent = node;
		node = json_object_get(node, last);
	}
	return node;
}

static int one_load(struct dataset *d, json_t *one, const struct dataset_json *how, const char **error)
{
	struct dataset_value carried = { 0 };
	json_t *parent, *value;
	char last[128], *text;
	uint8_t bytes[64];
	struct slice key;
	size_t len;
	int added;

	value = path_find(one, how->value_key, &parent, last, sizeof(last));
	if (value == NULL) {
		*error = "an entry has no value_key";
		return -EINVAL;
	}
	if (!json_is_string(value)) {
		*error = "a value isn't a string";
		return -EINVAL;
	}
	key = slice_of(json_string_value(value), json_string_length(value));
	if (dataset_type_of(d) != DATASET_STRING) {
		if (!dataset_value_read(dataset_type_of(d), key, bytes, sizeof(bytes), &len)) {
			*error = "a value isn't of the set's type";
			return -EINVAL;
		}
		key = slice_of(bytes, len);
	}
	text = NULL;
	if (how->remove_key) {
		json_t *copy = json_deep_copy(one);
		json_t *inner = copy != NULL ? copy : one;

		path_find(inner, how->value_key, &parent, last, sizeof(last));
		if (copy != NULL && parent != NULL) {
			json_object_del(parent, last);
			text = json_dumps(copy, JSON_COMPACT);
		}
		json_decref(copy);
	} else {
		text = json_dumps(one, JSON_COMPACT);
	}
	if (text == NULL)
		return -ENOMEM;
	/* Deleting may have freed the value that key points to only in the copy. */
	carried.json = slice_str(text);
	added = dataset_add(d, key, &carried);
	free(text);
	if (added < 0)
		*error = "the set is larger than its memcap";
	return added < 0 ? added : 0;
}

static int document_load(struct dataset *d, const char *text, size_t size, const struct dataset_json *how,
			 const char **error)
{
	json_error_t problem;
	json_t *root = json_loadb(text, size, 0, &problem), *list = root, *parent, *one;
	char last[128];
	size_t i;
	int err = 0;

	if (root == NULL) {
		*error = "this isn't valid JSON";
		return -EINVAL;
	}
	if (how->array_key != NULL)
		list = path_find(root, how->array_key, &parent, last, sizeof(last));
	if (!json_is_array(list)) {
		*error = "this isn't an array of objects";
		err = -EINVAL;
	} else {
		json_array_foreach(list, i, one)
			if (err == 0)
				err = one_load(d, one, how, error);
	}
	json_decref(root);
	return err;
}

int dataset_load_json(struct dataset *d, const char *path, const struct dataset_json *how, uint32_t *line,
		      const char **error)
{
	struct slice rest, one;
	json_error_t problem;
	char *text = NULL;
	size_t len;
	int err = file_read(path, &text, &len);

	*line = 0;
	*error = "it can't be read";
	if (err < 0)
		return err;
	if (!how->lines) {
		err = document_load(d, text, len, how, error);
		free(text);
		return err;
	}
	rest = slice_of(text, len);
	while (err == 0 && line_next(&rest, &one)) {
		json_t *node;

		(*line)++;
		one = text_trim(one);
		if (one.len == 0)
			continue;
		node = json_loadb((const char *)one.data, one.len, 0, &problem);
		*error = "this line isn't valid JSON";
		err = node != NULL ? one_load(d, node, how, error) : -EINVAL;
		json_decref(node);
	}
	free(text);
	return err;
}
