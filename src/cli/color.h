/* May this stream be coloured? --color, NO_COLOR (no-color.org), CLICOLOR_FORCE
 * (bixense.com/clicolors), TERM. */
#ifndef CLI_COLOR_H
#define CLI_COLOR_H

#include <stdbool.h>

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* `when` is what --color says; `fd` is asked whether it is a terminal */
bool color_wanted(enum color_when when, int fd);

#endif
