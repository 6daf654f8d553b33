/* Attributes that make misuse of a function a compiler warning. */
#ifndef CUSTOMERD_CORE_ATTRIBUTES_H
#define CUSTOMERD_CORE_ATTRIBUTES_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(at, first) __attribute__((format(printf, at, first)))

#endif
