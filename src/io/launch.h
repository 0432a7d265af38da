/* Starts a program: where it is, what the child does before it runs. Private to io/process. */
#ifndef IO_LAUNCH_H
#define IO_LAUNCH_H

#include "io/process.h"

/* owned path of the program; a name that is in no directory of the PATH of `env` is returned as it
 * is, for exec to refuse */
char *launch_find(const char *name, const char *const *env);
/* 0 or an errno; `far` are the child's ends of its pipes, -1: none */
int launch(pid_t *pid, const struct spawn *spawn, const char *program, const int far[3]);
/* puts the errno of launch() into words and a kind */
void launch_failed(struct err *err, int num, const char *program);

#endif
