#include "client/doctor_private.h"

#include <string.h>

#include "client/run_command.h"
#include "deliver/notifier_path.h"
#include "base/mem.h"
#include "io/bus.h"

#define HELPER_MS 15000 /* each of its questions has a shorter limit */

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
	size_t len;
	int code;

	if (!run_command(&spawn, HELPER_MS, &code, &output, &err)) {
		doctor_find(
			doctor, FINDING_FAIL, what, "install taskbell-notify anew", "%s", err.text);
		return;
	}
	(void)buf_add_char(&output, '\n');
	len = strcspn(output.data, "\n");
	output.data[len] = '\0';
	doctor_find(doctor, code == 0 ? FINDING_OK : FINDING_FAIL, what, remedy, "%s", output.data);
	tell_silence(doctor, output.data + len + 1);
}

/* `wanted`: a configuration names the sink; else it is shown on where there is a desktop */
static void tell_bus(const struct doctor *doctor, const struct bus *bus, bool wanted)
{
	const char *what = "session bus";
	cleanup_buf struct buf why = { 0 };

	if (bus->address == NULL) {
		bus_explain(bus, &why);
		doctor_find(doctor, wanted ? FINDING_FAIL : FINDING_WARN, what,
			"run in a desktop session, or set DBUS_SESSION_BUS_ADDRESS to its bus",
			"%s; notifications wait for one", buf_text(&why));
	} else if (bus->env_dead) {
		doctor_find(doctor, FINDING_WARN, what,
			"unset DBUS_SESSION_BUS_ADDRESS, which is of an old session, as in a tmux "
			"that outlived it",
			"nobody listens at %s; %s is used in its place", bus->missed.items[0],
			bus->address);
	} else {
		doctor_find(doctor, FINDING_OK, what, NULL, "%s", bus->address);
	}
}

void doctor_desktop(const struct doctor *doctor, const struct config *config)
{
	struct err err = { 0 };
	cleanup_free char *helper = notifier_path(&err);
	cleanup_with(bus_done) struct bus bus = { 0 };

	if (helper == NULL)
		doctor_find(doctor, FINDING_FAIL, "helper",
			"install it, or set TASKBELL_LIBEXEC to its directory", "%s", err.text);
	bus_find(&bus);
	tell_bus(doctor, &bus, config->file != NULL);
	if (bus.address != NULL && helper != NULL)
		look_at_server(doctor, helper, bus.address);
}
