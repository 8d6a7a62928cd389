/* control_own.h - between control.c (the socket) and control_commands.c (what can be asked). */
#ifndef TAPIR_SENSOR_CONTROL_OWN_H
#define TAPIR_SENSOR_CONTROL_OWN_H

#include "base/json.h"
#include "sensor/control_json.h"
#include "sensor/run.h"

enum control_verdict { CONTROL_OK, CONTROL_NOK, CONTROL_LATER /* when the reload has ended */ };

struct control_call {
	struct run *run;
	struct control_request *request;
	struct json *answer;            /* its object is open: a command adds "message" */
};

struct control_command {
	const char *name;
	const char *arguments;          /* for people: "iface=NAME"; NULL: none */
	const char *summary;
	enum control_verdict (*run)(struct control_call *call);
};

/* Names in the order of the alphabet. */
extern const struct control_command control_commands[];
extern const unsigned control_command_count;

#endif
