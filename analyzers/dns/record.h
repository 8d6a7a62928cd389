/* record.h - EVE's dns object, in the versions 2 and 3. */
#ifndef TAPIR_ANALYZERS_DNS_RECORD_H
#define TAPIR_ANALYZERS_DNS_RECORD_H

#include "analyzers/dns/message.h"

void *dns_record_options(const struct conf *type);
void dns_record_options_free(void *options);
enum record_way dns_record_way(const struct tx *tx, const void *options);
unsigned dns_record_parts(struct analysis *a, struct tx *tx, const void *options);
bool dns_record(struct analysis *a, struct tx *tx, const struct record_request *req, struct json *j);

#endif
