/* Bodies in gzip, in pieces of every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "io/gunzip.h"

struct fixture {
	struct buf packed;
	struct buf plain;
	size_t stop_after; /* bytes; 0: never */
};

static int begin(void **state)
{
	*state = mem_alloc(sizeof(struct fixture));
	return 0;
}

static int end(void **state)
{
	struct fixture *fixture = *state;

	buf_done(&fixture->packed);
	buf_done(&fixture->plain);
	free(fixture);
	return 0;
}

/* one member more */
static void pack(struct fixture *fixture, const char *text, size_t len)
{
	z_stream stream = { 0 };
	cleanup_free Bytef *copy = (Bytef *)mem_strndup(text, len);
	cleanup_free Bytef *out = NULL;
	uLong room;

	assert_int_equal(
		deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	room = deflateBound(&stream, (uLong)len);
	out = mem_alloc(room);
	stream.next_in = copy;
	stream.avail_in = (uInt)len;
	stream.next_out = out;
	stream.avail_out = (uInt)room;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_true(buf_add(&fixture->packed, (const char *)out, stream.total_out));
	assert_int_equal(deflateEnd(&stream), Z_OK);
}

static bool take(void *arg, const char *bytes, size_t len)
{
	struct fixture *fixture = arg;

	assert_int_not_equal(len, 0);
	assert_true(buf_add(&fixture->plain, bytes, len));
	return fixture->stop_after == 0 || fixture->plain.len < fixture->stop_after;
}

/* decodes the first `len` bytes, `step` at a time; false: they are wrong
 */
static bool decode(struct fixture *fixture, size_t len, size_t step, bool *ret_whole)
{
	struct gunzip *gunzip = gunzip_new();
	bool good = true;

	buf_clear(&fixture->plain);
	for (size_t at = 0; good && at < len; at += step)
		good = gunzip_feed(gunzip, fixture->packed.data + at,
			len - at < step ? len - at : step, take, fixture);
	*ret_whole = gunzip_whole(gunzip);
	gunzip_free(gunzip);
	return good;
}

static void expect(struct fixture *fixture, const char *text)
{
	for (size_t step = 1; step <= fixture->packed.len; step++) {
		bool whole;

		assert_true(decode(fixture, fixture->packed.len, step, &whole));
		assert_true(whole);
		assert_string_equal(buf_text(&fixture->plain), text);
	}
}

static void one_member(void **state)
{
	pack(*state, "{\"data\":[]}", 11);
	expect(*state, "{\"data\":[]}");
}

/* as pigz and some servers write it, one of them empty */
static void several_members(void **state)
{
	pack(*state, "{\"da", 4);
	pack(*state, "", 0);
	pack(*state, "ta\":", 4);
	pack(*state, "[]}", 3);
	expect(*state, "{\"data\":[]}");
}

static void what_follows_and_is_no_member_is_left_out(void **state)
{
	struct fixture *fixture = *state;

	pack(fixture, "{\"data\":[]}", 11);
	assert_true(buf_add(&fixture->packed, "\0\0\0\0\x1f\x8b garbage", 14));
	expect(fixture, "{\"data\":[]}");
}

static void a_cut_is_seen_wherever_it_is(void **state)
{
	struct fixture *fixture = *state;
	size_t first;

	pack(fixture, "{\"data\"", 7);
	first = fixture->packed.len;
	pack(fixture, ":[]}", 4);
	for (size_t len = 1; len < fixture->packed.len; len++) {
		bool whole;

		assert_true(decode(fixture, len, len, &whole));
		/* between two members nothing says that another one was to come */
		assert_int_equal(whole, len == first);
	}
}

static void wrong_bytes_are_seen(void **state)
{
	struct fixture *fixture = *state;
	bool whole;

	pack(fixture, "{\"data\":[]}", 11);
	for (size_t at = 0; at < fixture->packed.len; at++) {
		/* time, flags and system in the head say nothing of the data */
		if (at >= 4 && at < 10)
			continue;
		fixture->packed.data[at] ^= 0x11;
		assert_false(
			decode(fixture, fixture->packed.len, fixture->packed.len, &whole) && whole);
		fixture->packed.data[at] ^= 0x11;
	}
	buf_clear(&fixture->packed);
	assert_true(buf_add_text(&fixture->packed, "{\"data\":[]}"));
	assert_false(decode(fixture, fixture->packed.len, 1, &whole));
}

static void a_bomb_comes_in_pieces_and_can_be_ended(void **state)
{
	struct fixture *fixture = *state;
	size_t len = 3 * 1024 * 1024;
	cleanup_free char *blanks = mem_alloc(len);
	bool whole;

	memset(blanks, ' ', len);
	pack(fixture, blanks, len);
	pack(fixture, blanks, len);
	assert_true(fixture->packed.len < 10000);
	assert_true(decode(fixture, fixture->packed.len, fixture->packed.len, &whole));
	assert_true(whole);
	assert_int_equal(fixture->plain.len, 2 * len);
	fixture->stop_after = 100000;
	assert_false(decode(fixture, fixture->packed.len, fixture->packed.len, &whole));
	assert_false(whole);
	assert_true(fixture->plain.len < 200000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_member, begin, end),
		cmocka_unit_test_setup_teardown(several_members, begin, end),
		cmocka_unit_test_setup_teardown(
			what_follows_and_is_no_member_is_left_out, begin, end),
		cmocka_unit_test_setup_teardown(a_cut_is_seen_wherever_it_is, begin, end),
		cmocka_unit_test_setup_teardown(wrong_bytes_are_seen, begin, end),
		cmocka_unit_test_setup_teardown(
			a_bomb_comes_in_pieces_and_can_be_ended, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
