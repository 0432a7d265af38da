/* Rows that more than one file of the store reads: sinks, events. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/store_private.h"

void store_clear_sinks(struct store *store)
{
	for (size_t i = 0; i < store->sink_count; i++)
		free(store->sinks[i].name);
	store->sink_count = 0;
}

bool store_sink_id(struct store *store, const char *sink, int64_t *ret_id, struct err *err)
{
	for (size_t i = 0; i < store->sink_count; i++)
		if (strcmp(store->sinks[i].name, sink) == 0) {
			*ret_id = store->sinks[i].id;
			return true;
		}
	if (!db_run(store->db, "INSERT OR IGNORE INTO sinks (name) VALUES (?1)",
		    DB_VALUES(DB_STRING(sink)), err) ||
		!db_int(store->db, "SELECT id FROM sinks WHERE name = ?1",
			DB_VALUES(DB_STRING(sink)), 0, ret_id, err))
		return false;
	if (*ret_id == 0)
		return db_refuse(store->db, err, "a sink vanished");
	store->sinks = mem_grow(
		store->sinks, &store->sink_cap, store->sink_count + 1, sizeof(*store->sinks));
	store->sinks[store->sink_count++] = (struct store_sink_id){ mem_strdup(sink), *ret_id };
	return true;
}

int64_t value_stamp(const struct db_value *value)
{
	return value->type == DB_INTEGER ? value->integer : STAMP_NONE;
}

bool event_from_row(const struct db_value row[EVENT_COLUMN_COUNT], struct event *ret)
{
	*ret = (struct event){
		.id = row[0].integer,
		.wall_ms = row[1].integer,
		.source = row[3].text,
		.task_id = row[4].text,
		.task_name = row[5].text,
		.bucket = row[6].text,
		.user_id = row[7].text,
		.from = row[8].text,
		.to = row[9].text,
		.sink = row[10].text,
		.message = row[11].text,
		.created_us = value_stamp(&row[12]),
		.finished_us = value_stamp(&row[13]),
	};
	return row[2].text != NULL && event_from_word(row[2].text, &ret->type);
}
