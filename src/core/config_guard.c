#include "core/config_guard.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define DIGITS "0123456789"
#define XDIGITS DIGITS "abcdefABCDEF"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define TOKEN_CHARS LETTERS DIGITS "_*.+-" /* names and numbers as libconfig has them */

/* A place in the text that moves on. */
struct cursor {
	const char *text; /* borrowed */
	size_t len;
	size_t at;
	unsigned int line;
};

/* the byte so far ahead; NUL past the end, for the text itself has none */
static char peek(const struct cursor *cursor, size_t ahead)
{
	if (cursor->at + ahead >= cursor->len)
		return '\0';
	return cursor->text[cursor->at + ahead];
}

static bool at_any(const struct cursor *cursor, const char *chars)
{
	return peek(cursor, 0) != '\0' && strchr(chars, peek(cursor, 0)) != NULL;
}

static void step(struct cursor *cursor)
{
	if (cursor->at == cursor->len)
		return;
	if (cursor->text[cursor->at++] == '\n')
		cursor->line++;
}

static void skip_line(struct cursor *cursor)
{
	while (cursor->at < cursor->len && peek(cursor, 0) != '\n')
		step(cursor);
}

static void skip_all(struct cursor *cursor, const char *chars)
{
	while (at_any(cursor, chars))
		step(cursor);
}

static bool skip_comment(struct cursor *cursor, struct err *err)
{
	step(cursor);
	step(cursor);
	while (cursor->at < cursor->len) {
		if (peek(cursor, 0) == '*' && peek(cursor, 1) == '/') {
			step(cursor);
			step(cursor);
			return true;
		}
		step(cursor);
	}
	return err_set(err, ERR_CONFIG, "a comment begins here and has no end (*/)");
}

static bool escapes_nul(const struct cursor *cursor)
{
	return peek(cursor, 0) == '\\' && (peek(cursor, 1) == 'x' || peek(cursor, 1) == 'X') &&
	       peek(cursor, 2) == '0' && peek(cursor, 3) == '0';
}

/* from the opening quote past the closing one; `out` gets the text, escapes taken as the byte
 * itself */
static bool skip_string(struct cursor *cursor, struct buf *out, struct err *err)
{
	step(cursor);
	while (cursor->at < cursor->len && peek(cursor, 0) != '"') {
		if (escapes_nul(cursor))
			return err_set(err, ERR_CONFIG, "a text cannot hold NUL (\\x00)");
		if (peek(cursor, 0) == '\\')
			step(cursor);
		if (cursor->at < cursor->len)
			(void)buf_add_char(out, peek(cursor, 0));
		step(cursor);
	}
	if (cursor->at == cursor->len)
		return err_set(err, ERR_CONFIG, "a text begins here and has no end (\")");
	step(cursor);
	return true;
}

/* libconfig 1.5 keeps the low 32 bits of an integer without an L, and says nothing */
static bool number_fits(const char *token)
{
	const char *digits;
	size_t len;

	token += token[0] == '-' || token[0] == '+';
	if (token[0] == '0' && (token[1] == 'x' || token[1] == 'X')) {
		digits = token + 2 + strspn(token + 2, "0");
		len = strspn(digits, XDIGITS);
		return digits[len] == 'L' || len < 8 || (len == 8 && digits[0] < '8');
	}
	digits = token + strspn(token, "0");
	len = strspn(digits, DIGITS);
	if (digits[len] != '\0' && strchr(".eEL", digits[len]) != NULL)
		return true;
	return len < 10 || (len == 10 && strncmp(digits, "2147483647", 10) <= 0);
}

static bool skip_token(struct cursor *cursor, struct err *err)
{
	size_t start = cursor->at;
	cleanup_free char *token = NULL;

	skip_all(cursor, TOKEN_CHARS);
	token = mem_strndup(cursor->text + start, cursor->at - start);
	if (strchr(LETTERS "*", token[0]) != NULL || number_fits(token))
		return true;
	return err_set(err, ERR_CONFIG, "the number %.40s is too large", token);
}

/* past whatever stands at the cursor; false: `err`, and the cursor's line is that of the fault */
static bool skip_item(struct cursor *cursor, struct err *err)
{
	cleanup_buf struct buf ignored = { 0 };
	unsigned int line = cursor->line;
	bool fine = true;

	if (peek(cursor, 0) == '#' || (peek(cursor, 0) == '/' && peek(cursor, 1) == '/'))
		skip_line(cursor);
	else if (peek(cursor, 0) == '/' && peek(cursor, 1) == '*')
		fine = skip_comment(cursor, err);
	else if (peek(cursor, 0) == '"')
		fine = skip_string(cursor, &ignored, err);
	else if (at_any(cursor, TOKEN_CHARS))
		fine = skip_token(cursor, err);
	else
		step(cursor);
	if (!fine)
		cursor->line = line;
	return fine;
}

/* libconfig's rule: alone at the begin of a line, blanks, the word, blanks, a quote */
static bool is_include(const struct cursor *begin)
{
	static const char word[] = "@include";
	struct cursor cursor = *begin;
	size_t left;

	skip_all(&cursor, " \t");
	left = cursor.len - cursor.at;
	if (left < sizeof(word) || memcmp(cursor.text + cursor.at, word, sizeof(word) - 1) != 0)
		return false;
	cursor.at += sizeof(word) - 1;
	if (!at_any(&cursor, " \t"))
		return false;
	skip_all(&cursor, " \t");
	return peek(&cursor, 0) == '"';
}

/* reads the directive; the cursor is then at the begin of the next line */
static bool read_include(struct cursor *cursor, char **ret_path, struct err *err)
{
	cleanup_buf struct buf path = { 0 };

	while (peek(cursor, 0) != '"')
		step(cursor);
	if (!skip_string(cursor, &path, err))
		return false;
	skip_all(cursor, " \t\r");
	if (peek(cursor, 0) == '#' || (peek(cursor, 0) == '/' && peek(cursor, 1) == '/'))
		skip_line(cursor);
	if (cursor->at < cursor->len && peek(cursor, 0) != '\n')
		return err_set(err, ERR_CONFIG, "@include \"file\" must be alone on its line");
	step(cursor);
	*ret_path = buf_steal(&path);
	return true;
}

struct config_guard config_guard_begin(const char *text, size_t len)
{
	return (struct config_guard){ .text = text, .len = len, .line = 1 };
}

enum config_guard_found config_guard_next(struct config_guard *scan, struct err *err)
{
	struct cursor cursor = { scan->text, scan->len, scan->at, scan->line };

	config_guard_done(scan);
	scan->piece = scan->at;
	scan->piece_line = scan->line;
	while (cursor.at < cursor.len) {
		bool line_begins = cursor.at == 0 || cursor.text[cursor.at - 1] == '\n';

		if (line_begins && is_include(&cursor)) {
			scan->found_line = cursor.line;
			scan->piece_len = cursor.at - scan->piece;
			if (!read_include(&cursor, &scan->path, err))
				return CONFIG_GUARD_FAULT;
			scan->at = cursor.at;
			scan->line = cursor.line;
			return CONFIG_GUARD_INCLUDE;
		}
		if (!skip_item(&cursor, err)) {
			scan->found_line = cursor.line;
			return CONFIG_GUARD_FAULT;
		}
	}
	scan->piece_len = scan->len - scan->piece;
	scan->at = scan->len;
	scan->line = cursor.line;
	return CONFIG_GUARD_END;
}

void config_guard_done(struct config_guard *scan)
{
	free(scan->path);
	scan->path = NULL;
}
