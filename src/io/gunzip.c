#define ZLIB_CONST /* what is read is not written to */
#include "io/gunzip.h"

#include <limits.h>
#include <stdlib.h>

#include <zlib.h>

#include "base/mem.h"

#define GZIP_WINDOW (MAX_WBITS + 16) /* how zlib is told that it is gzip, and nothing else */
#define GZIP_BEGIN 0x1f
#define PIECE_MAX (64 * 1024)

struct gunzip {
	z_stream stream;
	bool ended; /* the last member has; another one may follow */
	bool padding; /* what comes is no member */
	char piece[PIECE_MAX];
};

/* want of memory never looks like a broken answer */
static voidpf zlib_alloc(voidpf arg, uInt count, uInt size)
{
	(void)arg;
	return mem_array(count, size);
}

static void zlib_free(voidpf arg, voidpf memory)
{
	(void)arg;
	free(memory);
}

struct gunzip *gunzip_new(void)
{
	struct gunzip *gunzip = mem_alloc(sizeof(*gunzip));

	gunzip->stream.zalloc = zlib_alloc;
	gunzip->stream.zfree = zlib_free;
	/* only a zlib of another layout than its header's refuses this, which its link name rules
	 * out */
	if (inflateInit2(&gunzip->stream, GZIP_WINDOW) != Z_OK)
		mem_die();
	return gunzip;
}

void gunzip_free(struct gunzip *gunzip)
{
	if (gunzip == NULL)
		return;
	(void)inflateEnd(&gunzip->stream);
	free(gunzip);
}

/* another member, or something that is none */
static bool gunzip_again(struct gunzip *gunzip)
{
	gunzip->padding = *gunzip->stream.next_in != GZIP_BEGIN;
	gunzip->ended = gunzip->padding;
	return gunzip->padding || inflateReset(&gunzip->stream) == Z_OK;
}

/* decodes what fits into one piece */
static bool gunzip_piece(struct gunzip *gunzip, gunzip_fn taker, void *arg)
{
	z_stream *stream = &gunzip->stream;
	int result;
	size_t len;

	stream->next_out = (Bytef *)gunzip->piece;
	stream->avail_out = PIECE_MAX;
	result = inflate(stream, Z_NO_FLUSH);
	/* Z_BUF_ERROR: all that has come was decoded before */
	if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
		return false;
	gunzip->ended = result == Z_STREAM_END;
	len = PIECE_MAX - stream->avail_out;
	return len == 0 || taker(arg, gunzip->piece, len);
}

bool gunzip_feed(struct gunzip *gunzip, const char *bytes, size_t len, gunzip_fn taker, void *arg)
{
	z_stream *stream = &gunzip->stream;

	if (len > UINT_MAX)
		return false;
	stream->next_in = (const Bytef *)bytes;
	stream->avail_in = (uInt)len;
	stream->avail_out = 1;
	/* a piece that is full may leave more of what has been read */
	while (!gunzip->padding &&
		(stream->avail_in != 0 || (!gunzip->ended && stream->avail_out == 0))) {
		if (gunzip->ended && !gunzip_again(gunzip))
			return false;
		if (!gunzip->padding && !gunzip_piece(gunzip, taker, arg))
			return false;
	}
	return true;
}

bool gunzip_whole(const struct gunzip *gunzip)
{
	return gunzip->ended;
}
