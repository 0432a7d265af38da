#include "loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int listen_somewhere(int *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, LOOPBACK_PEERS), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

void loopback_open(struct loopback *server)
{
	*server = (struct loopback){ 0 };
	server->listener = listen_somewhere(&server->port);
	assert_int_equal(fcntl(server->listener, F_SETFL, O_NONBLOCK), 0);
	for (size_t i = 0; i < LOOPBACK_PEERS; i++)
		server->peers[i].fd = -1;
}

int loopback_free_port(void)
{
	int port;

	(void)close(listen_somewhere(&port));
	return port;
}

static void peer_close(struct loopback_peer *peer, bool reset)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	if (peer->fd < 0)
		return;
	if (reset)
		(void)setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	(void)close(peer->fd);
	peer->fd = -1;
}

void loopback_close(struct loopback *server)
{
	for (size_t i = 0; i < LOOPBACK_PEERS; i++)
		peer_close(&server->peers[i], false);
	(void)close(server->listener);
}

void loopback_reply(struct loopback_peer *peer, struct loopback_reply reply)
{
	if (reply.bytes != NULL && reply.len == 0)
		reply.len = strlen(reply.bytes);
	peer->reply = reply;
	peer->replying = reply.bytes != NULL;
	peer->sent = 0;
}

static void peer_accept(struct loopback *server)
{
	int fd = accept(server->listener, NULL, NULL);
	struct loopback_peer *peer = server->peers;

	if (fd < 0)
		return;
	while (peer < server->peers + LOOPBACK_PEERS && peer->fd >= 0)
		peer++;
	assert_true(peer < server->peers + LOOPBACK_PEERS);
	*peer = (struct loopback_peer){ .fd = fd };
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	server->accepted++;
}

static void peer_read(struct loopback *server, struct loopback_peer *peer)
{
	ssize_t n = read(
		peer->fd, peer->head + peer->head_len, sizeof(peer->head) - 1 - peer->head_len);

	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		peer_close(peer, false);
		return;
	}
	if (n < 0)
		return;
	peer->head_len += (size_t)n;
	peer->head[peer->head_len] = '\0';
	if (strstr(peer->head, "\r\n\r\n") == NULL)
		return;
	memcpy(server->last, peer->head, peer->head_len + 1);
	server->requests++;
	loopback_reply(peer, server->answer(server, peer));
	peer->head_len = 0;
}

static void peer_write(struct loopback_peer *peer)
{
	const struct loopback_reply *reply = &peer->reply;
	size_t len = reply->len - peer->sent;
	ssize_t n;

	if (reply->step != 0 && len > reply->step)
		len = reply->step;
	n = send(peer->fd, reply->bytes + peer->sent, len, MSG_NOSIGNAL);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0) {
		peer_close(peer, false);
		return;
	}
	peer->sent += (size_t)n;
	if (peer->sent < reply->len)
		return;
	peer->replying = false;
	if (reply->then != THEN_KEEP)
		peer_close(peer, reply->then == THEN_RESET);
}

void loopback_step(struct loopback *server)
{
	peer_accept(server);
	for (size_t i = 0; i < LOOPBACK_PEERS; i++) {
		struct loopback_peer *peer = &server->peers[i];

		if (peer->fd >= 0)
			peer_read(server, peer);
		if (peer->fd >= 0 && peer->replying)
			peer_write(peer);
	}
}

size_t loopback_fds(const struct loopback *server, struct poll_fd *fds)
{
	size_t count = 0;

	fds[count++] = (struct poll_fd){ .fd = server->listener };
	for (size_t i = 0; i < LOOPBACK_PEERS; i++)
		if (server->peers[i].fd >= 0)
			fds[count++] = (struct poll_fd){ .fd = server->peers[i].fd,
				.write = server->peers[i].replying };
	return count;
}
