/* policy.h - how receivers differ: which of two overlapping pieces of data wins. */
#ifndef TAPIR_TRACK_POLICY_H
#define TAPIR_TRACK_POLICY_H

#include <stdbool.h>
#include <stdint.h>

enum overlap_policy {
	OVERLAP_LINUX,          /* today's kernels, coalescing of neighbours included */
	OVERLAP_FIRST,
	OVERLAP_LAST,
	OVERLAP_BSD,
	OVERLAP_BSD_RIGHT,
	OVERLAP_OLD_LINUX,
	OVERLAP_WINDOWS,
	OVERLAP_WINDOWS2K3,
	OVERLAP_VISTA,
	OVERLAP_SOLARIS,
	OVERLAP_OLD_SOLARIS,
	OVERLAP_HPUX10,
	OVERLAP_HPUX11,
	OVERLAP_IRIX,
	OVERLAP_MACOS,
	OVERLAP_RFC8200,        /* as bsd; fragments by RFC 8200: today's FreeBSD */
	OVERLAP_POLICIES,
};

extern const char *const overlap_policy_names[OVERLAP_POLICIES];
/* By its name in host-os-policy, "_" and "-" alike; -1 where unknown. */
int overlap_policy_find(const char *name);

/* How a new segment [start, end) lies to an old one. */
enum overlap {
	OVERLAP_SAME_SHORTER,           /* same start, ends before */
	OVERLAP_SAME,
	OVERLAP_SAME_LONGER,
	OVERLAP_BEFORE_INSIDE,          /* starts before, ends inside */
	OVERLAP_BEFORE_SAME_END,
	OVERLAP_COVERS,                 /* starts before, ends after */
	OVERLAP_INSIDE,                 /* starts inside, ends at or before */
	OVERLAP_INSIDE_AFTER,           /* starts inside, ends after */
	OVERLAPS,
};

/* True where the new bytes replace the old ones. */
bool overlap_new_wins(enum overlap_policy policy, enum overlap how);

#endif
