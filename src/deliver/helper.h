/* taskbell-notify and the session bus: where they are. Asked by the sink `desktop` and by `doctor`.
 */
#ifndef DELIVER_HELPER_H
#define DELIVER_HELPER_H

#include "base/err.h"

/*
 * The helper's owned path: in $TASKBELL_LIBEXEC, beside the program, in ../libexec/taskbell/, where
 * it was built for. NULL with err (ERR_NOT_FOUND) naming the places when it is in none.
 */
char *helper_find(struct err *err);

#endif
