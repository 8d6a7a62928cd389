/* tls.c - see tls.h. The one file that knows libssl. */
#include "output/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef TAPIR_HAVE_SSL
#include <openssl/err.h>
#include <openssl/ssl.h>

struct tls_context {
	SSL_CTX *ctx;
	bool verify;
};

struct tls {
	SSL *ssl;
};

bool tls_built_in(void)
{
	return true;
}

static void reason(char *error, size_t error_len, const char *what)
{
	unsigned long e = ERR_get_error();
	const char *text = e ? ERR_reason_error_string(e) : NULL;

	snprintf(error, error_len, "%s: %s", what, text ? text : "no answer");
	ERR_clear_error();
}

int tls_context_new(struct tls_context **out, const struct tls_opts *opts, char *error, size_t error_len)
{
	struct tls_context *c = calloc(1, sizeof(*c));
	const char *what = NULL;

	if (c == NULL)
		return -ENOMEM;
	c->verify = opts->verify;
	c->ctx = SSL_CTX_new(TLS_client_method());
	if (c->ctx == NULL) {
		free(c);
		return -ENOMEM;
	}
	SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(c->ctx, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_verify(c->ctx, opts->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	if (opts->ca_file != NULL ? SSL_CTX_load_verify_locations(c->ctx, opts->ca_file, NULL) != 1 :
				    SSL_CTX_set_default_verify_paths(c->ctx) != 1)
		what = opts->ca_file ? opts->ca_file : "the system's certificates";
	else if (opts->certificate != NULL && SSL_CTX_use_certificate_chain_file(c->ctx, opts->certificate) != 1)
		what = opts->certificate;
	else if (opts->key != NULL && SSL_CTX_use_PrivateKey_file(c->ctx, opts->key, SSL_FILETYPE_PEM) != 1)
		what = opts->key;
	if (what != NULL) {
		reason(error, error_len, what);
		tls_context_free(c);
		return -EINVAL;
	}
	*out = c;
	return 0;
}

void tls_context_free(struct tls_context *c)
{
	if (c == NULL)
		return;
	SSL_CTX_free(c->ctx);
	free(c);
}

int tls_connect(struct tls **out, struct tls_context *c, int fd, const char *server_name, char *error, size_t error_len)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->ssl = SSL_new(c->ctx);
	if (t->ssl == NULL || SSL_set_fd(t->ssl, fd) != 1 || SSL_set_tlsext_host_name(t->ssl, server_name) != 1 ||
	    (c->verify && SSL_set1_host(t->ssl, server_name) != 1) || SSL_connect(t->ssl) != 1) {
		reason(error, error_len, "TLS");
		tls_free(t);
		return -EPROTO;
	}
	*out = t;
	return 0;
}

int tls_write(struct tls *t, const void *data, size_t len)
{
	size_t written;

	ERR_clear_error();
	return len == 0 || SSL_write_ex(t->ssl, data, len, &written) == 1 ? 0 : -EPIPE;
}

bool tls_closed(struct tls *t)
{
	int fd = SSL_get_fd(t->ssl), flags = fcntl(fd, F_GETFL), n;
	bool closed;
	char byte;

	/* A session ticket is something to read and nothing to wait behind. */
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	ERR_clear_error();
	n = SSL_read(t->ssl, &byte, 1);
	closed = n <= 0 && SSL_get_error(t->ssl, n) != SSL_ERROR_WANT_READ;
	fcntl(fd, F_SETFL, flags);
	return closed;
}

void tls_free(struct tls *t)
{
	if (t->ssl != NULL) {
		if (SSL_is_init_finished(t->ssl))
			SSL_shutdown(t->ssl);
		SSL_free(t->ssl);
	}
	ERR_clear_error();
	free(t);
}
#else
bool tls_built_in(void)
{
	return false;
}

int tls_context_new(struct tls_context **out, const struct tls_opts *opts, char *error, size_t error_len)
{
	(void)out, (void)opts;
	snprintf(error, error_len, "this build has no TLS");
	return -ENOSYS;
}

void tls_context_free(struct tls_context *c)
{
	(void)c;
}

int tls_connect(struct tls **out, struct tls_context *c, int fd, const char *server_name, char *error, size_t error_len)
{
	(void)out, (void)c, (void)fd, (void)server_name, (void)error, (void)error_len;
	return -ENOSYS;
}

int tls_write(struct tls *t, const void *data, size_t len)
{
	(void)t, (void)data, (void)len;
	return -ENOSYS;
}

bool tls_closed(struct tls *t)
{
	(void)t;
	return true;
}

void tls_free(struct tls *t)
{
	(void)t;
}
#endif
