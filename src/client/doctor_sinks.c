#include "client/doctor_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* can `name` be run, as execvp(3) would find it? */
static bool can_run(const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/') != NULL)
		return access(name, X_OK) == 0;
	for (const char *dir = path != NULL ? path : "/usr/bin:/bin"; dir != NULL;) {
		size_t len = strcspn(dir, ":");
		cleanup_free char *file =
			mem_printf("%.*s%s%s", (int)len, dir, len != 0 ? "/" : "./", name);

		if (access(file, X_OK) == 0)
			return true;
		dir = dir[len] == ':' ? dir + len + 1 : NULL;
	}
	return false;
}

void doctor_sinks(const struct doctor *doctor, const struct config *config)
{
	bool desktop = false;

	for (size_t i = 0; i < config->sink_count; i++) {
		const struct sink_config *sink = &config->sinks[i];

		if (sink->type == SINK_EXEC) {
			cleanup_free char *what = mem_printf("sink %.80s", sink->name);

			if (sink->command.count == 0)
				doctor_find(doctor, FINDING_OK, what, NULL, "runs a line of shell");
			else if (can_run(sink->command.items[0]))
				doctor_find(doctor, FINDING_OK, what, NULL, "runs %s",
					sink->command.items[0]);
			else
				doctor_find(doctor, FINDING_FAIL, what,
					"correct its command, or chmod +x the program",
					"%s is not there or cannot be executed",
					sink->command.items[0]);
		}
		desktop = desktop || sink->type == SINK_DESKTOP;
	}
	if (desktop)
		doctor_desktop(doctor, config);
	else
		doctor_find(doctor, FINDING_OK, "session bus", NULL,
			"not needed, no sink of type desktop is configured");
}
