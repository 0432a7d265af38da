/*
 * Any bytes as a configuration: faults or values, never more; what is accepted is printed in a form
 * that is accepted as well and means the same; and libconfig never gets to open a file by itself.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/conf.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 loses the text it was reading when a syntax error ends the parse */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static char *path; /* own; for as long as the program runs */
static int fd = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char name[] = "/tmp/taskbell-fuzz-conf-XXXXXX";

	(void)argc;
	(void)argv;
	/* a file without a name: libFuzzer ends without giving us a chance to remove one */
	fd = mkstemp(name);
	path = mem_printf("/proc/self/fd/%d", fd);
	if (fd < 0 || unlink(name) != 0 || setenv("HOME", "/nonexistent", 1) != 0 ||
		unsetenv("TELNYX_BASE_URL") != 0)
		abort();
	return 0;
}

static struct config *load(const void *bytes, size_t size)
{
	cleanup_buf struct buf faults = { 0 };
	struct err err = { 0 };
	struct config *config;

	if (ftruncate(fd, 0) != 0 || pwrite(fd, bytes, size, 0) != (ssize_t)size)
		abort();
	if (conf_load(path, CONF_TEXT_AND_KEYS, &config, &faults, &err) != (faults.len == 0))
		abort();
	if (faults.len != 0 && (config != NULL || err.kind != ERR_CONFIG))
		abort();
	/* how libconfig ends such a line; ours end with the reason */
	if (strstr(buf_text(&faults), ": cannot open include file\n") != NULL)
		abort();
	return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_buf struct buf once = { 0 };
	cleanup_buf struct buf again = { 0 };
	struct config *config = load(data, size);
	struct config *back;

	if (config == NULL)
		return 0;
	conf_print(config, &once);
	back = load(buf_text(&once), once.len);
	if (back == NULL)
		abort();
	conf_print(back, &again);
	if (strcmp(buf_text(&once), buf_text(&again)) != 0)
		abort();
	config_free(back);
	config_free(config);
	return 0;
}
