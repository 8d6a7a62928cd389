/* xff.c - the client behind a proxy, from the HTTP header that the proxy added.
 *
 * In a "reverse" deployment the last address of the list is the one that our own proxy saw and wrote; in
 * "forward" the first is the client. What isn't an address is not believed. */
#include <arpa/inet.h>
#include <strings.h>

#include "output/eve.h"

static struct slice trim(struct slice s)
{
	while (s.len && (s.data[0] == ' ' || s.data[0] == '\t'))
		s = slice_skip(s, 1);
	while (s.len && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* The value of a "Name: value" line whose name is the configured header's. */
static bool header_value(struct slice line, const char *name, struct slice *value)
{
	size_t len = strlen(name);

	if (line.len <= len || line.data[len] != ':' || strncasecmp((const char *)line.data, name, len) != 0)
		return false;
	*value = trim(slice_skip(line, len + 1));
	return true;
}

static bool address_text(struct slice s, char *out)
{
	uint8_t addr[16];

	if (s.len > 1 && s.data[0] == '[') {            /* [IPv6]:port */
		const uint8_t *end = memchr(s.data, ']', s.len);

		if (end == NULL)
			return false;
		s = slice_of(s.data + 1, (size_t)(end - s.data - 1));
	}
	if (s.len == 0 || s.len >= IP_TEXT_MAX)
		return false;
	memcpy(out, s.data, s.len);
	out[s.len] = '\0';
	char *colon = strchr(out, ':');
	if (colon != NULL && strchr(colon + 1, ':') == NULL)
		*colon = '\0';                          /* IPv4:port */
	return inet_pton(AF_INET, out, addr) == 1 || inet_pton(AF_INET6, out, addr) == 1;
}

static bool tx_xff(const struct xff *xff, struct analysis *a, struct tx *tx, const struct field *field, char *out)
{
	struct field_value v;
	struct slice list;

	for (unsigned i = 0; field->get(a, tx, TO_SERVER, i, &v); i++) {
		if (!header_value(v.bytes, xff->header, &list))
			continue;
		for (size_t k = 0; k < list.len; k++) {
			size_t at = xff->forward ? k : list.len - 1 - k;

			if (list.data[at] != ',')
				continue;
			list = xff->forward ? slice_head(list, at) : slice_skip(list, at + 1);
			break;
		}
		return address_text(trim(list), out);
	}
	return false;
}

bool xff_find(const struct xff *xff, struct flow *flow, struct tx *tx, char *out)
{
	const struct analyzer *http = NULL;
	const struct field *field;
	struct analysis *a;

	if (xff->mode == XFF_OFF || flow == NULL)
		return false;
	a = analysis_of(flow);
	field = field_find("http.request_header", &http);
	if (a == NULL || field == NULL || a->proto != http)
		return false;
	if (tx != NULL)
		return tx_xff(xff, a, tx, field, out);
	for (tx = a->tx_first; tx != NULL; tx = tx->next)
		if (tx_xff(xff, a, tx, field, out))
			return true;
	return false;
}
