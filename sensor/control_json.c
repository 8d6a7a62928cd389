/* control_json.c - see control_json.h. */
#include "sensor/control_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct control_request {
	json_t *root;
	char number[32];
};

struct control_request *control_request_read(const char *text, size_t len, size_t *used)
{
	struct control_request *q;
	const char *end = memchr(text, '\n', len);
	json_error_t error;
	json_t *root = json_loadb(text, len, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);

	*used = 0;
	if (root == NULL) {
		/* A whole line that can't be read, or a part of something. */
		if (end != NULL)
			*used = (size_t)(end - text) + 1;
		return NULL;
	}
	*used = error.position > 0 && (size_t)error.position <= len ? (size_t)error.position : len;
	q = calloc(1, sizeof(*q));
	if (q == NULL) {
		json_decref(root);
		return NULL;
	}
	q->root = root;
	return q;
}

void control_request_free(struct control_request *q)
{
	if (q == NULL)
		return;
	json_decref(q->root);
	free(q);
}

const char *control_request_str(const struct control_request *q, const char *name)
{
	return json_string_value(json_object_get(q->root, name));
}

const char *control_request_argument(struct control_request *q, const char *name)
{
	const json_t *value = json_object_get(json_object_get(q->root, "arguments"), name);

	if (json_is_integer(value)) {
		snprintf(q->number, sizeof(q->number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return q->number;
	}
	return json_string_value(value);
}

char *control_request_write(const char *command, const char *const *words, unsigned count)
{
	json_t *root = json_object(), *arguments = json_object();
	char name[64], *text = NULL;

	if (root == NULL || arguments == NULL || json_object_set_new(root, "command", json_string(command)) < 0)
		goto out;
	for (unsigned i = 0; i < count; i++) {
		size_t len = strcspn(words[i], "=");

		if (len >= sizeof(name) || words[i][len] != '=')
			goto out;
		memcpy(name, words[i], len);
		name[len] = '\0';
		if (json_object_set_new(arguments, name, json_string(words[i] + len + 1)) < 0)
			goto out;
	}
	if (count > 0 && json_object_set(root, "arguments", arguments) < 0)
		goto out;
	text = json_dumps(root, JSON_COMPACT);
out:
	json_decref(root);
	json_decref(arguments);
	return text;
}

bool control_answer_show(const char *text, size_t len, bool raw, FILE *out)
{
	json_t *root = json_loadb(text, len, JSON_DISABLE_EOF_CHECK, NULL);
	const json_t *message = json_object_get(root, "message");
	const char *answer = json_string_value(json_object_get(root, "return"));
	bool ok = answer != NULL && strcmp(answer, "OK") == 0;

	if (raw)
		fprintf(out, "%.*s\n", (int)strcspn(text, "\n"), text);
	else if (json_is_string(message))
		fprintf(out, "%s\n", json_string_value(message));
	else if (message != NULL) {
		json_dumpf(message, out, JSON_INDENT(2) | JSON_ENCODE_ANY);
		fputc('\n', out);
	}
	json_decref(root);
	return ok;
}
