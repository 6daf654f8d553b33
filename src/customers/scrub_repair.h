/* scrub_repair: what the scrubber does about one finding. Each repair looks anew at what it changes, and is
 * compare-and-set; each is counted, and told in the log. RECORD_DAMAGED never comes back: it is told here. */
#ifndef CUSTOMERD_CUSTOMERS_SCRUB_REPAIR_H
#define CUSTOMERD_CUSTOMERS_SCRUB_REPAIR_H

#include "healer.h"

int64_t scrub_deadline_ms(const struct scrub *s);
/* Tells of something that can't be read, and counts it. id may be NULL; then the bucket is told. */
void scrub_tell(struct scrub *s, const char *event, uint8_t bucket, const struct uuid *id);

/* The index entry of this id does not fit its record. */
enum status scrub_reindex(struct scrub *s, const struct uuid *id, struct error *err) MUST_USE;
/* The claim `found` (empty: none) of this record, which holds eh, is not the one that it should be. */
enum status scrub_repair_claim(struct scrub *s, const struct uuid *id, const uint8_t *eh, struct slice found,
                               struct error *err) MUST_USE;
/* This claim of eh names no live record that holds eh. */
enum status scrub_drop_claim(struct scrub *s, struct slice eh, struct slice claim, struct error *err) MUST_USE;

#endif
