/* Between the files of the doctor. */
#ifndef CLIENT_DOCTOR_PRIVATE_H
#define CLIENT_DOCTOR_PRIVATE_H

#include "client/doctor.h"
#include "base/err.h"
#include "core/config.h"

/* formats and tells one finding */
void doctor_find(const struct doctor *doctor, enum finding finding, const char *what,
	const char *remedy, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* key, name look-up, TLS, answer and clock of each source */
void doctor_sources(const struct doctor *doctor, const struct config *config);
/* the programs of hooks; what the desktop needs, when a sink does */
void doctor_sinks(const struct doctor *doctor, const struct config *config);
/* helper, session bus and notification server, and why that would show nothing */
void doctor_desktop(const struct doctor *doctor, const struct config *config);

#endif
