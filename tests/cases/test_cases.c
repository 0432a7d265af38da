/* clang-format off */
/*
 * Reads the .case files beside it: what a snapshot knows, what the API answers, what is told. One
 * step a line:
 *
 *   case TITLE                     begins a case; the snapshot is empty, no list was ever taken in
 *   rules KEY VALUE                first_run baseline|summary|all, stuck_after DURATION
 *   snapshot baseline              the first list of all statuses has been taken in
 *   snapshot told_after STAMP      after lost state
 *   snapshot STATUS ID [FIELD=VALUE]…  a task as it is known
 *   after DURATION                 time passes, on both clocks
 *   poll | sweep | ended TASK…     a complete list comes: of the active, of all, of the ended
 *   send NAME LIST                 a list is asked for now (LIST as above) …
 *   answer NAME TASK…              … and comes now
 *   lost NAME [TASK…]              … or never comes whole, though it began with these
 *   lookup ID STATUS|404|proxy     the answer to a look-up by id
 *   ask NAME                       a look-up is sent now; its answer is "lookup ID STATUS NAME"
 *   confirm                        a sweep closes: what is nowhere is one step nearer to gone
 *   stuck                          looks for stuck tasks
 *   restart                        only what the store keeps is left
 *   missing ID…|nothing            what the last poll should have had
 *   told EVENT ID [FROM->TO]       the next event, `-` for null; summary TEXT
 *   nothing                        no further event
 *
 * A TASK is ID=STATUS, optionally with ,FIELD=VALUE: name, bucket, user, created, finished. Every
 * event has to be told of by the end of its case.
 */
/* clang-format on */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/parse.h"
#include "core/config.h"
#include "core/list_reader.h"
#include "json/write.h"
#include "fake_store.h"

#define WORDS_MAX 32
#define ASKED_MAX 8
#define START_MS INT64_C(1790000000000)

struct tale {
	char *file; /* own */
	char *title; /* own */
	int line; /* of its first step */
	char *steps; /* own */
};

struct asked {
	char name[32];
	struct list_reader *list; /* own; NULL: a look-up, or free */
	uint32_t seq;
};

struct stage {
	const struct tale *tale;
	struct snapshot *snapshot; /* own */
	struct snapshot *stored; /* own; what is stored, as of the last restart */
	struct detect_rules rules;
	struct instant now;
	uint32_t seq;
	uint32_t poll_serial; /* of the last poll */
	uint32_t sweep_serial; /* of the last sweep */
	int64_t sweep_ms; /* wall; when it was asked for */
	uint32_t since; /* look-ups from here on count for the next word */
	struct asked asked[ASKED_MAX];
	struct changes changes;
	size_t told; /* events that were expected so far */
	int line;
};

static const struct hash_key key = { 1, 2 };

static _Noreturn void fail_line(const struct stage *stage, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static _Noreturn void fail_line(const struct stage *stage, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fail_msg("%s:%d: %s", stage->tale->file, stage->line, text);
	abort();
}

static size_t split(char *line, char *words[WORDS_MAX])
{
	size_t count = 0;
	char *save = NULL;

	for (char *word = strtok_r(line, " \t", &save); word != NULL;
		word = strtok_r(NULL, " \t", &save))
		if (count < WORDS_MAX)
			words[count++] = word;
	return count;
}

static int64_t stamp(const struct stage *stage, const char *text)
{
	int64_t us;

	if (!stamp_parse(text, &us))
		fail_line(stage, "no time: %s", text);
	return us;
}

static void task_status(const struct stage *stage, struct task *task, const char *word)
{
	(void)stage;
	task->word = word;
	task->status = task_reader_status(&source_types[0], word, strlen(word));
}

static void task_field(const struct stage *stage, struct task *task, char *field)
{
	char *value = strchr(field, '=');

	if (value == NULL)
		fail_line(stage, "no FIELD=VALUE: %s", field);
	*value++ = '\0';
	if (strcmp(field, "name") == 0)
		task->name = value;
	else if (strcmp(field, "bucket") == 0)
		task->bucket = value;
	else if (strcmp(field, "user") == 0)
		task->user_id = value;
	else if (strcmp(field, "created") == 0)
		task->created_us = stamp(stage, value);
	else if (strcmp(field, "finished") == 0)
		task->finished_us = stamp(stage, value);
	else
		fail_line(stage, "no such field: %s", field);
}

/* ID=STATUS[,FIELD=VALUE]… */
static struct task task_read(const struct stage *stage, char *word)
{
	struct task task = { .created_us = STAMP_NONE, .finished_us = STAMP_NONE };
	char *save = NULL;
	char *status = strchr(word, '=');

	if (status == NULL)
		fail_line(stage, "no ID=STATUS: %s", word);
	*status++ = '\0';
	task.id = word;
	task_status(stage, &task, strtok_r(status, ",", &save));
	for (char *field = strtok_r(NULL, ",", &save); field != NULL;
		field = strtok_r(NULL, ",", &save))
		task_field(stage, &task, field);
	return task;
}

static void step_snapshot(struct stage *stage, char **words, size_t count)
{
	struct task task = { .created_us = STAMP_NONE, .finished_us = STAMP_NONE };
	struct record *record;

	if (strcmp(words[1], "baseline") == 0) {
		stage->snapshot->baseline = true;
		stage->snapshot->baseline_dirty = true;
		return;
	}
	if (count < 3)
		fail_line(stage, "snapshot what?");
	if (strcmp(words[1], "told_after") == 0) {
		stage->snapshot->report_after_us = stamp(stage, words[2]);
		return;
	}
	task.id = words[2];
	task_status(stage, &task, words[1]);
	if (strcmp(words[1], "expected") == 0)
		task.status = STATUS_EXPECTED;
	for (size_t i = 3; i < count; i++)
		task_field(stage, &task, words[i]);
	if (status_class(task.status) == CLASS_ENDED) {
		(void)snapshot_set_ended(stage->snapshot, task.id, task.status);
		return;
	}
	record = snapshot_add(stage->snapshot, &task, stage->now.wall_ms);
	record->dirty = true;
}

static void step_rules(struct stage *stage, char **words, size_t count)
{
	static const char *const runs[] = { "baseline", "summary", "all" };

	if (count != 3)
		fail_line(stage, "rules KEY VALUE");
	if (strcmp(words[1], "stuck_after") == 0) {
		if (!parse_duration(words[2], &stage->rules.stuck_after_ms))
			fail_line(stage, "no duration: %s", words[2]);
		return;
	}
	for (int i = 0; i < 3; i++)
		if (strcmp(runs[i], words[2]) == 0)
			stage->rules.first_run = i;
}

static struct list_reader *list_send(struct stage *stage, const char *what)
{
	enum list_kind kind = strcmp(what, "sweep") == 0 ? LIST_SWEEP : LIST_POLL;
	enum list_scope scope = LIST_ACTIVE;

	if (kind == LIST_SWEEP)
		scope = LIST_ALL;
	else if (strcmp(what, "ended") == 0)
		scope = LIST_ENDED;
	else if (strcmp(what, "poll") != 0)
		fail_line(stage, "no such list: %s", what);
	stage->seq++;
	if (scope == LIST_ACTIVE) {
		stage->poll_serial = stage->seq;
		if (stage->since == 0)
			stage->since = stage->seq;
	} else if (scope == LIST_ALL) {
		stage->sweep_serial = stage->seq;
		stage->sweep_ms = stage->now.wall_ms;
		if (stage->since == 0)
			stage->since = stage->seq;
	}
	return list_reader_new(
		stage->snapshot, &stage->rules, &source_types[0], scope, kind, stage->seq, 0);
}

static void element_add(struct buf *text, const struct task *task)
{
	struct json_writer json;

	if (text->data[text->len - 1] == '}')
		(void)buf_add_char(text, ',');
	json = json_begin(text);
	json_text(&json, "task_id", task->id);
	json_text(&json, "task_name", task->name);
	json_text(&json, "status", task->word);
	json_text(&json, "bucket", task->bucket);
	json_text(&json, "user_id", task->user_id);
	json_stamp(&json, "created_at", task->created_us);
	json_stamp(&json, "finished_at", task->finished_us);
	json_end(&json);
}

/* the answer up to its last task, fed in one chunk, as most come */
static void list_feed(
	struct stage *stage, struct list_reader *list, char **words, size_t count, const char *end)
{
	cleanup_buf struct buf text = { 0 };
	struct err err;

	(void)buf_add_text(&text, "{\"data\":[");
	for (size_t i = 0; i < count; i++) {
		struct task task = task_read(stage, words[i]);

		element_add(&text, &task);
	}
	(void)buf_add_text(&text, end);
	if (!list_reader_feed(list, text.data, text.len, &err))
		fail_line(stage, "%s", err.text);
}

static void list_take(struct stage *stage, struct list_reader *list, char **words, size_t count)
{
	const struct task_reader *tasks;
	struct err err;

	list_feed(stage, list, words, count, "]}");
	tasks = list_reader_close(list);
	if (tasks != NULL && !task_reader_end(tasks, &err))
		fail_line(stage, "%s", err.text);
	list_reader_end(list, stage->seq, stage->now, &stage->changes);
	list_reader_free(list);
}

static struct asked *asked_find(struct stage *stage, const char *name)
{
	for (int i = 0; i < ASKED_MAX; i++)
		if (strcmp(stage->asked[i].name, name) == 0)
			return &stage->asked[i];
	fail_line(stage, "nothing was sent as %s", name);
}

static struct asked *asked_new(struct stage *stage, const char *name)
{
	struct asked *asked = asked_find(stage, "");

	(void)snprintf(asked->name, sizeof(asked->name), "%s", name);
	return asked;
}

static void step_lookup(struct stage *stage, char **words, size_t count)
{
	struct task task = { .id = words[1], .created_us = STAMP_NONE, .finished_us = STAMP_NONE };
	uint32_t seq;

	if (count < 3)
		fail_line(stage, "lookup ID STATUS");
	if (count > 3) {
		struct asked *asked = asked_find(stage, words[3]);

		seq = asked->seq;
		*asked = (struct asked){ 0 };
	} else {
		seq = ++stage->seq;
	}
	if (strcmp(words[2], "proxy") == 0)
		return;
	if (strcmp(words[2], "404") == 0) {
		detect_not_found(stage->snapshot, task.id, seq);
		return;
	}
	task_status(stage, &task, words[2]);
	detect_task(stage->snapshot, &stage->rules, &task, seq, stage->seq, stage->now,
		&stage->changes);
}

static void step_missing(struct stage *stage, char **words, size_t count)
{
	struct record *missing[WORDS_MAX] = { 0 };
	size_t expected = strcmp(words[1], "nothing") == 0 ? 0 : count - 1;
	size_t found = detect_missing(
		stage->snapshot, LIST_POLL, stage->poll_serial, 0, missing, WORDS_MAX);

	if (found != expected)
		fail_line(stage, "%zu are missing", found);
	for (size_t i = 0; i < found; i++)
		if (strcmp(record_id(missing[i]), words[i + 1]) != 0)
			fail_line(stage, "%s is missing", record_id(missing[i]));
}

static const char *event_shown(const struct event *event, char text[256])
{
	const struct event_type_info *info = &event_types[event->type];

	if (event->type == EVENT_SUMMARY)
		(void)snprintf(text, 256, "summary %s", event->message);
	else
		(void)snprintf(text, 256, "%s %s %s->%s", info->word, event->task_id,
			event->from != NULL ? event->from : "-",
			event->to != NULL ? event->to : "-");
	return text;
}

/* "told success a queued->success name=x"; fields that are not named are not compared */
static void step_told(struct stage *stage, const char *line)
{
	char text[256];
	const struct event *event;
	const char *rest;

	if (stage->told == stage->changes.event_count)
		fail_line(stage, "nothing more was told");
	event = stage->changes.events[stage->told++];
	(void)event_shown(event, text);
	if (strncmp(line, text, strlen(text)) != 0)
		fail_line(stage, "told was: %s", text);
	assert_string_equal(event->source, "src");
	assert_int_equal(event->wall_ms, stage->now.wall_ms);
	for (rest = line + strlen(text); *rest == ' ';) {
		char field[32];
		char value[128];
		int len = 0;
		size_t size;
		char scratch[EVENT_FIELD_TEXT_MAX];
		const char *is = "";
		enum event_field found;

		if (sscanf(rest, " %31[a-z_]=%127s%n", field, value, &len) != 2)
			fail_line(stage, "no FIELD=VALUE: %s", rest);
		rest += len;
		if (event_field_find(field, strlen(field), &found))
			is = event_field(event, found, scratch, &size);
		if (strcmp(is, value) != 0)
			fail_line(stage, "%s is %s", field, is);
	}
	if (*rest != '\0')
		fail_line(stage, "told was: %s", text);
}

static void step_restart(struct stage *stage)
{
	fake_store_store(stage->stored, stage->snapshot, &stage->changes);
	while (stage->changes.removed_count > 0)
		free(stage->changes.removed[--stage->changes.removed_count]);
	snapshot_free(stage->snapshot);
	stage->snapshot = fake_store_copy(stage->stored);
	stage->seq = 0;
	stage->since = 0;
}

static void step_after(struct stage *stage, const char *text)
{
	int64_t ms;

	if (!parse_duration(text, &ms))
		fail_line(stage, "no duration: %s", text);
	stage->now.mono_ms += ms;
	stage->now.wall_ms += ms;
}

static void step_word(struct stage *stage)
{
	detect_gone(stage->snapshot, &stage->rules, stage->sweep_serial, stage->since,
		stage->sweep_ms, stage->now, &stage->changes);
	stage->since = 0;
}

static void step_nothing(struct stage *stage)
{
	char text[256];

	if (stage->told != stage->changes.event_count)
		fail_line(stage, "told was: %s",
			event_shown(stage->changes.events[stage->told], text));
}

/* steps that are about lists under way; false: it is none of them */
static bool step_asked(struct stage *stage, char **words, size_t count)
{
	struct asked *asked;

	if (count < 2)
		return false;
	if (strcmp(words[0], "ask") == 0) {
		asked_new(stage, words[1])->seq = ++stage->seq;
	} else if (strcmp(words[0], "send") == 0 && count == 3) {
		asked_new(stage, words[1])->list = list_send(stage, words[2]);
	} else if (strcmp(words[0], "answer") == 0) {
		asked = asked_find(stage, words[1]);
		list_take(stage, asked->list, words + 2, count - 2);
		*asked = (struct asked){ 0 };
	} else if (strcmp(words[0], "lost") == 0) {
		asked = asked_find(stage, words[1]);
		list_feed(stage, asked->list, words + 2, count - 2, "");
		list_reader_free(asked->list);
		*asked = (struct asked){ 0 };
	} else {
		return false;
	}
	return true;
}

static void step(struct stage *stage, char *line)
{
	char *words[WORDS_MAX] = { 0 };
	size_t count;

	if (strncmp(line, "told ", 5) == 0) {
		step_told(stage, line + 5);
		return;
	}
	count = split(line, words);
	if (count == 0)
		return;
	if (step_asked(stage, words, count))
		return;
	if (strcmp(words[0], "nothing") == 0)
		step_nothing(stage);
	else if (strcmp(words[0], "confirm") == 0)
		step_word(stage);
	else if (strcmp(words[0], "stuck") == 0)
		detect_stuck(stage->snapshot, &stage->rules, stage->now, &stage->changes);
	else if (strcmp(words[0], "restart") == 0)
		step_restart(stage);
	else if (strcmp(words[0], "poll") == 0 || strcmp(words[0], "sweep") == 0 ||
		 strcmp(words[0], "ended") == 0)
		list_take(stage, list_send(stage, words[0]), words + 1, count - 1);
	else if (count < 2)
		fail_line(stage, "what is: %s", words[0]);
	else if (strcmp(words[0], "snapshot") == 0)
		step_snapshot(stage, words, count);
	else if (strcmp(words[0], "rules") == 0)
		step_rules(stage, words, count);
	else if (strcmp(words[0], "after") == 0)
		step_after(stage, words[1]);
	else if (strcmp(words[0], "lookup") == 0)
		step_lookup(stage, words, count);
	else if (strcmp(words[0], "missing") == 0)
		step_missing(stage, words, count);
	else
		fail_line(stage, "what is: %s", words[0]);
}

static void stage_done(struct stage *stage)
{
	for (int i = 0; i < ASKED_MAX; i++)
		list_reader_free(stage->asked[i].list);
	changes_done(&stage->changes);
	snapshot_free(stage->snapshot);
	snapshot_free(stage->stored);
}

static void run(void **state)
{
	const struct tale *tale = *state;
	struct stage stage = {
		.tale = tale,
		.snapshot = snapshot_new(&key),
		.stored = snapshot_new(&key),
		.rules = { .source = "src" },
		.now = { .mono_ms = 1000, .wall_ms = START_MS },
		.line = tale->line,
	};
	cleanup_free char *steps = mem_strdup(tale->steps);
	char *line = steps;

	while (line != NULL) {
		char *end = strchr(line, '\n');

		if (end != NULL)
			*end++ = '\0';
		step(&stage, line);
		line = end;
		stage.line++;
	}
	step_nothing(&stage);
	stage_done(&stage);
}

struct tales {
	struct tale *items;
	size_t count;
	size_t cap;
};

static void tales_read(struct tales *tales, const char *path)
{
	FILE *file = fopen(path, "re");
	struct tale *tale = NULL;
	char line[512];
	int number = 0;

	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		char *comment = strchr(line, '#');

		number++;
		line[strcspn(line, "\n")] = '\0';
		if (comment != NULL)
			*comment = '\0';
		for (size_t len = strlen(line); len > 0 && line[len - 1] == ' '; len--)
			line[len - 1] = '\0';
		if (strncmp(line, "case ", 5) == 0) {
			tales->items = mem_grow(
				tales->items, &tales->cap, tales->count + 1, sizeof(*tale));
			tale = &tales->items[tales->count++];
			*tale = (struct tale){
				mem_strdup(path),
				mem_strdup(line + 5),
				number + 1,
				mem_strdup(""),
			};
		} else if (tale != NULL) {
			char *more = mem_printf("%s%s\n", tale->steps, line);

			free(tale->steps);
			tale->steps = more;
		}
	}
	(void)fclose(file);
}

int main(void)
{
	char pattern[512];
	glob_t paths = { 0 };
	struct tales tales = { 0 };
	struct CMUnitTest *tests;
	int failed;

	(void)snprintf(pattern, sizeof(pattern), "%.*s*.case",
		(int)(strlen(__FILE__) - strlen("test_cases.c")), __FILE__);
	if (glob(pattern, 0, NULL, &paths) != 0)
		return 1;
	for (size_t i = 0; i < paths.gl_pathc; i++)
		tales_read(&tales, paths.gl_pathv[i]);
	tests = mem_alloc((tales.count + 1) * sizeof(*tests));
	for (size_t i = 0; i < tales.count; i++)
		tests[i] = (struct CMUnitTest){
			.name = tales.items[i].title,
			.test_func = run,
			.initial_state = &tales.items[i],
		};
	failed = _cmocka_run_group_tests("cases", tests, tales.count, NULL, NULL);
	for (size_t i = 0; i < tales.count; i++) {
		free(tales.items[i].file);
		free(tales.items[i].title);
		free(tales.items[i].steps);
	}
	free(tales.items);
	free(tests);
	globfree(&paths);
	return tales.count != 0 ? failed : 1;
}
