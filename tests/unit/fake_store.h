/* A store in memory: keeps of snapshots what io/store keeps, for tests of restarts. */
#ifndef TESTS_FAKE_STORE_H
#define TESTS_FAKE_STORE_H

#include "core/snapshot.h"
#include "core/detect.h"

/* a new snapshot with what is kept of this one; snapshot_free() */
struct snapshot *fake_store_copy(const struct snapshot *snapshot);
/* takes over what is marked as changed, and only that, and clears the marks */
void fake_store_store(
	struct snapshot *store, struct snapshot *snapshot, const struct changes *changes);

#endif
