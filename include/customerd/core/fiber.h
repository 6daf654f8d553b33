/* fiber: a function with a stack of its own, so that it can wait without holding up its thread.
 *
 *   the loop's thread:  fiber_start --> runs until it waits --> (other work) --> fiber_loop_run resumes those that were
 *                       woken, or whose time is up --> ... --> the function returns, and its stack is used again
 *   any thread:         fiber_wake
 *
 * A fiber runs on its loop's thread alone, from its first to its last instruction, so it may use what belongs to a thread.
 * It must not wait with a mutex locked. What waits on both threads and fibers is core/monitor.h. */
#ifndef CUSTOMERD_CORE_FIBER_H
#define CUSTOMERD_CORE_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "customerd/core/attributes.h"

struct fiber;
struct fiber_loop;

/* wake: called in other threads when a fiber was woken there, and then makes the loop's thread call fiber_loop_run soon.
 * The calling thread becomes the loop's when it first starts a fiber or runs the loop. NULL when out of memory. */
struct fiber_loop *fiber_loop_new(void (*wake)(void *ctx), void *ctx);
/* No fiber runs any more. Accepts NULL. */
void fiber_loop_destroy(struct fiber_loop *loop);

/* ---- on the loop's thread, and not on a fiber ---- */

/* Runs run(arg) until it returns or waits. False when there is no memory for its stack: then it did not run. */
bool fiber_start(struct fiber_loop *loop, void (*run)(void *arg), void *arg) MUST_USE;
/* Resumes each fiber that was woken, or waits until now_ms or less. Stacks that were not needed for a second are given back here. */
void fiber_loop_run(struct fiber_loop *loop, int64_t now_ms);
/* When a fiber's time is up at the earliest: INT64_MAX when none waits, INT64_MIN when one was woken. May be too early. */
int64_t fiber_loop_due_ms(const struct fiber_loop *loop);
/* How many were started and have not returned. */
size_t fiber_loop_count(const struct fiber_loop *loop);

/* ---- on a fiber ---- */

/* The one that runs; NULL when the caller is none. */
struct fiber *fiber_current(void);
/* Waits until it is woken or until_ms (monotonic), or without a reason: it is called in a loop that looks for what is
 * waited for. A wake-up that comes between the look and the wait is not lost. */
void fiber_wait(int64_t until_ms);
/* Lets what else its thread has to do go first. Does nothing where the caller is no fiber. */
void fiber_give_way(void);

/* ---- on any thread ---- */

/* Harmless when the fiber does not wait, or has long returned; not after its loop is destroyed. */
void fiber_wake(struct fiber *fiber);

#endif
