/*
 * taskbell-notify: shows notifications through the session bus, for as long as somebody writes
 * requests on its stdin: blocks of `key: value` lines, each ended by an empty line (see note.h). A
 * program of its own because libnotify waits for a server that does not answer, and because the
 * sender of a notification has to live as long as it is to be seen. It answers on stdout:
 *
 *	bus: NAME		the bus has taken us in
 *	server: OWNER		there is a notification server now
 *	gone:			there is none any more, nor what it showed
 *	turn: NUMBER		the request has its turn: each step has a limit of its own
 *	sent: NUMBER		the request goes to the server now
 *	shown: NUMBER ID	the request was done; ID is the server's number
 *	refused: NUMBER WHY	it was not; another time it may be
 *	absent: NUMBER WHY	nobody is there to show it; `server:` tells when somebody is
 *	closed: NUMBER REASON	it is off the screen; the reason is that of the specification
 *	clicked: NUMBER		it was clicked
 *
 * It ends with 69 when there is no bus, and at once when its stdin ends. --check shows nothing and
 * says which server there is and what it can; 75: it did not answer.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "notify/note.h"
#include "notify/popup.h"
#include "notify/server.h"
#include "notify/silence.h"

enum { CHECK_MS = 10000 };

/* what was asked for and is not answered yet */
struct request {
	struct note note;
	char *lost; /* own; why the server went away over it; NULL: it was not tried */
	char *owner; /* own; which one */
	unsigned int losses;
};

struct helper {
	struct server server;
	struct popups popups;
	struct buf input;
	GQueue requests; /* own */
	bool check;
};

static _Noreturn void leave(enum err_kind kind, const char *why)
{
	(void)fprintf(stderr, "taskbell-notify: %s\n", why);
	exit(err_exit_code(kind));
}

/* writes one line of answer; ends the program if nobody reads it */
static void answer(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void answer(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (vprintf(fmt, args) < 0 || putchar('\n') < 0 || fflush(stdout) != 0)
		exit(err_exit_code(ERR_IO));
	va_end(args);
}

static void request_done(struct helper *helper, const char *word, const char *more)
{
	struct request *request = g_queue_pop_head(&helper->requests);

	answer("%s: %" PRId64 " %s", word, request->note.number, more);
	note_done(&request->note);
	g_free(request->lost);
	g_free(request->owner);
	g_free(request);
}

/* was this request lost with two servers, or with the present one before? */
static bool was_lost(const struct helper *helper, const struct request *request)
{
	return request->losses > 1 || g_strcmp0(request->owner, helper->server.owner) == 0;
}

static void request_show(struct helper *helper, struct request *request)
{
	char number[16];
	char *why = NULL;
	uint32_t id = 0;

	answer("turn: %" PRId64, request->note.number);
	switch (popup_show(&helper->popups, &request->note, &helper->server, &id, &why)) {
	case POPUP_SHOWN:
		(void)g_snprintf(number, sizeof(number), "%" PRIu32, id);
		request_done(helper, "shown", number);
		break;
	case POPUP_REFUSED:
		request_done(helper, "refused", why);
		break;
	case POPUP_UNANSWERED:
		server_doubt(&helper->server, why);
		request_done(helper, "refused", helper->server.why);
		break;
	case POPUP_LOST:
		/* The server went away, or so it says: the bus tells whether it did. Until then,
		 * and until a server that is there has answered something else, it is not tried
		 * again. */
		g_free(request->owner);
		request->owner = g_strdup(helper->server.owner);
		g_free(request->lost);
		request->lost = g_strdup(why);
		request->losses++;
		server_doubt(&helper->server, why);
		server_ask(&helper->server);
		break;
	}
	g_free(why);
}

/* answers what can be answered now */
static void requests_serve(struct helper *helper)
{
	struct request *request;

	while ((request = g_queue_peek_head(&helper->requests)) != NULL) {
		enum server_state state;

		server_want(&helper->server);
		state = server_state(&helper->server);
		if (state == SERVER_AWAITED)
			return;
		if (request->note.close) {
			if (server_state(&helper->server) == SERVER_READY)
				popup_close(&helper->popups, request->note.number);
			request_done(helper, "closed", "3");
		} else if (state == SERVER_READY && was_lost(helper, request)) {
			request_done(helper, "refused", request->lost);
		} else if (state == SERVER_READY) {
			request_show(helper, request);
		} else {
			request_done(helper, state == SERVER_ABSENT ? "absent" : "refused",
				helper->server.why);
		}
	}
}

static void on_changed(void *arg)
{
	struct helper *helper = arg;

	requests_serve(helper);
}

static void on_joined(void *arg, const char *name)
{
	(void)arg;
	answer("bus: %s", name);
}

static void on_came(void *arg, const char *owner)
{
	(void)arg;
	answer("server: %s", owner);
}

static void on_gone(void *arg)
{
	struct helper *helper = arg;

	popup_forget_all(&helper->popups);
	answer("gone:");
}

static void on_lost(void *arg, const char *why)
{
	struct helper *helper = arg;

	while (g_queue_peek_head(&helper->requests) != NULL)
		request_done(helper, "absent", why);
	leave(ERR_UNREACHABLE, why);
}

static void on_sent(void *arg, int64_t number)
{
	(void)arg;
	answer("sent: %" PRId64, number);
}

static void on_closed(void *arg, int64_t number, int reason)
{
	(void)arg;
	answer("closed: %" PRId64 " %d", number, reason);
}

static void on_clicked(void *arg, int64_t number)
{
	(void)arg;
	answer("clicked: %" PRId64, number);
}

static void request_take(struct helper *helper, const char *text, size_t len)
{
	struct request *request = g_new0(struct request, 1);
	struct err err = { 0 };
	bool good = note_parse(&request->note, text, len, &err);

	g_queue_push_tail(&helper->requests, request);
	if (!good && request->note.number == 0)
		leave(ERR_USAGE, err.text);
	if (!good) {
		/* the answers to those before it come in their turn */
		g_queue_push_head(&helper->requests, g_queue_pop_tail(&helper->requests));
		request_done(helper, "refused", err.text);
		return;
	}
	if (server_state(&helper->server) == SERVER_SILENT)
		server_ask(&helper->server);
	requests_serve(helper);
}

/* the requests that are complete */
static void input_take(struct helper *helper)
{
	const char *end;

	while ((end = strstr(buf_text(&helper->input), "\n\n")) != NULL) {
		size_t len = (size_t)(end - helper->input.data) + 1;

		if (len > 1)
			request_take(helper, helper->input.data, len);
		buf_drop(&helper->input, len + 1);
	}
}

static gboolean on_input(gint fd, GIOCondition condition, gpointer arg)
{
	struct helper *helper = arg;
	char chunk[4096];
	ssize_t len = read(fd, chunk, sizeof(chunk));

	(void)condition;
	if (len < 0 && errno == EINTR)
		return G_SOURCE_CONTINUE;
	if (len <= 0)
		exit(0);
	if (!buf_add(&helper->input, chunk, (size_t)len))
		leave(ERR_USAGE, "a request is too long");
	input_take(helper);
	return G_SOURCE_CONTINUE;
}

static void on_check_changed(void *arg)
{
	struct helper *helper = arg;
	const struct server *server = &helper->server;
	const char *const *can;

	server_want(&helper->server);
	switch (server_state(server)) {
	case SERVER_AWAITED:
		return;
	case SERVER_ABSENT:
		leave(ERR_UNREACHABLE, server->why);
	case SERVER_SILENT:
		leave(ERR_TEMPORARY, server->why);
	case SERVER_READY:
		break;
	}
	(void)printf("%s %s by %s, specification %s; it can:", server->name ? server->name : "?",
		server->version ? server->version : "?", server->vendor ? server->vendor : "?",
		server->spec ? server->spec : "?");
	for (can = (const char *const *)server->can; can != NULL && *can != NULL; can++)
		(void)printf(" %s", *can);
	(void)putchar('\n');
	/* it answered; the questions that follow have limits of their own */
	if (fflush(stdout) != 0 || !silence_print(server) || fflush(stdout) != 0)
		exit(err_exit_code(ERR_IO));
	exit(0);
}

static gboolean on_check_late(gpointer arg)
{
	(void)arg;
	leave(ERR_TEMPORARY, "the notification server does not answer");
}

static int run(bool check)
{
	struct helper helper = {
		.input = BUF_INIT(NOTE_INPUT_MAX),
		.popups = { .sent = on_sent, .closed = on_closed, .clicked = on_clicked },
		.server = {
			.changed = check ? on_check_changed : on_changed,
			.joined = check ? NULL : on_joined,
			.came = check ? NULL : on_came,
			.gone = check ? NULL : on_gone,
			.lost = on_lost,
			.arg = &helper,
		},
	};

	if (check)
		(void)g_timeout_add(CHECK_MS, on_check_late, NULL);
	else
		(void)g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP | G_IO_ERR, on_input, &helper);
	server_connect(&helper.server);
	g_main_loop_run(g_main_loop_new(NULL, FALSE));
	return 0;
}

int main(int argc, char **argv)
{
	bool check;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("taskbell-notify " TASKBELL_VERSION) < 0 ? 74 : 0;
	if (argc > 2 && strcmp(argv[1], "--bus") == 0) {
		(void)setenv("DBUS_SESSION_BUS_ADDRESS", argv[2], 1);
		argc -= 2;
		argv += 2;
	}
	check = argc == 2 && strcmp(argv[1], "--check") == 0;
	if (argc != 1 && !check) {
		(void)fputs("taskbell-notify: [--bus ADDRESS], and requests on stdin or --check\n",
			stderr);
		return 64;
	}
	return run(check);
}
