/*
 * What is known by its bytes is told of as if it had been decoded: two books get the same answers,
 * one with all that spares decoding and one without, and must tell and hold the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/detect.h"
#include "io/api.h"

#define TASKS 40

struct side {
	bool spares; /* known and settled are asked */
	struct book *book;
	struct listing *listing;
	size_t decoded; /* of the last answer */
	bool complete; /* the last answer was */
	bool swept; /* and it had all statuses */
	struct buf told;
};

/* what the server has */
struct task_now {
	int status; /* enum status; -1: no such task */
	int version; /* of its name */
};

struct world {
	struct side sides[2];
	struct task_now tasks[TASKS];
	size_t order[TASKS];
	uint32_t serial;
	uint64_t random;
	struct instant now;
};

static const struct hash_key key = { 31, 32 };
static const struct detect_rules rules = { .source = "a", .first_run = 0 };

static size_t side_known(void *arg, const char *bytes, size_t len)
{
	return listing_known(((struct side *)arg)->listing, bytes, len);
}

static bool side_settled(void *arg, const struct glance *glance)
{
	return listing_settled(((struct side *)arg)->listing, glance);
}

static void side_foresee(void *arg, struct glance *glances, size_t count)
{
	listing_foresee(((struct side *)arg)->listing, glances, count);
}

static bool side_task(void *arg, const struct task *view, const char *bytes, size_t len)
{
	struct side *side = arg;

	side->decoded++;
	listing_task(side->listing, view, side->spares ? bytes : NULL, len);
	return true;
}

static uint32_t chance(struct world *world, uint32_t below)
{
	world->random = world->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(world->random >> 33) % below;
}

static void world_begin(struct world *world)
{
	*world =
		(struct world){ .random = 1, .now = { .mono_ms = 1000, .wall_ms = 1790000000000 } };
	for (size_t i = 0; i < TASKS; i++) {
		world->tasks[i].status = -1;
		world->order[i] = i;
	}
	for (int i = 0; i < 2; i++) {
		world->sides[i].spares = i == 0;
		world->sides[i].book = book_new(&key);
	}
}

static void world_end(struct world *world)
{
	for (int i = 0; i < 2; i++) {
		book_free(world->sides[i].book);
		buf_done(&world->sides[i].told);
	}
}

/* one in eight is in no plain form; blanks where they may stand */
static void element_add(struct buf *text, size_t id, struct task_now task)
{
	(void)buf_addf(text, "%s{\"task_id\":\"t%zu\",\"status\":\"%s\",\"task_name\":\"%s%d\"%s}",
		id % 3 == 0 ? " " : "", id, status_word((enum status)task.status),
		id % 8 == 0 ? "\\u0041" : "n", task.version, id % 5 == 0 ? " " : "");
}

static void answer_make(const struct world *world, enum list_scope scope, struct buf *text)
{
	(void)buf_add_text(text, "{\"data\":[");
	for (size_t i = 0; i < TASKS; i++) {
		struct task_now task = world->tasks[world->order[i]];

		if (task.status < 0 || (scope == LIST_ACTIVE && task.status > STATUS_PROCESSING))
			continue;
		if (text->data[text->len - 1] != '[')
			(void)buf_add_char(text, ',');
		element_add(text, world->order[i], task);
	}
	(void)buf_add_text(text, "]}");
}

/* feeds a copy of each piece, of exact size, so that a byte read past it is found */
static bool pieces_feed(struct api_list *list, const char *text, size_t len, size_t piece)
{
	struct err err = { 0 };
	bool good = true;

	for (size_t at = 0; at < len && good; at += piece) {
		size_t some = len - at < piece ? len - at : piece;
		cleanup_free char *copy = mem_resize(NULL, some, 1);

		memcpy(copy, text + at, some);
		good = api_list_feed(list, copy, some, &err);
	}
	return good && api_list_end(list, &err);
}

static void side_tell(struct side *side, const struct changes *changes)
{
	buf_clear(&side->told);
	for (size_t i = 0; i < changes->event_count; i++)
		(void)buf_addf(&side->told, "%s %s,", event_info(changes->events[i]->type)->word,
			changes->events[i]->task_id);
}

static void side_take(struct side *side, const struct world *world, enum list_scope scope,
	const char *text, size_t len, size_t piece)
{
	struct api_taker taker = { .task = side_task, .arg = side };
	struct changes changes = { 0 };
	struct api_list *list;

	if (side->spares) {
		taker.known = scope == LIST_ACTIVE ? side_known : NULL;
		taker.settled = side_settled;
		taker.foresee = side_foresee;
	}
	side->decoded = 0;
	side->listing = listing_new(side->book, &rules, &kinds[0], scope,
		scope == LIST_ALL ? LANE_SWEEP : LANE_POLL, world->serial);
	list = api_list_new(&kinds[0], &taker);
	side->complete = pieces_feed(list, text, len, piece);
	side->swept = side->complete && scope == LIST_ALL;
	if (side->complete)
		detect_list(side->listing, world->serial, world->now, &changes);
	api_list_free(list);
	listing_free(side->listing);
	side_tell(side, &changes);
	changes_done(&changes);
}

/* what the book holds of each task, and whether the list of this serial, when it was complete, had
 * it */
static void book_write(const struct side *side, uint32_t serial, struct buf *out)
{
	const struct book *book = side->book;

	buf_clear(out);
	for (size_t i = 0; i < TASKS; i++) {
		cleanup_free char *id = mem_printf("t%zu", i);
		const struct record *record = book_find(book, id);
		const struct ended *ended = book_ended(book, id);

		if (record != NULL)
			(void)buf_addf(out, "%s %d %s %u %d %d\n", id, record->status,
				record_task(book, record).name, record->as_of,
				side->complete && record->listed[LANE_POLL] == serial,
				side->complete && record->listed[LANE_SWEEP] == serial);
		if (ended != NULL)
			(void)buf_addf(out, "%s ended %d %d\n", id, ended->status,
				side->swept && ended->generation == book->sweeps);
	}
}

static void sides_equal(const struct world *world)
{
	struct buf held[2] = { { 0 }, { 0 } };

	assert_int_equal(world->sides[0].complete, world->sides[1].complete);
	assert_string_equal(buf_text(&world->sides[0].told), buf_text(&world->sides[1].told));
	for (int i = 0; i < 2; i++)
		book_write(&world->sides[i], world->serial, &held[i]);
	assert_string_equal(buf_text(&held[0]), buf_text(&held[1]));
	for (int i = 0; i < 2; i++)
		buf_done(&held[i]);
}

static void world_answer(
	struct world *world, enum list_scope scope, const char *text, size_t len, size_t piece)
{
	world->serial++;
	world->now.mono_ms += 10000;
	world->now.wall_ms += 10000;
	for (int i = 0; i < 2; i++)
		side_take(&world->sides[i], world, scope, text, len, piece);
	sides_equal(world);
}

static void world_list(struct world *world, enum list_scope scope, size_t piece)
{
	cleanup_buf struct buf text = { 0 };

	answer_make(world, scope, &text);
	world_answer(world, scope, text.data, text.len, piece);
}

static void world_fill(struct world *world, size_t count, int status)
{
	for (size_t i = 0; i < count; i++)
		world->tasks[i] = (struct task_now){ .status = status };
}

static void what_is_unchanged_is_not_decoded(void **state)
{
	struct world world;

	(void)state;
	world_begin(&world);
	world_list(&world, LIST_ALL, 1000);
	world_fill(&world, 20, STATUS_PROCESSING);
	world_list(&world, LIST_ACTIVE, 100000);
	assert_int_equal(world.sides[0].decoded, 20);
	/* known by their ids, then as those that are expected, which holds for any pieces */
	for (size_t piece = 100000; piece > 0; piece /= 7) {
		world_list(&world, LIST_ACTIVE, piece);
		assert_int_equal(world.sides[0].decoded, 0);
		assert_int_equal(world.sides[1].decoded, 20);
	}
	/* an end, a change and a newcomer */
	world.tasks[3].status = STATUS_SUCCESS;
	world.tasks[5].version++;
	world.tasks[25].status = STATUS_QUEUED;
	world_list(&world, LIST_ACTIVE, 100000);
	assert_int_equal(world.sides[0].decoded, 2);
	world_list(&world, LIST_ALL, 100000);
	/* the one that has ended is news, all others are known */
	assert_int_equal(world.sides[0].decoded, 1);
	assert_non_null(strstr(buf_text(&world.sides[0].told), "success t3"));
	world_list(&world, LIST_ALL, 100000);
	assert_int_equal(world.sides[0].decoded, 0);
	world_end(&world);
}

/* success, processing, success: the last answer has the bytes of the first, and is news again */
static void an_end_that_came_back_ends_again(void **state)
{
	struct world world;

	(void)state;
	world_begin(&world);
	world_list(&world, LIST_ALL, 1000);
	world_fill(&world, 3, STATUS_PROCESSING);
	world_list(&world, LIST_ACTIVE, 1000);
	for (int i = 0; i < 3; i++) {
		world.tasks[1].status = STATUS_SUCCESS;
		world_list(&world, LIST_ALL, 1000);
		assert_string_equal(buf_text(&world.sides[0].told), "success t1,");
		world_list(&world, LIST_ALL, 1000);
		assert_string_equal(buf_text(&world.sides[0].told), "");
		world.tasks[1].status = STATUS_PROCESSING;
		world_list(&world, LIST_ALL, 1000);
		world_list(&world, LIST_ALL, 1000);
		assert_string_equal(buf_text(&world.sides[0].told), "processing t1,");
	}
	world_end(&world);
}

/* an answer by id has other bytes: what the list says after it is looked at */
static void a_look_up_in_between_is_not_forgotten(void **state)
{
	struct task view = { .id = "t1",
		.word = "queued",
		.status = STATUS_QUEUED,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE };
	struct world world;

	(void)state;
	world_begin(&world);
	world_list(&world, LIST_ALL, 1000);
	world_fill(&world, 3, STATUS_PROCESSING);
	for (int i = 0; i < 3; i++)
		world_list(&world, LIST_ACTIVE, 1000);
	world.serial++;
	for (int i = 0; i < 2; i++) {
		struct changes changes = { 0 };

		detect_task(world.sides[i].book, &rules, &view, world.serial, world.serial,
			world.now, &changes);
		changes_done(&changes);
	}
	world_list(&world, LIST_ACTIVE, 1000);
	assert_string_equal(buf_text(&world.sides[0].told), "processing t1,");
	world_end(&world);
}

static void change_some(struct world *world)
{
	for (uint32_t n = chance(world, 4); n > 0; n--) {
		struct task_now *task = &world->tasks[chance(world, TASKS)];
		uint32_t dice = chance(world, 10);

		task->version += dice == 0;
		task->status = dice < 2 ? -1 : STATUS_QUEUED + (int)chance(world, 4);
	}
	if (chance(world, 10) == 0)
		for (size_t i = TASKS - 1; i > 0; i--) {
			size_t other = chance(world, (uint32_t)i + 1);
			size_t held = world->order[i];

			world->order[i] = world->order[other];
			world->order[other] = held;
		}
}

/* an answer with something wrong: cut, a byte too many somewhere, or one task twice */
static void bad_answer(struct world *world, enum list_scope scope, size_t piece)
{
	cleanup_buf struct buf text = { 0 };
	uint32_t at;

	answer_make(world, scope, &text);
	at = chance(world, (uint32_t)text.len);
	if (chance(world, 2) == 0) {
		world_answer(world, scope, text.data, at, piece);
		return;
	}
	if (chance(world, 2) == 0) {
		text.data[at] = '}';
	} else {
		struct task_now again = { STATUS_QUEUED + (int)chance(world, 2),
			(int)chance(world, 2) };

		text.len -= 2;
		if (text.data[text.len - 1] != '[')
			(void)buf_add_char(&text, ',');
		element_add(&text, chance(world, TASKS), again);
		(void)buf_add_text(&text, "]}");
	}
	world_answer(world, scope, text.data, text.len, piece);
}

static void any_course_is_told_alike(void **state)
{
	struct world world;

	(void)state;
	world_begin(&world);
	for (int i = 0; i < 6000; i++) {
		enum list_scope scope = chance(&world, 4) == 0 ? LIST_ALL : LIST_ACTIVE;
		size_t piece = chance(&world, 3) == 0 ? 1 + chance(&world, 300) : 100000;

		if (chance(&world, 3) == 0)
			change_some(&world);
		if (chance(&world, 8) == 0)
			bad_answer(&world, scope, piece);
		else
			world_list(&world, scope, piece);
	}
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_unchanged_is_not_decoded),
		cmocka_unit_test(an_end_that_came_back_ends_again),
		cmocka_unit_test(a_look_up_in_between_is_not_forgotten),
		cmocka_unit_test(any_course_is_told_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
