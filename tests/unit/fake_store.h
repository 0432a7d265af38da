/* A shelf for snapshots: keeps of them what io/store keeps, without a file, for tests of restarts.
 */
#ifndef TESTS_FAKE_STORE_H
#define TESTS_FAKE_STORE_H

#include "core/snapshot.h"
#include "core/detect.h"

/* a new snapshot with what is kept of this one; snapshot_free() */
struct snapshot *fake_store_copy(const struct snapshot *snapshot);
/* takes over what is marked as changed, and only that, and clears the marks */
void fake_store_store(
	struct snapshot *shelf, struct snapshot *snapshot, const struct changes *changes);

#endif
