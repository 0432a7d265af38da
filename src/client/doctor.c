#include "client/doctor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "client/doctor_private.h"
#include "client/run_command.h"
#include "watch/status.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/conf.h"
#include "io/statedir.h"
#include "io/store.h"

#define UNIT "taskbell.service"
#define SYSTEMCTL_MS 5000

static struct config *look_at_config(const struct doctor *doctor)
{
	cleanup_free char *path = conf_find(doctor->config_path);
	cleanup_buf struct buf faults = { 0 };
	struct config *config = NULL;
	struct err err = { 0 };

	if (!conf_load(path, CONF_TEXT, &config, &faults, &err)) {
		const char *remedy = "correct it; 'taskbell check' says when all is well";

		if (faults.len == 0)
			doctor_find(doctor, FINDING_FAIL, "configuration", remedy, "%s", err.text);
		for (const char *line = buf_text(&faults); *line != '\0';) {
			size_t len = strcspn(line, "\n");

			doctor_find(doctor, FINDING_FAIL, "configuration", remedy, "%.*s", (int)len,
				line);
			line += len + (line[len] == '\n');
		}
		return NULL;
	}
	doctor_find(doctor, FINDING_OK, "configuration", NULL, "%s",
		path != NULL ? path : "there is no file, the built-in defaults hold");
	return config;
}

/* can a directory be made at `path`? cuts the path down to what is there */
static bool can_make(char *path)
{
	while (access(path, F_OK) != 0) {
		char *slash = strrchr(path, '/');

		if (slash == NULL || slash == path)
			return access("/", W_OK | X_OK) == 0;
		*slash = '\0';
	}
	return access(path, W_OK | X_OK) == 0;
}

/* the state itself: one of a newer version, or a damaged one, is not what it looks like */
static void look_at_store(const struct doctor *doctor, const char *dir)
{
	struct store_damage damage = { 0 };
	struct store *store = NULL;
	struct err err = { 0 };

	if (store_open(&store, dir, STORE_READ, clock_now().wall_ms, &damage, &err) ||
		err.kind == ERR_NOT_FOUND)
		doctor_find(doctor, FINDING_OK, "state directory", NULL, "%s", dir);
	else
		doctor_find(doctor, FINDING_FAIL, "state directory",
			"see what is there, or name another directory by --state-dir", "%s: %s",
			dir, err.text);
	store_close(store);
}

static void look_at_state(const struct doctor *doctor, const char *dir)
{
	const char *remedy =
		"name another directory by --state-dir, or set its owner and mode right";
	cleanup_free char *path = mem_strdup(dir);
	struct err err = { 0 };

	if (statedir_check(dir, &err)) {
		if (access(dir, W_OK | X_OK) == 0)
			look_at_store(doctor, dir);
		else
			doctor_find(doctor, FINDING_FAIL, "state directory", remedy,
				"%s cannot be written", dir);
	} else if (err.kind != ERR_NOT_FOUND) {
		doctor_find(doctor, FINDING_FAIL, "state directory", remedy, "%s", err.text);
	} else if (can_make(path)) {
		doctor_find(doctor, FINDING_OK, "state directory", NULL,
			"%s is not there yet, the monitor will make it", dir);
	} else {
		doctor_find(doctor, FINDING_FAIL, "state directory", remedy,
			"%s cannot be made: %s cannot be written", dir, path);
	}
}

static void look_at_status(const struct doctor *doctor, const char *dir)
{
	int64_t now_ms = clock_now().wall_ms;
	struct store_damage damage = { 0 };
	struct store *store = NULL;
	struct monitor_status status = { 0 };
	struct err told = { 0 }; /* when the state was looked at */

	(void)store_open(&store, dir, STORE_READ, now_ms, &damage, &told);
	if (status_read(&status, dir, store, now_ms, &told)) {
		/* what the monitor meets with: its environment need not be that of this shell */
		const char *remedy = "'taskbell status' has more";

		for (size_t i = 0; i < status.source_count; i++)
			if (status.sources[i].degraded && status.sources[i].error != NULL)
				doctor_find(doctor, FINDING_WARN, "monitor", remedy, "%s: %s",
					status.sources[i].name, status.sources[i].error);
		for (size_t i = 0; i < status.sink_count; i++) {
			const struct sink_status *sink = &status.sinks[i];
			const char *waits = status_sink_waits(&status, sink);

			if (!sink->configured)
				continue;
			if (status_sink_degraded(&sink->stored) && sink->stored.last_error != NULL)
				doctor_find(doctor, FINDING_WARN, "monitor", remedy, "%s fails: %s",
					sink->stored.name, sink->stored.last_error);
			else if (waits != NULL)
				doctor_find(doctor, FINDING_WARN, "monitor", remedy, "%s waits: %s",
					sink->stored.name, waits);
		}
	}
	monitor_status_done(&status);
	store_close(store);
}

static void look_at_monitor(const struct doctor *doctor, const char *dir)
{
	int64_t pid = 0;
	struct err err = { 0 };

	if (statedir_held(dir, &pid, &err)) {
		doctor_find(
			doctor, FINDING_OK, "monitor", NULL, "it runs (process %" PRId64 ")", pid);
		look_at_status(doctor, dir);
	} else if (err.kind != ERR_NONE) {
		doctor_find(doctor, FINDING_FAIL, "monitor", NULL, "%s", err.text);
	} else {
		doctor_find(doctor, FINDING_WARN, "monitor",
			"start 'taskbell watch', or systemctl --user start taskbell",
			"none runs for %s: nothing is watched now", dir);
	}
}

/* is-enabled prints one word, and exits with 0 only for some of them */
static void look_at_unit(const struct doctor *doctor)
{
	static const char *const argv[] = { "systemctl", "--user", "is-enabled", UNIT, NULL };
	struct spawn spawn = { .argv = argv, .output_max = 4096, .merge = true };
	cleanup_buf struct buf output = { 0 };
	struct err err = { 0 };
	const char *word;
	int code;

	if (!run_command(&spawn, SYSTEMCTL_MS, &code, &output, &err)) {
		if (err.kind == ERR_NOT_FOUND)
			doctor_find(doctor, FINDING_OK, "unit", NULL,
				"there is no systemd here, so no unit starts the monitor");
		else
			doctor_find(doctor, FINDING_WARN, "unit", "see systemctl --user status",
				"%s", err.text);
		return;
	}
	if (output.data != NULL)
		output.data[strcspn(output.data, "\n")] = '\0';
	word = buf_text(&output);
	if (code == 0)
		doctor_find(doctor, FINDING_OK, "unit", NULL, UNIT " is %s", word);
	else if (strcmp(word, "disabled") == 0)
		doctor_find(doctor, FINDING_WARN, "unit", "systemctl --user enable --now taskbell",
			UNIT " is not enabled: no monitor starts with your session");
	else
		doctor_find(doctor, FINDING_WARN, "unit",
			"install the unit and systemctl --user enable --now taskbell, or start "
			"'taskbell watch' some other way",
			"systemd's user manager says of " UNIT ": %s", word);
}

void doctor_run(const struct doctor *doctor)
{
	cleanup_with(config_cleanup) struct config *config = look_at_config(doctor);
	struct err err = { 0 };
	cleanup_free char *dir = statedir_find(doctor->state_dir, &err);

	if (dir != NULL)
		look_at_state(doctor, dir);
	else
		doctor_find(doctor, FINDING_FAIL, "state directory",
			"set HOME, or name a directory by --state-dir", "%s", err.text);
	if (config != NULL) {
		doctor_sources(doctor, config);
		doctor_sinks(doctor, config);
	}
	if (dir != NULL)
		look_at_monitor(doctor, dir);
	look_at_unit(doctor);
}
