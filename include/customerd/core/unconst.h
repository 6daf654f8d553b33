/* unconst: drops const where an owner frees or wipes what it shows others as constant, or where a library's type lacks it. A
 * name to search for; a plain cast is what -Wcast-qual warns of. */
#ifndef CUSTOMERD_CORE_UNCONST_H
#define CUSTOMERD_CORE_UNCONST_H

static inline void *unconst(const void *p)
{
    union {
        const void *constant;
        void *plain;
    } same = { .constant = p };
    return same.plain;
}

#endif
