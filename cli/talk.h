/* talk.h - standard input into a socket of our host, and the socket to standard output. */
#ifndef TAPIR_CLI_TALK_H
#define TAPIR_CLI_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include "tapir/socket.h"

struct talk {
	const char *command;
	struct tapir_host *host;
	int fd;                         /* connected */
	int stop;                       /* stop_fd */
	bool datagrams;
	uint64_t idle_ns;               /* end where nothing came or went for so long; 0 = never */
	uint64_t linger_ns;             /* end so long after standard input has; 0 = with the other end */
	bool no_input;
};

/* Until the other end has closed (and for datagrams: idle_ns or linger_ns are over), or a signal came. When
 * standard input ends, a stream's sending side is shut down. Closes the socket, waiting until what was sent has arrived.
 * Returns an exit status; what failed has been said. */
int talk_run(const struct talk *t);

#endif
