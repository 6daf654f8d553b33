/* What every cmocka program of this folder includes first; cmocka.h needs these headers before it. */
#ifndef CUSTOMERD_TESTS_UNIT_CORE_UNIT_H
#define CUSTOMERD_TESTS_UNIT_CORE_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
