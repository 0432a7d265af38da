#include "io/envelope.h"

#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "io/tree.h"

/* a text that is not empty, or a list or object that has something in it */
static bool says_something(const struct node *node)
{
	if (node == NULL)
		return false;
	if (node_text(node) != NULL)
		return *node_text(node) != '\0';
	return node_first(node) != NULL;
}

/* the first of these members that is a whole number; `fallback` when there is none */
static int64_t count_of(
	const struct node *node, const char *const *names, size_t count, int64_t fallback)
{
	for (size_t i = 0; i < count; i++) {
		const struct node *member = node_member(node, names[i]);
		const char *number = member != NULL ? node_number(member) : NULL;
		int64_t value;

		if (number != NULL && parse_int(number, 0, INT64_MAX, &value))
			return value;
	}
	return fallback;
}

/* first pages are counted from 0 or from 1: we have asked for no other */
static bool counts_more(const struct node *node, uint64_t elements)
{
	static const char *const pages[] = { "total_pages", "totalPages", "last_page",
		"page_count" };
	static const char *const page[] = { "page_number", "page", "current_page", "currentPage" };
	static const char *const totals[] = { "total_results", "total_count", "totalCount",
		"total" };
	static const char *const sizes[] = { "page_size", "pageSize", "per_page", "limit" };
	int64_t at = count_of(node, page, ARRAY_LEN(page), 1);
	int64_t size = count_of(node, sizes, ARRAY_LEN(sizes), INT64_MAX);

	if (count_of(node, pages, ARRAY_LEN(pages), 0) > (at > 1 ? at : 1))
		return true;
	return size > 0 && elements >= (uint64_t)size &&
	       (uint64_t)count_of(node, totals, ARRAY_LEN(totals), 0) > elements;
}

/* a URL, a token or a number, in a text or in {"href": …} */
static bool names_next(const struct node *node)
{
	static const char *const names[] = { "next", "next_page", "nextPage", "next_url",
		"next_cursor", "nextCursor", "next_token", "nextToken", "next_page_token",
		"nextPageToken" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct node *member = node_member(node, names[i]);
		const struct node *href = node_member(member, "href");

		if (member == NULL)
			continue;
		if (node_number(member) != NULL ? strcmp(node_number(member), "0") != 0
						: says_something(href != NULL ? href : member))
			return true;
	}
	return false;
}

static bool has_more(const struct node *node)
{
	static const char *const names[] = { "has_more", "hasMore", "has_next", "hasNext",
		"has_next_page", "hasNextPage" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct node *member = node_member(node, names[i]);

		if (member != NULL && node_is_true(member))
			return true;
	}
	return false;
}

struct envelope envelope_read(const char *bytes, size_t len, uint64_t elements)
{
	/* where APIs write such things; "" is the top */
	static const char *const places[] = { "", "meta", "links", "_links", "paging", "pagination",
		"page_info", "pageInfo", "page" };
	const struct node *root = tree_read(bytes, len);
	const struct node *meta = node_member(root, "meta");
	struct envelope envelope = { .errors = says_something(node_member(root, "errors")) ||
					       says_something(node_member(root, "error")) };

	for (size_t i = 0; i < 2 * ARRAY_LEN(places) && !envelope.more; i++) {
		const char *place = places[i / 2];
		const struct node *within = i % 2 == 0 ? root : meta;
		const struct node *node = *place != '\0' ? node_member(within, place) : within;

		envelope.more = node != NULL &&
				(has_more(node) || names_next(node) || counts_more(node, elements));
	}
	tree_clear();
	return envelope;
}
