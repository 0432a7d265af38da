/*
 * An answer that is the last one again is told of as if it had been read: two snapshots get the
 * same answers, one of which forgets each, and must tell and hold the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/list_reader.h"

#define TASKS 40

/* an answer by id */
struct look_up {
	const char *id; /* NULL: there is none */
	enum status status;
	uint32_t seq;
	struct instant now;
};

struct side {
	bool keeps; /* the last answer, so that the same one need not be read */
	struct snapshot *snapshot;
	bool same; /* the last answer was the one before it, and was not read */
	bool complete; /* the last answer was */
	bool swept; /* and it had all statuses */
	struct buf told;
};

/* what the server has */
struct task_now {
	int status; /* enum status; -1: no such task */
	int version; /* of its name */
};

struct pair {
	struct side sides[2];
	struct task_now tasks[TASKS];
	size_t order[TASKS];
	struct look_up midway; /* taken in while the next list is under way */
	uint32_t seq;
	uint64_t random;
	struct instant now;
};

static const struct hash_key key = { 31, 32 };
static const struct detect_rules rules = { .source = "a", .first_run = 0 };

static uint32_t chance(struct pair *pair, uint32_t below)
{
	pair->random = pair->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(pair->random >> 33) % below;
}

static void pair_begin(struct pair *pair)
{
	*pair = (struct pair){ .random = 1, .now = { .mono_ms = 1000, .wall_ms = 1790000000000 } };
	for (size_t i = 0; i < TASKS; i++) {
		pair->tasks[i].status = -1;
		pair->order[i] = i;
	}
	for (int i = 0; i < 2; i++) {
		pair->sides[i].keeps = i == 0;
		pair->sides[i].snapshot = snapshot_new(&key);
	}
}

static void pair_end(struct pair *pair)
{
	for (int i = 0; i < 2; i++) {
		snapshot_free(pair->sides[i].snapshot);
		buf_done(&pair->sides[i].told);
	}
}

/* some ids and names are written with escapes; blanks where they may stand */
static void element_add(struct buf *text, size_t id, struct task_now task)
{
	(void)buf_addf(text, "%s{\"task_id\":\"%s%zu\",\"status\":\"%s\",\"task_name\":\"%s%d\"%s}",
		id % 3 == 0 ? " " : "", id % 7 == 0 ? "\\u0074" : "t", id,
		status_word((enum status)task.status), id % 8 == 0 ? "\\u0041" : "n", task.version,
		id % 5 == 0 ? " " : "");
}

static void answer_make(const struct pair *pair, enum list_scope scope, struct buf *text)
{
	(void)buf_add_text(text, "{\"data\":[");
	for (size_t i = 0; i < TASKS; i++) {
		struct task_now task = pair->tasks[pair->order[i]];

		if (task.status < 0 || (scope == LIST_ACTIVE && task.status > STATUS_PROCESSING))
			continue;
		if (text->data[text->len - 1] != '[')
			(void)buf_add_char(text, ',');
		element_add(text, pair->order[i], task);
	}
	(void)buf_add_text(text, "]}");
}

static void look_up_take(
	const struct look_up *look_up, struct snapshot *snapshot, struct changes *changes)
{
	struct task view = { .id = look_up->id,
		.word = status_word(look_up->status),
		.status = look_up->status,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE };

	if (look_up->id != NULL)
		detect_task(
			snapshot, &rules, &view, look_up->seq, look_up->seq, look_up->now, changes);
}

/* feeds a copy of each chunk, of exact size, so that a byte read past it is found */
static bool chunks_feed(struct list_reader *list, const char *text, size_t len, size_t chunk)
{
	struct err err = { 0 };

	for (size_t at = 0; at < len; at += chunk) {
		size_t some = len - at < chunk ? len - at : chunk;
		cleanup_free char *copy = mem_resize(NULL, some, 1);

		memcpy(copy, text + at, some);
		if (!list_reader_feed(list, copy, some, &err))
			return false;
	}
	return true;
}

static void side_tell(struct side *side, const struct changes *changes)
{
	buf_clear(&side->told);
	for (size_t i = 0; i < changes->event_count; i++)
		(void)buf_addf(&side->told, "%s %s,", event_types[changes->events[i]->type].word,
			changes->events[i]->task_id);
}

static void side_take(struct side *side, const struct pair *pair, enum list_scope scope,
	const char *text, size_t len, size_t chunk)
{
	struct changes changes = { 0 };
	const struct task_reader *tasks;
	struct list_reader *list;
	struct err err;
	bool good;

	if (!side->keeps)
		buf_done(&side->snapshot->answer);
	list = list_reader_new(side->snapshot, &rules, &source_types[0], scope,
		scope == LIST_ALL ? LIST_SWEEP : LIST_POLL, pair->seq, 0);
	good = chunks_feed(list, text, len, chunk);
	look_up_take(&pair->midway, side->snapshot, &changes);
	tasks = list_reader_close(list);
	side->same = good && tasks == NULL;
	side->complete = side->same || (good && task_reader_end(tasks, &err));
	side->swept = side->complete && scope == LIST_ALL;
	if (side->complete)
		list_reader_end(list, pair->seq, pair->now, &changes);
	list_reader_free(list);
	side_tell(side, &changes);
	changes_done(&changes);
}

/* what the snapshot holds of each task, and whether the list of this serial, when it was complete,
 * had it */
static void snapshot_write(const struct side *side, uint32_t seq, struct buf *out)
{
	const struct snapshot *snapshot = side->snapshot;

	buf_clear(out);
	for (size_t i = 0; i < TASKS; i++) {
		cleanup_free char *id = mem_printf("t%zu", i);
		const struct record *record = snapshot_find(snapshot, id);
		const struct ended *ended = snapshot_ended(snapshot, id);

		if (record != NULL)
			(void)buf_addf(out, "%s %d %s %u %d %d\n", id, record->status,
				record_task(snapshot, record).name, record->observed_seq,
				side->complete && record->listed[LIST_POLL] == seq,
				side->complete && record->listed[LIST_SWEEP] == seq);
		if (ended != NULL)
			(void)buf_addf(out, "%s ended %d %d\n", id, ended->status,
				side->swept && ended->generation == snapshot->sweeps);
	}
}

static void sides_equal(const struct pair *pair)
{
	struct buf held[2] = { { 0 }, { 0 } };

	assert_int_equal(pair->sides[0].complete, pair->sides[1].complete);
	assert_string_equal(buf_text(&pair->sides[0].told), buf_text(&pair->sides[1].told));
	for (int i = 0; i < 2; i++)
		snapshot_write(&pair->sides[i], pair->seq, &held[i]);
	assert_string_equal(buf_text(&held[0]), buf_text(&held[1]));
	for (int i = 0; i < 2; i++)
		buf_done(&held[i]);
}

static void pair_answer(
	struct pair *pair, enum list_scope scope, const char *text, size_t len, size_t chunk)
{
	pair->seq++;
	pair->now.mono_ms += 10000;
	pair->now.wall_ms += 10000;
	for (int i = 0; i < 2; i++)
		side_take(&pair->sides[i], pair, scope, text, len, chunk);
	sides_equal(pair);
	if (pair->midway.id != NULL)
		pair->seq = pair->midway.seq;
	pair->midway.id = NULL;
}

static void pair_list(struct pair *pair, enum list_scope scope, size_t chunk)
{
	cleanup_buf struct buf text = { 0 };

	answer_make(pair, scope, &text);
	pair_answer(pair, scope, text.data, text.len, chunk);
}

static void pair_fill(struct pair *pair, size_t count, int status)
{
	for (size_t i = 0; i < count; i++)
		pair->tasks[i] = (struct task_now){ .status = status };
}

/* watched from before there was anything, and now so many tasks are active, in no list yet */
static void pair_begin_with(struct pair *pair, size_t count)
{
	pair_begin(pair);
	pair_list(pair, LIST_ALL, 1000);
	pair_fill(pair, count, STATUS_PROCESSING);
}

static void what_is_unchanged_is_not_told(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin_with(&pair, 20);
	pair_list(&pair, LIST_ACTIVE, 100000);
	assert_string_equal(
		pair.sides[0].told.data + pair.sides[0].told.len - 15, "processing t19,");
	/* read once more, and then known as the same answer, which holds for any chunks */
	pair_list(&pair, LIST_ACTIVE, 100000);
	for (size_t chunk = 100000; chunk > 0; chunk /= 7) {
		assert_string_equal(buf_text(&pair.sides[0].told), "");
		pair_list(&pair, LIST_ACTIVE, chunk);
		assert_true(pair.sides[0].same);
		assert_false(pair.sides[1].same);
	}
	/* an end, a change that is not told, and a newcomer */
	pair.tasks[3].status = STATUS_SUCCESS;
	pair.tasks[5].version++;
	pair.tasks[25].status = STATUS_QUEUED;
	pair_list(&pair, LIST_ACTIVE, 100000);
	assert_false(pair.sides[0].same);
	assert_string_equal(buf_text(&pair.sides[0].told), "queued t25,");
	pair_list(&pair, LIST_ALL, 100000);
	assert_string_equal(buf_text(&pair.sides[0].told), "success t3,");
	pair_list(&pair, LIST_ALL, 100000);
	assert_string_equal(buf_text(&pair.sides[0].told), "");
	pair_end(&pair);
}

/* success, processing, success: the last answer has the bytes of the first, and is news again */
static void an_end_that_came_back_ends_again(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin_with(&pair, 3);
	pair_list(&pair, LIST_ACTIVE, 1000);
	for (int i = 0; i < 3; i++) {
		pair.tasks[1].status = STATUS_SUCCESS;
		pair_list(&pair, LIST_ALL, 1000);
		assert_string_equal(buf_text(&pair.sides[0].told), "success t1,");
		pair_list(&pair, LIST_ALL, 1000);
		assert_string_equal(buf_text(&pair.sides[0].told), "");
		pair.tasks[1].status = STATUS_PROCESSING;
		pair_list(&pair, LIST_ALL, 1000);
		pair_list(&pair, LIST_ALL, 1000);
		assert_string_equal(buf_text(&pair.sides[0].told), "processing t1,");
	}
	pair_end(&pair);
}

static void pair_look_up(struct pair *pair, const char *id, enum status status)
{
	struct look_up look_up = { id, status, ++pair->seq, pair->now };

	for (int i = 0; i < 2; i++) {
		struct changes changes = { 0 };

		look_up_take(&look_up, pair->sides[i].snapshot, &changes);
		side_tell(&pair->sides[i], &changes);
		changes_done(&changes);
	}
	assert_string_equal(buf_text(&pair->sides[0].told), buf_text(&pair->sides[1].told));
}

/* it has other bytes than the list: what the list says after it is looked at */
static void a_look_up_in_between_is_not_forgotten(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin_with(&pair, 3);
	for (int i = 0; i < 3; i++)
		pair_list(&pair, LIST_ACTIVE, 1000);
	assert_true(pair.sides[0].same);
	pair_look_up(&pair, "t1", STATUS_QUEUED);
	pair_list(&pair, LIST_ACTIVE, 1000);
	assert_string_equal(buf_text(&pair.sides[0].told), "processing t1,");
	pair_end(&pair);
}

/* the same answer so often that nothing of it is read any more */
static void pair_repeat(struct pair *pair, size_t chunk)
{
	for (int i = 0; i < 4; i++)
		pair_list(pair, LIST_ACTIVE, chunk);
	assert_true(pair->sides[0].same);
}

static void an_answer_that_repeats_is_not_read(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin(&pair);
	pair_list(&pair, LIST_ALL, 1000);
	/* nothing, over and over, is one as well */
	pair_repeat(&pair, 1000);
	pair_fill(&pair, 20, STATUS_PROCESSING);
	for (size_t chunk = 1000; chunk > 0; chunk /= 7) {
		pair.tasks[7].version++;
		pair_repeat(&pair, chunk);
	}
	/* it begins like the last one and is longer, shorter, or goes on otherwise */
	pair.tasks[20].status = STATUS_QUEUED;
	pair_list(&pair, LIST_ACTIVE, 100);
	assert_false(pair.sides[0].same);
	assert_string_equal(buf_text(&pair.sides[0].told), "queued t20,");
	pair_repeat(&pair, 100);
	pair.tasks[20].status = -1;
	pair_list(&pair, LIST_ACTIVE, 100);
	assert_false(pair.sides[0].same);
	pair_repeat(&pair, 100);
	pair.tasks[19].status = STATUS_QUEUED;
	pair_list(&pair, LIST_ACTIVE, 100);
	assert_string_equal(buf_text(&pair.sides[0].told), "queued t19,");
	pair_end(&pair);
}

/* the bytes are the same, but what they say is not known any more */
static void a_repeated_answer_is_read_when_the_snapshot_has_changed(void **state)
{
	struct pair pair;

	(void)state;
	pair_begin_with(&pair, 20);
	pair_repeat(&pair, 1000);
	/* the task that a sweep shows as ended is active in the next polls: believed the second
	 * time */
	pair.tasks[3].status = STATUS_FAILURE;
	pair_list(&pair, LIST_ALL, 1000);
	assert_string_equal(buf_text(&pair.sides[0].told), "failure t3,");
	pair.tasks[3].status = STATUS_PROCESSING;
	pair_list(&pair, LIST_ACTIVE, 1000);
	assert_string_equal(buf_text(&pair.sides[0].told), "");
	assert_false(pair.sides[0].same);
	pair_list(&pair, LIST_ACTIVE, 1000);
	assert_string_equal(buf_text(&pair.sides[0].told), "processing t3,");
	pair_repeat(&pair, 1000);
	/* a newcomer in a sweep moves the others to other places */
	pair.tasks[30].status = STATUS_QUEUED;
	pair_list(&pair, LIST_ALL, 1000);
	pair.tasks[30].status = -1;
	pair_list(&pair, LIST_ACTIVE, 1000);
	assert_false(pair.sides[0].same);
	pair_repeat(&pair, 1000);
	/* a task ends while a list is under way that still has it, and would be kept as the last
	 * answer */
	pair.tasks[6].version++;
	pair_list(&pair, LIST_ACTIVE, 1000);
	pair.midway = (struct look_up){ "t5", STATUS_SUCCESS, pair.seq + 2, pair.now };
	pair_list(&pair, LIST_ACTIVE, 1000);
	assert_string_equal(buf_text(&pair.sides[0].told), "success t5,");
	pair_list(&pair, LIST_ACTIVE, 1000);
	assert_false(pair.sides[0].same);
	pair.tasks[5].status = -1;
	pair_repeat(&pair, 1000);
	/* an answer that was cut is none, and leaves what was known of the last one */
	pair_answer(&pair, LIST_ACTIVE, "{\"data\":[", 9, 1000);
	assert_false(pair.sides[0].complete);
	pair_list(&pair, LIST_ACTIVE, 1000);
	assert_true(pair.sides[0].same);
	pair_end(&pair);
}

static enum status any_status(struct pair *pair)
{
	return (enum status)(STATUS_QUEUED + (int)chance(pair, 4));
}

static void change_some(struct pair *pair)
{
	for (uint32_t n = chance(pair, 4); n > 0; n--) {
		struct task_now *task = &pair->tasks[chance(pair, TASKS)];
		uint32_t dice = chance(pair, 10);

		task->version += dice == 0;
		task->status = dice < 2 ? -1 : STATUS_QUEUED + (int)chance(pair, 4);
	}
	if (chance(pair, 10) == 0)
		for (size_t i = TASKS - 1; i > 0; i--) {
			size_t other = chance(pair, (uint32_t)i + 1);
			size_t held = pair->order[i];

			pair->order[i] = pair->order[other];
			pair->order[other] = held;
		}
}

/* an answer with something wrong: cut, a byte too many somewhere, or one task twice */
static void bad_answer(struct pair *pair, enum list_scope scope, size_t chunk)
{
	cleanup_buf struct buf text = { 0 };
	uint32_t at;

	answer_make(pair, scope, &text);
	at = chance(pair, (uint32_t)text.len);
	if (chance(pair, 2) == 0) {
		pair_answer(pair, scope, text.data, at, chunk);
		return;
	}
	if (chance(pair, 2) == 0) {
		text.data[at] = '}';
	} else {
		struct task_now again = { STATUS_QUEUED + (int)chance(pair, 2),
			(int)chance(pair, 2) };

		text.len -= 2;
		if (text.data[text.len - 1] != '[')
			(void)buf_add_char(&text, ',');
		element_add(&text, chance(pair, TASKS), again);
		(void)buf_add_text(&text, "]}");
	}
	pair_answer(pair, scope, text.data, text.len, chunk);
}

static void any_course_is_told_alike(void **state)
{
	char ids[TASKS][8];
	struct pair pair;
	int repeated = 0;

	(void)state;
	for (int i = 0; i < TASKS; i++)
		(void)snprintf(ids[i], sizeof(ids[i]), "t%d", i);
	pair_begin(&pair);
	for (int i = 0; i < 6000; i++) {
		enum list_scope scope = chance(&pair, 4) == 0 ? LIST_ALL : LIST_ACTIVE;
		size_t chunk = chance(&pair, 3) == 0 ? 1 + chance(&pair, 300) : 100000;

		if (chance(&pair, 3) == 0)
			change_some(&pair);
		if (chance(&pair, 12) == 0)
			pair_look_up(&pair, ids[chance(&pair, TASKS)], any_status(&pair));
		if (chance(&pair, 12) == 0)
			pair.midway = (struct look_up){ ids[chance(&pair, TASKS)],
				any_status(&pair), pair.seq + 2, pair.now };
		if (chance(&pair, 8) == 0)
			bad_answer(&pair, scope, chunk);
		else
			pair_list(&pair, scope, chunk);
		repeated += pair.sides[0].same;
	}
	assert_true(repeated > 100);
	pair_end(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_unchanged_is_not_told),
		cmocka_unit_test(an_end_that_came_back_ends_again),
		cmocka_unit_test(a_look_up_in_between_is_not_forgotten),
		cmocka_unit_test(an_answer_that_repeats_is_not_read),
		cmocka_unit_test(a_repeated_answer_is_read_when_the_snapshot_has_changed),
		cmocka_unit_test(any_course_is_told_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
