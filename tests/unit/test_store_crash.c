/* What a crash, a second process and a full disk do to the state: nothing that was committed is
 * lost. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tmpdir.h"
#include "store_fixture.h"

#define NOW STORED_NOW

static char *dir;

static int set_up(void **state)
{
	(void)state;
	dir = tmpdir_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tmpdir_free(dir);
	return 0;
}

/* one poll: a new task is in the snapshot, and an event tells of it; the id of the event, 0 on
 * failure
 */
static int64_t poll_once(struct store *store, struct snapshot *snapshot, int64_t n, struct err *err)
{
	const char *sink = "hook";
	char id[32];
	struct task task = { .id = id,
		.status = STATUS_QUEUED,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE };
	struct event event = { .wall_ms = NOW,
		.type = EVENT_QUEUED,
		.source = "telnyx",
		.task_id = id,
		.created_us = STAMP_NONE,
		.finished_us = STAMP_NONE };
	struct store_event row = { &event, &sink, 1, NOW };
	struct store_changes changes = {
		.source = "telnyx", .snapshot = snapshot, .events = &row, .event_count = 1
	};

	(void)snprintf(id, sizeof(id), "task-%lld", (long long)n);
	snapshot_add(snapshot, &task, NOW)->dirty = true;
	return store_commit(store, &changes, err) ? event.id : 0;
}

/* the life of the process that is killed: polls, settles, and says each id that it has been
 * promised */
static void live(int out)
{
	struct store *store;
	struct snapshot *snapshot;
	struct err err = { 0 };
	struct store_damage damage;

	if (!store_open(&store, dir, STORE_WRITE, NOW, &damage, &err) || damage.path[0] != '\0' ||
		!store_load_snapshot(store, "telnyx", &snapshot, &err))
		_exit(1);
	for (int64_t n = (int64_t)snapshot->count;; n++) {
		int64_t id = poll_once(store, snapshot, n, &err);

		if (id == 0 || write(out, &id, sizeof(id)) != sizeof(id))
			_exit(1);
		if (id % 3 == 0) {
			struct delivery delivery = { .event_id = id };
			const struct delivery *ended = &delivery;

			if (!store_settle(store, "hook", &ended, 1, NOW, &err))
				_exit(1);
		}
	}
}

/* starts a life and kills it once it has promised `count` ids; returns the last that it promised,
 * 0: none */
static int64_t live_and_die(size_t count)
{
	int fds[2];
	int64_t last = 0;
	int64_t id;
	int status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(fds[0]);
		live(fds[1]);
	}
	(void)close(fds[1]);
	for (size_t i = 0; i < count && read(fds[0], &id, sizeof(id)) == sizeof(id); i++)
		last = id;
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (read(fds[0], &id, sizeof(id)) == sizeof(id))
		last = id;
	(void)close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return last;
}

struct witness {
	const struct snapshot *snapshot;
	int64_t next; /* the id that has to come now */
};

static bool take_witness(void *arg, const struct event *event)
{
	struct witness *witness = arg;

	assert_true(event->id == witness->next);
	witness->next++;
	assert_non_null(snapshot_find(witness->snapshot, event->task_id));
	return true;
}

static void test_killed_at_any_moment(void **state)
{
	int64_t last = NOW - 1;

	(void)state;
	for (size_t round = 0; round < 40; round++) {
		/* the first rounds die while the file is created, the others in the middle of
		 * commits */
		int64_t promised = live_and_die(round < 8 ? 0 : round % 7);
		struct store *store = store_fixture_open_good(dir, NOW);
		struct snapshot *snapshot = store_fixture_snapshot(store, "telnyx");
		struct witness witness = { snapshot, NOW };
		struct store_query all = { 0 };
		struct err err = { 0 };

		last = promised > last ? promised : last;
		assert_true(store_history(store, &all, take_witness, &witness, &err));
		/* every promise was kept, and each event came with its task: the same transaction
		 */
		assert_true(witness.next > last);
		assert_int_equal(snapshot->count, witness.next - NOW);
		assert_true(
			store_fixture_pending(store, "hook") >= (size_t)(witness.next - NOW) / 3);
		snapshot_free(snapshot);
		store_close(store);
	}
	assert_true(last > NOW);
}

static bool take_nothing(void *arg, const struct event *event)
{
	(void)arg;
	(void)event;
	return true;
}

static void read_beside(int in)
{
	struct err err = { 0 };
	char byte;
	int64_t before = 0;

	/* a reader sees whole transactions, never less than before, and never fails for the
	 * writer's sake */
	for (;;) {
		struct store *store;
		struct store_query one = { .limit = 1 };
		int64_t last = before;

		if (read(in, &byte, 1) == 0)
			_exit(0);
		if (!store_open(&store, dir, STORE_READ, NOW, NULL, &err))
			_exit(1);
		last = (int64_t)store_fixture_pending(store, "hook");
		if (last < before || !store_history(store, &one, take_nothing, NULL, &err))
			_exit(2);
		before = last;
		store_close(store);
	}
}

/* a second process, begun before the store is opened: SQLite must not be carried through a fork */
static pid_t beside(void (*run)(int fd), int *ret_fd, bool writes)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(fds[writes ? 0 : 1]);
		run(fds[writes ? 1 : 0]);
		_exit(0);
	}
	(void)close(fds[writes ? 1 : 0]);
	*ret_fd = fds[writes ? 0 : 1];
	return pid;
}

static void finish(pid_t pid, int fd)
{
	int status = -1;

	(void)close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_reader_beside_writer(void **state)
{
	int fd;
	pid_t pid = beside(read_beside, &fd, false);
	struct store *store = store_fixture_open_good(dir, NOW);

	(void)state;
	for (int i = 0; i < 100; i++) {
		(void)store_fixture_tell(store, "a", "hook");
		assert_int_equal(write(fd, "", 1), 1);
	}
	finish(pid, fd);
	store_close(store);
}

#define REVIVALS 50

/* says when it begins each, so that the other writes at the same time */
static void redeliver_beside(int out)
{
	struct err err = { 0 };

	for (int i = 0; i < REVIVALS; i++) {
		struct store *editor;
		size_t count;

		if (write(out, "", 1) != 1)
			_exit(1);
		if (!store_open(&editor, dir, STORE_EDIT, NOW, NULL, &err) ||
			!store_redeliver(editor, NOW + i, NULL, NOW, &count, &err) || count != 1)
			_exit(2);
		store_close(editor);
	}
}

/* `redeliver` while the monitor writes: both get through, and no revival is lost */
static void test_redeliver_beside_writer(void **state)
{
	char error[] = "exit 1";
	struct delivery delivery = {
		.result = DELIVERY_REJECTED, .given_up = true, .error = error
	};
	const struct delivery *ended = &delivery;
	struct store *store = store_fixture_open_good(dir, NOW);
	struct err err = { 0 };
	size_t told = 0;
	char byte;
	int fd;
	pid_t pid;

	(void)state;
	for (int i = 0; i < REVIVALS; i++) {
		delivery.event_id = store_fixture_tell(store, NULL, "hook");
		assert_true(store_settle(store, "hook", &ended, 1, NOW, &err));
	}
	assert_int_equal(store_fixture_pending(store, "hook"), 0);
	store_close(store);
	pid = beside(redeliver_beside, &fd, true);
	store = store_fixture_open_good(dir, NOW);
	for (; read(fd, &byte, 1) == 1; told++)
		(void)store_fixture_tell(store, NULL, "hook");
	finish(pid, fd);
	assert_int_equal(told, REVIVALS);
	assert_int_equal(store_fixture_pending(store, "hook"), told + REVIVALS);
	store_close(store);
}

/* a disk with no more room: the call fails and changes nothing; with room again everything goes on
 */
static void test_no_space(void **state)
{
	struct store *store = store_fixture_open_good(dir, NOW);
	struct snapshot *snapshot = store_fixture_snapshot(store, "telnyx");
	cleanup_free char *log = tmpdir_path(dir, "state.db-wal");
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction before;
	struct rlimit limit;
	struct rlimit tight;
	struct err err = { 0 };
	struct stat info;
	int64_t stored = 0;
	int64_t last;
	int64_t id;

	(void)state;
	assert_int_equal(sigaction(SIGXFSZ, &ignore, &before), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	(void)poll_once(store, snapshot, stored++, &err);
	assert_int_equal(stat(log, &info), 0);
	tight = (struct rlimit){ (rlim_t)info.st_size + 20000, limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	while ((id = poll_once(store, snapshot, stored, &err)) != 0 && stored < 1000)
		stored++;
	assert_int_equal(id, 0);
	assert_int_equal(err.kind, ERR_IO);
	/* again and again, and reading works meanwhile */
	for (int i = 0; i < 5; i++) {
		snapshot_free(snapshot);
		snapshot = store_fixture_snapshot(store, "telnyx");
		assert_int_equal(snapshot->count, stored);
		assert_int_equal(poll_once(store, snapshot, stored, &err), 0);
		assert_int_equal(store_fixture_events(store, &last), stored);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	snapshot_free(snapshot);
	snapshot = store_fixture_snapshot(store, "telnyx");
	id = poll_once(store, snapshot, stored, &err);
	assert_int_equal(id, NOW + stored);
	snapshot_free(snapshot);
	store_close(store);
	store = store_fixture_open_good(dir, NOW);
	assert_int_equal(store_fixture_events(store, &last), stored + 1);
	store_close(store);
	assert_int_equal(sigaction(SIGXFSZ, &before, NULL), 0);
}

/* no room even for a new file: nothing half-made is left in its place */
static void test_no_space_to_begin(void **state)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction before;
	struct rlimit limit;
	struct rlimit tight;
	struct store *store;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sigaction(SIGXFSZ, &ignore, &before), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	for (rlim_t size = 0; size <= 64 * 1024; size += 4 * 1024) {
		bool opened;

		tight = (struct rlimit){ size, limit.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
		opened = store_open(&store, dir, STORE_WRITE, NOW, NULL, &err);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		if (opened) {
			store_close(store);
			break;
		}
		assert_true(err.kind == ERR_CANT_CREATE || err.kind == ERR_IO);
	}
	assert_int_equal(sigaction(SIGXFSZ, &before, NULL), 0);
	store = store_fixture_open_good(dir, NOW);
	assert_int_equal(store_fixture_tell(store, "a", NULL), NOW);
	store_close(store);
}

#define MANY 500

static void tell_many(struct store *store, struct delivery deliveries[MANY])
{
	static const char *const sinks[] = { "hook" };
	struct event events[MANY];
	struct store_event rows[MANY];
	struct store_changes changes = { .events = rows, .event_count = MANY };
	struct err err = { 0 };

	for (size_t i = 0; i < MANY; i++) {
		events[i] = (struct event){ .wall_ms = NOW,
			.type = EVENT_SUCCESS,
			.created_us = STAMP_NONE,
			.finished_us = STAMP_NONE };
		rows[i] = (struct store_event){ &events[i], sinks, 1, NOW };
	}
	assert_true(store_commit(store, &changes, &err));
	for (size_t i = 0; i < MANY; i++)
		deliveries[i] = (struct delivery){ .event_id = events[i].id };
}

/* also beside a reader that stays the log is written back and begun anew */
static void test_log_does_not_grow(void **state)
{
	cleanup_free char *log = tmpdir_path(dir, "state.db-wal");
	struct store *store = store_fixture_open_good(dir, NOW);
	struct store *reader = store_fixture_open(dir, STORE_READ);
	struct store_query all = { 0 };
	struct err err = { 0 };
	struct stat info;
	struct delivery deliveries[MANY];
	const struct delivery *ended[MANY];
	off_t written = 0;

	(void)state;
	for (int round = 0; round < 100; round++) {
		tell_many(store, deliveries);
		for (size_t i = 0; i < MANY; i++)
			ended[i] = &deliveries[i];
		assert_true(store_settle(store, "hook", ended, MANY, NOW, &err));
		if (round % 10 == 0)
			assert_true(store_history(reader, &all, take_nothing, NULL, &err));
		assert_int_equal(stat(log, &info), 0);
		assert_true(info.st_size < 6 * 1024 * 1024);
		written += info.st_size;
	}
	/* or this would not have been a test */
	assert_true(written > 100 * 1024 * 1024);
	store_close(reader);
	store_close(store);
	assert_int_equal(stat(log, &info), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_killed_at_any_moment, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reader_beside_writer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_redeliver_beside_writer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_space, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_space_to_begin, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_log_does_not_grow, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
