/* Paths as people write them. */
#ifndef IO_HOME_H
#define IO_HOME_H

/* the path of a file of the user's configuration, below $XDG_CONFIG_HOME or ~/.config; owned. NULL:
 * neither variable is an absolute path */
char *home_config(const char *below);
/* a path with ~/ made whole; owned. NULL: it begins so, and HOME is not set to an absolute path */
char *home_path(const char *path);

#endif
