/* Errors as values: a kind, which decides retry, exit code and wording, and one line of text. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

/* kind, exit code (taskbell(1), EXIT STATUS). The numbers are those of sysexits(3) where it has
 * one. */
#define ERR_KINDS(X)                                                                               \
	X(NONE, 0)                                                                                 \
	X(NOT_FOUND, 3) /* a task that no source knows */                                          \
	X(USAGE, 64) /* wrong words on the command line */                                         \
	X(UNREACHABLE, 69) /* the API cannot be reached or keeps failing */                        \
	X(SOFTWARE, 70) /* a defect of our own */                                                  \
	X(OS, 71) /* no memory, process or descriptor */                                           \
	X(CANT_CREATE, 73) /* state or log cannot be created */                                    \
	X(IO, 74) /* state, log or stdout cannot be read or written */                             \
	X(TEMPORARY, 75) /* another monitor holds the lock */                                      \
	X(PROTOCOL, 76) /* an answer that is none of a task API */                                 \
	X(AUTH, 77) /* the API refused the key, or there is none */                                \
	X(CONFIG, 78) /* configuration error */

enum err_kind {
#define ERR_ENUM(name, code) ERR_##name,
	ERR_KINDS(ERR_ENUM)
#undef ERR_ENUM
};

struct err {
	enum err_kind kind;
	char text[600];
};

#if defined(__GNUC__)
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define PRINTF_LIKE(fmt, args)
#endif

/* sets kind and text (cut to fit); always returns false, so that `return err_set(…)` reads well */
bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* as err_set, and appends ": " and the text of the errno value `num` */
bool err_errno(struct err *err, enum err_kind kind, int num, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* was this errno value a want of memory or descriptors, which may pass? */
bool err_is_exhausted(int num);
/* puts formatted text before the text that is there; always returns false */
bool err_prefix(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* puts formatted text after the text that is there, which is cut where there is no room for both;
 * always returns false */
bool err_suffix(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* the exit code of a kind */
int err_exit_code(enum err_kind kind);

#endif
