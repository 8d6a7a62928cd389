/* control.h - the control socket: Suricata's unix-command protocol, so that suricatasc and what is built on it
 * work here as well.
 *
 * A client says {"version": "0.2"}, then sends {"command": NAME, "arguments": {…}} and gets {"message": …, "return":
 * "OK" or "NOK"}, one object a line. Everything happens in the main thread, between two looks at its descriptors; a
 * client that doesn't read what it asked for is dropped. Who may connect may do everything: the socket is private. */
#ifndef TAPIR_SENSOR_CONTROL_H
#define TAPIR_SENSOR_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/conf.h"

#define CONTROL_CLIENTS_MAX 16
#define CONTROL_FDS_MAX (CONTROL_CLIENTS_MAX + 1)

struct control;
struct run;

/* Listens as configured (unix-command). *out NULL and 0 where that is off, or where it is automatic and can't be. */
int control_new(struct control **out, struct run *r);
void control_free(struct control *c);
/* What to wait for, at most CONTROL_FDS_MAX; c may be NULL. */
unsigned control_poll(struct control *c, struct pollfd *fds);
void control_attend(struct control *c, const struct pollfd *fds, unsigned count);
/* A reload has ended: those who wait for it are told. */
void control_reloaded(struct control *c, int err);

/* Where the socket is: as configured, else where the system keeps such things. False: there is no such place. */
bool control_path(const struct conf *conf, char *out, size_t size);

#endif
