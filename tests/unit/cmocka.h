/*
 * cmocka as the tests use it, from 1.1.5 to 2: what 2 has renamed goes by its new name, and what one
 * of them does not have, or has as a macro in the way of ours, is not used.
 */
#pragma GCC system_header
#include_next <cmocka.h>

#ifndef assert_int_in_range
#define assert_int_in_range(value, minimum, maximum) assert_in_range(value, minimum, maximum)
#endif
