/* Attributes that make misuse of a function a compiler warning, and one that saves time. */
#ifndef CUSTOMERD_CORE_ATTRIBUTES_H
#define CUSTOMERD_CORE_ATTRIBUTES_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(at, first) __attribute__((format(printf, at, first)))
/* For a large array that is written before it is read: the compiler's zeroing of all variables passes it over. */
#if defined(__has_attribute) && __has_attribute(uninitialized)
#define UNSET __attribute__((uninitialized))
#else
#define UNSET
#endif

#endif
