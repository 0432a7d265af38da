/*
 * zlib (the only file that sees it): decodes a body in gzip. libcurl would, too, but it takes an
 * answer of several members for a failed write, and one that ends early for whole.
 */
#ifndef IO_GUNZIP_H
#define IO_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

struct gunzip;

/* false ends the decoding */
typedef bool (*gunzip_fn)(void *arg, const char *bytes, size_t len);

struct gunzip *gunzip_new(void);
void gunzip_free(struct gunzip *gunzip); /* NULL is fine */
/*
 * Decodes the next bytes and hands out, in pieces, what they say. False: they are not gzip, or the
 * taker has ended it. What follows the last member and is none is left out, as gzip(1) does.
 */
bool gunzip_feed(struct gunzip *gunzip, const char *bytes, size_t len, gunzip_fn taker, void *arg);
/* is the last member whole, with its checksum? */
bool gunzip_whole(const struct gunzip *gunzip);

#endif
