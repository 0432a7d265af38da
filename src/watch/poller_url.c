/* What a poller asks: a list has the same URL at every poll, which is made once. */
#include <stdlib.h>

#include "watch/lane.h"

struct http_request poller_request(const struct poller *poller, const char *url)
{
	const struct source_config *config = poller->config;

	return (struct http_request){
		.url = url,
		.key = poller->key,
		.ca_file = config->ca_file,
		.proxy = config->proxy,
		.timeout_ms = config->timeout_ms,
		.connect_timeout_ms = config->connect_timeout_ms,
	};
}

const char *poller_list_url(struct poller *poller, enum list_scope scope)
{
	char **url = &poller->list_urls[scope];

	if (*url == NULL)
		*url = api_list_url(poller->type, poller->config->base_url, scope);
	return *url;
}

void poller_urls_drop(struct poller *poller)
{
	for (size_t i = 0; i < LIST_SCOPE_COUNT; i++) {
		free(poller->list_urls[i]);
		poller->list_urls[i] = NULL;
	}
}
