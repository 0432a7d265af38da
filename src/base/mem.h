/* Memory: allocation that cannot fail (it ends the program with 71 instead) and the cleanup macros.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/*
 * Why dying is right: every input has a limit, events are durable before they are acted on, and a
 * restart continues where it stopped. A monitor without memory that limps on would miss ends.
 */
/*
 * Once, before anything is allocated: what is large and short-lived goes back to the system when it
 * is freed.
 */
void mem_setup(void);
/* gives the system what a burst of small blocks has left; walks all that is free, so not often */
void mem_trim(void);
void *mem_alloc(size_t size); /* zeroed; the caller owns it */
void *mem_array(size_t count, size_t size); /* as many of that size, checked */
/* a large block that is read here and there: asks for large pages under it, which is but a wish */
void mem_want_huge(void *ptr, size_t size);
void *mem_resize(void *ptr, size_t count, size_t size); /* count * size, checked */
char *mem_strdup(const char *text); /* NULL gives NULL */
char *mem_strndup(const char *bytes, size_t len); /* adds the NUL */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* grows *cap (elements) so that `need` fit; returns the possibly moved array */
void *mem_grow(void *array, size_t *cap, size_t need, size_t size);
/* for sqlite, cJSON and curl hooks, and for mem_alloc itself: says so and ends with 71 */
_Noreturn void mem_die(void);

/* One cleanup idiom: a variable so marked is released when it leaves its scope. */
void mem_cleanup_free(void *ptr_to_ptr);
void mem_cleanup_fd(const int *fd);
#define cleanup_free __attribute__((cleanup(mem_cleanup_free)))
#define cleanup_fd __attribute__((cleanup(mem_cleanup_fd)))
/* any noun with a NULL-safe noun_free(struct noun *): `cleanup_with(noun_cleanup) struct noun *n`
 */
#define cleanup_with(fn) __attribute__((cleanup(fn)))
#define CLEANUP_DEFINE(fn, type, release)                                                          \
	static inline void fn(type *var)                                                           \
	{                                                                                          \
		release(*var);                                                                     \
	}

/* hands the pointer over and forgets it, so that a cleanup does nothing */
void *mem_steal(void *ptr_to_ptr);
/* overwrites a secret in a way the compiler may not drop */
void mem_wipe(void *ptr, size_t len);

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
