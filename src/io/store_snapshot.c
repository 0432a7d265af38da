/* Snapshots and the health of sources, as rows. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/store_private.h"

bool store_source_id(struct store *store, const char *source, int64_t *ret_id, struct err *err)
{
	struct stmt *stmt = db_stmt(store->db, "SELECT id FROM sources WHERE name = ?1", err);
	enum db_step step;

	*ret_id = 0;
	if (stmt == NULL)
		return false;
	stmt_bind_text(stmt, 1, source);
	step = stmt_step(stmt, err);
	if (step == DB_ROW)
		*ret_id = stmt_int(stmt, 0);
	stmt_reset(stmt);
	return step != DB_ERROR;
}

/* the row of a record as a task; texts borrowed. False when no record can look like this */
static bool record_view(struct stmt *stmt, struct task *ret)
{
	const char *word = stmt_text(stmt, 4);
	int status = 0;

	while (status < STATUS_COUNT &&
		(word == NULL || strcmp(word, status_word((enum status)status)) != 0))
		status++;
	*ret = (struct task){
		.id = stmt_text(stmt, 0),
		.name = stmt_text(stmt, 1),
		.bucket = stmt_text(stmt, 2),
		.user_id = stmt_text(stmt, 3),
		.word = stmt_text(stmt, 5),
		.status = (enum status)status,
		.created_us = stmt_stamp(stmt, 6),
		.finished_us = stmt_stamp(stmt, 7),
	};
	return status < STATUS_COUNT && status_class(ret->status) != CLASS_ENDED &&
	       ret->id != NULL && task_id_valid(ret->id, strlen(ret->id));
}

#define RECORD_COLUMNS "task_id, task_name, bucket, user_id, status, word, created_us, finished_us"

static bool load_record(struct stmt *stmt, struct snapshot *snapshot)
{
	struct record *record;
	struct task task;
	int64_t missing = stmt_int(stmt, 9);

	if (!record_view(stmt, &task) || missing < 0 || missing > UINT8_MAX ||
		snapshot_find(snapshot, task.id) != NULL)
		return false;
	record = snapshot_add(snapshot, &task, stmt_int(stmt, 8));
	if (missing != 0) {
		struct search *search = record_search(record);

		search->missing = (uint8_t)missing;
		search->missing_ms = stmt_int(stmt, 10);
	}
	record->stuck_told = stmt_int(stmt, 11) != 0;
	record->dirty = false;
	return true;
}

static bool load_records(
	struct store *store, int64_t source_id, struct snapshot *snapshot, struct err *err)
{
	struct stmt *stmt = db_stmt(store->db,
		"SELECT " RECORD_COLUMNS ", seen_ms, missing, missing_ms, stuck_told"
		" FROM records WHERE source_id = ?1",
		err);
	enum db_step step;

	if (stmt == NULL)
		return false;
	stmt_bind_int(stmt, 1, source_id);
	while ((step = stmt_step(stmt, err)) == DB_ROW)
		if (!load_record(stmt, snapshot)) {
			stmt_reset(stmt);
			return db_refuse(store->db, err, "a task in it makes no sense");
		}
	return step == DB_DONE;
}

/* room for all at once: to grow from block to block would move them a dozen times */
static bool reserve_ended(
	struct store *store, int64_t source_id, struct snapshot *snapshot, struct err *err)
{
	struct stmt *stmt = db_stmt(store->db,
		"SELECT sum(length(prints)) FROM ended WHERE id >= ?1 AND id < ?1 + 1024", err);
	enum db_step step;

	if (stmt == NULL)
		return false;
	stmt_bind_int(stmt, 1, source_id * ENDED_BLOCKS);
	step = stmt_step(stmt, err);
	if (step == DB_ROW)
		ended_reserve(&snapshot->ended, (size_t)stmt_int(stmt, 0) / ENDED_STORED);
	stmt_reset(stmt);
	return step != DB_ERROR;
}

static bool load_ended(
	struct store *store, int64_t source_id, struct snapshot *snapshot, struct err *err)
{
	struct stmt *stmt = db_stmt(
		store->db, "SELECT id, prints FROM ended WHERE id >= ?1 AND id < ?1 + 1024", err);
	enum db_step step;

	if (stmt == NULL)
		return false;
	stmt_bind_int(stmt, 1, source_id * ENDED_BLOCKS);
	while ((step = stmt_step(stmt, err)) == DB_ROW) {
		unsigned int block = (unsigned int)(stmt_int(stmt, 0) % ENDED_BLOCKS);
		size_t len;
		const void *bytes = stmt_blob(stmt, 1, &len);

		if (!ended_block_load(&snapshot->ended, block, bytes, len)) {
			stmt_reset(stmt);
			return db_refuse(
				store->db, err, "a block of ended tasks in it makes no sense");
		}
	}
	return step == DB_DONE;
}

static bool load_baseline(
	struct store *store, int64_t source_id, struct snapshot *snapshot, struct err *err)
{
	struct stmt *stmt = db_stmt(store->db, "SELECT baseline FROM sources WHERE id = ?1", err);
	enum db_step step;

	if (stmt == NULL)
		return false;
	stmt_bind_int(stmt, 1, source_id);
	step = stmt_step(stmt, err);
	snapshot->baseline = step == DB_ROW && stmt_int(stmt, 0) != 0;
	if (!snapshot->baseline)
		snapshot->told_after_us = store->told_after_us;
	stmt_reset(stmt);
	return step != DB_ERROR;
}

static bool load_comebacks(
	struct store *store, int64_t source_id, struct snapshot *snapshot, struct err *err)
{
	struct stmt *stmt = db_stmt(
		store->db, "SELECT task_id, first_ms FROM comebacks WHERE source_id = ?1", err);
	enum db_step step;

	if (stmt == NULL)
		return false;
	stmt_bind_int(stmt, 1, source_id);
	while ((step = stmt_step(stmt, err)) == DB_ROW) {
		const char *id = stmt_text(stmt, 0);

		/* no serial of this run is before it */
		if (id != NULL && task_id_valid(id, strlen(id)))
			(void)snapshot_add_comeback(snapshot, id, stmt_int(stmt, 1), 0);
	}
	snapshot_sort_comebacks(snapshot);
	snapshot->comebacks_dirty = false;
	return step == DB_DONE;
}

static struct snapshot *load_snapshot(struct store *store, int64_t source_id, struct err *err)
{
	struct snapshot *snapshot = snapshot_new(&store->key);

	if (load_baseline(store, source_id, snapshot, err) &&
		load_records(store, source_id, snapshot, err) &&
		reserve_ended(store, source_id, snapshot, err) &&
		load_ended(store, source_id, snapshot, err) &&
		load_comebacks(store, source_id, snapshot, err))
		return snapshot;
	snapshot_free(snapshot);
	return NULL;
}

static struct snapshot *take_loaded(struct store *store, int64_t source_id)
{
	for (size_t i = 0; i < store->loaded_count; i++)
		if (store->loaded[i].source_id == source_id)
			return mem_steal(&store->loaded[i].snapshot);
	return NULL;
}

bool store_load_snapshot(
	struct store *store, const char *source, struct snapshot **ret, struct err *err)
{
	int64_t id;

	*ret = NULL;
	if (!store_source_id(store, source, &id, err))
		return false;
	*ret = take_loaded(store, id);
	if (*ret == NULL)
		*ret = load_snapshot(store, id, err);
	return *ret != NULL;
}

void store_loaded_forget(struct store *store)
{
	for (size_t i = 0; i < store->loaded_count; i++)
		snapshot_free(store->loaded[i].snapshot);
	free(store->loaded);
	store->loaded = NULL;
	store->loaded_count = store->loaded_cap = 0;
}

/* the proof that snapshots can be made of the rows is to make them */
static bool check_sources(struct store *store, struct err *err)
{
	struct stmt *stmt = db_stmt(store->db, "SELECT id FROM sources", err);
	enum db_step step;

	if (stmt == NULL)
		return false;
	while ((step = stmt_step(stmt, err)) == DB_ROW) {
		int64_t id = stmt_int(stmt, 0);
		struct snapshot *snapshot = load_snapshot(store, id, err);

		if (snapshot == NULL) {
			stmt_reset(stmt);
			return false;
		}
		store->loaded = mem_grow(store->loaded, &store->loaded_cap, store->loaded_count + 1,
			sizeof(*store->loaded));
		store->loaded[store->loaded_count++] = (struct store_loaded){ id, snapshot };
	}
	return step == DB_DONE;
}

static bool check_strays(struct store *store, struct err *err)
{
	int64_t strays;

	return db_int(store->db,
		       "SELECT (SELECT count(*) FROM ended WHERE id / 1024 NOT IN"
		       " (SELECT id FROM sources)) + (SELECT count(*) FROM records WHERE"
		       " source_id NOT IN (SELECT id FROM sources))",
		       0, &strays, err) &&
	       (strays == 0 || db_refuse(store->db, err, "tasks in it have no source"));
}

bool store_check_snapshots(struct store *store, struct err *err)
{
	return check_sources(store, err) && check_strays(store, err);
}

bool store_load_source(
	struct store *store, const char *source, struct store_source *ret, struct err *err)
{
	struct stmt *stmt = db_stmt(
		store->db, "SELECT down_told, down_since_ms FROM sources WHERE name = ?1", err);
	enum db_step step;

	*ret = (struct store_source){ 0 };
	if (stmt == NULL)
		return false;
	stmt_bind_text(stmt, 1, source);
	step = stmt_step(stmt, err);
	if (step == DB_ROW) {
		ret->name = mem_strdup(source);
		ret->down_told = stmt_int(stmt, 0) != 0;
		ret->down_since_ms = stmt_int(stmt, 1);
	}
	stmt_reset(stmt);
	return step != DB_ERROR;
}

bool store_snapshot_dirty(const struct snapshot *snapshot)
{
	const struct record *record;
	size_t pos = 0;

	if (snapshot->baseline_dirty || snapshot->comebacks_dirty || snapshot->ended.dirty)
		return true;
	while ((record = snapshot_next(snapshot, &pos)) != NULL)
		if (record->dirty)
			return true;
	return false;
}

void store_snapshot_clean(struct snapshot *snapshot)
{
	struct record *record;
	size_t pos = 0;

	snapshot->baseline_dirty = false;
	snapshot->comebacks_dirty = false;
	ended_clean(&snapshot->ended);
	while ((record = snapshot_next(snapshot, &pos)) != NULL)
		record->dirty = false;
}

static bool save_record(struct store *store, int64_t source_id, const struct snapshot *snapshot,
	const struct record *record, struct err *err)
{
	struct task task = record_task(snapshot, record);
	struct stmt *stmt = db_stmt(store->db,
		"INSERT OR REPLACE INTO records (source_id, " RECORD_COLUMNS
		", seen_ms, missing, missing_ms, stuck_told)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
		err);

	if (stmt == NULL)
		return false;
	stmt_bind_int(stmt, 1, source_id);
	stmt_bind_text(stmt, 2, task.id);
	stmt_bind_text(stmt, 3, task.name);
	stmt_bind_text(stmt, 4, task.bucket);
	stmt_bind_text(stmt, 5, task.user_id);
	stmt_bind_text(stmt, 6, status_word(task.status));
	stmt_bind_text(stmt, 7, task.word);
	stmt_bind_stamp(stmt, 8, task.created_us);
	stmt_bind_stamp(stmt, 9, task.finished_us);
	stmt_bind_int(stmt, 10, (int64_t)record->seen_s * 1000);
	stmt_bind_int(stmt, 11, record->search != NULL ? record->search->missing : 0);
	stmt_bind_int(stmt, 12, record->search != NULL ? record->search->missing_ms : 0);
	stmt_bind_int(stmt, 13, record->stuck_told);
	return stmt_run(stmt, err);
}

static bool save_block(struct store *store, int64_t source_id, const struct snapshot *snapshot,
	unsigned int block, struct err *err)
{
	cleanup_buf struct buf bytes = { 0 };
	struct stmt *stmt;

	ended_block_save(&snapshot->ended, block, &bytes);
	stmt = bytes.len == 0
		       ? db_stmt(store->db, "DELETE FROM ended WHERE id = ?1", err)
		       : db_stmt(store->db,
				 "INSERT OR REPLACE INTO ended (id, prints) VALUES (?1, ?2)", err);
	if (stmt == NULL)
		return false;
	stmt_bind_int(stmt, 1, source_id * ENDED_BLOCKS + block);
	if (bytes.len != 0)
		stmt_bind_blob(stmt, 2, bytes.data, bytes.len);
	return stmt_run(stmt, err);
}

static bool save_baseline(
	struct store *store, int64_t source_id, const struct snapshot *snapshot, struct err *err)
{
	struct stmt *stmt =
		db_stmt(store->db, "UPDATE sources SET baseline = ?2 WHERE id = ?1", err);

	if (stmt == NULL)
		return false;
	stmt_bind_int(stmt, 1, source_id);
	stmt_bind_int(stmt, 2, snapshot->baseline);
	return stmt_run(stmt, err);
}

/* there are few, and none at nearly all times */
static bool save_comebacks(
	struct store *store, int64_t source_id, const struct snapshot *snapshot, struct err *err)
{
	struct stmt *stmt = db_stmt(store->db, "DELETE FROM comebacks WHERE source_id = ?1", err);

	if (stmt == NULL)
		return false;
	stmt_bind_int(stmt, 1, source_id);
	if (!stmt_run(stmt, err))
		return false;
	for (size_t i = 0; i < snapshot->comeback_count; i++) {
		stmt = db_stmt(store->db,
			"INSERT OR REPLACE INTO comebacks (source_id, task_id, first_ms)"
			" VALUES (?1, ?2, ?3)",
			err);
		if (stmt == NULL)
			return false;
		stmt_bind_int(stmt, 1, source_id);
		stmt_bind_text(stmt, 2, snapshot->comebacks[i].id);
		stmt_bind_int(stmt, 3, snapshot->comebacks[i].first_ms);
		if (!stmt_run(stmt, err))
			return false;
	}
	return true;
}

bool store_save_snapshot(
	struct store *store, int64_t source_id, const struct snapshot *snapshot, struct err *err)
{
	const struct record *record;
	size_t pos = 0;

	if (snapshot->baseline_dirty && !save_baseline(store, source_id, snapshot, err))
		return false;
	if (snapshot->comebacks_dirty && !save_comebacks(store, source_id, snapshot, err))
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

bool store_active(struct store *store, const char *source,
	bool (*take)(void *arg, const char *source, const struct task *task), void *arg,
	struct err *err)
{
	struct stmt *stmt = db_stmt(store->db,
		"SELECT " RECORD_COLUMNS
		", name FROM records JOIN sources ON sources.id = source_id"
		" WHERE ?1 IS NULL OR name = ?1 ORDER BY name, task_id",
		err);
	enum db_step step;

	if (stmt == NULL)
		return false;
	stmt_bind_text(stmt, 1, source);
	while ((step = stmt_step(stmt, err)) == DB_ROW) {
		struct task task;

		if (!record_view(stmt, &task) || status_class(task.status) != CLASS_ACTIVE)
			continue;
		if (!take(arg, stmt_text(stmt, 8), &task)) {
			stmt_reset(stmt);
			return true;
		}
	}
	return step == DB_DONE;
}
