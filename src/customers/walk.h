/* walk: the ids of all customers, newest first: the 256 buckets' indexes merged.
 *
 * Every bucket is asked for a few ids below the last one given out. An id may be given out only while no bucket may have a
 * newer one that it has not told. Ids never change, and each is below the one before, so none is given out twice, whatever
 * is created, deleted or moved between shards meanwhile.
 *
 * What a page's walk learnt and did not use goes into the cursor: down to which bound a bucket has no id. The next page's
 * walk lets that bucket sleep until it gets there. No customer that exists during the whole walk is missed by that: it stood
 * in its bucket's index when the bucket was asked, so it is not where the bucket had none. One that is created later, with
 * an id from a slow clock, may be missed, as it may be wherever the walk has passed. */
#ifndef CUSTOMERD_CUSTOMERS_WALK_H
#define CUSTOMERD_CUSTOMERS_WALK_H

#include "customerd/customers/cursor.h"
#include "store.h"

struct walk;

/* From the newest, or on from a cursor unless that is NULL. NULL when out of memory. */
struct walk *walk_new(struct customers *c, const struct cursor *from, int64_t deadline_ms);
void walk_destroy(struct walk *walk);
/* The newest id not yet given out. *found is false at the end. */
enum status walk_next(struct walk *walk, struct uuid *out, bool *found, struct error *err) MUST_USE;
/* Whether there is one. */
enum status walk_has_more(struct walk *walk, bool *more, struct error *err) MUST_USE;
/* Where another walk may go on, which will most likely want `limit` ids. At least one was given out. */
void walk_mark(const struct walk *walk, size_t limit, struct cursor *out);

#endif
