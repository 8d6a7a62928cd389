/* geoip.c - geoip:[src|dst|both|any,] COUNTRY[, COUNTRY…], each with ! in front for not. */
#include <errno.h>

#include "rules/geoip.h"
#include "rules/inspect.h"
#include "rules/parser.h"

#define COUNTRIES_MAX 64

enum who { WHO_ANY, WHO_SRC, WHO_DST, WHO_BOTH };
static const char *const names[] = { "any", "src", "dst", "both" };

struct geo_rule {
	const struct geoip *db;
	uint8_t who, count;
	bool negated;
	char countries[COUNTRIES_MAX][3];
};

static bool one_holds(const struct geo_rule *g, const struct ip_addr *addr, uint8_t ip_version)
{
	char country[3];
	bool listed = false;

	if (!geoip_country(g->db, addr, ip_version, country))
		return g->negated;
	for (unsigned i = 0; i < g->count && !listed; i++)
		listed = memcmp(g->countries[i], country, 2) == 0;
	return listed != g->negated;
}

static bool geoip_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct geo_rule *g = data;
	bool src, dst;

	(void)rule;
	if (in->pkt->ip_version == 0)
		return false;
	src = g->who != WHO_DST && one_holds(g, &in->pkt->src, in->pkt->ip_version);
	dst = g->who != WHO_SRC && one_holds(g, &in->pkt->dst, in->pkt->ip_version);
	return g->who == WHO_BOTH ? src && dst : src || dst;
}

static void geoip_release(void *data)
{
	geoip_close(data);
}

/* One database for all rules of a set. */
static int database_open(struct rule_parser *p, struct geo_rule *g)
{
	const char *path = p->load->conf != NULL ? conf_str(p->load->conf, "geoip-database", NULL) : NULL, *error = "";
	struct geoip *db;

	if (p->parsed->geoip != NULL) {
		g->db = p->parsed->geoip;
		return 0;
	}
	if (path == NULL) {
		rule_hint(p, "set geoip-database to a country database in MaxMind's format");
		return rule_error(p, NULL, "there is no database for geoip");
	}
	if (geoip_open(&db, path, &error) < 0)
		return rule_error(p, NULL, "the database for geoip, %s: %s", path, error);
	if (parsed_own(p->parsed, geoip_release, db) < 0) {
		geoip_close(db);
		return -ENOMEM;
	}
	p->parsed->geoip = db;
	g->db = db;
	return 0;
}

static int country_read(struct rule_parser *p, struct slice text, struct geo_rule *g)
{
	bool negated = text.len > 0 && text.data[0] == '!';

	if (negated)
		text = text_trim(slice_skip(text, 1));
	if (text.len != 2) {
		rule_hint(p, "two letters, as in DE or FR");
		return rule_error(p, text.data, "\"%.*s\" isn't a country code", SLICE_ARG(text));
	}
	if (g->count > 0 && g->negated != negated)
		return rule_error(p, text.data, "countries with and without ! can't be mixed");
	if (g->count == COUNTRIES_MAX)
		return rule_error(p, text.data, "more than %d countries", COUNTRIES_MAX);
	g->negated = negated;
	for (int i = 0; i < 2; i++)
		g->countries[g->count][i] = (char)(text.data[i] >= 'a' ? text.data[i] - 32 : text.data[i]);
	g->count++;
	return 0;
}

static int geoip_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct geo_rule *g = rule_alloc(p, sizeof(*g));
	struct slice rest = argument, part;
	bool first = true;

	(void)negated;
	if (g == NULL)
		return -ENOMEM;
	while (text_part(&rest, ',', &part)) {
		bool side = false;

		for (uint8_t i = 0; first && i < 4; i++) {
			if (text_is(part, names[i])) {
				g->who = i;
				side = true;
			}
		}
		first = false;
		if (!side && country_read(p, part, g) < 0)
			return -EINVAL;
	}
	if (g->count == 0)
		return rule_error(p, argument.data, "geoip names no country");
	if (database_open(p, g) < 0)
		return -EINVAL;
	return rule_condition_add(p, kw, g, STAGE_PACKET) != NULL ? 0 : -EINVAL;
}

static const struct keyword keywords[] = {
	{ .name = "geoip", .summary = "country of an address", .parse = geoip_parse, .match = geoip_match },
};

const struct keyword_table keywords_geoip = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
