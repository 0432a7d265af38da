#include "app/doctor_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/errand.h"
#include "app/helper.h"
#include "base/mem.h"
#include "io/bus.h"

#define HELPER_MS 10000 /* it gives up by itself after some seconds */

/* lines "WHAT\tTEXT\tREMEDY": why the server shows nothing of what it takes */
static void tell_silence(const struct doctor *doctor, char *lines)
{
	for (char *line = lines, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		char *text = strchr(line, '\t');
		char *remedy = text != NULL ? strchr(text + 1, '\t') : NULL;

		*end = '\0';
		if (remedy == NULL || remedy > end)
			continue;
		*text = *remedy = '\0';
		doctor_find(doctor, FINDING_WARN, line, remedy + 1, "%s", text + 1);
	}
}

/* how the helper and the server behind it are */
static void look_at_server(const struct doctor *doctor, const char *helper, const char *bus)
{
	const char *const argv[] = { helper, "--bus", bus, "--check", NULL };
	struct spawn spawn = { .argv = argv, .output_max = 4096, .merge = true };
	const char *what = "notification server";
	const char *remedy = "start a notification server (dunst, mako, the desktop's own)";
	cleanup_buf struct buf output = { 0 };
	struct err err = { 0 };
	char *rest;
	int code;

	if (!errand_run(&spawn, HELPER_MS, &code, &output, &err)) {
		doctor_find(
			doctor, FINDING_FAIL, what, "install taskbell-notify anew", "%s", err.text);
		return;
	}
	(void)buf_add_char(&output, '\n');
	rest = strchr(output.data, '\n');
	*rest = '\0';
	doctor_find(doctor, code == 0 ? FINDING_OK : FINDING_FAIL, what, remedy, "%s", output.data);
	tell_silence(doctor, rest + 1);
}

/* `wanted`: a configuration names it; else it is shown on where there is a desktop */
static void look_at_desktop(const struct doctor *doctor, bool wanted)
{
	struct err err = { 0 };
	cleanup_free char *helper = helper_find(&err);
	cleanup_with(bus_done) struct bus bus = { 0 };
	cleanup_buf struct buf why = { 0 };

	if (helper == NULL)
		doctor_find(doctor, FINDING_FAIL, "helper",
			"install it, or set TASKBELL_LIBEXEC to its directory", "%s", err.text);
	bus_find(&bus);
	if (bus.address == NULL) {
		bus_explain(&bus, &why);
		doctor_find(doctor, wanted ? FINDING_FAIL : FINDING_WARN, "session bus",
			"run in a desktop session, or set DBUS_SESSION_BUS_ADDRESS to its bus",
			"%s; notifications wait for one", buf_text(&why));
		return;
	}
	doctor_find(doctor, FINDING_OK, "session bus", NULL, "%s", bus.address);
	if (helper != NULL)
		look_at_server(doctor, helper, bus.address);
}

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

static void look_at_hook(const struct doctor *doctor, const struct sink_config *sink)
{
	cleanup_free char *what = mem_printf("sink %.80s", sink->name);

	if (sink->command.count == 0)
		doctor_find(doctor, FINDING_OK, what, NULL, "runs a line of shell");
	else if (can_run(sink->command.items[0]))
		doctor_find(doctor, FINDING_OK, what, NULL, "runs %s", sink->command.items[0]);
	else
		doctor_find(doctor, FINDING_FAIL, what,
			"correct its command, or chmod +x the program",
			"%s is not there or cannot be executed", sink->command.items[0]);
}

void doctor_sinks(const struct doctor *doctor, const struct config *config)
{
	bool desktop = false;

	for (size_t i = 0; i < config->sink_count; i++) {
		const struct sink_config *sink = &config->sinks[i];

		if (sink->type == SINK_EXEC)
			look_at_hook(doctor, sink);
		desktop = desktop || sink->type == SINK_DESKTOP;
	}
	if (desktop)
		look_at_desktop(doctor, config->file != NULL);
	else
		doctor_find(doctor, FINDING_OK, "session bus", NULL,
			"not needed, no sink of type desktop is configured");
}
