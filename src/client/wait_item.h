/* The tasks that `wait` waits for: what is known of each, and how it ended. Pure data. */
#ifndef CLIENT_WAIT_ITEM_H
#define CLIENT_WAIT_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"
#include "core/task.h"

#define WAIT_NOWHERE ((size_t)-1)

/* what can be asked for once: it is known, or will not be, when that is DONE */
enum learn { LEARN_OPEN, LEARN_ASKED, LEARN_DONE };

struct wait_item {
	struct task *task; /* own; STATUS_EXPECTED until it is found */
	size_t source; /* where it was found, an index; WAIT_NOWHERE: not yet */
	size_t home; /* of a task that was not named: its source; else WAIT_NOWHERE */
	size_t place; /* in the order of the command line, or of the list */
	char *reason; /* own; why it failed, as the API says; NULL: not known */
	int64_t seen_ms; /* mono; the last answer that had it; 0: none yet */
	int64_t ended_ms; /* mono; when its end was learned */
	bool ended; /* an end once seen stays */
	bool told; /* the end was told */
	bool doubted; /* it was said that no source has it */
	enum learn fields; /* what a look-up by id leaves out and the list has */
	enum learn why; /* the reason */
	bool absent_in[]; /* by source: a complete answer says that it is not there */
};

struct wait_items {
	struct wait_item **items; /* own, each own; in the order they were put in */
	size_t count;
	size_t cap;
	struct wait_item **by_id; /* own; sorted, made when first needed */
	size_t indexed; /* items in by_id; others than `count`: to be made anew */
	size_t sources;
	size_t told;
};

void wait_item_done(struct wait_items *set);
/* puts the tasks in that a user named, each once, in this order; into an empty set */
void wait_item_add_named(struct wait_items *set, char *const *ids, size_t count);
/* puts a task in that was found active in a source */
void wait_item_add_active(struct wait_items *set, size_t source, const struct task *task);
/* the task of this id that may be in this source; NULL: it is not waited for */
struct wait_item *wait_item_find(struct wait_items *set, size_t source, const char *id);
/* takes over what an event about the task says; an unknown field leaves what is known */
void wait_item_take(struct wait_item *item, size_t source, const struct event *event);
/* takes over what a list has of it besides: only fields that are not known yet */
void wait_item_fill(struct wait_item *item, const struct task *view);
/* for qsort(3), of struct waited *: as they are told when they ended together */
int wait_item_by_place(const void *a, const void *b);
/* it ended without a status: `gone` when it was found before, else `missing` */
void wait_item_lose(struct wait_item *item);
/* of a task that has ended: 0, 1, 2 or 3, as an exit code */
int wait_item_exit_code(const struct wait_item *item);
/* the worst of all that were told: failure before gone before partial before success */
int wait_item_worst(const struct wait_items *set);

#endif
