#include "io/key.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/home.h"

#define KEY_FILE "api-key" /* of the default type, and of a credential */
#define BLANKS " \t"
#define FORMS "env:NAME, file:PATH, credential:NAME or command:PROGRAM ARG…"

/* checks what follows the prefix of a form */
typedef bool (*rest_check)(const char *rest, struct err *err);
typedef enum key_result (*rest_read)(const char *rest, char *ret, struct err *err);

static bool check_name(const char *rest, struct err *err)
{
	bool good = isalpha((unsigned char)rest[0]) || rest[0] == '_';

	for (const char *c = rest; *c != '\0'; c++)
		good = good && (isalnum((unsigned char)*c) || *c == '_');
	return good || err_set(err, ERR_CONFIG, "env: takes the name of a variable, as in env:%s",
			       source_types[0].key_variable);
}

static bool check_path(const char *rest, struct err *err)
{
	return rest[0] != '\0' || err_set(err, ERR_CONFIG, "file: takes a path");
}

static bool check_credential(const char *rest, struct err *err)
{
	if (rest[0] != '\0' && strchr(rest, '/') == NULL && strcmp(rest, ".") != 0 &&
		strcmp(rest, "..") != 0)
		return true;
	return err_set(err, ERR_CONFIG,
		"credential: takes the name of a systemd credential, without a slash");
}

static bool check_command(const char *rest, struct err *err)
{
	return rest[strspn(rest, BLANKS)] != '\0' ||
	       err_set(err, ERR_CONFIG, "command: takes a program and its arguments");
}

static enum key_result missing(struct err *err, const char *prefix, const char *name)
{
	(void)err_prefix(err, "%s%s: ", prefix, name);
	return err->kind == ERR_OS ? KEY_FAILED : KEY_MISSING;
}

static enum key_result read_name(const char *rest, char *ret, struct err *err)
{
	const char *value = getenv(rest);
	bool good;

	if (value == NULL || value[0] == '\0') {
		(void)err_set(err, ERR_AUTH, "no API key: the variable %s is not set", rest);
		return KEY_MISSING;
	}
	if (strlen(value) > KEY_MAX)
		good = err_set(err, ERR_AUTH, "the API key is longer than %d bytes", KEY_MAX);
	else
		good = key_clean(memcpy(ret, value, strlen(value) + 1), err);
	return good ? KEY_FOUND : missing(err, "variable ", rest);
}

static bool file_regular(const struct stat *st, struct err *err)
{
	return S_ISREG(st->st_mode) ||
	       err_set(err, ERR_CONFIG, "the key file is not a regular file");
}

/* is this a file that only its owner can read, and is that us or root? */
static bool file_private(const struct stat *st, struct err *err)
{
	if ((st->st_mode & 077) != 0)
		return err_set(err, ERR_CONFIG,
			"others can use this key file (mode %03o); chmod 600 it",
			(unsigned int)st->st_mode & 0777);
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return err_set(err, ERR_CONFIG, "the key file belongs to another user; chown it");
	return true;
}

/* reads until the end or KEY_MAX + 1 bytes; -1 on an error */
static ssize_t read_most(int fd, char *ret)
{
	size_t len = 0;

	while (len < KEY_MAX + 1) {
		ssize_t n = read(fd, ret + len, KEY_MAX + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* the first line of what was read, as a text */
static bool take_line(char *bytes, size_t len, struct err *err)
{
	size_t end = 0;

	while (end < len && bytes[end] != '\n')
		end++;
	if (end > KEY_MAX)
		return err_set(err, ERR_AUTH, "the API key is longer than %d bytes", KEY_MAX);
	if (memchr(bytes, '\0', end) != NULL)
		return err_set(err, ERR_AUTH, "this is no API key: it has a NUL byte in it");
	bytes[end] = '\0';
	return key_clean(bytes, err);
}

static bool read_file(const char *path, bool keep_private, char *ret, struct err *err)
{
	/* O_NONBLOCK: a FIFO would wait for a writer before it can be refused */
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t len;

	if (fd < 0)
		return err_errno(err, err_is_exhausted(errno) ? ERR_OS : ERR_AUTH, errno,
			"cannot read the API key");
	if (fstat(fd, &st) != 0)
		return err_errno(err, ERR_AUTH, errno, "cannot read the API key");
	if (!file_regular(&st, err) || (keep_private && !file_private(&st, err)))
		return false;
	len = read_most(fd, ret);
	if (len < 0)
		return err_errno(err, ERR_AUTH, errno, "cannot read the API key");
	return take_line(ret, (size_t)len, err);
}

static enum key_result read_path(const char *rest, char *ret, struct err *err)
{
	cleanup_free char *path = home_path(rest);

	if (path == NULL) {
		(void)err_set(err, ERR_AUTH, "no API key: HOME is not set; name the whole path");
		return missing(err, "file:", rest);
	}
	return read_file(path, true, ret, err) ? KEY_FOUND : missing(err, "", path);
}

/* systemd itself made the file, and lets its service read it by ways that the mode does not show */
static enum key_result read_credential(const char *rest, char *ret, struct err *err)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	cleanup_free char *path = NULL;

	if (dir == NULL || dir[0] != '/') {
		(void)err_set(err, ERR_AUTH,
			"no API key: there are no credentials here; LoadCredential= in a unit "
			"makes them");
		return missing(err, "credential:", rest);
	}
	path = mem_printf("%s/%s", dir, rest);
	return read_file(path, false, ret, err) ? KEY_FOUND : missing(err, "", path);
}

static const struct key_form {
	const char *prefix;
	rest_check check;
	rest_read read; /* NULL: its owner runs the command */
} forms[] = {
	{ "env:", check_name, read_name },
	{ "file:", check_path, read_path },
	{ "credential:", check_credential, read_credential },
	{ "command:", check_command, NULL },
};

static const struct key_form *form_find(const char *form)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (strncmp(form, forms[i].prefix, strlen(forms[i].prefix)) == 0)
			return &forms[i];
	return NULL;
}

bool key_form_check(const char *form, struct err *err)
{
	const struct key_form *found = form_find(form);

	if (form[0] == '\0')
		return true;
	if (found == NULL)
		return err_set(
			err, ERR_CONFIG, "says where the key is, never the key itself: " FORMS);
	return found->check(form + strlen(found->prefix), err);
}

bool key_file_check(const char *form, struct err *err)
{
	const struct key_form *found = form_find(form);
	cleanup_free char *path = NULL;
	struct stat st;

	if (found == NULL || found->read != read_path)
		return true;
	path = home_path(form + strlen(found->prefix));
	if (path == NULL || stat(path, &st) != 0 ||
		(file_regular(&st, err) && file_private(&st, err)))
		return true;
	return err_prefix(err, "%s: ", path);
}

/* is there something under this path, be it a link that leads nowhere or what may not be read? */
static bool stands_there(const char *path)
{
	struct stat st;

	return path != NULL && (lstat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR));
}

/* what was looked for, and how to put a key there */
static void key_nowhere(const struct source_type *type, const char *credential,
	char *const files[2], struct err *err)
{
	const char *file = files[1] != NULL ? files[1] : files[0];

	(void)err_set(err, ERR_AUTH, "no API key: %s is not set", type->key_variable);
	if (credential != NULL)
		(void)err_suffix(err, ", there is no %s", credential);
	for (int i = 0; i < 2; i++)
		if (files[i] != NULL)
			(void)err_suffix(err, "%s %s",
				i != 0               ? " and no"
				: credential != NULL ? ", no"
						     : ", there is no",
				files[i]);
	if (file != NULL)
		(void)err_suffix(err, "; 'install -D -m 600 /dev/stdin %s' puts it there", file);
}

char *key_default(const struct source_type *type, struct err *err)
{
	const char *value = getenv(type->key_variable);
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	cleanup_free char *credential =
		dir != NULL && dir[0] == '/' ? mem_printf("%s/" KEY_FILE, dir) : NULL;
	char *files[2];
	char *form = NULL;
	cleanup_free char *below = mem_printf("taskbell/keys/%s", type->name);

	/* the files that a key of this kind may be in, the first of them first; owned, NULL: no
	 * such one */
	files[0] = home_config(below);
	files[1] = type == &source_types[0] ? home_config("taskbell/" KEY_FILE) : NULL;
	if (value != NULL && value[0] != '\0')
		form = mem_printf("env:%s", type->key_variable);
	else if (stands_there(credential))
		form = mem_strdup("credential:" KEY_FILE);
	for (int i = 0; form == NULL && i < 2; i++)
		if (stands_there(files[i]))
			form = mem_printf("file:%s", files[i]);
	if (form == NULL)
		key_nowhere(type, credential, files, err);
	free(files[0]);
	free(files[1]);
	return form;
}

enum key_result key_read(
	const char *form, const struct source_type *type, char ret[KEY_MAX + 1], struct err *err)
{
	cleanup_free char *instead = *form == '\0' ? key_default(type, err) : NULL;
	const char *place = *form == '\0' ? instead : form;
	const struct key_form *found;
	char key[KEY_MAX + 2];
	enum key_result result;

	if (place == NULL)
		return KEY_MISSING;
	found = form_find(place);
	if (!key_form_check(place, err) || found == NULL)
		return missing(err, "", "api_key");
	if (found->read == NULL)
		return KEY_COMMAND;
	result = found->read(place + strlen(found->prefix), key, err);
	if (result == KEY_FOUND)
		memcpy(ret, key, strlen(key) + 1);
	mem_wipe(key, sizeof(key));
	return result;
}

char **key_command_argv(const char *form)
{
	const char *rest = form + (form_find(form) != NULL ? strlen("command:") : 0);
	char **argv = NULL;
	size_t cap = 0;
	size_t count = 0;

	for (rest += strspn(rest, BLANKS); *rest != '\0'; rest += strspn(rest, BLANKS)) {
		size_t len = strcspn(rest, BLANKS);

		argv = mem_grow(argv, &cap, count + 2, sizeof(*argv));
		argv[count++] = mem_strndup(rest, len);
		rest += len;
	}
	argv = mem_grow(argv, &cap, count + 1, sizeof(*argv));
	argv[count] = NULL;
	return argv;
}

void key_argv_free(char **argv)
{
	for (size_t i = 0; argv != NULL && argv[i] != NULL; i++)
		free(argv[i]);
	free(argv);
}

bool key_clean(char *key, struct err *err)
{
	key[strcspn(key, "\r\n")] = '\0';
	if (key[0] == '\0')
		return err_set(err, ERR_AUTH, "the API key is empty");
	if (strlen(key) > KEY_MAX)
		return err_set(err, ERR_AUTH, "the API key is longer than %d bytes", KEY_MAX);
	/* it becomes part of a header: a blank or a control in it would end that early */
	for (const char *c = key; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			return err_set(err, ERR_AUTH,
				"this is no API key: it has a blank, a control or a letter outside "
				"ASCII in it");
	return true;
}
