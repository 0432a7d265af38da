/* Where taskbell-notify is. The sink `desktop` and `doctor` ask for it. */
#ifndef DELIVER_NOTIFIER_PATH_H
#define DELIVER_NOTIFIER_PATH_H

#include "base/err.h"

/*
 * Its path, owned: in $TASKBELL_LIBEXEC, beside our own program, in ../libexec/taskbell/ from
 * there, or where it was built for. NULL with err (ERR_NOT_FOUND) naming the places when it is in
 * none.
 */
char *notifier_path(struct err *err);

#endif
