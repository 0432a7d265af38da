#include "deliver/notifier.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deliver/notifier_path.h"
#include "deliver/hook_env.h"
#include "io/process.h"
#include "base/backoff.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"
#include "io/bus.h"

extern char **environ;

enum {
	SILENCE_MS = 40000, /* each of its steps has 30 s, and it says when one is done */
	ANSWER_MS = 30000, /* after a request without an answer all are held back so long */
	LOOK_MS = 1000, /* how often to look whether there is a bus now … */
	LOOK_WATCHED_MS = 60000, /* … while its directory is watched */
	LOOK_SOON_MS = 100, /* … after something has come that is no bus, or not yet */
	LOOK_SOON_FOR_MS = 2000,
	BUS_WAIT_MAX_MS = 60000, /* the longest wait between tries of a bus that refuses us */
	ANSWER_MAX = 4096, /* bytes; it writes no longer one */
	ERROR_COLUMNS = 300,
	EXIT_NO_BUS = 69,
	REAP_MS = 200, /* what was killed is gone at once, unless it hangs in the kernel */
};

struct listener {
	notice_fn notice;
	void *arg;
};

struct notifier {
	const struct strings *secrets; /* borrowed */
	struct listener *listeners; /* own */
	size_t listener_count;
	struct timed_process helper; /* child NULL: not running */
	char *bus; /* own; the address that it was given */
	char *unavailable; /* own; NULL: somebody may be there */
	int64_t look_ms; /* mono; when to look for a bus again; 0: the program does */
	int watch; /* own; what tells of a bus that comes; -1: none */
	int64_t soon_ms; /* mono; until then a bus may come any moment: something has */
	int64_t bus_failures; /* in a row: ends of the program before a bus took it in */
	int64_t last_number;
	int64_t *unanswered; /* own; numbers of what is not answered yet, in order */
	size_t unanswered_count;
	size_t unanswered_cap;
	int64_t answered_ms; /* mono; when it last said something, or was asked with nothing open */
	int64_t sent_ms; /* mono; when it last sent something to the server; 0: it has answered */
	int64_t hold_until_ms; /* mono */
	int64_t asleep_ms; /* of the last step */
};

struct notifier *notifier_new(const struct strings *secrets)
{
	struct notifier *notifier = mem_alloc(sizeof(*notifier));

	notifier->secrets = secrets;
	notifier->watch = -1;
	return notifier;
}

static void watch_end(struct notifier *notifier)
{
	if (notifier->watch >= 0)
		(void)close(notifier->watch);
	notifier->watch = -1;
}

void notifier_free(struct notifier *notifier)
{
	if (notifier == NULL)
		return;
	timed_process_done(&notifier->helper);
	/* not every init takes care of what others leave */
	process_reap_killed(REAP_MS);
	watch_end(notifier);
	free(notifier->listeners);
	free(notifier->bus);
	free(notifier->unavailable);
	free(notifier->unanswered);
	free(notifier);
}

void notifier_listen(struct notifier *notifier, notice_fn listener, void *arg)
{
	notifier->listeners = mem_resize(
		notifier->listeners, notifier->listener_count + 1, sizeof(*notifier->listeners));
	notifier->listeners[notifier->listener_count++] =
		(struct listener){ .notice = listener, .arg = arg };
}

void notifier_unlisten(struct notifier *notifier, const void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < notifier->listener_count; i++)
		if (notifier->listeners[i].arg != arg)
			notifier->listeners[kept++] = notifier->listeners[i];
	notifier->listener_count = kept;
}

static void notify_all(struct notifier *notifier, enum notice_kind kind, int64_t number,
	const char *why, struct instant now)
{
	struct notice notice = { .kind = kind, .number = number, .why = why };

	for (size_t i = 0; i < notifier->listener_count; i++)
		notifier->listeners[i].notice(notifier->listeners[i].arg, &notice, now);
}

static void set_unavailable(struct notifier *notifier, const char *why)
{
	char *text = mem_strdup(why);

	free(notifier->unavailable);
	notifier->unavailable = text;
}

const char *notifier_unavailable(const struct notifier *notifier)
{
	return notifier->unavailable;
}

int64_t notifier_hold_until(const struct notifier *notifier, struct instant now)
{
	return notifier->hold_until_ms > now.mono_ms ? notifier->hold_until_ms : 0;
}

int64_t notifier_number(struct notifier *notifier)
{
	return ++notifier->last_number;
}

static bool unanswered_find(const struct notifier *notifier, int64_t number, size_t *ret)
{
	for (*ret = 0; *ret < notifier->unanswered_count; ++*ret)
		if (notifier->unanswered[*ret] == number)
			return true;
	return false;
}

static bool unanswered_remove(struct notifier *notifier, int64_t number)
{
	size_t i;

	if (!unanswered_find(notifier, number, &i))
		return false;
	notifier->unanswered_count--;
	memmove(&notifier->unanswered[i], &notifier->unanswered[i + 1],
		(notifier->unanswered_count - i) * sizeof(*notifier->unanswered));
	return true;
}

/* the program has ended: answers what it has not answered */
static void helper_lost(
	struct notifier *notifier, enum notice_kind kind, const char *why, struct instant now)
{
	timed_process_done(&notifier->helper);
	/* the server may still show it */
	if (notifier->sent_ms != 0 && kind == NOTICE_FAILED)
		notifier->hold_until_ms = notifier->sent_ms + ANSWER_MS;
	notifier->sent_ms = 0;
	notify_all(notifier, NOTICE_SERVER_GONE, 0, NULL, now);
	while (notifier->unanswered_count > 0) {
		int64_t number = notifier->unanswered[0];

		(void)unanswered_remove(notifier, number);
		notify_all(notifier, kind, number, why, now);
	}
}

/* the address of the bus that there is now, owned; NULL: none, and it is looked for again later */
static char *bus_look(struct notifier *notifier, struct instant now)
{
	cleanup_with(bus_done) struct bus bus = { 0 };
	cleanup_buf struct buf why = { 0 };

	/*
	 * Watched before it is looked at: what comes between the two is seen. Not while it has just
	 * told, and is looked at often: in a directory such as /tmp something comes all the time.
	 */
	if (notifier->unavailable != NULL && notifier->watch < 0 &&
		now.mono_ms >= notifier->soon_ms)
		notifier->watch = bus_watch();
	bus_find(&bus);
	if (bus.address != NULL) {
		watch_end(notifier);
		return mem_steal(&bus.address);
	}
	bus_explain(&bus, &why);
	set_unavailable(notifier, buf_text(&why));
	notifier->look_ms = now.mono_ms + (now.mono_ms < notifier->soon_ms ? LOOK_SOON_MS
						  : notifier->watch >= 0   ? LOOK_WATCHED_MS
									   : LOOK_MS);
	return NULL;
}

/* the program runs, for the bus that there is now */
static bool helper_ready(struct notifier *notifier, struct instant now, struct err *err)
{
	cleanup_free char *bus = bus_look(notifier, now);
	cleanup_free char *path = NULL;
	cleanup_free char **env = NULL;
	const char *argv[] = { NULL, "--bus", NULL, NULL };
	struct spawn spawn = {
		.argv = argv, .cwd = "/", .input_open = true, .output_max = SIZE_MAX
	};

	if (bus == NULL)
		return err_set(err, ERR_UNREACHABLE, "%s", notifier->unavailable);
	if (notifier->helper.process != NULL && strcmp(bus, notifier->bus) == 0)
		return true;
	if (notifier->helper.process != NULL) {
		notifier->sent_ms = 0;
		helper_lost(notifier, NOTICE_FAILED, "there is another session bus now", now);
	}
	free(notifier->bus);
	notifier->bus = mem_steal(&bus);
	path = notifier_path(err);
	if (path == NULL)
		return false;
	env = hook_env_clean(environ, NULL, notifier->secrets);
	argv[0] = path;
	argv[2] = notifier->bus;
	spawn.env = (const char *const *)env;
	return timed_process_start(&notifier->helper, &spawn, 0, now, err);
}

static void request_send(
	struct notifier *notifier, const char *verb, int64_t number, const struct buf *note)
{
	cleanup_buf struct buf request = { 0 };

	(void)buf_addf(&request, "%s: %" PRId64 "\n%s\n", verb, number,
		note != NULL ? buf_text(note) : "");
	process_write(notifier->helper.process, buf_text(&request), request.len);
}

bool notifier_show(struct notifier *notifier, int64_t number, const struct buf *note,
	struct instant now, struct err *err)
{
	if (!helper_ready(notifier, now, err))
		return false;
	if (notifier->unanswered_count == 0) {
		notifier->answered_ms = now.mono_ms;
		notifier->asleep_ms = now.asleep_ms;
	}
	notifier->unanswered = mem_grow(notifier->unanswered, &notifier->unanswered_cap,
		notifier->unanswered_count + 1, sizeof(*notifier->unanswered));
	notifier->unanswered[notifier->unanswered_count++] = number;
	request_send(notifier, "show", number, note);
	return true;
}

void notifier_close(struct notifier *notifier, int64_t number)
{
	if (notifier->helper.process != NULL)
		request_send(notifier, "close", number, NULL);
}

void notifier_look(struct notifier *notifier)
{
	if (notifier->unavailable == NULL || notifier->unanswered_count > 0)
		return;
	/* anew from the start, with a server that may be started now; nothing is on the screen */
	timed_process_done(&notifier->helper);
	set_unavailable(notifier, NULL);
	notifier->look_ms = 0;
}

/* an answer: "NUMBER WHY" */
static void take_answer(
	struct notifier *notifier, enum notice_kind kind, const char *rest, struct instant now)
{
	size_t digits = strspn(rest, "0123456789");
	cleanup_free char *text = mem_strndup(rest, digits);
	cleanup_buf struct buf why = { 0 };
	int64_t number;
	size_t later;

	if (!parse_int(text, 1, INT64_MAX, &number))
		return;
	text_add_cut(&why, rest + digits + (rest[digits] == ' '), ERROR_COLUMNS);
	if (kind == NOTICE_UNAVAILABLE)
		set_unavailable(notifier, buf_text(&why));
	if (kind != NOTICE_CLOSED) {
		notifier->sent_ms = 0;
		/* a notification that was changed since has a later answer, which counts */
		if (!unanswered_remove(notifier, number) ||
			unanswered_find(notifier, number, &later))
			return;
	}
	notify_all(notifier, kind, number, buf_text(&why), now);
}

static void take_line(struct notifier *notifier, const char *line, struct instant now)
{
	static const struct {
		const char *word;
		enum notice_kind kind;
	} answers[] = {
		{ "shown: ", NOTICE_SHOWN },
		{ "refused: ", NOTICE_FAILED },
		{ "absent: ", NOTICE_UNAVAILABLE },
		{ "closed: ", NOTICE_CLOSED },
	};

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		size_t len = strlen(answers[i].word);

		if (strncmp(line, answers[i].word, len) == 0)
			take_answer(notifier, answers[i].kind, line + len, now);
	}
	if (strncmp(line, "bus: ", 5) == 0)
		notifier->bus_failures = 0;
	else if (strncmp(line, "sent: ", 6) == 0)
		notifier->sent_ms = now.mono_ms;
	else if (strncmp(line, "server: ", 8) == 0)
		set_unavailable(notifier, NULL);
	else if (strcmp(line, "gone:") == 0)
		notify_all(notifier, NOTICE_SERVER_GONE, 0, NULL, now);
}

/* takes whole lines out of what it wrote; false: it writes none, so it is not our program */
static bool take_output(struct notifier *notifier, struct instant now)
{
	struct buf *output = process_output(notifier->helper.process);
	struct buf *errors = process_errors(notifier->helper.process);
	const char *end;

	if (errors->len > ANSWER_MAX)
		buf_drop(errors, errors->len - ANSWER_MAX);

	while (output->len > 0 && (end = memchr(output->data, '\n', output->len)) != NULL) {
		cleanup_free char *line = mem_strndup(output->data, (size_t)(end - output->data));

		buf_drop(output, (size_t)(end - output->data) + 1);
		notifier->answered_ms = now.mono_ms;
		take_line(notifier, line, now);
	}
	return output->len <= ANSWER_MAX;
}

/* the last line that it or a library of it wrote on stderr, else how it ended; owned */
static char *how_it_ended(const struct notifier *notifier, int status)
{
	const struct buf *errors = process_errors(notifier->helper.process);
	cleanup_free char *words = mem_strdup(buf_text(errors));
	struct buf text = { 0 };
	char *line;

	words[strlen(words) - (*words != '\0' && words[strlen(words) - 1] == '\n')] = '\0';
	line = strrchr(words, '\n');
	line = line != NULL ? line + 1 : words;
	if (*line != '\0')
		text_add_cut(&text, line, ERROR_COLUMNS);
	else if (WIFSIGNALED(status))
		(void)buf_addf(&text, "taskbell-notify was ended by signal %d", WTERMSIG(status));
	else
		(void)buf_addf(&text, "taskbell-notify ended with %d", WEXITSTATUS(status));
	return buf_steal(&text);
}

void notifier_step(struct notifier *notifier, struct instant now)
{
	int64_t slept = now.asleep_ms - notifier->asleep_ms;
	char changes[4096]; /* in the watched directory; which ones does not matter */
	int status = 0;
	bool ended;

	/* neither the program nor the server runs while the machine sleeps */
	if (slept >= 100) {
		notifier->asleep_ms = now.asleep_ms;
		notifier->answered_ms += slept;
		if (notifier->sent_ms != 0)
			notifier->sent_ms += slept;
	}
	if (notifier->watch >= 0 && read(notifier->watch, changes, sizeof(changes)) > 0) {
		/* the next look watches anew: what has come may be a directory */
		watch_end(notifier);
		notifier->soon_ms = now.mono_ms + LOOK_SOON_FOR_MS;
		notifier->look_ms = now.mono_ms;
	}
	if (notifier->look_ms != 0 && now.mono_ms >= notifier->look_ms) {
		cleanup_free char *bus = bus_look(notifier, now);

		if (bus != NULL)
			notifier_look(notifier);
	}
	if (notifier->helper.process == NULL)
		return;
	ended = timed_process_step(&notifier->helper, now, &status);
	if (!take_output(notifier, now) || (!ended && now.mono_ms >= notifier_next(notifier)))
		helper_lost(notifier, NOTICE_FAILED, "taskbell-notify does not answer", now);
	else if (ended) {
		cleanup_free char *how = how_it_ended(notifier, status);
		bool no_bus = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_BUS;

		/* that there is no server the program would have said */
		set_unavailable(notifier, no_bus ? how : NULL);
		notifier->bus_failures++;
		notifier->look_ms = no_bus ? now.mono_ms + backoff_ms(notifier->bus_failures,
								   LOOK_MS, BUS_WAIT_MAX_MS)
					   : 0;
		helper_lost(notifier, no_bus ? NOTICE_UNAVAILABLE : NOTICE_FAILED, how, now);
	}
}

int64_t notifier_next(const struct notifier *notifier)
{
	if (notifier->helper.process == NULL || notifier->unanswered_count == 0)
		return INSTANT_NEVER;
	return notifier->answered_ms + SILENCE_MS;
}

int64_t notifier_next_look(const struct notifier *notifier)
{
	return notifier->look_ms != 0 ? notifier->look_ms : INSTANT_NEVER;
}

size_t notifier_fds(const struct notifier *notifier, struct poll_fd *fds, size_t cap)
{
	if (notifier->helper.process != NULL)
		return process_fds(notifier->helper.process, fds, cap);
	if (notifier->watch < 0 || cap == 0)
		return 0;
	fds[0] = (struct poll_fd){ .fd = notifier->watch };
	return 1;
}
