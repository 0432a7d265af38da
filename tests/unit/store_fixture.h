/* Short words for tests of the store: every one fails the test when the store refuses. */
#ifndef UNIT_STORE_FIXTURE_H
#define UNIT_STORE_FIXTURE_H

#include "io/db.h"
#include "io/store.h"

#define STORED_NOW                                                                                 \
	1800000000000 /* wall ms at which tests begin, later than the clock of any machine that    \
			 runs them */

struct store *store_fixture_open(const char *dir, enum store_mode mode);
/* opens for writing and expects nothing to be damaged, or something to be */
struct store *store_fixture_open_good(const char *dir, int64_t wall_ms);
struct store *store_fixture_open_damaged(
	const char *dir, int64_t wall_ms, struct store_damage *damage);
struct snapshot *store_fixture_snapshot(struct store *store, const char *source);
/* an event of a task (NULL: of none) for one sink (NULL: for none), due at once; returns its id */
int64_t store_fixture_tell(struct store *store, const char *task_id, const char *sink);
size_t store_fixture_pending(struct store *store, const char *sink);
/* how many events there are, and the id of the last (0: none) */
size_t store_fixture_events(struct store *store, int64_t *ret_last);
/* SQL on state.db in `dir`, past the store */
void store_fixture_sql(const char *dir, const char *sql);
/* a state with something in every table, closed; the ids that are given are STORED_NOW and the next
 */
void store_fixture_fill(const char *dir);
/* a file of the directory as bytes (owned), and back */
char *store_fixture_file(const char *dir, const char *name, size_t *ret_len);
void store_fixture_write(const char *dir, const char *name, const void *bytes, size_t len);
/* the names in the directory are these, a blank after each */
void store_fixture_assert_names(const char *dir, const char *expected);

#endif
