#define _DEFAULT_SOURCE /* madvise(2) */
#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* mallopt(3) and malloc_trim(3): a monitor gives back what a burst took */
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* of a block that is mapped by itself */
#define LARGE (128 * 1024)
/* … and of one for which large pages are worth a call */
#define HUGE (4 * 1024 * 1024)
/* free memory at the end of the heap that is kept: more than one poll of a short list takes */
#define SPARE (512 * 1024)

_Noreturn void mem_die(void)
{
	static const char text[] =
		"taskbell: out of memory; nothing stored is lost, start it again\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(71);
	_exit(71);
}

/*
 * glibc takes the first large block that is freed for a sign that more of the kind will come: from
 * then on all of that size and below, up to 32 MiB, are cut from the heap, which small blocks that
 * live on keep from shrinking. A monitor that has once read a long answer, or had many under way,
 * would hold that memory for good, and touch more of it from poll to poll. musl always does as it
 * is told here.
 */
void mem_setup(void)
{
#ifdef __GLIBC__
	(void)mallopt(M_MMAP_THRESHOLD, LARGE);
	(void)mallopt(M_TRIM_THRESHOLD, SPARE);
#endif
}

/*
 * glibc shrinks the heap at its end alone: one small block that stays behind a burst (a resume in
 * which every source asks at once) would hold all of it for good.
 */
void mem_trim(void)
{
#ifdef __GLIBC__
	(void)malloc_trim(SPARE);
#endif
}

/* never 0, for which malloc(3) may give NULL */
static size_t size_of(size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size)
		mem_die();
	return count * size != 0 ? count * size : 1;
}

void *mem_array(size_t count, size_t size)
{
	void *ptr = calloc(1, size_of(count, size));

	if (ptr == NULL)
		mem_die();
	return ptr;
}

void *mem_alloc(size_t size)
{
	return mem_array(1, size);
}

void mem_want_huge(void *ptr, size_t size)
{
#ifdef MADV_HUGEPAGE
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)ptr + page - 1) / page * page;
	uintptr_t to = ((uintptr_t)ptr + size) / page * page;

	if (size >= HUGE && from < to)
		(void)madvise((void *)from, to - from, MADV_HUGEPAGE);
#else
	(void)ptr;
	(void)size;
#endif
}

void *mem_resize(void *ptr, size_t count, size_t size)
{
	ptr = realloc(ptr, size_of(count, size));
	if (ptr == NULL)
		mem_die();
	return ptr;
}

void *mem_grow(void *array, size_t *cap, size_t need, size_t size)
{
	size_t want = *cap;

	if (need <= want)
		return array;
	if (want < 8)
		want = 8;
	while (want < need)
		want += want / 2;
	array = mem_resize(array, want, size);
	*cap = want;
	return array;
}

char *mem_strndup(const char *bytes, size_t len)
{
	char *copy = mem_resize(NULL, len + 1, 1);

	memcpy(copy, bytes, len);
	copy[len] = '\0';
	return copy;
}

char *mem_strdup(const char *text)
{
	return text != NULL ? mem_strndup(text, strlen(text)) : NULL;
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	va_list again;
	char *text;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		mem_die();
	text = mem_resize(NULL, (size_t)len + 1, 1);
	(void)vsnprintf(text, (size_t)len + 1, fmt, again);
	va_end(again);
	return text;
}

void mem_cleanup_free(void *ptr_to_ptr)
{
	void *ptr;

	memcpy(&ptr, ptr_to_ptr, sizeof(ptr));
	free(ptr);
}

void mem_cleanup_fd(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	errno = saved;
}

void *mem_steal(void *ptr_to_ptr)
{
	void *ptr;
	void *none = NULL;

	memcpy(&ptr, ptr_to_ptr, sizeof(ptr));
	memcpy(ptr_to_ptr, &none, sizeof(none));
	return ptr;
}

void mem_wipe(void *ptr, size_t len)
{
	volatile unsigned char *bytes = ptr;

	while (len-- > 0)
		*bytes++ = 0;
}
