/* check_json.h - jansson for tests that read back what base/json.h wrote.
 *
 * Both have a json_object, a json_array and a json_null. A test only reads, so
 * jansson's constructors are hidden from it. */
#ifndef TAPIR_BASE_CHECK_JSON_H
#define TAPIR_BASE_CHECK_JSON_H

#define json_object jansson_object
#define json_array jansson_array
#define json_null jansson_null
#include <jansson.h>
#undef json_object
#undef json_array
#undef json_null

#endif
