/* version: of the program; the build defines it. */
#ifndef CUSTOMERD_API_VERSION_H
#define CUSTOMERD_API_VERSION_H

#ifndef CUSTOMERD_VERSION
#define CUSTOMERD_VERSION "unknown"
#endif

#endif
