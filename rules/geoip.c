/* geoip.c - libmaxminddb behind geoip.h. The database is mapped, read-only, and may be asked by any thread. */
#include "rules/geoip.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#ifdef TAPIR_HAVE_MAXMINDDB
#include <maxminddb.h>

struct geoip {
	MMDB_s db;
};

int geoip_open(struct geoip **out, const char *path, const char **error)
{
	struct geoip *g = calloc(1, sizeof(*g));
	int status;

	*out = NULL;
	if (g == NULL)
		return -ENOMEM;
	status = MMDB_open(path, MMDB_MODE_MMAP, &g->db);
	if (status != MMDB_SUCCESS) {
		*error = MMDB_strerror(status);
		free(g);
		return -EINVAL;
	}
	*out = g;
	return 0;
}

void geoip_close(struct geoip *g)
{
	if (g == NULL)
		return;
	MMDB_close(&g->db);
	free(g);
}

bool geoip_country(const struct geoip *g, const struct ip_addr *addr, uint8_t ip_version, char country[3])
{
	struct sockaddr_storage sa;
	MMDB_lookup_result_s found;
	MMDB_entry_data_s data;
	int error;

	memset(&sa, 0, sizeof(sa));
	if (ip_version == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)&sa;

		in->sin_family = AF_INET;
		memcpy(&in->sin_addr, addr->bytes, 4);
	} else if (ip_version == 6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&sa;

		in6->sin6_family = AF_INET6;
		memcpy(&in6->sin6_addr, addr->bytes, 16);
	} else {
		return false;
	}
	found = MMDB_lookup_sockaddr(&g->db, (struct sockaddr *)&sa, &error);
	if (error != MMDB_SUCCESS || !found.found_entry)
		return false;
	error = MMDB_get_value(&found.entry, &data, "country", "iso_code", NULL);
	if (error != MMDB_SUCCESS || !data.has_data || data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size != 2)
		return false;
	memcpy(country, data.utf8_string, 2);
	country[2] = '\0';
	return true;
}

#else

int geoip_open(struct geoip **out, const char *path, const char **error)
{
	(void)path;
	*out = NULL;
	*error = "this build has no libmaxminddb";
	return -ENOTSUP;
}

void geoip_close(struct geoip *g)
{
	(void)g;
}

bool geoip_country(const struct geoip *g, const struct ip_addr *addr, uint8_t ip_version, char country[3])
{
	(void)g;
	(void)addr;
	(void)ip_version;
	(void)country;
	return false;
}

#endif
