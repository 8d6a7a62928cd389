/* x509.h - what TLS records and rules want of a certificate: read from its DER, without libcrypto.
 *
 * The packet path allocates nothing, and libcrypto's certificates are a hundred allocations each; what is
 * wanted is six fields. Texts are as Suricata writes them. */
#ifndef TAPIR_ANALYZERS_TLS_X509_H
#define TAPIR_ANALYZERS_TLS_X509_H

#include "analyzers/analyzer.h"

/* What keeps a certificate from being read: names are those of tls's events. */
enum x509_error {
	X509_OK,
	X509_INVALID,           /* lengths that don't fit into each other */
	X509_LENGTH,            /* ends too early */
	X509_DER,               /* not the structure that belongs there */
	X509_SERIAL,
	X509_DATE,
	X509_NO_MEMORY,
};

struct x509_text {
	uint32_t at, len;       /* in x509.text */
	bool there;
};

struct x509 {
	struct bytes text;
	struct x509_text subject, issuer, serial;
	int64_t not_before, not_after;  /* seconds since 1970 */
	/* subjectAltName: count texts, each behind its length in two bytes */
	uint32_t names_at, names_len, name_count;
};

/* Reads the certificate in der; x is zero before. x509_fini is due whatever the answer. */
enum x509_error x509_parse(struct x509 *x, struct budget *budget, struct slice der);
void x509_fini(struct x509 *x, struct budget *budget);

static inline struct slice x509_text(const struct x509 *x, struct x509_text t)
{
	return slice_of(x->text.data + t.at, t.len);
}

/* subjectAltName number i; false where there is none. */
bool x509_name_at(const struct x509 *x, uint32_t i, struct slice *out);

/* "2020-01-31T23:59:59"; out has room for X509_TIME_MAX. */
#define X509_TIME_MAX 32
void x509_time_text(int64_t seconds, char out[X509_TIME_MAX]);

#endif
