/*
 * A scripted server on loopback inside the test itself: no thread, no process. It is moved on
 * between two waits of the program under test, so a test decides what happens when.
 */
#ifndef TESTS_LOOPBACK_H
#define TESTS_LOOPBACK_H

#include <stdbool.h>
#include <stddef.h>

#include "io/http.h"

#define LOOPBACK_PEERS 16

enum loopback_then { THEN_KEEP, THEN_CLOSE, THEN_RESET };

struct loopback_reply {
	const char *bytes;
	size_t len; /* 0: strlen(bytes) */
	size_t step; /* bytes a step; 0: as many as the socket takes */
	enum loopback_then then;
};

struct loopback_peer {
	int fd; /* -1: none */
	char head[8192];
	size_t head_len;
	struct loopback_reply reply;
	size_t sent;
	bool replying;
};

struct loopback {
	int listener;
	int port;
	struct loopback_peer peers[LOOPBACK_PEERS];
	unsigned int accepted;
	unsigned int requests;
	char last[8192]; /* head of the last request */
	/* what to answer to a request; bytes NULL: nothing, for now (loopback_reply does it later)
	 */
	struct loopback_reply (*answer)(struct loopback *server, struct loopback_peer *peer);
	void *arg;
};

void loopback_open(struct loopback *server);
void loopback_close(struct loopback *server);
/* answers a request that was left waiting */
void loopback_reply(struct loopback_peer *peer, struct loopback_reply reply);
/* accepts, reads, writes and closes what can be now */
void loopback_step(struct loopback *server);
/* at most LOOPBACK_PEERS + 1 */
size_t loopback_fds(const struct loopback *server, struct poll_fd *fds);
/* a port nobody listens on */
int loopback_free_port(void);

#endif
