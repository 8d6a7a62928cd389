/* geoip.h - which country an address is in: the seam to libmaxminddb. */
#ifndef TAPIR_RULES_GEOIP_H
#define TAPIR_RULES_GEOIP_H

#include "stack/wire/packet.h"

struct geoip;

/* -ENOTSUP where this build has no libmaxminddb; -EINVAL with *error where the database can't be used. */
int geoip_open(struct geoip **out, const char *path, const char **error);
void geoip_close(struct geoip *g);
/* Two capital letters and a zero; false where the database doesn't know. */
bool geoip_country(const struct geoip *g, const struct ip_addr *addr, uint8_t ip_version, char country[3]);

#endif
