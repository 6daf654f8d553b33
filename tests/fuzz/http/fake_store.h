/* fake_store: the store's functions (customers.h) over a few customers in memory. Nothing in it waits, and after a reset the
 * same calls give the same answers. One request at a time. */
#ifndef CUSTOMERD_TESTS_FUZZ_FAKE_STORE_H
#define CUSTOMERD_TESTS_FUZZ_FAKE_STORE_H

#include "customerd/core/status.h"

/* Forgets all customers. From now on every second call that finds nothing wrong fails with `failure`, unless that is OK. */
void fake_store_reset(enum status failure);

#endif
