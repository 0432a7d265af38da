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

struct tap *tap_new(int fd);
void tap_free(struct tap *tap); /* what still waits is lost; NULL is fine */
/* takes a whole line, or drops and counts it when too much waits already */
void tap_add(struct tap *tap, const char *line, size_t len);
/* the same for one of many: mostly written by the next tap_step, which has to follow */
void tap_gather(struct tap *tap, const char *line, size_t len);
/* writes what can be written without waiting */
void tap_step(struct tap *tap);
/* do lines wait to be taken? */
bool tap_waits(const struct tap *tap);
/* the descriptor, while lines wait; returns how many were put in (0 or 1) */
size_t tap_fds(const struct tap *tap, struct http_fd *fds, size_t cap);
/* lines dropped since the last call, once there is room again; else 0 */
uint64_t tap_take_dropped(struct tap *tap);
/* for the end: writes what can be written and drops the rest; returns the lines dropped since the
 * last call */
uint64_t tap_close(struct tap *tap);
/* errno of the write that failed for good; 0: none did. Nothing is written any more then */
int tap_failed(const struct tap *tap);

#endif
