#include "client/doctor_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/client.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/key.h"

#define SKEW_MS 5000 /* Date is in whole seconds, and the answer took its time */
#define NAME_MAX_SHOWN 80

/* what one source is asked, and what came of it */
struct visit {
	const struct doctor *doctor; /* borrowed */
	const struct client_source *source; /* borrowed */
	uint64_t tasks;
	int64_t took_ms;
	int64_t skew_ms; /* our clock less the server's */
};

static void find(const struct visit *visit, enum finding finding, const char *part,
	const char *remedy, const char *text)
{
	char what[NAME_MAX_SHOWN + 40];

	(void)snprintf(what, sizeof(what), "%.80s %s", visit->source->config->name, part);
	doctor_find(visit->doctor, finding, what, remedy, "%s", text);
}

/* where the key was found, without what a command is told in its arguments; owned */
static char *key_place(const struct client_source *source)
{
	struct err err = { 0 };
	cleanup_free char *found = key_default(source->type, &err);
	const char *form = *source->config->api_key != '\0' ? source->config->api_key
			   : found != NULL                  ? found
							    : "";
	char **argv;
	char *place;

	if (strncmp(form, "file:", 5) == 0)
		return mem_printf("%s, which only its owner can read", form);
	if (strncmp(form, "command:", 8) != 0)
		return mem_strdup(form);
	argv = key_command_argv(form);
	place = mem_printf("command:%s", argv[0]);
	key_argv_free(argv);
	return place;
}

static void tell_key(const struct visit *visit)
{
	cleanup_free char *place = NULL;

	if (visit->source->key == NULL) {
		find(visit, FINDING_FAIL, "key",
			"api_key in taskbell.conf(5) says which ways there are",
			visit->source->err.text);
		return;
	}
	place = key_place(visit->source);
	find(visit, FINDING_OK, "key", NULL, place);
}

/*
 * Up to where the request can be sent; false: it cannot be. A refused connection and a refused
 * certificate look alike in libcurl's times, but not in its words.
 */
static bool tell_way(const struct visit *visit)
{
	const struct http_answer *answer = &visit->source->answer;
	bool secure = strncmp(visit->source->config->base_url, "https:", 6) == 0;
	const char *why = visit->source->err.text;
	cleanup_free char *found = mem_printf("looked up in %.0f ms", answer->resolve_s * 1e3);
	cleanup_free char *ready =
		mem_printf("certificate trusted, ready after %.0f ms", answer->tls_s * 1e3);

	if (answer->advice.refused) {
		find(visit, FINDING_FAIL, "proxy",
			"put the name and password that it wants where it is named", why);
		return false;
	}
	if (answer->proxy[0] != '\0')
		find(visit, FINDING_OK, "proxy", NULL, answer->proxy);
	if (answer->resolve_s <= 0) {
		find(visit, FINDING_FAIL, "DNS",
			"see whether the network is up, and the host in base_url is right", why);
		return false;
	}
	find(visit, FINDING_OK, "DNS", NULL, found);
	if (secure && answer->tls_s <= 0) {
		find(visit, FINDING_FAIL, "TLS",
			"see whether a firewall or proxy stands in between, and the clock is "
			"right; "
			"ca_file names a private authority",
			why);
		return false;
	}
	if (!secure && answer->status == 0 && answer->connect_s <= 0) {
		find(visit, FINDING_FAIL, "connection",
			"see whether the server runs, and base_url and proxy are right", why);
		return false;
	}
	find(visit, FINDING_OK, "TLS", NULL, secure ? ready : "none, base_url is plain http");
	return true;
}

static void tell_answer(const struct visit *visit)
{
	const struct err *err = &visit->source->err;
	long status = visit->source->answer.status;
	cleanup_free char *text = NULL;

	if (err->kind == ERR_NONE) {
		text = mem_printf("answered in %" PRId64 " ms, %" PRIu64 " active task%s",
			visit->took_ms, visit->tasks, visit->tasks == 1 ? "" : "s");
		find(visit, FINDING_OK, "API", NULL, text);
		if (visit->source->partial != NULL)
			find(visit, FINDING_WARN, "list", "see whether base_url is right",
				visit->source->partial);
	} else if (err->kind == ERR_AUTH) {
		find(visit, FINDING_FAIL, "API",
			"make a new key, and see that it is the one found above", err->text);
	} else if (err->kind == ERR_PROTOCOL) {
		find(visit, FINDING_FAIL, "API",
			"see whether base_url in the configuration is right", err->text);
	} else if ((status == 401 || status == 403) && !visit->source->answer.limited) {
		find(visit, FINDING_FAIL, "API",
			"see what stands between here and the API: a proxy, a firewall, a portal "
			"to sign in at",
			err->text);
	} else {
		find(visit, FINDING_FAIL, "API", "try again later; the monitor would, too",
			err->text);
	}
}

static bool count_task(void *arg, size_t source, const struct task *view)
{
	struct visit *visit = arg;

	(void)source;
	(void)view;
	visit->tasks++;
	return true;
}

static bool count_again(void *arg, size_t source)
{
	struct visit *visit = arg;

	(void)source;
	visit->tasks = 0;
	return true;
}

static void visit_source(const struct doctor *doctor, const struct config *config, const char *name)
{
	static const bool active[STATUS_COUNT] = {
		[STATUS_QUEUED] = true,
		[STATUS_PROCESSING] = true,
	};
	cleanup_with(client_cleanup) struct client *client = client_new(config, name);
	struct visit visit = { .doctor = doctor, .source = client->sources };
	struct client_taker taker = { .task = count_task, .again = count_again, .arg = &visit };
	struct instant begin = clock_now();
	struct instant end;
	int64_t skew;
	cleanup_free char *text = NULL;

	tell_key(&visit);
	if (visit.source->key == NULL)
		return;
	client_list(client, active, &taker);
	end = clock_now();
	visit.took_ms = end.mono_ms - begin.mono_ms;
	visit.skew_ms = end.wall_ms - visit.source->answer.date_us / 1000;
	if (tell_way(&visit))
		tell_answer(&visit);
	skew = visit.skew_ms < 0 ? -visit.skew_ms : visit.skew_ms;
	if (visit.source->answer.date_us == STAMP_NONE)
		return;
	if (skew < SKEW_MS) {
		find(&visit, FINDING_OK, "clock", NULL, "agrees with the server's");
		return;
	}
	text = mem_printf("is %" PRId64 " s %s the server's: times and durations shown are wrong",
		skew / 1000, visit.skew_ms < 0 ? "behind" : "ahead of");
	find(&visit, FINDING_WARN, "clock", "set it by a time service: timedatectl set-ntp true",
		text);
}

void doctor_sources(const struct doctor *doctor, const struct config *config)
{
	bool some = false;

	for (size_t i = 0; i < config->source_count; i++) {
		const char *name = config->sources[i].name;

		if (doctor->source != NULL && strcmp(doctor->source, name) != 0)
			continue;
		visit_source(doctor, config, name);
		some = true;
	}
	if (!some)
		doctor_find(doctor, FINDING_FAIL, "sources", "see --source and the configuration",
			"there is none to be watched");
}
