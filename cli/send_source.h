/* send_source.h - what `tapir send` sends: frames made from a description or from hex, or read from a capture. */
#ifndef TAPIR_CLI_SEND_SOURCE_H
#define TAPIR_CLI_SEND_SOURCE_H

#include "capture/frame.h"
#include "stack/wire/craft.h"

struct send_source;

struct send_source_opts {
	const char *text;               /* a description (craft.h, sweep.h), or NULL */
	const char *hex;                /* a file of hex, a frame a line, "-" = standard input; or NULL */
	const char *capture;            /* a capture file, or NULL */
	bool hex_ip;                    /* hex is IP packets, not Ethernet frames */
	uint64_t seed;
	struct craft_opts craft;
};

/* Returns 0, or -errno after having said what is wrong. */
int send_source_open(struct send_source **out, const struct send_source_opts *opts);
void send_source_close(struct send_source *s);
/* The next frame, its bytes valid until the next call: link is LINK_ETHERNET or LINK_RAW; time_ns is set where it is
 * from a capture. 1, 0 behind the last one, or -errno after having said what is wrong. */
int send_source_next(struct send_source *s, struct frame *out);
/* From the first again. 0 or -errno. */
int send_source_rewind(struct send_source *s);
/* Each round gives the same frames. */
bool send_source_repeats(const struct send_source *s);

#endif
