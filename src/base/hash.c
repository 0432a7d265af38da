#include "base/hash.h"

#include <stdbool.h>

#include "base/scan.h"

/* Aumasson and Bernstein, "SipHash: a fast short-input PRF", with the 128-bit output of their
 * reference. */
static inline uint64_t rotl(uint64_t x, int b)
{
	return (x << b) | (x >> (64 - b));
}

struct sip {
	uint64_t a;
	uint64_t b;
	uint64_t c;
	uint64_t d;
};

static inline struct sip sip_round(struct sip v)
{
	v.a += v.b;
	v.b = rotl(v.b, 13) ^ v.a;
	v.a = rotl(v.a, 32);
	v.c += v.d;
	v.d = rotl(v.d, 16) ^ v.c;
	v.a += v.d;
	v.d = rotl(v.d, 21) ^ v.a;
	v.c += v.b;
	v.b = rotl(v.b, 17) ^ v.c;
	v.c = rotl(v.c, 32);
	return v;
}

static inline struct sip sip_take(struct sip v, uint64_t word)
{
	v.d ^= word;
	v = sip_round(v);
	v.a ^= word;
	return v;
}

/* the last bytes of a text, less than eight */
static inline uint64_t load_rest(const unsigned char *p, size_t len, bool more_before)
{
	uint64_t word = 0;

	if (len != 0 && more_before)
		return word_load(p + len - 8) >> (64 - 8 * len);
	for (size_t i = 0; i < len; i++)
		word |= (uint64_t)p[i] << (8 * i);
	return word;
}

struct hash hash_bytes(const struct hash_key *key, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	const unsigned char *whole_end = p + (len & ~(size_t)7);
	struct sip v = { key->k0 ^ 0x736f6d6570736575, key->k1 ^ 0x646f72616e646f6d ^ 0xee,
		key->k0 ^ 0x6c7967656e657261, key->k1 ^ 0x7465646279746573 };
	struct hash out;

	for (; p < whole_end; p += 8)
		v = sip_take(v, word_load(p));
	v = sip_take(v, load_rest(p, len & 7, len >= 8) | (uint64_t)(len & 0xff) << 56);
	v.c ^= 0xee;
	for (int i = 0; i < 3; i++)
		v = sip_round(v);
	out.lo = v.a ^ v.b ^ v.c ^ v.d;
	v.b ^= 0xdd;
	for (int i = 0; i < 3; i++)
		v = sip_round(v);
	out.hi = v.a ^ v.b ^ v.c ^ v.d;
	return out;
}
