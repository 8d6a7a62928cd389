/* magic.c - the seam to libmagic. It allocates as it likes; what a file is, is asked once a file. */
#include "analyzers/magic.h"

#ifdef TAPIR_HAVE_MAGIC
#include <magic.h>

#include "base/guard.h"

struct magic *magic_new(void)
{
	magic_t m;

	guard_pause();
	m = magic_open(MAGIC_NONE);
	if (m != NULL && magic_load(m, NULL) != 0) {
		magic_close(m);
		m = NULL;
	}
	guard_resume();
	return (struct magic *)m;
}

void magic_free(struct magic *m)
{
	if (m != NULL)
		magic_close((magic_t)m);
}

const char *magic_of(struct magic *m, struct slice head)
{
	const char *text;

	guard_pause();
	text = magic_buffer((magic_t)m, head.data, head.len);
	guard_resume();
	return text;
}
#else
struct magic *magic_new(void)
{
	return NULL;
}

void magic_free(struct magic *m)
{
	(void)m;
}

const char *magic_of(struct magic *m, struct slice head)
{
	(void)m;
	(void)head;
	return NULL;
}
#endif
