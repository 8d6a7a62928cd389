/* fields.c - names of a message as rule buffers. */
#include "analyzers/dns/message.h"

static bool section_name(struct tx *tx, enum dns_section section, unsigned index, struct field_value *out)
{
	const struct dns_message *m = &((struct dns_tx *)tx)->msg;
	const struct dns_record *r = dns_record_at(m, section, index);

	if (r == NULL)
		return false;
	out->bytes = dns_text(m, r->name);
	out->complete = true;
	return true;
}

bool dns_get_queries(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	(void)side;
	return section_name(tx, DNS_QUERIES, index, out);
}

bool dns_get_answers(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	(void)side;
	return section_name(tx, DNS_ANSWERS, index, out);
}

bool dns_get_authorities(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	(void)side;
	return section_name(tx, DNS_AUTHORITIES, index, out);
}

bool dns_get_additionals(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	(void)a;
	(void)side;
	return section_name(tx, DNS_ADDITIONALS, index, out);
}

/* Number 2i is record i's own name, 2i + 1 the one in its data (its own again where there is none: looking at
 * it twice does no harm). */
bool dns_get_response_names(struct analysis *a, struct tx *tx, enum side side, unsigned index, struct field_value *out)
{
	const struct dns_tx *d = (struct dns_tx *)tx;
	const struct dns_message *m = &d->msg;
	const struct dns_record *r;

	(void)a;
	(void)side;
	if (!d->response || index / 2 >= m->first[DNS_SECTIONS])
		return false;
	r = &m->records[index / 2];
	out->bytes = dns_text(m, r->name);
	if (index % 2 && (dns_has_target(r->type) || r->type == DNS_SOA || r->type == DNS_SRV))
		out->bytes = dns_text(m, r->target);
	out->complete = true;
	return true;
}

void dns_tx_free(struct analysis *a, struct tx *tx)
{
	struct dns_tx *d = (struct dns_tx *)tx;

	dns_message_fini(&d->msg, a->budget);
	budget_put(a->budget, d, sizeof(*d));
}
