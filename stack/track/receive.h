/* receive.h - the connection as the two hosts' kernels take it: which bytes their applications get. */
#ifndef TAPIR_TRACK_RECEIVE_H
#define TAPIR_TRACK_RECEIVE_H

#include "stack/track/observe.h"

/* Takes the packet's data and what it acknowledges; observed is what the observer made of it. */
void receive(struct tracker *t, struct flow *flow, struct packet *pkt, enum observed_verdict observed);

#endif
