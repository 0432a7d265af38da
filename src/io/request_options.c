#include "io/request_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BEARER "Authorization: Bearer "

/* "" is none, as NULL is */
static char *text_copy(const char *text)
{
	return text != NULL && text[0] != '\0' ? mem_strdup(text) : NULL;
}

static bool text_same(const char *kept, const char *text)
{
	if (kept == NULL)
		return text == NULL || text[0] == '\0';
	return text != NULL && strcmp(kept, text) == 0;
}

static bool key_same(const char *authorization, const char *key)
{
	if (authorization == NULL)
		return key == NULL;
	return key != NULL && strcmp(authorization + strlen(BEARER), key) == 0;
}

void request_options_set(struct request_options *options, const struct http_request *request)
{
	options->url = mem_strdup(request->url);
	options->authorization =
		request->key != NULL ? mem_printf(BEARER "%s", request->key) : NULL;
	options->ca_file = text_copy(request->ca_file);
	options->proxy = text_copy(request->proxy);
	options->connect_timeout_ms = request->connect_timeout_ms;
	options->bulky = request->bulky;
}

bool request_options_match(
	const struct request_options *options, const struct http_request *request)
{
	return options->connect_timeout_ms == request->connect_timeout_ms &&
	       options->bulky == request->bulky && key_same(options->authorization, request->key) &&
	       text_same(options->ca_file, request->ca_file) &&
	       text_same(options->proxy, request->proxy);
}

void request_options_done(struct request_options *options)
{
	if (options->authorization != NULL)
		mem_wipe(options->authorization, strlen(options->authorization));
	free(options->authorization);
	free(options->url);
	free(options->ca_file);
	free(options->proxy);
	*options = (struct request_options){ 0 };
}
