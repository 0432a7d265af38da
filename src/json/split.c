#include "json/split.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "json/lex.h"
#include "json/scan.h"

/* state, its reader, may blanks stand before what it reads, what is wanted there */
#define SPLIT_STATES(X)                                                                            \
	X(START, start, false, "a value")                                                          \
	X(BOM, bom, false, "the rest of a byte order mark")                                        \
	X(VALUE, value, true, "a value")                                                           \
	X(FIRST_VALUE, first_value, true, "a value or \"]\"")                                      \
	X(NAME, name, true, "a member name")                                                       \
	X(FIRST_NAME, first_name, true, "a member name or \"}\"")                                  \
	X(COLON, colon, true, "\":\"")                                                             \
	X(NEXT, next, true, "\",\" or a closing bracket")                                          \
	X(STRING, string, false, "the rest of a string")                                           \
	X(ESCAPE, escape, false, "the rest of an escape")                                          \
	X(WORD, word, false, "true, false or null")                                                \
	X(NUMBER, number, false, "a number")                                                       \
	X(END, unwanted, true, "nothing more")

enum split_state {
#define STATE_ENUM(name, reader, blanks, wanted) STATE_##name,
	SPLIT_STATES(STATE_ENUM)
#undef STATE_ENUM
};

/* what is known of the value that the path leads to */
enum target_state {
	TARGET_UNSEEN,
	TARGET_OPEN,
	TARGET_CLOSED,
	TARGET_ODD, /* it is not what the form says */
};

#define NO_MATCH SIZE_MAX

/* one token of the path */
struct step {
	const char *name; /* borrowed from `names` */
	size_t len;
	size_t index; /* the token as an array index; SIZE_MAX: it is none */
	size_t seen; /* elements of the array on the path so far */
	bool found;
};

struct json_split {
	enum split_form form;
	struct step path[JSON_PATH_MAX];
	size_t path_len;
	size_t entered; /* steps that lead to the value that is being read */
	char names[JSON_PATH_BYTES];
	char where[JSON_PATH_BYTES + 2]; /* the path as messages have it: "data", with quotes */
	struct json_pick *pick; /* borrowed */
	enum split_state state;
	enum target_state target;
	unsigned int depth;
	uint64_t objects; /* one bit a level, the innermost lowest: 1 is an object, 0 an array */
	bool name; /* the string that is being read is a member's name */
	size_t matched; /* bytes of the next step that this name has so far; NO_MATCH: another one
			 */
	struct escape escape;
	const char *word; /* what is left of a literal */
	enum number_state number;
	uint64_t before; /* bytes in earlier chunks */
	const char *chunk; /* borrowed, as all that points into it; NULL: used up */
	const char *at;
	const char *end;
	const char *element; /* where this chunk's part of the open element begins; NULL: none */
	struct buf carry; /* own; what earlier chunks had of it */
	bool carry_used; /* it is an element that was handed out */
	const char *outside_from; /* from here on this chunk stands outside of the elements */
	struct buf outside; /* own */
	bool outside_long;
	uint64_t elements;
	struct json_value *values; /* borrowed, as `ready`, during json_split_next() */
	struct json_element *ready; /* NULL: it has been filled */
	struct err fault;
};

/* notes what is wrong at `p`; always returns NULL, as every reader that cannot go on */
PRINTF_LIKE(3, 4)
static const char *split_fail(struct json_split *split, const char *p, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)err_set(&split->fault, ERR_PROTOCOL, "%s (at byte %llu)", text,
		(unsigned long long)split->before + (unsigned long long)(p - split->chunk));
	return NULL;
}

static const char *read_unwanted(struct json_split *split, const char *p)
{
	static const char *const wanted[] = {
#define STATE_WANTED(name, reader, blanks, text) [STATE_##name] = (text),
		SPLIT_STATES(STATE_WANTED)
#undef STATE_WANTED
	};
	unsigned char c = (unsigned char)*p;

	return split_fail(split, p,
		c > 0x20 && c < 0x7f ? "the answer is not valid JSON: %s expected, not '%c'"
				     : "the answer is not valid JSON: %s expected, not byte 0x%02x",
		wanted[split->state], c);
}

/* containers around an element */
static unsigned int element_depth(const struct json_split *split)
{
	return (unsigned int)split->path_len + (split->form != SPLIT_ONE);
}

static const char *element_long(struct json_split *split, const char *p)
{
	return split_fail(split, p, "element %llu of %s is longer than 1 MiB",
		(unsigned long long)split->elements + 1, split->where);
}

static void value_done(struct json_split *split)
{
	split->state = split->depth == 0 ? STATE_END : STATE_NEXT;
	if (split->entered > 0 && split->entered == split->depth)
		split->entered--;
}

/* the element before `p` is whole and read */
static const char *element_ready(
	struct json_split *split, const char *p, const char *bytes, size_t len)
{
	if (len > JSON_ELEMENT_MAX)
		return element_long(split, p);
	if (split->elements == JSON_ELEMENTS_MAX)
		return split_fail(split, p, "the answer has more than %d elements in %s",
			JSON_ELEMENTS_MAX, split->where);
	split->elements++;
	*split->ready = (struct json_element){ bytes, len, bytes == split->carry.data };
	split->ready = NULL;
	split->element = NULL;
	value_done(split);
	if (split->form == SPLIT_ONE) {
		split->target = TARGET_CLOSED;
		split->outside_from = p - 1;
	}
	return p;
}

/* keeps what this chunk, up to `p`, has of an element that goes on in the next one */
static const char *element_carry(struct json_split *split, const char *p)
{
	size_t len = (size_t)(p - split->element);

	return buf_add(&split->carry, split->element, len) ? p : element_long(split, p);
}

static const char *element_read(const struct json_split *split, const char *p, const char *end)
{
	return split->pick != NULL ? json_pick_read(split->pick, p, end,
					     JSON_DEPTH_MAX - element_depth(split), split->values)
				   : NULL;
}

/*
 * Nearly all elements lie whole in one chunk. These are validated and picked from in one go, which
 * is three times as fast; the machine of single states has the rest, and must find the same things
 * valid. Returns `p` when the element is to be read state by state.
 */
static const char *element_open(struct json_split *split, const char *p)
{
	const char *stop;

	if (*p != '{')
		return split_fail(split, p, "element %llu of %s is not an object",
			(unsigned long long)split->elements + 1, split->where);
	stop = element_read(split, p, split->end);
	if (stop != NULL)
		return element_ready(split, stop, p, (size_t)(stop - p));
	split->element = p;
	return p;
}

/* the element that was read state by state has ended before `p` */
static const char *element_close(struct json_split *split, const char *p)
{
	const char *bytes = split->element;
	size_t len = (size_t)(p - bytes);

	if (split->carry.len > 0) {
		if (element_carry(split, p) == NULL)
			return NULL;
		split->carry_used = true;
		bytes = split->carry.data;
		len = split->carry.len;
	}
	if (split->pick != NULL && element_read(split, bytes, bytes + len) == NULL)
		return split_fail(split, p, "the answer is not valid JSON");
	return element_ready(split, p, bytes, len);
}

static const char *level_open(struct json_split *split, const char *p)
{
	if (split->depth == JSON_DEPTH_MAX)
		return split_fail(
			split, p, "the answer is nested deeper than %d levels", JSON_DEPTH_MAX);
	split->depth++;
	split->objects = split->objects << 1 | (*p == '{');
	split->state = *p == '{' ? STATE_FIRST_NAME : STATE_FIRST_VALUE;
	return p + 1;
}

static const char *level_close(struct json_split *split, const char *p)
{
	if (*p != ((split->objects & 1) != 0 ? '}' : ']'))
		return read_unwanted(split, p);
	split->depth--;
	split->objects >>= 1;
	if (split->element != NULL && split->depth == element_depth(split))
		return element_close(split, p + 1);
	if (split->target == TARGET_OPEN && split->depth == split->path_len) {
		split->target = TARGET_CLOSED;
		split->outside_from = p;
	}
	value_done(split);
	return p + 1;
}

/* what stands before and after the elements; of one that is too long nothing is known */
static void outside_add(struct json_split *split, const char *p)
{
	if (split->form != SPLIT_CHECK && !split->outside_long)
		split->outside_long = !buf_add(
			&split->outside, split->outside_from, (size_t)(p - split->outside_from));
}

/* the value to which the path leads. What it is if not a list is judged at the end, where it is
 * known what else the answer says */
static void target_open(struct json_split *split, const char *p)
{
	bool fits = split->form == SPLIT_ONE
			    ? *p == '{'
			    : *p == '[' || (*p == '{' && split->form == SPLIT_VALUES);

	split->target = fits ? TARGET_OPEN : TARGET_ODD;
	if (fits)
		outside_add(split, p + 1);
}

/* NULL: with such a value at the top there can be no list */
static const char *document_open(struct json_split *split, const char *p)
{
	const struct step *first = &split->path[0];

	if (split->form == SPLIT_ONE)
		return p;
	if (split->path_len == 0)
		return *p == '[' || (*p == '{' && split->form == SPLIT_VALUES)
			       ? p
			       : split_fail(split, p, "the answer is JSON, but not a list");
	return *p == '{' || (*p == '[' && first->index != SIZE_MAX)
		       ? p
		       : split_fail(split, p,
				 "the answer is JSON, but not an object with a list %s",
				 split->where);
}

/* a value begins: is it on the path, or an element? Returns what follows an element that is whole,
 * `p` for what is to be read state by state */
static const char *place_check(struct json_split *split, const char *p)
{
	if (split->form == SPLIT_CHECK)
		return p;
	if (split->depth == 0 && document_open(split, p) == NULL)
		return NULL;
	if (split->depth == split->entered + 1 && split->entered < split->path_len &&
		(split->objects & 1) == 0) {
		struct step *step = &split->path[split->entered];

		if (step->seen++ == step->index)
			split->entered++;
	}
	if (split->depth == split->entered && split->entered == split->path_len)
		target_open(split, p);
	return split->target == TARGET_OPEN && split->depth == element_depth(split)
		       ? element_open(split, p)
		       : p;
}

static const char *string_open(struct json_split *split, const char *p, bool name)
{
	bool wanted = name && split->form != SPLIT_CHECK && split->entered < split->path_len &&
		      split->depth == split->entered + 1;

	split->name = name;
	split->matched = wanted ? 0 : NO_MATCH;
	split->state = STATE_STRING;
	return p + 1;
}

static const char *read_value(struct json_split *split, const char *p)
{
	const char *next;

	if (*p == '\0' || strchr("\"{[tfn-0123456789", *p) == NULL)
		return read_unwanted(split, p);
	next = place_check(split, p);
	if (next != p)
		return next;
	switch (*p) {
	case '"':
		return string_open(split, p, false);
	case '{':
	case '[':
		return level_open(split, p);
	case 't':
	case 'f':
	case 'n':
		split->word = *p == 't' ? "rue" : *p == 'f' ? "alse" : "ull";
		split->state = STATE_WORD;
		return p + 1;
	default:
		split->number = number_next(NUMBER_BEGIN, *p);
		split->state = STATE_NUMBER;
		return p + 1;
	}
}

static const char *read_first_value(struct json_split *split, const char *p)
{
	return *p == ']' ? level_close(split, p) : read_value(split, p);
}

/* HTML is a captive portal or a proxy that answers, which JSON's grammar does not explain */
static const char *read_start(struct json_split *split, const char *p)
{
	p = scan_blanks(p, split->end);
	if (p == split->end)
		return p;
	if (*p == '<')
		return split_fail(split, p,
			"the answer is a page, not JSON: check base_url, and the proxy between");
	if (*p == '\xef' && split->before + (uint64_t)(p - split->chunk) == 0) {
		split->word = "\xbb\xbf";
		split->state = STATE_BOM;
		return p + 1;
	}
	split->state = STATE_VALUE;
	return p;
}

static const char *read_bom(struct json_split *split, const char *p)
{
	if (*p != *split->word)
		return read_unwanted(split, p);
	if (*++split->word == '\0')
		split->state = STATE_VALUE;
	return p + 1;
}

static const char *read_name(struct json_split *split, const char *p)
{
	return *p == '"' ? string_open(split, p, true) : read_unwanted(split, p);
}

static const char *read_first_name(struct json_split *split, const char *p)
{
	return *p == '}' ? level_close(split, p) : read_name(split, p);
}

static const char *read_colon(struct json_split *split, const char *p)
{
	if (*p != ':')
		return read_unwanted(split, p);
	split->state = STATE_VALUE;
	return p + 1;
}

static const char *read_next(struct json_split *split, const char *p)
{
	if (*p != ',')
		return level_close(split, p);
	split->state = (split->objects & 1) != 0 ? STATE_NAME : STATE_VALUE;
	return p + 1;
}

/* names may be written with escapes, so that they are compared as they are decoded */
static void match_name(struct json_split *split, const char *bytes, size_t len)
{
	const struct step *step = &split->path[split->entered];

	if (split->matched == NO_MATCH)
		return;
	if (len <= step->len - split->matched &&
		memcmp(step->name + split->matched, bytes, len) == 0)
		split->matched += len;
	else
		split->matched = NO_MATCH;
}

static const char *string_close(struct json_split *split, const char *p)
{
	struct step *step = &split->path[split->entered];

	if (!split->name) {
		value_done(split);
		return p + 1;
	}
	split->state = STATE_COLON;
	if (split->matched == NO_MATCH || split->matched != step->len)
		return p + 1;
	if (step->found)
		return split_fail(split, p, "the answer has %s twice", split->where);
	step->found = true;
	split->entered++;
	return p + 1;
}

static const char *read_string(struct json_split *split, const char *p)
{
	const char *stop = scan_string(p, split->end);

	match_name(split, p, (size_t)(stop - p));
	if (stop == split->end)
		return stop;
	if (*stop == '"')
		return string_close(split, stop);
	if (*stop != '\\')
		return read_unwanted(split, stop);
	split->escape = (struct escape){ 0 };
	split->state = STATE_ESCAPE;
	return stop + 1;
}

static const char *read_escape(struct json_split *split, const char *p)
{
	enum escape_state state = escape_next(&split->escape, *p);

	if (state == ESCAPE_BAD)
		return read_unwanted(split, p);
	if (state == ESCAPE_WHOLE) {
		char c = (char)split->escape.code;

		/* the path is ASCII */
		if (split->escape.code < 0x80)
			match_name(split, &c, 1);
		else
			split->matched = NO_MATCH;
		split->state = STATE_STRING;
	}
	return p + 1;
}

static const char *read_word(struct json_split *split, const char *p)
{
	if (*p != *split->word)
		return read_unwanted(split, p);
	if (*++split->word == '\0')
		value_done(split);
	return p + 1;
}

/* a number ends with the first byte that does not belong to it, which is left for the next state */
static const char *read_number(struct json_split *split, const char *p)
{
	enum number_state next = number_next(split->number, *p);

	if (next != NUMBER_NONE) {
		split->number = next;
		return p + 1;
	}
	if (!number_whole(split->number))
		return read_unwanted(split, p);
	value_done(split);
	return p;
}

/* reads on at `p`, before the end; returns where the next step begins, NULL on a fault */
static const char *split_step(struct json_split *split, const char *p)
{
	static const struct {
		bool blanks;
		const char *(*read)(struct json_split *split, const char *p);
	} rows[] = {
#define STATE_ROW(name, reader, blanks, wanted) [STATE_##name] = { (blanks), read_##reader },
		SPLIT_STATES(STATE_ROW)
#undef STATE_ROW
	};

	if (rows[split->state].blanks)
		p = scan_blanks(p, split->end);
	return p < split->end ? rows[split->state].read(split, p) : p;
}

void json_split_feed(struct json_split *split, const char *bytes, size_t len)
{
	if (split->fault.kind != ERR_NONE || len == 0)
		return;
	split->chunk = bytes;
	split->at = bytes;
	split->end = bytes + len;
	split->outside_from = bytes;
	if (split->element != NULL)
		split->element = bytes;
	if (len > JSON_DOCUMENT_MAX - split->before)
		(void)split_fail(split, bytes, "the answer is longer than 1 GiB");
}

/* keeps what is still wanted of a chunk that has been read */
static void chunk_close(struct json_split *split)
{
	if (split->element != NULL)
		(void)element_carry(split, split->end);
	if (split->target != TARGET_OPEN)
		outside_add(split, split->end);
	split->before += (uint64_t)(split->end - split->chunk);
	split->chunk = NULL;
}

bool json_split_next(struct json_split *split, struct json_value values[], struct json_element *ret)
{
	const char *p = split->at;

	if (split->carry_used)
		buf_clear(&split->carry);
	split->carry_used = false;
	if (split->chunk == NULL || split->fault.kind != ERR_NONE)
		return false;
	split->values = values;
	split->ready = ret;
	while (p != NULL && p < split->end && split->ready != NULL)
		p = split_step(split, p);
	split->at = p;
	if (p != NULL && split->ready != NULL)
		chunk_close(split);
	return p != NULL && split->ready == NULL;
}

bool json_split_good(const struct json_split *split, struct err *err)
{
	if (split->fault.kind != ERR_NONE)
		*err = split->fault;
	return split->fault.kind == ERR_NONE;
}

bool json_split_end(const struct json_split *split, struct err *err)
{
	bool number = split->state == STATE_NUMBER && number_whole(split->number);

	if (!json_split_good(split, err))
		return false;
	if (split->state == STATE_START)
		return err_set(err, ERR_PROTOCOL, "the answer is empty");
	if (split->state != STATE_END && (!number || split->depth != 0))
		return err_set(err, ERR_PROTOCOL, "the answer was cut off after %llu bytes",
			(unsigned long long)split->before);
	if (split->form == SPLIT_CHECK || split->target == TARGET_CLOSED)
		return true;
	if (split->form == SPLIT_ONE)
		return err_set(err, ERR_PROTOCOL, "the answer is JSON, but has no task in %s",
			split->where);
	if (split->target == TARGET_ODD)
		return err_set(err, ERR_PROTOCOL, "%s in the answer is not a list", split->where);
	return err_set(err, ERR_PROTOCOL, "the answer is JSON, but has no list %s", split->where);
}

/* takes the path apart; false: it is none, or too long */
static bool path_read(struct json_split *split, const char *path)
{
	char *to = split->names;

	if (strlen(path) >= sizeof(split->names) || (*path != '\0' && *path != '/'))
		return false;
	(void)snprintf(split->where, sizeof(split->where), *path != '\0' ? "\"%s\"" : "the answer",
		*path != '\0' ? path + 1 : "");
	while (*path != '\0') {
		struct step *step = &split->path[split->path_len];

		if (split->path_len++ == JSON_PATH_MAX)
			return false;
		step->name = to;
		for (path++; *path != '\0' && *path != '/'; path++) {
			bool tilde = *path == '~' && path[1] != '\0';

			*to++ = !tilde ? *path : *++path == '1' ? '/' : '~';
		}
		step->len = (size_t)(to - step->name);
		step->index = json_token_index(step->name, step->len);
	}
	return true;
}

struct json_split *json_split_new(enum split_form form, const char *path, struct json_pick *pick)
{
	struct json_split *split = mem_alloc(sizeof(*split));

	split->form = form;
	split->pick = pick;
	split->carry.limit = JSON_ELEMENT_MAX;
	split->outside.limit = JSON_OUTSIDE_MAX;
	if (form == SPLIT_CHECK || path_read(split, path))
		return split;
	json_split_free(split);
	return NULL;
}

void json_split_free(struct json_split *split)
{
	if (split == NULL)
		return;
	buf_done(&split->carry);
	buf_done(&split->outside);
	free(split);
}

const struct buf *json_split_outside(const struct json_split *split)
{
	bool whole = split->fault.kind == ERR_NONE && split->state == STATE_END;

	return whole && !split->outside_long ? &split->outside : NULL;
}

uint64_t json_split_elements(const struct json_split *split)
{
	return split->elements;
}

void json_split_check(struct json_split *split, const char *bytes, size_t len)
{
	struct json_element none;

	json_split_feed(split, bytes, len);
	(void)json_split_next(split, NULL, &none);
}

bool json_check(const char *bytes, size_t len, struct err *err)
{
	struct json_split *split = json_split_new(SPLIT_CHECK, NULL, NULL);
	bool good;

	json_split_check(split, bytes, len);
	good = json_split_end(split, err);
	json_split_free(split);
	return good;
}
