#include <stdarg.h>
#include <stdio.h>

#include "client/doctor_private.h"

void doctor_find(const struct doctor *doctor, enum finding finding, const char *what,
	const char *remedy, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	doctor->tell(doctor->arg, finding, what, text, finding != FINDING_OK ? remedy : NULL);
}
