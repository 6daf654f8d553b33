/* What every test file here needs, in the order that cmocka wants. */
#ifndef TESTS_UNIT_AUTH_UNIT_H
#define TESTS_UNIT_AUTH_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#endif
