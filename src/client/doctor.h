/* Why a notification would or would not appear here: looks at everything on its way, one finding
 * each. */
#ifndef CLIENT_DOCTOR_H
#define CLIENT_DOCTOR_H

enum finding { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct doctor {
	const char *config_path; /* borrowed, as all here; --config; NULL: not given */
	const char *state_dir; /* --state-dir; NULL: not given */
	const char *source; /* --source; NULL: all */
	/* one finding; `remedy` is NULL when all is well */
	void (*tell)(void *arg, enum finding finding, const char *what, const char *text,
		const char *remedy);
	void *arg;
};

/* asks the API, the session bus and systemd; takes no lock and writes nothing */
void doctor_run(const struct doctor *doctor);

#endif
