/* What every cmocka program of this folder includes first. */
#ifndef CUSTOMERD_TESTS_UNIT_OBJECTS_UNIT_H
#define CUSTOMERD_TESTS_UNIT_OBJECTS_UNIT_H

#include "../core/unit.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

#endif
