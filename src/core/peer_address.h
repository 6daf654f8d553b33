/* peer_address: where plain http may go. */
#ifndef CUSTOMERD_CORE_PEER_ADDRESS_H
#define CUSTOMERD_CORE_PEER_ADDRESS_H

#include <stdbool.h>

struct sockaddr;

/* True for the loopback and for the link-local addresses at which AWS serves credentials; IPv4 addresses count also
 * when they are mapped into IPv6. */
bool peer_address_allows_plain_http(const struct sockaddr *address);

#endif
