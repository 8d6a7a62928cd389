/* What the record writer makes of any bytes is what another parser reads back. */
#include <string.h>

#include "base/check_json.h"
#include "base/json.h"
#include "base/must.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t max = size > 1 ? 64 + data[0] * 16 + data[1] : 64;
	struct slice text = slice_of(data, size);
	struct json j;
	json_error_t error;
	json_t *root, *value;

	if (json_init(&j, 16, max) < 0)
		return 0;
	json_object(&j, NULL);
	json_slice(&j, "text", text);
	json_printable(&j, "printable", data, size);
	json_array(&j, "list");
	json_base64(&j, NULL, data, size);
	json_hex(&j, NULL, data, size, ':');
	json_close(&j);
	json_object(&j, "keyed");
	/* Jansson takes no key with a zero byte, though JSON does. */
	if (size > 0 && memchr(data, 0, size < 20 ? size : 20) == NULL)
		json_bytes_keyed(&j, slice_head(text, 20), slice_skip(text, 20));
	json_close(&j);
	json_close(&j);
	json_line(&j);
	must(j.len <= max && json_utf8_valid(j.buf, j.len));
	root = json_loadb(j.buf, j.len, JSON_ALLOW_NUL, &error);
	must(root != NULL);
	value = json_object_get(root, "text");
	if (value != NULL && json_utf8_valid(data, size)) {
		must(json_string_length(value) == size);
		must(size == 0 || memcmp(json_string_value(value), data, size) == 0);
	}
	json_decref(root);
	json_fini(&j);
	return 0;
}
