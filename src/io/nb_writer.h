/*
 * A descriptor that somebody else may read slowly or not at all: written only when it takes it. It
 * is not made non-blocking, because that would change it for every program that shares it.
 */
#ifndef IO_NB_WRITER_H
#define IO_NB_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/http.h"

#define NB_WRITER_WAITING_MAX (1024 * 1024)

struct nb_writer;

/* at most `max` bytes wait to be taken, and lines past that are dropped; 0: none is */
struct nb_writer *nb_writer_new(int fd, size_t max);
void nb_writer_free(struct nb_writer *writer); /* what still waits is lost; NULL is fine */
/* is it a terminal, or was it one when the writer was made? */
bool nb_writer_terminal(const struct nb_writer *writer);
/* takes a whole line, or drops and counts it when too much waits already */
void nb_writer_add(struct nb_writer *writer, const char *line, size_t len);
/* the same for one of many: mostly written by the next nb_writer_step, which has to follow */
void nb_writer_gather(struct nb_writer *writer, const char *line, size_t len);
/* writes what can be written without waiting, and looks whether anybody is left to read it */
void nb_writer_step(struct nb_writer *writer);
/* do lines wait to be taken? */
bool nb_writer_waits(const struct nb_writer *writer);
/* the descriptor, as long as it can be written: for when it takes more, or has nobody left to read
 * it; returns how many were put in (0 or 1) */
size_t nb_writer_fds(const struct nb_writer *writer, struct poll_fd *fds, size_t cap);
/* lines dropped since the last call, once there is room again; else 0 */
uint64_t nb_writer_take_dropped(struct nb_writer *writer);
/* for the end: writes what can be written and drops the rest; returns the lines dropped since the
 * last call */
uint64_t nb_writer_close(struct nb_writer *writer);
/* errno of what failed for good: EPIPE when its reader has gone, EIO when the terminal was closed,
 * or that of a write; 0: nothing did. Nothing is written any more then */
int nb_writer_failed(const struct nb_writer *writer);
/*
 * May something that moves be drawn here? It is a terminal, we are in its foreground, and no other
 * process draws there, by a lock that ends with its holder. Asked anew whenever something is drawn.
 */
bool nb_writer_claim(struct nb_writer *writer);
/* does another process draw on this terminal now? */
bool nb_writer_claimed(const struct nb_writer *writer);
/* another process may draw */
void nb_writer_yield(struct nb_writer *writer);

#endif
