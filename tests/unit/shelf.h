/* A book as the store gives it back: for tests of restarts without a file. */
#ifndef TESTS_SHELF_H
#define TESTS_SHELF_H

#include "core/book.h"

/* a new book with what io/store keeps of this one; book_free() */
struct book *shelf_copy(const struct book *book);

#endif
