/*
 * One list of a source: the bytes of the answer in, what it changes in the snapshot out. Nothing is
 * applied before the list is complete; a reader that is freed before is as if it had never been.
 */
#ifndef CORE_LIST_READER_H
#define CORE_LIST_READER_H

#include "core/detect.h"
#include "core/task_reader.h"

struct list_reader;

/* `seq`: of the request, which was sent at `asked_ms` (wall; 0: not known). All is borrowed */
struct list_reader *list_reader_new(struct snapshot *snapshot, const struct detect_rules *rules,
	const struct source_type *type, enum list_scope scope, enum list_kind kind, uint32_t seq,
	int64_t asked_ms);
void list_reader_free(struct list_reader *reader); /* NULL is fine */
/* reads the next bytes of the answer; false with err: it is not valid, no more is wanted */
bool list_reader_feed(struct list_reader *reader, const char *bytes, size_t len, struct err *err);
/*
 * The answer has ended. NULL: it is the last one of this list again, byte for byte, and nothing has
 * changed since. Otherwise what has read it (borrowed), which knows whether it was complete.
 */
struct task_reader *list_reader_close(struct list_reader *reader);
/* the answer is valid, but says itself that it is not all there is: nothing follows from what is
 * not in it */
void list_reader_set_partial(struct list_reader *reader, bool partial);
/* applies the list, which is complete and valid. `newest` is the last seq given out so far */
void list_reader_end(
	struct list_reader *reader, uint32_t newest, struct instant now, struct changes *changes);

#endif
