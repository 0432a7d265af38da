/*
 * A descriptor that somebody else may read slowly or not at all: written only when it takes it. It
 * is not made non-blocking, because that would change it for every program that shares it.
 */
#ifndef IO_TAP_H
#define IO_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/http.h"

#define TAP_WAITING_MAX (1024 * 1024)

struct tap;

/* at most `max` bytes wait to be taken, and lines past that are dropped; 0: none is */
struct tap *tap_new(int fd, size_t max);
void tap_free(struct tap *tap); /* what still waits is lost; NULL is fine */
/* is it a terminal, or was it one when the tap was made? */
bool tap_terminal(const struct tap *tap);
/* takes a whole line, or drops and counts it when too much waits already */
void tap_add(struct tap *tap, const char *line, size_t len);
/* the same for one of many: mostly written by the next tap_step, which has to follow */
void tap_gather(struct tap *tap, const char *line, size_t len);
/* writes what can be written without waiting, and looks whether anybody is left to read it */
void tap_step(struct tap *tap);
/* do lines wait to be taken? */
bool tap_waits(const struct tap *tap);
/* the descriptor, as long as it can be written: for when it takes more, or has nobody left to read
 * it; returns how many were put in (0 or 1) */
size_t tap_fds(const struct tap *tap, struct poll_fd *fds, size_t cap);
/* lines dropped since the last call, once there is room again; else 0 */
uint64_t tap_take_dropped(struct tap *tap);
/* for the end: writes what can be written and drops the rest; returns the lines dropped since the
 * last call */
uint64_t tap_close(struct tap *tap);
/* errno of what failed for good: EPIPE when its reader has gone, EIO when the terminal was closed,
 * or that of a write; 0: nothing did. Nothing is written any more then */
int tap_failed(const struct tap *tap);
/*
 * May something that moves be drawn here? It is a terminal, we are in its foreground, and no other
 * process draws there, by a lock that ends with its holder. Asked anew whenever something is drawn.
 */
bool tap_claim(struct tap *tap);
/* does another process draw on this terminal now? */
bool tap_claimed(const struct tap *tap);
/* another process may draw */
void tap_yield(struct tap *tap);

#endif
