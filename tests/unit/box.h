/*
 * An outbox over a real store in a directory of its own, with real programs as sinks. Time is the
 * real one plus what a test skips: nothing here sleeps.
 */
#ifndef UNIT_BOX_H
#define UNIT_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "deliver/outbox.h"
#include "core/config.h"
#include "io/store.h"

struct box {
	char dir[64];
	struct config *config;
	struct store *store;
	struct outbox *outbox;
	struct alarm alarm;
	int64_t skipped_ms; /* added to both clocks */
	int64_t set_ms; /* added to the one of the wall */
	size_t failed_count; /* sink_failed events asked for */
	char *failed_text; /* own; message of the last one */
	size_t refuse_events; /* so many of them cannot be stored */
	bool store_failed_events; /* store them, as the monitor does */
	char *log; /* own; what was logged */
	size_t log_len;
	size_t log_cap;
};

/* makes the directory, the store and an empty configuration */
struct box *box_new(void);
void box_free(struct box *box);
/* a sink of the configuration; of type exec with `sh -c script` when there is one */
struct sink_config *box_sink(struct box *box, enum sink_type type, const char *script);
/* opens the outbox on the configuration as it is now */
void box_open(struct box *box);
void box_close(struct box *box);
struct instant box_now(const struct box *box);
/* stores an event for all sinks; returns its id */
int64_t box_event(struct box *box, const struct event *event);
/* a success of task `id` */
int64_t box_success(struct box *box, const char *id);
/* one turn of the loop: steps, then waits for a descriptor, a child or at most `wait_ms` */
void box_turn(struct box *box, int64_t wait_ms);
/* turns until nothing is due or running now; fails the test when that takes more than 20 s */
void box_settle(struct box *box);
/* skips to the next moment at which the outbox wants to be stepped, and settles */
void box_skip(struct box *box);
/* what the store knows of a sink: caller frees with store_sinks_free(sink, 1) */
int64_t box_pending(struct box *box, const char *sink);
int64_t box_failed(struct box *box, const char *sink);
/* the content of a file in the directory, owned; "" when it is not there */
char *box_file(const struct box *box, const char *name);
void box_write(const struct box *box, const char *name, const char *text, int mode);
/* from now on nothing can be written to the state; returns the RLIMIT_FSIZE to set back */
struct rlimit box_disk_full(void);
/* fails the test when the log does not contain the words */
void box_expect_log(const struct box *box, const char *words);

#endif
