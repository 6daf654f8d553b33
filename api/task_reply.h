/* task_reply: a task's answer as the HTTP library takes it. */
#ifndef CUSTOMERD_API_TASK_REPLY_H
#define CUSTOMERD_API_TASK_REPLY_H

#include "task.h"

/* Of its exchange's response, which is finished. What comes in pieces is read from the response's source while the library sends.
 * Fills task->bytes. NULL when out of memory. */
struct MHD_Response *task_reply_new(struct task *task);
/* If there is one. It was sent, or nobody is there to take it. */
void task_reply_destroy(struct task *task);

#endif
