/* Snapshots and the health of sources, as rows. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/store_private.h"

/* the row of the source; *ret_id is 0 when there is none */
static bool source_id(struct store *store, const char *source, int64_t *ret_id, struct err *err)
{
	return db_int(store->db, "SELECT id FROM sources WHERE name = ?1",
		DB_VALUES(DB_STRING(source)), 0, ret_id, err);
}

#define RECORD_COLUMNS "task_id, task_name, bucket, user_id, status, word, created_us, finished_us"
enum { ID, NAME, BUCKET, USER, STATUS, WORD, CREATED, FINISHED, RECORD_COLUMN_COUNT };

/* the row of a record as a task; texts borrowed. False when no record can look like this */
static bool record_view(const struct db_value row[RECORD_COLUMN_COUNT], struct task *ret)
{
	const char *word = row[STATUS].text;
	int status = 0;

	while (status < STATUS_COUNT &&
		(word == NULL || strcmp(word, status_word((enum status)status)) != 0))
		status++;
	*ret = (struct task){
		.id = row[ID].text,
		.name = row[NAME].text,
		.bucket = row[BUCKET].text,
		.user_id = row[USER].text,
		.word = row[WORD].text,
		.status = (enum status)status,
		.created_us = value_stamp(&row[CREATED]),
		.finished_us = value_stamp(&row[FINISHED]),
	};
	return status < STATUS_COUNT && status_class(ret->status) != CLASS_ENDED &&
	       ret->id != NULL && task_id_valid(ret->id, strlen(ret->id));
}

/* columns of a record beside its task */
enum { SEEN = RECORD_COLUMN_COUNT, MISSING, MISSING_MS, STUCK_TOLD, ROW_COUNT };

static bool load_record(const struct db_value row[ROW_COUNT], struct snapshot *snapshot)
{
	struct record *record;
	struct task task;
	int64_t missing = row[MISSING].integer;

	if (!record_view(row, &task) || missing < 0 || missing > UINT8_MAX ||
		snapshot_find(snapshot, task.id) != NULL)
		return false;
	record = snapshot_add(snapshot, &task, row[SEEN].integer);
	if (missing != 0) {
		struct missing_check *check = record_missing_check(record);

		check->confirmations = (uint8_t)missing;
		check->confirmed_ms = row[MISSING_MS].integer;
	}
	record->stuck_told = row[STUCK_TOLD].integer != 0;
	record->dirty = false;
	return true;
}

static bool load_records(
	struct store *store, int64_t source_id, struct snapshot *snapshot, struct err *err)
{
	struct stmt *stmt = db_query(store->db,
		"SELECT " RECORD_COLUMNS ", seen_ms, missing, missing_ms, stuck_told"
		" FROM records WHERE source_id = ?1",
		DB_VALUES(DB_INT(source_id)), err);
	struct db_value row[ROW_COUNT];
	enum db_step step;

	while ((step = db_next(stmt, row, ROW_COUNT, err)) == DB_ROW)
		if (!load_record(row, snapshot)) {
			db_stop(stmt);
			return db_refuse(store->db, err, "a task in it makes no sense");
		}
	return step == DB_DONE;
}

static bool load_ended(
	struct store *store, int64_t source_id, struct snapshot *snapshot, struct err *err)
{
	int64_t first = source_id * ENDED_BLOCKS;
	struct db_value row[2];
	struct stmt *stmt;
	enum db_step step;
	int64_t bytes;

	/* room for all at once: to grow from block to block would move them a dozen times */
	if (!db_int(store->db,
		    "SELECT sum(length(prints)) FROM ended WHERE id >= ?1 AND id < ?1 + 1024",
		    DB_VALUES(DB_INT(first)), 0, &bytes, err))
		return false;
	ended_reserve(&snapshot->ended, (size_t)bytes / ENDED_STORED);
	stmt = db_query(store->db, "SELECT id, prints FROM ended WHERE id >= ?1 AND id < ?1 + 1024",
		DB_VALUES(DB_INT(first)), err);
	while ((step = db_next(stmt, row, 2, err)) == DB_ROW) {
		unsigned int block = (unsigned int)(row[0].integer % ENDED_BLOCKS);

		if (row[1].type != DB_BLOB ||
			!ended_block_load(&snapshot->ended, block, row[1].blob, row[1].len)) {
			db_stop(stmt);
			return db_refuse(
				store->db, err, "a block of ended tasks in it makes no sense");
		}
	}
	return step == DB_DONE;
}

static bool load_baseline(
	struct store *store, int64_t source_id, struct snapshot *snapshot, struct err *err)
{
	int64_t baseline;

	if (!db_int(store->db, "SELECT baseline FROM sources WHERE id = ?1",
		    DB_VALUES(DB_INT(source_id)), 0, &baseline, err))
		return false;
	snapshot->baseline = baseline != 0;
	if (!snapshot->baseline)
		snapshot->report_after_us = store->report_after_us;
	return true;
}

static bool load_reopened(
	struct store *store, int64_t source_id, struct snapshot *snapshot, struct err *err)
{
	struct stmt *stmt =
		db_query(store->db, "SELECT task_id, first_ms FROM comebacks WHERE source_id = ?1",
			DB_VALUES(DB_INT(source_id)), err);
	struct db_value row[2];
	enum db_step step;

	/* no seq of this run is before it */
	while ((step = db_next(stmt, row, 2, err)) == DB_ROW)
		if (row[0].text != NULL && task_id_valid(row[0].text, strlen(row[0].text)))
			(void)snapshot_add_reopened(snapshot, row[0].text, row[1].integer, 0);
	snapshot_sort_reopened(snapshot);
	snapshot->reopened_dirty = false;
	return step == DB_DONE;
}

static struct snapshot *load_snapshot(struct store *store, int64_t source_id, struct err *err)
{
	struct snapshot *snapshot = snapshot_new(&store->key);

	if (load_baseline(store, source_id, snapshot, err) &&
		load_records(store, source_id, snapshot, err) &&
		load_ended(store, source_id, snapshot, err) &&
		load_reopened(store, source_id, snapshot, err))
		return snapshot;
	snapshot_free(snapshot);
	return NULL;
}

bool store_load_snapshot(
	struct store *store, const char *source, struct snapshot **ret, struct err *err)
{
	int64_t id;

	*ret = NULL;
	if (!source_id(store, source, &id, err))
		return false;
	for (size_t i = 0; i < store->loaded_count && *ret == NULL; i++)
		if (store->loaded[i].source_id == id)
			*ret = mem_steal(&store->loaded[i].snapshot);
	if (*ret == NULL)
		*ret = load_snapshot(store, id, err);
	return *ret != NULL;
}

void store_free_loaded(struct store *store)
{
	for (size_t i = 0; i < store->loaded_count; i++)
		snapshot_free(store->loaded[i].snapshot);
	free(store->loaded);
	store->loaded = NULL;
	store->loaded_count = store->loaded_cap = 0;
}

/* the proof that snapshots can be made of the rows is to make them */
bool store_check_snapshots(struct store *store, struct err *err)
{
	struct stmt *stmt = db_query(store->db, "SELECT id FROM sources", DB_VALUES(), err);
	struct db_value id;
	enum db_step step;
	int64_t strays;

	while ((step = db_next(stmt, &id, 1, err)) == DB_ROW) {
		struct snapshot *snapshot = load_snapshot(store, id.integer, err);

		if (snapshot == NULL) {
			db_stop(stmt);
			return false;
		}
		store->loaded = mem_grow(store->loaded, &store->loaded_cap, store->loaded_count + 1,
			sizeof(*store->loaded));
		store->loaded[store->loaded_count++] =
			(struct store_loaded){ id.integer, snapshot };
	}
	return step == DB_DONE &&
	       db_int(store->db,
		       "SELECT (SELECT count(*) FROM ended WHERE id / 1024 NOT IN"
		       " (SELECT id FROM sources)) + (SELECT count(*) FROM records WHERE"
		       " source_id NOT IN (SELECT id FROM sources))",
		       DB_VALUES(), 0, &strays, err) &&
	       (strays == 0 || db_refuse(store->db, err, "tasks in it have no source"));
}

bool store_load_source(
	struct store *store, const char *source, struct store_source *ret, struct err *err)
{
	struct stmt *stmt =
		db_query(store->db, "SELECT down_told, down_since_ms FROM sources WHERE name = ?1",
			DB_VALUES(DB_STRING(source)), err);
	struct db_value row[2];
	enum db_step step = db_next(stmt, row, 2, err);

	*ret = (struct store_source){ 0 };
	if (step == DB_ROW)
		*ret = (struct store_source){
			.name = mem_strdup(source),
			.down_told = row[0].integer != 0,
			.down_since_ms = row[1].integer,
		};
	db_stop(stmt);
	return step != DB_ERROR;
}

static bool save_record(struct store *store, int64_t source_id, const struct snapshot *snapshot,
	const struct record *record, struct err *err)
{
	static const struct missing_check none = { 0 };
	const struct missing_check *check =
		record->missing_check != NULL ? record->missing_check : &none;
	struct task task = record_task(snapshot, record);

	return db_run(store->db,
		"INSERT OR REPLACE INTO records (source_id, " RECORD_COLUMNS
		", seen_ms, missing, missing_ms, stuck_told)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
		DB_VALUES(DB_INT(source_id), DB_STRING(task.id), DB_STRING(task.name),
			DB_STRING(task.bucket), DB_STRING(task.user_id),
			DB_STRING(status_word(task.status)), DB_STRING(task.word),
			DB_STAMP(task.created_us), DB_STAMP(task.finished_us),
			DB_INT((int64_t)record->seen_s * 1000), DB_INT(check->confirmations),
			DB_INT(check->confirmed_ms), DB_INT(record->stuck_told)),
		err);
}

static bool save_block(struct store *store, int64_t source_id, const struct snapshot *snapshot,
	unsigned int block, struct err *err)
{
	int64_t id = source_id * ENDED_BLOCKS + block;
	cleanup_buf struct buf bytes = { 0 };

	ended_block_save(&snapshot->ended, block, &bytes);
	if (bytes.len == 0)
		return db_run(
			store->db, "DELETE FROM ended WHERE id = ?1", DB_VALUES(DB_INT(id)), err);
	return db_run(store->db, "INSERT OR REPLACE INTO ended (id, prints) VALUES (?1, ?2)",
		DB_VALUES(DB_INT(id), DB_BYTES(bytes.data, bytes.len)), err);
}

/* there are few, and none at nearly all times */
static bool save_reopened(
	struct store *store, int64_t source_id, const struct snapshot *snapshot, struct err *err)
{
	bool good = db_run(store->db, "DELETE FROM comebacks WHERE source_id = ?1",
		DB_VALUES(DB_INT(source_id)), err);

	for (size_t i = 0; good && i < snapshot->reopened_count; i++)
		good = db_run(store->db,
			"INSERT OR REPLACE INTO comebacks (source_id, task_id, first_ms)"
			" VALUES (?1, ?2, ?3)",
			DB_VALUES(DB_INT(source_id), DB_STRING(snapshot->reopened[i].id),
				DB_INT(snapshot->reopened[i].first_ms)),
			err);
	return good;
}

static bool save_snapshot(
	struct store *store, int64_t source_id, const struct snapshot *snapshot, struct err *err)
{
	const struct record *record;
	size_t pos = 0;

	if (snapshot->baseline_dirty &&
		!db_run(store->db, "UPDATE sources SET baseline = ?2 WHERE id = ?1",
			DB_VALUES(DB_INT(source_id), DB_INT(snapshot->baseline)), err))
		return false;
	if (snapshot->reopened_dirty && !save_reopened(store, source_id, snapshot, err))
		return false;
	for (unsigned int i = 0; i < ENDED_BLOCKS; i++)
		if (snapshot->ended.block_dirty[i] &&
			!save_block(store, source_id, snapshot, i, err))
			return false;
	while ((record = snapshot_next(snapshot, &pos)) != NULL)
		if (record->dirty && !save_record(store, source_id, snapshot, record, err))
			return false;
	return true;
}

bool store_save_source(struct store *store, const struct store_changes *changes, struct err *err)
{
	int64_t id;

	if (!source_id(store, changes->source, &id, err))
		return false;
	if (id == 0) {
		if (!db_run(store->db, "INSERT INTO sources (name) VALUES (?1)",
			    DB_VALUES(DB_STRING(changes->source)), err))
			return false;
		id = db_last_id(store->db);
	}
	/* a task that ended and came back is both removed and in the snapshot: in this order */
	for (size_t i = 0; i < changes->removed_count; i++)
		if (!db_run(store->db, "DELETE FROM records WHERE source_id = ?1 AND task_id = ?2",
			    DB_VALUES(DB_INT(id), DB_STRING(changes->removed[i])), err))
			return false;
	if (changes->snapshot != NULL && !save_snapshot(store, id, changes->snapshot, err))
		return false;
	return changes->health == NULL ||
	       db_run(store->db,
		       "UPDATE sources SET down_told = ?2, down_since_ms = ?3 WHERE id = ?1",
		       DB_VALUES(DB_INT(id), DB_INT(changes->health->down_told),
			       DB_INT(changes->health->down_since_ms)),
		       err);
}

bool store_active(struct store *store, const char *source,
	bool (*take)(void *arg, const char *source, const struct task *task), void *arg,
	struct err *err)
{
	struct stmt *stmt = db_query(store->db,
		"SELECT " RECORD_COLUMNS
		", name FROM records JOIN sources ON sources.id = source_id"
		" WHERE ?1 IS NULL OR name = ?1 ORDER BY name, task_id",
		DB_VALUES(DB_STRING(source)), err);
	struct db_value row[RECORD_COLUMN_COUNT + 1];
	enum db_step step;

	while ((step = db_next(stmt, row, ARRAY_LEN(row), err)) == DB_ROW) {
		struct task task;

		if (!record_view(row, &task) || status_class(task.status) != CLASS_ACTIVE)
			continue;
		if (!take(arg, row[RECORD_COLUMN_COUNT].text, &task)) {
			db_stop(stmt);
			return true;
		}
	}
	return step == DB_DONE;
}
