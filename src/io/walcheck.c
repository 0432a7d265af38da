/* The format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log */
#include "io/walcheck.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "base/mem.h"

#define WAL_HEAD 32
#define WAL_SUMMED 24
#define WAL_FRAME_LEAST (24 + 512) /* a frame's head and the smallest page */
#define WAL_MAGIC 0x377f0682u /* the last bit: checksums are of big-endian words */

static uint32_t big(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t little(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static bool head_valid(const uint8_t head[WAL_HEAD])
{
	uint32_t (*word)(const uint8_t *) = (big(head) & 1) != 0 ? big : little;
	uint32_t a = 0;
	uint32_t b = 0;

	if ((big(head) & ~1u) != WAL_MAGIC)
		return false;
	for (size_t i = 0; i < WAL_SUMMED; i += 8) {
		a += word(head + i) + b;
		b += word(head + i + 4) + a;
	}
	return a == big(head + WAL_SUMMED) && b == big(head + WAL_SUMMED + 4);
}

bool walcheck_file(const char *path)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint8_t bytes[WAL_HEAD + WAL_FRAME_LEAST];

	if (fd < 0 || pread(fd, bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return true;
	return head_valid(bytes);
}
