/* Eight bytes at once. */
#ifndef BASE_WORD_H
#define BASE_WORD_H

#include <stdint.h>
#include <string.h>

/* those at `p`, which need not be aligned, the first one lowest: stored fingerprints mean the same
 * on every machine */
static inline uint64_t word_load(const void *p)
{
	uint64_t word;

	/* one load: byte by byte, hashing took two thirds of a poll of unchanged tasks */
	memcpy(&word, p, sizeof(word));
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

#endif
