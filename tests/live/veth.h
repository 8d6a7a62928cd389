/* veth.h - a network namespace of our own with a veth pair in it, va <-> vb, both up and
 * with nothing on them but what a test sends. */
#ifndef TAPIR_TESTS_LIVE_VETH_H
#define TAPIR_TESTS_LIVE_VETH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Enters a new namespace. False where that isn't allowed here: skip (77). */
bool veth_namespace(void);
/* (Re)makes the pair with this MTU and as many queues each; false where it can't. */
bool veth_pair(unsigned mtu, unsigned queues);
void veth_remove(void);
/* Runs a shell command; true where it succeeded. */
bool veth_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A packet socket that sends on and receives from an interface, at most waiting 2 s. */
int veth_socket(const char *interface);
/* A UDP frame of this length in all, numbered. */
void veth_frame(uint8_t *frame, size_t len, uint32_t number);

#endif
