/* tls.h - TLS over a connected socket, as a client. */
#ifndef TAPIR_OUTPUT_TLS_H
#define TAPIR_OUTPUT_TLS_H

#include <stdbool.h>
#include <stddef.h>

struct tls_context;
struct tls;

struct tls_opts {
	const char *ca_file;            /* NULL: the system's */
	const char *certificate, *key;  /* ours; NULL: none */
	bool verify;                    /* the server's certificate and its name */
};

/* False where this build has no TLS. */
bool tls_built_in(void);
int tls_context_new(struct tls_context **out, const struct tls_opts *opts, char *error, size_t error_len);
void tls_context_free(struct tls_context *c);
/* The handshake, over a blocking socket with timeouts. */
int tls_connect(struct tls **out, struct tls_context *c, int fd, const char *server_name, char *error, size_t error_len);
/* All of it, or -errno. */
int tls_write(struct tls *t, const void *data, size_t len);
/* Whether the peer has said goodbye; reads away what it says otherwise. */
bool tls_closed(struct tls *t);
void tls_free(struct tls *t);

#endif
