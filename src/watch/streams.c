/* Control sequences are those of ECMA-48; every terminal of today has them. */
#include "watch/streams.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/terminal.h"

#define ERASE_LINE "\r\033[K"

/* log_writer has no argument, and there is one stderr */
static struct streams *open_streams;

static bool streams_shared(const struct streams *streams)
{
	return streams->out == streams->talk;
}

/*
 * Before a line is written: the moving one is taken away, ours or that of another taskbell. Who was
 * put in the background meanwhile no longer knows what stands on the line of the cursor.
 */
static void streams_clear(struct streams *streams, struct nb_writer *writer)
{
	bool ours = writer == streams->out && streams->moving.len != 0;

	if (ours ? nb_writer_claim(writer) : nb_writer_claimed(writer))
		nb_writer_gather(writer, ERASE_LINE, sizeof(ERASE_LINE) - 1);
	if (ours)
		buf_clear(&streams->moving);
}

static void talk_write(const char *line, size_t len)
{
	streams_clear(open_streams, open_streams->talk);
	nb_writer_add(open_streams->talk, line, len);
}

/*
 * Asked at the start: a terminal that was hung up is none any more when HUP arrives. Whoever had
 * HUP ignored, as nohup(1) does, means us to stay.
 */
static bool on_terminal(void)
{
	struct sigaction now;

	if (sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
		return false;
	return isatty(STDIN_FILENO) || isatty(STDOUT_FILENO) || isatty(STDERR_FILENO);
}

void streams_open(struct streams *streams, enum log_form form, size_t max)
{
	*streams = (struct streams){
		.out = nb_writer_new(STDOUT_FILENO, max),
		.hangup_stops = on_terminal(),
	};
	streams->talk = terminal_same(STDOUT_FILENO, STDERR_FILENO)
				? streams->out
				: nb_writer_new(STDERR_FILENO, max);
	open_streams = streams;
	log_setup(form, log_limit, talk_write);
}

void streams_print(struct streams *streams, const struct buf *line)
{
	streams_clear(streams, streams->out);
	nb_writer_gather(streams->out, buf_text(line), line->len);
}

static void tell_lost(uint64_t lost)
{
	if (lost > 0)
		log_line(LOG_WARN, "stdout was not read: %llu lines were dropped there",
			(unsigned long long)lost);
}

void streams_step(struct streams *streams)
{
	uint64_t lost;

	tell_lost(nb_writer_take_dropped(streams->out));
	nb_writer_step(streams->out);
	if (streams_shared(streams))
		return;
	nb_writer_step(streams->talk);
	lost = nb_writer_take_dropped(streams->talk);
	if (lost > 0)
		log_line(LOG_WARN, "%llu lines were dropped here, because they were not read",
			(unsigned long long)lost);
}

size_t streams_fds(const struct streams *streams, struct poll_fd *fds, size_t cap)
{
	size_t count = nb_writer_fds(streams->out, fds, cap);

	if (!streams_shared(streams))
		count += nb_writer_fds(streams->talk, fds + count, cap - count);
	return count;
}

bool streams_draw(struct streams *streams, const char *text)
{
	cleanup_buf struct buf bytes = { 0 };

	if (!streams_shared(streams) || !nb_writer_claim(streams->out)) {
		buf_clear(&streams->moving);
		return false;
	}
	if (strcmp(text, buf_text(&streams->moving)) != 0 && !nb_writer_waits(streams->out)) {
		(void)buf_addf(&bytes, "\r%s\033[K", text);
		nb_writer_add(streams->out, buf_text(&bytes), bytes.len);
		buf_clear(&streams->moving);
		(void)buf_add_text(&streams->moving, text);
	}
	if (*text == '\0')
		nb_writer_yield(streams->out);
	return true;
}

void streams_close(struct streams *streams)
{
	tell_lost(nb_writer_close(streams->out));
	log_setup(LOG_PLAIN, log_limit, NULL);
	nb_writer_step(streams->talk);
	if (!streams_shared(streams))
		nb_writer_free(streams->talk);
	nb_writer_free(streams->out);
	buf_done(&streams->moving);
	*streams = (struct streams){ 0 };
}
