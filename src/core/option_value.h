/*
 * Puts values into the fields that rows of core/options describe. `base` is the struct of the row's
 * group. Setters return false with ERR_CONFIG, the field as it was, when the value is not one that
 * the row allows; the error does not name the key.
 */
#ifndef CORE_OPTION_VALUE_H
#define CORE_OPTION_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/options.h"

/* texts, and durations and words by their text */
bool option_value_set_text(
	const struct option *option, void *base, const char *text, struct err *err);
/* numbers, and durations in seconds */
bool option_value_set_int(const struct option *option, void *base, int64_t value, struct err *err);
/* durations in seconds */
bool option_value_set_float(const struct option *option, void *base, double value, struct err *err);
void option_value_set_bool(const struct option *option, void *base, bool value);
/* one more item of a list */
bool option_value_add_text(
	const struct option *option, void *base, const char *text, struct err *err);
bool option_value_add_int(const struct option *option, void *base, int64_t value, struct err *err);
/* makes it empty: texts NULL, lists without items */
void option_value_clear(const struct option *option, void *base);
/* in a plain copy of a struct: makes the texts of its fields the copy's own */
void option_value_own_group(enum option_group group, void *base);
/* the default */
void option_value_reset(const struct option *option, void *base);
void option_value_reset_group(enum option_group group, void *base);
void option_value_clear_group(enum option_group group, void *base);
/* the address of the row's field */
void *value_field(const struct option *option, void *base);
const void *value_of(const struct option *option, const void *base);

#endif
