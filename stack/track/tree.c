/* tree.c - see tree.h. Insertion and removal are the textbook's (a removed node with two children gives its place to the
 * next in order), which is what the kernel's come to as well. */
#include "stack/track/tree.h"

#include <stddef.h>

static bool is_red(const struct tree_node *n)
{
	return n != NULL && n->red;
}

/* child comes where n hung. */
static void hang(struct tree *t, struct tree_node *parent, const struct tree_node *n, struct tree_node *child)
{
	if (parent == NULL)
		t->root = child;
	else if (parent->left == n)
		parent->left = child;
	else
		parent->right = child;
	if (child != NULL)
		child->parent = parent;
}

/* n goes down to the left, or to the right; its child on the other side comes up. */
static void rotate(struct tree *t, struct tree_node *n, bool left)
{
	struct tree_node *up = left ? n->right : n->left, *middle = left ? up->left : up->right;

	hang(t, n->parent, n, up);
	if (left) {
		n->right = middle;
		up->left = n;
	} else {
		n->left = middle;
		up->right = n;
	}
	n->parent = up;
	if (middle != NULL)
		middle->parent = n;
}

void tree_insert(struct tree *t, struct tree_node *n, struct tree_node *parent, bool right)
{
	*n = (struct tree_node){ .parent = parent, .red = true, .linked = true };
	if (parent == NULL)
		t->root = n;
	else if (right)
		parent->right = n;
	else
		parent->left = n;
	while (is_red(n->parent)) {
		struct tree_node *grand = n->parent->parent;
		bool left = n->parent == grand->left;
		struct tree_node *uncle = left ? grand->right : grand->left;

		if (is_red(uncle)) {
			n->parent->red = uncle->red = false;
			grand->red = true;
			n = grand;
			continue;
		}
		if (n == (left ? n->parent->right : n->parent->left)) {
			n = n->parent;
			rotate(t, n, left);
		}
		n->parent->red = false;
		grand->red = true;
		rotate(t, grand, !left);
	}
	t->root->red = false;
}

/* The side of parent where n hangs has one black node too few. */
static void mend(struct tree *t, struct tree_node *n, struct tree_node *parent)
{
	while (n != t->root && !is_red(n)) {
		bool left = n == parent->left;
		struct tree_node *sibling = left ? parent->right : parent->left, *near, *far;

		if (is_red(sibling)) {
			sibling->red = false;
			parent->red = true;
			rotate(t, parent, left);
			sibling = left ? parent->right : parent->left;
		}
		near = left ? sibling->left : sibling->right;
		far = left ? sibling->right : sibling->left;
		if (!is_red(near) && !is_red(far)) {
			sibling->red = true;
			n = parent;
			parent = n->parent;
			continue;
		}
		if (!is_red(far)) {
			near->red = false;
			sibling->red = true;
			rotate(t, sibling, !left);
			sibling = near;
			far = left ? sibling->right : sibling->left;
		}
		sibling->red = parent->red;
		parent->red = far->red = false;
		rotate(t, parent, left);
		n = t->root;
	}
	if (n != NULL)
		n->red = false;
}

void tree_moved(struct tree *t, const struct tree_node *n, struct tree_node *with)
{
	hang(t, with->parent, n, with);
	if (with->left != NULL)
		with->left->parent = with;
	if (with->right != NULL)
		with->right->parent = with;
}

void tree_replace(struct tree *t, struct tree_node *n, struct tree_node *with)
{
	*with = *n;
	n->linked = false;
	tree_moved(t, n, with);
}

void tree_remove(struct tree *t, struct tree_node *n)
{
	struct tree_node *child, *parent;
	bool black;

	if (n->left != NULL && n->right != NULL) {
		struct tree_node *next = n->right;

		while (next->left != NULL)
			next = next->left;
		child = next->right;
		black = !next->red;
		parent = next->parent == n ? next : next->parent;
		hang(t, next->parent, next, child);
		tree_replace(t, n, next);
	} else {
		child = n->left != NULL ? n->left : n->right;
		black = !n->red;
		parent = n->parent;
		hang(t, parent, n, child);
	}
	n->linked = false;
	if (black)
		mend(t, child, parent);
}
