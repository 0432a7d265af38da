/*
 * A small JSON document as a tree: an error body, or what stands beside a list. The only file that
 * sees cJSON. One tree at a time: reading the next one ends the last.
 */
#ifndef IO_TREE_H
#define IO_TREE_H

#include <stdbool.h>
#include <stddef.h>

struct node;

/*
 * Reads a document that json_is_valid() has found valid (cJSON alone is more lenient). NULL when it
 * has no top-level value. Nodes and texts are borrowed until the next tree_read or tree_clear.
 */
const struct node *tree_read(const char *bytes, size_t len);
/* gives back what the tree took; may be called at any time */
void tree_clear(void);

bool node_is_object(const struct node *node);
bool node_is_array(const struct node *node);
bool node_is_true(const struct node *node);
/* a number as it is written; NULL: not one */
const char *node_number(const struct node *node);
/* NULL: not a string. Escapes that stand for no text (NUL, half a surrogate pair) are U+FFFD */
const char *node_text(const struct node *node);
/* the name of an object's member */
const char *node_name(const struct node *node);
/* members or elements in order; NULL: none, also for what is no container */
const struct node *node_first(const struct node *node);
const struct node *node_next(const struct node *node);
/* the last member so called; NULL: none, or `node` (which may be NULL) is no object */
const struct node *node_member(const struct node *node, const char *name);
const char *tree_version(void); /* of cJSON, "1.7.15" */

#endif
