/*
 * cmocka as the tests use it, from 1.1.5 to 2: what 2 has renamed goes by its new name, so that it
 * warns of nothing.
 */
#pragma GCC system_header
#include_next <cmocka.h>

#ifndef assert_int_in_range
#define assert_int_in_range(value, minimum, maximum)                                               \
	_assert_in_range(cast_to_largest_integral_type(value),                                     \
		cast_to_largest_integral_type(minimum), cast_to_largest_integral_type(maximum),    \
		__FILE__, __LINE__)
#endif
#pragma GCC poison assert_in_range
