#include "io/bus.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

bool bus_found(void)
{
	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	cleanup_free char *path = NULL;

	if (address != NULL && *address != '\0')
		return true;
	if (runtime == NULL || *runtime != '/')
		return false;
	path = mem_printf("%s/bus", runtime);
	return access(path, F_OK) == 0;
}
