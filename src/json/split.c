#include "json/split.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "json/check.h"
#include "json/path.h"

/* what is known of the value that the path leads to */
enum target_state {
	TARGET_UNSEEN,
	TARGET_OPEN,
	TARGET_CLOSED,
	TARGET_ODD, /* it is not what the form says */
};

struct json_split {
	enum split_form form;
	struct json_check check;
	struct json_path path; /* to the list */
	char where[JSON_PATH_BYTES + 2]; /* as messages have it: "data", with quotes */
	struct json_pick *pick; /* borrowed */
	enum target_state target;
	unsigned int element_depth; /* objects and arrays around an element */
	uint64_t elements;
	const char *element; /* where this chunk's part of the open element begins; NULL: none */
	struct buf carry; /* own; what earlier chunks had of it */
	bool carry_used; /* it is an element that was handed out */
	const char *outside_from; /* from here on this chunk stands outside of the elements */
	struct buf outside; /* own */
	bool outside_long;
};

struct json_split *json_split_new(enum split_form form, const char *path, struct json_pick *pick)
{
	struct json_split *split = mem_alloc(sizeof(*split));

	split->form = form;
	split->pick = pick;
	split->carry.limit = JSON_ELEMENT_MAX;
	split->outside.limit = JSON_OUTSIDE_MAX;
	if (!json_path_init(&split->path, path)) {
		json_split_free(split);
		return NULL;
	}
	split->element_depth = (unsigned int)split->path.len + 1;
	if (split->path.len != 0)
		(void)snprintf(split->where, sizeof(split->where), "\"%s\"", path + 1);
	else
		(void)snprintf(split->where, sizeof(split->where), "the answer");
	return split;
}

void json_split_free(struct json_split *split)
{
	if (split == NULL)
		return;
	buf_done(&split->carry);
	buf_done(&split->outside);
	free(split);
}

/* keeps what stands outside the elements; one longer than the limit is dropped whole */
static void outside_add(struct json_split *split, const char *end)
{
	if (!split->outside_long)
		split->outside_long = !buf_add(
			&split->outside, split->outside_from, (size_t)(end - split->outside_from));
}

static bool element_long(struct json_split *split, const char *at)
{
	(void)json_check_fail(&split->check, at, "element %llu of %s is longer than 1 MiB",
		(unsigned long long)split->elements + 1, split->where);
	return false;
}

/* keeps what this chunk has, up to `end`, of an element that is not whole in it */
static bool element_carry(struct json_split *split, const char *end)
{
	size_t len = (size_t)(end - split->element);

	return buf_add(&split->carry, split->element, len) || element_long(split, end);
}

/* hands out the element that ended before `end` */
static bool element_ready(struct json_split *split, const char *end, const char *bytes, size_t len,
	struct json_element *ret)
{
	if (len > JSON_ELEMENT_MAX)
		return element_long(split, end);
	if (split->elements == JSON_ELEMENTS_MAX) {
		(void)json_check_fail(&split->check, end,
			"the answer has more than %d elements in %s", JSON_ELEMENTS_MAX,
			split->where);
		return false;
	}
	split->elements++;
	split->element = NULL;
	*ret = (struct json_element){ bytes, len, bytes == split->carry.data };
	json_path_done(&split->path, split->check.depth);
	return true;
}

/*
 * Nearly all elements lie whole in one chunk. These are validated and picked from in one go, which
 * is three times as fast; json/check reads the rest state by state, and must find the same things
 * valid. True: *ret is one.
 */
static bool element_open(
	struct json_split *split, struct json_value values[], struct json_element *ret)
{
	struct json_check *check = &split->check;
	const char *begin = check->at;
	const char *stop;

	if (*begin != '{') {
		(void)json_check_fail(check, begin, "element %llu of %s is not an object",
			(unsigned long long)split->elements + 1, split->where);
		return false;
	}
	stop = json_pick_read(
		split->pick, begin, check->end, JSON_DEPTH_MAX - split->element_depth, values);
	if (stop == NULL) {
		split->element = begin;
		return false;
	}
	json_check_skip(check, stop);
	return element_ready(split, stop, begin, (size_t)(stop - begin), ret);
}

/* the element that was read state by state has ended */
static bool element_close(
	struct json_split *split, struct json_value values[], struct json_element *ret)
{
	const char *end = split->check.at;
	const char *bytes = split->element;
	size_t len = (size_t)(end - bytes);

	if (split->carry.len > 0) {
		if (!element_carry(split, end))
			return false;
		split->carry_used = true;
		bytes = split->carry.data;
		len = split->carry.len;
	}
	if (json_pick_read(split->pick, bytes, bytes + len, JSON_DEPTH_MAX - split->element_depth,
		    values) == NULL) {
		(void)json_check_fail(&split->check, end, "the answer is not valid JSON");
		return false;
	}
	return element_ready(split, end, bytes, len, ret);
}

/* a value begins; true: it is a whole element, which is in *ret */
static bool value_open(
	struct json_split *split, struct json_value values[], struct json_element *ret)
{
	struct json_check *check = &split->check;
	char c = *check->at;

	if (split->element != NULL)
		return false;
	if (check->depth == 0) {
		/* is there no list with such a value at the top? What else is wrong with a list is
		 * judged at the end, where it is known what the answer says beside it */
		const char *p = split->check.at;
		bool index = split->path.len != 0 && split->path.steps[0].token.index != SIZE_MAX;

		if (split->path.len == 0 && *p != '[' && (*p != '{' || split->form != SPLIT_VALUES))
			(void)json_check_fail(
				&split->check, p, "the answer is JSON, but not a list");
		else if (split->path.len != 0 && *p != '{' && (*p != '[' || !index))
			(void)json_check_fail(&split->check, p,
				"the answer is JSON, but not an object with a list %s",
				split->where);
	}
	if (json_path_value(&split->path, check->depth, (check->objects & 1) == 0)) {
		bool fits = c == '[' || (c == '{' && split->form == SPLIT_VALUES);

		split->target = fits ? TARGET_OPEN : TARGET_ODD;
		if (fits)
			outside_add(split, check->at + 1);
	}
	return split->target == TARGET_OPEN && check->depth == split->element_depth &&
	       element_open(split, values, ret);
}

/* an object or array has ended; true: it was an element, which is in *ret */
static bool value_close(
	struct json_split *split, struct json_value values[], struct json_element *ret)
{
	unsigned int depth = split->check.depth;

	if (split->element != NULL)
		return depth == split->element_depth && element_close(split, values, ret);
	/* the value to which the path leads has ended, and its bracket stands outside */
	if (split->target == TARGET_OPEN && depth == split->path.len) {
		split->target = TARGET_CLOSED;
		split->outside_from = split->check.at - 1;
	}
	json_path_done(&split->path, depth);
	return false;
}

void json_split_feed(struct json_split *split, const char *bytes, size_t len)
{
	json_check_feed(&split->check, bytes, len);
	split->outside_from = bytes;
	if (split->element != NULL)
		split->element = bytes;
}

static bool event_take(struct json_split *split, enum json_event event, struct json_value values[],
	struct json_element *ret)
{
	struct json_check *check = &split->check;

	switch (event) {
	case JSON_VALUE:
		return value_open(split, values, ret);
	case JSON_CLOSE:
		return value_close(split, values, ret);
	case JSON_SCALAR:
		if (split->element == NULL)
			json_path_done(&split->path, check->depth);
		return false;
	case JSON_NAME:
		json_path_name(&split->path, check->depth);
		return false;
	case JSON_NAME_BYTES:
		json_path_name_bytes(&split->path, check->bytes, check->len);
		return false;
	case JSON_NAME_END:
		if (!json_path_name_done(&split->path))
			(void)json_check_fail(
				check, check->at - 1, "the answer has %s twice", split->where);
		return false;
	case JSON_NOTHING:
		break;
	}
	return false;
}

bool json_split_next(struct json_split *split, struct json_value values[], struct json_element *ret)
{
	struct json_check *check = &split->check;
	bool open = check->chunk != NULL;
	enum json_event event;

	if (split->carry_used)
		buf_clear(&split->carry);
	split->carry_used = false;
	while ((event = json_check_next(check)) != JSON_NOTHING)
		if (event_take(split, event, values, ret))
			return true;
	if (!open || check->fault.kind != ERR_NONE)
		return false;
	/* the chunk is used up: what is still wanted of it is kept */
	if (split->element != NULL)
		(void)element_carry(split, check->end);
	else if (split->target != TARGET_OPEN)
		outside_add(split, check->end);
	return false;
}

bool json_split_good(const struct json_split *split, struct err *err)
{
	return json_check_good(&split->check, err);
}

bool json_split_end(const struct json_split *split, struct err *err)
{
	if (!json_check_end(&split->check, err))
		return false;
	if (split->target == TARGET_CLOSED)
		return true;
	if (split->target == TARGET_ODD)
		return err_set(err, ERR_PROTOCOL, "%s in the answer is not a list", split->where);
	return err_set(err, ERR_PROTOCOL, "the answer is JSON, but has no list %s", split->where);
}

const struct buf *json_split_outside(const struct json_split *split)
{
	return json_check_whole(&split->check) && !split->outside_long ? &split->outside : NULL;
}

uint64_t json_split_elements(const struct json_split *split)
{
	return split->elements;
}
