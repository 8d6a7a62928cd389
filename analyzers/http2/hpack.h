/* hpack.h - header compression of HTTP/2 (RFC 7541), one decoder a direction. */
#ifndef TAPIR_ANALYZERS_HTTP2_HPACK_H
#define TAPIR_ANALYZERS_HTTP2_HPACK_H

#include "base/budget.h"
#include "base/slice.h"

struct hpack;

struct hpack_sink {
	void *ctx;
	void (*header)(void *ctx, struct slice name, struct slice value);
	void (*table_size)(void *ctx, uint32_t size);
};

/* NULL where there is no memory, or the build is without nghttp2. */
struct hpack *hpack_new(struct budget *b);
void hpack_free(struct hpack *h);
/* A whole header block. False: it is broken, and so is every later one of this direction. */
bool hpack_decode(struct hpack *h, struct slice block, const struct hpack_sink *sink);

#endif
