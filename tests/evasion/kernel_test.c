/* kernel_test.c - the judge is a real kernel: each case plays raw packets to an application behind a TUN device, and
 * what the application reads and the kernel sends must be what the tracker hands out, byte for byte.
 *
 * Named cases are all played, of those that are made by nesting lists a share, then RANDOM_CASES random ones.
 *   TAPIR_EVASION=all          everything, and 10,000 random ones
 *   TAPIR_EVASION=NAME         that case, shown packet by packet
 *   TAPIR_EVASION="open; ..."  that script
 *   TAPIR_EVASION=random:FROM+N    random ones by their seeds; a difference is cut down to its shortest script */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/evasion/cases.h"
#include "tests/evasion/play.h"

#define SKIPPED 77
#define SHARE 8                 /* one in so many of the generated cases */
#define RANDOM_CASES 1500
#define RANDOM_ALL 10000
#define SCRIPT_MAX 4096

struct run {
	struct play *play;
	const char *only;               /* NULL: a share */
	bool all;
	unsigned seen, cases, differences;
};

static bool wanted(struct run *r, const char *name, unsigned share)
{
	if (r->only != NULL)
		return strcmp(r->only, name) == 0;
	return r->all || r->seen++ % share == 0;
}

static void play(struct run *r, const char *name, const char *script)
{
	r->cases++;
	r->differences += !play_script(r->play, name, script, r->only != NULL, false);
}

static void generated(void *arg, const char *name, const char *script)
{
	struct run *r = arg;

	if (wanted(r, name, SHARE))
		play(r, name, script);
}

static void named_group(struct run *r, const struct evasion_group *g)
{
	char name[160];

	for (size_t i = 0; i < g->count; i++) {
		snprintf(name, sizeof(name), "%s: %s", g->name, g->cases[i].name);
		if (wanted(r, name, 1))
			play(r, name, g->cases[i].script);
	}
}

static void named(struct run *r)
{
	const struct evasion_group *table;
	size_t count;

	for (unsigned i = 0; (table = evasion_table(i, &count)) != NULL; i++) {
		for (size_t g = 0; g < count; g++)
			named_group(r, &table[g]);
	}
}

/* script without its step number skip; false where there is none. */
static bool without(const char *script, unsigned skip, char *out)
{
	const char *from = script;
	unsigned i = 0;

	for (; i < skip; i++) {
		from = strchr(from, ';');
		if (from == NULL)
			return false;
		from++;
	}
	snprintf(out, SCRIPT_MAX, "%.*s", (int)(from - script), script);
	from = strchr(from, ';');
	if (from != NULL)
		snprintf(out + strlen(out), SCRIPT_MAX - strlen(out), "%s", from + 1);
	else if (skip > 0)
		out[strlen(out) - 1] = 0;
	return true;
}

/* Steps are left out as long as the difference stays. */
static void shorten(struct run *r, const char *name, char *script)
{
	char shorter[SCRIPT_MAX];

	for (unsigned skip = 1; without(script, skip, shorter);) {
		if (play_script(r->play, name, shorter, false, true))
			skip++;
		else
			memcpy(script, shorter, SCRIPT_MAX);
	}
	play_script(r->play, name, script, false, false);
}

static void random_cases(struct run *r, unsigned from, unsigned n)
{
	char script[SCRIPT_MAX], name[32];

	for (unsigned seed = from; seed < from + n; seed++) {
		evasion_random(seed, script, sizeof(script));
		snprintf(name, sizeof(name), "random %u", seed);
		r->cases++;
		if (play_script(r->play, name, script, false, true))
			continue;
		r->differences++;
		shorten(r, name, script);
	}
}

int main(void)
{
	struct run r = { .only = getenv("TAPIR_EVASION") };
	unsigned from = 0, n = 0;

	r.play = play_new();
	if (r.play == NULL) {
		fprintf(stderr, "skipped: needs root, /dev/net/tun, ip and sysctl\n");
		return SKIPPED;
	}
	r.all = r.only != NULL && strcmp(r.only, "all") == 0;
	if (r.all)
		r.only = NULL;
	if (r.only != NULL && sscanf(r.only, "random:%u+%u", &from, &n) == 2) {
		random_cases(&r, from, n);
	} else if (r.only != NULL && strchr(r.only, ';') != NULL) {
		play(&r, "script", r.only);
	} else {
		named(&r);
		evasion_generate(generated, &r);
		if (r.only == NULL)
			random_cases(&r, 0, r.all ? RANDOM_ALL : RANDOM_CASES);
	}
	play_free(r.play);
	printf("%u cases, %u differences\n", r.cases, r.differences);
	return r.differences != 0;
}
