#include "io/terms.h"

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

void terms_set(struct terms *terms, const struct http_request *request)
{
	terms_done(terms);
	terms->url = mem_strdup(request->url);
	terms->authorization = request->key != NULL ? mem_printf(BEARER "%s", request->key) : NULL;
	terms->ca_file = text_copy(request->ca_file);
	terms->proxy = text_copy(request->proxy);
	terms->connect_timeout_ms = request->connect_timeout_ms;
	terms->bulky = request->bulky;
}

void terms_set_url(struct terms *terms, const char *url)
{
	free(terms->url);
	terms->url = mem_strdup(url);
}

enum terms_match terms_match(const struct terms *terms, const struct http_request *request)
{
	if (terms->url == NULL || terms->connect_timeout_ms != request->connect_timeout_ms ||
		terms->bulky != request->bulky || !key_same(terms->authorization, request->key) ||
		!text_same(terms->ca_file, request->ca_file) ||
		!text_same(terms->proxy, request->proxy))
		return TERMS_OTHER;
	return strcmp(terms->url, request->url) == 0 ? TERMS_SAME : TERMS_OTHER_URL;
}

void terms_done(struct terms *terms)
{
	if (terms->authorization != NULL)
		mem_wipe(terms->authorization, strlen(terms->authorization));
	free(terms->authorization);
	free(terms->url);
	free(terms->ca_file);
	free(terms->proxy);
	*terms = (struct terms){ 0 };
}
