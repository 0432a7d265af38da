/* What systemd is told by way of $NOTIFY_SOCKET (sd_notify(3)), spoken without libsystemd. */
#ifndef IO_SDNOTIFY_H
#define IO_SDNOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* reads NOTIFY_SOCKET and WATCHDOG_* and takes them out of the environment: children have no
 * business there */
void sd_open(void);
/* is there anybody who wants to be told? */
bool sd_listens(void);
/* sends assignments such as "READY=1\nSTATUS=…"; never blocks; a failure is ignored */
void sd_tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* how often WATCHDOG=1 is to be sent: half of what systemd allows; 0: not at all */
int64_t sd_watchdog_ms(void);
/* is stderr the journal? Then lines carry a priority and no time ($JOURNAL_STREAM, systemd.exec(5))
 */
bool sd_stderr_is_journal(void);

#endif
