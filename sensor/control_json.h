/* control_json.h - what comes over the control socket, read. The seam to jansson in this layer. */
#ifndef TAPIR_SENSOR_CONTROL_JSON_H
#define TAPIR_SENSOR_CONTROL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct control_request;

/* The first object in text. *used: so many bytes belong to it; 0 where more have to come. NULL with *used > 0: those
 * bytes are no JSON. */
struct control_request *control_request_read(const char *text, size_t len, size_t *used);
void control_request_free(struct control_request *q);
/* A string member ("version", "command"); NULL where there is none. */
const char *control_request_str(const struct control_request *q, const char *name);
/* A member of "arguments", numbers as text; NULL where there is none. */
const char *control_request_argument(struct control_request *q, const char *name);

/* For the other end: a command with its arguments as "name=value" words; NULL where memory ran out. */
char *control_request_write(const char *command, const char *const *words, unsigned count);
/* Shows an answer to a person, or as it is. True where it says OK. */
bool control_answer_show(const char *text, size_t len, bool raw, FILE *out);

#endif
