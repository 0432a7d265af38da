/* A shelf for books: keeps of them what io/store keeps, without a file, for tests of restarts. */
#ifndef TESTS_SHELF_H
#define TESTS_SHELF_H

#include "core/book.h"
#include "core/detect.h"

/* a new book with what is kept of this one; book_free() */
struct book *shelf_copy(const struct book *book);
/* takes over what is marked as changed, and only that, and clears the marks */
void shelf_store(struct book *shelf, struct book *book, const struct changes *changes);

#endif
