/* policy.c - the table of who wins, a column per family of kernels. Identical bytes are no conflict. */
#include "stack/track/policy.h"

#include <ctype.h>

const char *const overlap_policy_names[OVERLAP_POLICIES] = {
	[OVERLAP_LINUX] = "linux",
	[OVERLAP_FIRST] = "first",
	[OVERLAP_LAST] = "last",
	[OVERLAP_BSD] = "bsd",
	[OVERLAP_BSD_RIGHT] = "bsd-right",
	[OVERLAP_OLD_LINUX] = "old-linux",
	[OVERLAP_WINDOWS] = "windows",
	[OVERLAP_WINDOWS2K3] = "windows2k3",
	[OVERLAP_VISTA] = "vista",
	[OVERLAP_SOLARIS] = "solaris",
	[OVERLAP_OLD_SOLARIS] = "old-solaris",
	[OVERLAP_HPUX10] = "hpux10",
	[OVERLAP_HPUX11] = "hpux11",
	[OVERLAP_IRIX] = "irix",
	[OVERLAP_MACOS] = "macos",
	[OVERLAP_RFC8200] = "rfc8200",
};

static bool name_eq(const char *a, const char *b)
{
	for (; *a != 0 && *b != 0; a++, b++) {
		char x = *a == '_' ? '-' : (char)tolower((unsigned char)*a);

		if (x != *b)
			return false;
	}
	return *a == *b;
}

int overlap_policy_find(const char *name)
{
	for (int i = 0; i < OVERLAP_POLICIES; i++) {
		if (name_eq(name, overlap_policy_names[i]))
			return i;
	}
	return -1;
}

#define BIT(how) (1u << (how))
#define COVERS (BIT(OVERLAP_BEFORE_SAME_END) | BIT(OVERLAP_COVERS))
#define STARTS_BEFORE (BIT(OVERLAP_BEFORE_INSIDE) | COVERS)
#define SAME_START (BIT(OVERLAP_SAME) | BIT(OVERLAP_SAME_LONGER))

/* Bit set: new wins. */
static const uint8_t new_wins[OVERLAP_POLICIES] = {
	[OVERLAP_LINUX] = BIT(OVERLAP_SAME_LONGER) | STARTS_BEFORE,
	[OVERLAP_FIRST] = 0,
	[OVERLAP_LAST] = (1u << OVERLAPS) - 1,
	[OVERLAP_BSD] = STARTS_BEFORE,
	[OVERLAP_BSD_RIGHT] = STARTS_BEFORE,
	[OVERLAP_OLD_LINUX] = SAME_START | STARTS_BEFORE,
	[OVERLAP_WINDOWS] = STARTS_BEFORE,
	[OVERLAP_WINDOWS2K3] = STARTS_BEFORE,
	[OVERLAP_VISTA] = 0,
	[OVERLAP_SOLARIS] = SAME_START | COVERS | BIT(OVERLAP_INSIDE_AFTER),
	[OVERLAP_OLD_SOLARIS] = SAME_START | COVERS | BIT(OVERLAP_INSIDE_AFTER),
	[OVERLAP_HPUX10] = STARTS_BEFORE,
	[OVERLAP_HPUX11] = SAME_START | COVERS | BIT(OVERLAP_INSIDE_AFTER),
	[OVERLAP_IRIX] = STARTS_BEFORE,
	[OVERLAP_MACOS] = STARTS_BEFORE,
	[OVERLAP_RFC8200] = STARTS_BEFORE,
};

bool overlap_new_wins(enum overlap_policy policy, enum overlap how)
{
	return (new_wins[policy] & BIT(how)) != 0;
}
