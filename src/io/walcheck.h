/* The head of a write-ahead log: when it is damaged, SQLite takes the whole log for empty, without
 * a word. */
#ifndef IO_WALCHECK_H
#define IO_WALCHECK_H

#include <stdbool.h>

/*
 * False when the log holds frames and its head is not valid. No crash and no power cut leaves that:
 * the head is on disk before the first frame is written. (Damage further on can not be told from
 * the torn end that a power cut leaves.) A file that cannot be read is fine: SQLite will say why.
 */
bool walcheck_file(const char *path);

#endif
