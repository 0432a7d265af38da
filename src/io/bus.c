#include "io/bus.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/inotify.h>
#endif
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"

#define ENV "DBUS_SESSION_BUS_ADDRESS"

enum { PLACE_COLUMNS = 120 };

/* 0, or the errno of why nobody is there; a server too busy to take us in at once is there */
static int socket_try(const struct sockaddr_un *peer, size_t path_len)
{
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_len);
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		return errno;
	if (connect(fd, (const struct sockaddr *)peer, len) == 0 || errno == EAGAIN ||
		errno == EINPROGRESS)
		return 0;
	return errno;
}

/* abstract: a name of Linux that is in no directory */
static int path_try(const char *path, size_t len, bool abstract)
{
	struct sockaddr_un peer = { .sun_family = AF_UNIX };
	size_t skip = abstract ? 1 : 0;

	if (len == 0 || len + 1 > sizeof(peer.sun_path))
		return ENAMETOOLONG;
	memcpy(peer.sun_path + skip, path, len);
	return socket_try(&peer, len + 1);
}

/* %XX of an address */
static void unescape(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int high = text[i] == '%' && i + 2 < len ? parse_hex(text[i + 1]) : -1;
		int low = high >= 0 ? parse_hex(text[i + 2]) : -1;
		char c = text[i];

		if (low >= 0) {
			c = (char)(high * 16 + low);
			i += 2;
		}
		(void)buf_add_char(out, c);
	}
}

/* the value of a key among `key=value,key=value`; false: it is not there */
static bool key_lookup_run(const char *keys, size_t len, const char *key, struct buf *ret)
{
	size_t key_len = strlen(key);

	for (const char *end = keys + len; keys < end;) {
		const char *comma = memchr(keys, ',', (size_t)(end - keys));
		const char *stop = comma != NULL ? comma : end;

		if ((size_t)(stop - keys) > key_len && memcmp(keys, key, key_len) == 0 &&
			keys[key_len] == '=') {
			unescape(ret, keys + key_len + 1, (size_t)(stop - keys) - key_len - 1);
			return true;
		}
		keys = stop + 1;
	}
	return false;
}

static char *runtime_socket(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	return runtime != NULL && *runtime == '/' ? mem_printf("%s/bus", runtime) : NULL;
}

/* one address of a list, `transport:key=value,…` */
static int address_try(const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);
	size_t name = colon != NULL ? (size_t)(colon - text) : 0;
	const char *keys = text + name + 1;
	size_t keys_len = colon != NULL ? len - name - 1 : 0;
	cleanup_buf struct buf value = { 0 };
	cleanup_free char *runtime = NULL;

	/* one that GLib would start for us by way of dbus-launch is not there */
	if (name == 0 || (name == 10 && memcmp(text, "autolaunch", 10) == 0))
		return EINVAL;
	if (name != 4 || memcmp(text, "unix", 4) != 0)
		return 0;
	if (key_lookup_run(keys, keys_len, "path", &value))
		return path_try(buf_text(&value), value.len, false);
	if (key_lookup_run(keys, keys_len, "abstract", &value))
		return path_try(buf_text(&value), value.len, true);
	runtime = key_lookup_run(keys, keys_len, "runtime", &value) ? runtime_socket() : NULL;
	return runtime != NULL ? path_try(runtime, strlen(runtime), false) : EINVAL;
}

/* a list of addresses: the first that answers is enough */
static int list_try(const char *list)
{
	int num = EINVAL;

	while (*list != '\0') {
		size_t len = strcspn(list, ";");

		num = address_try(list, len);
		if (num == 0)
			return 0;
		list += len + (list[len] == ';');
	}
	return num;
}

static void missed_add(struct bus *bus, const char *place, int num)
{
	cleanup_buf struct buf clause = { 0 };

	text_add_cut(&clause, place, PLACE_COLUMNS);
	(void)buf_addf(&clause, ": %s", strerror(num));
	strings_add(&bus->missed, buf_text(&clause));
}

static void env_look(struct bus *bus)
{
	const char *list = getenv(ENV);
	cleanup_free char *place = NULL;
	int num;

	if (list == NULL || *list == '\0') {
		strings_add(&bus->missed, ENV " is not set");
		return;
	}
	num = list_try(list);
	if (num == 0) {
		bus->address = mem_strdup(list);
		return;
	}
	bus->env_dead = true;
	place = mem_printf(ENV " %s", list);
	missed_add(bus, place, num);
}

static void socket_look(struct bus *bus, const char *path)
{
	int num = path_try(path, strlen(path), false);

	if (num != 0)
		missed_add(bus, path, num);
	else
		bus->address = mem_printf("unix:path=%s", path);
}

void bus_find(struct bus *ret)
{
	cleanup_free char *runtime = runtime_socket();
	cleanup_free char *usual = mem_printf("/run/user/%ld/bus", (long)getuid());

	*ret = (struct bus){ 0 };
	env_look(ret);
	if (ret->address == NULL && runtime != NULL)
		socket_look(ret, runtime);
	if (ret->address == NULL && (runtime == NULL || strcmp(runtime, usual) != 0))
		socket_look(ret, usual);
}

#ifdef __linux__
/* the directory of a socket, or the nearest above it that is there: it would come to be in that */
static bool socket_watch(int fd, const char *path)
{
	cleanup_free char *dir = mem_strdup(path);
	char *slash;

	while ((slash = strrchr(dir, '/')) != NULL) {
		slash[slash == dir ? 1 : 0] = '\0';
		if (inotify_add_watch(fd, dir, IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR) >=
			0)
			return true;
		if (slash == dir || errno != ENOENT)
			return false;
	}
	return false;
}

/* the path in the address of the environment, where it has one */
static bool env_watch(int fd)
{
	const char *list = getenv(ENV);
	cleanup_buf struct buf path = { 0 };

	if (list == NULL || strncmp(list, "unix:", 5) != 0 ||
		!key_lookup_run(list + 5, strcspn(list + 5, ";"), "path", &path))
		return true;
	return socket_watch(fd, buf_text(&path));
}

int bus_watch(void)
{
	cleanup_free char *runtime = runtime_socket();
	cleanup_free char *usual = mem_printf("/run/user/%ld/bus", (long)getuid());
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd < 0 || (env_watch(fd) && (runtime == NULL || socket_watch(fd, runtime)) &&
			      socket_watch(fd, usual)))
		return fd;
	(void)close(fd);
	return -1;
}
#else
int bus_watch(void)
{
	return -1;
}
#endif

void bus_done(struct bus *bus)
{
	free(bus->address);
	strings_done(&bus->missed);
	*bus = (struct bus){ 0 };
}

void bus_explain(const struct bus *bus, struct buf *out)
{
	(void)buf_add_text(out, "no session bus: ");
	for (size_t i = 0; i < bus->missed.count; i++)
		(void)buf_addf(out, "%s%s", i > 0 ? "; " : "", bus->missed.items[i]);
}
