#include "peer_address.h"

#include <stddef.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#define IPV4(a, b, c, d) ((in_addr_t)(a) << 24 | (in_addr_t)(b) << 16 | (in_addr_t)(c) << 8 | (in_addr_t)(d))

static bool ipv4_allowed(in_addr_t host_order)
{
    static const in_addr_t named[] = {
        IPV4(169, 254, 169, 254), /* instance metadata */
        IPV4(169, 254, 170, 2),   /* ECS */
        IPV4(169, 254, 170, 23),  /* EKS Pod Identity */
    };
    if (host_order >> 24 == 127)
        return true;
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        if (host_order == named[i])
            return true;
    }
    return false;
}

static bool ipv6_allowed(const struct in6_addr *address)
{
    static const uint8_t named[][16] = {
        { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54 }, /* fd00:ec2::254, instance metadata */
        { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x00, [15] = 0x23 }, /* fd00:ec2::23, EKS Pod Identity */
    };
    if (IN6_IS_ADDR_V4MAPPED(address)) {
        in_addr_t mapped = 0;
        memcpy(&mapped, address->s6_addr + 12, sizeof mapped);
        return ipv4_allowed(ntohl(mapped));
    }
    if (IN6_IS_ADDR_LOOPBACK(address))
        return true;
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        if (memcmp(address->s6_addr, named[i], sizeof named[i]) == 0)
            return true;
    }
    return false;
}

bool peer_address_allows_plain_http(const struct sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    switch (address->sa_family) {
    case AF_INET:
        memcpy(&v4, address, sizeof v4);
        return ipv4_allowed(ntohl(v4.sin_addr.s_addr));
    case AF_INET6:
        memcpy(&v6, address, sizeof v6);
        return ipv6_allowed(&v6.sin6_addr);
    default:
        return false;
    }
}
