/* refresh_schedule: when the IAM refresher acts next. Pure; `random` is any 32 random bits. */
#ifndef CUSTOMERD_AWS_REFRESH_SCHEDULE_H
#define CUSTOMERD_AWS_REFRESH_SCHEDULE_H

#include "customerd/aws/credentials.h"

/* After a token that lives life_ms was made: 60 to 70 % of its life, so that a third is left for failures. */
int64_t refresh_after_ms(int64_t life_ms, uint32_t random);

/* After `failures` (from 1) failures in a row: exponential from 200 ms with full jitter, at most 10 s, at most a quarter
 * of what the token still lives, and at most 2 s when there is none. */
int64_t refresh_backoff_ms(unsigned failures, int64_t token_left_ms, uint32_t random);

/* Whether the next token may be signed with credentials that were fetched before. What is asked on this host (variables,
 * files, the container's agent) is cheap and asked each time, so that a change is taken up at once; IMDS, STS and
 * processes are asked when less than a third of the life or less than five minutes are left. */
bool refresh_may_reuse(const struct credentials *c, int64_t fetched_at_ms, int64_t now_ms);

#endif
