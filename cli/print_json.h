/* print_json.h - one JSON document to standard output. */
#ifndef TAPIR_CLI_PRINT_JSON_H
#define TAPIR_CLI_PRINT_JSON_H

#include "base/json.h"

/* 0 or -ENOMEM. */
int print_json_begin(struct json *j);
/* Prints and frees; an exit status. */
int print_json_end(struct json *j);

#endif
