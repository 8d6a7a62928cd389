/* tree.h - Linux's queue of early segments is a red-black tree, and its shape shows: on the way down to its place, a new
 * segment is joined to any that it continues. So ours has the same shape. */
#ifndef TAPIR_TRACK_TREE_H
#define TAPIR_TRACK_TREE_H

#include <stdbool.h>

struct tree_node {
	struct tree_node *parent, *left, *right;
	bool red;
	bool linked;                    /* it is in a tree */
};

struct tree {
	struct tree_node *root;
};

/* Below parent, which has no child on that side; parent NULL: the tree is empty. */
void tree_insert(struct tree *t, struct tree_node *n, struct tree_node *parent, bool right);
void tree_remove(struct tree *t, struct tree_node *n);
/* with takes n's place; n may have been moved in memory (then with is where it is now). */
void tree_replace(struct tree *t, struct tree_node *n, struct tree_node *with);
/* with has n's links already: only those that point to n are put right. */
void tree_moved(struct tree *t, const struct tree_node *n, struct tree_node *with);

#endif
