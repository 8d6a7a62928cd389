/* settings.c - app-layer.protocols.http: libhtp.default-config, and server-config by the server's address. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>

#include "analyzers/http/http.h"

#define BODY_LIMIT 4096
#define BODY_MIN_SIZE 32768
#define BODY_WINDOW 4096
#define RANGES_MEMCAP (100ull << 20)
#define RANGES_TIMEOUT 60

static void options_default(struct http_options *o)
{
	struct window_limits l = { .limit = BODY_LIMIT, .min_size = BODY_MIN_SIZE, .size = BODY_WINDOW };

	o->body[0].limits = o->body[1].limits = l;
	o->uri = (struct http_uri_options){
		.backslash = true, .separators_decode = true, .separators_compress = true, .bestfit = true,
		.u_decode = true, .replacement = '?',
	};
	o->layers_max = 2;
	o->field_max = HTTP_FIELD_MAX;
	o->headers_max = HTTP_HEADERS_MAX;
}

struct personality {
	const char *name;
	bool backslash, separators_decode, separators_compress, u_decode, bestfit;
};

static const struct personality personalities[] = {
	{ "IDS", true, true, true, true, true },
	{ "minimal", false, false, false, false, false },
	{ "generic", true, true, true, false, false },
	{ "apache", false, false, true, false, false },
	{ "apache_2", false, false, true, false, false },
	{ "apache_2_2", false, false, true, false, false },
	{ "iis_4_0", true, true, true, true, false },
	{ "iis_5_0", true, true, true, true, false },
	{ "iis_5_1", true, true, true, false, false },
	{ "iis_6_0", true, true, true, true, false },
	{ "iis_7_0", true, true, true, true, false },
	{ "iis_7_5", true, true, true, true, false },
};

static void personality_read(struct http_options *o, const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof(personalities) / sizeof(personalities[0]); i++) {
		const struct personality *p = &personalities[i];

		if (!http_eq_nocase(slice_str(name), p->name))
			continue;
		o->uri.backslash = p->backslash;
		o->uri.separators_decode = p->separators_decode;
		o->uri.separators_compress = p->separators_compress;
		o->uri.u_decode = p->u_decode;
		o->uri.bestfit = p->bestfit;
	}
}

static void uri_options_read(struct http_uri_options *u, const struct conf *c)
{
	const char *invalid = conf_str(c, "path-url-encoding-invalid-handling", NULL);

	u->include_all = conf_bool(c, "uri-include-all", u->include_all);
	u->plus_query = conf_bool(c, "query-plusspace-decode", u->plus_query);
	u->double_decode_path = conf_bool(c, "double-decode-path", u->double_decode_path);
	u->double_decode_query = conf_bool(c, "double-decode-query", u->double_decode_query);
	u->backslash = conf_bool(c, "path-convert-backslash-separators", u->backslash);
	u->separators_decode = conf_bool(c, "path-separators-decode", u->separators_decode);
	u->separators_compress = conf_bool(c, "path-separators-compress", u->separators_compress);
	u->lowercase = conf_bool(c, "path-convert-lowercase", u->lowercase);
	u->u_decode = conf_bool(c, "path-convert-u-encoding", u->u_decode);
	u->bestfit = conf_bool(c, "path-convert-utf8", u->bestfit);
	u->nul_encoded_terminates = conf_bool(c, "path-nul-encoded-terminates", u->nul_encoded_terminates);
	u->nul_raw_terminates = conf_bool(c, "path-nul-raw-terminates", u->nul_raw_terminates);
	if (invalid == NULL)
		return;
	if (strcmp(invalid, "remove_percent") == 0)
		u->invalid = HTTP_INVALID_REMOVE;
	else if (strcmp(invalid, "decode_invalid") == 0)
		u->invalid = HTTP_INVALID_DECODE;
	else
		u->invalid = HTTP_INVALID_PRESERVE;
}

static void body_options_read(struct window_limits *l, const struct conf *c, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s-body-limit", name);
	l->limit = conf_size(c, path, l->limit);
	snprintf(path, sizeof(path), "%s-body-minimal-inspect-size", name);
	l->min_size = (uint32_t)conf_size(c, path, l->min_size);
	snprintf(path, sizeof(path), "%s-body-inspect-window", name);
	l->size = (uint32_t)conf_size(c, path, l->size);
}

static void options_read(struct http_options *o, const struct conf *c, bool inline_mode)
{
	const char *text = conf_str(c, "http-body-inline", "auto");
	bool early = inline_mode, is_bool;

	if (conf_parse_bool(text, &is_bool) == 0)
		early = is_bool;
	personality_read(o, conf_str(c, "personality", NULL));
	uri_options_read(&o->uri, c);
	body_options_read(&o->body[0].limits, c, "request");
	body_options_read(&o->body[1].limits, c, "response");
	o->body[0].limits.early = o->body[1].limits.early = early;
	o->layers_max = (uint32_t)conf_int(c, "response-body-decompress-layer-limit", o->layers_max);
	o->headers_max = (uint32_t)conf_int(c, "headers-limit", o->headers_max);
	o->field_max = (uint32_t)conf_size(c, "meta-field-limit", o->field_max);
	o->decode.lzma = conf_bool(c, "lzma-enabled", o->decode.lzma);
	o->decode.lzma_memlimit = conf_size(c, "lzma-memlimit", o->decode.lzma_memlimit);
	o->decode.bomb_limit = conf_size(c, "compression-bomb-limit", o->decode.bomb_limit);
	(void)conf_int(c, "decompression-time-limit", 0);       /* the ratio bounds the work instead */
}

static int net_add(struct http_options *o, const char *text)
{
	char addr[64];
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	unsigned i = o->net_count;

	if (n >= sizeof(addr) || i == sizeof(o->nets) / sizeof(o->nets[0]))
		return -EINVAL;
	memcpy(addr, text, n);
	addr[n] = '\0';
	memset(&o->nets[i], 0, sizeof(o->nets[i]));
	if (inet_pton(AF_INET, addr, o->nets[i].addr.bytes) == 1)
		o->nets[i].bits = slash != NULL ? (uint8_t)strtoul(slash + 1, NULL, 10) : 32;
	else if (inet_pton(AF_INET6, addr, o->nets[i].addr.bytes) == 1)
		o->nets[i].bits = slash != NULL ? (uint8_t)strtoul(slash + 1, NULL, 10) : 128, o->nets[i].v6 = true;
	else
		return -EINVAL;
	if (o->nets[i].bits > (o->nets[i].v6 ? 128 : 32))
		return -EINVAL;
	o->net_count++;
	return 0;
}

static void nets_read(struct http_options *o, const struct conf *c)
{
	const struct conf *node = conf_find(c, "address");

	if (node == NULL)
		return;
	if (node->value != NULL)
		net_add(o, conf_str(c, "address", ""));
	for (const struct conf *n = node->first; n != NULL; n = n->next)
		if (n->value != NULL)
			net_add(o, n->value);
}

/* server-config is a list of one-key maps: "- apache: { address: […], … }". */
static int servers_read(struct http_options *first, const struct conf *list, bool inline_mode)
{
	struct http_options **at = &first->next;

	for (const struct conf *n = list != NULL ? list->first : NULL; n != NULL; n = n->next) {
		const struct conf *c = list->is_list && n->first != NULL && n->first->next == NULL ? n->first : n;
		struct http_options *o = calloc(1, sizeof(*o));

		if (o == NULL)
			return -ENOMEM;
		*o = *first;
		o->next = NULL;
		o->net_count = 0;
		nets_read(o, c);
		options_read(o, c, inline_mode);
		*at = o;
		at = &o->next;
	}
	return 0;
}

int http_settings_new(void **out, const struct conf *conf)
{
	struct http_options *o = calloc(1, sizeof(*o));
	const struct conf *root = conf;
	bool inline_mode = false;
	int err;

	if (o == NULL)
		return -ENOMEM;
	options_default(o);
	*out = o;
	err = ranges_new(&o->ranges, conf != NULL ? conf_size(conf, "byterange.memcap", RANGES_MEMCAP) : RANGES_MEMCAP,
			 conf != NULL ? (uint32_t)conf_int(conf, "byterange.timeout", RANGES_TIMEOUT) : RANGES_TIMEOUT);
	if (err < 0) {
		free(o);
		return err;
	}
	if (conf == NULL)
		return 0;
	while (root->parent != NULL)
		root = root->parent;
	if (conf_parse_bool(conf_str(root, "stream.inline", "no"), &inline_mode) < 0)
		inline_mode = false;
	if (conf_find(conf, "libhtp.default-config") != NULL)
		options_read(o, conf_find(conf, "libhtp.default-config"), inline_mode);
	err = servers_read(o, conf_find(conf, "libhtp.server-config"), inline_mode);
	if (err < 0) {
		http_settings_free(o);
		*out = NULL;
	}
	return err;
}

void http_settings_free(void *settings)
{
	struct http_options *o = settings, *next;

	if (o != NULL)
		ranges_free(o->ranges);
	for (; o != NULL; o = next) {
		next = o->next;
		free(o);
	}
}

static bool net_has(const struct ip_addr *net, unsigned bits, const struct ip_addr *addr)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(net->bytes, addr->bytes, whole) != 0)
		return false;
	return rest == 0 || ((net->bytes[whole] ^ addr->bytes[whole]) >> (8 - rest)) == 0;
}

struct http_options *http_options_of(const void *settings, const struct flow *flow)
{
	struct http_options *first = (struct http_options *)(uintptr_t)settings, *best = first;
	int best_bits = -1;

	for (struct http_options *o = first->next; o != NULL; o = o->next)
		for (unsigned i = 0; i < o->net_count; i++)
			if (o->nets[i].v6 == (flow->key.ip_version == 6) && o->nets[i].bits > best_bits &&
			    net_has(&o->nets[i].addr, o->nets[i].bits, &flow->key.addr[1])) {
				best = o;
				best_bits = o->nets[i].bits;
			}
	return best;
}
