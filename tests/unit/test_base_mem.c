#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

static void memory_is_zeroed(void **state)
{
	cleanup_free unsigned char *bytes = mem_alloc(1000);
	cleanup_free void *none = mem_alloc(0);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(bytes[i], 0);
	assert_non_null(none);
}

static void arrays_grow_and_keep_what_they_had(void **state)
{
	cleanup_free int *items = NULL;
	size_t cap = 0;
	size_t moves = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		size_t before = cap;

		items = mem_grow(items, &cap, (size_t)i + 1, sizeof(int));
		moves += cap != before;
		items[i] = i;
	}
	for (int i = 0; i < 10000; i++)
		assert_int_equal(items[i], i);
	/* growth by a factor, not by a step */
	assert_true(moves < 25);
}

static void texts_are_copied(void **state)
{
	cleanup_free char *copy = mem_strdup("copy");
	cleanup_free char *part = mem_strndup("part of it", 4);
	cleanup_free char *made = mem_printf("%s %d", "made", 7);

	(void)state;
	assert_string_equal(copy, "copy");
	assert_string_equal(part, "part");
	assert_string_equal(made, "made 7");
	assert_null(mem_strdup(NULL));
}

static void a_stolen_pointer_is_forgotten(void **state)
{
	char *kept;

	(void)state;
	{
		cleanup_free char *text = mem_strdup("kept");

		kept = mem_steal(&text);
		assert_null(text);
	}
	assert_string_equal(kept, "kept");
	free(kept);
}

static void descriptors_are_closed(void **state)
{
	int number;

	(void)state;
	{
		cleanup_fd int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		cleanup_fd int none = -1;

		assert_true(fd >= 0 && none < 0);
		number = fd;
	}
	assert_int_equal(fcntl(number, F_GETFD), -1);
}

static void secrets_are_wiped(void **state)
{
	char secret[] = "KEY0123456789";

	(void)state;
	mem_wipe(secret, sizeof(secret));
	for (size_t i = 0; i < sizeof(secret); i++)
		assert_int_equal(secret[i], 0);
}

/* a count that cannot be multiplied ends the program with 71 instead of giving less memory */
static void an_overflow_is_no_memory(void **state)
{
	(void)state;
	for (int fresh = 0; fresh < 2; fresh++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			volatile size_t count = SIZE_MAX / 4;

			(void)close(STDERR_FILENO);
			free(fresh != 0 ? mem_array(count, 8) : mem_resize(NULL, count, 8));
			_exit(0);
		}
		assert_true(pid > 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 71);
	}
}

/* the address of a page in the middle of a block that is freed again */
static uintptr_t freed(size_t size)
{
	unsigned char *block = mem_alloc(size);
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t middle = (uintptr_t)block + size / 2;

	block[size / 2] = 1;
	free(block);
	return middle - middle % page;
}

static bool is_mapped(uintptr_t page)
{
	return msync((void *)page, 1, MS_ASYNC) == 0 || errno != ENOMEM;
}

/* also after a larger one was freed, by which glibc would measure all that come later */
static void large_blocks_go_back_to_the_system(void **state)
{
	static const size_t sizes[] = { 256 * 1024, 8 * 1024 * 1024, 256 * 1024, 1024 * 1024 };
	const char *preload = getenv("LD_PRELOAD");

	(void)state;
#ifdef TASKBELL_SANITIZED
	skip(); /* its allocator keeps what is freed, to find who still uses it */
#endif
	if (preload != NULL && strstr(preload, "vgpreload") != NULL)
		skip(); /* valgrind's as well */
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		assert_false(is_mapped(freed(sizes[i])));
}

static long resident_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long size = 0;
	long resident = 0;

	if (file == NULL)
		skip();
	assert_int_equal(fscanf(file, "%ld %ld", &size, &resident), 2);
	(void)fclose(file);
	return resident;
}

/* a block that stays at the end of the heap does not hold all that was freed before it */
static void a_burst_goes_back_to_the_system(void **state)
{
	enum { COUNT = 8192, SIZE = 4000 };
	static char *blocks[COUNT];
	const char *preload = getenv("LD_PRELOAD");
	long bytes = sysconf(_SC_PAGESIZE);
	long before;
	long held;

	(void)state;
#if defined(TASKBELL_SANITIZED) || !defined(__GLIBC__)
	skip();
#endif
	if (preload != NULL && strstr(preload, "vgpreload") != NULL)
		skip();
	before = resident_pages();
	for (int i = 0; i < COUNT; i++) {
		blocks[i] = mem_alloc(SIZE);
		memset(blocks[i], 1, SIZE);
	}
	for (int i = 0; i < COUNT - 1; i++)
		free(blocks[i]);
	held = resident_pages() - before;
	assert_true(held * bytes > COUNT / 2 * SIZE);
	mem_trim();
	assert_true((resident_pages() - before) * bytes < 2 * 1024 * 1024);
	free(blocks[COUNT - 1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed),
		cmocka_unit_test(arrays_grow_and_keep_what_they_had),
		cmocka_unit_test(texts_are_copied),
		cmocka_unit_test(a_stolen_pointer_is_forgotten),
		cmocka_unit_test(descriptors_are_closed),
		cmocka_unit_test(secrets_are_wiped),
		cmocka_unit_test(an_overflow_is_no_memory),
		cmocka_unit_test(large_blocks_go_back_to_the_system),
		cmocka_unit_test(a_burst_goes_back_to_the_system),
	};

	mem_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
