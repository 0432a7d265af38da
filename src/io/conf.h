/* Configuration from libconfig files (the only file that sees libconfig). */
#ifndef IO_CONF_H
#define IO_CONF_H

#include "base/buf.h"
#include "base/err.h"
#include "core/config.h"

/*
 * Finds the file by taskbell(1), FILES: `path` (--config) if not NULL, $TASKBELL_CONFIG, the XDG
 * directories. Returns an owned absolute path, or NULL when no file is there and none was named. A
 * file that was named (by option or variable) is returned whether it exists or not.
 */
char *conf_find(const char *path);
/* what conf_load judges besides what is written: not whether a key is there, but whether a key file
 * that is there is one that others can use */
enum conf_depth { CONF_TEXT, CONF_TEXT_AND_KEYS };
/*
 * Reads `path` (NULL: no file, the built-in defaults) into *ret, which the caller frees with
 * config_free. On faults returns false, *ret is NULL, every fault stands in `faults` as one
 * `file:line: message` line each, and err (ERR_CONFIG) holds the first. Refused too: a file that
 * group or others can write, or that is neither ours nor root's (checked on the open file).
 * TELNYX_BASE_URL is applied where no base_url stood.
 */
bool conf_load(const char *path, enum conf_depth depth, struct config **ret, struct buf *faults,
	struct err *err);
/*
 * The effective configuration in libconfig's own form; conf_load reads it back equal, but for the
 * password of a proxy, which is not shown.
 */
void conf_print(const struct config *config, struct buf *out);
const char *conf_version(void); /* "libconfig/1.5" */

#endif
