#include "cli/table.h"

#include "base/terminal.h"
#include "base/text.h"
#include "core/event.h"

void table_add_status(struct buf *out, const struct task *task, size_t width, bool color)
{
	const struct event_type_info *info = event_info(event_of_status(task->status));
	cleanup_buf struct buf word = { 0 };
	size_t used;

	text_add_safe(&word, task_status_word(task));
	used = text_width(buf_text(&word));
	terminal_add_colored(out, buf_text(&word), color ? info->sgr : NULL);
	(void)buf_addf(out, "%*s", (int)(width > used ? width - used : 0), "");
}
