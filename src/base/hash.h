/* SipHash-1-3-128: a keyed hash, so that a server cannot choose ids that collide. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0;
	uint64_t k1;
};

struct hash {
	uint64_t lo;
	uint64_t hi;
};

struct hash hash_bytes(const struct hash_key *key, const void *bytes, size_t len);

#endif
