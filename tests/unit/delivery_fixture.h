/*
 * An outbox over a real store in a directory of its own, with real programs as sinks. Time is the
 * real one plus what a test skips: nothing here sleeps.
 */
#ifndef UNIT_DELIVERY_FIXTURE_H
#define UNIT_DELIVERY_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "deliver/outbox.h"
#include "core/config.h"
#include "io/store.h"

struct delivery_fixture {
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
struct delivery_fixture *fixture_new(void);
void fixture_free(struct delivery_fixture *fixture);
/* a sink of the configuration; of type exec with `sh -c script` when there is one */
struct sink_config *fixture_sink(
	struct delivery_fixture *fixture, enum sink_type type, const char *script);
/* opens the outbox on the configuration as it is now */
void fixture_open(struct delivery_fixture *fixture);
void fixture_close(struct delivery_fixture *fixture);
struct instant fixture_now(const struct delivery_fixture *fixture);
/* stores an event for all sinks; returns its id */
int64_t fixture_event(struct delivery_fixture *fixture, const struct event *event);
/* a success of task `id` */
int64_t fixture_success(struct delivery_fixture *fixture, const char *id);
/* one turn of the loop: steps, then waits for a descriptor, a child or at most `wait_ms` */
void fixture_turn(struct delivery_fixture *fixture, int64_t wait_ms);
/* turns until nothing is due or running now; fails the test when that takes more than 20 s */
void fixture_settle(struct delivery_fixture *fixture);
/* skips to the next moment at which the outbox wants to be stepped, and settles */
void fixture_skip(struct delivery_fixture *fixture);
/* what the store knows of a sink: caller frees with store_sinks_free(sink, 1) */
int64_t fixture_pending(struct delivery_fixture *fixture, const char *sink);
int64_t fixture_failed(struct delivery_fixture *fixture, const char *sink);
/* the content of a file in the directory, owned; "" when it is not there */
char *fixture_file(const struct delivery_fixture *fixture, const char *name);
void fixture_write(
	const struct delivery_fixture *fixture, const char *name, const char *text, int mode);
/* from now on nothing can be written to the state; returns the RLIMIT_FSIZE to set back */
struct rlimit fixture_disk_full(void);
/* fails the test when the log does not contain the words */
void fixture_expect_log(const struct delivery_fixture *fixture, const char *words);

#endif
