/* What one element of a list says of its task, whoever took it apart. */
#ifndef CORE_ELEMENT_H
#define CORE_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "json/flat.h"
#include "core/source_type.h"
#include "core/task.h"

struct element_field {
	const char *text; /* borrowed; NULL: missing, or not a string; of a time also a number */
	size_t len;
};

/* by enum task_field; of a name that stands twice the last one counts */
struct element {
	struct element_field fields[FIELD_COUNT];
	bool id_broken; /* its id has an escape that stands for no text: NUL, half a surrogate pair
			 */
};

/* of an element, as much as it takes to know whether it says anything new */
struct glance {
	const char *id; /* borrowed, as bytes; valid, without a NUL */
	size_t id_len;
	enum status status;
	const char *bytes; /* borrowed; of the whole element */
	size_t len;
	struct hash hash; /* of the id; for core/listing */
};

/* the field that is so called; FIELD_COUNT: none */
enum task_field element_field(const struct source_type *type, const char *name, size_t len);
/* may its value be a number as well? */
static inline bool element_is_time(enum task_field field)
{
	return field == FIELD_CREATED || field == FIELD_FINISHED;
}
/* which fields the members of plain elements are, kept from one element to the next; zeroed at
 * first
 */
struct element_map {
	uint64_t shape; /* of the flat */
	size_t count;
	uint8_t fields[FLAT_MEMBERS_MAX]; /* enum task_field */
};

/* `map` belongs to this kind and this flat */
void element_from_flat(const struct source_type *type, const struct flat *flat,
	struct element_map *map, struct element *ret);
/* what is wrong with the element of a list, as element_view would say it; NULL: nothing, and
 * `ret` has its id and status */
const char *element_glance(
	const struct source_type *type, const struct element *element, struct glance *ret);
/*
 * Makes the view of the task, its texts in `scratch` (emptied first). `asked` NULL: an element of a
 * list, which must say its id. Otherwise the answer to a look-up of that id, which may say none but
 * no other. NULL when all is well, else what is wrong with the element, to be put after its name.
 */
const char *element_view(const struct source_type *type, const struct element *element,
	const char *asked, struct buf *scratch, struct task *ret);

#endif
