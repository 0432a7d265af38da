/* Paths as people write them. */
#ifndef IO_HOME_H
#define IO_HOME_H

/* a path with ~/ made whole; owned. NULL: it begins so, and HOME is not set to an absolute path */
char *home_path(const char *path);

#endif
