/*
 * bare URL MILLISECONDS DIR CA [keep]: the least that a poller on libcurl and SQLite can be, as a
 * baseline. Asks for ever and throws the answer away; with `keep` stores each answer durably and
 * logs a line.
 */
#define _DEFAULT_SOURCE
#include <curl/curl.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char body[1 << 20];
static size_t len;

static size_t take(char *bytes, size_t size, size_t count, void *arg)
{
	(void)arg;
	if (len + size * count <= sizeof(body))
		memcpy(body + len, bytes, size * count);
	len += size * count;
	return size * count;
}

static void keep(sqlite3 *db, sqlite3_stmt *insert, int log)
{
	(void)sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	(void)sqlite3_bind_text(insert, 1, body, (int)len, SQLITE_STATIC);
	(void)sqlite3_step(insert);
	(void)sqlite3_reset(insert);
	(void)sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (write(log, body, 100) != 100 || fdatasync(log) != 0)
		abort();
}

int main(int argc, char **argv)
{
	CURL *curl = curl_easy_init();
	sqlite3_stmt *insert = NULL;
	sqlite3 *db = NULL;
	long ms = argc < 5 ? 0 : atol(argv[2]);
	struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };
	int log;

	if (argc < 5 || chdir(argv[3]) != 0 || sqlite3_open("bare.db", &db) != SQLITE_OK)
		return 64;
	(void)sqlite3_exec(db,
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS "
		"t(body)",
		NULL, NULL, NULL);
	(void)sqlite3_prepare_v2(db, "INSERT INTO t VALUES(?)", -1, &insert, NULL);
	log = open("bare.log", O_WRONLY | O_APPEND | O_CREAT, 0600);
	(void)curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
	(void)curl_easy_setopt(curl, CURLOPT_CAINFO, argv[4]);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	for (;; (void)nanosleep(&pause, NULL)) {
		len = 0;
		if (curl_easy_perform(curl) == CURLE_OK && argc > 5 && len <= sizeof(body))
			keep(db, insert, log);
	}
}
